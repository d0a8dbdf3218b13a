//! Names of rows, small and ordered: the file's position in the input, then the row's number in the file.

use arrow::array::UInt64Array;

/// A row of the input, or of the table beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(u64);

const ROW_BITS: u32 = 40;
/// Set in rows of the table that a key is judged over.
const TABLE: u64 = 1 << 63;

impl RowId {
    pub fn new(file: usize, row: i64) -> Self {
        Self(((file as u64) << ROW_BITS) | (row as u64 & ((1 << ROW_BITS) - 1)))
    }

    /// A column of names.
    pub fn column(names: impl Iterator<Item = Self>) -> UInt64Array {
        names.map(|name| name.0).collect::<Vec<_>>().into()
    }

    pub fn of_column(names: &UInt64Array, row: usize) -> Self {
        Self(names.value(row))
    }

    pub fn of_table(self) -> Self {
        Self(self.0 | TABLE)
    }

    pub fn in_table(self) -> bool {
        self.0 & TABLE != 0
    }

    pub fn file(self) -> usize {
        ((self.0 & !TABLE) >> ROW_BITS) as usize
    }

    /// From 0.
    pub fn row(self) -> u64 {
        self.0 & ((1 << ROW_BITS) - 1)
    }
}

/// The first few rows of all that are offered, in the order of files and rows, whatever the order of offering.
#[derive(Clone, Debug, Default)]
pub struct First {
    rows: Vec<RowId>,
}

impl First {
    pub fn offer(&mut self, limit: usize, row: RowId) {
        if self.rows.len() >= limit && self.rows.last().is_none_or(|last| row >= *last) {
            return;
        }
        let at = self.rows.partition_point(|r| *r < row);
        self.rows.insert(at, row);
        self.rows.truncate(limit);
    }

    pub fn merge(&mut self, limit: usize, other: &First) {
        other.rows.iter().for_each(|row| self.offer(limit, *row));
    }

    pub fn rows(&self) -> &[RowId] {
        &self.rows
    }
}
