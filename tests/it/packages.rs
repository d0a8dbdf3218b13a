//! What is packed: the crate carries all that it is compiled from.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use regex::Regex;

use crate::root;

/// The packages, and their folders from the root.
const PACKAGES: [(&str, &str); 3] = [("dqc-language", "crates/language"), ("dqc-engine", "crates/engine"), ("dqc", "")];

/// `cargo install` and `pip install` build from the packed crates, so that every text which the sources include is in them.
#[test]
fn the_crates_carry_what_they_are_compiled_from() {
    let include = Regex::new(r#"include_(?:str|bytes)!\("([^"]+)"\)"#).expect("a regular expression");
    let (mut seen, mut faults) = (0, String::new());
    for (package, folder) in PACKAGES {
        let packed = packed(package);
        let sources = root().join(folder).join("src");
        for entry in walkdir::WalkDir::new(&sources).into_iter().filter_map(Result::ok) {
            let Some(beside) = entry.path().parent().filter(|_| entry.path().extension().is_some_and(|end| end == "rs")) else {
                continue;
            };
            let text = std::fs::read_to_string(entry.path()).expect("a source is UTF-8");
            for found in include.captures_iter(&text).filter_map(|c| c.get(1)) {
                let path = flat(beside.strip_prefix(root().join(folder)).expect("below the package"), found.as_str());
                seen += 1;
                if !packed.contains(&path) {
                    let _ = writeln!(faults, "  {package}: {path}");
                }
            }
        }
        assert!(packed.contains("LICENSE"), "{package} has no licence");
        assert!(!packed.iter().any(|path| path.starts_with("rules/") || path.starts_with("tests/")), "data is packed");
    }
    assert!(faults.is_empty(), "\nNot in the packed crate:\n{faults}");
    assert!(seen > 15, "too few includes were found to tell: {seen}");
    for file in ["README.md", "Cargo.lock", "pyproject.toml"] {
        assert!(packed("dqc").contains(file), "{file} is not packed");
    }
    for file in ["build.rs", "grammar/dq.pest"] {
        assert!(packed("dqc-language").contains(file), "{file} is not packed");
    }
}

fn packed(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline", "--package", package])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).replace('\\', "/").lines().map(str::to_owned).collect()
}

/// `src/syntax/` and `../../grammar/dq.pest` as `grammar/dq.pest`: the packages' own links are not followed.
fn flat(beside: &Path, found: &str) -> String {
    let mut parts: Vec<String> = beside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    for part in found.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part.to_owned()),
        }
    }
    parts.join("/")
}
