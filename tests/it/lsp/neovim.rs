//! A real Neovim, without a screen, with the set-up that `editors/neovim` gives.

use std::process::Command;

use crate::root;

#[test]
fn neovim_shows_findings_and_applies_a_fix() {
    let found = Command::new("nvim").arg("--version").output();
    if !found.is_ok_and(|o| o.status.success()) {
        println!("skipped: no Neovim; install Debian's package neovim");
        return;
    }
    let here = tempfile::tempdir().expect("a temporary folder");
    let file = here.path().join("silver.dq");
    std::fs::write(here.path().join("dqc.toml"), "[project]\nname = \"nvim\"\nlanguage = 1\n\n[layers]\nsilver = \"lake/silver\"\n").expect("a file");
    let text = "/// Orders.\ncontract silver.orders @ 1.0.0 {\n    columns {\n        /// What was paid.\n        amount: int\n    }\n    rules {\n        paid: amont == 0\n    }\n}\n";
    std::fs::write(&file, text).expect("a file");
    let output = Command::new("nvim")
        .args(["--headless", "--clean", "-n", "-u"])
        .arg(root().join("editors/neovim/dqc.lua"))
        .arg("-S")
        .arg(root().join("tests/lsp/neovim.lua"))
        .arg(&file)
        .env("DQC", env!("CARGO_BIN_EXE_dqc"))
        .env("HOME", here.path())
        .env("XDG_STATE_HOME", here.path().join("state"))
        .current_dir(here.path())
        .output()
        .expect("Neovim starts");
    let said = String::from_utf8_lossy(&output.stderr).replace("\r\n", "\n");
    let said = format!("{}{said}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{said}");
    for wanted in ["finding DQ0110", "hover What was paid.", "fixed         paid: amont = 0", "finding DQ0201"] {
        assert!(said.contains(wanted), "{wanted:?} is not in:\n{said}");
    }
}
