//! Rows of plain values as Arrow columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use serde::Serialize;

use crate::fault::Fault;

pub struct Columns {
    rows: usize,
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    pub fn new(rows: usize) -> Self {
        Self { rows, fields: Vec::new(), arrays: Vec::new() }
    }

    fn add(&mut self, name: &str, array: ArrayRef) {
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
    }

    pub fn text<'t>(&mut self, name: &str, values: impl IntoIterator<Item = Option<&'t str>>) {
        self.add(name, Arc::new(values.into_iter().collect::<StringArray>()));
    }

    /// A value that is serialised as one word.
    pub fn word<'t, T: Serialize + 't>(&mut self, name: &str, values: impl IntoIterator<Item = &'t T>) {
        let word = |v: &T| serde_json::to_value(v).ok().and_then(|v| v.as_str().map(str::to_owned));
        self.add(name, Arc::new(values.into_iter().map(word).collect::<StringArray>()));
    }

    pub fn number(&mut self, name: &str, values: impl IntoIterator<Item = Option<i64>>) {
        self.add(name, Arc::new(values.into_iter().collect::<Int64Array>()));
    }

    pub fn real(&mut self, name: &str, values: impl IntoIterator<Item = Option<f64>>) {
        self.add(name, Arc::new(values.into_iter().collect::<Float64Array>()));
    }

    pub fn flag(&mut self, name: &str, values: impl IntoIterator<Item = Option<bool>>) {
        self.add(name, Arc::new(values.into_iter().collect::<BooleanArray>()));
    }

    /// Microseconds since 1970 in UTC.
    pub fn time(&mut self, name: &str, values: impl IntoIterator<Item = Option<i64>>) {
        let array = values.into_iter().collect::<TimestampMicrosecondArray>().with_timezone("UTC");
        self.add(name, Arc::new(array));
    }

    pub fn rows(self) -> Result<RecordBatch, Fault> {
        let unfit = || Fault::internal("the ledger's columns differ in length");
        let rows = RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays).map_err(|_| unfit())?;
        if rows.num_rows() == self.rows { Ok(rows) } else { Err(unfit()) }
    }
}
