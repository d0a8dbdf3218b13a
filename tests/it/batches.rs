//! Batches one after another, through the program: what a batch changes in the table, and what is told of it once.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const CONFIG: &str = "[project]\nname = \"batches\"\nlanguage = 1\n\n[layers]\nbronze = { path = \"bronze\", format = \"csv\" }\n\
                      silver = \"silver\"\n\n[quarantine]\npath = \"held\"\n\n[ledger]\npath = \"_dqc\"\n";

fn project(contracts: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("dqc.toml"), CONFIG).expect("dqc.toml");
    std::fs::write(folder.path().join("people.dq"), contracts).expect("contracts");
    folder
}

fn batch(folder: &Path, day: &str, text: &str) {
    let at = folder.join("bronze/people").join(format!("day={day}"));
    std::fs::create_dir_all(&at).expect("a folder");
    std::fs::write(at.join("a.csv"), text).expect("a batch");
}

fn dqc(folder: &Path, arguments: &[&str]) -> Value {
    let done = Command::new(env!("CARGO_BIN_EXE_dqc"))
        .args(arguments)
        .args(["--format", "json", "--as-of", "2026-02-01T00:00:00Z", "--project"])
        .arg(folder)
        .env_remove("DQC_ENV")
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&done.stdout);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}\n{}", String::from_utf8_lossy(&done.stderr)))
}

fn rule<'r>(report: &'r Value, name: &str) -> Option<&'r Value> {
    report["rules"].as_array()?.iter().find(|r| r["rule"] == name)
}

#[test]
fn of_one_key_the_newest_row_comes_into_the_table_wherever_the_older_one_is() {
    let folder = project(
        "contract bronze.people @ 1.0.0 { columns { id: bigint  name: string?  updated: date?  day: date } }\n\
         contract silver.people @ 1.0.0 {\n    nulls pass\n    columns { id: bigint key  name: string?  updated: date? }\n\
             rules {\n        rows_: count(*) = 3 over table\n        mine: name <> \"older\" over table\n    }\n}\n\
         promote bronze.people to silver.people { batches by folder \"day\"  write merge by updated }\n",
    );
    let folder = folder.path();
    let rows = |of: &str| dqc(folder, &["audit", "silver.people", "--data", &folder.join(of).to_string_lossy()]);
    // Into nothing, then into the table: an older row of a key, in the batch or in the table, changes nothing.
    batch(
        folder,
        "2026-01-01",
        "id,name,updated\n1,a,2026-01-05\n4,older,2026-01-02\n4,d,2026-01-03\n4,older,\n2,b,2026-01-01\n",
    );
    let report = dqc(folder, &["run"]);
    assert_eq!((&report["promoted"], &report["rows"]["accepted"]), (&true.into(), &5.into()), "{report}");
    let table = rows("silver/people");
    assert_eq!((&table["rows"]["input"], &table["verdict"]), (&3.into(), &"passed".into()), "{table}");
    batch(
        folder,
        "2026-01-02",
        "id,name,updated\n1,older,2026-01-04\n4,older,2026-01-06\n2,b2,2026-01-02\n4,d2,2026-01-07\n",
    );
    let report = dqc(folder, &["run"]);
    assert_eq!(report["promoted"], true, "{report}");
    let mine = rule(&report, "mine").expect("a result");
    assert_eq!((&mine["checked"], &mine["violations"]), (&3.into(), &0.into()), "{mine}");
    let table = rows("silver/people");
    assert_eq!((&table["rows"]["input"], &table["verdict"]), (&3.into(), &"passed".into()), "{table}");
}

#[test]
fn other_columns_are_reported_once_per_change() {
    let folder = project(
        "contract bronze.people @ 1.0.0 { columns { id: bigint  day: date } }\n\
         contract silver.people @ 1.0.0 { columns { id: bigint } }\n\
         promote bronze.people to silver.people { batches by folder \"day\"  write append }\n",
    );
    let folder = folder.path();
    let told = |day: &str, header: &str| {
        let cells = header.split(',').map(|_| "1").collect::<Vec<_>>().join(",");
        batch(folder, day, &format!("{header}\n{cells}\n"));
        let report = dqc(folder, &["run"]);
        assert_eq!(report["promoted"], true, "{report}");
        rule(&report, "other_columns").map(|r| r["reason"].as_str().unwrap_or_default().to_owned())
    };
    let left_out = |names: &str| Some(format!("the files also have {names}, which the contract leaves out"));
    assert_eq!(told("2026-01-01", "id,size"), left_out("`size`"));
    assert_eq!(told("2026-01-02", "id,size"), None);
    assert_eq!(told("2026-01-03", "id,size,hue"), left_out("`size`, `hue`"));
    assert_eq!(told("2026-01-04", "id,size,hue"), None);
    assert_eq!(told("2026-01-05", "id"), None);
    assert_eq!(told("2026-01-06", "id,size,hue"), left_out("`size`, `hue`"));
    // Nobody has been told of what a dry run found, and an audit keeps no books.
    let audited = dqc(
        folder,
        &["audit", "bronze.people", "--data", &folder.join("bronze/people/day=2026-01-06").to_string_lossy()],
    );
    assert_eq!(rule(&audited, "other_columns").map(|r| &r["verdict"]), Some(&"passed".into()), "{audited}");
}

/// Tables whose writers must know more than those of the first versions: with a time of no zone, and as others leave them.
#[test]
fn a_table_that_asks_more_of_its_writers_is_written() {
    let folder = project(
        "contract bronze.people @ 1.0.0 { columns { id: bigint  at: timestamp_ntz  day: date } }\n\
         contract silver.people @ 1.0.0 { columns { id: bigint key  at: timestamp_ntz } }\n\
         promote bronze.people to silver.people { batches by folder \"day\"  write merge by at }\n",
    );
    let folder = folder.path();
    let rows = || dqc(folder, &["audit", "silver.people", "--data", &folder.join("silver/people").to_string_lossy()]);
    batch(folder, "2026-01-01", "id,at\n1,2026-01-01 10:00:00\n2,2026-01-01 10:00:00\n");
    assert_eq!(dqc(folder, &["run"])["promoted"], true);
    let log = folder.join("silver/people/_delta_log");
    let first = std::fs::read_to_string(log.join(format!("{:020}.json", 0))).expect("the first version");
    assert!(first.contains("\"minWriterVersion\":7") && first.contains("timestampNtz"), "{first}");
    batch(folder, "2026-01-02", "id,at\n2,2026-01-02 10:00:00\n3,2026-01-02 10:00:00\n");
    assert_eq!(dqc(folder, &["run"])["promoted"], true);
    let table = rows();
    assert_eq!((&table["rows"]["input"], &table["verdict"]), (&3.into(), &"passed".into()), "{table}");
    // Spark names all that a table can have once it names anything.
    let named = "\"invariants\",\"appendOnly\",\"checkConstraints\",\"changeDataFeed\",\"generatedColumns\",\"timestampNtz\"";
    let protocol = format!(
        "{{\"protocol\":{{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[\"timestampNtz\"],\"writerFeatures\":[{named}]}}}}\n"
    );
    let next = std::fs::read_dir(&log).expect("the log").flatten();
    let next = next.filter(|e| e.file_name().to_string_lossy().ends_with(".json")).count();
    std::fs::write(log.join(format!("{next:020}.json")), protocol).expect("a version");
    batch(folder, "2026-01-03", "id,at\n4,2026-01-03 10:00:00\n");
    let report = dqc(folder, &["run"]);
    assert_eq!(report["promoted"], true, "{report}");
    assert_eq!(rows()["rows"]["input"], 4);
}
