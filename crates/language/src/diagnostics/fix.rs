//! Applying fixes to a text.

use super::Edit;

/// The text after the edits; `None` where two of them meet, or one lies outside the text.
pub fn apply(text: &str, edits: &[&Edit]) -> Option<String> {
    let mut sorted: Vec<&&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for edit in sorted {
        let range = edit.span.range();
        out.push_str(text.get(done..range.start)?);
        text.get(range.clone())?;
        out.push_str(&edit.text);
        done = range.end;
    }
    out.push_str(text.get(done..)?);
    Some(out)
}

/// Of several fixes to one text as many as do not touch each other, in order: the text after them, and how many were
/// applied. An edit that two fixes share is made once.
pub fn apply_all(text: &str, fixes: &[&[Edit]]) -> (String, usize) {
    let mut taken: Vec<&Edit> = Vec::new();
    let mut applied = 0;
    for fix in fixes {
        let meets = |edit: &Edit| {
            taken.iter().any(|t| *t != edit && edit.span.start <= t.span.end && t.span.start <= edit.span.end)
        };
        if fix.iter().any(meets) {
            continue;
        }
        taken.extend(fix.iter().filter(|edit| !taken.contains(edit)).collect::<Vec<_>>());
        applied += 1;
    }
    apply(text, &taken).map_or((text.to_string(), 0), |after| (after, applied))
}
