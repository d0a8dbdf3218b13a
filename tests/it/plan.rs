//! `dqc plan` and `dqc audit` as their users meet them: what the one foretells, the other does.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

const CONTRACT: &str = r#"
contract silver.orders @ 1.0.0 {
    owner "a@example.org"

    columns {
        id:      bigint unique
        amount:  bigint
        state:   string
        comment: string
    }

    rules {
        positive: amount > 0
        known:    state in ("new", "paid")
        short:    length(comment) <= 12
        usual:    amount <= id + (max(amount) from batch)
        customer: (id) references silver.customers(id) else warn
    }
}

contract silver.customers @ 1.0.0 {
    owner "a@example.org"

    columns { id: bigint unique }
}

contract silver.clear @ 1.0.0 {
    owner "a@example.org"

    columns {
        id:    bigint
        state: string
        other columns ignored
    }

    rules {
        known: state in ("new", "paid")
        near:  id between 0 and 99
    }
}
"#;

fn project(folder: &Path) {
    let layers = "[project]\nname = \"shop\"\nlanguage = 1\n\n[layers]\nsilver = { path = \"lake\", format = \"parquet\" }\n";
    std::fs::write(folder.join("dqc.toml"), layers).expect("a project");
    std::fs::write(folder.join("shop.dq"), CONTRACT).expect("a contract");
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..60));
    // The last of three row groups breaks `positive`.
    let amounts: ArrayRef = Arc::new(Int64Array::from_iter_values((0..60).map(|n| if n == 47 { -1 } else { 5 })));
    let states: ArrayRef = Arc::new(StringArray::from_iter_values((0..60).map(|n| if n % 2 == 0 { "new" } else { "paid" })));
    let comments: ArrayRef = Arc::new(StringArray::from_iter_values((0..60).map(|n| format!("no. {n}"))));
    let columns = [("id", Arc::clone(&ids)), ("amount", amounts), ("state", states), ("comment", comments)];
    let orders = RecordBatch::try_from_iter(columns).expect("a batch");
    write(&folder.join("lake/orders/part.parquet"), &orders);
    write(&folder.join("lake/clear/part.parquet"), &orders);
    write(&folder.join("lake/customers/part.parquet"), &RecordBatch::try_from_iter([("id", ids)]).expect("a batch"));
}

fn write(path: &Path, batch: &RecordBatch) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let file = std::fs::File::create(path).expect("a file");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(20)).build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("written rows");
    writer.close().expect("a closed file");
}

fn dqc(folder: &Path, args: &[&str], code: i32) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_dqc")).current_dir(folder).args(args).output().expect("the program");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
    String::from_utf8(output.stdout).expect("a text")
}

#[test]
fn plans_foretell_what_audits_read() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path());
    let json = |args: &[&str], code| -> Value {
        let text = dqc(folder.path(), &[args, &["--format", "json"]].concat(), code);
        serde_json::from_str(&text).expect("JSON")
    };
    let number = |value: &Value| value.as_u64().expect("a number");
    for (contract, code, options) in
        [("silver.orders", 10, &[][..]), ("silver.orders", 10, &["--no-proofs"]), ("silver.clear", 0, &[])]
    {
        let plan = json(&[&["plan", contract], options].concat(), 0);
        let report = json(&[&["audit", contract], options].concat(), code);
        let passes = plan["passes"].as_array().expect("passes");
        let bytes: u64 = passes.iter().map(|p| number(&p["bytes"])).sum();
        assert_eq!(bytes + number(&plan["proof_bytes"]), number(&report["bytes_read"]), "{contract} {options:?}");
        assert_eq!(passes.len() as u64, number(&report["passes"]), "{contract} {options:?}");
        let evidence = |of: &Value| -> Vec<(Value, Value)> {
            let rules = of["rules"].as_array().expect("rules").iter();
            rules.map(|r| (r["rule"].clone(), r["evidence"].clone())).collect()
        };
        assert_eq!(evidence(&plan), evidence(&report), "{contract} {options:?}");
    }
    let plan = json(&["plan", "silver.orders"], 0);
    let rule = |name: &str| plan["rules"].as_array().expect("rules").iter().find(|r| r["rule"] == name).expect("a rule").clone();
    assert_eq!((rule("positive")["evidence"].as_str(), number(&rule("positive")["proven_rows"])), (Some("mixed"), 40));
    assert_eq!(rule("known")["evidence"], "proven");
    assert_eq!(plan["passes"][0]["columns"], serde_json::json!(["amount"]));
    assert_eq!(plan["datasets"][0]["columns"], serde_json::json!(["id"]));

    let text = dqc(folder.path(), &["plan", "silver.clear"], 0);
    assert!(text.contains("60 rows in 1 file") && text.contains("no pass: nothing of the data is read"), "{text}");
    let text = dqc(folder.path(), &["plan", "silver.orders"], 0);
    for wanted in ["pass 2", "before", "of silver.customers", "proven in part", "66"] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    dqc(folder.path(), &["plan", "silver.nothing"], 2);
}
