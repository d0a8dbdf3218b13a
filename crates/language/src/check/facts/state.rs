//! What a row is known to be after some statements about it: for each term the values that are left.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::formula::{Literal, PatternId, Side, Sum, TermId};
use super::linear::Limit;
use super::number::Number;
use super::terms::{Sort, Terms};

/// The statements contradict each other.
#[derive(Debug)]
pub struct Contradiction;

pub type Kept = Result<(), Contradiction>;

/// What one term can be.
#[derive(Clone, Debug, Default)]
pub struct Domain {
    pub null: Option<bool>,
    pub nan: Option<bool>,
    pub low: Limit,
    pub high: Limit,
    /// All that is left, sorted.
    pub numbers: Option<Rc<Vec<Number>>>,
    pub not_numbers: Rc<BTreeSet<Number>>,
    pub flag: Option<bool>,
    pub text: Option<Rc<TextDomain>>,
}

impl Domain {
    /// Whether it is plain that some number is left when these are not.
    fn has_room_beside(&self, list: &[Number]) -> bool {
        match (&self.numbers, self.low, self.high) {
            (Some(left), ..) => left.iter().any(|n| list.binary_search(n).is_err()),
            // As many whole numbers as these and more lie between.
            (None, Some((low, _)), Some((high, _))) => {
                let excluded = Number::whole((self.not_numbers.len() + list.len() + 2) as i128);
                high.sub(low).is_some_and(|width| width > excluded)
            }
            (None, ..) => true,
        }
    }

    /// Whether every value that is left is within a limit.
    fn keeps(&self, side: Side, limit: &Number, strict: bool) -> bool {
        let own = if side == Side::Below { self.high } else { self.low };
        own.is_some_and(|(v, s)| match v.cmp(limit) {
            std::cmp::Ordering::Equal => s || !strict,
            std::cmp::Ordering::Less => side == Side::Below,
            std::cmp::Ordering::Greater => side == Side::Above,
        })
    }
}

#[derive(Clone, Debug, Default)]
pub struct TextDomain {
    pub low: Option<(Rc<str>, bool)>,
    pub high: Option<(Rc<str>, bool)>,
    pub list: Option<Rc<Vec<String>>>,
    pub not: Rc<BTreeSet<String>>,
    pub patterns: Vec<(PatternId, bool)>,
}

#[derive(Clone, Debug, Default)]
pub struct State {
    /// By term; shared between states until one of them is changed.
    pub domains: Vec<Option<Rc<Domain>>>,
    pub sums: Vec<Rc<Sum>>,
    pub same: Vec<(TermId, TermId, bool)>,
    statements: Vec<Option<bool>>,
}

fn hold(condition: bool) -> Kept {
    if condition { Ok(()) } else { Err(Contradiction) }
}

/// Sets what is not yet set; a contradiction if it is set otherwise.
fn set(slot: &mut Option<bool>, value: bool) -> Kept {
    hold(slot.replace(value).is_none_or(|old| old == value))
}

impl State {
    pub fn get(&self, term: TermId) -> Option<&Domain> {
        self.domains.get(term as usize)?.as_deref()
    }

    /// What is left for a term, from its type where nothing has been said.
    pub fn domain(&mut self, terms: &Terms, term: TermId) -> &mut Domain {
        let at = term as usize;
        if self.domains.len() <= at {
            self.domains.resize(terms.len().max(at + 1), None);
        }
        Rc::make_mut(self.domains[at].get_or_insert_with(|| Rc::new(initial(&terms.get(term).sort))))
    }

    /// The statements that are not looked into, as far as they are decided.
    pub fn statements(&self) -> impl Iterator<Item = (u32, bool)> {
        self.statements.iter().enumerate().filter_map(|(i, holds)| Some((i as u32, (*holds)?)))
    }

