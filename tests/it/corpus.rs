//! Every `.dq` file below `tests/corpus` compiled as a project of its own, and every folder with a `dqc.toml` as one
//! project. What is found must be what the annotations say, no more and no less; `UPDATE=1` rewrites them.
//!
//! An annotation stands on the line above its finding: `//~ error[DQ0201] "amont": nearest is`. Several annotations in
//! a row belong to the same line. What follows the code are words that must all occur in message, label or help, in any
//! case; quotes keep a phrase together.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use dqc::diagnostics::Diagnostic;
use dqc::source::SourceFile;

use crate::root;

const MARK: &str = "//~";

#[test]
fn findings_are_those_annotated() {
    let corpus = root().join("tests/corpus");
    let mut faults = String::new();
    let projects = projects(&corpus);
    assert!(!projects.is_empty(), "tests/corpus holds no .dq file");
    for files in &projects {
        compare(&corpus, files, &mut faults);
    }
    assert!(
        faults.is_empty(),
        "\n{faults}\nUPDATE=1 rewrites the annotations; read the difference before you keep it\n"
    );
}

/// The files of each project, sorted.
fn projects(folder: &Path) -> Vec<Vec<PathBuf>> {
    let dq_files = |walk: walkdir::WalkDir| -> Vec<PathBuf> {
        let entries = walk.sort_by_file_name().into_iter().map(|e| e.expect("tests/corpus can be read"));
        entries.map(walkdir::DirEntry::into_path).filter(|p| p.extension().is_some_and(|e| e == "dq")).collect()
    };
    if folder.join("dqc.toml").exists() {
        return vec![dq_files(walkdir::WalkDir::new(folder))];
    }
    let mut found: Vec<Vec<PathBuf>> =
        dq_files(walkdir::WalkDir::new(folder).max_depth(1)).into_iter().map(|file| vec![file]).collect();
    for entry in walkdir::WalkDir::new(folder).min_depth(1).max_depth(1).sort_by_file_name() {
        let entry = entry.expect("tests/corpus can be read");
        if entry.file_type().is_dir() {
            found.extend(projects(entry.path()));
        }
    }
    found
}

fn compare(corpus: &Path, files: &[PathBuf], faults: &mut String) {
    let Some(folder) = files.first().and_then(|f| f.parent()) else { return };
    let relative =
        |path: &Path, base: &Path| path.strip_prefix(base).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let project =
        files.iter().map(|f| f.parent().unwrap_or(folder)).min_by_key(|f| f.as_os_str().len()).unwrap_or(folder);
    let sources: Vec<SourceFile> = files
        .iter()
        .map(|path| {
            SourceFile::new(relative(path, project), std::fs::read_to_string(path).expect("a corpus file is UTF-8"))
        })
        .collect();
    let compilation = dqc::compile(sources.clone(), &crate::layers());
    let tests: Vec<Diagnostic> = dqc::suite::run(&compilation.checked).into_iter().flat_map(|t| t.findings).collect();
    for (path, source) in files.iter().zip(&sources) {
        let found: Vec<(usize, &Diagnostic)> = compilation
            .diagnostics
            .iter()
            .chain(&tests)
            .filter(|d| compilation.sources.get(d.primary.span.file).path == source.path)
            .map(|d| (source.place(d.primary.span.start as usize).line, d))
            .collect();
        hold(path, &relative(path, corpus), &source.text, &found, faults);
    }
}

/// What was found in a file, by line, against its annotations.
pub fn hold(path: &Path, name: &str, text: &str, found: &[(usize, &Diagnostic)], faults: &mut String) {
    let (missed, surplus) = unmatched(annotations(text), found.to_vec());
    if missed.is_empty() && surplus.is_empty() {
        return;
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, rewritten(text, found)).expect("a corpus file can be written");
        return;
    }
    for a in missed {
        let _ = writeln!(faults, "{name}:{}: not found: {}[{}] {}", a.line, a.severity, a.code, a.words);
    }
    for (line, d) in surplus {
        let _ = writeln!(faults, "{name}:{line}: not annotated: {}", described(d));
    }
}

fn described(d: &Diagnostic) -> String {
    format!("{}[{}] {}", d.severity.name(), d.code.name(), d.message)
}

struct Annotation<'a> {
    /// Of the finding, from 1.
    line: usize,
    severity: &'a str,
    code: &'a str,
    words: &'a str,
}

