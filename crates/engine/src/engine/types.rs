//! How the language's types and values look in Arrow: one physical type for each, so that kernels need no dispatch
//! on representations.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, ListArray, MapArray, NullArray, StringViewArray, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Field as ArrowField, Fields, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};

use crate::hir::{Field, Type, Value};

pub const UTC: &str = "UTC";

/// The physical type of a value while it is judged.
pub fn arrow_type(ty: &Type) -> DataType {
    match ty {
        Type::Error | Type::Null => DataType::Null,
        Type::Boolean => DataType::Boolean,
        Type::TinyInt => DataType::Int8,
        Type::SmallInt => DataType::Int16,
        Type::Int | Type::MonthInterval => DataType::Int32,
        Type::BigInt => DataType::Int64,
        Type::Float => DataType::Float32,
        Type::Double => DataType::Float64,
        Type::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale as i8),
        Type::String => DataType::Utf8View,
        Type::Binary => DataType::BinaryView,
        Type::Date => DataType::Date32,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        Type::TimestampNtz => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::Time => DataType::Time64(TimeUnit::Microsecond),
        Type::Interval => DataType::Duration(TimeUnit::Microsecond),
        Type::Array { item, .. } => DataType::List(item_field(item)),
        Type::Map { key, value, .. } => DataType::Map(entries_field(key, value), false),
        Type::Struct(fields) => DataType::Struct(struct_fields(fields)),
    }
}

// A null may be inside of any value that a file has; where its type has none there, its row is held back for it.
fn item_field(item: &Type) -> Arc<ArrowField> {
    Arc::new(ArrowField::new("item", arrow_type(item), true))
}

fn entries_field(key: &Type, value: &Type) -> Arc<ArrowField> {
    let key = ArrowField::new("key", arrow_type(key), false);
    let value = ArrowField::new("value", arrow_type(value), true);
    Arc::new(ArrowField::new("entries", DataType::Struct(Fields::from(vec![key, value])), false))
}

fn struct_fields(fields: &[Field]) -> Fields {
    fields.iter().map(|f| ArrowField::new(&f.name, arrow_type(&f.ty), true)).collect()
}

