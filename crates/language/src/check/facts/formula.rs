//! Conditions without null and without `not`: what stays when "is true", "is false", "is null" and "cannot be
//! computed" of a three-valued condition are asked one at a time.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::number::Number;

/// An expression that the facts are about: a column, `length(x)`, anything that is not looked into.
pub type TermId = u32;
pub type PatternId = u32;

/// What is known by a small number, such as a term's.
pub type ById<T> = HashMap<u32, T, BuildHasherDefault<Spread>>;

/// Small numbers spread over all bits.
#[derive(Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u32(u32::from(*b)));
    }

    fn write_u32(&mut self, n: u32) {
        self.0 = (self.0 ^ u64::from(n)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }
}

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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sum {
    pub parts: Vec<(TermId, Number)>,
    pub limit: Number,
    pub strict: bool,
}

impl Literal {
    pub fn each_term(&self, visit: &mut dyn FnMut(TermId)) {
        match self {
            Literal::Null(t, _) | Literal::Nan(t, _) | Literal::Flag(t, _) => visit(*t),
            Literal::Bound { term, .. }
            | Literal::Numbers { term, .. }
            | Literal::Texts { term, .. }
            | Literal::TextBound { term, .. }
            | Literal::Pattern { term, .. } => visit(*term),
            Literal::Sum(sum) => sum.parts.iter().for_each(|(t, _)| visit(*t)),
            Literal::Same { left, right, .. } => [*left, *right].into_iter().for_each(visit),
            Literal::Opaque(..) => {}
        }
    }
}

/// That a term is null is said by all that reads it: once is enough.
fn once(parts: &mut Vec<Formula>) {
    let nulls = || parts.iter().filter_map(Formula::null);
    let Some(first) = nulls().next() else { return };
    if nulls().all(|term| term == first) {
        let mut met = false;
        parts.retain(|part| part.null().is_none() || !std::mem::replace(&mut met, true));
    } else {
        let mut met: FxHashSet<TermId> = FxHashSet::default();
        parts.retain(|part| part.null().is_none_or(|term| met.insert(term)));
    }
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
        let mut kept: Vec<Formula> = Vec::new();
        for part in parts {
            match part {
                Formula::False => {}
                Formula::True => return Formula::True,
                Formula::Any(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        once(&mut kept);
        match kept.len() {
            0 => Formula::False,
            1 => kept.pop().unwrap_or(Formula::False),
            _ => Formula::Any(kept),
        }
    }

    /// The term that is null, where it says no more.
    pub fn null(&self) -> Option<TermId> {
        if let Formula::Is(Literal::Null(term, true)) = self { Some(*term) } else { None }
    }

    pub fn and(self, other: Formula) -> Formula {
        Formula::all([self, other])
    }

    pub fn or(self, other: Formula) -> Formula {
        Formula::any([self, other])
    }

    /// Every statement in it.
    pub fn each_literal<'f>(&'f self, visit: &mut dyn FnMut(&'f Literal)) {
        match self {
            Formula::True | Formula::False => {}
            Formula::All(parts) | Formula::Any(parts) => parts.iter().for_each(|p| p.each_literal(visit)),
            Formula::Is(literal) => visit(literal),
        }
    }

    /// How many formulas it is made of.
    pub fn size(&self) -> usize {
        match self {
            Formula::All(parts) | Formula::Any(parts) => 1 + parts.iter().map(Formula::size).sum::<usize>(),
            _ => 1,
        }
    }

    /// Every term that the formula speaks of.
    pub fn terms(&self, found: &mut Vec<TermId>) {
        self.each_literal(&mut |literal| literal.each_term(&mut |t| found.push(t)));
    }
}
