//! Texts that patterns allow: whether one exists that matches these patterns, not those, with so many characters.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use super::effort::Effort;
use crate::eval::text::{whole, with_regex};
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::{Class, Hir, HirKind};

/// An automaton larger than this is not built, a search longer than this not finished.
const AUTOMATON_BYTES: usize = 1 << 20;
const SEARCH_STEPS: usize = 60_000;

/// A pattern that a text must match from end to end.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As a regular expression over all of the text.
    pub source: Rc<str>,
    compiled: Rc<Compiled>,
}

#[derive(Debug, Default)]
struct Compiled {
    automaton: OnceCell<Option<dense::DFA<Vec<u32>>>>,
    sample: OnceCell<Option<String>>,
}

/// What a search for a text found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Text(String),
    Nothing,
    Unknown,
}

thread_local! {
    /// Library types bring the same patterns into many contracts.
    static COMPILED: RefCell<HashMap<Rc<str>, Rc<Compiled>>> = RefCell::new(HashMap::new());
}

impl Pattern {
    pub fn regex(pattern: &str) -> Self {
        Self::new(whole(pattern))
    }

    /// SQL's `like`: `%` any text, `_` any character; the escape is `\` unless said.
    pub fn like(pattern: &str, escape: Option<char>, insensitive: bool) -> Self {
        let mut source = String::from(if insensitive { r"(?is)\A" } else { r"(?s)\A" });
        let escape = escape.unwrap_or('\\');
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                _ if c == escape => {
                    let next = chars.next().unwrap_or(c);
                    source.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
                }
                '%' => source.push_str(".*"),
                '_' => source.push('.'),
                _ => source.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        source.push_str(r"\z");
        Self::new(source)
    }

    fn new(source: String) -> Self {
        let source: Rc<str> = source.into();
        let compiled = COMPILED.with_borrow_mut(|known| {
            if known.len() > 2_000 {
                known.clear();
            }
            known.entry(source.clone()).or_default().clone()
        });
        Self { source, compiled }
    }

    /// `None`: the pattern does not compile.
    pub fn matches(&self, text: &str) -> Option<bool> {
        with_regex(&self.source, |regex| regex.is_match(text)).ok()
    }

    fn automaton(&self) -> Option<&dense::DFA<Vec<u32>>> {
        let build = || {
            let config = dense::Config::new()
                .start_kind(StartKind::Anchored)
                .match_kind(MatchKind::All)
                .dfa_size_limit(Some(AUTOMATON_BYTES))
                .determinize_size_limit(Some(2 * AUTOMATON_BYTES));
            dense::Builder::new().configure(config).build(&self.source).ok()
        };
        self.compiled.automaton.get_or_init(build).as_ref()
    }

    /// A short text that matches, where a guess from the pattern's shape finds one.
    pub fn sample(&self) -> Option<&str> {
        let build = || {
            let hir = regex_syntax::Parser::new().parse(&self.source).ok()?;
            let mut text = String::new();
            sample(&hir, &mut text);
            (self.matches(&text) == Some(true)).then_some(text)
        };
        self.compiled.sample.get_or_init(build).as_deref()
    }
}

/// Whether there is a text that matches a pattern; true where that cannot be told.
pub fn is_matched_by_some(pattern: &Pattern) -> bool {
    search(&[pattern], &[], &BTreeSet::new(), 0, None, &Effort::of(1)) != Found::Nothing
}

/// Some texts that match all patterns.
pub fn matching(patterns: &[&Pattern], count: usize) -> Vec<String> {
    let (effort, mut found, mut known) = (Effort::of(1), Vec::new(), BTreeSet::new());
    while !patterns.is_empty() && found.len() < count {
        let Found::Text(text) = search(patterns, &[], &known, 0, None, &effort) else { break };
        known.insert(text.clone());
        found.push(text);
    }
    found
}

