//! The provider in a real Airflow 3, which `tests/setup/peers` installs: `airflow/check.py` drives it.

use std::io::Write as _;
use std::process::Command;

use crate::root;

#[test]
fn the_provider_runs_the_flights_project_in_a_real_airflow() {
    let Some(python) = std::env::var_os("DQC_TEST_AIRFLOW") else {
        // Past the harness, which keeps what a test that passes prints.
        drop(writeln!(std::io::stderr(), "skipped: Airflow (tests/run installs it)"));
        return;
    };
    let home = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(python)
        .arg(root().join("tests/it/airflow/check.py"))
        .arg(env!("CARGO_BIN_EXE_dqc"))
        .arg(home.path())
        .output()
        .expect("Python starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    for line in out.lines().filter(|line| line.starts_with("skipped: ")) {
        drop(writeln!(std::io::stderr(), "{line}"));
    }
}
