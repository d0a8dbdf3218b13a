//! `like` and regular expressions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::{Regex, RegexBuilder};

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
    with_regex(&whole(pattern), |r| r.is_match(s))
}

/// The regular expression that matches all of a text or nothing.
pub fn whole(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

/// Compiled once for a thread. A pattern may not grow beyond 10 MB when compiled.
pub fn with_regex<T>(pattern: &str, work: impl FnOnce(&Regex) -> T) -> Result<T> {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Rc<Option<Regex>>>> = RefCell::default();
    }
    let regex = COMPILED.with(|compiled| {
        let mut compiled = compiled.borrow_mut();
        if let Some(found) = compiled.get(pattern) {
            return found.clone();
        }
        if compiled.len() >= 1_000 {
            compiled.clear();
        }
        let regex = Rc::new(RegexBuilder::new(pattern).size_limit(10 << 20).build().ok());
        compiled.insert(pattern.to_owned(), regex.clone());
        regex
    });
    regex.as_ref().as_ref().map(work).ok_or(Reason::REGEX)
}
