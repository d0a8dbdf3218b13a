//! One style: text to text, written only if it parses to the same tree and keeps every comment.
//!
//! What is broken is kept as it is written; everything around it is formatted.

mod items;
mod layout;
mod tokens;

use std::ops::Range;

use crate::diagnostics::Code;
use crate::source::FileId;
use crate::syntax::ast::{self, ColumnItem, ColumnMod, Item, Part, PromoteItem, RuleItem, RuleMod, SlaItem};
use crate::syntax::{self, trivia};

/// A text in the one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formatted {
    pub text: String,
    /// Whether something could not be read and was kept as it is written.
    pub broken: bool,
}

/// Formats a text; what cannot be formatted safely comes back unchanged.
pub fn format(text: &str) -> Formatted {
    let clean = with_plain_ends(text.trim_start_matches('\u{FEFF}'));
    let before = syntax::parse(FileId(0), &clean);
    let broken = !before.diagnostics.is_empty();
    let unchanged = |broken| Formatted { text: text.to_string(), broken };
    if before.diagnostics.iter().any(|d| matches!(d.code, Code::DQ0105 | Code::DQ0130)) {
        return unchanged(true);
    }
    let Some(printed) = items::print(&clean) else { return unchanged(true) };
    let after = syntax::parse(FileId(0), &printed);
    if tree(before.file) != tree(after.file) || comments(&clean) != comments(&printed) {
        return unchanged(broken);
    }
    Formatted { text: printed, broken }
}

/// Every line ends with `\n` alone; of several carriage returns before it none stays, as the next time would take it.
fn with_plain_ends(text: &str) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let ended = lines.len() - 1;
    lines.iter_mut().take(ended).for_each(|line| *line = line.trim_end_matches('\r'));
    lines.join("\n")
}

/// The replacements that format the lines that a range touches, in the order of their places, for editors.
pub fn format_range(text: &str, range: Range<usize>) -> Vec<(Range<usize>, String)> {
    let formatted = format(text).text;
    let starts = |text: &str| -> Vec<usize> {
        let mut starts: Vec<usize> =
            text.split_inclusive('\n').scan(0, |at, line| Some(std::mem::replace(at, *at + line.len()))).collect();
        starts.push(text.len());
        starts
    };
    let (old, new) = (starts(text), starts(&formatted));
    let at = |starts: &[usize], line: usize| starts.get(line).copied().unwrap_or(usize::MAX);
    let diff = similar::TextDiff::from_lines(text, &formatted);
    let mut edits = Vec::new();
    for op in diff.ops().iter().filter(|op| op.tag() != similar::DiffTag::Equal) {
        let place = at(&old, op.old_range().start).min(text.len())..at(&old, op.old_range().end).min(text.len());
        if place.start <= range.end && range.start <= place.end {
            let lines =
                at(&new, op.new_range().start).min(formatted.len())..at(&new, op.new_range().end).min(formatted.len());
            edits.push((place, formatted.get(lines).unwrap_or("").to_string()));
        }
    }
    edits
}

/// The tree without its places, modifiers in the order in which they are written.
fn tree(mut file: ast::File) -> String {
    for item in &mut file.items {
        match item {
            Item::Contract(contract) => contract.parts.iter_mut().for_each(order_part),
            Item::Rules(rules) => order_rules(&mut rules.body),
            Item::Promote(promote) => {
                for item in &mut promote.items {
                    if let PromoteItem::Rules(rules, _) = item {
                        order_rules(rules);
                    }
                }
            }
            _ => {}
        }
    }
    without_places(&format!("{file:?}"))
}

fn order_part(part: &mut Part) {
    match part {
        Part::Columns(columns) => {
            for item in &mut columns.items {
                if let ColumnItem::Column(column) = item {
                    column.mods.sort_by_key(column_rank);
                }
            }
        }
        Part::Rules(rules, _) => order_rules(rules),
        Part::Sla(entries, _) => {
            for item in entries {
                if let SlaItem::Entry(entry) = item {
                    entry.mods.sort_by_key(rule_rank);
                }
            }
        }
        _ => {}
    }
}

fn order_rules(items: &mut [RuleItem]) {
    for item in items {
        if let RuleItem::Rule(rule) = item {
            rule.mods.sort_by_key(rule_rank);
        }
    }
}

fn rule_rank(modifier: &RuleMod) -> u8 {
    match modifier {
        RuleMod::When(..) => 0,
        RuleMod::ForEach { .. } => 1,
        RuleMod::Over(..) => 2,
        RuleMod::Nulls(..) => 3,
        RuleMod::Else(..) => 4,
        RuleMod::NotEvaluated(..) => 5,
        RuleMod::Because(..) => 6,
        RuleMod::Fix(..) => 7,
        RuleMod::Tags(..) => 8,
    }
}

fn column_rank(modifier: &ColumnMod) -> u8 {
    match modifier {
        ColumnMod::Key(_) => 0,
        ColumnMod::References(_) => 1,
        ColumnMod::Unique(_) => 2,
        ColumnMod::Personal(_) => 3,
        ColumnMod::Secret(_) => 4,
        ColumnMod::Was(_) => 5,
        ColumnMod::Else(_) => 6,
        ColumnMod::Because(_) => 7,
        ColumnMod::Fix(_) => 8,
        ColumnMod::Tags(_) => 9,
    }
}

/// A printed tree without its spans.
fn without_places(printed: &str) -> String {
    const SPAN: &str = "Span { file: FileId(";
    let mut out = String::with_capacity(printed.len() / 2);
    let mut rest = printed;
    while let Some(at) = rest.find(SPAN) {
        out.push_str(rest.get(..at).unwrap_or(""));
        rest = rest.get(at..).unwrap_or("");
        rest = rest.find('}').and_then(|end| rest.get(end + 1..)).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// What the comments of a text say, sorted: a modifier may move past another, and its comment with it.
fn comments(text: &str) -> Vec<String> {
    let mut found: Vec<String> =
        trivia::comments(text).into_iter().map(|c| tokens::comment(text.get(c).unwrap_or(""))).collect();
    found.sort();
    found
}
