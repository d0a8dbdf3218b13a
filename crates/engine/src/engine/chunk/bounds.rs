//! The least and greatest value of pages and chunks, as parquet orders and writes them.

use std::cmp::Ordering;
use std::ops::Range;

use parquet::basic::Type as Physical;
use parquet::data_type::ByteArray;
use parquet::file::statistics::{Statistics, ValueStatistics};

/// Texts in statistics are cut to so many bytes.
const LONGEST: usize = 64;

/// How values of a column are stored and ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Int32,
    Int64,
    Float,
    Double,
    /// After its length.
    Bytes,
}

/// Two values as they stand in a file, texts without their length.
#[derive(Clone, Debug, Default)]
pub struct Bounds(pub Option<(Vec<u8>, Vec<u8>)>);

impl Kind {
    pub fn of(ty: Physical) -> Option<Self> {
        Some(match ty {
            Physical::INT32 => Kind::Int32,
            Physical::INT64 => Kind::Int64,
            Physical::FLOAT => Kind::Float,
            Physical::DOUBLE => Kind::Double,
            Physical::BYTE_ARRAY => Kind::Bytes,
            _ => return None,
        })
    }

    /// Bytes of a value; `None` where it has its length with it.
    pub fn width(self) -> Option<usize> {
        match self {
            Kind::Int32 | Kind::Float => Some(4),
            Kind::Int64 | Kind::Double => Some(8),
            Kind::Bytes => None,
        }
    }

    /// `None` where a value has no place in the order.
    fn compare(self, a: &[u8], b: &[u8]) -> Option<Ordering> {
        Some(match self {
            Kind::Int32 => i32::from_le_bytes(a.try_into().ok()?).cmp(&i32::from_le_bytes(b.try_into().ok()?)),
            Kind::Int64 => i64::from_le_bytes(a.try_into().ok()?).cmp(&i64::from_le_bytes(b.try_into().ok()?)),
            Kind::Float => {
                f32::from_le_bytes(a.try_into().ok()?).partial_cmp(&f32::from_le_bytes(b.try_into().ok()?))?
            }
            Kind::Double => {
                f64::from_le_bytes(a.try_into().ok()?).partial_cmp(&f64::from_le_bytes(b.try_into().ok()?))?
            }
            Kind::Bytes => a.cmp(b),
        })
    }
}

impl Bounds {
    pub fn add(&mut self, kind: Kind, value: &[u8]) {
        if kind.compare(value, value).is_none() {
            return;
        }
        match &mut self.0 {
            None => self.0 = Some((value.to_vec(), value.to_vec())),
            Some((least, greatest)) => {
                if kind.compare(value, least) == Some(Ordering::Less) {
                    *least = value.to_vec();
                }
                if kind.compare(value, greatest) == Some(Ordering::Greater) {
                    *greatest = value.to_vec();
                }
            }
        }
    }

    pub fn merge(&mut self, kind: Kind, other: &Bounds) {
        if let Some((least, greatest)) = &other.0 {
            self.add(kind, least);
            self.add(kind, greatest);
        }
    }

    /// Of some values of fixed width.
    pub fn of(kind: Kind, values: &[u8], chosen: &[Range<usize>]) -> Self {
        macro_rules! extremes {
            ($ty:ty, $least:expr, $greatest:expr, $take:expr) => {{
                const WIDTH: usize = size_of::<$ty>();
                let (mut least, mut greatest, mut any): ($ty, $ty, bool) = ($least, $greatest, false);
                for range in chosen {
                    for value in values[range.start * WIDTH..range.end * WIDTH].chunks_exact(WIDTH) {
                        let value = value.try_into().map_or($least, <$ty>::from_le_bytes);
                        if $take(value) {
                            (least, greatest, any) = (least.min(value), greatest.max(value), true);
                        }
                    }
                }
                Bounds(any.then(|| (least.to_le_bytes().to_vec(), greatest.to_le_bytes().to_vec())))
            }};
        }
        match kind {
            Kind::Int32 => extremes!(i32, i32::MAX, i32::MIN, |_| true),
            Kind::Int64 => extremes!(i64, i64::MAX, i64::MIN, |_| true),
            Kind::Float => extremes!(f32, f32::INFINITY, f32::NEG_INFINITY, |v: f32| !v.is_nan()),
            Kind::Double => extremes!(f64, f64::INFINITY, f64::NEG_INFINITY, |v: f64| !v.is_nan()),
            Kind::Bytes => Bounds(None),
        }
    }

