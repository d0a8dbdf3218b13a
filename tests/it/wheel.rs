//! The wheel, as maturin builds it for `pip install dqc`: it installs into an empty environment and runs the example.
//! Only with `DQC_TEST_WHEEL=release`, since it builds everything as it is published: stripped, the whole example judged
//! with it, and the wheel's size told. `DQC_TEST_WHEEL=…/dqc-….whl` takes a wheel that is built already.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;

#[test]
fn the_wheel_installs_into_an_empty_environment_and_runs_the_example() {
    let Some(python) = std::env::var_os("DQC_TEST_PYTHON") else {
        drop(writeln!(std::io::stderr(), "skipped: the wheel (tests/run installs what builds it)"));
        return;
    };
    let given = std::env::var("DQC_TEST_WHEEL").unwrap_or_default();
    if given != "release" && !given.ends_with(".whl") {
        drop(writeln!(std::io::stderr(), "skipped: the wheel (DQC_TEST_WHEEL=release builds it)"));
        return;
    }
    let here = tempfile::tempdir().expect("a temporary folder");
    let wheel = if given == "release" { built(&python, here.path()) } else { PathBuf::from(given) };
    let name = wheel.file_name().unwrap_or_default().to_string_lossy();
    // Of no Python's own interface: one wheel serves them all.
    assert!(name.starts_with(concat!("dqc-", env!("CARGO_PKG_VERSION"), "-py3-none-")), "{name}");

    let venv = here.path().join("venv");
    done(Command::new(&python).args(["-m", "venv", "--without-pip"]).arg(&venv));
    let pip = ["-m", "pip", "--quiet", "--disable-pip-version-check", "--python"];
    done(Command::new(&python).args(pip).arg(&venv).args(["install", "--no-index"]).arg(&wheel));
    let dqc = venv.join("bin/dqc");
    let version = done(Command::new(&dqc).arg("--version").env_clear());
    assert_eq!(version.trim(), concat!("dqc ", env!("CARGO_PKG_VERSION")));

    let project = crate::flights::copy();
    let mut run = Command::new(&dqc);
    run.arg("run").arg("--project").arg(project.path()).env_remove("DQC_ENV");
    let report = done(&mut run);
    assert!(report.contains("bronze.airlines to silver.airlines  promoted"), "{report}");
    let bytes = wheel.metadata().expect("a file").len();
    drop(writeln!(
        std::io::stderr(),
        "{name}: {bytes} bytes; the program {} bytes",
        dqc.metadata().expect("a file").len()
    ));
    assert!(report.contains("silver.flights to gold.departures  promoted"), "{report}");
}

fn built(python: &OsStr, into: &Path) -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_dqc"));
    let target = binary.ancestors().nth(2).expect("the target folder");
    let mut maturin = Command::new(python);
    maturin.args(["-m", "maturin", "build", "--quiet", "--locked", "--release", "--manifest-path"]);
    done(maturin.arg(root().join("Cargo.toml")).arg("--out").arg(into).arg("--target-dir").arg(target));
    let wheels = std::fs::read_dir(into).expect("a folder").filter_map(Result::ok);
    let wheels: Vec<_> = wheels.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "whl")).collect();
    let [wheel] = wheels.as_slice() else { panic!("one wheel, not {wheels:?}") };
    wheel.clone()
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
