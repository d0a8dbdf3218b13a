//! Contracts and files for them, by chance: every type, statistics that are there, absent or truncated, indexes of pages,
//! filters and dictionaries or none, row groups of nulls alone, and the values at which statistics go wrong.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, TimeUnit};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

pub struct Case {
    pub contract: String,
    pub files: Vec<File>,
}

pub struct File {
    pub batch: RecordBatch,
    pub properties: WriterProperties,
}

/// A small generator: the same numbers for the same seed everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A column's kind: its type in the contract, that of the file, conditions on `c`, and how many values it draws from.
struct Kind {
    declared: &'static str,
    file: DataType,
    conditions: &'static [&'static str],
}

const NUMBERS: &[&str] = &[
    "c between 0 and 7", "c >= 0", "c <> 5", "c = 5", "c in (0, 1, 5)", "c is not null", "c > 0 or c is null", "not (c < 0)",
    "c not in (-7, 3, 8)", "c between -2 and 100 and c <> 3", "c is null", "(c >= 0) is true", "c > 1 or c < 1", "c + 1 > c", "5 <= c",
];
const FLOATS: &[&str] = &[
    "c >= 0", "c <> 0", "c = 0", "c between -2 and 2", "c is not null", "c < 1 or c is null", "not (c < 0)", "c > -1e200",
];
const TEXTS: &[&str] = &[
    "c in (\"a\", \"ab\", \"REG AIR\")", "c matches r\"[a-zA-Z ]*\"", "length(c) <= 2", "c like \"a%\"", "c <> \"a\"", "c < \"b\"",
    "c <> \"b\"", "c not in (\"aa\", \"REG\")", "upper(c) = c", "c is not null", "length(c) between 1 and 40", "c >= \"\"", "c matches r\".*\"",
];
const DAYS: &[&str] =
    &["c >= date \"2020-01-01\"", "c < date \"2024-01-01\"", "c is not null", "c in (date \"2020-01-01\", date \"2023-12-31\")"];
const TIMES: &[&str] = &[
    "c >= timestamp \"2020-01-01T00:00:00Z\"", "c < timestamp \"2024-01-01T00:00:00Z\"", "c is not null",
    "c between timestamp \"2019-12-31T23:59:59Z\" and timestamp \"2023-12-31T00:00:00Z\"",
];
const CLOCKS: &[&str] = &["c is not null", "c >= cast(\"2020-01-01T00:00:00\" as timestamp_ntz)", "c = c"];
const TRUTHS: &[&str] = &["c", "not c", "c is true", "c is not false", "c = true", "c or c is null"];
const BYTES: &[&str] = &["c is not null", "c is null"];

fn kinds() -> Vec<Kind> {
    let kind = |declared, file, conditions| Kind { declared, file, conditions };
    let at = |unit, zone: Option<&str>| DataType::Timestamp(unit, zone.map(Into::into));
    vec![
        kind("bigint", DataType::Int64, NUMBERS),
        kind("bigint", DataType::Int32, NUMBERS),
        kind("int", DataType::Int16, NUMBERS),
        kind("double", DataType::Int32, NUMBERS),
        kind("decimal(12, 2)", DataType::Int32, NUMBERS),
        kind("decimal(9, 2)", DataType::Decimal128(9, 2), NUMBERS),
        kind("decimal(18, 4)", DataType::Decimal128(18, 4), NUMBERS),
        kind("decimal(20, 3)", DataType::Decimal128(12, 2), NUMBERS),
        kind("decimal(38, 6)", DataType::Decimal128(38, 6), NUMBERS),
        kind("decimal(38, 6)", DataType::Decimal128(30, 3), NUMBERS),
        kind("double", DataType::Float64, FLOATS),
        kind("double", DataType::Float32, FLOATS),
        kind("float", DataType::Float32, FLOATS),
        kind("string", DataType::Utf8, TEXTS),
        kind("string", DataType::LargeUtf8, TEXTS),
        kind("string", DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), TEXTS),
        kind("date", DataType::Date32, DAYS),
        kind("timestamp", at(TimeUnit::Second, Some("UTC")), TIMES),
        kind("timestamp", at(TimeUnit::Millisecond, Some("UTC")), TIMES),
        kind("timestamp", at(TimeUnit::Microsecond, Some("Europe/Berlin")), TIMES),
        kind("timestamp", at(TimeUnit::Nanosecond, Some("UTC")), TIMES),
        kind("timestamp_ntz", at(TimeUnit::Millisecond, None), CLOCKS),
        kind("timestamp_ntz", at(TimeUnit::Nanosecond, None), CLOCKS),
        kind("boolean", DataType::Boolean, TRUTHS),
        kind("binary", DataType::Binary, BYTES),
    ]
}

