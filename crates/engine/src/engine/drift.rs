//! How values are distributed, small enough to be kept for every batch, and how far two distributions are apart.
//!
//! Up to [`EXACT`] different values are counted one by one. Beyond that numbers are kept as a t-digest, other values as
//! the most frequent ones; both are the formats of Apache DataSketches. Sketches of several batches merge into one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use datasketches::tdigest::TDigestMut;
use serde_json::{Value as Json, json};

use crate::hir::DriftMeasure;

/// Numbers that are counted one by one.
const EXACT: usize = 1024;
/// The size of the map of frequent values, of which three quarters are used.
const FREQUENT: usize = 2048;
/// The t-digest's compression.
const COMPRESSION: u16 = 200;
/// Parts into which the past's numbers are cut.
const PARTS: usize = 10;
/// So many different numbers in the past are judged one by one, not by ranges.
const FEW: usize = 20;
/// A share that is nothing counts as this much, as is usual for the population stability index.
const LEAST_SHARE: f64 = 1e-4;

#[derive(Clone, Default)]
pub struct Distribution {
    /// With nulls.
    rows: u64,
    nulls: u64,
    /// NaN, infinity, minus infinity.
    odd: [u64; 3],
    /// How often each number occurs, by its bits; `None` once there are too many.
    numbers: Option<HashMap<u64, u64>>,
    digest: Option<Box<TDigestMut>>,
    texts: Option<Box<FrequentItemsSketch<String>>>,
}

impl Distribution {
    pub fn of_numbers() -> Self {
        Self { numbers: Some(HashMap::new()), digest: digest(), ..Self::default() }
    }

