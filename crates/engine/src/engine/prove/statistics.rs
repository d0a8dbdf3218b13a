//! What a row group's statistics say of a column, in the declared type. Those that are missing, deprecated where that
//! makes them wrong, truncated or without an order say nothing; floating numbers have none that count a NaN.

use arrow::datatypes::{DataType, TimeUnit};
use parquet::basic::{ColumnOrder, Type as Physical};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;

use crate::engine::expr::facts::{Fact, Null, Point, Range, Truths};
use crate::hir::Type;
use crate::ir::ColumnStatistics;

/// How a value of the file becomes one of the declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Becomes {
    /// Never lost; nothing is said of bounds.
    There,
    Same,
    /// Times a power of ten that cannot overflow.
    Shifted(u8),
    /// Nanoseconds as microseconds.
    Shortened,
    /// Seconds or milliseconds times this; what overflows is lost.
    Lengthened(i64),
}

fn becomes(file: &DataType, declared: &Type) -> Option<Becomes> {
    let shift = |scale: u8, from: i8| u8::try_from(i16::from(scale) - i16::from(from)).ok().map(Becomes::Shifted);
    match (file, declared) {
        (DataType::Dictionary(_, value), _) => becomes(value, declared),
        (DataType::Boolean, Type::Boolean) | (DataType::Date32, Type::Date) => Some(Becomes::Same),
        (DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64, ty) => match ty {
            ty if ty.is_integer() => Some(Becomes::Same),
            Type::Decimal { scale, .. } => shift(*scale, 0),
            Type::Float | Type::Double => Some(Becomes::There),
            _ => None,
        },
        (DataType::Float16 | DataType::Float32 | DataType::Float64, Type::Float | Type::Double) => Some(Becomes::There),
        (
            DataType::Decimal32(_, from) | DataType::Decimal64(_, from) | DataType::Decimal128(_, from),
            Type::Decimal { scale, .. },
        ) => shift(*scale, *from),
        (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, Type::String) => Some(Becomes::Same),
        (DataType::Binary | DataType::LargeBinary | DataType::BinaryView, Type::Binary) => Some(Becomes::There),
        (DataType::Timestamp(unit, _), Type::Timestamp | Type::TimestampNtz) => Some(match unit {
            TimeUnit::Second => Becomes::Lengthened(1_000_000),
            TimeUnit::Millisecond => Becomes::Lengthened(1_000),
            TimeUnit::Microsecond => Becomes::Same,
            TimeUnit::Nanosecond => Becomes::Shortened,
        }),
        _ => None,
    }
}

/// The leaf that holds a root column without nesting.
pub fn leaf(footer: &ParquetMetaData, root: usize) -> Option<usize> {
    let schema = footer.file_metadata().schema_descr();
    let leaf = (0..schema.num_columns()).find(|l| schema.get_column_root_idx(*l) == root)?;
    flat(schema, leaf).then_some(leaf)
}

/// The same for every root column at once.
pub fn leaves(footer: &ParquetMetaData) -> Vec<Option<usize>> {
    let schema = footer.file_metadata().schema_descr();
    let mut leaves: Vec<Option<usize>> = Vec::new();
    for leaf in 0..schema.num_columns() {
        let root = schema.get_column_root_idx(leaf);
        // Only the first leaf of a nested column comes here first, and it is none.
        if root >= leaves.len() {
            leaves.resize(root + 1, None);
            leaves[root] = flat(schema, leaf).then_some(leaf);
        }
    }
    leaves
}

fn flat(schema: &SchemaDescriptor, leaf: usize) -> bool {
    let column = schema.column(leaf);
    column.max_rep_level() == 0 && column.max_def_level() <= 1 && column.path().parts().len() == 1
}

/// The number of nulls in a row group's column, where it is known.
pub fn nulls(group: &RowGroupMetaData, leaf: usize) -> Option<u64> {
    let chunk = group.column(leaf);
    let rows = u64::try_from(group.num_rows()).ok()?;
    if chunk.num_values() != group.num_rows() {
        return None;
    }
    if chunk.column_descr().max_def_level() == 0 {
        return Some(0);
    }
    chunk.statistics()?.null_count_opt().filter(|nulls| *nulls <= rows)
}

