//! What can be done about a place: the fixes of findings, and all of a file's at once.

use std::ops::Range;

use crate::diagnostics::{Diagnostic, Edit};
use crate::source::FileId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub title: String,
    pub edits: Vec<Edit>,
    /// Which of the findings it cures; none: several.
    pub cures: Option<usize>,
}

/// Fixes of the findings that touch a range, each with its place among them; then, if there are more, all of the file's.
pub fn fixes(found: &[Diagnostic], file: FileId, range: &Range<usize>) -> Vec<Action> {
    let own = || found.iter().enumerate().filter(|(_, d)| d.primary.span.file == file && d.fix.is_some());
    let touches = |d: &Diagnostic| {
        let span = d.primary.span.range();
        span.start <= range.end && range.start <= span.end
    };
    let mut actions: Vec<Action> = own()
        .filter(|(_, d)| touches(d))
        .filter_map(|(i, d)| d.fix.as_ref().map(|f| Action { title: f.title.clone(), edits: f.edits.clone(), cures: Some(i) }))
        .collect();
    if own().count() > 1 {
        let mut taken: Vec<Edit> = Vec::new();
        let mut fixed = 0;
        for (_, d) in own() {
            let edits = d.fix.as_ref().map_or(&[][..], |f| &f.edits);
            let meets = |e: &Edit| {
                e.span.file != file
                    || taken.iter().any(|t| t != e && e.span.start <= t.span.end && t.span.start <= e.span.end)
            };
            if edits.is_empty() || edits.iter().any(meets) {
                continue;
            }
            let new: Vec<Edit> = edits.iter().filter(|e| !taken.contains(e)).cloned().collect();
            taken.extend(new);
            fixed += 1;
        }
        if fixed > 1 {
            actions.push(Action { title: format!("Fix all {fixed} that can be fixed in this file"), edits: taken, cures: None });
        }
    }
    actions
}
