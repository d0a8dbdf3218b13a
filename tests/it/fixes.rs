//! What the findings of a text offer to do: done, it leaves no such finding behind.

use dqc::diagnostics::{Edit, fix};
use dqc::source::FileId;

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
