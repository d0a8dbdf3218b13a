//! Keys of one or several columns: as bytes that are equal where the values are, and as hashes of them.

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::hash_utils::{RandomState, create_hashes};

/// Zeros of either sign, and NaNs of any bits, are one value each.
pub fn normal(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float64 => {
            let one = |v: f64| if v.is_nan() { f64::NAN } else { v + 0.0 };
            let values: Float64Array = array.as_primitive::<Float64Type>().unary(one);
            std::sync::Arc::new(values)
        }
        DataType::Float32 => {
            let one = |v: f32| if v.is_nan() { f32::NAN } else { v + 0.0 };
            let values: Float32Array = array.as_primitive::<Float32Type>().unary(one);
            std::sync::Arc::new(values)
        }
        _ => ArrayRef::clone(array),
    }
}

/// The keys as bytes; `None` for a type that cannot be a key.
pub fn encode(columns: &[ArrayRef]) -> Option<Rows> {
    let columns: Vec<ArrayRef> = columns.iter().map(normal).collect();
    let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
    RowConverter::new(fields).and_then(|c| c.convert_columns(&columns)).ok()
}

/// One hash a row, the same for the same values in every batch.
pub fn hash(columns: &[ArrayRef], rows: usize) -> Option<Vec<u64>> {
    let columns: Vec<ArrayRef> = columns.iter().map(normal).collect();
    let mut hashes = vec![0; rows];
    create_hashes(&columns, &RandomState::with_seed(0), &mut hashes).ok()?;
    Some(hashes)
}

/// The rows of `live` in which no column is null.
pub fn complete(columns: &[ArrayRef], live: BooleanBuffer) -> BooleanBuffer {
    columns.iter().fold(live, |live, column| match column.logical_nulls() {
        Some(nulls) => &live & nulls.inner(),
        None => live,
    })
}
