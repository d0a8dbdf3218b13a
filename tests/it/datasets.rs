//! `dqc datasets`: the project as other programs are told of it.

use std::process::Command;

use serde_json::Value;

use crate::{root, schema};

fn datasets(more: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
    command.arg("datasets").args(more).arg("--project").arg(root().join("rules/flights")).env_remove("DQC_ENV");
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn document(more: &[&str]) -> Value {
    let document: Value = serde_json::from_str(&datasets(&[&["--format", "json"], more].concat())).expect("JSON");
    let wanted = schema::schema("src/cli/datasets.schema.json");
    assert_eq!(schema::faults(&wanted, &document), [""; 0]);
    document
}

#[test]
fn the_document_is_as_its_schema_says() {
    let found = document(&[]);
    let all = found["datasets"].as_array().expect("datasets");
    let of = |name: &str| all.iter().find(|d| d["dataset"] == name).unwrap_or_else(|| panic!("no {name} in {found}"));
    let flights = of("silver.flights");
    assert_eq!(flights["owner"], "flight-data@port-authority.example");
    assert_eq!(flights["from"], serde_json::json!(["bronze.flights"]));
    assert_eq!(of("bronze.flights")["format"], "parquet");
    let place = flights["location"].as_str().expect("a place");
    assert!(place.starts_with("file:///") && place.ends_with("/rules/flights/lake/silver/flights/"), "{place}");
    assert!(
        flights["columns"].as_array().expect("columns").iter().any(|c| c["name"] == "tailnum" && c["nullable"] == true)
    );
    // The author's words as written: their holes are filled by no row.
    let rules = flights["rules"].as_array().expect("rules");
    assert!(rules.iter().any(|r| r["because"].as_str().is_some_and(|b| b.contains("{tailnum}"))), "{rules:?}");
    let promotions = found["promotions"].as_array().expect("promotions");
    assert!(
        promotions
            .iter()
            .any(|p| p["promotion"] == "bronze.flights to silver.flights" && p["batches"] == "folder month")
    );
    // Upstream stands before what is made of it.
    let place = |name: &str| all.iter().position(|d| d["dataset"] == name);
    assert!(place("bronze.flights") < place("silver.flights") && place("silver.flights") < place("gold.departures"));
}

#[test]
fn places_are_those_of_the_environment() {
    let found = document(&["--env", "damaged"]);
    assert_eq!(found["environment"], "damaged");
    let places: Vec<&str> =
        found["datasets"].as_array().expect("datasets").iter().filter_map(|d| d["location"].as_str()).collect();
    assert!(places.iter().all(|p| p.contains("/lake-damaged/")), "{places:?}");
    let text = datasets(&["--env", "damaged"]);
    assert!(
        text.contains("silver.flights") && text.contains("lake-damaged/silver/flights/") && text.contains("owner: "),
        "{text}"
    );
}
