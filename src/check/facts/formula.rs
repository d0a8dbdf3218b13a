//! Conditions without null and without `not`: what stays when "is true", "is false", "is null" and "cannot be
//! computed" of a three-valued condition are asked one at a time.

use std::rc::Rc;

use super::number::Number;

/// An expression that the facts are about: a column, `length(x)`, anything that is not looked into.
pub type TermId = u32;
pub type PatternId = u32;

#[derive(Clone, Debug)]
pub enum Formula {
    True,
    False,
    Is(Literal),
    All(Vec<Formula>),
    Any(Vec<Formula>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Below,
    Above,
}

/// A statement about a row that is true or false. One about a value is never made of a null.
#[derive(Clone, Debug)]
pub enum Literal {
    Null(TermId, bool),
    Nan(TermId, bool),
    /// `term <= limit`, or `term < limit` where strict; likewise from the other side.
    Bound {
        term: TermId,
        side: Side,
        limit: Number,
        strict: bool,
    },
    /// The value is (or is not) one of a sorted list.
    Numbers {
        term: TermId,
        list: Rc<Vec<Number>>,
        inside: bool,
    },
    /// The sum is at most the limit, or less where strict; of two terms at least.
    Sum(Rc<Sum>),
    Texts {
        term: TermId,
        list: Rc<Vec<String>>,
        inside: bool,
    },
    TextBound {
        term: TermId,
        side: Side,
        limit: Rc<str>,
        strict: bool,
    },
    Pattern {
        term: TermId,
        pattern: PatternId,
        inside: bool,
    },
    Flag(TermId, bool),
    /// Two values that are not numbers are equal, or differ.
    Same {
        left: TermId,
        right: TermId,
        equal: bool,
    },
    /// A statement that is not looked into.
    Opaque(u32, bool),
}

/// `parts` (each term once, sorted, none with the factor 0) add up to at most `limit`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sum {
    pub parts: Vec<(TermId, Number)>,
    pub limit: Number,
    pub strict: bool,
}

impl From<Literal> for Formula {
    fn from(literal: Literal) -> Self {
        Formula::Is(literal)
    }
}

impl Formula {
    pub fn all(parts: impl IntoIterator<Item = Formula>) -> Formula {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Formula::True => {}
                Formula::False => return Formula::False,
                Formula::All(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Formula::True,
            1 => kept.pop().unwrap_or(Formula::True),
            _ => Formula::All(kept),
        }
    }

    pub fn any(parts: impl IntoIterator<Item = Formula>) -> Formula {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Formula::False => {}
                Formula::True => return Formula::True,
                Formula::Any(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Formula::False,
            1 => kept.pop().unwrap_or(Formula::False),
            _ => Formula::Any(kept),
        }
    }

    pub fn and(self, other: Formula) -> Formula {
        Formula::all([self, other])
    }

    pub fn or(self, other: Formula) -> Formula {
        Formula::any([self, other])
    }

    /// Every term that the formula speaks of.
    pub fn terms(&self, found: &mut Vec<TermId>) {
        match self {
            Formula::True | Formula::False => {}
            Formula::All(parts) | Formula::Any(parts) => parts.iter().for_each(|p| p.terms(found)),
            Formula::Is(literal) => match literal {
                Literal::Null(t, _) | Literal::Nan(t, _) | Literal::Flag(t, _) => found.push(*t),
                Literal::Bound { term, .. }
                | Literal::Numbers { term, .. }
                | Literal::Texts { term, .. }
                | Literal::TextBound { term, .. }
                | Literal::Pattern { term, .. } => found.push(*term),
                Literal::Sum(sum) => found.extend(sum.parts.iter().map(|(t, _)| *t)),
                Literal::Same { left, right, .. } => found.extend([*left, *right]),
                Literal::Opaque(..) => {}
            },
        }
    }
}
