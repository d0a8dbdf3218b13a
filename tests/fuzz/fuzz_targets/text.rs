//! Any bytes as a contract file: parsing, checking and formatting end with findings that point into the text, and
//! formatting twice changes nothing.
#![no_main]

use dqc::source::{FileId, SourceFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parsed = dqc::syntax::parse(FileId(0), text);
    for d in &parsed.diagnostics {
        assert!(text.get(d.primary.span.range()).is_some(), "{} points outside of the text", d.code.name());
    }
    let once = dqc::format::format(text).text;
    assert_eq!(dqc::format::format(&once).text, once);
    let layers = ["bronze", "silver", "gold"].map(str::to_string);
    dqc::compile(vec![SourceFile::new("fuzz.dq", text)], &layers);
});