/// A text that matches all of `with`, none of `without`, is none of `except`, and has from `least` to `most`
/// characters.
pub fn search(with: &[&Pattern], without: &[&Pattern], except: &BTreeSet<String>, least: usize, most: Option<usize>, effort: &Effort) -> Found {
    let fits = |text: &str| {
        let characters = text.chars().count();
        characters >= least
            && most.is_none_or(|m| characters <= m)
            && !except.contains(text)
            && with.iter().all(|p| p.matches(text) == Some(true))
            && without.iter().all(|p| p.matches(text) == Some(false))
    };
    if most.is_some_and(|m| m < least) {
        return Found::Nothing;
    }
    let guesses = with.iter().filter_map(|p| p.sample()).chain(["", "a", "A", "x1", "abc"]);
    if let Some(text) = guesses.into_iter().find(|t| fits(t)) {
        return Found::Text(text.to_owned());
    }
    let padded = "a".repeat(least.min(100_000));
    if fits(&padded) {
        return Found::Text(padded);
    }
    if with.is_empty() && without.is_empty() {
        // Only lengths and single texts: there are more texts of one length than are excluded.
        let room = most.is_none_or(|m| m > 0);
        let other = (0..=except.len()).map(|i| format!("{i}{}", "a".repeat(least.min(100_000)))).find(|t| fits(t));
        return match other {
            Some(text) => Found::Text(text),
            None if !room && except.contains("") => Found::Nothing,
            None => Found::Unknown,
        };
    }
    walk(with, without, except, least, most, effort)
}

/// Breadth first through the automata side by side, so that the shortest texts come first.
fn walk(
    with: &[&Pattern],
    without: &[&Pattern],
    except: &BTreeSet<String>,
    least: usize,
    most: Option<usize>,
    effort: &Effort,
) -> Found {
    if except.len() > 16 {
        return Found::Unknown;
    }
    let any = Pattern::new(r"(?s)\A.*\z".to_owned());
    let single: Vec<Pattern> = except.iter().map(|e| Pattern::regex(&regex::escape(e))).collect();
    let without: Vec<&Pattern> = without.iter().copied().chain(&single).collect();
    let with: Vec<&Pattern> = if with.is_empty() { vec![&any] } else { with.to_vec() };
    let Some(automata) = with.iter().chain(&without).map(|p| p.automaton()).collect::<Option<Vec<_>>>() else {
        return Found::Unknown;
    };
    let anchored = start::Config::new().anchored(Anchored::Yes);
    let Some(first) = automata.iter().map(|a| a.start_state(&anchored).ok()).collect::<Option<Vec<StateID>>>() else {
        return Found::Unknown;
    };
    let bytes = representatives(&automata);
    // Lengths beyond what is asked for need not be told apart.
    let counted = most.map_or(least, |m| m + 1);
    type Node = (Vec<StateID>, usize);
    let mut came: Vec<(usize, u8)> = vec![(0, 0)];
    let mut nodes: Vec<Node> = vec![(first, 0)];
    let mut seen: HashMap<Node, usize> = HashMap::new();
    let mut queue = VecDeque::from([0usize]);
    while let Some(at) = queue.pop_front() {
        effort.spend(bytes.len() * (automata.len() + 10));
        if nodes.len() > SEARCH_STEPS || effort.is_spent() {
            return Found::Unknown;
        }
        let (states, length) = nodes[at].clone();
        let ends = |i: usize| automata[i].is_match_state(automata[i].next_eoi_state(states[i]));
        if length >= least
            && most.is_none_or(|m| length <= m)
            && (0..with.len()).all(ends)
            && !(with.len()..automata.len()).any(ends)
        {
            return text_of(&came, at).map_or(Found::Unknown, Found::Text);
        }
        for &byte in &bytes {
            let step = usize::from(byte & 0xC0 != 0x80);
            let length = if most.is_none() { (length + step).min(counted) } else { length + step };
            if most.is_some_and(|m| length > m) {
                continue;
            }
            let next: Vec<StateID> = automata.iter().zip(&states).map(|(a, s)| a.next_state(*s, byte)).collect();
            if (0..with.len()).any(|i| automata[i].is_dead_state(next[i]) || automata[i].is_quit_state(next[i])) {
                continue;
            }
            let node = (next, length);
            if seen.contains_key(&node) {
                continue;
            }
            seen.insert(node.clone(), nodes.len());
            queue.push_back(nodes.len());
            nodes.push(node);
            came.push((at, byte));
        }
    }
    Found::Nothing
}