impl Annotation<'_> {
    fn fits(&self, line: usize, d: &Diagnostic) -> bool {
        let text = format!("{} {} {}", d.message, d.primary.text, d.help.as_deref().unwrap_or("")).to_lowercase();
        self.line == line
            && self.severity == d.severity.name()
            && self.code == d.code.name()
            && phrases(self.words).iter().all(|p| text.contains(&p.to_lowercase()))
    }
}

fn annotations(text: &str) -> Vec<Annotation<'_>> {
    let mut found = Vec::new();
    let mut waiting = Vec::new();
    // A finding at the end of the text stands on the line after the last break.
    for (i, line) in text.lines().chain(std::iter::once("")).enumerate() {
        match line.trim_start().strip_prefix(MARK) {
            Some(rest) => waiting.push(rest.trim()),
            None => found.extend(waiting.drain(..).map(|rest| annotation(rest, i + 1))),
        }
    }
    found
}

fn annotation(rest: &str, line: usize) -> Annotation<'_> {
    let (severity, rest) = rest.split_once('[').unwrap_or((rest, ""));
    let (code, words) = rest.split_once(']').unwrap_or(("", rest));
    Annotation { line, severity: severity.trim(), code: code.trim(), words: words.trim() }
}

/// Words without the punctuation around them; what stands in quotes is one.
fn phrases(words: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (i, part) in words.split('"').enumerate() {
        if i % 2 == 1 {
            found.push(part.to_string());
        } else {
            let bare = part.split_whitespace().map(|w| w.trim_matches(|c: char| ":,;.`".contains(c)).to_string());
            found.extend(bare.filter(|w| !w.is_empty()));
        }
    }
    found
}

/// Annotations without a finding, and findings without an annotation; each pairs with one.
fn unmatched<'a, 'd>(
    annotations: Vec<Annotation<'a>>,
    mut found: Vec<(usize, &'d Diagnostic)>,
) -> (Vec<Annotation<'a>>, Vec<(usize, &'d Diagnostic)>) {
    let mut missed = Vec::new();
    for a in annotations {
        match found.iter().position(|(line, d)| a.fits(*line, d)) {
            Some(i) => drop(found.remove(i)),
            None => missed.push(a),
        }
    }
    (missed, found)
}

/// The text with an annotation for each finding; words that still fit are kept.
fn rewritten(text: &str, found: &[(usize, &Diagnostic)]) -> String {
    let old = annotations(text);
    let mut new = String::new();
    let annotate = |new: &mut String, number: usize, indent: &str| {
        for (_, d) in found.iter().filter(|(line, _)| *line == number) {
            let kept = old.iter().find(|a| a.fits(number, d)).map(|a| a.words.to_string());
            let words = kept.unwrap_or_else(|| d.message.replace('"', ""));
            let _ = writeln!(new, "{indent}{MARK} {}[{}] {words}", d.severity.name(), d.code.name());
        }
    };
    let mut last = 0;
    for (i, line) in text.lines().enumerate() {
        last = i + 1;
        if line.trim_start().starts_with(MARK) {
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        annotate(&mut new, last, indent);
        let _ = writeln!(new, "{line}");
    }
    annotate(&mut new, last + 1, "");
    new
}

/// Every code is produced by a case of the corpus, by a pair of revisions, or by the binary in a transcript; that of too many
/// rules by [`crate::large`].
#[test]
fn every_code_has_a_case() {
    let (mut text, mut annotated) = (String::new(), 0);
    for folder in ["corpus", "compat", "binary"] {
        for entry in walkdir::WalkDir::new(root().join("tests").join(folder)) {
            let path = entry.expect("a test's folder").into_path();
            let is_case = path.extension().is_some_and(|e| e == "dq") || path.ends_with("transcript");
            let Some(case) = is_case.then(|| std::fs::read_to_string(&path).ok()).flatten() else { continue };
            if folder == "corpus" {
                annotated += case.lines().filter(|l| l.trim_start().starts_with(MARK)).count();
            }
            text += &case;
        }
    }
    let without: Vec<&str> =
        dqc::diagnostics::Code::ALL.iter().map(|c| c.name()).filter(|c| *c != "DQ0520" && !text.contains(&format!("[{c}]"))).collect();
    assert!(without.is_empty(), "no case produces {without:?}");
    assert!(annotated >= 300, "only {annotated} annotated cases");
}
