//! What is said of queries that cannot be planned.

use super::Problem;
use crate::diagnostics::suggest::{list, nearest};
use crate::diagnostics::{Code, Diagnostic};
use crate::source::Span;

/// `text` is what stands at `whole`: the rule's condition.
pub fn cannot_be_planned(whole: Span, text: &str, problem: &Problem) -> Diagnostic {
    let at = |name: &str| word(whole, text, name);
    match problem {
        Problem::Syntax { line, column, found } => {
            let span = place(whole, text, *line, *column, found);
            let what = match found.as_str() {
                "" => "the query cannot be read".to_owned(),
                "EOF" => "the query ends too early".to_owned(),
                found => format!("`{found}` cannot stand here in a query"),
            };
            Diagnostic::new(Code::DQ0418, what, span, "not SQL from here on")
                .with_help("Write one `select`; names with blanks go in backticks, text in quotes.")
        }
        Problem::NotSelect => crate::check::errors::one_select(whole),
        Problem::Table { name, known } => {
            let d = Diagnostic::new(Code::DQ0204, format!("there is no `{name}` to read from"), at(name), "not known");
            unknown(d, name, at(name), known)
        }
        Problem::Column { name, known } => {
            let d = Diagnostic::new(Code::DQ0201, format!("there is no column `{name}`"), at(name), "not declared");
            unknown(d, name, at(name), known)
        }
        Problem::Ambiguous(name) => {
            let message = format!("`{name}` stands for several columns");
            Diagnostic::new(Code::DQ0418, message, at(name), "which one?")
                .with_help("Write the table's name before it, or give one of them another name with `as`.")
        }
        Problem::Function(name) => {
            Diagnostic::new(Code::DQ0202, format!("there is no function `{name}` in SQL"), at(name), "not known")
                .with_help("A rule in SQL has the functions of the query engine, not those of the language.")
        }
        Problem::Types => Diagnostic::new(
            Code::DQ0301,
            "the query puts values together whose types do not fit",
            whole,
            "in this query",
        )
        .with_help("`cast(… as …)` changes a type."),
        Problem::Other => Diagnostic::new(Code::DQ0418, "the query cannot be planned", whole, "this query")
            .with_help("Look at `group by`, sub-queries and windows: something there is not supported, or does not fit together."),
    }
}

fn unknown(d: Diagnostic, name: &str, span: Span, known: &[String]) -> Diagnostic {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => d.with_help(format!("The nearest is `{near}`.")).with_replacement(format!("write `{near}`"), span, near),
        None => d.with_help(format!("There are {}.", list(known.iter().map(String::as_str)))),
    }
}

/// Where a name first stands in the text as a word of its own, whatever its case; else all of it.
fn word(whole: Span, text: &str, name: &str) -> Span {
    let (folded, wanted) = (text.to_lowercase(), name.to_lowercase());
    // Lower case can have another length.
    if folded.len() != text.len() || wanted.is_empty() {
        return whole;
    }
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    let body = text.find(['"', '\'']).unwrap_or(0);
    let mut from = body;
    while let Some(at) = folded.get(from..).and_then(|rest| rest.find(&wanted)).map(|i| i + from) {
        let end = at + wanted.len();
        let alone = !folded[..at].ends_with(inside) && !folded[end..].starts_with(inside);
        if alone {
            return Span { start: whole.start + at as u32, end: whole.start + end as u32, ..whole };
        }
        from = end;
    }
    whole
}

/// A place in the query as one in the text around it: the query's lines are lines of the text, with less before them.
fn place(whole: Span, text: &str, line: u64, column: u64, found: &str) -> Span {
    let quote = text.find(['"', '\'']).unwrap_or(0);
    let quotes = text[quote..].chars().take_while(|c| matches!(c, '"' | '\'')).count();
    let body = text.get(quote + quotes..).unwrap_or("");
    let lines: Vec<&str> = body.split('\n').collect();
    // Blank lines at the head are no part of the query.
    let skipped = lines.iter().position(|l| !l.trim().is_empty()).unwrap_or(0);
    let Some(content) = lines.get(skipped + usize::try_from(line).unwrap_or(1).saturating_sub(1)) else { return whole };
    let before: usize = lines.iter().take(skipped + usize::try_from(line).unwrap_or(1) - 1).map(|l| l.len() + 1).sum();
    let first = lines.get(skipped).map_or(0, |l| l.len() - l.trim_start().len());
    let indent = first.min(content.len() - content.trim_start().len());
    let skip = usize::try_from(column).unwrap_or(1).saturating_sub(1);
    let inner: usize = content[indent..].chars().take(skip).map(char::len_utf8).sum();
    let start = quote + quotes + before + indent + inner;
    let there = text.get(start..).is_some_and(|rest| rest.starts_with(found));
    match (found, there) {
        ("" | "EOF", _) | (_, false) => whole,
        _ => Span { start: whole.start + start as u32, end: whole.start + (start + found.len()) as u32, ..whole },
    }
}