pub fn case(random: &mut Random) -> Case {
    let kinds = kinds();
    let columns: Vec<(&Kind, bool)> = (0..1 + random.below(4)).map(|_| (random.one(&kinds), random.chance(70))).collect();
    let mut contract = "contract silver.t @ 1.0.0 {\n    owner \"a@example.org\"\n    nulls pass\n\n    columns {\n".to_string();
    for (i, (kind, nullable)) in columns.iter().enumerate() {
        let mark = if *nullable { "?" } else { "" };
        contract.push_str(&format!("        c{i}: {}{mark}\n", kind.declared));
    }
    contract.push_str("    }\n\n    rules {\n");
    let condition = |random: &mut Random| {
        let at = random.below(columns.len());
        let text = random.one(columns[at].0.conditions);
        // `c` alone is the column; in a word it is a letter.
        let mut out = String::new();
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '"');
        let chars: Vec<char> = text.chars().collect();
        for (p, c) in chars.iter().enumerate() {
            let alone = !word(p.checked_sub(1).map(|p| chars[p])) && !word(chars.get(p + 1).copied());
            if *c == 'c' && alone { out.push_str(&format!("c{at}")) } else { out.push(*c) }
        }
        out
    };
    for rule in 0..2 + random.below(6) {
        let mut text = condition(random);
        if random.chance(20) {
            let other = condition(random);
            text = format!("({text}) {} ({other})", *random.one(&["and", "or"]));
        }
        if random.chance(25) {
            text.push_str(&format!(" when {}", condition(random)));
        }
        if random.chance(40) {
            text.push_str(*random.one(&[" nulls pass", " nulls fail"]));
        }
        text.push_str(*random.one(&["", " else warn", " else quarantine"]));
        contract.push_str(&format!("        r{rule}: {text}\n"));
    }
    contract.push_str("    }\n}\n");
    let files = (0..1 + random.below(3)).map(|_| file(random, &columns)).collect();
    Case { contract, files }
}

