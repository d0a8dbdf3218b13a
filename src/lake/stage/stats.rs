//! What a Delta log says of a file's values, taken from the file's own footer.
//!
//! Delta's protocol, "Per-file Statistics". Bounds are given only where they are sure: readers leave out files by them.

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::compute::{SortOptions, sort_to_indices};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema,
    TimeUnit, TimestampMicrosecondType,
};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::ParquetMetaData;
use serde_json::{Map, Value, json};

/// As many columns as other writers describe.
const COLUMNS: usize = 32;
/// A decimal of no more digits is the same as a JSON number.
const DIGITS: u8 = 15;

/// The number of rows alone.
pub fn count(rows: u64) -> String {
    json!({ "numRecords": rows }).to_string()
}

/// Rows, and for the first columns of plain types the least and greatest value and the number of nulls.
pub fn of(footer: &ParquetMetaData, schema: &Schema) -> String {
    let rows = footer.file_metadata().num_rows();
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for field in schema.fields().iter().take(COLUMNS).filter(|f| !f.data_type().is_nested()) {
        let parquet = footer.file_metadata().schema_descr();
        let Ok(converter) = StatisticsConverter::try_new(field.name(), schema, parquet) else { continue };
        let Some(missing) = converter.row_group_null_counts(footer.row_groups()).ok().and_then(|n| sum(&n)) else {
            continue;
        };
        nulls.insert(field.name().clone(), json!(missing));
        let mins = converter.row_group_mins(footer.row_groups());
        let maxes = converter.row_group_maxes(footer.row_groups());
        let (Ok(mins), Ok(maxes)) = (mins, maxes) else { continue };
        // A group without bounds may be one of nulls alone, or one of which nothing is known.
        let known = (0..footer.num_row_groups()).all(|group| {
            let only_nulls = converter
                .row_group_null_counts([footer.row_group(group)])
                .is_ok_and(|n| sum(&n) == u64::try_from(footer.row_group(group).num_rows()).ok());
            only_nulls || (mins.is_valid(group) && maxes.is_valid(group))
        });
        if let (true, Some(min), Some(max)) = (known, extreme(&mins, false), extreme(&maxes, true)) {
            least.insert(field.name().clone(), min);
            greatest.insert(field.name().clone(), max);
        }
    }
    json!({ "numRecords": rows, "minValues": least, "maxValues": greatest, "nullCount": nulls }).to_string()
}

fn sum(counts: &UInt64Array) -> Option<u64> {
    (counts.null_count() == 0).then(|| counts.values().iter().sum())
}

/// The least or greatest of some values, as the log writes it.
fn extreme(values: &ArrayRef, greatest: bool) -> Option<Value> {
    let order = SortOptions { descending: greatest, nulls_first: false };
    let first = sort_to_indices(values, Some(order), Some(1)).ok()?;
    let at = first.values().first().copied()? as usize;
    if values.is_null(at) {
        return None;
    }
    let float = |value: f64| serde_json::Number::from_f64(value).map(Value::Number);
    Some(match values.data_type() {
        DataType::Int8 => json!(values.as_primitive::<Int8Type>().value(at)),
        DataType::Int16 => json!(values.as_primitive::<Int16Type>().value(at)),
        DataType::Int32 => json!(values.as_primitive::<Int32Type>().value(at)),
        DataType::Int64 => json!(values.as_primitive::<Int64Type>().value(at)),
        DataType::Float32 => float(f64::from(values.as_primitive::<Float32Type>().value(at)))?,
        DataType::Float64 => float(values.as_primitive::<Float64Type>().value(at))?,
        DataType::Decimal128(precision, _) if *precision <= DIGITS => {
            float(values.as_primitive::<Decimal128Type>().value_as_string(at).parse().ok()?)?
        }
        DataType::Utf8 => json!(values.as_string::<i32>().value(at)),
        DataType::Date32 => json!(values.as_primitive::<Date32Type>().value_as_date(at)?.to_string()),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let time = values.as_primitive::<TimestampMicrosecondType>().value_as_datetime(at)?;
            let zone = if zone.is_some() { "Z" } else { "" };
            json!(format!("{}{zone}", time.format("%Y-%m-%dT%H:%M:%S%.6f")))
        }
        _ => return None,
    })
}
