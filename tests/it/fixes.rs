//! What the findings of a text offer to do: done, it leaves no such finding behind.

use dqc::diagnostics::{Code, Diagnostic, Edit, Severity, fix};
use dqc::source::{FileId, SourceFile};

use crate::root;

#[test]
fn fixes_of_syntax_mend_what_they_are_offered_for() {
    let folder = root().join("tests/corpus/syntax");
    for entry in std::fs::read_dir(folder).expect("tests/corpus/syntax") {
        let path = entry.expect("an entry").path();
        let mut text = std::fs::read_to_string(&path).expect("a corpus file");
        // One mistake can hide another of the same item.
        for round in 0.. {
            let found = dqc::syntax::parse(FileId(0), &text).diagnostics;
            let fixes: Vec<&[Edit]> = found.iter().filter_map(|d| d.fix.as_ref()).map(|f| f.edits.as_slice()).collect();
            if fixes.is_empty() {
                break;
            }
            let (mended, applied) = fix::apply_all(&text, &fixes);
            let left: Vec<String> =
                found.iter().filter(|d| d.fix.is_some()).map(|d| format!("{}: {}", d.code.name(), d.message)).collect();
            assert!(applied > 0 && round < 6, "{}: {left:?}\n{text}", path.display());
            text = mended;
        }
    }
}

/// What fixes bring to light: the mistake that they mend hid another one. A part of the case's name, and the code.
const HIDDEN: [(&str, &str); 7] = [
    ("a reserved word in a condition", "DQ0201"),
    ("a reference with a dot", "DQ0204"),
    ("types/comparisons.dq", "DQ0501"),
    ("names/functions.dq", "DQ0303"),
    ("rules/tests.dq", "DQ0212"),
    ("promotions/mappings.dq", "DQ0303"),
    ("promotions/keys_and_circles.dq", "DQ0206"),
];

fn found(text: &str) -> Vec<Diagnostic> {
    dqc::compile(vec![SourceFile::new("orders.dq", text)], &crate::layers()).diagnostics
}

fn errors<'d>(found: &'d [Diagnostic]) -> Vec<(Code, &'d str)> {
    found.iter().filter(|d| d.severity == Severity::Error).map(|d| (d.code, d.message.as_str())).collect()
}

/// All fixes of a text, as `dqc check --fix` applies them, must leave no finding that offers one, and no error that was
/// not there before.
#[test]
fn every_fix_of_the_corpus_and_the_slips_holds() {
    let mut texts: Vec<(String, String)> = crate::slips::texts("nice_errors.txt");
    for entry in walkdir::WalkDir::new(root().join("tests/corpus")) {
        let path = entry.expect("tests/corpus").into_path();
        if path.extension().is_some_and(|e| e == "dq") {
            texts.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a corpus file")));
        }
    }
    let (mut fixes, mut faults) = (0, String::new());
    for (title, text) in texts {
        let before = found(&text);
        let mut after = text.clone();
        for _ in 0..10 {
            let now = found(&after);
            let edits: Vec<&[Edit]> = now.iter().filter_map(|d| d.fix.as_ref()).map(|f| f.edits.as_slice()).collect();
            let (mended, applied) = fix::apply_all(&after, &edits);
            fixes += applied;
            if mended == after {
                break;
            }
            after = mended;
        }
        let left = found(&after);
        for d in left.iter().filter(|d| d.fix.is_some()) {
            faults += &format!("{title}: still {}: {}\n", d.code.name(), d.message);
        }
        let old = errors(&before);
        for (code, message) in errors(&left) {
            let listed = HIDDEN.iter().any(|(part, name)| title.contains(part) && code.name() == *name);
            if !old.contains(&(code, message)) && !listed {
                faults += &format!("{title}: new {}: {message}\n", code.name());
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
    assert!(fixes >= 200, "only {fixes} fixes");
}