/// One value of an array that has the physical type of `ty`.
pub fn value_at(array: &dyn Array, row: usize, ty: &Type) -> Value {
    if array.is_null(row) || array.data_type() == &DataType::Null {
        return Value::Null;
    }
    match ty {
        Type::Error | Type::Null => Value::Null,
        Type::Boolean => Value::Bool(array.as_boolean().value(row)),
        Type::TinyInt => Value::Int(array.as_primitive::<Int8Type>().value(row).into()),
        Type::SmallInt => Value::Int(array.as_primitive::<Int16Type>().value(row).into()),
        Type::Int => Value::Int(array.as_primitive::<Int32Type>().value(row).into()),
        Type::BigInt => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        Type::Float => Value::Float(array.as_primitive::<Float32Type>().value(row)),
        Type::Double => Value::Double(array.as_primitive::<Float64Type>().value(row)),
        Type::Decimal { scale, .. } => {
            Value::Decimal { unscaled: array.as_primitive::<Decimal128Type>().value(row), scale: *scale }
        }
        Type::String => Value::String(array.as_string_view().value(row).to_string()),
        Type::Binary => Value::Binary(array.as_binary_view().value(row).to_vec()),
        Type::Date => Value::Date(array.as_primitive::<Date32Type>().value(row)),
        Type::Timestamp => Value::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        Type::TimestampNtz => Value::TimestampNtz(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        Type::Time => Value::Time(array.as_primitive::<Time64MicrosecondType>().value(row)),
        Type::Interval => Value::Interval(array.as_primitive::<DurationMicrosecondType>().value(row)),
        Type::MonthInterval => Value::MonthInterval(array.as_primitive::<Int32Type>().value(row)),
        Type::Array { item, .. } => {
            let items = array.as_list::<i32>().value(row);
            Value::Array((0..items.len()).map(|i| value_at(&items, i, item)).collect())
        }
        Type::Map { key, value, .. } => {
            let entries = array.as_map().value(row);
            let pair = |i| (value_at(entries.column(0), i, key), value_at(entries.column(1), i, value));
            Value::Map((0..entries.len()).map(pair).collect())
        }
        Type::Struct(fields) => {
            let columns = array.as_struct();
            let named = |(i, f): (usize, &Field)| (f.name.clone(), value_at(columns.column(i), row, &f.ty));
            Value::Struct(fields.iter().enumerate().map(named).collect())
        }
    }
}

/// An array of the physical type of `ty`; a value of another type becomes null.
pub fn array_of(ty: &Type, values: &[Value]) -> ArrayRef {
    macro_rules! each {
        ($array:ty, $($pattern:pat => $value:expr),+) => {
            Arc::new(values.iter().map(|v| match v { $($pattern => $value,)+ _ => None }).collect::<$array>())
        };
    }
    match ty {
        Type::Error | Type::Null => Arc::new(NullArray::new(values.len())),
        Type::Boolean => each!(BooleanArray, Value::Bool(v) => Some(*v)),
        Type::TinyInt => each!(Int8Array, Value::Int(v) => i8::try_from(*v).ok()),
        Type::SmallInt => each!(Int16Array, Value::Int(v) => i16::try_from(*v).ok()),
        Type::Int => each!(Int32Array, Value::Int(v) => i32::try_from(*v).ok()),
        Type::BigInt => each!(Int64Array, Value::Int(v) => Some(*v)),
        Type::Float => each!(Float32Array, Value::Float(v) => Some(*v), Value::Double(v) => Some(*v as f32)),
        Type::Double => each!(Float64Array, Value::Double(v) => Some(*v), Value::Float(v) => Some(f64::from(*v))),
        Type::Decimal { precision, scale } => {
            let unscaled = |v: &Value| match v {
                Value::Decimal { unscaled, .. } => Some(*unscaled),
                Value::Int(v) => i128::from(*v).checked_mul(10i128.checked_pow(u32::from(*scale))?),
                _ => None,
            };
            let array: Decimal128Array = values.iter().map(unscaled).collect();
            Arc::new(array.with_data_type(DataType::Decimal128(*precision, *scale as i8)))
        }
        Type::String => each!(StringViewArray, Value::String(v) => Some(v.as_str())),
        Type::Binary => each!(BinaryViewArray, Value::Binary(v) => Some(v.as_slice())),
        Type::Date => each!(Date32Array, Value::Date(v) => Some(*v)),
        Type::Timestamp => {
            let array: TimestampMicrosecondArray =
                values.iter().map(|v| if let Value::Timestamp(v) = v { Some(*v) } else { None }).collect();
            Arc::new(array.with_timezone(UTC))
        }
        Type::TimestampNtz => each!(TimestampMicrosecondArray, Value::TimestampNtz(v) => Some(*v)),
        Type::Time => each!(Time64MicrosecondArray, Value::Time(v) => Some(*v)),
        Type::Interval => each!(arrow::array::DurationMicrosecondArray, Value::Interval(v) => Some(*v)),
        Type::MonthInterval => each!(Int32Array, Value::MonthInterval(v) => Some(*v)),
        Type::Array { item, .. } => {
            let items: Vec<Value> =
                values.iter().flat_map(|v| if let Value::Array(v) = v { v.clone() } else { Vec::new() }).collect();
            let lengths = values.iter().map(|v| if let Value::Array(v) = v { v.len() } else { 0 });
            let array = ListArray::try_new(
                item_field(item),
                OffsetBuffer::from_lengths(lengths),
                array_of(item, &items),
                Some(present(values)),
            );
            array.map_or_else(|_| new_null_array(&arrow_type(ty), values.len()), |a| Arc::new(a) as ArrayRef)
        }
        Type::Map { key, value, .. } => {
            let pairs: Vec<(Value, Value)> =
                values.iter().flat_map(|v| if let Value::Map(v) = v { v.clone() } else { Vec::new() }).collect();
            let (keys, items): (Vec<Value>, Vec<Value>) = pairs.into_iter().unzip();
            let lengths = values.iter().map(|v| if let Value::Map(v) = v { v.len() } else { 0 });
            let field = entries_field(key, value);
            let DataType::Struct(fields) = field.data_type().clone() else {
                return new_null_array(&arrow_type(ty), values.len());
            };
            let entries = StructArray::try_new(fields, vec![array_of(key, &keys), array_of(value, &items)], None);
            let array = entries.and_then(|entries| {
                MapArray::try_new(field, OffsetBuffer::from_lengths(lengths), entries, Some(present(values)), false)
            });
            array.map_or_else(|_| new_null_array(&arrow_type(ty), values.len()), |a| Arc::new(a) as ArrayRef)
        }
        Type::Struct(fields) => {
            let column = |f: &Field| {
                let field = |v: &Value| match v {
                    Value::Struct(named) => {
                        named.iter().find(|(n, _)| n == &f.name).map_or(Value::Null, |(_, v)| v.clone())
                    }
                    _ => Value::Null,
                };
                array_of(&f.ty, &values.iter().map(field).collect::<Vec<_>>())
            };
            let columns: Vec<ArrayRef> = fields.iter().map(column).collect();
            let array = StructArray::try_new_with_length(
                struct_fields(fields),
                columns,
                Some(present(values)),
                values.len(),
            );
            array.map_or_else(|_| new_null_array(&arrow_type(ty), values.len()), |a| Arc::new(a) as ArrayRef)
        }
    }
}

fn present(values: &[Value]) -> NullBuffer {
    values.iter().map(|v| *v != Value::Null).collect()
}
