//! Types, and the values that are of them.

use serde::{Deserialize, Serialize};

/// A Spark SQL type; nullability of a value stands beside it, that of nested values inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Type {
    /// Something was wrong and has been reported; compatible with everything.
    Error,
    /// The type of a bare `null`.
    Null,
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    Decimal { precision: u8, scale: u8 },
    String,
    Binary,
    Date,
    /// An instant; microseconds since 1970 in UTC.
    Timestamp,
    /// A wall clock's reading without a zone; microseconds.
    TimestampNtz,
    /// A time of day; only in expressions.
    Time,
    /// A length of time in microseconds; only in expressions.
    Interval,
    /// A number of months; only in expressions.
    MonthInterval,
    Array { item: Box<Type>, nullable: bool },
    Map { key: Box<Type>, value: Box<Type>, nullable: bool },
    Struct(Vec<Field>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
}

impl Type {
    pub fn is_integer(&self) -> bool {
        matches!(self, Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt)
    }

    pub fn is_floating(&self) -> bool {
        matches!(self, Type::Float | Type::Double)
    }

    pub fn is_numeric(&self) -> bool {
        self.is_integer() || self.is_floating() || matches!(self, Type::Decimal { .. })
    }

    pub fn is_temporal(&self) -> bool {
        matches!(self, Type::Date | Type::Timestamp | Type::TimestampNtz)
    }

    pub fn is_error(&self) -> bool {
        matches!(self, Type::Error)
    }

    /// Precision and scale of the decimal that holds every value of this exact numeric type.
    pub fn as_decimal(&self) -> Option<(u8, u8)> {
        match self {
            Type::TinyInt => Some((3, 0)),
            Type::SmallInt => Some((5, 0)),
            Type::Int => Some((10, 0)),
            Type::BigInt => Some((20, 0)),
            Type::Decimal { precision, scale } => Some((*precision, *scale)),
            _ => None,
        }
    }
}

/// As written in `.dq`.
impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let optional = |nullable: &bool| if *nullable { "?" } else { "" };
        match self {
            Type::Error => f.write_str("unknown"),
            Type::Null => f.write_str("null"),
            Type::Boolean => f.write_str("boolean"),
            Type::TinyInt => f.write_str("tinyint"),
            Type::SmallInt => f.write_str("smallint"),
            Type::Int => f.write_str("int"),
            Type::BigInt => f.write_str("bigint"),
            Type::Float => f.write_str("float"),
            Type::Double => f.write_str("double"),
            Type::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Type::String => f.write_str("string"),
            Type::Binary => f.write_str("binary"),
            Type::Date => f.write_str("date"),
            Type::Timestamp => f.write_str("timestamp"),
            Type::TimestampNtz => f.write_str("timestamp_ntz"),
            Type::Time => f.write_str("time of day"),
            Type::Interval => f.write_str("duration"),
            Type::MonthInterval => f.write_str("number of months"),
            Type::Array { item, nullable } => write!(f, "array<{item}{}>", optional(nullable)),
            Type::Map { key, value, nullable } => write!(f, "map<{key}, {value}{}>", optional(nullable)),
            Type::Struct(fields) => {
                f.write_str("struct<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{}: {}{}", field.name, field.ty, optional(&field.nullable))?;
                }
                f.write_str(">")
            }
        }
    }
}

/// What one value of an expression stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grain {
    /// The same for every batch: literals and what is made of them.
    Constant,
    /// One value for a batch.
    Batch,
    /// One value for a group of `for each`.
    Group,
    /// One value for a row.
    Row,
}

/// A constant, and what the interpreter computes with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Null,
    Bool(bool),
    /// Any of the four integer types.
    Int(i64),
    /// `unscaled / 10^scale`
    Decimal { unscaled: i128, scale: u8 },
    Float(f32),
    Double(f64),
    String(String),
    Binary(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Microseconds since 1970-01-01T00:00:00 on some clock.
    TimestampNtz(i64),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds.
    Interval(i64),
    MonthInterval(i32),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Struct(Vec<(String, Value)>),
}
