//! `case`: for each row the value of the first arm whose condition is true.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::compute::interleave;

use super::Computed;
use crate::engine::types::arrow_type;
use crate::hir::Type;

pub fn case(arms: &[(Computed, Computed)], otherwise: Option<&Computed>, ty: &Type, rows: usize) -> Computed {
    let constant = arms.iter().all(|(c, v)| c.constant && v.constant) && otherwise.is_none_or(|o| o.constant);
    let rows = if constant { 1 } else { rows };
    let nothing = new_null_array(&arrow_type(ty), 1);
    let mut sources: Vec<&dyn Array> = arms.iter().map(|(_, v)| v.values.as_ref()).collect();
    sources.push(otherwise.map_or(nothing.as_ref(), |o| o.values.as_ref()));
    let mut errors: Option<Vec<u8>> = None;
    let mut fail = |row: usize, code: u8| {
        if code != 0 {
            errors.get_or_insert_with(|| vec![0; rows])[row] = code;
        }
    };
    let mut picks = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut pick = (arms.len(), otherwise.map_or(0, |o| o.at(row)));
        let mut error = otherwise.map_or(0, |o| o.error(row));
        for (i, (condition, value)) in arms.iter().enumerate() {
            if condition.error(row) != 0 {
                error = condition.error(row);
                break;
            }
            let (at, holds) = (condition.at(row), condition.values.as_boolean());
            if holds.is_valid(at) && holds.value(at) {
                pick = (i, value.at(row));
                error = value.error(row);
                break;
            }
        }
        picks.push(pick);
        fail(row, error);
    }
    let values: ArrayRef =
        interleave(&sources, &picks).unwrap_or_else(|_| new_null_array(&arrow_type(ty), rows));
    Computed { values, constant, errors: errors.map(Arc::from) }
}