    /// Adds a statement. What it does to several terms at once is seen by [`super::solve`].
    pub fn add(&mut self, terms: &Terms, literal: &Literal) -> Kept {
        match literal {
            Literal::Null(term, null) => set(&mut self.domain(terms, *term).null, *null),
            Literal::Nan(term, nan) => {
                hold(!*nan || terms.is_floating(*term))?;
                set(&mut self.domain(terms, *term).nan, *nan)
            }
            Literal::Flag(term, flag) => set(&mut self.domain(terms, *term).flag, *flag),
            Literal::Opaque(statement, holds) => {
                let at = *statement as usize;
                if self.statements.len() <= at {
                    self.statements.resize(terms.statements().max(at + 1), None);
                }
                set(&mut self.statements[at], *holds)
            }
            Literal::Sum(sum) => {
                if !self.sums.contains(sum) {
                    self.sums.push(sum.clone());
                }
                Ok(())
            }
            Literal::Same { left, right, equal } => {
                hold(*equal || left != right)?;
                let entry = (*left.min(right), *left.max(right), *equal);
                hold(!self.same.contains(&(entry.0, entry.1, !equal)))?;
                if left != right && !self.same.contains(&entry) {
                    self.same.push(entry);
                }
                Ok(())
            }
            Literal::Bound { term, .. }
            | Literal::Numbers { term, .. }
            | Literal::Texts { term, .. }
            | Literal::TextBound { term, .. }
            | Literal::Pattern { term, .. } => narrow(self.domain(terms, *term), terms, literal),
        }
    }

    /// Whether a statement could still be added, as far as a look at its own term tells.
    pub fn admits(&self, terms: &Terms, literal: &Literal) -> bool {
        let of = |term: &TermId| self.get(*term);
        match literal {
            Literal::Null(term, null) => of(term).is_none_or(|d| d.null != Some(!null)),
            Literal::Nan(term, nan) => {
                (!nan || terms.is_floating(*term)) && of(term).is_none_or(|d| d.nan != Some(!nan))
            }
            Literal::Flag(term, flag) => of(term).is_none_or(|d| d.flag != Some(!flag)),
            Literal::Opaque(statement, holds) => {
                self.statements.get(*statement as usize).is_none_or(|s| *s != Some(!holds))
            }
            Literal::Sum(_) => true,
            Literal::Same { left, right, equal } => {
                let (left, right) = (*left.min(right), *left.max(right));
                (*equal || left != right) && !self.same.contains(&(left, right, !equal))
            }
            Literal::Bound { term, side, limit, strict } if self.get(*term).is_some_and(|d| d.keeps(*side, limit, *strict)) => {
                true
            }
            // Without a copy of what is excluded already.
            Literal::Numbers { term, list, inside: false } if self.get(*term).is_some_and(|d| d.has_room_beside(list)) => true,
            Literal::Bound { term, .. } | Literal::Numbers { term, .. } | Literal::TextBound { term, .. } => {
                let domain = self.get(*term).cloned();
                narrow(&mut domain.unwrap_or_else(|| initial(&terms.get(*term).sort)), terms, literal).is_ok()
            }
            Literal::Texts { term, list, inside } => {
                let text = of(term).and_then(|d| d.text.as_deref());
                match (text, text.and_then(|t| t.list.as_ref())) {
                    (_, Some(left)) => left.iter().any(|t| list.binary_search(t).is_ok() == *inside),
                    (Some(text), None) if *inside => list.iter().any(|t| text.allows(terms, t)),
                    _ => !inside || !list.is_empty(),
                }
            }
            Literal::Pattern { term, pattern, inside } => of(term).and_then(|d| d.text.as_deref()).is_none_or(|text| {
                let fits = |t: &String| terms.pattern(*pattern).matches(t).is_none_or(|m| m == *inside);
                !text.patterns.contains(&(*pattern, !inside)) && text.list.as_ref().is_none_or(|l| l.iter().any(fits))
            }),
        }
    }

