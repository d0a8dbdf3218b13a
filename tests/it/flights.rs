//! The example project in the hands of the real binary: its main job, the damaged month, and a kill in the middle.
//! `flights.py` reckons the violations again with DuckDB and reads the tables back with the Python package deltalake.

mod buckets;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Once;
use std::time::Duration;

use serde_json::Value;

use crate::root;

const AS_OF: &str = "2014-01-02T00:00:00Z";

/// A copy of the project without what earlier runs wrote into it.
pub fn copy() -> tempfile::TempDir {
    let from = root().join("rules/flights");
    let to = tempfile::tempdir().expect("a temporary folder");
    let written = ["silver", "gold", "quarantine", "_dqc"];
    let input = |e: &walkdir::DirEntry| {
        let in_lake =
            e.path().parent().and_then(Path::file_name).is_some_and(|n| n.to_string_lossy().starts_with("lake"));
        !(in_lake && written.contains(&e.file_name().to_string_lossy().as_ref()))
    };
    for entry in
        walkdir::WalkDir::new(&from).into_iter().filter_entry(input).map(|e| e.expect("the example can be read"))
    {
        let target = to.path().join(entry.path().strip_prefix(&from).expect("a path below the example"));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(target).expect("a folder");
        } else {
            std::fs::copy(entry.path(), target).expect("a file");
        }
    }
    to
}

fn dqc(project: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
    command.args(args).arg("--project").arg(project).args(["--as-of", AS_OF, "--color", "never"]).env_remove("DQC_ENV");
    command
}

fn run(project: &Path, args: &[&str]) -> Output {
    dqc(project, args).output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).to_string()
}

fn reports(output: &Output) -> Vec<Value> {
    let line = |l: &str| serde_json::from_str(l).unwrap_or_else(|e| panic!("not JSON: {e}: {l}"));
    text(&output.stdout).lines().map(line).collect()
}

fn of<'a>(reports: &'a [Value], contract: &str) -> Vec<&'a Value> {
    reports.iter().filter(|r| r["contract"] == contract).collect()
}

