//! What a merge request sees: reports that others read, the pipeline, the hook, the image. Held against the readers' own
//! schemas and programs where they can be had: see `tests/setup/peers`.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::root;

const DQC: &str = env!("CARGO_BIN_EXE_dqc");

/// A peer that the environment names, else a line that says what is skipped.
fn peer(variable: &str, what: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from).filter(|p| p.exists());
    if found.is_none() {
        println!("skipped: {what}; see tests/README.md");
    }
    found
}

fn node(program: &str) -> Option<PathBuf> {
    let found = peer("DQC_TEST_NODE", &format!("no {program}"))?.join("node_modules/.bin").join(program);
    if !found.exists() {
        println!("skipped: no {program}; see tests/README.md");
        return None;
    }
    Some(found)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn dqc(folder: &Path, args: &[&str]) -> Output {
    Command::new(DQC).args(args).current_dir(folder).env("NO_COLOR", "1").output().expect("the program starts")
}

fn git(folder: &Path, args: &[&str]) -> String {
    let fixed = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").args(fixed).args(args).current_dir(folder).output().expect("git starts");
    assert!(output.status.success(), "git {args:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
    fs::write(path, text).expect("a file can be written");
}

const CONFIG: &str = "[project]\nname = \"shop\"\nlanguage = 1\n\n[layers]\nbronze = \"lake/bronze\"\nsilver = \"lake/silver\"\ngold = \"lake/gold\"\n";

const ORDERS: &str = "contract bronze.orders @ 1.0.0 {
    owner \"till\"
    columns {
        id: bigint
        amount: decimal(10, 2)?
    }
}

/// What was sold.
contract silver.orders @ 1.2.0 {
    owner \"shop\"
    nulls fail
    columns {
        id: bigint key
        amount: decimal(10, 2)?
        note: string?
    }
    rules {
        positive: amount > 0
        small: amount < 1000
    }
}

promote bronze.orders to silver.orders { write append }

contract gold.sums @ 1.0.0 {
    owner \"finance\"
    columns { id: bigint key references silver.orders(id) }
}

test \"amounts\" for silver.orders {
    rows {
        | id | amount |
        | 1  | 5.00   |
        | 2  | -1.00  |
    }
    expect positive breaks row 2
}
";

/// A repository whose folder `contracts` holds a project, with one commit.
fn repository(folder: &Path) -> String {
    put(&folder.join("contracts/dqc.toml"), CONFIG);
    put(&folder.join("contracts/orders.dq"), ORDERS);
    git(folder, &["init", "-q"]);
    git(folder, &["add", "."]);
    git(folder, &["commit", "-q", "-m", "first"]);
    git(folder, &["rev-parse", "HEAD"])
}

/// Projects with findings of all kinds, each with the commands whose reports are read.
fn reports(format: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (project, commands) in [
        ("tests/binary/findings", &["check"][..]),
        ("tests/binary/unreadable", &["check"]),
        ("tests/binary/test", &["check", "test"]),
        ("tests/binary/rule_tests", &["check", "test", "test --mutate"]),
        ("tests/corpus/names/modules", &["check", "check --strict"]),
        ("rules/flights", &["check", "test", "test --mutate"]),
    ] {
        for command in commands {
            let mut args: Vec<&str> = command.split(' ').collect();
            args.extend(["--format", format]);
            let output = dqc(&root().join(project), &args);
            let code = output.status.code();
            assert!(matches!(code, Some(0 | 1 | 3)), "{command} in {project}: {}", said(&output));
            // Contracts that do not compile have no tests to tell of.
            if code != Some(3) {
                found.push((format!("{project} {command}"), String::from_utf8(output.stdout).expect("UTF-8")));
            }
        }
    }
    found
}

