//! `dqc` on a real terminal: colour, width, progress, signals; what shells and `man` are given.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use crate::root;

const DQC: &str = env!("CARGO_BIN_EXE_dqc");

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The commands that `dqc --help` lists.
fn commands() -> BTreeSet<String> {
    let help = said(&Command::new(DQC).arg("--help").output().expect("the program starts"));
    let list = help.split("Commands:").nth(1).expect("commands").split("\n\n").next().unwrap_or("").to_owned();
    let found: BTreeSet<String> =
        list.lines().filter(|l| l.starts_with("  ") && !l.starts_with("   ")).filter_map(|l| l.split_whitespace().next().map(str::to_owned)).collect();
    assert!(found.len() > 6, "{help}");
    found
}

fn script(name: &str, wanted: &Path) {
    let python = std::env::var_os("DQC_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let output = Command::new(python).arg(root().join("tests/it/terminal.py")).arg(name).arg(DQC).arg(wanted).output();
    let Ok(output) = output else {
        println!("skipped: no Python; see tests/README.md");
        return;
    };
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn colour_and_width_follow_the_terminal() {
    script("check", &root().join("tests/binary/findings"));
}

#[test]
fn a_run_shows_its_progress_and_heeds_signals() {
    // A program without its engine runs nothing.
    if !commands().contains("run") {
        return;
    }
    script("run", &root().join("rules/flights"));
}

#[test]
fn every_shell_has_its_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Command::new(DQC).args(["completions", shell]).output().expect("the program starts");
        let text = said(&output);
        assert!(output.status.success() && text.contains("against") && text.contains("watch"), "{shell}: {text}");
    }
}

#[test]
fn every_command_has_its_page() {
    let here = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(DQC).arg("man").arg(here.path()).output().expect("the program starts");
    assert!(output.status.success(), "{}", said(&output));
    let read = |name: &str| std::fs::read_to_string(here.path().join(name)).unwrap_or_else(|_| panic!("there is no page {name}"));
    assert!(read("dqc.1").contains(".TH dqc 1"));
    for command in commands() {
        let page = read(&format!("dqc-{command}.1"));
        let help = said(&Command::new(DQC).args([&command, "--help"]).output().expect("the program starts"));
        let options: Vec<&str> = help.split_whitespace().filter(|w| w.starts_with("--") && w.len() > 3).collect();
        let plain = page.replace("\\-", "-");
        for option in options {
            let option = option.trim_end_matches(|c: char| !c.is_alphanumeric());
            if help.lines().any(|l| l.trim_start().starts_with(option)) {
                assert!(plain.contains(option), "dqc-{command}.1 does not know {option}");
            }
        }
    }
}
