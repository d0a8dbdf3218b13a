//! What the README shows is there.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use regex::Regex;

use crate::root;

#[test]
fn commands_in_the_readme_exist() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let ours = Regex::new(r"(?m)(?:^cargo run --release -- |^dqc |`dqc )([a-z][a-z-]*)").expect("a regular expression");
    let script =
        Regex::new(r"(?m)^((?:tests|benches|rules|integrations|editors)/[\w./-]+)").expect("a regular expression");
    let mut faults = String::new();
    let subcommands: BTreeSet<&str> =
        ours.captures_iter(&readme).filter_map(|c| c.get(1)).map(|m| m.as_str()).collect();
    for name in subcommands {
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_dqc")).args([name, "--help"]).output();
        if !run.is_ok_and(|o| o.status.success()) {
            let _ = writeln!(faults, "  dqc {name}");
        }
    }
    for path in script.captures_iter(&readme).filter_map(|c| c.get(1)) {
        if !root().join(path.as_str()).exists() {
            let _ = writeln!(faults, "  {}", path.as_str());
        }
    }
    assert!(faults.is_empty(), "\nThe README names what does not exist:\n{faults}");
}
