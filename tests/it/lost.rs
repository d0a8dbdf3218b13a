//! What a file holds and its declared type cannot keep is a reason of its row: nothing becomes null in silence.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, StructArray, TimestampMillisecondArray,
    TimestampSecondArray,
};
use arrow::datatypes::{DataType, Field};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

const CONTRACT: &str = r#"
contract silver.events @ 1.0.0 {
    columns {
        id:    bigint
        at:    timestamp?
        until: timestamp_ntz?
        tags:  array<string>?
        whole: array<string?>?
        place: struct<town: string, street: string?>?
        inner: array<timestamp?>?
    }
    rules {
        early: at < timestamp "2030-01-01 00:00:00Z"  else warn
    }
}
"#;

fn texts(rows: &[Option<&[Option<&str>]>]) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        row.into_iter().flat_map(|items| items.iter()).for_each(|item| lists.values().append_option(*item));
        lists.append(row.is_some());
    }
    Arc::new(lists.finish())
}

fn write(path: &Path) {
    let instants = |values: Vec<Option<i64>>| TimestampMillisecondArray::from(values).with_timezone("UTC");
    let field = |name: &str| Arc::new(Field::new(name, DataType::Utf8, true));
    let towns: ArrayRef =
        Arc::new(StringArray::from(vec![Some("Ulm"), Some("Ulm"), Some("Ulm"), Some("Ulm"), None, None]));
    let streets: ArrayRef = Arc::new(StringArray::from(vec![None, Some("Weg"), None, None, Some("Weg"), None]));
    let there = vec![true, true, true, true, true, false].into();
    let places = StructArray::new(vec![field("town"), field("street")].into(), vec![towns, streets], Some(there));
    let mut inner = ListBuilder::new(arrow::array::TimestampSecondBuilder::new().with_timezone("UTC"));
    for row in 0..6 {
        inner.values().append_option((row != 1).then_some(if row == 5 { i64::MAX } else { row }));
        inner.append(true);
    }
    let some: &[Option<&str>] = &[Some("a"), Some("b")];
    let holed: &[Option<&str>] = &[Some("a"), None];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(1..=6))),
        ("at", Arc::new(instants(vec![Some(0), Some(i64::MAX), None, Some(1_700_000_000_000), Some(1), Some(1)]))),
        ("until", Arc::new(TimestampSecondArray::from(vec![Some(1), Some(1), Some(i64::MIN), None, Some(1), Some(1)]))),
        ("tags", texts(&[Some(some), None, Some(&[]), Some(holed), Some(some), Some(some)])),
        ("whole", texts(&[Some(holed), None, Some(&[]), Some(holed), Some(some), Some(some)])),
        ("place", Arc::new(places)),
        ("inner", Arc::new(inner.finish())),
    ];
    let rows = RecordBatch::try_from_iter(columns).expect("rows");
    let file = File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).expect("a writer");
    writer.write(&rows).expect("rows are written");
    writer.close().expect("the file is closed");
}

#[test]
fn what_a_type_cannot_keep_is_a_reason_of_its_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    std::fs::write(folder.join("events.dq"), CONTRACT).expect("the contract");
    let project = "[project]\nname = \"events\"\nlanguage = 1\n\n[layers]\nsilver = { path = \"silver\", format = \"parquet\" }\n\n[ledger]\npath = \"_dqc\"\n";
    std::fs::write(folder.join("dqc.toml"), project).expect("dqc.toml");
    let file = folder.join("events.parquet");
    write(&file);
    for proofs in [&[][..], &["--no-proofs"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
        command.args(["audit", "silver.events", "--format", "json", "--project"]).arg(folder).arg("--data").arg(&file);
        let done = command.args(proofs).env_remove("DQC_ENV").output().expect("the binary starts");
        let report: Value = serde_json::from_slice(&done.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&done.stderr)));
        let found = |name: &str| {
            let rule = report["rules"].as_array().into_iter().flatten().find(|r| r["rule"] == name);
            let rule = rule.unwrap_or_else(|| panic!("no {name} in {report:#}"));
            let rows: Vec<i64> =
                rule["samples"].as_array().into_iter().flatten().filter_map(|s| s["row"].as_i64()).collect();
            (rule["violations"].as_i64().unwrap_or(-1), rows)
        };
        for (name, rows) in [
            ("at.cast", vec![2]),
            ("until.cast", vec![3]),
            ("tags.cast", vec![4]),
            ("place.cast", vec![5]),
            ("inner.cast", vec![6]),
            ("early", vec![]),
        ] {
            assert_eq!(found(name), (rows.len() as i64, rows), "{name} {proofs:?} in {report:#}");
        }
        let names = report["rules"].as_array().into_iter().flatten().filter_map(|r| r["rule"].as_str());
        assert!(!names.into_iter().any(|n| n == "whole.cast"), "{report:#}");
    }
}
