//! The keys that a reference may name, loaded before the batch is read.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use super::keys;

type Hasher = BuildHasherDefault<std::hash::DefaultHasher>;

/// A set of keys.
#[derive(Debug, Default)]
pub struct KeySet {
    numbers: HashSet<i64, foldhash_like::Build>,
    /// One bit a number from `least` on, once the numbers are known to be dense.
    dense: Option<(i64, Vec<u64>)>,
    others: HashSet<Box<[u8]>, Hasher>,
}

/// A multiplicative hash for numbers: they come from tables, not from attackers of the program.
mod foldhash_like {
    use std::hash::{BuildHasherDefault, Hasher};

    pub type Build = BuildHasherDefault<Mix>;

    #[derive(Default)]
    pub struct Mix(u64);

    impl Hasher for Mix {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            bytes.iter().for_each(|b| self.write_u64(u64::from(*b)));
        }
        fn write_i64(&mut self, value: i64) {
            self.write_u64(value as u64);
        }
        fn write_u64(&mut self, value: u64) {
            let product = u128::from(self.0 ^ value ^ 0x9e37_79b9_7f4a_7c15) * u128::from(0xd6e8_feb8_6659_fd93_u64);
            self.0 = (product >> 64) as u64 ^ product as u64;
        }
    }
}

/// Single whole numbers and dates are compared as numbers, everything else as bytes.
fn as_numbers(columns: &[ArrayRef]) -> Option<ArrayRef> {
    let [column] = columns else { return None };
    match column.data_type() {
        DataType::Int64 => Some(ArrayRef::clone(column)),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => cast(column, &DataType::Int64).ok(),
        DataType::Date32 => cast(column, &DataType::Int32).and_then(|c| cast(&c, &DataType::Int64)).ok(),
        _ => None,
    }
}

impl KeySet {
    pub fn add(&mut self, columns: &[ArrayRef], rows: usize) {
        let there = keys::complete(columns, BooleanBuffer::new_set(rows));
        if let Some(numbers) = as_numbers(columns) {
            let values = numbers.as_primitive::<Int64Type>().values();
            self.numbers.extend(there.set_indices().map(|row| values[row]));
            return;
        }
        let Some(encoded) = keys::encode(columns) else { return };
        for row in there.set_indices() {
            let key = encoded.row(row).data();
            if !self.others.contains(key) {
                self.others.insert(key.into());
            }
        }
    }

    pub fn merge(&mut self, other: KeySet) {
        self.numbers.extend(other.numbers);
        self.others.extend(other.others);
    }

    /// Makes lookups fast, once all keys are in.
    pub fn seal(&mut self) {
        let (Some(least), Some(most)) = (self.numbers.iter().min().copied(), self.numbers.iter().max().copied()) else {
            return;
        };
        let span = i128::from(most) - i128::from(least) + 1;
        // A bit for each number of the span costs less than the set itself.
        if span > (self.numbers.len() as i128) * 64 {
            return;
        }
        let mut bits = vec![0u64; (span as usize).div_ceil(64)];
        for number in self.numbers.drain() {
            let offset = number.wrapping_sub(least) as u64;
            bits[(offset / 64) as usize] |= 1 << (offset % 64);
        }
        self.dense = Some((least, bits));
    }

    /// The rows whose key is in the set; what is said of a row with a null means nothing.
    pub fn contains(&self, columns: &[ArrayRef], rows: usize) -> BooleanBuffer {
        if let Some(numbers) = as_numbers(columns) {
            let values = numbers.as_primitive::<Int64Type>().values();
            return match &self.dense {
                Some((least, bits)) => BooleanBuffer::collect_bool(rows, |i| {
                    let offset = values[i].wrapping_sub(*least) as u64;
                    values[i] >= *least && bits.get((offset / 64) as usize).is_some_and(|b| b >> (offset % 64) & 1 == 1)
                }),
                None => BooleanBuffer::collect_bool(rows, |i| self.numbers.contains(&values[i])),
            };
        }
        match keys::encode(columns) {
            Some(encoded) => BooleanBuffer::collect_bool(rows, |i| self.others.contains(encoded.row(i).data())),
            None => BooleanBuffer::new_unset(rows),
        }
    }
}