/// What is certain of a column's values in a row group. `input`: its position among the source's columns.
pub fn fact(footer: &ParquetMetaData, group: usize, leaf: usize, file: &DataType, declared: &Type, input: usize) -> Fact {
    let Some(how) = becomes(file, declared) else { return Fact::open() };
    let meta = footer.row_group(group);
    let rows = u64::try_from(meta.num_rows()).unwrap_or(0);
    let Some(nulls) = nulls(meta, leaf) else { return Fact::open() };
    let order = footer.file_metadata().column_order(leaf);
    let statistics = meta.column(leaf).statistics();
    let range = statistics.map_or(Range::Unknown, |s| converted(bounds(s, order, meta.column(leaf).column_descr().type_length()), how));
    let truths = match (statistics, declared) {
        (Some(Statistics::Boolean(s)), Type::Boolean) => match (s.min_opt(), s.max_opt()) {
            (Some(least), Some(greatest)) if least <= greatest => {
                Truths { can_be_true: *greatest, can_be_false: !*least }
            }
            _ => Fact::open().truths,
        },
        _ => Fact::open().truths,
    };
    known(how, (rows, nulls), range, truths, input)
}

/// How the file stores the value, of which it may then be asked whether it has it.
#[derive(Debug, PartialEq, Eq)]
pub enum Stored {
    Int(i32),
    Long(i64),
    Bytes(Vec<u8>),
    /// No value of the column's type becomes this one.
    Nowhere,
}

/// The value that becomes `point` when it is read; `None` where that is not certain.
pub fn stored(point: Point<'_>, file: &DataType, declared: &Type, chunk: &ColumnChunkMetaData) -> Option<Stored> {
    let number = |v: i128| match chunk.column_type() {
        Physical::INT32 => Some(i32::try_from(v).map_or(Stored::Nowhere, Stored::Int)),
        Physical::INT64 => Some(i64::try_from(v).map_or(Stored::Nowhere, Stored::Long)),
        Physical::FIXED_LEN_BYTE_ARRAY => {
            let width = usize::try_from(chunk.column_descr().type_length()).ok().filter(|w| (1..=16).contains(w))?;
            let whole = v.to_be_bytes();
            let bytes = &whole[16 - width..];
            Some(if big_endian(bytes) == Some(v) { Stored::Bytes(bytes.to_vec()) } else { Stored::Nowhere })
        }
        _ => None,
    };
    let divided = |v: i128, by: i128| if v % by == 0 { number(v / by) } else { Some(Stored::Nowhere) };
    match (point, becomes(file, declared)?) {
        (Point::Text(text), Becomes::Same) if chunk.column_type() == Physical::BYTE_ARRAY => Some(Stored::Bytes(text.to_vec())),
        (Point::Number(v), Becomes::Same) => number(v),
        (Point::Number(v), Becomes::Shifted(digits)) => divided(v, 10i128.checked_pow(u32::from(digits))?),
        (Point::Number(v), Becomes::Lengthened(factor)) => divided(v, i128::from(factor)),
        _ => None,
    }
}

/// What is certain of a column's values in a page, of which there are `rows`; nothing of the bounds of texts.
pub fn of_page(
    index: &ColumnIndexMetaData,
    page: usize,
    rows: u64,
    nulls: Option<u64>,
    (file, declared, input): (&DataType, &Type, usize),
) -> Fact {
    let (Some(how), Some(nulls)) = (becomes(file, declared), nulls) else { return Fact::open() };
    let (least, greatest) = match index {
        ColumnIndexMetaData::INT32(i) => (i.min_value(page).map(|v| i128::from(*v)), i.max_value(page).map(|v| i128::from(*v))),
        ColumnIndexMetaData::INT64(i) => (i.min_value(page).map(|v| i128::from(*v)), i.max_value(page).map(|v| i128::from(*v))),
        _ => (None, None),
    };
    let range = match least.zip(greatest) {
        Some((least, greatest)) if least <= greatest => converted(Range::Numbers(least, greatest), how),
        _ => Range::Unknown,
    };
    known(how, (rows, nulls), range, Fact::open().truths, input)
}

/// What the log of a table says of a file's column, of which there are `rows`.
pub fn of_log(column: &ColumnStatistics, rows: u64, input: usize) -> Fact {
    let Some(nulls) = column.nulls.filter(|nulls| *nulls <= rows) else { return Fact::open() };
    let range = match column.bounds {
        Some((least, greatest)) if least <= greatest => Range::Numbers(least, greatest),
        _ => Range::Unknown,
    };
    known(Becomes::Same, (rows, nulls), range, Fact::open().truths, input)
}

