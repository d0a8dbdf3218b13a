//! Arrow's types as a Delta table keeps them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use deltalake::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake::kernel::{StructField, StructType};

use crate::engine::sources::schema::type_of;
use crate::fault::Fault;
use crate::hir::Type;

/// The schema of the files written for rows of `schema`. Every column may be null: what may not be is the
/// contract's to say, and it may let a null through with a warning. What Delta has no type for is kept as text.
pub fn stored(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(|f| field(f)).collect::<Vec<FieldRef>>()))
}

/// The table's columns with their types, `None` for one that contracts do not know.
pub fn types(schema: &StructType) -> Vec<(String, Option<Type>)> {
    let column = |field: &StructField| {
        let arrow: Option<Field> = field.try_into_arrow().ok();
        (field.name().clone(), arrow.and_then(|f| type_of(f.data_type())))
    };
    schema.fields().map(column).collect()
}

fn field(field: &Field) -> FieldRef {
    Arc::new(Field::new(field.name(), data_type(field.data_type()), true))
}

fn data_type(ty: &DataType) -> DataType {
    match ty {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Binary => ty.clone(),
        DataType::Decimal128(precision, scale) if *scale >= 0 => DataType::Decimal128(*precision, *scale),
        DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Dictionary(_, value) => data_type(value),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::FixedSizeList(item, _) => {
            DataType::List(Arc::new(Field::new("element", data_type(item.data_type()), true)))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|f| field(f)).collect::<Fields>()),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                let pair = Fields::from(vec![
                    Field::new("key", data_type(pair[0].data_type()), false),
                    Field::new("value", data_type(pair[1].data_type()), true),
                ]);
                DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(pair), false)), false)
            }
            _ => DataType::Utf8,
        },
        _ => DataType::Utf8,
    }
}

/// The rows under the types of `schema`, which [`stored`] gave for them; the names are taken from there.
pub fn convert(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Fault> {
    let unfit = || Fault::internal("rows do not fit the schema under which they are written");
    if rows.num_columns() != schema.fields().len() {
        return Err(unfit());
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns: Result<Vec<ArrayRef>, Fault> = rows
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(column.clone());
            }
            cast_with_options(column, field.data_type(), &strict).map_err(|_| {
                Fault::usage(format!("column `{}` holds values that a Delta table cannot keep", field.name()))
            })
        })
        .collect();
    RecordBatch::try_new(schema.clone(), columns?).map_err(|_| unfit())
}

pub fn delta_fields(schema: &Schema) -> Result<Vec<StructField>, Fault> {
    schema
        .fields()
        .iter()
        .map(|field| {
            TryIntoKernel::<StructField>::try_into_kernel(field.as_ref()).map_err(|_| {
                Fault::usage(format!("column `{}` has a type that a Delta table cannot keep", field.name()))
            })
        })
        .collect()
}

/// The table's schema with the columns of `rows` that it lacks; `None` where it lacks none.
///
/// # Errors
/// A column that the table has under another type.
pub fn widened(table: &StructType, rows: &Schema, name: &str) -> Result<Option<StructType>, Fault> {
    let mut added = Vec::new();
    for field in delta_fields(rows)? {
        let found = table.fields().find(|f| f.name().eq_ignore_ascii_case(field.name()));
        match found {
            None => added.push(field),
            Some(there) if same(there, &field) => {}
            Some(there) => {
                return Err(Fault::usage(format!(
                    "column `{}` of `{name}` is {} in the table and {} by the contract",
                    field.name(),
                    there.data_type(),
                    field.data_type()
                ))
                .with_help("give the column a new name, or write the table anew"));
            }
        }
    }
    if added.is_empty() {
        return Ok(None);
    }
    let fields = table.fields().cloned().chain(added);
    StructType::try_new(fields).map(Some).map_err(|_| Fault::internal("the table's schema could not be extended"))
}

/// Types that the same file can hold, whatever may be null in them.
pub fn same(a: &StructField, b: &StructField) -> bool {
    fn shape(ty: &deltalake::kernel::DataType) -> String {
        serde_json::to_string(ty)
            .unwrap_or_default()
            .replace("\"nullable\":false", "\"nullable\":true")
            .replace("\"containsNull\":false", "\"containsNull\":true")
    }
    shape(a.data_type()) == shape(b.data_type())
}
