//! Tables of a run: `| name: type | … |`, then one line a row, and the parquet files they become.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use dqc::engine::sources::schema::type_of;
use dqc::engine::types::{array_of, arrow_type, value_at};
use dqc::eval::cast::cast;
use dqc::hir::{Privacy, Type, Value};

pub struct Table {
    pub batch: RecordBatch,
}

impl Table {
    pub fn parse(lines: &[&str]) -> Result<Self, String> {
        let mut lines = lines.iter().filter(|l| !l.trim().is_empty());
        let header = lines.next().ok_or("a table without a header")?;
        let columns: Vec<(String, Type)> = cells(header).iter().map(|c| column(c)).collect::<Result<_, _>>()?;
        let mut values: Vec<Vec<Value>> = vec![Vec::new(); columns.len()];
        let mut rows = 0;
        for line in lines {
            let cells = cells(line);
            if cells.len() != columns.len() {
                return Err(format!("`{line}` has {} cells", cells.len()));
            }
            for ((cell, (_, ty)), column) in cells.iter().zip(&columns).zip(&mut values) {
                column.push(value(cell, ty)?);
            }
            rows += 1;
        }
        let fields: Vec<Field> = columns.iter().map(|(name, ty)| Field::new(name, arrow_type(ty), true)).collect();
        let arrays: Vec<ArrayRef> = columns.iter().zip(&values).map(|((_, ty), v)| array_of(ty, v)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options);
        Ok(Self { batch: batch.map_err(|e| e.to_string())? })
    }

    pub fn write_arrow(&self, path: &Path) -> Result<u64, String> {
        std::fs::create_dir_all(path.parent().ok_or("no folder")?).map_err(|e| e.to_string())?;
        let file = std::fs::File::create(path).map_err(|e| e.to_string())?;
        let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &self.batch.schema()).map_err(|e| e.to_string())?;
        writer.write(&self.batch).and_then(|()| writer.finish()).map_err(|e| e.to_string())?;
        Ok(std::fs::metadata(path).map_err(|e| e.to_string())?.len())
    }

    pub fn write(&self, path: &Path) -> Result<u64, String> {
        std::fs::create_dir_all(path.parent().ok_or("no folder")?).map_err(|e| e.to_string())?;
        let file = std::fs::File::create(path).map_err(|e| e.to_string())?;
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(file, self.batch.schema(), None).map_err(|e| e.to_string())?;
        writer.write(&self.batch).map_err(|e| e.to_string())?;
        writer.close().map_err(|e| e.to_string())?;
        Ok(std::fs::metadata(path).map_err(|e| e.to_string())?.len())
    }
}

/// The rows of a table of plain texts, by the names in its header.
pub fn texts(lines: &[&str]) -> Result<Vec<std::collections::BTreeMap<String, String>>, String> {
    let mut lines = lines.iter().filter(|l| !l.trim().is_empty());
    let header = cells(lines.next().ok_or("a table without a header")?);
    let name = |cell: &String| cell.split(':').next().unwrap_or_default().trim().to_string();
    let names: Vec<String> = header.iter().map(name).collect();
    Ok(lines.map(|line| names.iter().cloned().zip(cells(line)).collect()).collect())
}

fn cells(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|c| c.trim().to_string()).collect()
}

fn column(cell: &str) -> Result<(String, Type), String> {
    let (name, ty) = cell.split_once(':').ok_or_else(|| format!("`{cell}` is not `name: type`"))?;
    Ok((name.trim().to_string(), parse_type(ty.trim())?))
}

fn parse_type(text: &str) -> Result<Type, String> {
    let plain = [
        Type::Boolean,
        Type::TinyInt,
        Type::SmallInt,
        Type::Int,
        Type::BigInt,
        Type::Float,
        Type::Double,
        Type::String,
        Type::Binary,
        Type::Date,
        Type::Timestamp,
        Type::TimestampNtz,
    ];
    if let Some(ty) = plain.iter().find(|t| t.to_string() == text) {
        return Ok(ty.clone());
    }
    if let Some(inside) = text.strip_prefix("array<").and_then(|t| t.strip_suffix('>')) {
        return Ok(Type::Array { item: Box::new(parse_type(inside)?), nullable: true });
    }
    if text.starts_with("struct<") || text.starts_with("map<") {
        // As a contract would declare it.
        let contract = format!("contract silver.t @ 1.0.0 {{ columns {{ c: {text} }} }}");
        let compiled = dqc::compile(vec![dqc::source::SourceFile::new("type.dq", &contract)], &crate::layers());
        let found = compiled.checked.contracts.first().and_then(|c| c.columns.first());
        return found.map(|c| c.ty.clone()).ok_or_else(|| format!("`{text}` is not a type"));
    }
    let digits = text.strip_prefix("decimal(").and_then(|t| t.strip_suffix(')')).and_then(|t| t.split_once(','));
    let (precision, scale) = digits.ok_or_else(|| format!("`{text}` is not a type"))?;
    let number = |t: &str| t.trim().parse().map_err(|_| format!("`{text}` is not a type"));
    Ok(Type::Decimal { precision: number(precision)?, scale: number(scale)? })
}

/// As a cast of the text would read it; `null` is null, quotes make any text plain.
fn value(cell: &str, ty: &Type) -> Result<Value, String> {
    let quoted = cell.strip_prefix('"').and_then(|c| c.strip_suffix('"'));
    match (quoted, cell, ty) {
        (None, "null", _) => Ok(Value::Null),
        (_, _, Type::Array { item, .. }) if !cell.starts_with('[') => {
            let items = cell.split(',').map(str::trim).filter(|i| !i.is_empty());
            items.map(|i| value(i, item)).collect::<Result<_, _>>().map(Value::Array)
        }
        (Some(text), ..) | (None, text, _) => {
            cast(Value::String(text.to_string()), ty).map_err(|r| format!("`{cell}`: {r}"))
        }
    }
}

/// One line of JSON a row.
pub fn lines(batch: &RecordBatch) -> Vec<String> {
    let schema = batch.schema();
    let row = |row: usize| {
        let mut object = serde_json::Map::new();
        for (i, field) in schema.fields().iter().enumerate() {
            let ty = type_of(field.data_type()).unwrap_or(Type::Null);
            let value = value_at(batch.column(i), row, &ty);
            object.insert(field.name().clone(), dqc::engine::show::json(&value, Privacy::Public).unwrap_or_default());
        }
        serde_json::Value::Object(object).to_string()
    };
    (0..batch.num_rows()).map(row).collect()
}