    pub fn of_texts() -> Self {
        Self { texts: FrequentItemsSketch::new(FREQUENT).ok().map(Box::new), ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn null(&mut self, rows: u64) {
        self.rows += rows;
        self.nulls += rows;
    }

    pub fn number(&mut self, value: f64) {
        self.rows += 1;
        if !value.is_finite() {
            self.odd[odd(value)] += 1;
            return;
        }
        let value = value + 0.0;
        if let Some(numbers) = &mut self.numbers {
            *numbers.entry(value.to_bits()).or_insert(0) += 1;
            if numbers.len() > EXACT {
                self.numbers = None;
            }
        }
        if let Some(digest) = &mut self.digest {
            digest.update(value);
        }
    }

    pub fn text(&mut self, value: &str, count: u64) {
        self.rows += count;
        if let Some(texts) = &mut self.texts {
            texts.update_with_count_ref(value, count);
        }
    }

    pub fn merge(&mut self, other: &Distribution) {
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.odd.iter_mut().zip(other.odd).for_each(|(mine, theirs)| *mine += theirs);
        self.numbers = match (self.numbers.take(), &other.numbers) {
            (Some(mut mine), Some(theirs)) => {
                theirs.iter().for_each(|(bits, count)| *mine.entry(*bits).or_insert(0) += count);
                Some(mine).filter(|m| m.len() <= EXACT)
            }
            _ => None,
        };
        if let (Some(mine), Some(theirs)) = (&mut self.digest, &other.digest) {
            mine.merge(theirs);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.texts, &other.texts) {
            mine.merge(theirs);
        }
    }

    /// With the hashes of texts in their places: of columns whose values nobody is to see.
    pub fn masked(&self, hashed: &dyn Fn(&str) -> String) -> Self {
        let Some(texts) = &self.texts else { return self.clone() };
        let mut masked = Self { texts: None, ..self.clone() };
        masked.texts = FrequentItemsSketch::new(FREQUENT).ok().map(Box::new);
        if let Some(into) = &mut masked.texts {
            let mut rows = texts.frequent_items(ErrorType::NoFalseNegatives);
            rows.sort_by(|a, b| a.item().cmp(b.item()));
            for row in rows {
                into.update_with_count(hashed(row.item()), row.lower_bound());
            }
        }
        masked
    }

    pub fn has_texts(&self) -> bool {
        self.texts.is_some()
    }

    /// As the ledger keeps it.
    pub fn to_text(&self) -> String {
        let mut out = json!({"rows": self.rows, "nulls": self.nulls, "odd": self.odd});
        match (&self.numbers, &self.digest) {
            (Some(numbers), _) => {
                let mut values: Vec<(f64, u64)> = numbers.iter().map(|(b, n)| (f64::from_bits(*b), *n)).collect();
                values.sort_by(|a, b| a.0.total_cmp(&b.0));
                out["numbers"] = json!(values);
            }
            (None, Some(digest)) => out["tdigest"] = json!(BASE64.encode((**digest).clone().serialize())),
            _ => {}
        }
        if let Some(texts) = &self.texts {
            out["frequent"] = json!(BASE64.encode(texts.serialize()));
        }
        out.to_string()
    }

    /// `None` for what is not of [`Distribution::to_text`].
    pub fn parse(text: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(text).ok()?;
        let bytes = |name: &str| BASE64.decode(json.get(name)?.as_str()?).ok();
        let odd: Vec<u64> = json.get("odd")?.as_array()?.iter().filter_map(Json::as_u64).collect();
        let mut found = Distribution {
            rows: json.get("rows")?.as_u64()?,
            nulls: json.get("nulls")?.as_u64()?,
            odd: odd.try_into().ok()?,
            ..Self::default()
        };
        if let Some(values) = json.get("numbers") {
            let values: Vec<(f64, u64)> = serde_json::from_value(values.clone()).ok()?;
            let mut digest = digest()?;
            for (value, count) in &values {
                weigh(&mut digest, *value, *count);
            }
            found.numbers = Some(values.iter().map(|(v, n)| (v.to_bits(), *n)).collect());
            found.digest = Some(digest);
        } else if let Some(bytes) = bytes("tdigest") {
            found.digest = Some(Box::new(TDigestMut::deserialize(&bytes).ok()?));
        }
        if let Some(bytes) = bytes("frequent") {
            found.texts = Some(Box::new(FrequentItemsSketch::deserialize(&bytes).ok()?));
        }
        Some(found)
    }

    /// How far these values are from the past's; `None` where either has none.
    pub fn drift(&self, past: &Distribution, measure: DriftMeasure) -> Option<f64> {
        if self.is_empty() || past.is_empty() {
            return None;
        }
        match measure {
            DriftMeasure::Ks => self.largest_distance(past),
            DriftMeasure::Psi => Some(self.stability(past)),
        }
    }

    /// The population stability index; null and what is no number are parts of their own.
    fn stability(&self, past: &Distribution) -> f64 {
        let mut parts: Vec<(f64, f64)> = vec![(self.nulls as f64, past.nulls as f64)];
        parts.extend(self.odd.iter().zip(past.odd).map(|(a, b)| (*a as f64, b as f64)));
        if self.texts.is_some() || past.texts.is_some() {
            parts.extend(self.categories(past));
        } else {
            parts.extend(self.ranges(past));
        }
        let (now, then) = (self.rows as f64, past.rows as f64);
        let share = |count: f64, of: f64| (count / of).max(LEAST_SHARE);
        let part = |(a, b): &(f64, f64)| {
            let (a, b) = (share(*a, now), share(*b, then));
            (a - b) * (a / b).ln()
        };
        parts.iter().filter(|(a, b)| a + b > 0.0).map(part).sum()
    }

    fn categories(&self, past: &Distribution) -> Vec<(f64, f64)> {
        let mut names = BTreeSet::new();
        for texts in self.texts.iter().chain(&past.texts) {
            names.extend(texts.frequent_items(ErrorType::NoFalseNegatives).into_iter().map(|row| row.item().clone()));
        }
        let count = |of: &Distribution, name: &str| of.texts.as_ref().map_or(0, |t| t.lower_bound(name)) as f64;
        let mut parts: Vec<(f64, f64)> = names.iter().map(|n| (count(self, n), count(past, n))).collect();
        let rest = |of: &Distribution, known: f64| ((of.rows - of.nulls) as f64 - known).max(0.0);
        let known = parts.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
        parts.push((rest(self, known.0), rest(past, known.1)));
        parts
    }

    /// The numbers in the past's deciles, or one by one where the past has few.
    fn ranges(&self, past: &Distribution) -> Vec<(f64, f64)> {
        let (mut now, mut then) = (self.clone(), past.clone());
        let single = |d: &Distribution| d.numbers.as_ref().is_some_and(|n| n.len() <= FEW);
        if let (true, Some(theirs)) = (single(past), &past.numbers) {
            let mut bits: BTreeSet<u64> = theirs.keys().copied().collect();
            if let (true, Some(mine)) = (single(self), &self.numbers) {
                bits.extend(mine.keys());
            }
            let of = |d: &mut Distribution, bits: u64| {
                let value = f64::from_bits(bits);
                d.up_to(value) - d.up_to(value.next_down())
            };
            let parts: Vec<(f64, f64)> = bits.iter().map(|b| (of(&mut now, *b), of(&mut then, *b))).collect();
            let known: f64 = parts.iter().map(|p| p.0).sum();
            let others = (now.finite() - known).max(0.0);
            return parts.into_iter().chain([(others, 0.0)]).collect();
        }
        let mut cuts: Vec<f64> = (1..PARTS).filter_map(|i| then.quantile(i as f64 / PARTS as f64)).collect();
        cuts.dedup();
        let mut parts = Vec::with_capacity(cuts.len() + 1);
        let mut before = (0.0, 0.0);
        for cut in cuts {
            let upto = (now.up_to(cut), then.up_to(cut));
            parts.push((upto.0 - before.0, upto.1 - before.1));
            before = upto;
        }
        parts.push((now.finite() - before.0, then.finite() - before.1));
        parts
    }

    /// The Kolmogorov-Smirnov distance of the numbers.
    fn largest_distance(&self, past: &Distribution) -> Option<f64> {
        let (mut now, mut then) = (self.clone(), past.clone());
        let (n, m) = (now.finite(), then.finite());
        if n == 0.0 || m == 0.0 {
            return None;
        }
        let mut points = now.points();
        points.extend(then.points());
        let mut distance = |x: f64| (now.up_to(x) / n - then.up_to(x) / m).abs();
        Some(points.into_iter().map(&mut distance).fold(0.0, f64::max))
    }

    /// Where the distribution is looked at: every number, or enough quantiles.
    fn points(&mut self) -> Vec<f64> {
        match &self.numbers {
            Some(numbers) => numbers.keys().map(|b| f64::from_bits(*b)).collect(),
            None => (0..=200).filter_map(|i| self.quantile(f64::from(i) / 200.0)).collect(),
        }
    }

    fn finite(&self) -> f64 {
        (self.rows - self.nulls - self.odd.iter().sum::<u64>()) as f64
    }

    /// Numbers that are not greater.
    pub fn up_to(&mut self, value: f64) -> f64 {
        if let Some(numbers) = &self.numbers {
            return numbers.iter().filter(|(b, _)| f64::from_bits(**b) <= value).map(|(_, n)| *n as f64).sum();
        }
        let finite = self.finite();
        self.digest.as_mut().and_then(|d| d.rank(value).ok().flatten()).map_or(0.0, |rank| rank * finite)
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn nulls(&self) -> u64 {
        self.nulls
    }

    /// Values that are no numbers, or not finite.
    pub fn odd(&self) -> u64 {
        self.odd.iter().sum()
    }

    /// The values that occur often, each with how often at least; in no order.
    pub fn frequent(&self) -> Vec<(String, u64)> {
        let found = self.texts.iter().flat_map(|texts| texts.frequent_items(ErrorType::NoFalseNegatives));
        found.map(|row| (row.item().clone(), row.lower_bound())).collect()
    }

    /// Every number in its order, with how often it occurs, where there are no more than so many.
    pub fn counted(&self, most: usize) -> Option<Vec<(f64, u64)>> {
        let numbers = self.numbers.as_ref().filter(|numbers| numbers.len() <= most)?;
        let mut found: Vec<(f64, u64)> = numbers.iter().map(|(bits, rows)| (f64::from_bits(*bits), *rows)).collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some(found)
    }

    /// The least number that is not exceeded by so great a share of the numbers.
    pub fn quantile(&mut self, at: f64) -> Option<f64> {
        if let Some(numbers) = &self.numbers {
            let sorted: BTreeMap<i64, (f64, u64)> = numbers.iter().map(|(b, n)| (place(*b), (f64::from_bits(*b), *n))).collect();
            let wanted = at * self.finite();
            let mut seen = 0.0;
            for (value, count) in sorted.values() {
                seen += *count as f64;
                if seen >= wanted {
                    return Some(*value);
                }
            }
            return sorted.values().last().map(|(v, _)| *v);
        }
        self.digest.as_mut().and_then(|d| d.quantile(at).ok().flatten())
    }
}

/// Orders as the numbers do.
fn place(bits: u64) -> i64 {
    let bits = bits as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn odd(value: f64) -> usize {
    if value.is_nan() {
        0
    } else if value > 0.0 {
        1
    } else {
        2
    }
}

fn digest() -> Option<Box<TDigestMut>> {
    TDigestMut::new(COMPRESSION).ok().map(Box::new)
}

/// Adds a number many times in few steps: by doubling.
fn weigh(digest: &mut TDigestMut, value: f64, mut count: u64) {
    let Some(mut part) = self::digest() else { return };
    part.update(value);
    while count > 0 {
        if count & 1 == 1 {
            digest.merge(&part);
        }
        count >>= 1;
        if count > 0 {
            let twice = (*part).clone();
            part.merge(&twice);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: impl Iterator<Item = f64>) -> Distribution {
        let mut d = Distribution::of_numbers();
        values.for_each(|v| d.number(v));
        d
    }

    fn texts(values: &[(&str, u64)]) -> Distribution {
        let mut d = Distribution::of_texts();
        values.iter().for_each(|(v, n)| d.text(v, *n));
        d
    }

    #[test]
    fn the_same_values_do_not_drift() {
        let wide = |shift: f64| numbers((0..20_000).map(move |i| f64::from(i * 7919 % 20_011) + shift));
        let kept = Distribution::parse(&wide(0.0).to_text()).expect("a sketch");
        assert!(wide(0.0).drift(&kept, DriftMeasure::Psi).unwrap() < 0.001);
        assert!(wide(0.0).drift(&kept, DriftMeasure::Ks).unwrap() < 0.005);
        let moved = wide(5000.0).drift(&kept, DriftMeasure::Ks).unwrap();
        assert!((moved - 0.25).abs() < 0.01, "{moved}");
        assert!(wide(5000.0).drift(&kept, DriftMeasure::Psi).unwrap() > 0.25);
    }

    #[test]
    fn few_values_are_exact() {
        // 0.5 ln 0.5/0.25 twice, by hand.
        let (now, then) = (texts(&[("a", 50), ("b", 50)]), texts(&[("a", 25), ("b", 75)]));
        let wanted = 0.25 * (0.5f64 / 0.25).ln() - 0.25 * (0.5f64 / 0.75).ln();
        assert!((now.drift(&then, DriftMeasure::Psi).unwrap() - wanted).abs() < 1e-12);
        let pair = |a: u64, b: u64| {
            let mut d = Distribution::of_numbers();
            (0..a).for_each(|_| d.number(1.0));
            (0..b).for_each(|_| d.number(2.0));
            d
        };
        let drift = pair(50, 50).drift(&Distribution::parse(&pair(25, 75).to_text()).unwrap(), DriftMeasure::Psi);
        assert!((drift.unwrap() - wanted).abs() < 1e-12);
        assert_eq!(pair(50, 50).drift(&pair(25, 75), DriftMeasure::Ks), Some(0.25));
    }

    #[test]
    fn merged_is_as_if_counted_at_once() {
        let mut merged = numbers((0..600).map(f64::from));
        merged.merge(&numbers((600..3000).map(f64::from)));
        let whole = numbers((0..3000).map(f64::from));
        assert!(merged.numbers.is_none() && whole.numbers.is_none());
        assert!(merged.drift(&whole, DriftMeasure::Ks).unwrap() < 0.01);
        let mut d = Distribution::of_numbers();
        [f64::NAN, f64::INFINITY, 1.0].into_iter().for_each(|v| d.number(v));
        d.null(2);
        assert_eq!(Distribution::parse(&d.to_text()).unwrap().to_text(), d.to_text());
        assert_eq!(Distribution::of_numbers().drift(&d, DriftMeasure::Psi), None);
    }

    #[test]
    fn many_texts_keep_the_frequent_ones() {
        let many = |often: &str| {
            let mut d = texts(&[(often, 100_000)]);
            (0..10_000).for_each(|i| d.text(&format!("once {i}"), 1));
            Distribution::parse(&d.to_text()).unwrap()
        };
        assert!(many("a").drift(&many("a"), DriftMeasure::Psi).unwrap() < 0.01);
        assert!(many("a").drift(&many("b"), DriftMeasure::Psi).unwrap() > 1.0);
    }
}
