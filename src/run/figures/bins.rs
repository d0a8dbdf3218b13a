//! Values in steps: how many rows have them, and how many of those break a rule.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use super::{Part, association};
use crate::engine::expr::Computed;
use crate::hir::Type;

/// What stands along the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    Number,
    /// Seconds since 1970, at midnight.
    Date,
    /// Seconds since 1970: in UTC, or on the clock of a type without a zone.
    Instant,
}

/// The values of a column, all of them and those of rows that break a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    pub column: String,
    pub axis: Axis,
    /// Where the first step begins.
    pub start: f64,
    pub step: f64,
    /// Rows in each step.
    pub all: Vec<u64>,
    pub broken: Vec<u64>,
    /// Rows without a value.
    pub nulls: u64,
    pub broken_nulls: u64,
}

impl Distribution {
    /// From 0, where rows that break the rule lie as all others do, to 1.
    pub fn association(&self) -> f64 {
        association(self.all.iter().copied().zip(self.broken.iter().copied()))
    }
}

pub fn axis(ty: &Type) -> Option<Axis> {
    match ty {
        Type::Date => Some(Axis::Date),
        Type::Timestamp | Type::TimestampNtz => Some(Axis::Instant),
        ty if ty.is_numeric() => Some(Axis::Number),
        _ => None,
    }
}

/// Steps that are found in a first reading and filled in a second.
pub struct Bins {
    axis: Axis,
    /// All values are whole.
    whole: bool,
    least: f64,
    most: f64,
    step: f64,
    all: Vec<u64>,
    /// By rule.
    broken: Vec<Vec<u64>>,
    nulls: u64,
    broken_nulls: Vec<u64>,
}

const DAY: f64 = 86_400.0;
const MOST_STEPS: f64 = 48.0;

impl Bins {
    pub fn new(axis: Axis) -> Self {
        Self {
            axis,
            whole: true,
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            step: 0.0,
            all: Vec::new(),
            broken: Vec::new(),
            nulls: 0,
            broken_nulls: Vec::new(),
        }
    }

    pub fn widen(&mut self, ty: &Type, values: &Computed, rows: usize) {
        let number = numbers(ty, values);
        for value in (0..rows).filter_map(number) {
            self.least = self.least.min(value);
            self.most = self.most.max(value);
            self.whole &= value.fract() == 0.0;
        }
    }

    /// Ends the first reading.
    pub fn settle(&mut self, rules: usize) {
        self.broken_nulls = vec![0; rules];
        if self.least > self.most {
            return;
        }
        self.step = match self.axis {
            Axis::Number => round_step((self.most - self.least) / MOST_STEPS, self.whole),
            Axis::Date => first_fitting(&[1.0, 7.0, 28.0, 91.0, 365.0, 3_650.0], DAY, self.most - self.least),
            Axis::Instant => {
                let minutes = [1.0, 5.0, 15.0, 60.0, 180.0, 360.0, 720.0, 1_440.0, 10_080.0, 40_320.0, 525_600.0];
                first_fitting(&minutes, 60.0, self.most - self.least)
            }
        };
        self.least = (self.least / self.step).floor() * self.step;
        let steps = ((self.most - self.least) / self.step).floor();
        let steps = if steps.is_finite() { steps as usize + 1 } else { 1 };
        self.all = vec![0; steps];
        self.broken = vec![vec![0; steps]; rules];
    }

    pub fn add(&mut self, ty: &Type, values: &Computed, part: &Part<'_>) {
        let number = numbers(ty, values);
        let last = self.all.len().saturating_sub(1);
        let (least, step) = (self.least, self.step);
        let place = |value: f64| (((value - least) / step).floor() as usize).min(last);
        for row in 0..part.rows {
            match number(row) {
                Some(value) => self.all[place(value)] += 1,
                None => self.nulls += 1,
            }
        }
        for (rule, rows) in part.broken.iter().enumerate() {
            for row in rows {
                match number(*row) {
                    Some(value) => self.broken[rule][place(value)] += 1,
                    None => self.broken_nulls[rule] += 1,
                }
            }
        }
    }

    /// Of a rule; `None` where there is nothing to be seen: no value, or one for all rows.
    pub fn distribution(&self, column: &str, rule: usize) -> Option<Distribution> {
        (self.all.len() > 1).then(|| Distribution {
            column: column.to_string(),
            axis: self.axis,
            start: self.least,
            step: self.step,
            all: self.all.clone(),
            broken: self.broken[rule].clone(),
            nulls: self.nulls,
            broken_nulls: self.broken_nulls[rule],
        })
    }
}

/// At least `least`, and 1, 2 or 5 times a power of ten, which reads well along an axis.
fn round_step(least: f64, whole: bool) -> f64 {
    if !(least > 0.0 && least.is_finite()) {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * power >= least).unwrap_or(10.0);
    let step = times * power;
    if whole { step.max(1.0) } else { step }
}

/// The first of `lengths` with which the width is not cut into too many steps.
fn first_fitting(lengths: &[f64], unit: f64, width: f64) -> f64 {
    const MOST: f64 = 62.0;
    let fits = |length: &f64| width / (length * unit) < MOST;
    let widest = lengths.last().copied().unwrap_or(1.0);
    let found = lengths.iter().copied().find(fits);
    found.map_or_else(|| (width / (widest * unit * MOST)).ceil() * widest * unit, |length| length * unit)
}

/// The value of a row on the axis; none for null, for what is no number, and for what cannot be computed.
fn numbers<'a>(ty: &Type, values: &'a Computed) -> impl Fn(usize) -> Option<f64> + 'a {
    let array = &values.values;
    macro_rules! plain {
        ($ty:ty, $turn:expr) => {{
            let array = array.as_primitive::<$ty>();
            Box::new(move |row: usize| array.is_valid(row).then(|| $turn(array.value(row))))
                as Box<dyn Fn(usize) -> Option<f64> + 'a>
        }};
    }
    let seconds = |micros: i64| micros as f64 / 1e6;
    let read: Box<dyn Fn(usize) -> Option<f64> + 'a> = match ty {
        Type::TinyInt => plain!(Int8Type, f64::from),
        Type::SmallInt => plain!(Int16Type, f64::from),
        Type::Int => plain!(Int32Type, f64::from),
        Type::BigInt => plain!(Int64Type, |v: i64| v as f64),
        Type::Float => plain!(Float32Type, f64::from),
        Type::Double => plain!(Float64Type, |v: f64| v),
        Type::Decimal { scale, .. } => {
            let unit = 10f64.powi(i32::from(*scale));
            plain!(Decimal128Type, move |v: i128| v as f64 / unit)
        }
        Type::Date => plain!(Date32Type, |days: i32| f64::from(days) * DAY),
        Type::Timestamp | Type::TimestampNtz => plain!(TimestampMicrosecondType, seconds),
        _ => Box::new(|_| None),
    };
    move |row: usize| {
        let at = values.at(row);
        if values.error(row) != 0 { None } else { read(at).filter(|value| value.is_finite()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_well() {
        assert_eq!([0.013, 0.2, 3.0, 51.0].map(|least| round_step(least, false)), [0.02, 0.2, 5.0, 100.0]);
        assert_eq!(round_step(0.013, true), 1.0);
        assert_eq!(first_fitting(&[1.0, 7.0], DAY, 30.0 * DAY), DAY);
        assert_eq!(first_fitting(&[1.0, 7.0], DAY, 100.0 * DAY), 7.0 * DAY);
        assert_eq!(first_fitting(&[1.0, 7.0], DAY, 4_340.0 * DAY), 70.0 * DAY);
    }
}