#[test]
fn junit_is_as_its_schema_says() {
    let Some(python) = peer("DQC_TEST_PYTHON", "no Python to read XML schemas") else { return };
    let Some(schema) = peer("DQC_TEST_JUNIT_XSD", "no schema of JUnit's reports") else { return };
    let here = tempfile::tempdir().expect("a temporary folder");
    let mut files: Vec<OsString> = Vec::new();
    for (i, (name, text)) in reports("junit").into_iter().enumerate() {
        assert!(text.starts_with("<?xml"), "{name}: {text}");
        let file = here.path().join(format!("{i}.xml"));
        put(&file, &text);
        files.push(file.into());
    }
    // What the schema refuses is seen to be refused.
    let wrong = here.path().join("wrong.xml");
    put(&wrong, "<testsuites><testsuite name=\"a\"><testcase/></testsuite></testsuites>");
    let output = Command::new(python).arg(root().join("tests/it/junit.py")).arg(schema).arg(&wrong).args(files).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn sarif_passes_its_validator() {
    let Some(multitool) = node("sarif-multitool") else { return };
    let here = tempfile::tempdir().expect("a temporary folder");
    let mut files = Vec::new();
    for (i, (_, text)) in reports("sarif").into_iter().enumerate() {
        let file = here.path().join(format!("{i}.sarif"));
        put(&file, &text);
        files.push(file);
    }
    let judged = here.path().join("judged.json");
    let validate = |files: &[PathBuf]| {
        let mut command = Command::new(&multitool);
        // Its own start goes through a shell: no argument may hold what a shell takes for its own.
        command.arg("validate").args(files).arg("--output").arg(&judged).args(["--log", "ForceOverwrite"]);
        command.env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1").output().expect("the validator starts")
    };
    let output = validate(&files);
    // It ends with 0 whatever it finds: what it writes counts.
    let text = fs::read_to_string(&judged).unwrap_or_else(|_| panic!("it has judged nothing: {}", said(&output)));
    let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("JSON");
    let runs = document["runs"].as_array().expect("runs");
    assert!(!runs.is_empty(), "{document:#}");
    let results: Vec<String> = runs
        .iter()
        .flat_map(|r| r["results"].as_array().cloned().unwrap_or_default())
        // It misses an address of the program's own; there is none yet.
        .filter(|r| r["ruleId"] != "SARIF2005" || r["message"]["id"] != "Warning_ProvideToolnformationUri")
        .map(|r| format!("{} {} {}", r["ruleId"], r["message"], r["locations"][0]))
        .collect();
    assert!(results.is_empty(), "{}", results.join("\n"));
    // What is wrong is found, so that silence says something.
    let wrong = here.path().join("wrong.sarif");
    let text = fs::read_to_string(&files[0]).expect("a report");
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    document["runs"][0]["results"][0].as_object_mut().expect("a result").remove("message");
    put(&wrong, &document.to_string());
    validate(&[wrong]);
    assert!(fs::read_to_string(&judged).expect("judged").contains("JSON1002"), "a result without a message is found");
    let notes: Vec<&Value> = runs.iter().flat_map(|r| r["invocations"].as_array().into_iter().flatten()).collect();
    assert!(notes.iter().all(|i| i["executionSuccessful"] != Value::Bool(false)), "{notes:#?}");
}

/// The fields that GitLab documents for a Code Quality report, and nothing missing of them.
fn code_quality(text: &str, repository: &Path) -> Vec<Value> {
    assert!(!text.starts_with('\u{feff}'), "GitLab refuses a byte order mark");
    let found: Vec<Value> = serde_json::from_str(text).expect("one array of JSON");
    let mut prints = HashSet::new();
    for issue in &found {
        let word = |field: &str| issue.get(field).and_then(Value::as_str).filter(|t| !t.is_empty()).unwrap_or_else(|| panic!("no {field} in {issue}"));
        word("description");
        word("check_name");
        assert!(prints.insert(word("fingerprint").to_owned()), "a fingerprint stands twice: {issue}");
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&word("severity")), "{issue}");
        let path = issue["location"]["path"].as_str().expect("a path");
        assert!(!path.starts_with("./") && repository.join(path).is_file(), "{path} is no file of the repository");
        let line = issue.pointer("/location/lines/begin").or(issue.pointer("/location/positions/begin/line"));
        assert!(line.and_then(Value::as_u64).is_some_and(|l| l > 0), "{issue}");
    }
    found
}

#[test]
fn code_quality_has_the_fields_that_gitlab_documents() {
    let mut issues = 0;
    for (_, text) in reports("gitlab") {
        issues += code_quality(&text, root()).len();
    }
    assert!(issues > 10, "only {issues} findings to see the form by");
}