fn file(random: &mut Random, columns: &[(&Kind, bool)]) -> File {
    let group = *random.one(&[1, 7, 40]);
    let rows = *random.one(&[0, 1, 13, 40, 90]);
    let fields = columns.iter().enumerate().map(|(i, (kind, _))| {
        let mut parts: Vec<ArrayRef> = Vec::new();
        let mut left = rows;
        while left > 0 {
            let size = left.min(group);
            parts.push(values(random, &kind.file, size));
            left -= size;
        }
        let parts: Vec<&dyn Array> = parts.iter().map(|p| p.as_ref()).collect();
        let array = match parts.is_empty() {
            true => new_empty_array(&kind.file),
            false => arrow::compute::concat(&parts).expect("one column"),
        };
        (format!("c{i}"), array, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(fields.collect::<Vec<_>>()).expect("a batch");
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_statistics_enabled(*random.one(&[EnabledStatistics::None, EnabledStatistics::Chunk, EnabledStatistics::Page]))
        .set_statistics_truncate_length(*random.one(&[None, Some(1), Some(3), Some(64)]))
        .set_dictionary_enabled(random.chance(60))
        .set_dictionary_page_size_limit(*random.one(&[1, 1 << 20]))
        .set_data_page_row_count_limit(*random.one(&[3, 1 << 20]))
        .set_write_batch_size(3)
        .set_bloom_filter_enabled(random.chance(40))
        .set_writer_version(*random.one(&[WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0]))
        .build();
    File { batch, properties }
}

/// The values of a column in a row group: few or many different ones, with nulls, without, or nothing else.
fn values(random: &mut Random, ty: &DataType, rows: usize) -> ArrayRef {
    let nulls = *random.one(&[0, 0, 30, 100]);
    let narrow = random.chance(60);
    let first = random.below(64);
    let mut pick = |of: usize| {
        // A narrow group takes neighbours of the pool, which lists tame values first.
        let at = if narrow { first % of.min(3) + random.below(2) } else { random.below(of) };
        (!random.chance(nulls)).then_some(at % of)
    };
    macro_rules! draw {
        ($array:ty, $pool:expr) => {{
            let pool = $pool;
            (0..rows).map(|_| pick(pool.len()).map(|i| pool[i].clone())).collect::<$array>()
        }};
    }
    const HOUR: i64 = 3_600;
    let seconds: Vec<i64> = vec![1_577_836_800, 1_577_836_800 + HOUR, 1_704_067_200, 1_577_836_799, -1, 0, 1_704_067_199];
    match ty {
        DataType::Int64 => Arc::new(draw!(Int64Array, [5i64, 6, 7, 0, -1, 100, i64::MIN, i64::MAX])),
        DataType::Int32 => Arc::new(draw!(Int32Array, [5i32, 6, 7, 0, -1, 100, i32::MIN, i32::MAX])),
        DataType::Int16 => Arc::new(draw!(Int16Array, [5i16, 6, 7, 0, -1, 100, i16::MIN, i16::MAX])),
        DataType::Float64 => Arc::new(draw!(Float64Array, [1.0f64, 0.5, 1.5, -0.0, 0.0, f64::NAN, -f64::NAN, f64::INFINITY, -1e300])),
        DataType::Float32 => Arc::new(draw!(Float32Array, [1.0f32, 0.5, 1.5, -0.0, 0.0, f32::NAN, f32::NEG_INFINITY, -1e30])),
        DataType::Decimal128(precision, scale) => {
            let one = 10i128.pow(*scale as u32);
            let most = 10i128.pow(u32::from(*precision)) - 1;
            let array = draw!(Decimal128Array, [5 * one, 6 * one, 7 * one, 0, -1, 7 * one + 1, -most, most]);
            Arc::new(array.with_precision_and_scale(*precision, *scale).expect("a decimal"))
        }
        DataType::Utf8 => Arc::new(draw!(StringArray, texts())),
        DataType::LargeUtf8 => Arc::new(draw!(LargeStringArray, texts())),
        DataType::Dictionary(..) => {
            let strings: ArrayRef = Arc::new(draw!(StringArray, texts()));
            arrow::compute::cast(&strings, ty).expect("a dictionary")
        }
        DataType::Date32 => Arc::new(draw!(Date32Array, [18_262i32, 18_263, 19_722, 18_261, 19_723, i32::MIN, 2_932_896])),
        DataType::Timestamp(TimeUnit::Second, zone) => {
            Arc::new(draw!(TimestampSecondArray, seconds.clone()).with_timezone_opt(zone.clone()))
        }
        DataType::Timestamp(TimeUnit::Millisecond, zone) => {
            let far = [i64::MAX, i64::MIN];
            let pool: Vec<i64> = seconds.iter().map(|s| s * 1000).chain(far).collect();
            Arc::new(draw!(TimestampMillisecondArray, pool).with_timezone_opt(zone.clone()))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let pool: Vec<i64> = seconds.iter().map(|s| s * 1_000_000).chain([i64::MAX, i64::MIN]).collect();
            Arc::new(draw!(TimestampMicrosecondArray, pool).with_timezone_opt(zone.clone()))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let pool: Vec<i64> = seconds.iter().flat_map(|s| [s * 1_000_000_000, s * 1_000_000_000 - 1]).collect();
            Arc::new(draw!(TimestampNanosecondArray, pool).with_timezone_opt(zone.clone()))
        }
        DataType::Boolean => Arc::new(draw!(BooleanArray, [true, true, false])),
        _ => Arc::new(draw!(BinaryArray, [&b"a"[..], b"", b"\xff\x00"])),
    }
}

fn texts() -> Vec<String> {
    let long = "REG AIR and a good deal more than statistics like to keep".to_string();
    let mut texts: Vec<String> = ["a", "ab", "REG AIR", "", "ä", "ÄÖÜ", "b\u{10ffff}", "zz top"].map(str::to_string).to_vec();
    texts.push(long.repeat(2));
    texts
}
