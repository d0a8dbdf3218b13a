use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};

use super::*;

const ROWS: usize = 40;

/// Columns of every kind, with nulls, beside one that is all null.
fn batch() -> RecordBatch {
    let some = |i: usize| i % 5 != 0;
    let numbers = || (0..ROWS).map(move |i| some(i).then_some(i as i64 - 7));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("long", Arc::new(Int64Array::from_iter(numbers()))),
        ("int", Arc::new(Int32Array::from_iter_values(0..ROWS as i32))),
        ("truth", Arc::new(BooleanArray::from_iter((0..ROWS).map(|i| some(i).then_some(i % 2 == 0))))),
        ("float", Arc::new(Float32Array::from_iter((0..ROWS).map(|i| some(i).then_some(i as f32 / 3.0))))),
        (
            "double",
            Arc::new(Float64Array::from_iter_values((0..ROWS).map(|i| if i == 3 { f64::NAN } else { i as f64 }))),
        ),
        ("text", Arc::new(StringArray::from_iter((0..ROWS).map(|i| some(i).then(|| format!("Straße {i}")))))),
        ("long_text", Arc::new(StringArray::from_iter_values((0..ROWS).map(|i| "ä".repeat(100 + i))))),
        ("bytes", Arc::new(BinaryArray::from_iter_values((0..ROWS).map(|i| [i as u8, 0xff])))),
        ("day", Arc::new(Date32Array::from_iter_values(0..ROWS as i32))),
        ("at", Arc::new(TimestampNanosecondArray::from_iter_values(0..ROWS as i64))),
        ("wide", Arc::new(Decimal128Array::from_iter_values((0..ROWS).map(|i| -(i as i128) << 70)))),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(numbers().map(|n| Some(vec![n, n]))))),
        ("nothing", Arc::new(StringArray::new_null(ROWS))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn file(properties: WriterPropertiesBuilder) -> Bytes {
    let (mut file, batch) = (Vec::new(), batch());
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file.into()
}

fn footer(file: &Bytes) -> Bytes {
    let end = file.len() - FOOTER_SIZE;
    let length = u32::from_le_bytes(file[end..end + 4].try_into().unwrap()) as usize;
    file.slice(end - length..end)
}

fn by_parquet(footer: &[u8]) -> Option<ParquetMetaData> {
    let options = ParquetMetaDataOptions::new().with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    ParquetMetaDataReader::decode_metadata_with_options(footer, Some(&options)).ok()
}

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_max_row_group_row_count(Some(7))
}

/// The ways in which files say more or less of themselves.
fn ways() -> Vec<WriterPropertiesBuilder> {
    vec![
        properties(),
        properties().set_dictionary_enabled(false).set_encoding(Encoding::PLAIN).set_compression(Compression::SNAPPY),
        properties().set_statistics_enabled(EnabledStatistics::None),
        properties().set_statistics_enabled(EnabledStatistics::Page).set_bloom_filter_enabled(true),
        properties().set_statistics_truncate_length(Some(4)),
    ]
}

#[test]
fn a_footer_in_parts_is_the_footer() {
    for way in ways() {
        let footer = footer(&file(way));
        let whole = by_parquet(&footer);
        assert_eq!(whole.as_ref().map(ParquetMetaData::num_row_groups), Some(ROWS.div_ceil(7)));
        for parts in 2..9 {
            assert_eq!(in_parts(&footer, parts, 1), whole, "{parts}");
        }
        assert_eq!(in_parts(&footer, 8, 4), None);
        assert_eq!(decode(&footer), whole);
    }
}

/// Row groups that say no number are numbered through all parts.
#[test]
fn row_groups_without_a_number_are_numbered() {
    let footer = footer(&file(properties()));
    let mut groups = Groups::of(&footer).unwrap();
    let (head, count) = (groups.head, groups.count);
    let mut bytes = [head, &groups::list_of(count)].concat();
    for _ in 0..count {
        // The number is the last field, of one byte after its own, before the end.
        let group = groups.take(1).unwrap();
        let (kept, number) = group.split_at(group.len() - 3);
        assert_eq!((number[0] & 0xf, number[2]), (4, 0));
        bytes.extend([kept, &[0]].concat());
    }
    bytes.extend(groups.rest());
    let whole = by_parquet(&bytes).unwrap();
    let numbers: Vec<_> = whole.row_groups().iter().map(|g| g.ordinal()).collect();
    assert_eq!(numbers, (0..count as i16).map(Some).collect::<Vec<_>>());
    assert_eq!(in_parts(&bytes, 3, 1), Some(whole));
    // Some with and some without are none.
    let first = Groups::of(&footer).unwrap().take(1).unwrap().len();
    let mut mixed =
        [head, &groups::list_of(count), &footer[footer.len() - groups_and_rest(&footer)..][..first]].concat();
    let mut without = Groups::of(&bytes).unwrap();
    without.take(1).unwrap();
    mixed.extend(without.rest());
    assert!(by_parquet(&mixed).is_none() && decode(&mixed).is_none() && in_parts(&mixed, 3, 1).is_none());
}

fn groups_and_rest(footer: &[u8]) -> usize {
    Groups::of(footer).unwrap().rest().len()
}

/// Wherever a byte is another one or the last nothing panics.
#[test]
fn a_mutilated_footer_is_no_accident() {
    let footer = footer(&file(properties().set_max_row_group_row_count(Some(20)).set_bloom_filter_enabled(true)));
    for at in 0..footer.len() {
        for bit in [0, 3, 6] {
            let mut bytes = footer.to_vec();
            bytes[at] ^= 1 << bit;
            in_parts(&bytes, 2, 1);
        }
        assert_eq!(in_parts(&footer[..at], 2, 1), None);
    }
}
