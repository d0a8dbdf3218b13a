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

contract silver.paged @ 1.0.0 {
    owner "a@example.org"

    columns {
        id:   bigint
        even: bigint
    }

    rules {
        rising: id >= 0
        seven:  even <> 7
    }
}

contract gold.kept @ 1.0.0 {
    owner "a@example.org"

    columns {
        id:    bigint
        price: decimal(10, 2)
        day:   date
    }

    rules {
        near:  id between 0 and 99
        cheap: price between 0 and 9.99
        late:  day >= date "2026-01-01"
    }
}
"#;

fn project(folder: &Path) {
    let layers = "[project]\nname = \"shop\"\nlanguage = 1\n\n[layers]\nsilver = { path = \"lake\", format = \"parquet\" }\n\
                  gold = { path = \"gold\", format = \"delta\" }\n";
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
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((0..5_000).map(|n| if n == 2_345 { -1 } else { n })));
    let even: ArrayRef = Arc::new(Int64Array::from_iter_values((0..5_000).map(|n| n * 2)));
    let paged = RecordBatch::try_from_iter([("id", ids), ("even", even)]).expect("a batch");
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_data_page_row_count_limit(500)
        .set_write_batch_size(500)
        .set_bloom_filter_enabled(true);
    write_as(&folder.join("lake/paged/part.parquet"), &paged, properties.build());
}

/// A table of three files; the log says enough of two of them, which cannot be read at all.
fn table(folder: &Path) {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20));
    let prices = arrow::array::Decimal128Array::from_iter_values((0..20).map(|n| 100 + n)).with_precision_and_scale(10, 2);
    let prices: ArrayRef = Arc::new(prices.expect("prices"));
    let days: ArrayRef = Arc::new(arrow::array::Date32Array::from_iter_values((0..20).map(|n| 20_454 + n)));
    let rows = RecordBatch::try_from_iter([("id", ids), ("price", prices), ("day", days)]).expect("a batch");
    write(&folder.join("gold/kept/whole.parquet"), &rows);
    let size = |name: &str| std::fs::metadata(folder.join("gold/kept").join(name)).expect("a file").len();
    let known = serde_json::json!({
        "numRecords": 20,
        "minValues": { "id": 0, "price": 1.00, "day": "2026-01-01" },
        "maxValues": { "id": 19, "price": 1.19, "day": "2026-01-20" },
        "nullCount": { "id": 0, "price": 0, "day": 0 },
    });
    let field = |name: &str, ty: &str| serde_json::json!({ "name": name, "type": ty, "nullable": true, "metadata": {} });
    let fields = [field("id", "long"), field("price", "decimal(10,2)"), field("day", "date")];
    let schema = serde_json::json!({ "type": "struct", "fields": fields }).to_string();
    let mut log = vec![
        serde_json::json!({ "protocol": { "minReaderVersion": 1, "minWriterVersion": 2 } }),
        serde_json::json!({ "metaData": {
            "id": "7b1f3f0e-3b5a-4a53-9d0f-000000000001", "format": { "provider": "parquet", "options": {} },
            "schemaString": schema, "partitionColumns": [], "configuration": {}, "createdTime": 0,
        } }),
    ];
    for name in ["told-1.parquet", "told-2.parquet", "whole.parquet"] {
        let told = name.starts_with("told");
        if told {
            std::fs::write(folder.join("gold/kept").join(name), "no parquet at all").expect("a file");
        }
        let mut add = serde_json::json!({
            "path": name, "partitionValues": {}, "size": size(name), "modificationTime": 0, "dataChange": true,
        });
        if told {
            add["stats"] = known.to_string().into();
        }
        log.push(serde_json::json!({ "add": add }));
    }
    let text: String = log.iter().map(|line| format!("{line}\n")).collect();
    std::fs::create_dir_all(folder.join("gold/kept/_delta_log")).expect("a folder");
    std::fs::write(folder.join("gold/kept/_delta_log/00000000000000000000.json"), text).expect("a log");
}

fn write(path: &Path, batch: &RecordBatch) {
    write_as(path, batch, WriterProperties::builder().set_max_row_group_row_count(Some(20)).build());
}

fn write_as(path: &Path, batch: &RecordBatch, properties: WriterProperties) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let file = std::fs::File::create(path).expect("a file");
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
    table(folder.path());
    for (contract, code, options) in [
        ("silver.orders", 10, &[][..]),
        ("silver.orders", 10, &["--no-proofs"]),
        ("silver.clear", 0, &[]),
        ("silver.paged", 10, &[]),
        ("gold.kept", 0, &[]),
    ] {
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

    let paged = json(&["plan", "silver.paged"], 0);
    let read = (number(&paged["passes"][0]["rows"]), paged["passes"][0]["columns"].clone());
    assert_eq!(read, (500, serde_json::json!(["id"])), "{paged}");
    // What the log proves is not opened, and counts as judged.
    let kept = json(&["audit", "gold.kept"], 0);
    let near = kept["rules"].as_array().expect("rules").iter().find(|r| r["rule"] == "near").expect("a rule");
    assert_eq!((&kept["rows"]["input"], &near["checked"], &near["evidence"]), (&60.into(), &60.into(), &"proven".into()));
    let kept = json(&["audit", "gold.kept", "--no-proofs"], 10);
    assert!(kept.to_string().contains("told-1.parquet"), "{kept}");

    let text = dqc(folder.path(), &["plan", "silver.clear"], 0);
    assert!(text.contains("60 rows in 1 file") && text.contains("no pass: nothing of the data is read"), "{text}");
    let text = dqc(folder.path(), &["plan", "silver.orders"], 0);
    for wanted in ["pass 2", "before", "of silver.customers", "proven in part", "66"] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    dqc(folder.path(), &["plan", "silver.nothing"], 2);
}
