//! What lies in quarantine, row by row.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::hir::Privacy;
use crate::ir::InputFile;
use crate::lake::delta::Table;
use crate::lake::rows::column;

/// Our columns begin like this.
pub const OURS: &str = "_dqc_";

/// A row that is held back.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub batch: String,
    /// Of the source, and the row in it, counted from 1.
    pub file: String,
    pub row: i64,
    /// The contract's version under which it is held.
    pub version: String,
    /// Microseconds since 1970 in UTC.
    pub held_at: i64,
    /// Each rule that holds it, and why.
    pub rules: Vec<(String, String)>,
    /// The source's columns.
    pub values: Map<String, Value>,
}

/// The files of a table's batches: those of one batch, or all.
pub fn files(table: &Table, batch: Option<&str>) -> Result<Vec<InputFile>, Fault> {
    let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    Ok(table.files()?.into_iter().filter(|f| batch.is_none_or(|batch| folder(&f.path) == batch)).collect())
}

/// Where rows came from, one entry a row.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    pub files: Vec<Arc<str>>,
    pub rows: Vec<u64>,
    /// Microseconds since 1970 in UTC.
    pub held_at: Vec<i64>,
}

impl Origins {
    pub fn take(&mut self, rows: &RecordBatch) -> Option<()> {
        let files: &StringArray = column(rows, "_dqc_file")?;
        let numbers: &Int64Array = column(rows, "_dqc_row")?;
        let times: &TimestampMicrosecondArray = column(rows, "_dqc_held_at")?;
        for row in 0..rows.num_rows() {
            self.files.push(files.value(row).into());
            self.rows.push(u64::try_from(numbers.value(row)).unwrap_or(0));
            self.held_at.push(times.value(row));
        }
        Some(())
    }
}

/// The rows for people; `privacy` says of a column how much of its values may be seen.
pub fn rows(stored: &RecordBatch, privacy: &dyn Fn(&str) -> Privacy) -> Result<Vec<Row>, Fault> {
    taken(stored, privacy).ok_or_else(|| Fault::internal("the rows held back lack a column of ours"))
}

fn taken(stored: &RecordBatch, privacy: &dyn Fn(&str) -> Privacy) -> Option<Vec<Row>> {
    let batches: &StringArray = column(stored, "_dqc_batch")?;
    let versions: &StringArray = column(stored, "_dqc_version")?;
    let mut origins = Origins::default();
    origins.take(stored)?;
    let list = |name: &str, row: usize| -> Option<Vec<String>> {
        let values = stored.column_by_name(name)?.as_list_opt::<i32>()?.value(row);
        Some(values.as_string_opt::<i32>()?.iter().map(|v| v.unwrap_or_default().to_owned()).collect())
    };
    let schema = stored.schema();
    let own: Vec<usize> = (0..stored.num_columns()).filter(|i| !schema.field(*i).name().starts_with(OURS)).collect();
    let mut out = Vec::with_capacity(stored.num_rows());
    for row in 0..stored.num_rows() {
        let mut values = Map::new();
        for at in &own {
            let name = schema.field(*at).name();
            if let Some(value) = shown(stored.column(*at), row, privacy(name)) {
                values.insert(name.clone(), value);
            }
        }
        out.push(Row {
            batch: batches.value(row).to_owned(),
            file: origins.files[row].to_string(),
            row: stored.column_by_name("_dqc_row")?.as_primitive_opt::<Int64Type>()?.value(row),
            version: versions.value(row).to_owned(),
            held_at: origins.held_at[row],
            rules: list("_dqc_rules", row)?.into_iter().zip(list("_dqc_reasons", row)?).collect(),
            values,
        });
    }
    Some(out)
}

fn shown(column: &ArrayRef, row: usize, privacy: Privacy) -> Option<Value> {
    match privacy {
        Privacy::Secret => None,
        _ if column.is_null(row) => Some(Value::Null),
        Privacy::Personal => Some("***".into()),
        Privacy::Public => Some(match column.data_type() {
            DataType::Boolean => column.as_boolean().value(row).into(),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                let number = arrow::compute::cast(&column.slice(row, 1), &DataType::Int64).ok()?;
                number.as_primitive::<Int64Type>().value(0).into()
            }
            DataType::Float64 => serde_json::Number::from_f64(column.as_primitive::<Float64Type>().value(row))
                .map_or_else(|| text(column, row).into(), Value::Number),
            _ => text(column, row).into(),
        }),
    }
}

/// A value as text; empty for null.
pub fn text(column: &ArrayRef, row: usize) -> String {
    let options = FormatOptions::default().with_null("");
    ArrayFormatter::try_new(column, &options).map_or_else(|_| String::new(), |f| f.value(row).try_to_string().unwrap_or_default())
}