fn known(how: Becomes, (rows, nulls): (u64, u64), range: Range, truths: Truths, input: usize) -> Fact {
    if nulls == rows {
        return Fact { null: Null::With { input, all: true }, ..Fact::empty() };
    }
    if matches!(how, Becomes::Lengthened(_)) && range == Range::Unknown {
        // A value may be too far away and so be lost.
        return Fact { fails: true, ..Fact::open() };
    }
    let null = if nulls == 0 { Null::Never } else { Null::With { input, all: false } };
    Fact { null, range, truths, ..Fact::open() }
}

/// The bounds as the file has them.
fn bounds(statistics: &Statistics, order: ColumnOrder, length: i32) -> Range {
    let typed = matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(_));
    let numbers = |least: Option<i128>, greatest: Option<i128>| match (least, greatest) {
        (Some(least), Some(greatest)) if least <= greatest => Range::Numbers(least, greatest),
        _ => Range::Unknown,
    };
    match statistics {
        // Signed numbers have had one order since ever.
        Statistics::Int32(s) => numbers(s.min_opt().map(|v| i128::from(*v)), s.max_opt().map(|v| i128::from(*v))),
        Statistics::Int64(s) => numbers(s.min_opt().map(|v| i128::from(*v)), s.max_opt().map(|v| i128::from(*v))),
        _ if !typed || statistics.is_min_max_deprecated() || !statistics.min_is_exact() || !statistics.max_is_exact() => {
            Range::Unknown
        }
        // Only decimals are read as numbers from fixed bytes: see `converted`.
        Statistics::FixedLenByteArray(s) => {
            let whole = |b: &[u8]| usize::try_from(length) == Ok(b.len());
            let read = |b: Option<&[u8]>| b.filter(|b| whole(b)).and_then(big_endian);
            numbers(read(s.min_bytes_opt()), read(s.max_bytes_opt()))
        }
        Statistics::ByteArray(s) => match (s.min_bytes_opt(), s.max_bytes_opt()) {
            (Some(least), Some(greatest)) if least <= greatest => Range::Texts(least.to_vec(), greatest.to_vec()),
            _ => Range::Unknown,
        },
        _ => Range::Unknown,
    }
}

/// A signed number, its first byte the most significant.
pub fn big_endian(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    if bytes.len() > 16 {
        return None;
    }
    let mut whole = [if first & 0x80 == 0 { 0 } else { 0xff }; 16];
    whole[16 - bytes.len()..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(whole))
}

fn converted(range: Range, how: Becomes) -> Range {
    match (range, how) {
        (range, Becomes::Same) => range,
        (Range::Numbers(least, greatest), how) => {
            let each = |v: i128| match how {
                Becomes::Shifted(digits) => 10i128.checked_pow(u32::from(digits))?.checked_mul(v),
                Becomes::Shortened => Some(v / 1000),
                Becomes::Lengthened(factor) => {
                    v.checked_mul(i128::from(factor)).filter(|v| i64::try_from(*v).is_ok())
                }
                Becomes::There | Becomes::Same => None,
            };
            each(least).zip(each(greatest)).map_or(Range::Unknown, |(l, g)| Range::Numbers(l, g))
        }
        _ => Range::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_numbers_are_read_from_bytes() {
        assert_eq!(big_endian(&[0xff]), Some(-1));
        assert_eq!(big_endian(&[0x00, 0x80]), Some(128));
        assert_eq!(big_endian(&[0x80; 17]), None);
        assert_eq!(big_endian(&[]), None);
    }

    #[test]
    fn bounds_that_cannot_be_kept_are_dropped() {
        let numbers = Range::Numbers(-1_999, i128::from(i64::MAX));
        assert_eq!(converted(numbers.clone(), Becomes::Lengthened(1_000)), Range::Unknown);
        assert_eq!(converted(numbers.clone(), Becomes::Shortened), Range::Numbers(-1, i128::from(i64::MAX) / 1000));
        assert_eq!(converted(numbers, Becomes::There), Range::Unknown);
        assert_eq!(converted(Range::Texts(vec![], vec![]), Becomes::Shifted(2)), Range::Unknown);
    }

    #[test]
    fn only_what_is_surely_kept_has_a_way() {
        assert_eq!(becomes(&DataType::UInt32, &Type::BigInt), None);
        assert_eq!(becomes(&DataType::Decimal128(5, 3), &Type::Decimal { precision: 5, scale: 2 }), None);
        assert_eq!(becomes(&DataType::Date32, &Type::TimestampNtz), None);
    }
}
