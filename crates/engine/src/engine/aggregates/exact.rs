//! Sums of floating numbers that do not depend on the order of the numbers: every number is added, exactly, to an
//! integer that belongs to its exponent; rounding happens once, at the end.

/// An exact sum. Infinities and NaN are counted apart.
#[derive(Clone, Default)]
pub struct ExactSum {
    /// By the biased exponent: the sum of the signed 53-bit significands.
    bins: Vec<i128>,
    positive: u64,
    negative: u64,
    nan: u64,
}

const EXPONENTS: usize = 2047;

impl ExactSum {
    pub fn add(&mut self, value: f64) {
        let bits = value.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as usize;
        let fraction = (bits & ((1 << 52) - 1)) as i128;
        if exponent == EXPONENTS {
            match (fraction != 0, value > 0.0) {
                (true, _) => self.nan += 1,
                (false, true) => self.positive += 1,
                (false, false) => self.negative += 1,
            }
            return;
        }
        if self.bins.is_empty() {
            self.bins = vec![0; EXPONENTS];
        }
        // Subnormal numbers share the scale of exponent 1 and lack the hidden bit.
        let (bin, significand) = if exponent == 0 { (1, fraction) } else { (exponent, fraction | 1 << 52) };
        self.bins[bin] += if value.is_sign_negative() { -significand } else { significand };
    }

    pub fn merge(&mut self, other: &ExactSum) {
        if self.bins.is_empty() {
            self.bins.clone_from(&other.bins);
        } else {
            self.bins.iter_mut().zip(&other.bins).for_each(|(a, b)| *a += b);
        }
        self.positive += other.positive;
        self.negative += other.negative;
        self.nan += other.nan;
    }

    /// The sum, rounded once but for the last bit.
    pub fn value(&self) -> f64 {
        if self.nan > 0 || (self.positive > 0 && self.negative > 0) {
            return f64::NAN;
        }
        if self.positive > 0 {
            return f64::INFINITY;
        }
        if self.negative > 0 {
            return f64::NEG_INFINITY;
        }
        if self.bins.is_empty() {
            return 0.0;
        }
        // Carries go upward until every bin holds less than one bit more than its neighbour's unit.
        let mut digits = Vec::with_capacity(EXPONENTS + 130);
        let mut carry = 0i128;
        for i in 0..EXPONENTS + 130 {
            let sum = self.bins.get(i).copied().unwrap_or(0) + carry;
            carry = sum >> 1;
            digits.push((sum & 1) as u8);
        }
        // Two's complement above the last bin: a negative carry means a negative sum.
        let negative = carry < 0;
        if negative {
            let mut borrow = 1u8;
            for digit in &mut digits {
                let flipped = (1 - *digit) + borrow;
                *digit = flipped & 1;
                borrow = flipped >> 1;
            }
        }
        let Some(top) = digits.iter().rposition(|d| *d == 1) else { return 0.0 };
        // The 64 highest bits, with the rest as a sticky bit, round correctly to 53.
        let low = top.saturating_sub(63);
        let mut head = digits[low..=top].iter().rev().fold(0u64, |v, d| v << 1 | u64::from(*d));
        if digits[..low].contains(&1) {
            head |= 1;
        }
        // The unit of bin i is 2^(i - 1075).
        let magnitude = scale(head as f64, low as i32 - 1075);
        if negative { -magnitude } else { magnitude }
    }
}

/// `value * 2^exponent`, in steps that neither overflow nor underflow early.
fn scale(mut value: f64, mut exponent: i32) -> f64 {
    while exponent > 1000 {
        value *= 2f64.powi(1000);
        exponent -= 1000;
    }
    while exponent < -1000 {
        value *= 2f64.powi(-1000);
        exponent += 1000;
    }
    value * 2f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        values.iter().for_each(|v| sum.add(*v));
        sum.value()
    }

    #[test]
    fn sums_are_exact_in_any_order() {
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[1e16, 1.0, -1e16]), 1.0);
        assert_eq!(sum(&[1e308, 1e308, -1e308]), 1e308);
        assert_eq!(sum(&[1.5, -2.25]), -0.75);
        assert_eq!(sum(&[-1e-320, 3e-320]), 2e-320);
        assert_eq!(sum(&[1e308, 1e308]), f64::INFINITY);
        assert_eq!(sum(&[]), 0.0);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }
}
