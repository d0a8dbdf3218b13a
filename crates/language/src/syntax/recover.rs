//! Which pieces of a block belong together: an item, and what is left of it that nothing could read.

use super::build::Builder;
use super::errors;
use super::grammar::{Pair, Rule};

/// An item of a block; broken if something after it is left over.
pub(crate) struct Group<'t> {
    pub head: Pair<'t>,
    /// Bytes of the whole text.
    pub start: usize,
    pub end: usize,
    pub broken: bool,
}

impl<'t> Builder<'t> {
    /// Sorts the children of a block. What is left over on an item's last line, or deeper than its head, belongs to it.
    pub fn groups(&mut self, children: impl Iterator<Item = Pair<'t>>) -> Vec<Group<'t>> {
        let mut groups: Vec<Group> = Vec::new();
        let mut separator: Option<Pair> = None;
        for pair in children {
            let span = self.span(&pair);
            let (start, end) = (span.start as usize, span.end as usize);
            let rule = pair.as_rule();
            if rule == Rule::slip_separator {
                self.separator(separator.replace(pair));
                continue;
            }
            let junk = matches!(rule, Rule::junk | Rule::junk_part);
            let leftover = junk || matches!(rule, Rule::slip_column | Rule::slip_rule | Rule::slip_anonymous);
            if let Some(last) = groups.last_mut().filter(|_| leftover) {
                let same_line = self.text_between(last.end, start).is_some_and(|t| !t.contains('\n'));
                let separated = separator.is_some() && !junk && rule != Rule::slip_anonymous;
                if same_line && !separated || self.deeper(last.start, start) {
                    last.end = last.end.max(end);
                    last.broken = true;
                    separator = None;
                    continue;
                }
            }
            self.separator(separator.take());
            groups.push(Group { head: pair, start, end, broken: junk });
        }
        self.separator(separator);
        groups
    }

    fn separator(&mut self, pair: Option<Pair<'t>>) {
        let Some(pair) = pair else { return };
        let span = self.span(&pair);
        let ends_line = self
            .text_between(span.end as usize, self.text_len())
            .is_none_or(|t| t.trim_start_matches([' ', '\t', '\r']).starts_with(['\n', '/']));
        let before = if ends_line { "at the end of a line" } else { "between two of these" };
        self.push(errors::separator(span, pair.as_str(), before));
    }

    /// Whether `later` starts a line that is indented deeper than the line that `head` starts.
    fn deeper(&self, head: usize, later: usize) -> bool {
        match (self.indent(head), self.indent(later)) {
            (Some(head), Some(later)) => later > head,
            _ => false,
        }
    }

    /// How far in the line something stands that is the first in its line.
    pub fn indent(&self, at: usize) -> Option<usize> {
        let before = self.text_between(0, at)?;
        let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
        line.chars().all(char::is_whitespace).then(|| line.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum())
    }
}
