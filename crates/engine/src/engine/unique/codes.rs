//! Keys of whole numbers within known bounds: each is one small number, and a bit says whether it was seen.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

/// How a key becomes a number. The bounds are an expectation: what lies outside has no code.
#[derive(Debug)]
pub struct Packing {
    columns: Vec<Bounds>,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    least: i64,
    /// How many values there are.
    width: u64,
}

impl Packing {
    /// `None` where there are more than `most` keys, or bounds are not known.
    pub fn new(bounds: &[Option<(i128, i128)>], most: u64) -> Option<Self> {
        let mut size = 1u64;
        let mut columns = Vec::with_capacity(bounds.len());
        for bound in bounds {
            let (least, greatest) = (*bound)?;
            let width = u64::try_from(greatest.checked_sub(least)?.checked_add(1)?).ok()?;
            size = size.checked_mul(width).filter(|size| *size <= most)?;
            columns.push(Bounds { least: i64::try_from(least).ok()?, width });
        }
        (!columns.is_empty()).then_some(Self { columns })
    }

    /// Of each row its code, and the `live` rows that have one.
    pub fn codes(&self, columns: &[ArrayRef], live: &BooleanBuffer) -> (Vec<u64>, BooleanBuffer) {
        let rows = live.len();
        let (mut codes, mut outside) = (vec![0u64; rows], vec![false; rows]);
        for (column, bounds) in columns.iter().zip(&self.columns) {
            macro_rules! add {
                ($ty:ty) => {
                    bounds.add(column.as_primitive::<$ty>().values().iter().map(|v| i64::from(*v)), &mut codes, &mut outside)
                };
            }
            match column.data_type() {
                DataType::Int8 => add!(Int8Type),
                DataType::Int16 => add!(Int16Type),
                DataType::Int32 => add!(Int32Type),
                DataType::Int64 => add!(Int64Type),
                DataType::Date32 => add!(Date32Type),
                DataType::Timestamp(..) => add!(TimestampMicrosecondType),
                DataType::Decimal128(..) => {
                    let values = column.as_primitive::<Decimal128Type>().values();
                    // What does not fit is outside of every bound but those of the whole type.
                    outside.iter_mut().zip(values.iter()).for_each(|(o, v)| *o |= i64::try_from(*v).is_err());
                    bounds.add(values.iter().map(|v| *v as i64), &mut codes, &mut outside);
                }
                _ => outside.fill(true),
            }
        }
        if !outside.contains(&true) {
            return (codes, live.clone());
        }
        (codes, BooleanBuffer::collect_bool(rows, |row| live.value(row) && !outside[row]))
    }
}

impl Bounds {
    fn add(self, values: impl Iterator<Item = i64>, codes: &mut [u64], outside: &mut [bool]) {
        for ((value, code), outside) in values.zip(codes).zip(outside) {
            let offset = value.wrapping_sub(self.least) as u64;
            *outside |= value < self.least || offset >= self.width;
            *code = code.wrapping_mul(self.width).wrapping_add(offset);
        }
    }
}

/// Words of a page; a page without a bit is not there.
const PAGE: usize = 1024;
const PAGE_BITS: u32 = 16;

/// A set of numbers.
#[derive(Debug, Default)]
pub struct Bits {
    pages: Vec<Option<Box<[u64]>>>,
}

impl Bits {
    /// Whether the number is new.
    fn insert(&mut self, number: u64) -> bool {
        let page = (number >> PAGE_BITS) as usize;
        if page >= self.pages.len() {
            self.pages.resize(page + 1, None);
        }
        let words = self.pages[page].get_or_insert_with(|| vec![0; PAGE].into_boxed_slice());
        let word = &mut words[(number >> 6) as usize % PAGE];
        let bit = 1u64 << (number & 63);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub fn contains(&self, number: u64) -> bool {
        let page = self.pages.get((number >> PAGE_BITS) as usize).and_then(Option::as_ref);
        page.is_some_and(|words| words[(number >> 6) as usize % PAGE] >> (number & 63) & 1 == 1)
    }

    pub fn is_empty(&self) -> bool {
        self.pages.iter().all(Option::is_none)
    }

    /// Adds the other's numbers; gives those that were in both.
    fn merge(&mut self, other: Bits, both: &mut Bits) {
        if self.pages.len() < other.pages.len() {
            self.pages.resize(other.pages.len(), None);
        }
        for (at, page) in other.pages.into_iter().enumerate() {
            match (&mut self.pages[at], page) {
                (_, None) => {}
                (mine @ None, page) => *mine = page,
                (Some(mine), Some(theirs)) => {
                    for (word, (a, b)) in mine.iter_mut().zip(theirs.iter()).enumerate() {
                        let mut shared = *a & b;
                        *a |= b;
                        while shared != 0 {
                            both.insert(((at * PAGE + word) as u64) << 6 | u64::from(shared.trailing_zeros()));
                            shared &= shared - 1;
                        }
                    }
                }
            }
        }
    }
}

/// Which codes occurred, and which more than once.
#[derive(Debug, Default)]
pub struct Seen {
    once: Bits,
    again: Bits,
}

impl Seen {
    pub fn add(&mut self, codes: &[u64], rows: &BooleanBuffer) {
        for row in rows.set_indices() {
            if !self.once.insert(codes[row]) {
                self.again.insert(codes[row]);
            }
        }
    }

    pub fn merge(&mut self, other: Seen) {
        self.once.merge(other.once, &mut self.again);
        self.again.merge(other.again, &mut Bits::default());
    }

    /// Those that occurred more than once.
    pub fn into_again(self) -> Bits {
        self.again
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;

    use super::*;

    fn packed(packing: &Packing, a: Vec<i64>, b: Vec<i64>) -> (Vec<u64>, Vec<bool>) {
        let rows = a.len();
        let columns: [ArrayRef; 2] = [Arc::new(Int64Array::from(a)), Arc::new(Int64Array::from(b))];
        let (codes, there) = packing.codes(&columns, &BooleanBuffer::new_set(rows));
        (codes, there.iter().collect())
    }

    #[test]
    fn keys_within_their_bounds_have_one_code_each() {
        let packing = Packing::new(&[Some((-1, 2)), Some((5, 7))], 12).unwrap();
        let keys: Vec<(i64, i64)> = (-1..=2).flat_map(|a| (5..=7).map(move |b| (a, b))).collect();
        let (codes, there) = packed(&packing, keys.iter().map(|k| k.0).collect(), keys.iter().map(|k| k.1).collect());
        assert_eq!(codes, (0..12).collect::<Vec<u64>>());
        assert!(there.iter().all(|t| *t));
        let far = vec![-2, 3, 0, 0, i64::MIN, i64::MAX];
        assert!(packed(&packing, far, vec![5, 5, 4, 8, 5, 5]).1.iter().all(|t| !*t));
        assert!(Packing::new(&[Some((-1, 2)), Some((5, 7))], 11).is_none());
        assert!(Packing::new(&[Some((i128::from(i64::MIN), i128::from(i64::MAX)))], u64::MAX).is_none());
    }

    #[test]
    fn what_two_parts_share_occurred_twice() {
        let all = |rows| BooleanBuffer::new_set(rows);
        let (mut a, mut b) = (Seen::default(), Seen::default());
        a.add(&[1, 70_000, 3, 3], &all(4));
        b.add(&[2, 70_000, 200_000], &all(3));
        a.merge(b);
        let again = a.into_again();
        let twice: Vec<u64> = (0..300_000).filter(|n| again.contains(*n)).collect();
        assert_eq!(twice, [3, 70_000]);
    }
}
