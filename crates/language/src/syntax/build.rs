//! Pairs to tree. Whatever the text holds, the builder ends with a tree and findings.

mod contract;
mod expr;
mod items;
mod literal;
mod promote;
mod rules;
mod tails;
mod test;
mod types;

use std::cell::Cell;
use std::ops::Range;

use super::ast::{Name, Path, Text};
use super::grammar::{Pair, Rule};
use super::{errors, trivia};
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Span};

/// How deep a tree may be: what walks it needs no more stack than a thread has.
pub(super) const MAX_DEPTH: usize = 100;

pub(crate) struct Builder<'t> {
    file: FileId,
    /// The whole text.
    text: &'t str,
    /// The comments of the text, in order.
    pub comments: Vec<Range<usize>>,
    /// Where the slice begins that was parsed.
    pub base: usize,
    /// What begins here or later is left out.
    pub until: usize,
    /// Whether something before goes on behind it.
    crossed: bool,
    pub found: Vec<Diagnostic>,
    /// An end, and the same without blanks and comments.
    trimmed: Cell<(usize, usize)>,
    /// Names that broken items would have declared.
    pub broken: Vec<Path>,
    /// Set while a tree that is too deep is reported, so that it is reported once.
    too_deep: bool,
    /// The term that was built last is several, joined by bars.
    barred: bool,
    /// A block whose closing brace seems to be the one of the block around it.
    unclosed: Option<Diagnostic>,
}

/// What stands between two braces, and how the second was found.
struct Block<'t> {
    children: Vec<Pair<'t>>,
    end: End,
}

enum End {
    Here,
    /// Nowhere; the finding's place among those found.
    Missing(usize),
    /// Further left than the block, so that it is rather the brace of the block around it.
    Elsewhere(Box<Diagnostic>),
}

impl<'t> Builder<'t> {
    pub fn new(file: FileId, text: &'t str) -> Self {
        let comments = trivia::comments(text);
        Self { file, text, comments, base: 0, until: usize::MAX, crossed: false, found: Vec::new(), trimmed: Cell::new((0, 0)), broken: Vec::new(), too_deep: false, barred: false, unclosed: None }
    }

    /// Whether what was built stands by itself.
    pub fn is_even(&self) -> bool {
        self.unclosed.is_none() && !self.crossed
    }

