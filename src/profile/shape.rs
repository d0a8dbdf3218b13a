//! The form of texts: which runs of letters and digits they are made of, as a regular expression.

use std::collections::BTreeMap;
use std::fmt::Write;

/// So many different forms are kept.
const FORMS: usize = 24;
/// So many forms a column may have to be described by them.
const FEW: usize = 3;
/// Longer texts, and texts of more parts, have no form.
const LONG: usize = 64;
const PARTS: usize = 12;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Digits,
    Upper,
    Lower,
    Letters,
    One(char),
}

/// What the texts of a column look like.
pub struct Shapes {
    /// The lengths of each part, by the parts' classes; `None` where there are too many forms, or texts without one.
    forms: Option<BTreeMap<Vec<Class>, Vec<(usize, usize)>>>,
    /// Classes of single characters, where they are few.
    classes: [bool; 3],
    marks: Option<Vec<char>>,
    /// Characters of the shortest and the longest text.
    pub lengths: Option<(usize, usize)>,
    at_signs: bool,
}

impl Default for Shapes {
    fn default() -> Self {
        Self { forms: Some(BTreeMap::new()), classes: [false; 3], marks: Some(Vec::new()), lengths: None, at_signs: true }
    }
}

fn class(c: char) -> Class {
    match c {
        '0'..='9' => Class::Digits,
        'A'..='Z' => Class::Upper,
        'a'..='z' => Class::Lower,
        c if c.is_alphabetic() => Class::Letters,
        c => Class::One(c),
    }
}

impl Shapes {
    pub fn take(&mut self, text: &str) {
        let length = text.chars().count();
        let (low, high) = self.lengths.unwrap_or((length, length));
        self.lengths = Some((low.min(length), high.max(length)));
        self.at_signs &= text.contains('@');
        for c in text.chars() {
            match class(c) {
                Class::Digits => self.classes[0] = true,
                Class::Upper => self.classes[1] = true,
                Class::Lower => self.classes[2] = true,
                Class::One(c) if "-_./:".contains(c) => {
                    if let Some(marks) = &mut self.marks
                        && !marks.contains(&c)
                    {
                        marks.push(c);
                    }
                }
                _ => self.marks = None,
            }
        }
        let Some(forms) = &mut self.forms else { return };
        let mut parts: Vec<(Class, usize)> = Vec::new();
        if length <= LONG {
            for c in text.chars() {
                match (class(c), parts.last_mut()) {
                    (of, Some((last, n))) if of == *last && !matches!(of, Class::One(_)) => *n += 1,
                    (of, _) => parts.push((of, 1)),
                }
            }
        }
        let odd = parts.iter().any(|(c, _)| matches!(c, Class::One(c) if c.is_control() || *c == '"'));
        if length > LONG || parts.len() > PARTS || odd {
            self.forms = None;
            return;
        }
        let (classes, lengths): (Vec<Class>, Vec<usize>) = parts.into_iter().unzip();
        let known = forms.entry(classes).or_insert_with(|| lengths.iter().map(|n| (*n, *n)).collect());
        for (known, n) in known.iter_mut().zip(lengths) {
            *known = (known.0.min(n), known.1.max(n));
        }
        if forms.len() > FORMS {
            self.forms = None;
        }
    }

    /// Whether every text has an `@`.
    pub fn like_addresses(&self) -> bool {
        self.at_signs && self.lengths.is_some()
    }

    /// A regular expression that all texts match, where they have something in common.
    pub fn pattern(&self) -> Option<String> {
        if let Some(forms) = &self.forms
            && (1..=FEW).contains(&forms.len())
            && forms.keys().all(|form| !form.is_empty())
        {
            let each: Vec<String> = forms.iter().map(|(classes, lengths)| form(classes, lengths)).collect();
            return Some(each.join("|"));
        }
        let (marks, (low, high)) = (self.marks.as_ref()?, self.lengths?);
        if low == 0 || high > LONG {
            return None;
        }
        let mut set = String::new();
        for (there, range) in self.classes.iter().zip(["0-9", "A-Z", "a-z"]) {
            if *there {
                set.push_str(range);
            }
        }
        let mut marks = marks.clone();
        // A hyphen stands last, where it means itself.
        marks.sort_by_key(|c| (*c == '-', *c));
        set.extend(marks);
        Some(format!("[{set}]{}", times(low, high)))
    }
}

fn form(classes: &[Class], lengths: &[(usize, usize)]) -> String {
    let mut text = String::new();
    for (class, (low, high)) in classes.iter().zip(lengths) {
        let set = match class {
            Class::Digits => "[0-9]".to_owned(),
            Class::Upper => "[A-Z]".to_owned(),
            Class::Lower => "[a-z]".to_owned(),
            Class::Letters => r"\p{L}".to_owned(),
            Class::One(c) => regex::escape(&c.to_string()),
        };
        let _ = write!(text, "{set}{}", times(*low, *high));
    }
    text
}

fn times(low: usize, high: usize) -> String {
    match (low, high) {
        (1, 1) => String::new(),
        (low, high) if low == high => format!("{{{low}}}"),
        (low, high) => format!("{{{low},{high}}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(texts: &[&str]) -> Option<String> {
        let mut shapes = Shapes::default();
        texts.iter().for_each(|t| shapes.take(t));
        shapes.pattern()
    }

    #[test]
    fn a_form_covers_every_text_and_no_more_than_it_must() {
        assert_eq!(pattern(&["AB-12", "CD-345"]).as_deref(), Some("[A-Z]{2}\\-[0-9]{2,3}"));
        assert_eq!(pattern(&["N14228", "N3ALAA", "N668DN9", "942DN9"]).as_deref(), Some("[0-9A-Z]{6,7}"));
        assert_eq!(pattern(&["Ünal", "Li"]).as_deref(), Some("[A-Z][a-z]|\\p{L}[a-z]{3}"));
        assert_eq!(pattern(&["a free text", "with Words, and more", "no 2 alike", "Or so (it seems)"]), None);
        assert_eq!(pattern(&[""]), None);
        assert_eq!(pattern(&[]), None);
    }
}
