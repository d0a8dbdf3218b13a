//! The parser that `build.rs` makes reads what pest's own reads: every text of the project, and what becomes of it when
//! something is cut out, doubled or put in.

use ::pest::error::ErrorVariant;

use super::super::grammar::{Rule, pest};
use super::{Pairs, parse};

type Flat = Vec<(usize, Rule, usize, usize)>;

fn ours(pairs: Pairs, depth: usize, found: &mut Flat) {
    for pair in pairs {
        found.push((depth, pair.as_rule(), pair.start(), pair.end()));
        ours(pair.into_inner(), depth + 1, found);
    }
}

fn theirs(pairs: ::pest::iterators::Pairs<&str>, depth: usize, found: &mut Flat) {
    for pair in pairs {
        let rule = Rule::named(pair.as_rule()).expect("a rule of the grammar");
        found.push((depth, rule, pair.as_span().start(), pair.as_span().end()));
        theirs(pair.into_inner(), depth + 1, found);
    }
}

fn compare(rule: Rule, text: &str) {
    // Too deep for one of them is a matter of its own.
    let Ok(own) = parse(rule, text) else { return };
    let other = match pest(rule, text) {
        Err(error) if matches!(error.variant, ErrorVariant::CustomError { .. }) => return,
        read => read.ok(),
    };
    let (mut a, mut b) = (Flat::new(), Flat::new());
    let (read, also) = (own.is_some(), other.is_some());
    own.into_iter().for_each(|pairs| ours(pairs, 0, &mut a));
    other.into_iter().for_each(|pairs| theirs(pairs, 0, &mut b));
    if read != also || a != b {
        let at = a.iter().zip(&b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
        panic!("{rule:?} reads otherwise from {:?} (pest: {:?}):\n{text}", a.get(at), b.get(at));
    }
}

/// The texts of the project.
fn texts() -> Vec<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut found = Vec::new();
    for folder in ["grammar", "stdlib", "rules", "tests", "crates/language/src/diagnostics/codes"] {
        for entry in walkdir::WalkDir::new(format!("{root}/{folder}")).sort_by_file_name() {
            let path = entry.expect("the project's folders can be read").into_path();
            let wanted = path.extension().is_some_and(|e| ["dq", "txt", "md", "dqt"].iter().any(|w| e == *w));
            if wanted && let Ok(text) = std::fs::read_to_string(&path) {
                found.push(text);
            }
        }
    }
    found
}

/// A fixed sequence (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

const PUT_IN: &[&str] = &[
    "{", "}", "(", ")", "\"", "'", "`", "|", ":", "::", ";", ",", "/*", "*/", "//", "--", "\n", " ", "\t", "\u{A0}", "é", "“",
    "==", "&&", "%", "=>", " and ", " not null", " else ", "end", "rules {", "select * from x", "1.5e3", "06:00", "\"\"\"", "r\"",
    "contract silver.x @ 1.0.0 {", "test \"t\" for a.b {", "case when x then y",
];

fn changed(text: &str, dice: &mut Dice) -> String {
    let mut place = || {
        let mut at = dice.roll(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (a, b, c) = (place(), place(), place());
    let (a, b) = (a.min(b), a.max(b).min(a.min(b) + 40));
    let b = (b..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
    match dice.roll(3) {
        0 => format!("{}{}", &text[..a], &text[b..]),
        1 => format!("{}{}{}", &text[..c], &text[a..b], &text[c..]),
        _ => format!("{}{}{}", &text[..a], PUT_IN[dice.roll(PUT_IN.len())], &text[a..]),
    }
}

#[test]
fn both_parsers_read_alike() {
    let rounds = if cfg!(debug_assertions) { 3 } else { 60 };
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for text in texts() {
        let text = if text.len() > 20_000 { text[..text.floor_char_boundary(6_000)].to_string() } else { text };
        compare(Rule::file, &text);
        for _ in 0..rounds {
            let mut other = changed(&text, &mut dice);
            for _ in 0..dice.roll(4) {
                other = changed(&other, &mut dice);
            }
            compare(Rule::file, &other);
        }
    }
}

#[test]
fn pieces_are_read_alike() {
    let rules = [
        Rule::only_item,
        Rule::only_part,
        Rule::only_rule,
        Rule::only_column,
        Rule::only_entry,
        Rule::only_map,
        Rule::only_test_part,
        Rule::top_start,
    ];
    for text in texts() {
        for line in text.lines().filter(|l| l.len() > 3).step_by(if cfg!(debug_assertions) { 7 } else { 1 }) {
            rules.iter().for_each(|rule| compare(*rule, line));
        }
    }
}

#[test]
fn deep_texts_end_on_a_small_stack() {
    for (open, close) in [("(", ")"), ("array<", ">"), ("not ", ""), ("case when ", " then 1 end"), ("f(", ")"), ("{", "}")] {
        let text = format!("contract a.b @ 1.0.0 {{ rules {{ x: {}1{} }} }}", open.repeat(5_000), close.repeat(5_000));
        let read = std::thread::Builder::new().stack_size(2 << 20).spawn(move || parse(Rule::file, &text).is_ok());
        read.expect("a thread").join().expect("no stack runs over");
    }
}
