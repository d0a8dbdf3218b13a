//! Statistics that the interpreter and the engine compute alike, over values that are collected already.

use std::collections::BTreeMap;
use std::hash::Hash;

use crate::hir::Value;

/// Microseconds.
const DAY: i64 = 86_400_000_000;

/// The end of an interval that has none.
pub const OPEN: i128 = i128::MAX;

/// How far from their median half of the values are at most: the median of the distances.
pub fn median_deviation(xs: Vec<f64>) -> Option<f64> {
    let middle = quantile(xs.clone(), 0.5)?;
    quantile(xs.into_iter().map(|x| (x - middle).abs()).collect(), 0.5)
}

/// With linear interpolation between the two nearest values, as Spark's `percentile`.
pub fn quantile(mut xs: Vec<f64>, at: f64) -> Option<f64> {
    xs.sort_unstable_by(f64::total_cmp);
    let position = at.clamp(0.0, 1.0) * (xs.len().checked_sub(1)? as f64);
    let (low, high) = (xs.get(position.floor() as usize)?, xs.get(position.ceil() as usize)?);
    let part = position.fract();
    Some(if part == 0.0 { *low } else { low * (1.0 - part) + high * part })
}

/// The least value that is not exceeded by so great a share of the values.
pub fn least_at(mut xs: Vec<f64>, share: f64) -> Option<f64> {
    xs.retain(|x| x.is_finite());
    xs.sort_unstable_by(f64::total_cmp);
    let place = (share.clamp(0.0, 1.0) * xs.len() as f64).ceil() as usize;
    xs.get(place.saturating_sub(1)).copied()
}

/// How often each pair of values occurs.
pub struct Pairs {
    joint: Vec<(usize, usize, f64)>,
    left: Vec<f64>,
    right: Vec<f64>,
    total: f64,
}

impl Pairs {
    /// The result does not depend on the order of the pairs but in the last bits: give them sorted.
    pub fn new<K: Hash + Ord>(counts: impl IntoIterator<Item = (K, K, u64)>) -> Self {
        let mut pairs = Pairs { joint: Vec::new(), left: Vec::new(), right: Vec::new(), total: 0.0 };
        let (mut lefts, mut rights) = (BTreeMap::new(), BTreeMap::new());
        for (a, b, count) in counts {
            let (next_left, next_right) = (lefts.len(), rights.len());
            let a = *lefts.entry(a).or_insert(next_left);
            let b = *rights.entry(b).or_insert(next_right);
            pairs.left.resize(lefts.len(), 0.0);
            pairs.right.resize(rights.len(), 0.0);
            let count = count as f64;
            pairs.left[a] += count;
            pairs.right[b] += count;
            pairs.total += count;
            pairs.joint.push((a, b, count));
        }
        pairs
    }

    /// In nats; `None` over nothing.
    pub fn mutual_information(&self) -> Option<f64> {
        let n = self.total;
        let part = |(a, b, count): &(usize, usize, f64)| count / n * (count * n / (self.left[*a] * self.right[*b])).ln();
        (n > 0.0).then(|| self.joint.iter().map(part).sum::<f64>().max(0.0))
    }

    /// Cramér's V without correction; `None` where a side does not vary.
    pub fn association(&self) -> Option<f64> {
        let least = self.left.len().min(self.right.len());
        if least < 2 {
            return None;
        }
        // χ²/n is Σ joint² / (left · right) - 1.
        let sum: f64 = self.joint.iter().map(|(a, b, c)| c * c / (self.left[*a] * self.right[*b])).sum();
        Some(((sum - 1.0).max(0.0) / (least - 1) as f64).sqrt().min(1.0))
    }
}

/// The number of the step that a value lies in: steps are counted from 0, or from 1970 in UTC.
pub fn step_of(value: &Value, step: Option<&Value>) -> Option<i64> {
    let whole = match step {
        Some(Value::Int(step) | Value::Interval(step)) => *step,
        _ => 1,
    };
    match value {
        Value::Int(v) => Some(v.div_euclid(whole.max(1))),
        Value::Date(v) => Some(i64::from(*v).div_euclid(if step.is_some() { (whole / DAY).max(1) } else { 1 })),
        Value::Timestamp(v) | Value::TimestampNtz(v) => Some(v.div_euclid(whole.max(1))),
        _ => None,
    }
}

/// The steps between the first and the last that are not among `steps`.
pub fn gaps(mut steps: Vec<i64>) -> i64 {
    steps.sort_unstable();
    steps.dedup();
    match (steps.first(), steps.last()) {
        (Some(first), Some(last)) => {
            let span = i128::from(*last) - i128::from(*first) + 1;
            i64::try_from(span - steps.len() as i128).unwrap_or(i64::MAX)
        }
        _ => 0,
    }
}

/// A whole number that orders as the value does; `None` for null and NaN.
pub fn place_of(value: &Value) -> Option<i128> {
    let floating = |v: f64| {
        let bits = (v + 0.0).to_bits() as i64;
        (!v.is_nan()).then(|| i128::from(bits ^ (((bits >> 63) as u64) >> 1) as i64))
    };
    match value {
        Value::Int(v) | Value::Timestamp(v) | Value::TimestampNtz(v) => Some(i128::from(*v)),
        Value::Date(v) => Some(i128::from(*v)),
        Value::Decimal { unscaled, .. } => Some(*unscaled),
        Value::Float(v) => floating(f64::from(*v)),
        Value::Double(v) => floating(*v),
        _ => None,
    }
}

/// Of intervals that do not hold their ends, those that begin before one that began earlier has ended.
pub fn overlaps(mut intervals: Vec<(i128, i128)>) -> i64 {
    intervals.sort_unstable();
    let (mut found, mut end) = (0, None);
    for (begin, until) in intervals {
        if end.is_some_and(|end| begin < end) {
            found += 1;
        }
        end = end.max(Some(until));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_steps_without_a_value() {
        assert_eq!(gaps(vec![]), 0);
        assert_eq!(gaps(vec![3, 1, 7, 3]), 4);
        assert_eq!(gaps(vec![i64::MIN, i64::MAX]), i64::MAX);
        let hour = Value::Interval(3_600_000_000);
        assert_eq!(step_of(&Value::Timestamp(-1), Some(&hour)), Some(-1));
        assert_eq!(step_of(&Value::Date(15), Some(&Value::Interval(7 * DAY))), Some(2));
    }

    #[test]
    fn intervals_that_touch_do_not_overlap() {
        assert_eq!(overlaps(vec![(0, 5), (5, 9)]), 0);
        assert_eq!(overlaps(vec![(0, OPEN), (5, 9), (9, 10)]), 2);
        assert_eq!(overlaps(vec![(0, 5), (0, 5), (4, 6)]), 2);
    }

    #[test]
    fn what_decides_each_other_is_associated() {
        let same = Pairs::new([("a", "x", 5), ("b", "y", 5)]);
        assert_eq!(same.association(), Some(1.0));
        assert!((same.mutual_information().unwrap() - 2f64.ln()).abs() < 1e-12);
        let apart = Pairs::new([("a", "x", 1), ("a", "y", 1), ("b", "x", 1), ("b", "y", 1)]);
        assert_eq!(apart.association(), Some(0.0));
        assert_eq!(apart.mutual_information(), Some(0.0));
        assert_eq!(Pairs::new::<&str>([]).mutual_information(), None);
    }
}