/// A breaking change stands where the change is, and says whom it breaks.
#[test]
fn a_comparison_points_at_what_was_changed_and_names_who_breaks() {
    let here = tempfile::tempdir().expect("a temporary folder");
    let first = repository(here.path());
    let changed = ORDERS.replace("        positive: amount > 0\n", "        positive: amount > 10\n").replace("        note: string?\n", "").replace("        small: amount < 1000\n", "");
    put(&here.path().join("contracts/orders.dq"), &changed);
    let output = dqc(&here.path().join("contracts"), &["check", "--against", &first, "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let line_of = |text: &str| changed.lines().position(|l| l.contains(text)).expect("a line") as u64 + 1;
    let found = |code: &str, words: &str| -> &Value {
        let all = document["findings"].as_array().expect("findings");
        all.iter().find(|f| f["code"] == code && f["message"].as_str().is_some_and(|m| m.contains(words))).unwrap_or_else(|| panic!("no {code} of {words}: {document:#}"))
    };
    let stricter = found("DQ0801", "`positive`");
    assert_eq!(stricter["line"], line_of("positive: amount > 10"), "{stricter:#}");
    assert_eq!(stricter["notes"][0], "in this project it is filled from `bronze.orders` (owner \"till\")");
    // What is gone has no line: the one before it is shown in the same piece of the difference.
    let column = found("DQ0802", "no column `note`");
    assert_eq!(column["line"], line_of("amount: decimal(10, 2)?").max(15), "{column:#}");
    assert_eq!(column["notes"][1], "in this project it is read by `gold.sums` (owner \"finance\")");
    let rule = found("DQ0802", "its rule `small`");
    assert_eq!(rule["line"], line_of("positive: amount > 10"), "{rule:#}");
    assert!(rule["label"].as_str().is_some_and(|l| l.starts_with("behind `positive` stood `small`")), "{rule:#}");
    let version = found("DQ0805", "needs version 2.0.0");
    assert_eq!(version["line"], line_of("contract silver.orders"), "{version:#}");
}

/// The component in a pipeline of a merge request, by a program that runs GitLab's pipelines without GitLab.
#[test]
fn the_component_runs_in_a_pipeline() {
    let Some(runner) = node("gitlab-ci-local") else { return };
    if Command::new("rsync").arg("--version").output().is_err() {
        println!("skipped: no rsync, with which the runner copies; see tests/README.md");
        return;
    }
    let here = tempfile::tempdir().expect("a temporary folder");
    let here = here.path();
    let first = repository(here);
    let template = fs::read_to_string(root().join("integrations/gitlab/templates/dqc.yml")).expect("the component");
    put(&here.join("templates/dqc.yml"), &template);
    put(
        &here.join(".gitlab-ci.yml"),
        "include:\n  - local: templates/dqc.yml\n    inputs:\n      image: none\n      directory: contracts\n      strict: true\n",
    );
    put(&here.join(".gitignore"), ".gitlab-ci-local\nhome\n");
    let broken = ORDERS.replace("positive: amount > 0", "positive: amount > 10");
    put(&here.join("contracts/orders.dq"), &broken);
    git(here, &["add", "."]);
    git(here, &["commit", "-q", "-m", "stricter"]);
    git(here, &["remote", "add", "origin", "git@gitlab.example.com:data/shop.git"]);
    let program = Path::new(DQC).parent().expect("a folder");
    let mut path = vec![program.to_path_buf()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let output = Command::new(runner)
        .args(["--shell-executor-no-image", "--force-shell-executor", "--no-color"])
        .args(["--variable", &format!("CI_MERGE_REQUEST_DIFF_BASE_SHA={first}")])
        // The runner decides by the image where the project is, and then runs it in a shell all the same.
        .args(["--variable", &format!("CI_PROJECT_DIR={}", here.display())])
        .current_dir(here)
        .env("PATH", std::env::join_paths(path).expect("a path"))
        .env("HOME", here.join("home"))
        .output()
        .expect("the runner starts");
    let log = said(&output);
    // The change breaks whoever delivers, its version does not say so, and warnings count.
    assert!(!output.status.success(), "{log}");
    assert!(log.contains("DQ0805") && log.contains("filled from `bronze.orders`"), "{log}");
    let artifact = |name: &str| {
        let found = walkdir::WalkDir::new(here.join(".gitlab-ci-local/artifacts")).into_iter().filter_map(Result::ok);
        let path = found.filter(|e| e.file_name() == name).map(walkdir::DirEntry::into_path).next();
        fs::read_to_string(path.unwrap_or_else(|| panic!("no {name}: {log}"))).expect("a report")
    };
    let issues = code_quality(&artifact("dqc-code-quality.json"), here);
    assert!(issues.iter().any(|i| i["check_name"] == "DQ0805"), "{issues:#?}");
    assert!(artifact("dqc-check.xml").contains("<failure"), "{log}");
    // The first row breaks the stricter rule too.
    let tests = artifact("dqc-test.xml");
    assert!(tests.contains("name=\"amounts\"") && tests.contains("<failure"), "{tests}");
}

#[test]
fn the_hooks_run_before_a_commit() {
    let Some(python) = peer("DQC_TEST_PYTHON", "no pre-commit") else { return };
    let pre_commit = python.with_file_name("pre-commit");
    if !pre_commit.exists() {
        println!("skipped: no pre-commit; see tests/README.md");
        return;
    }
    let here = tempfile::tempdir().expect("a temporary folder");
    let (hooks, work) = (here.path().join("hooks"), here.path().join("work"));
    put(&hooks.join(".pre-commit-hooks.yaml"), &fs::read_to_string(root().join(".pre-commit-hooks.yaml")).expect("the hooks"));
    git(&hooks, &["init", "-q"]);
    git(&hooks, &["add", "."]);
    git(&hooks, &["commit", "-q", "-m", "hooks"]);
    let revision = git(&hooks, &["rev-parse", "HEAD"]);
    put(&work.join("dqc.toml"), CONFIG);
    put(&work.join("orders.dq"), ORDERS);
    assert!(dqc(&work, &["fmt"]).status.success());
    let wanted: String = ["dqc-check", "dqc-test", "dqc-fmt"].iter().map(|id| format!("      - id: {id}\n")).collect();
    put(&work.join(".pre-commit-config.yaml"), &format!("repos:\n  - repo: {}\n    rev: {revision}\n    hooks:\n{wanted}", hooks.display()));
    git(&work, &["init", "-q"]);
    git(&work, &["add", "."]);
    let program = Path::new(DQC).parent().expect("a folder");
    let mut path = vec![program.to_path_buf()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let path = std::env::join_paths(path).expect("a path");
    let run = || {
        let output = Command::new(&pre_commit)
            .args(["run", "--all-files", "--color", "never"])
            .current_dir(&work)
            .env("PATH", &path)
            .env("HOME", here.path().join("home"))
            .env("PRE_COMMIT_HOME", here.path().join("cache"))
            .output()
            .expect("pre-commit starts");
        (output.status.success(), said(&output))
    };
    let (passed, log) = run();
    assert!(passed, "{log}");
    assert_eq!(log.matches("Passed").count(), 3, "{log}");
    put(&work.join("orders.dq"), &ORDERS.replace("amount > 0", "amont   > 0"));
    let (passed, log) = run();
    assert!(!passed, "{log}");
    assert!(log.contains("DQ0201") && log.contains("files were modified by this hook"), "{log}");
}

/// What can be known of the image without building it.
#[test]
fn the_recipe_copies_what_a_build_reads() {
    let text = fs::read_to_string(root().join("integrations/container/Containerfile")).expect("the recipe");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let least = manifest.lines().find_map(|l| l.strip_prefix("rust-version = \"")).expect("a version").trim_end_matches('"');
    assert!(lines[0].contains(&format!("rust:{least}-")), "the compiler is the one that Cargo.toml asks for: {}", lines[0]);
    let here = tempfile::tempdir().expect("a temporary folder");
    for line in &lines {
        let Some(rest) = line.strip_prefix("COPY ").filter(|r| !r.starts_with("--from")) else { continue };
        let (from, to) = rest.rsplit_once(' ').expect("a target");
        for path in from.split(' ') {
            let source = root().join(path);
            assert!(source.exists(), "{path} is not there");
            let target = if to.ends_with('/') { here.path().join(to).join(path) } else { here.path().join(to) };
            if path != "LICENSE" {
                copy(&source, &target);
            }
        }
    }
    // Cargo reads the package, and whatever the sources include stands beside them.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(["metadata", "--offline", "--locked", "--no-deps", "--format-version", "1"]).current_dir(here.path()).output();
    let output = output.expect("cargo starts");
    assert!(output.status.success(), "{}", said(&output));
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = document["packages"].as_array().expect("packages");
    let targets: Vec<&Value> = packages.iter().filter_map(|p| p["targets"].as_array()).flatten().collect();
    assert!(targets.iter().any(|t| t["kind"][0] == "bin" && t["name"] == "dqc"), "{targets:#?}");
    let included = regex::Regex::new(r#"include_(?:str|bytes)!\("([^"]+)"\)"#).expect("a regular expression");
    for entry in walkdir::WalkDir::new(here.path()).into_iter().filter_map(Result::ok) {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        for name in included.captures_iter(&text) {
            let file = entry.path().parent().expect("a folder").join(&name[1]);
            assert!(file.exists(), "{} includes {}, which is not copied", entry.path().display(), &name[1]);
        }
    }
    assert!(lines.contains(&"USER dqc") && lines.contains(&"ENTRYPOINT [\"dqc\"]"), "{lines:?}");
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).follow_links(true).into_iter().filter_map(Result::ok).filter(|e| e.file_type().is_file()) {
        let below = entry.path().strip_prefix(from).expect("below");
        let target = if below.as_os_str().is_empty() { to.to_path_buf() } else { to.join(below) };
        fs::create_dir_all(target.parent().expect("a folder")).expect("a folder can be made");
        fs::copy(entry.path(), target).expect("a file can be copied");
    }
}
