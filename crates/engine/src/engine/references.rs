//! The keys that a reference may name, loaded before the batch is read.

mod numbers;

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use super::keys;
use super::rows::RowId;
use numbers::Numbers;

type Hasher = BuildHasherDefault<std::hash::DefaultHasher>;

/// A set of keys, or of a part of them where all of them take more memory than there is.
#[derive(Debug, Default)]
pub struct KeySet {
    numbers: Numbers,
    others: HashSet<Box<[u8]>, Hasher>,
    /// Bytes that the other keys take, about.
    bytes: usize,
    part: Option<Part>,
    /// In place of keys the rows that have none: found by passes over parts.
    orphans: Option<HashSet<RowId>>,
}

/// Of so many parts, by their hashes, one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub number: u64,
    pub of: u64,
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

impl Part {
    /// The rows whose key belongs to the part.
    fn holds(self, columns: &[ArrayRef], rows: usize) -> BooleanBuffer {
        match keys::hash(columns, rows) {
            Some(hashes) => BooleanBuffer::collect_bool(rows, |row| hashes[row] % self.of == self.number),
            None => BooleanBuffer::new_set(rows),
        }
    }
}

impl KeySet {
    pub fn of_part(part: Option<Part>) -> Self {
        Self { part, ..Self::default() }
    }

    /// In place of the keys the rows that have none of them.
    pub fn of_orphans(orphans: HashSet<RowId>) -> Self {
        Self { orphans: Some(orphans), ..Self::default() }
    }

    /// Bytes that it holds, about.
    pub fn bytes(&self) -> usize {
        self.numbers.bytes() + self.bytes
    }

    pub fn add(&mut self, columns: &[ArrayRef], rows: usize) {
        let mut there = keys::complete(columns, BooleanBuffer::new_set(rows));
        if let Some(part) = self.part {
            there = &there & &part.holds(columns, rows);
        }
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
                // The bytes, where they lie, and their places in the table and the allocator.
                self.bytes += key.len() + 48;
            }
        }
    }

    /// Makes lookups fast, once all keys are in.
    pub fn seal(&mut self) {
        self.numbers.seal();
    }

    /// The rows whose key is in the set; what is said of a row with a null, or with a key of another part, means
    /// nothing and is true.
    pub fn contains(&self, columns: &[ArrayRef], rows: usize, name: impl Fn(usize) -> RowId) -> BooleanBuffer {
        if let Some(orphans) = &self.orphans {
            return BooleanBuffer::collect_bool(rows, |row| !orphans.contains(&name(row)));
        }
        let found = match as_numbers(columns) {
            Some(numbers) => self.numbers.contain(numbers.as_primitive::<Int64Type>().values()),
            None => match keys::encode(columns) {
                Some(encoded) => BooleanBuffer::collect_bool(rows, |i| self.others.contains(encoded.row(i).data())),
                None => BooleanBuffer::new_unset(rows),
            },
        };
        match self.part {
            Some(part) => &found | &!&part.holds(columns, rows),
            None => found,
        }
    }
}