    /// As they are written: zeros with the sign that includes the other, texts cut.
    pub fn written(&self, kind: Kind) -> Option<Written> {
        let (least, greatest) = self.0.as_ref()?;
        Some(match kind {
            Kind::Float => {
                let zero = |value: &Vec<u8>, zero: f32| match kind.compare(value, &0f32.to_le_bytes()) {
                    Some(Ordering::Equal) => zero.to_le_bytes().to_vec(),
                    _ => value.clone(),
                };
                Written { least: zero(least, -0.0), greatest: zero(greatest, 0.0), exact: (true, true) }
            }
            Kind::Double => {
                let zero = |value: &Vec<u8>, zero: f64| match kind.compare(value, &0f64.to_le_bytes()) {
                    Some(Ordering::Equal) => zero.to_le_bytes().to_vec(),
                    _ => value.clone(),
                };
                Written { least: zero(least, -0.0), greatest: zero(greatest, 0.0), exact: (true, true) }
            }
            Kind::Bytes => {
                let (below, above) = (shorter(least), longer_than(greatest));
                let exact = (below.len() == least.len(), above.is_none());
                Written { least: below, greatest: above.unwrap_or_else(|| greatest.clone()), exact }
            }
            Kind::Int32 | Kind::Int64 => {
                Written { least: least.clone(), greatest: greatest.clone(), exact: (true, true) }
            }
        })
    }
}

/// Bounds as a file tells them.
pub struct Written {
    pub least: Vec<u8>,
    pub greatest: Vec<u8>,
    exact: (bool, bool),
}

/// What a chunk's footer says of its values.
pub fn statistics(kind: Kind, bounds: &Bounds, nulls: u64) -> Statistics {
    let written = bounds.written(kind);
    macro_rules! of {
        ($variant:ident, $ty:ty) => {{
            let value = |bytes: &Vec<u8>| bytes.as_slice().try_into().ok().map(<$ty>::from_le_bytes);
            let (least, greatest) = written.as_ref().map_or((None, None), |w| (value(&w.least), value(&w.greatest)));
            Statistics::$variant(ValueStatistics::new(least, greatest, None, Some(nulls), false))
        }};
    }
    match kind {
        Kind::Int32 => of!(Int32, i32),
        Kind::Int64 => of!(Int64, i64),
        Kind::Float => of!(Float, f32),
        Kind::Double => of!(Double, f64),
        Kind::Bytes => {
            let exact = written.as_ref().map_or((true, true), |w| w.exact);
            let (least, greatest) = written.map_or((None, None), |w| (Some(w.least), Some(w.greatest)));
            let value = |bytes: Option<Vec<u8>>| bytes.map(ByteArray::from);
            let bounds = ValueStatistics::new(value(least), value(greatest), None, Some(nulls), false);
            Statistics::ByteArray(bounds.with_min_is_exact(exact.0).with_max_is_exact(exact.1))
        }
    }
}

/// The beginning of a text, which is no greater.
fn shorter(text: &[u8]) -> Vec<u8> {
    let mut end = text.len().min(LONGEST);
    if let Ok(text) = std::str::from_utf8(text) {
        while !text.is_char_boundary(end) {
            end -= 1;
        }
    }
    text[..end].to_vec()
}

/// A short text that is greater than every one with the same beginning; `None` where the text itself is short, or there is
/// none.
fn longer_than(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() <= LONGEST {
        return None;
    }
    let mut start = shorter(text);
    if std::str::from_utf8(text).is_err() {
        let last = start.iter().rposition(|b| *b < u8::MAX)?;
        start.truncate(last + 1);
        start[last] += 1;
        return Some(start);
    }
    let mut start = String::from_utf8(start).ok()?;
    while let Some(last) = start.pop() {
        if let Some(next) = char::from_u32(u32::from(last) + 1).filter(|next| next.len_utf8() == last.len_utf8()) {
            start.push(next);
            return Some(start.into_bytes());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_bounded_by_short_ones() {
        let long = format!("{}{}", "ä".repeat(40), "\u{10ffff}");
        let bounds = Bounds(Some((long.clone().into_bytes(), long.clone().into_bytes())));
        let written = bounds.written(Kind::Bytes).expect("bounds");
        assert_eq!(written.exact, (false, false));
        assert!(written.least.len() <= LONGEST && written.greatest.len() <= LONGEST);
        assert!(written.least.as_slice() < long.as_bytes() && long.as_bytes() < written.greatest.as_slice());
        assert!(std::str::from_utf8(&written.greatest).is_ok());
        let last = "\u{10ffff}".repeat(30).into_bytes();
        let written = Bounds(Some((last.clone(), last.clone()))).written(Kind::Bytes).expect("bounds");
        assert_eq!((written.greatest, written.exact), (last, (false, true)));
        let bytes = vec![u8::MAX; 70];
        assert_eq!(longer_than(&bytes), None);
    }

    #[test]
    fn zeros_include_each_other_and_nan_has_no_place() {
        let mut bounds = Bounds::default();
        for value in [f64::NAN, 0.0, -0.0] {
            bounds.add(Kind::Double, &value.to_le_bytes());
        }
        let written = bounds.written(Kind::Double).expect("bounds");
        assert_eq!(written.least, (-0.0f64).to_le_bytes());
        assert_eq!(written.greatest, 0.0f64.to_le_bytes());
        let all = [f64::NAN.to_le_bytes(), f64::NAN.to_le_bytes()].concat();
        assert!(Bounds::of(Kind::Double, &all, std::slice::from_ref(&(0..2))).0.is_none());
    }
}
