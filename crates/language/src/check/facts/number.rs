//! Exact fractions. Whatever does not fit is `None`, and the question that needed it stays undecided.

use std::cmp::Ordering;

use crate::hir::Value;

/// `over / under`, in lowest terms, `under` positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    over: i128,
    under: i128,
}

impl Number {
    pub const ZERO: Number = Number { over: 0, under: 1 };
    pub const ONE: Number = Number { over: 1, under: 1 };
    pub const THOUSANDTH: Number = Number { over: 1, under: 1_000 };

    pub fn whole(value: i128) -> Self {
        Self { over: value, under: 1 }
    }

    pub fn fraction(over: i128, under: i128) -> Option<Self> {
        if under == 0 || over == i128::MIN || under == i128::MIN {
            return None;
        }
        if under == 1 {
            return Some(Self { over, under });
        }
        if over == 0 {
            return Some(Self::ZERO);
        }
        let divisor = common_divisor(over.unsigned_abs(), under.unsigned_abs());
        let divisor = i128::try_from(divisor).ok()?;
        let sign = under.signum();
        Some(Self { over: over / divisor * sign, under: under / divisor * sign })
    }

    /// `unscaled / 10^scale`
    pub fn decimal(unscaled: i128, scale: u8) -> Option<Self> {
        Self::fraction(unscaled, 10i128.checked_pow(u32::from(scale))?)
    }

    /// The value that the binary fraction stands for; `None` for NaN, the infinities and what is out of reach.
    pub fn double(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let bits = value.to_bits();
        let exponent = i32::try_from((bits >> 52) & 0x7ff).ok()?;
        let fraction = i128::from(bits & ((1 << 52) - 1));
        let (mantissa, power) = if exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), exponent - 1075) };
        let mantissa = if value.is_sign_negative() { -mantissa } else { mantissa };
        if mantissa == 0 {
            return Some(Self::ZERO);
        }
        let zeros = i32::try_from(mantissa.trailing_zeros()).ok()?;
        let (mantissa, power) = (mantissa >> zeros, power + zeros);
        match power {
            0..=73 => Some(Self::whole(mantissa << power)),
            -120..=-1 => Self::fraction(mantissa, 1i128 << -power),
            _ => None,
        }
    }

    /// Numbers, and the temporal values by the count that stands for them: days, microseconds, months.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Int(v) | Value::Timestamp(v) | Value::TimestampNtz(v) | Value::Time(v) | Value::Interval(v) => {
                Some(Self::whole(i128::from(*v)))
            }
            Value::Date(v) | Value::MonthInterval(v) => Some(Self::whole(i128::from(*v))),
            Value::Decimal { unscaled, scale } => Self::decimal(*unscaled, *scale),
            Value::Float(v) => Self::double(f64::from(*v)),
            Value::Double(v) => Self::double(*v),
            _ => None,
        }
    }

    pub fn add(self, other: Self) -> Option<Self> {
        if self.under == other.under {
            return Self::fraction(self.over.checked_add(other.over)?, self.under);
        }
        let over = self.over.checked_mul(other.under)?.checked_add(other.over.checked_mul(self.under)?)?;
        Self::fraction(over, self.under.checked_mul(other.under)?)
    }

    pub fn negate(self) -> Self {
        Self { over: -self.over, under: self.under }
    }

    pub fn sub(self, other: Self) -> Option<Self> {
        self.add(other.negate())
    }

    pub fn mul(self, other: Self) -> Option<Self> {
        Self::fraction(self.over.checked_mul(other.over)?, self.under.checked_mul(other.under)?)
    }

    pub fn div(self, other: Self) -> Option<Self> {
        Self::fraction(self.over.checked_mul(other.under)?, self.under.checked_mul(other.over)?)
    }

    pub fn is_zero(self) -> bool {
        self.over == 0
    }

    pub fn is_negative(self) -> bool {
        self.over < 0
    }

    pub fn is_whole(self) -> bool {
        self.under == 1
    }

    /// Whether it is a whole multiple of a positive step; `None`: out of reach.
    pub fn is_multiple_of(self, step: Self) -> Option<bool> {
        if step.over == 1 {
            if self.under == 1 {
                return Some(true);
            }
            return Some(step.under % self.under == 0);
        }
        self.div(step).map(Self::is_whole)
    }

    pub fn floor(self) -> i128 {
        self.over.div_euclid(self.under)
    }

    pub fn ceil(self) -> i128 {
        -(-self.over).div_euclid(self.under)
    }

    /// The value as an unscaled decimal of this scale, if it is one.
    pub fn unscaled(self, scale: u8) -> Option<i128> {
        let scaled = self.mul(Self::whole(10i128.checked_pow(u32::from(scale))?))?;
        scaled.is_whole().then_some(scaled.over)
    }

    pub fn to_f64(self) -> f64 {
        self.over as f64 / self.under as f64
    }
}

/// As a decimal where it is one, else rounded.
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_whole() {
            return write!(f, "{}", self.over);
        }
        for scale in 1..=12u8 {
            if let Some(unscaled) = self.unscaled(scale) {
                let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
                let (whole, rest) = digits.split_at(digits.len() - usize::from(scale));
                return write!(f, "{}{whole}.{rest}", if unscaled < 0 { "-" } else { "" });
            }
        }
        write!(f, "{}", self.to_f64())
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.under == other.under {
            return self.over.cmp(&other.over);
        }
        if let (Some(ours), Some(theirs)) = (self.over.checked_mul(other.under), other.over.checked_mul(self.under)) {
            return ours.cmp(&theirs);
        }
        let whole = self.floor().cmp(&other.floor());
        if whole != Ordering::Equal {
            return whole;
        }
        // Equal whole parts: compare what is left, turned over, so that nothing can overflow.
        let left = self.over.rem_euclid(self.under);
        let right = other.over.rem_euclid(other.under);
        match (left, right) {
            (0, 0) => Ordering::Equal,
            (0, _) => Ordering::Less,
            (_, 0) => Ordering::Greater,
            _ => Number { over: other.under, under: right }.cmp(&Number { over: self.under, under: left }),
        }
    }
}

fn common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        // Most fit into a word, whose division is far quicker.
        if let (Ok(mut small), Ok(mut other)) = (u64::try_from(a), u64::try_from(b)) {
            while other != 0 {
                (small, other) = (other, small % other);
            }
            return u128::from(small.max(1));
        }
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_converts_exactly() {
        let third = Number::fraction(1, 3).unwrap();
        assert!(third < Number::fraction(2, 5).unwrap());
        assert!(Number::fraction(-1, 3).unwrap() < Number::ZERO);
        assert_eq!(Number::fraction(-7, 2).unwrap().floor(), -4);
        assert_eq!(Number::fraction(-7, 2).unwrap().ceil(), -3);
        assert_eq!(Number::double(0.5), Number::fraction(1, 2));
        assert_eq!(Number::double(-3.0), Some(Number::whole(-3)));
        assert!(Number::double(0.1).unwrap() > Number::decimal(1, 1).unwrap());
        assert_eq!(Number::double(f64::NAN), None);
        assert_eq!(Number::decimal(1250, 2).unwrap().unscaled(1), Some(125));
        assert_eq!(third.unscaled(4), None);
    }
}
