//! What stands around an offset, read from words alone, so that it can be told while the text is broken.

use std::ops::Range;

use super::words::{Kind, Word, starts_line, words};

/// A block that is open at the offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Contract(String),
    Promote { from: String, to: String },
    /// Of a dataset.
    Test(String),
    RuleSet,
    Columns,
    Rules,
    Sla,
    With,
    /// A test's table; of another dataset than the tested one if it names one.
    Rows(Option<String>),
    History,
    /// Braces that belong to nothing known: `use x.{…}`.
    Other,
}

#[derive(Debug)]
pub(super) struct Place<'t> {
    pub text: &'t str,
    /// From outside in.
    pub blocks: Vec<Block>,
    /// What stands between the start of the item or entry and the word at the offset, without comments.
    pub before: Vec<Word>,
    /// The started word, up to the offset.
    pub word: Range<usize>,
    /// The string that the offset is in.
    pub inside: Option<Word>,
    pub in_comment: bool,
    /// The parameters of the function or rule set around.
    pub parameters: Vec<String>,
}

const TOP: [&str; 9] = ["contract", "promote", "type", "fn", "extern", "rules", "use", "calendar", "test"];
const PARTS: [&str; 17] = [
    "owner", "tags", "nulls", "else", "quarantine", "zone", "at", "format", "columns", "rules", "sla", "batches", "with",
    "write", "notify", "rows", "expect",
];

impl<'t> Place<'t> {
    pub fn at(text: &'t str, offset: usize) -> Self {
        let all = words(text);
        let started = all.partition_point(|w| w.start < offset);
        let last = started.checked_sub(1).and_then(|i| all.get(i)).filter(|w| offset <= w.end);
        let mut place = Place {
            text,
            blocks: Vec::new(),
            before: Vec::new(),
            word: offset..offset,
            inside: None,
            in_comment: false,
            parameters: Vec::new(),
        };
        let mut upto = started;
        match last {
            Some(w) if w.kind == Kind::Comment => {
                place.in_comment = offset < w.end || !text.get(w.range()).is_some_and(|t| t.ends_with("*/"));
                upto -= 1;
            }
            Some(w) if w.kind == Kind::Text && (offset < w.end || is_open(text, w)) => {
                place.inside = Some(*w);
                upto -= 1;
            }
            Some(w) if w.is_name() || w.kind == Kind::Number => {
                place.word = w.start..offset;
                upto -= 1;
            }
            _ => {}
        }
        place.read(&all, upto);
        place
    }

    fn read(&mut self, all: &[Word], upto: usize) {
        let text = self.text;
        let code: Vec<Word> = all.iter().take(upto).filter(|w| w.kind != Kind::Comment).copied().collect();
        // The word at the offset can still be the one that makes an item of the word before.
        let next = all.get(upto).filter(|w| w.kind != Kind::Comment);
        let (mut since, mut depth) = (0, 0usize);
        for (i, w) in code.iter().enumerate() {
            let after = code.get(i + 1).or(next);
            let first = starts_line(text, w.start);
            if first && w.kind == Kind::Word && is_top(text, w, after) {
                (since, depth) = (i, 0);
                self.blocks.clear();
                self.parameters.clear();
                continue;
            }
            match (w.kind, w.text(text)) {
                (Kind::Sign, "{") => {
                    let block = block(text, code.get(since..i).unwrap_or(&[]));
                    if block == Block::RuleSet {
                        self.parameters = parameters(text, code.get(since..i).unwrap_or(&[]));
                    }
                    self.blocks.push(block);
                    (since, depth) = (i + 1, 0);
                }
                (Kind::Sign, "}") => {
                    self.blocks.pop();
                    (since, depth) = (i + 1, 0);
                }
                (Kind::Sign, "(" | "[") => depth += 1,
                (Kind::Sign, ")" | "]") => depth = depth.saturating_sub(1),
                (Kind::Sign, "|") if first => since = i,
                (Kind::Word | Kind::Quoted, word) => {
                    let head = after.is_some_and(|a| a.kind == Kind::Sign && a.text(text) == ":");
                    let entry = match self.blocks.last() {
                        Some(Block::Columns | Block::Rules | Block::RuleSet | Block::Sla | Block::With) => {
                            head && depth == 0 && (first || i == since) || first && matches!(word, "include" | "other")
                        }
                        Some(Block::Contract(_) | Block::Promote { .. } | Block::Test(_)) => first && PARTS.contains(&word),
                        _ => false,
                    };
                    if entry {
                        (since, depth) = (i, 0);
                    }
                }
                _ => {}
            }
        }
        self.before = code.get(since..).unwrap_or(&[]).to_vec();
        if self.blocks.is_empty() && self.before.first().is_some_and(|w| w.is(text, "fn")) {
            self.parameters = parameters(text, &self.before);
        }
    }

    pub fn block(&self) -> Option<&Block> {
        self.blocks.last()
    }

