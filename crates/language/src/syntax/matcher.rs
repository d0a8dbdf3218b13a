//! The parser that `build.rs` makes of `grammar/dq.pest`: text to nodes, byte by byte. It reads what pest's own parser
//! reads and leaves the same pairs, which a test holds over every text that there is; pest's own is asked only what could
//! have stood where an item breaks off (see [`super::locate`]).

use std::rc::Rc;

use super::grammar::Rule;
use made::SKIPPED;

/// One of the grammar's rules and the text that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    rule: Rule,
    start: u32,
    end: u32,
    /// The node after the last that stands in this one.
    next: u32,
}

/// A rule that was matched.
#[derive(Clone, Debug)]
pub(crate) struct Pair<'t> {
    text: &'t str,
    nodes: Rc<[Node]>,
    at: usize,
}

/// Pairs that stand side by side.
#[derive(Clone, Debug)]
pub(crate) struct Pairs<'t> {
    text: &'t str,
    nodes: Rc<[Node]>,
    at: usize,
    end: usize,
}

impl<'t> Pair<'t> {
    #[inline]
    fn node(&self) -> Node {
        self.nodes[self.at]
    }

    #[inline]
    pub fn as_rule(&self) -> Rule {
        self.node().rule
    }

    /// Bytes of the text that was parsed.
    #[inline]
    pub fn start(&self) -> usize {
        self.node().start as usize
    }

    #[inline]
    pub fn end(&self) -> usize {
        self.node().end as usize
    }

    #[inline]
    pub fn as_str(&self) -> &'t str {
        self.text.get(self.start()..self.end()).unwrap_or("")
    }

    #[inline]
    pub fn into_inner(self) -> Pairs<'t> {
        let end = self.node().next as usize;
        Pairs { text: self.text, nodes: self.nodes, at: self.at + 1, end }
    }
}

impl<'t> Iterator for Pairs<'t> {
    type Item = Pair<'t>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'t>> {
        if self.at >= self.end {
            return None;
        }
        let pair = Pair { text: self.text, nodes: self.nodes.clone(), at: self.at };
        self.at = pair.node().next as usize;
        Some(pair)
    }
}

/// Nested deeper than can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooDeep;

/// Reads a text by a rule, from its start; `None` where the rule does not match.
pub(crate) fn parse(rule: Rule, text: &str) -> Result<Option<Pairs<'_>>, TooDeep> {
    let mut matcher = Matcher {
        bytes: text.as_bytes(),
        text,
        at: 0,
        nodes: Vec::with_capacity(text.len() / 4),
        mode: Mode::Spaced,
        quiet: false,
        depth: 0,
        too_deep: false,
        skipped: (usize::MAX, 0),
    };
    let matched = matcher.start(rule);
    if matcher.too_deep {
        return Err(TooDeep);
    }
    let nodes: Rc<[Node]> = matcher.nodes.into();
    let end = nodes.len();
    Ok(matched.then_some(Pairs { text, nodes, at: 0, end }))
}

/// How deep rules may stand in one another: less than a thread's stack holds, more than [`super::build::MAX_DEPTH`] takes.
const DEEPEST: usize = 1200;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Blanks and comments may stand between the parts of a sequence.
    Spaced,
    /// They may not; rules leave nodes.
    Compound,
    /// They may not, and no rule inside leaves a node.
    Atomic,
}

/// A bit for each byte.
type Set = [u64; 4];

struct Matcher<'t> {
    bytes: &'t [u8],
    text: &'t str,
    at: usize,
    nodes: Vec<Node>,
    mode: Mode,
    /// Looking ahead: no rule leaves a node.
    quiet: bool,
    depth: usize,
    too_deep: bool,
    /// Where blanks were skipped last, and to where.
    skipped: (usize, usize),
}

/// A place to come back to.
type Mark = (usize, usize);

/// What stands for the node of a rule that leaves none.
const NO_NODE: usize = usize::MAX;

