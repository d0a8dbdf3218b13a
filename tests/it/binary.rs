//! The program as its users meet it. Each folder of `tests/binary` is copied to a temporary place, and the commands of
//! its `transcript` are run there. After a line `$ dqc …` stands what must come out: lines of stdout as they are, lines of
//! stderr behind `! `, at last `= ` and the exit code. `$ cat FILE` shows a file. `UPDATE=1` rewrites what came out.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::root;

/// In the first line of a transcript: left out of a program without its engine.
const NEEDS_ENGINE: &str = "# needs the engine";

#[test]
fn transcripts_hold() {
    let folder = root().join("tests/binary");
    let mut cases: Vec<_> = fs::read_dir(folder).expect("tests/binary").map(|e| e.expect("a folder").path()).collect();
    cases.retain(|case| case.join("transcript").is_file());
    cases.sort();
    assert!(!cases.is_empty(), "tests/binary holds no case");
    let has_engine = dqc(Path::new("."), &["run", "--help"]).status.success();
    let mut faults = String::new();
    for case in cases {
        let path = case.join("transcript");
        let expected = fs::read_to_string(&path).expect("a transcript is UTF-8");
        if expected.starts_with(NEEDS_ENGINE) && !has_engine {
            continue;
        }
        let found = replay(&case, &expected);
        if found == expected {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, found).expect("a transcript can be written");
            continue;
        }
        let diff = similar::TextDiff::from_lines(&expected, &found);
        let _ = writeln!(faults, "{}:\n{}", path.display(), diff.unified_diff().context_radius(2));
    }
    assert!(
        faults.is_empty(),
        "\n{faults}\nUPDATE=1 rewrites the transcripts; read the difference before you keep it\n"
    );
}

fn replay(case: &Path, transcript: &str) -> String {
    let here = tempfile::tempdir().expect("a temporary folder");
    let real = here.path().canonicalize().expect("a folder");
    copy(case, &real);
    let mut found = String::new();
    for line in transcript.lines() {
        if line.starts_with('#') {
            let _ = writeln!(found, "{line}");
        } else if let Some(command) = line.strip_prefix("$ ") {
            let blank =
                if found.is_empty() || found.starts_with('#') && found.lines().count() == 1 { "" } else { "\n" };
            let _ = writeln!(found, "{blank}{line}");
            found.push_str(&answer(&real, command));
        }
    }
    found
}

fn answer(here: &Path, command: &str) -> String {
    let words = words(command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut text = String::new();
    match words.as_slice() {
        ["cat", file] => text.push_str(&fs::read_to_string(here.join(file)).expect("a file to show")),
        ["dqc", args @ ..] => {
            let output = dqc(here, args);
            let clean = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*here.to_string_lossy(), "<here>");
            text.push_str(&clean(&output.stdout));
            for line in clean(&output.stderr).lines() {
                let _ = writeln!(text, "{}", format!("! {line}").trim_end());
            }
            let _ = writeln!(text, "= {}", output.status.code().unwrap_or(-1));
        }
        _ => panic!("a transcript runs `dqc` and `cat`, not `{command}`"),
    }
    // A line that looks like a command would be taken for one when the transcript is read again.
    text.lines()
        .map(|l| if l.starts_with("$ ") || l.starts_with('#') { format!(" {l}\n") } else { format!("{l}\n") })
        .collect()
}

fn dqc(here: &Path, args: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
    command.current_dir(here).args(args);
    for name in ["NO_COLOR", "DQC_ENV", "RUST_BACKTRACE", "COLUMNS"] {
        command.env_remove(name);
    }
    command.output().expect("the program starts")
}

/// Words between blanks; quotes keep them together.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.iter_mut().last().expect("a word").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).min_depth(1) {
        let entry = entry.expect("a case can be read");
        let target = to.join(entry.path().strip_prefix(from).expect("below the case"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).expect("a folder can be made");
        } else if entry.file_name() != "transcript" {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}
