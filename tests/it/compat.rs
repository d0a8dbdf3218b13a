//! Two revisions of a project in one file: above the line `//== now` the old one, below it the new one, annotated like
//! the corpus with what breaks whom.

use std::fmt::Write as _;

use dqc::diagnostics::{Diagnostic, Severity};
use dqc::source::{SourceFile, Span};

use crate::root;

const NOW: &str = "//== now";

#[test]
fn changes_break_whom_they_are_said_to() {
    let mut faults = String::new();
    let folder = root().join("tests/compat");
    for entry in walkdir::WalkDir::new(&folder).sort_by_file_name() {
        let path = entry.expect("tests/compat can be read").into_path();
        if path.extension().is_none_or(|e| e != "dq") {
            continue;
        }
        let name = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a case is UTF-8");
        let Some((old, new)) = text.split_once(NOW) else {
            let _ = writeln!(faults, "{name}: no line `{NOW}`");
            continue;
        };
        // Lines keep their numbers.
        let new = format!("{}{new}", "\n".repeat(old.matches('\n').count()));
        let compile = |text: &str| dqc::compile(vec![SourceFile::new("case.dq", text)], &crate::layers());
        let (before, after) = (compile(old), compile(&new));
        for d in before.diagnostics.iter().chain(&after.diagnostics).filter(|d| d.severity == Severity::Error) {
            let _ = writeln!(faults, "{name}: does not compile: {} {}", d.code.name(), d.message);
        }
        let found = dqc::compat::compare(&before.checked, &after.checked, 0, Span::default()).diagnostics();
        let source = SourceFile::new("case.dq", new.as_str());
        // What stands at the head of the file is annotated on its first line.
        let line = |d: &Diagnostic| source.place(d.primary.span.start as usize).line.max(2);
        let found: Vec<(usize, &Diagnostic)> = found.iter().map(|d| (line(d), d)).collect();
        crate::corpus::hold(&path, &name, &text, &found, &mut faults);
    }
    assert!(
        faults.is_empty(),
        "\n{faults}\nUPDATE=1 rewrites the annotations; read the difference before you keep it\n"
    );
}