    /// The word so many steps back; 0 is the one right before.
    pub fn back(&self, steps: usize) -> &'t str {
        let at = self.before.len().checked_sub(steps + 1);
        at.and_then(|i| self.before.get(i)).map_or("", |w| w.text(self.text))
    }

    pub fn back_word(&self, steps: usize) -> Option<&Word> {
        self.before.len().checked_sub(steps + 1).and_then(|i| self.before.get(i))
    }

    /// The name before the colon that starts the entry.
    pub fn head(&self) -> Option<&'t str> {
        match self.before.as_slice() {
            [name, colon, ..] if name.is_name() && colon.is(self.text, ":") => Some(name.text(self.text)),
            _ => None,
        }
    }

    /// Whether the offset is on a line of its own, but for the word that is being written.
    pub fn starts_line(&self) -> bool {
        starts_line(self.text, self.word.start)
    }

    /// Names joined by points right before the word: `silver.orders` before `.`.
    pub fn qualifier(&self) -> Option<String> {
        let dot = self.back_word(0)?;
        if !dot.is(self.text, ".") || dot.end != self.word.start {
            return None;
        }
        let mut names = Vec::new();
        let mut steps = 1;
        while let Some(w) = self.back_word(steps).filter(|w| w.is_name()) {
            names.push(w.text(self.text).trim_matches('`'));
            match self.back_word(steps + 1) {
                Some(dot) if dot.is(self.text, ".") && dot.end == w.start => steps += 2,
                _ => break,
            }
        }
        names.reverse();
        (!names.is_empty()).then(|| names.join("."))
    }

    /// The dataset whose columns an expression here sees, and `true` where it is a promotion's source.
    pub fn dataset(&self) -> Option<&str> {
        for (i, block) in self.blocks.iter().enumerate().rev() {
            match block {
                Block::Contract(name) | Block::Test(name) | Block::Rows(Some(name)) => return Some(name),
                Block::Promote { from, to } => {
                    let mapped = matches!(self.blocks.get(i + 1), Some(Block::With)) && self.head().is_some();
                    return Some(if mapped { from } else { to });
                }
                Block::RuleSet => return None,
                _ => {}
            }
        }
        None
    }
}

/// Whether nothing closes the string on its line.
fn is_open(text: &str, w: &Word) -> bool {
    let inner = w.text(text).trim_start_matches('r');
    let quote = if inner.starts_with("\"\"\"") { "\"\"\"" } else { inner.get(..1).unwrap_or("\"") };
    inner.len() < 2 * quote.len() || !inner.ends_with(quote)
}

fn is_top(text: &str, w: &Word, next: Option<&Word>) -> bool {
    let word = w.text(text);
    let follows = next.is_some_and(|n| if word == "test" { n.kind == Kind::Text } else { n.is_name() });
    TOP.contains(&word) && follows && next.is_some_and(|n| n.start > w.end)
}

/// What a brace opens, by the words before it.
fn block(text: &str, head: &[Word]) -> Block {
    let path = |from: usize| -> String {
        let names = head.iter().skip(from).take_while(|w| w.is_name() || w.is(text, "."));
        let mut joined = String::new();
        let mut end = None;
        for w in names {
            // Two names beside each other are no path.
            if w.is_name() && end.is_some_and(|e| e != w.start) && !joined.ends_with('.') {
                break;
            }
            joined.push_str(w.text(text).trim_matches('`'));
            end = Some(w.end);
        }
        joined
    };
    let position = |word: &str| head.iter().position(|w| w.is(text, word));
    match head.first().map(|w| w.text(text)) {
        Some("contract") => Block::Contract(path(1)),
        Some("promote") => Block::Promote { from: path(1), to: position("to").map_or(String::new(), |i| path(i + 1)) },
        Some("test") => Block::Test(position("for").map_or(String::new(), |i| path(i + 1))),
        Some("rules") if head.len() > 1 && head.get(1).is_some_and(Word::is_name) => Block::RuleSet,
        Some("rules") => Block::Rules,
        Some("columns") => Block::Columns,
        Some("sla") => Block::Sla,
        Some("with") => Block::With,
        Some("rows") => Block::Rows(position("of").map(|i| path(i + 1))),
        Some("history") => Block::History,
        _ => Block::Other,
    }
}

/// Names before a colon between the first parentheses.
fn parameters(text: &str, head: &[Word]) -> Vec<String> {
    let open = head.iter().position(|w| w.is(text, "(")).unwrap_or(head.len());
    let inside = head.iter().skip(open).take_while(|w| !w.is(text, ")"));
    let inside: Vec<&Word> = inside.collect();
    let named = inside.windows(2).filter(|w| matches!(w, [name, colon] if name.is_name() && colon.is(text, ":")));
    named.filter_map(|w| w.first()).map(|w| w.text(text).to_owned()).collect()
}