fn explain(output: &Output) -> String {
    format!("exit {:?}\n{}\n{}", output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Runs `flights.py` with the Python of `tests/run`; where there is none, says so once and does nothing.
fn peers(args: &[&str]) {
    static TOLD: Once = Once::new();
    let Some(python) = std::env::var_os("DQC_TEST_PYTHON") else {
        // Past the harness, which keeps what a test that passes prints.
        TOLD.call_once(|| {
            drop(writeln!(std::io::stderr(), "skipped: DuckDB and deltalake as peers (tests/run installs them)"))
        });
        return;
    };
    let output =
        Command::new(python).arg(root().join("tests/it/flights.py")).args(args).output().expect("Python starts");
    assert!(output.status.success(), "{}", explain(&output));
}

#[test]
fn the_main_job_promotes_the_year_and_agrees_with_its_peers() {
    let copy = copy();
    let project = copy.path();
    let first = run(project, &["run", "--format", "json"]);
    assert_eq!(first.status.code(), Some(0), "{}", explain(&first));
    let found = reports(&first);
    for dataset in ["silver.airlines", "silver.airports", "silver.planes", "silver.weather"] {
        assert_eq!(of(&found, dataset).len(), 1, "{dataset}");
    }
    for dataset in ["silver.flights", "gold.departures"] {
        let batches: Vec<String> =
            of(&found, dataset).iter().map(|r| r["batch"].as_str().unwrap_or("").to_string()).collect();
        let months: Vec<String> = (1..=12).map(|m| format!("month=2013-{m:02}")).collect();
        assert_eq!(batches, months, "{dataset}");
    }
    let actions = |r: &Value| -> Vec<String> {
        let rules = r["rules"].as_array().into_iter().flatten();
        rules.filter_map(|x| x["action"].as_str()).filter(|a| *a != "none").map(str::to_string).collect()
    };
    for report in &found {
        assert_eq!(report["verdict"], "passed", "{report:#}");
        assert_eq!(report["promoted"], true, "{report:#}");
        let rows = |name: &str| report["rows"][name].as_u64().unwrap_or(0);
        assert_eq!(rows("accepted") + rows("quarantined"), rows("input"), "{report:#}");
    }
    let flights = of(&found, "silver.flights");
    assert!(flights.iter().any(|r| actions(r).is_empty()), "no month is clean");
    assert!(flights.iter().any(|r| r["rows"]["quarantined"].as_u64() > Some(0)), "no month has rows in quarantine");
    assert!(flights.iter().any(|r| actions(r).iter().any(|a| a == "warn")), "no month is warned about");

    let lines = project.join("reports.jsonl");
    std::fs::write(&lines, &first.stdout).expect("the reports can be kept");
    let arguments = [project.to_string_lossy().to_string(), lines.to_string_lossy().to_string()];
    peers(&["counts", &arguments[0], &arguments[1]]);
    peers(&["rows", &arguments[0], "lake"]);

    let second = run(project, &["run", "--format", "json"]);
    assert_eq!(second.status.code(), Some(0), "{}", explain(&second));
    assert!(reports(&second).is_empty(), "the second run judged something again:\n{}", text(&second.stdout));
}

#[test]
fn the_damaged_month_is_blocked_and_says_what_to_do() {
    let copy = copy();
    let project = copy.path();
    let output = run(project, &["run", "--env", "damaged"]);
    assert_eq!(output.status.code(), Some(10), "{}", explain(&output));
    let shown = text(&output.stdout);
    for words in [
        "month=2013-03",
        "local.agrees",
        "silver/flights.dq",
        "flights.parquet",
        "do not tell the same time",
        "Ask the sender to export again with the zone America/New_York",
        "flight-data@port-authority.example",
    ] {
        assert!(shown.contains(words), "`{words}` is missing in:\n{shown}");
    }
    let again = run(project, &["run", "--env", "damaged", "--format", "json"]);
    assert_eq!(again.status.code(), Some(10), "{}", explain(&again));
    let found = reports(&again);
    let batches: Vec<&Value> = found.iter().map(|r| &r["batch"]).collect();
    assert_eq!(batches, ["month=2013-03"], "only the blocked batch is pending still");
    assert_eq!(found[0]["verdict"], "blocked");
    assert_eq!(found[0]["promoted"], false);

    let month = "flights/month=2013-03/flights.parquet";
    std::fs::copy(project.join("lake/bronze").join(month), project.join("lake-damaged/bronze").join(month))
        .expect("a copy");
    let mended = run(project, &["run", "--env", "damaged", "--format", "json"]);
    assert_eq!(mended.status.code(), Some(0), "{}", explain(&mended));
    assert_eq!(reports(&mended).len(), 2, "the mended month goes to silver and on to gold:\n{}", text(&mended.stdout));
    peers(&["rows", &project.to_string_lossy(), "lake-damaged"]);
}

/// Three months are enough to be killed in: at other times each.
#[cfg(unix)]
#[test]
fn a_killed_run_is_completed_by_the_next() {
    let copy = copy();
    let project = copy.path();
    let month = "flights/month=2013-03/flights.parquet";
    std::fs::copy(project.join("lake/bronze").join(month), project.join("lake-damaged/bronze").join(month)).expect("a copy");
    let mut killed = 0;
    for wait in [400, 1000, 2500] {
        let mut command = dqc(project, &["run", "--env", "damaged", "--format", "json"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
        std::thread::sleep(Duration::from_millis(wait));
        if child.try_wait().expect("a status").is_none() {
            child.kill().expect("SIGKILL");
            killed += 1;
        }
        child.wait().expect("a status");
    }
    assert!(killed > 0, "every run ended before it could be killed");
    let last = run(project, &["run", "--env", "damaged", "--format", "json"]);
    assert_eq!(last.status.code(), Some(0), "{}", explain(&last));
    peers(&["rows", &project.to_string_lossy(), "lake-damaged"]);
    let after = run(project, &["run", "--env", "damaged", "--format", "json"]);
    assert!(after.status.code() == Some(0) && after.stdout.is_empty(), "{}", explain(&after));
}
