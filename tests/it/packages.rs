//! What is packed: the crate carries all that it is compiled from.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use regex::Regex;

use crate::root;

/// `cargo install` and `pip install` build from the packed crate, so that every text which the sources include is in it.
#[test]
fn the_crate_carries_what_it_is_compiled_from() {
    let output = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8_lossy(&output.stdout).replace('\\', "/");
    let packed: BTreeSet<&str> = listed.lines().collect();
    let include =
        Regex::new(r#"include_(?:str|bytes)!\("([^"]+)"\)|grammar = "([^"]+)""#).expect("a regular expression");
    let (mut seen, mut faults) = (0, String::new());
    for entry in walkdir::WalkDir::new(root().join("src")).into_iter().filter_map(Result::ok) {
        if entry.path().extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("a source is UTF-8");
        for found in include.captures_iter(&text).filter_map(|c| c.get(1).or(c.get(2))) {
            let beside = entry.path().parent().unwrap_or(Path::new("")).join(found.as_str());
            let path = if beside.exists() { beside } else { root().join("src").join(found.as_str()) };
            let Ok(path) = path.canonicalize() else { continue };
            let path = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            seen += 1;
            if !packed.contains(path.as_str()) {
                let _ = writeln!(faults, "  {path}");
            }
        }
    }
    assert!(faults.is_empty(), "\nNot in the packed crate:\n{faults}");
    assert!(seen > 5, "too few includes were found to tell: {seen}");
    for file in ["LICENSE", "README.md", "Cargo.lock", "build.rs", "pyproject.toml"] {
        assert!(packed.contains(file), "{file} is not packed");
    }
    assert!(!packed.iter().any(|path| path.starts_with("rules/") || path.starts_with("tests/")), "data is packed");
}
