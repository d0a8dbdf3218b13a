//! The messages that authors write, with holes for values.

use crate::hir::{Template, TemplatePart};
use crate::resolve::fold;
use crate::source::Span;
use crate::syntax::ast;

use super::scope::Schema;
use super::{Checker, errors};

/// What a message may show.
pub struct Holes<'s> {
    /// `None`: the rule does not point at rows.
    pub columns: Option<&'s Schema>,
    /// Names of what `for each` groups by.
    pub groups: &'s [String],
    /// In a rule set: a parameter's name, and the column that stands for it.
    pub renamed: &'s [(String, String)],
}

/// Holes that every rule fills.
const ALWAYS: [&str; 4] = ["value", "limit", "violations", "batch"];

impl<'a> Checker<'a> {
    pub fn template(&mut self, text: &ast::Text, holes: &Holes<'_>) -> Template {
        let mut parts = Vec::new();
        let mut rest = text.value.as_str();
        let mut plain = String::new();
        while let Some(start) = rest.find(['{', '}']) {
            let (before, tail) = rest.split_at(start);
            plain.push_str(before);
            if let Some(after) = tail.strip_prefix("{{").or_else(|| tail.strip_prefix("}}")) {
                plain.push_str(tail.get(..1).unwrap_or(""));
                rest = after;
                continue;
            }
            let hole = tail.strip_prefix('{').and_then(|t| t.split_once('}')).filter(|(name, _)| !name.contains('{'));
            let Some((name, after)) = hole else {
                plain.push_str(tail.get(..1).unwrap_or(""));
                rest = tail.get(1..).unwrap_or("");
                continue;
            };
            if !plain.is_empty() {
                parts.push(TemplatePart::Text(std::mem::take(&mut plain)));
            }
            let name = name.trim();
            let found = self.hole(name, self.hole_span(text, name), holes);
            parts.push(TemplatePart::Hole(found));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(TemplatePart::Text(plain));
        }
        Template { parts }
    }

    /// The name that the hole will be filled under.
    fn hole(&mut self, name: &str, span: Span, holes: &Holes<'_>) -> String {
        let wanted = fold(name);
        if let Some(group) = holes.groups.iter().find(|g| fold(g) == wanted) {
            return group.clone();
        }
        let renamed = holes.renamed.iter().find(|(from, _)| fold(from) == wanted);
        let name = renamed.map_or(name, |(_, to)| to.as_str());
        let by_itself = self.by_itself > 0;
        if by_itself && renamed.is_some() {
            return name.to_owned();
        }
        if let Some(column) = holes.columns.and_then(|c| c.find(name)) {
            return column.name.clone();
        }
        if ALWAYS.contains(&name) || !by_itself && holes.columns.is_some_and(|c| c.open) {
            return name.to_owned();
        }
        let columns = holes.columns.iter().flat_map(|c| c.names());
        let params = holes.renamed.iter().map(|(from, _)| from.as_str());
        let known: Vec<&str> = columns.chain(params).chain(holes.groups.iter().map(String::as_str)).chain(ALWAYS).collect();
        self.report(errors::unknown_hole(span, name, &known, holes.columns.is_some()));
        name.to_owned()
    }

    /// Where the hole stands in the text as written; escapes may hide it.
    fn hole_span(&self, text: &ast::Text, name: &str) -> Span {
        let source = self.text(text.span);
        match source.find(&format!("{{{name}}}")) {
            Some(at) => {
                let start = text.span.start as usize + at + 1;
                Span::new(text.span.file, start, start + name.len())
            }
            None => text.span,
        }
    }
}
