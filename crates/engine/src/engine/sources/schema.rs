//! How files' columns are read, and whether they can be read as a contract says.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use parquet::basic::Type as Physical;
use parquet::schema::types::SchemaDescriptor;

use crate::engine::types::UTC;
use crate::hir::{Field, Type};

/// The file's schema as its columns are to be read: texts and bytes as views, old Spark's 96-bit times as instants.
pub fn as_read(schema: &Schema, parquet: &SchemaDescriptor) -> SchemaRef {
    let int96 = |root: usize| {
        let leaf = (0..parquet.num_columns()).find(|l| parquet.get_column_root_idx(*l) == root);
        leaf.is_some_and(|l| parquet.column(l).physical_type() == Physical::INT96)
    };
    let field = |(i, f): (usize, &Arc<ArrowField>)| {
        let ty = match f.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
            DataType::Timestamp(_, None) if int96(i) => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            other => other.clone(),
        };
        ArrowField::new(f.name(), ty, true)
    };
    Arc::new(Schema::new(schema.fields().iter().enumerate().map(field).collect::<Vec<_>>()))
}

/// The language's type that a file's column has; `None` where the language has none.
pub fn type_of(ty: &DataType) -> Option<Type> {
    Some(match ty {
        DataType::Null => Type::Null,
        DataType::Boolean => Type::Boolean,
        DataType::Int8 => Type::TinyInt,
        DataType::Int16 | DataType::UInt8 => Type::SmallInt,
        DataType::Int32 | DataType::UInt16 => Type::Int,
        DataType::Int64 | DataType::UInt32 => Type::BigInt,
        DataType::UInt64 => Type::Decimal { precision: 20, scale: 0 },
        DataType::Float16 | DataType::Float32 => Type::Float,
        DataType::Float64 => Type::Double,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) if *s >= 0 => {
            Type::Decimal { precision: *p, scale: *s as u8 }
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Type::String,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Type::Binary,
        DataType::Date32 | DataType::Date64 => Type::Date,
        DataType::Timestamp(_, Some(_)) => Type::Timestamp,
        DataType::Timestamp(_, None) => Type::TimestampNtz,
        DataType::Time32(_) | DataType::Time64(_) => Type::Time,
        DataType::Dictionary(_, value) => type_of(value)?,
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) => {
            Type::Array { item: Box::new(type_of(f.data_type())?), nullable: f.is_nullable() }
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else { return None };
            let (key, value) = (pair.first()?, pair.get(1)?);
            Type::Map {
                key: Box::new(type_of(key.data_type())?),
                value: Box::new(type_of(value.data_type())?),
                nullable: value.is_nullable(),
            }
        }
        DataType::Struct(fields) => {
            let field = |f: &Arc<ArrowField>| {
                Some(Field { name: f.name().clone(), ty: type_of(f.data_type())?, nullable: f.is_nullable() })
            };
            Type::Struct(fields.iter().map(field).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// Whether every value of the file's type is one of the declared type: the same, or narrower.
pub fn readable(file: &Type, declared: &Type) -> bool {
    let digits = |t: &Type| match t {
        Type::BigInt => Some((19, 0)),
        other => other.as_decimal(),
    };
    match (file, declared) {
        (a, b) if a == b => true,
        (Type::Null, _) => true,
        (a, b) if a.is_integer() && b.is_integer() => digits(a) < digits(b),
        (Type::TinyInt | Type::SmallInt | Type::Int, Type::Double) => true,
        (Type::TinyInt | Type::SmallInt, Type::Float) => true,
        (Type::Float, Type::Double) => true,
        (a, Type::Decimal { precision, scale }) => {
            digits(a).is_some_and(|(p, s)| s <= *scale && u16::from(p) + u16::from(*scale) <= u16::from(*precision) + u16::from(s))
        }
        (Type::Date, Type::TimestampNtz) => true,
        (Type::Array { item: a, .. }, Type::Array { item: b, .. }) => readable(a, b),
        (Type::Map { key: ka, value: va, .. }, Type::Map { key: kb, value: vb, .. }) => readable(ka, kb) && readable(va, vb),
        (Type::Struct(a), Type::Struct(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.name.eq_ignore_ascii_case(&b.name) && readable(&a.ty, &b.ty))
        }
        _ => false,
    }
}

/// Whether the declared type is the narrower of two of a kind: said so, because the remedy differs.
pub fn wider(file: &Type, declared: &Type) -> bool {
    file.is_numeric() && declared.is_numeric() && readable(declared, file)
}
