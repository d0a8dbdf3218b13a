//! `like` and regular expressions.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread::LocalKey;

use regex::{Regex, RegexBuilder};
use rustc_hash::FxHashMap;

use super::{Reason, Result};

/// `%` is any text, `_` any character; the escape, `\` unless another is given, takes the next character as such.
pub fn like(s: &str, pattern: &str, insensitive: bool, escape: Option<char>) -> Result<bool> {
    let escape = escape.unwrap_or('\\');
    let mut regex = String::from(if insensitive { r"(?is)\A" } else { r"(?s)\A" });
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c == escape => regex.push_str(&regex::escape(&chars.next().unwrap_or(escape).to_string())),
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex.push_str(r"\z");
    with_regex(&regex, |r| r.is_match(s))
}

/// Whether a regular expression matches all of the text.
pub fn matches(s: &str, pattern: &str) -> Result<bool> {
    compiled(&WHOLE, pattern, whole, |r| r.is_match(s))
}

/// The regular expression that matches all of a text or nothing.
pub fn whole(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

/// Compiled once for a thread. A pattern may not grow beyond 10 MB when compiled.
pub fn with_regex<T>(pattern: &str, work: impl FnOnce(&Regex) -> T) -> Result<T> {
    compiled(&COMPILED, pattern, str::to_owned, work)
}

type Compiled = RefCell<FxHashMap<String, Rc<Option<Regex>>>>;

thread_local! {
    static COMPILED: Compiled = RefCell::default();
    /// By the pattern that all of a text is to match.
    static WHOLE: Compiled = RefCell::default();
}

fn compiled<T>(
    known: &'static LocalKey<Compiled>,
    pattern: &str,
    source: fn(&str) -> String,
    work: impl FnOnce(&Regex) -> T,
) -> Result<T> {
    let regex = known.with_borrow_mut(|known| {
        if let Some(found) = known.get(pattern) {
            return found.clone();
        }
        if known.len() >= 1_000 {
            known.clear();
        }
        let regex = Rc::new(RegexBuilder::new(&source(pattern)).size_limit(10 << 20).build().ok());
        known.insert(pattern.to_owned(), regex.clone());
        regex
    });
    regex.as_ref().as_ref().map(work).ok_or(Reason::REGEX)
}