impl Matcher<'_> {
    /// The next byte; 0 at the end.
    #[inline]
    fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    fn sees(&self, set: &Set) -> bool {
        let byte = self.byte();
        set[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    /// Takes a byte of a set; never the end.
    #[inline]
    fn takes(&mut self, set: &Set) -> bool {
        let takes = self.sees(set) && self.at < self.bytes.len();
        self.at += usize::from(takes);
        takes
    }

    #[inline]
    fn mark(&self) -> Mark {
        (self.at, self.nodes.len())
    }

    #[inline]
    fn reset(&mut self, (at, nodes): Mark) {
        self.at = at;
        if nodes < self.nodes.len() {
            self.nodes.truncate(nodes);
        }
    }

    #[inline]
    fn one(&mut self, byte: u8) -> bool {
        let matched = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(matched);
        matched
    }

    /// Of a length that is known: compared as a number or two.
    #[inline]
    fn text<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        let matched = self.bytes.get(self.at..self.at + N).is_some_and(|found| found == text);
        if matched {
            self.at += N;
        }
        matched
    }

    #[inline]
    fn any_case<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        let found = self.bytes.get(self.at..self.at + text.len());
        let matched = found.is_some_and(|found| found.eq_ignore_ascii_case(text));
        if matched {
            self.at += text.len();
        }
        matched
    }

    #[inline]
    fn ascii(&mut self, is: fn(&u8) -> bool) -> bool {
        let matched = self.bytes.get(self.at).is_some_and(is);
        self.at += usize::from(matched);
        matched
    }

    #[inline]
    fn char_if(&mut self, is: impl FnOnce(char) -> bool) -> bool {
        let next = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        match next {
            Some(c) if is(c) => {
                self.at += c.len_utf8();
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn range(&mut self, low: char, high: char) -> bool {
        self.char_if(|c| low <= c && c <= high)
    }

    fn unicode(&mut self, is: fn(char) -> bool) -> bool {
        self.char_if(is)
    }

    #[inline]
    fn any(&mut self) -> bool {
        self.char_if(|_| true)
    }

    /// On to the first of some texts, or to the end.
    fn until(&mut self, texts: &[&[u8]]) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let found = (0..rest.len()).find(|i| texts.iter().any(|text| rest[*i..].starts_with(text)));
        self.at += found.unwrap_or(rest.len());
        true
    }

    #[inline]
    fn ahead(&mut self, matches: impl FnOnce(&mut Self) -> bool) -> bool {
        let (at, quiet) = (self.at, std::mem::replace(&mut self.quiet, true));
        let matched = matches(self);
        (self.at, self.quiet) = (at, quiet);
        matched
    }

    fn end_of_input(&mut self) -> bool {
        let matched = self.at == self.bytes.len();
        let node = self.open(Rule::EOI);
        self.close(node, matched);
        matched
    }

    /// Over blanks and comments.
    #[inline]
    fn skip(&mut self) {
        if self.mode == Mode::Spaced && self.sees(&SKIPPED) {
            self.skip_some();
        }
    }

    fn skip_some(&mut self) {
        if self.skipped.0 == self.at {
            self.at = self.skipped.1;
            return;
        }
        let start = self.at;
        loop {
            while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\t' | b'\r')) {
                self.at += 1;
            }
            // Whatever else the grammar skips starts with one of these.
            if !self.sees(&SKIPPED) || !self.r_WHITESPACE() && !self.r_COMMENT() {
                break;
            }
        }
        self.skipped = (start, self.at);
    }

    #[inline]
    fn open(&mut self, rule: Rule) -> usize {
        if self.quiet || self.mode == Mode::Atomic {
            return NO_NODE;
        }
        let start = self.at as u32;
        self.nodes.push(Node { rule, start, end: start, next: 0 });
        self.nodes.len() - 1
    }

    #[inline]
    fn close(&mut self, node: usize, matched: bool) {
        if node == NO_NODE {
            return;
        }
        if !matched {
            self.nodes.truncate(node);
            return;
        }
        let (end, next) = (self.at as u32, self.nodes.len() as u32);
        if let Some(node) = self.nodes.get_mut(node) {
            (node.end, node.next) = (end, next);
        }
    }

    fn deeper(&mut self) -> bool {
        self.too_deep |= self.depth >= DEEPEST;
        if self.too_deep {
            return false;
        }
        self.depth += 1;
        true
    }
}

#[allow(non_snake_case, unused_parens, unused_braces, clippy::all)]
mod made {
    use super::{Matcher, Mode, Rule, Set};
    include!(concat!(env!("OUT_DIR"), "/matcher.rs"));
}

#[cfg(test)]
mod tests;