    /// Whether a statement is known to hold already.
    pub fn entails(&self, terms: &Terms, literal: &Literal) -> bool {
        match literal {
            Literal::Null(term, null) => self.get(*term).is_some_and(|d| d.null == Some(*null)),
            Literal::Nan(term, false) if !terms.is_floating(*term) => true,
            Literal::Nan(term, nan) => self.get(*term).is_some_and(|d| d.nan == Some(*nan)),
            Literal::Flag(term, flag) => self.get(*term).is_some_and(|d| d.flag == Some(*flag)),
            Literal::Opaque(statement, holds) => self.statements.get(*statement as usize) == Some(&Some(*holds)),
            Literal::Bound { term, side, limit, strict } => {
                self.get(*term).is_some_and(|d| d.keeps(*side, limit, *strict))
            }
            _ => false,
        }
    }
}

/// Adds a statement about the value of one term.
fn narrow(domain: &mut Domain, terms: &Terms, literal: &Literal) -> Kept {
    match literal {
        Literal::Bound { term, side, limit, strict } => {
            bound(domain, *side, *limit, *strict);
            settle(domain, terms.step(*term))
        }
        Literal::Numbers { term, list, inside } => {
            if *inside {
                domain.numbers = Some(match &domain.numbers {
                    Some(old) => Rc::new(old.iter().filter(|n| list.binary_search(n).is_ok()).copied().collect()),
                    None => list.clone(),
                });
            } else {
                Rc::make_mut(&mut domain.not_numbers).extend(list.iter());
            }
            settle(domain, terms.step(*term))
        }
        Literal::Texts { list, inside, .. } => {
            let text = Rc::make_mut(domain.text.get_or_insert_default());
            if *inside {
                text.list = Some(match &text.list {
                    Some(old) if old.iter().all(|t| list.binary_search(t).is_ok()) => old.clone(),
                    Some(old) => Rc::new(old.iter().filter(|t| list.binary_search(t).is_ok()).cloned().collect()),
                    None => list.clone(),
                });
            } else {
                Rc::make_mut(&mut text.not).extend(list.iter().cloned());
            }
            text.settle(terms)
        }
        Literal::TextBound { side, limit, strict, .. } => {
            let text = Rc::make_mut(domain.text.get_or_insert_default());
            let slot = if *side == Side::Below { &mut text.high } else { &mut text.low };
            let tighter = match slot {
                Some((old, old_strict)) if old == limit => *strict && !*old_strict,
                Some((old, _)) => (&**limit < &**old) == (*side == Side::Below),
                None => true,
            };
            if tighter {
                *slot = Some((limit.clone(), *strict));
            }
            text.settle(terms)
        }
        Literal::Pattern { pattern, inside, .. } => {
            let text = Rc::make_mut(domain.text.get_or_insert_default());
            if !text.patterns.contains(&(*pattern, *inside)) {
                text.patterns.push((*pattern, *inside));
            }
            text.settle(terms)
        }
        _ => Ok(()),
    }
}

impl TextDomain {
    fn settle(&mut self, terms: &Terms) -> Kept {
        if let Some(list) = &self.list {
            if !list.iter().all(|t| self.allows(terms, t)) {
                self.list = Some(Rc::new(list.iter().filter(|t| self.allows(terms, t)).cloned().collect()));
            }
            hold(self.list.as_ref().is_some_and(|l| !l.is_empty()))?;
        }
        for (pattern, inside) in &self.patterns {
            hold(!self.patterns.contains(&(*pattern, !inside)))?;
        }
        match (&self.low, &self.high) {
            (Some((low, a)), Some((high, b))) => hold(low < high || (low == high && !a && !b)),
            _ => Ok(()),
        }
    }