/// One byte for each way in which all automata treat bytes alike, friendly ones first.
fn representatives(automata: &[&dense::DFA<Vec<u32>>]) -> Vec<u8> {
    let friendly = b"aA0b1zZ9 -_.@".iter().copied();
    let mut seen = std::collections::HashSet::new();
    friendly
        .chain(0x20..=0x7e)
        .chain(0..=0xff)
        .filter(|b| {
            let classes: Vec<u8> = automata.iter().map(|a| a.byte_classes().get(*b)).collect();
            seen.insert((classes, b & 0xC0 == 0x80))
        })
        .collect()
}

fn text_of(came: &[(usize, u8)], mut at: usize) -> Option<String> {
    let mut bytes = Vec::new();
    while at != 0 {
        let (from, byte) = came[at];
        bytes.push(byte);
        at = from;
    }
    bytes.reverse();
    String::from_utf8(bytes).ok()
}

/// Appends the shortest text that fits the shape, anchors and word boundaries left aside.
fn sample(hir: &Hir, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(Class::Unicode(class)) => {
            let nice = ['a', 'A', '0', 'x', '-', ' '];
            let holds = |c: &char| class.iter().any(|r| r.start() <= *c && *c <= r.end());
            let first = || class.iter().next().map(|r| r.start());
            text.extend(nice.iter().copied().find(|c| holds(c)).or_else(first));
        }
        HirKind::Class(Class::Bytes(class)) => text.extend(class.iter().next().map(|r| char::from(r.start()))),
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min.min(500) {
                sample(&repetition.sub, text);
            }
        }
        HirKind::Capture(capture) => sample(&capture.sub, text),
        HirKind::Concat(parts) => parts.iter().for_each(|p| sample(p, text)),
        HirKind::Alternation(parts) => {
            if let Some(first) = parts.first() {
                sample(first, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(with: &[&str], without: &[&str], least: usize, most: Option<usize>) -> bool {
        let with: Vec<Pattern> = with.iter().map(|p| Pattern::regex(p)).collect();
        let without: Vec<Pattern> = without.iter().map(|p| Pattern::regex(p)).collect();
        let refs = |ps: &'static [Pattern]| ps.iter().collect::<Vec<_>>();
        let (with, without): (&'static [Pattern], &'static [Pattern]) = (with.leak(), without.leak());
        search(&refs(with), &refs(without), &BTreeSet::new(), least, most, &Effort::of(1)) == Found::Nothing
    }

    #[test]
    fn patterns_exclude_one_another() {
        assert!(nothing(&["[A-Z]{2}", "[0-9]+"], &[], 0, None));
        assert!(!nothing(&["[A-Z0-9]{2}", "[0-9]+"], &[], 0, None));
        assert!(nothing(&[r"\d{3}"], &[r"\d+"], 0, None));
        assert!(nothing(&["[A-Z]{2}"], &[], 3, None));
        assert!(nothing(&["é{5}"], &[], 0, Some(4)));
        assert!(!nothing(&["é{5}"], &[], 0, Some(5)));
        assert!(nothing(&["a$b"], &[], 0, None));
        assert!(nothing(&[r"[^\s\S]"], &[], 0, None));
        assert!(!nothing(&[r"\w+@\w+\.com"], &[], 20, None));
    }

    #[test]
    fn like_is_a_pattern() {
        assert_eq!(Pattern::like("A_%", None, false).matches("Abc"), Some(true));
        assert_eq!(Pattern::like("A_%", None, false).matches("A"), Some(false));
        assert_eq!(Pattern::like(r"10\%", None, false).matches("10%"), Some(true));
        assert_eq!(Pattern::like(r"10\%", None, false).matches("105"), Some(false));
        assert_eq!(Pattern::like("a!_b", Some('!'), true).matches("A_B"), Some(true));
    }
}
