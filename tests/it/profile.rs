//! `dqc profile` and `dqc init FILE`: what is found in real data compiles, holds of that data, and no longer of changed data.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::root;

const DATASETS: [&str; 5] = ["airlines", "airports", "flights", "planes", "weather"];

fn dqc(project: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
    command.args(args).current_dir(project).args(["--as-of", "2014-01-02T00:00:00Z", "--color", "never"]);
    command.env_remove("DQC_ENV").output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).to_string()
}

fn told(output: &Output) -> String {
    format!("exit {:?}\n{}\n{}", output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Without the formatter's alignment.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", told(output)))
}

const CONFIG: &str = "[project]\nname = \"found\"\nlanguage = 1\n\n[layers]\nbronze = { path = \"lake/bronze\", format = \"parquet\" }\n\n[quarantine]\npath = \"lake/quarantine\"\n\n[ledger]\npath = \"lake/_dqc\"\n";

/// The example's data, two months of its flights.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("dqc.toml"), CONFIG).expect("a configuration");
    let lake = root().join("rules/flights/lake/bronze");
    for dataset in DATASETS {
        for entry in walkdir::WalkDir::new(lake.join(dataset)).into_iter().flatten().filter(|e| e.file_type().is_file()) {
            let below = entry.path().strip_prefix(&lake).expect("a file of the lake");
            if dataset != "flights" || ["2013-03", "2013-04"].iter().any(|m| below.to_string_lossy().contains(m)) {
                let to = folder.path().join("lake/bronze").join(below);
                fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
                fs::copy(entry.path(), to).expect("a file");
            }
        }
    }
    folder
}

/// The first file of a dataset, with every text replaced.
fn with_other_texts(from: &Path, to: &Path) {
    let file = walkdir::WalkDir::new(from).into_iter().flatten().find(|e| e.file_type().is_file()).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(file.path()).expect("a file")).expect("parquet");
    let schema = Arc::clone(reader.schema());
    fs::create_dir_all(to).expect("a folder");
    let out = fs::File::create(to.join("part.parquet")).expect("a file");
    let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), None).expect("a writer");
    for batch in reader.build().expect("a reader").flatten() {
        let other = |column: &ArrayRef| match column.data_type() {
            DataType::Utf8 => {
                let texts = (0..column.len()).map(|i| column.is_valid(i).then_some("¿ nobody knows what this is, or why it is here ?"));
                Arc::new(texts.collect::<StringArray>()) as ArrayRef
            }
            _ => Arc::clone(column),
        };
        let columns = batch.columns().iter().map(other).collect();
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns).expect("a batch")).expect("rows");
    }
    writer.close().expect("a file");
}

#[test]
fn what_is_found_holds_and_catches_what_changes() {
    let project = project();
    let at = project.path();
    let names: Vec<String> = DATASETS.iter().map(|d| format!("bronze.{d}")).collect();
    let mut args = vec!["profile", "-o", "found.dq"];
    args.extend(names.iter().map(String::as_str));
    let made = dqc(at, &args);
    assert!(made.status.success(), "{}", told(&made));
    let found = fs::read_to_string(at.join("found.dq")).expect("what was found");
    for wanted in [
        "carrier: string key",
        "(carrier) references bronze.airlines(carrier)",
        "(origin) references bronze.airports(faa)",
        "dst in (\"A\", \"N\", \"U\")",
        "told_apart: unique (",
        "never null",
    ] {
        assert!(spaced(&found).contains(wanted), "no `{wanted}` in\n{found}");
    }
    let check = dqc(at, &["check"]);
    assert!(check.status.success(), "{}\n{found}", told(&check));
    let layout = dqc(at, &["fmt", "--check"]);
    assert!(layout.status.success(), "{}\n{found}", told(&layout));
    for dataset in &names {
        let audit = dqc(at, &["audit", dataset, "--format", "json"]);
        assert_eq!(audit.status.code(), Some(0), "{}", told(&audit));
        for rule in report(&audit)["rules"].as_array().expect("rules") {
            assert_eq!(rule["verdict"], "passed", "{dataset}: {rule}");
        }
    }
    for dataset in DATASETS {
        let from = at.join("lake/bronze").join(dataset);
        let changed = at.join("changed").join(dataset);
        // Delivered twice; every text another.
        for n in 0..2 {
            for entry in walkdir::WalkDir::new(&from).into_iter().flatten().filter(|e| e.file_type().is_file()) {
                let name = entry.path().strip_prefix(&from).expect("a file").to_string_lossy().replace('/', "-");
                fs::create_dir_all(changed.join("twice")).expect("a folder");
                fs::copy(entry.path(), changed.join("twice").join(format!("{n}-{name}"))).expect("a file");
            }
        }
        with_other_texts(&from, &changed.join("texts"));
        for damage in ["twice", "texts"] {
            let data = changed.join(damage);
            let audit = dqc(at, &["audit", &format!("bronze.{dataset}"), "--data", data.to_str().expect("a path")]);
            assert_eq!(audit.status.code(), Some(10), "{dataset}, {damage}: {}", told(&audit));
        }
    }
}

