//! Names of findings that stay the same while lines move, so that a merge request shows what is new in it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Diagnostic;
use crate::source::SourceMap;

/// One for each finding, all different: made of the path, the code, the text that is pointed at, and which it is among
/// those that are equal in all of these. `base` stands before paths, as in the format that carries the fingerprint.
pub fn fingerprints(sources: &SourceMap, found: &[Diagnostic], base: &str) -> Vec<String> {
    let mut seen: BTreeMap<[u8; 32], u64> = BTreeMap::new();
    let one = |finding: &Diagnostic| {
        let file = sources.get(finding.primary.span.file);
        let mut hash = Sha256::new();
        for part in [base, &file.path, finding.code.name(), &content(sources, finding)] {
            // With its length, so that no two lists of parts run together into the same bytes.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let key: [u8; 32] = hash.clone().finalize().into();
        let ordinal = seen.entry(key).or_default();
        hash.update(ordinal.to_le_bytes());
        *ordinal += 1;
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    };
    found.iter().map(one).collect()
}

/// What the finding points at, whatever the layout; where that is nothing, the line.
fn content(sources: &SourceMap, finding: &Diagnostic) -> String {
    let file = sources.get(finding.primary.span.file);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let pointed = words(file.slice(finding.primary.span));
    if pointed.is_empty() { words(file.line(file.place(finding.primary.span.start as usize).line)) } else { pointed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Code;
    use crate::source::{SourceFile, Span};

    fn prints(text: &str, words: &[&str]) -> Vec<String> {
        let mut sources = SourceMap::default();
        let id = sources.add(SourceFile::new("silver/orders.dq", text.to_string()));
        let mut from = 0;
        let finding = |word: &&str| {
            let start = from + text[from..].find(*word).expect("a word of the text");
            from = start + word.len();
            Diagnostic::new(Code::DQ0201, "m", Span::new(id, start, start + word.len()), "l")
        };
        let found: Vec<Diagnostic> = words.iter().map(finding).collect();
        fingerprints(&sources, &found, "rules/")
    }

    #[test]
    fn they_survive_moved_lines_and_tell_equals_apart() {
        let before = prints("a: amont > 0\nb: amont > 1\n", &["amont", "amont"]);
        let moved = prints("\n// more\n\n    a: amont > 0\n\nb:   amont > 1\n", &["amont", "amont"]);
        assert_eq!(before, moved);
        assert_ne!(before[0], before[1]);
        assert_ne!(before[0], prints("a: amaunt > 0", &["amaunt"])[0]);
        // Where nothing is pointed at, the line is.
        assert_eq!(prints("x:  y\n", &[""]), prints("x: y\nz", &[""]));
        assert_ne!(prints("x: y\n", &[""]), prints("z: y\n", &[""]));
    }
}