    fn allows(&self, terms: &Terms, text: &str) -> bool {
        !self.not.contains(text)
            && self.low.as_ref().is_none_or(|(low, strict)| text > &**low || (!strict && text == &**low))
            && self.high.as_ref().is_none_or(|(high, strict)| text < &**high || (!strict && text == &**high))
            && self.patterns.iter().all(|(p, inside)| terms.pattern(*p).matches(text).is_none_or(|m| m == *inside))
    }
}

fn initial(sort: &Sort) -> Domain {
    match sort {
        Sort::Number { low, high, floating, .. } => Domain {
            low: low.map(|v| (v, false)),
            high: high.map(|v| (v, false)),
            nan: (!floating).then_some(false),
            ..Domain::default()
        },
        _ => Domain::default(),
    }
}

/// Moves a limit inwards; true if that changed something.
pub fn bound(domain: &mut Domain, side: Side, limit: Number, strict: bool) -> bool {
    let slot = if side == Side::Below { &mut domain.high } else { &mut domain.low };
    let tighter = match slot {
        Some((old, old_strict)) if *old == limit => strict && !*old_strict,
        Some((old, _)) => (limit < *old) == (side == Side::Below),
        None => true,
    };
    if tighter {
        *slot = Some((limit, strict));
    }
    tighter
}

/// Brings limits, lists and excluded values of a number together.
pub fn settle(domain: &mut Domain, step: Option<Number>) -> Kept {
    if let Some(list) = &domain.numbers {
        let inside = |n: &Number| {
            domain.low.is_none_or(|(low, strict)| *n > low || (!strict && *n == low))
                && domain.high.is_none_or(|(high, strict)| *n < high || (!strict && *n == high))
                && !domain.not_numbers.contains(n)
                && step.is_none_or(|s| n.is_multiple_of(s).unwrap_or(true))
        };
        if !list.iter().all(inside) {
            domain.numbers = Some(Rc::new(list.iter().copied().filter(inside).collect()));
        }
    }
    if let Some(list) = &domain.numbers {
        let (Some(first), Some(last)) = (list.first(), list.last()) else { return Err(Contradiction) };
        domain.low = Some((*first, false));
        domain.high = Some((*last, false));
        return Ok(());
    }
    if let Some(step) = step {
        for _ in 0..=domain.not_numbers.len() {
            domain.low = domain.low.map(|l| on_grid(l, step, Side::Above));
            domain.high = domain.high.map(|h| on_grid(h, step, Side::Below));
            let excluded = |limit: Limit| limit.is_some_and(|(v, _)| domain.not_numbers.contains(&v));
            let (low, high) = (excluded(domain.low), excluded(domain.high));
            if !low && !high {
                break;
            }
            domain.low = domain.low.map(|(v, s)| (v, s || low));
            domain.high = domain.high.map(|(v, s)| (v, s || high));
        }
    }
    match (domain.low, domain.high) {
        (Some((low, a)), Some((high, b))) => {
            hold(low < high || (low == high && !a && !b && !domain.not_numbers.contains(&low)))
        }
        _ => Ok(()),
    }
}

/// The nearest multiple of the step inside a limit; the limit as it is where that is out of reach.
fn on_grid((limit, strict): (Number, bool), step: Number, side: Side) -> (Number, bool) {
    if limit.is_multiple_of(step) == Some(true) && !strict {
        return (limit, false);
    }
    if step == Number::ONE && limit.is_whole() {
        let next = if side == Side::Below { limit.floor().checked_sub(1) } else { limit.floor().checked_add(1) };
        return next.map_or((limit, strict), |v| (Number::whole(v), false));
    }
    let moved = || {
        let steps = limit.div(step)?;
        let whole = match side {
            Side::Below if strict && steps.is_whole() => steps.floor().checked_sub(1)?,
            Side::Below => steps.floor(),
            Side::Above if strict && steps.is_whole() => steps.floor().checked_add(1)?,
            Side::Above => steps.ceil(),
        };
        step.mul(Number::whole(whole))
    };
    moved().map_or((limit, strict), |v| (v, false))
}