#[test]
fn a_file_becomes_a_project_that_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = root().join("rules/flights/lake/bronze/planes/planes.parquet");
    let made = dqc(folder.path(), &["init", file.to_str().expect("a path"), "fleet"]);
    assert!(made.status.success(), "{}", told(&made));
    let at = folder.path().join("fleet");
    for (args, wanted) in [
        (vec!["check"], 0),
        (vec!["fmt", "--check"], 0),
        (vec!["run"], 0),
        (vec!["audit", "silver.planes"], 0),
    ] {
        let done = dqc(&at, &args);
        assert_eq!(done.status.code(), Some(wanted), "{args:?}: {}", told(&done));
    }
    assert!(at.join("lake/silver/planes/_delta_log").is_dir());
    let again = dqc(folder.path(), &["init", file.to_str().expect("a path"), "fleet"]);
    assert_eq!(again.status.code(), Some(2), "{}", told(&again));
    let nothing = dqc(folder.path(), &["init", "nothing.parquet", "other"]);
    assert_eq!(nothing.status.code(), Some(2), "{}", told(&nothing));
    assert!(!folder.path().join("other").exists());
}

#[test]
fn awkward_data_is_described_too_and_what_is_personal_is_not_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let mut lines = "Größe (cm),in,e-mail,leer,\"a\"\"b\"\n".to_owned();
    for n in 0..60 {
        lines.push_str(&format!("{}.5,{},person{n}@example.org,,\"x,{}\"\n", 150 + n, ["ja", "nein"][n % 2], n % 3));
    }
    fs::write(at.join("Maße 2026.csv"), lines).expect("a file");
    let made = dqc(at, &["profile", "Maße 2026.csv"]);
    assert!(made.status.success(), "{}", told(&made));
    let found = text(&made.stdout);
    for wanted in ["contract bronze.Maße_2026 @", "`in`: string", "`e-mail`: Email personal", "always null", "in (\"ja\", \"nein\")"] {
        assert!(spaced(&found).contains(wanted), "no `{wanted}` in\n{found}");
    }
    assert!(!found.contains("person1@"), "{found}");
    fs::write(at.join("dqc.toml"), CONFIG.replace("parquet", "csv")).expect("a configuration");
    fs::write(at.join("found.dq"), &found).expect("a contract");
    let check = dqc(at, &["check"]);
    assert!(check.status.success(), "{}\n{found}", told(&check));
    let audit = dqc(at, &["audit", "bronze.Maße_2026", "--data", "Maße 2026.csv"]);
    assert_eq!(audit.status.code(), Some(0), "{}", told(&audit));

    fs::write(at.join("empty.csv"), "a,b\n").expect("a file");
    let made = dqc(at, &["profile", "empty.csv"]);
    assert!(made.status.success(), "{}", told(&made));
    assert!(text(&made.stdout).contains("a: string?"), "{}", told(&made));
    for (args, code) in [
        (vec!["profile", "nothing.parquet"], 2),
        (vec!["profile", "empty.csv", "./empty.csv"], 2),
        (vec!["profile", "empty.csv", "-o", "found.dq"], 2),
    ] {
        let done = dqc(at, &args);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {}", told(&done));
    }
}