    fn file_id(&self) -> FileId {
        self.file
    }

    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    pub fn text_between(&self, start: usize, end: usize) -> Option<&'t str> {
        self.text.get(start..end)
    }

    #[inline]
    pub fn range(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    /// Where a pair stands, without the blanks and comments that pest counts to its end.
    #[inline]
    pub fn span(&self, pair: &Pair) -> Span {
        let (start, end) = (self.base + pair.start(), self.base + pair.end());
        let last = end.checked_sub(1).and_then(|i| self.text.as_bytes().get(i)).copied().unwrap_or(b' ');
        if end > start && (last.is_ascii_whitespace() || last == b'/' || last >= 0x80 || end == self.text.len()) {
            // Pairs that stand in one another often end at the same place.
            let (last, trimmed) = self.trimmed.get();
            if last == end && trimmed > start {
                return self.range(start, trimmed);
            }
            return self.trimmed(start, end);
        }
        self.range(start, end)
    }

    fn trimmed(&self, start: usize, end: usize) -> Span {
        let trimmed = trivia::trimmed_end(self.text, &self.comments, start, end);
        self.trimmed.set((end, trimmed));
        self.range(start, trimmed)
    }

    pub fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.range()).unwrap_or("")
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// A bare or quoted name.
    fn name(&self, pair: &Pair) -> Name {
        Name { text: unquote(pair.as_str().trim_end()), span: self.trimmed_name(pair) }
    }

    fn trimmed_name(&self, pair: &Pair) -> Span {
        let span = self.span(pair);
        let len = pair.as_str().trim_end().len();
        self.range(span.start as usize, span.start as usize + len)
    }

    /// `a.b.c`, which the grammar reads as one word.
    fn path(&self, pair: &Pair) -> Path {
        let span = self.span(pair);
        let mut names = Vec::with_capacity(2);
        let (mut start, mut quoted) = (0, false);
        let text = pair.as_str();
        for (i, c) in text.char_indices() {
            match c {
                '`' => quoted = !quoted,
                '.' if !quoted => {
                    names.push(self.path_name(span, text, start, i));
                    start = i + 1;
                }
                _ => {}
            }
        }
        names.push(self.path_name(span, text, start, text.len()));
        Path { names, span }
    }

    fn path_name(&self, span: Span, text: &str, start: usize, end: usize) -> Name {
        let at = span.start as usize;
        Name { text: unquote(text.get(start..end).unwrap_or("")), span: self.range(at + start, at + end) }
    }

    fn number(&mut self, pair: &Pair) -> u64 {
        let digits: String = pair.as_str().chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| {
            let span = self.span(pair);
            self.push(errors::number_too_large(span));
            u64::MAX
        })
    }

    fn percent(&self, pair: &Pair) -> f64 {
        pair.as_str().replace(['%', '_'], "").parse().unwrap_or(0.0)
    }

    /// The lines of `///` directly above the line on which something starts.
    fn doc(&self, start: u32) -> String {
        let mut head = self.text.get(..start as usize).unwrap_or("");
        let mut lines = Vec::new();
        let blank = |c: char| c != '\n' && (c.is_whitespace() || c == '\u{FEFF}');
        if head.trim_end_matches(blank).ends_with(|c| c != '\n') {
            return String::new();
        }
        while let Some((above, _)) = head.rsplit_once('\n') {
            let above_line = above.rsplit_once('\n').map_or(above, |(_, l)| l).trim();
            let above_line = above_line.trim_start_matches('\u{FEFF}');
            let Some(doc) = above_line.strip_prefix("///").filter(|d| !d.starts_with('/')) else { break };
            lines.push(doc.strip_prefix(' ').unwrap_or(doc).trim_end());
            head = above.get(..above.rfind('\n').map_or(0, |i| i + 1)).unwrap_or("");
        }
        lines.reverse();
        lines.join("\n")
    }

    /// The finding for a colon after a word that takes none.
    fn colon(&mut self, pair: &Pair, word: &str) {
        let span = self.span(pair);
        self.push(errors::extra_colon(span, word, true));
    }

    fn trailing(&mut self, pair: &Pair) {
        let span = self.span(pair);
        self.push(errors::trailing_comma(self.range(span.start as usize, span.start as usize + 1)));
    }

    /// The children of a block without its braces; what is missing of them is a finding.
    fn block(&mut self, children: Vec<Pair<'t>>, what: &str, head: Span) -> Block<'t> {
        let mut rest = Vec::with_capacity(children.len());
        let (mut opened, mut word, mut missing) = (head, what, None);
        let mut end = End::Here;
        for p in children {
            let span = self.span(&p);
            match p.as_rule() {
                Rule::l_brace => opened = span,
                Rule::slip_colon => self.colon(&p, word),
                Rule::open_junk => {
                    self.push(errors::unexpected(span, &format!("`{}`", self.slice(span)), "`{`"));
                }
                Rule::no_open => missing = Some(self.before(span.start as usize)),
                Rule::close => {
                    if let Some(at) = missing.take() {
                        self.push(errors::missing_open(at, what));
                    }
                    if let (Some(deep), Some(at)) = (self.indent(head.start as usize), self.indent(span.start as usize))
                        && at < deep
                    {
                        let finding = errors::missing_close(
                            opened,
                            what,
                            self.before(span.start as usize),
                            self.line_start(head),
                        );
                        end = End::Elsewhere(Box::new(finding));
                    }
                }
                Rule::no_close | Rule::no_close_top => {
                    let at = self.before(span.start as usize);
                    let finding = match (missing.take(), rest.is_empty()) {
                        (Some(at), true) => errors::missing_body(at, what),
                        (Some(at), false) => errors::missing_open(at, what),
                        (None, _) => {
                            end = End::Missing(self.found.len());
                            errors::missing_close(opened, what, at, self.line_start(head))
                        }
                    };
                    self.push(finding);
                }
                Rule::kw_columns | Rule::kw_rules | Rule::kw_sla | Rule::kw_with | Rule::kw_history
                    if rest.is_empty() =>
                {
                    word = p.as_str()
                }
                Rule::EOI => {}
                _ => rest.push(p),
            }
        }
        Block { children: rest, end }
    }

    /// After what stands in a block is built: which block it is that nothing closes.
    fn end(&mut self, end: End) {
        let inner = self.unclosed.take();
        match (end, inner) {
            (End::Missing(i), Some(inner)) => {
                if let Some(found) = self.found.get_mut(i) {
                    *found = inner;
                }
            }
            (End::Elsewhere(finding), None) => self.unclosed = Some(*finding),
            (End::Elsewhere(_), inner) => self.unclosed = inner,
            _ => {}
        }
    }

    /// The blanks at the start of the line on which something stands.
    fn line_start(&self, span: Span) -> &'t str {
        let before = self.text_between(0, span.start as usize).unwrap_or("");
        let line = self.text_between(before.rfind('\n').map_or(0, |i| i + 1), self.text_len()).unwrap_or("");
        line.get(..line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or("")
    }

    /// The empty span at the end of the code before a place.
    fn before(&self, at: usize) -> Span {
        let end = trivia::trimmed_end(self.text, &self.comments, 0, at);
        self.range(end, end)
    }

    /// A list of names.
    fn names(&mut self, pair: Pair) -> Vec<Name> {
        let mut names = Vec::new();
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::name => names.push(self.name(&p)),
                Rule::slip_trailing => self.trailing(&p),
                _ => {}
            }
        }
        names
    }

    fn empty_name(&self, span: Span) -> Name {
        Name { text: String::new(), span }
    }

    fn empty_path(&self, span: Span) -> Path {
        Path { names: vec![self.empty_name(span)], span }
    }

    fn empty_text(&self, span: Span) -> Text {
        Text { value: String::new(), span }
    }
}

fn unquote(name: &str) -> String {
    match name.strip_prefix('`').and_then(|n| n.strip_suffix('`')) {
        Some(inner) => inner.replace("``", "`"),
        None => name.to_string(),
    }
}
