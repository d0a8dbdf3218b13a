//! Whether a row exists for which formulas hold: statements are added until they contradict each other or nothing
//! is left to choose.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::differences;
use super::effort::Effort;
use super::formula::{ById, Formula, Literal, Side, Sum, TermId};
use super::linear::{self, Feasible, Limit};
use super::number::Number;
use super::state::{Contradiction, Kept, State, bound, settle};
use super::terms::{Sort, Terms};
use super::text::{Found, search};

/// How many choices a question may cost.
const BUDGET: usize = 600;

/// The answer to "is there such a row".
#[derive(Debug)]
pub enum Answer {
    /// None: proven.
    No,
    /// There may be one; nothing speaks against it. With values for the terms, as far as they were found.
    Maybe(Box<Model>),
    /// It would have been too much work.
    Undecided,
}

impl Answer {
    pub fn is_no(&self) -> bool {
        matches!(self, Answer::No)
    }
}

/// Values that fit the statements.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub null: ById<bool>,
    pub nan: ById<bool>,
    pub numbers: ById<Number>,
    pub texts: ById<String>,
    pub flags: ById<bool>,
    /// What was decided of statements that are not looked into.
    pub statements: ById<bool>,
}

impl Model {
    /// Every term of which it says something; some more than once.
    pub fn terms(&self) -> impl Iterator<Item = TermId> {
        let values = self.numbers.keys().chain(self.texts.keys()).chain(self.flags.keys());
        values.chain(self.null.keys()).chain(self.nan.keys()).copied()
    }

    pub fn knows(&self, term: TermId) -> bool {
        self.has_value(term) || self.null.contains_key(&term) || self.nan.contains_key(&term)
    }

    fn extend(&mut self, other: Model) {
        self.null.extend(other.null);
        self.nan.extend(other.nan);
        self.numbers.extend(other.numbers);
        self.texts.extend(other.texts);
        self.flags.extend(other.flags);
        self.statements.extend(other.statements);
    }

    pub fn has_value(&self, term: TermId) -> bool {
        self.numbers.contains_key(&term) || self.texts.contains_key(&term) || self.flags.contains_key(&term)
    }
}

/// Is there a row for which all of these hold?
pub fn solve(terms: &Terms, formulas: &[&Formula], effort: &Effort) -> Answer {
    Solver { terms, effort, budget: BUDGET, near: None, free: false, taken: Vec::new() }.solve(formulas)
}

/// As [`solve`], with the values of another row where they fit.
pub fn solve_near(terms: &Terms, formulas: &[&Formula], near: &Model, effort: &Effort) -> Answer {
    Solver { terms, effort, budget: BUDGET, near: Some(near), free: true, taken: Vec::new() }.solve(formulas)
}

struct Solver<'a> {
    terms: &'a Terms,
    effort: &'a Effort,
    budget: usize,
    near: Option<&'a Model>,
    /// Every number gets a value, also one without limits: whoever asks needs a row, however odd.
    free: bool,
    /// Texts that other parts of the row hold.
    taken: Vec<String>,
}

impl<'a> Solver<'a> {
    /// Statements that share no term have nothing to do with each other: each such part of a row is looked for alone.
    fn solve(&mut self, formulas: &[&Formula]) -> Answer {
        if self.effort.is_spent() {
            return Answer::Undecided;
        }
        let mut statements = Vec::with_capacity(formulas.len());
        let mut todo: Vec<&Formula> = formulas.iter().rev().copied().collect();
        while let Some(formula) = todo.pop() {
            match formula {
                Formula::True => {}
                Formula::False => return Answer::No,
                Formula::All(parts) => todo.extend(parts.iter().rev()),
                other => statements.push(other),
            }
        }
        let mut row = Model::default();
        let mut undecided = false;
        for part in apart(self.terms, self.effort, statements) {
            self.budget = BUDGET;
            match self.run(State::default(), part, Vec::new()) {
                Answer::No => return Answer::No,
                Answer::Undecided => undecided = true,
                Answer::Maybe(model) => {
                    self.taken.extend(model.texts.values().cloned());
                    row.extend(*model);
                }
            }
        }
        if undecided { Answer::Undecided } else { Answer::Maybe(Box::new(row)) }
    }

    fn run<'f>(&mut self, mut state: State, mut todo: Vec<&'f Formula>, choices: Vec<&'f [Formula]>) -> Answer {
        // Each with the number of its parts that may hold.
        let mut choices: Vec<(&[Formula], usize)> = choices.into_iter().map(|parts| (parts, 0)).collect();
        let sums = state.sums.len();
        let mut fresh = true;
        while fresh || !todo.is_empty() {
            if self.effort.is_spent() {
                return Answer::Undecided;
            }
            fresh = false;
            while let Some(formula) = todo.pop() {
                match formula {
                    Formula::True => {}
                    Formula::False => return Answer::No,
                    Formula::Is(literal) => {
                        if state.add(self.terms, literal).is_err() {
                            return Answer::No;
                        }
                    }
                    Formula::All(parts) => todo.extend(parts.iter()),
                    Formula::Any(parts) => choices.push((parts, 0)),
                }
            }
            // A choice with one part left is none.
            let mut kept = Vec::with_capacity(choices.len());
            for (parts, _) in choices.drain(..) {
                if parts.iter().any(|p| self.entailed(&state, p)) {
                    continue;
                }
                let mut open = parts.iter().filter(|p| self.admits(&state, p));
                match (open.next(), open.next()) {
                    (None, _) => return Answer::No,
                    (Some(only), None) => todo.push(only),
                    _ => kept.push((parts, 2 + open.count())),
                }
            }
            choices = kept;
        }
        if choices.is_empty() || state.sums.len() > sums {
            match self.consistent(&mut state, choices.is_empty()) {
                Err(Contradiction) => return Answer::No,
                Ok(model) if choices.is_empty() => return Answer::Maybe(Box::new(model)),
                Ok(_) => {}
            }
        }
        let Some(at) = (0..choices.len()).min_by_key(|i| choices[*i].1) else { return Answer::Undecided };
        let (parts, _) = choices.remove(at);
        let choices: Vec<&[Formula]> = choices.into_iter().map(|(parts, _)| parts).collect();
        let mut undecided = false;
        for part in parts {
            if self.budget == 0 {
                return Answer::Undecided;
            }
            self.budget -= 1;
            if !self.admits(&state, part) {
                continue;
            }
            match self.run(state.clone(), vec![part], choices.clone()) {
                Answer::No => {}
                Answer::Maybe(model) => return Answer::Maybe(model),
                Answer::Undecided => undecided = true,
            }
        }
        if undecided { Answer::Undecided } else { Answer::No }
    }

    /// Whether a formula could still hold, judged by each statement alone.
    fn admits(&self, state: &State, formula: &Formula) -> bool {
        self.effort.spend(2);
        match formula {
            Formula::True => true,
            Formula::False => false,
            Formula::All(parts) => parts.iter().all(|p| self.admits(state, p)),
            Formula::Any(parts) => parts.iter().any(|p| self.admits(state, p)),
            Formula::Is(literal) => state.admits(self.terms, literal),
        }
    }

    fn entailed(&self, state: &State, formula: &Formula) -> bool {
        self.effort.spend(1);
        match formula {
            Formula::True => true,
            Formula::False => false,
            Formula::All(parts) => parts.iter().all(|p| self.entailed(state, p)),
            Formula::Any(parts) => parts.iter().any(|p| self.entailed(state, p)),
            Formula::Is(literal) => state.entails(self.terms, literal),
        }
    }

    /// What the statements say together: equal values share what is left, lengths go with their texts, sums with
    /// limits. Values are looked for only at the end (`last`).
    fn consistent(&self, state: &mut State, last: bool) -> Result<Model, Contradiction> {
        self.effort.spend(state.domains.len() + 20 * state.sums.len());
        let mut model = Model::default();
        let classes = self.merge_equal(state)?;
        self.lengths(state)?;
        self.sums(state, last.then_some(&mut model))?;
        if last {
            self.texts(state, &mut model)?;
            model.statements = state.statements().collect();
            for (term, domain) in present(state) {
                if let Some(null) = domain.null {
                    model.null.insert(term, null);
                }
                if let Some(nan) = domain.nan {
                    model.nan.insert(term, nan);
                }
                if let Some(flag) = domain.flag {
                    model.flags.insert(term, flag);
                }
            }
            for (term, class) in classes {
                if let Some(text) = model.texts.get(&class).cloned() {
                    model.texts.insert(term, text);
                }
                if let Some(flag) = model.flags.get(&class).copied() {
                    model.flags.insert(term, flag);
                }
            }
        }
        Ok(model)
    }

    /// Each term with the one that stands for all its equals.
    fn merge_equal(&self, state: &mut State) -> Result<Vec<(TermId, TermId)>, Contradiction> {
        let mut class: ById<TermId> = ById::default();
        fn root(class: &ById<TermId>, mut term: TermId) -> TermId {
            while let Some(up) = class.get(&term) {
                term = *up;
            }
            term
        }
        let same = state.same.clone();
        for (left, right, _) in same.iter().filter(|s| s.2) {
            let (left, right) = (root(&class, *left), root(&class, *right));
            if left != right {
                class.insert(left.max(right), left.min(right));
            }
        }
        let members: Vec<(TermId, TermId)> = class.keys().map(|t| (*t, root(&class, *t))).collect();
        for (term, class) in &members {
            self.copy(state, *term, *class)?;
        }
        for (term, class) in &members {
            self.copy(state, *class, *term)?;
        }
        for (left, right, _) in same.iter().filter(|s| !s.2) {
            if root(&class, *left) == root(&class, *right) {
                return Err(Contradiction);
            }
            let one = |state: &State, t: TermId| {
                let text = state.get(t)?.text.as_ref()?.list.as_ref()?;
                (text.len() == 1).then(|| text[0].clone())
            };
            if let (Some(a), Some(b)) = (one(state, *left), one(state, *right))
                && a == b
            {
                return Err(Contradiction);
            }
            // A single value on one side is excluded on the other.
            for (from, to) in [(*left, *right), (*right, *left)] {
                if let Some(text) = one(state, from) {
                    state.add(self.terms, &Literal::Texts { term: to, list: Rc::new(vec![text]), inside: false })?;
                }
            }
        }
        Ok(members)
    }

    /// Says of `to` what is known of the value of `from`.
    fn copy(&self, state: &mut State, from: TermId, to: TermId) -> Kept {
        let Some(domain) = state.get(from).cloned() else { return Ok(()) };
        if let Some(flag) = domain.flag {
            state.add(self.terms, &Literal::Flag(to, flag))?;
        }
        let Some(text) = domain.text else { return Ok(()) };
        if let Some(list) = &text.list {
            state.add(self.terms, &Literal::Texts { term: to, list: list.clone(), inside: true })?;
        }
        if !text.not.is_empty() {
            let list = text.not.iter().cloned().collect();
            state.add(self.terms, &Literal::Texts { term: to, list: Rc::new(list), inside: false })?;
        }
        for (side, limit) in [(Side::Below, &text.high), (Side::Above, &text.low)] {
            if let Some((limit, strict)) = limit {
                state.add(self.terms, &Literal::TextBound { term: to, side, limit: limit.clone(), strict: *strict })?;
            }
        }
        for (pattern, inside) in &text.patterns {
            state.add(self.terms, &Literal::Pattern { term: to, pattern: *pattern, inside: *inside })?;
        }
        Ok(())
    }

    /// A text from a list has one of the list's lengths, and the other way round.
    fn lengths(&self, state: &mut State) -> Kept {
        let pairs: Vec<(TermId, TermId)> =
            present(state).filter_map(|(t, _)| Some((t, self.terms.get(t).length_of?))).collect();
        for (length, text) in pairs {
            let list = state.get(text).and_then(|d| d.text.as_ref()?.list.clone());
            let Some(list) = list else { continue };
            let domain = state.domain(self.terms, length);
            let count = |t: &String| Number::whole(t.chars().count() as i128);
            let fits = |t: &&String| {
                let n = count(t);
                domain.low.is_none_or(|(l, s)| n > l || (!s && n == l))
                    && domain.high.is_none_or(|(h, s)| n < h || (!s && n == h))
                    && domain.numbers.as_ref().is_none_or(|list| list.contains(&n))
                    && !domain.not_numbers.contains(&n)
            };
            let left: Vec<String> = list.iter().filter(fits).cloned().collect();
            let mut numbers: Vec<Number> = left.iter().map(count).collect();
            numbers.sort();
            numbers.dedup();
            state.add(self.terms, &Literal::Texts { term: text, list: Rc::new(left), inside: true })?;
            state.add(self.terms, &Literal::Numbers { term: length, list: Rc::new(numbers), inside: true })?;
        }
        Ok(())
    }

    /// Sums together with the limits of their terms; the limits are moved in where the sums force it.
    fn sums(&self, state: &mut State, model: Option<&mut Model>) -> Kept {
        let step = |t: TermId| self.terms.step(t);
        let mut all: Vec<Sum> = state.sums.iter().map(|s| (**s).clone()).collect();
        let mut involved: Vec<TermId> = all.iter().flat_map(|s| s.parts.iter().map(|p| p.0)).collect();
        involved.sort_unstable();
        involved.dedup();
        if !involved.is_empty() {
            self.propagate(state, &all)?;
        }
        for &term in &involved {
            let domain = state.domain(self.terms, term);
            let part = |factor: i128| vec![(term, Number::whole(factor))];
            if let Some((limit, strict)) = domain.high {
                all.push(Sum { parts: part(1), limit, strict });
            }
            if let Some((limit, strict)) = domain.low {
                all.push(Sum { parts: part(-1), limit: limit.negate(), strict });
            }
        }
        let (mut feasible, trail) = linear::eliminate(&all, &step, self.effort);
        let mut values = None;
        if feasible == Feasible::Unknown {
            (feasible, values) = differences::solve(&all, &step, self.effort);
        }
        if feasible == Feasible::No {
            return Err(Contradiction);
        }
        let Some(model) = model else { return Ok(()) };
        let choose = |term: TermId, low: Limit, high: Limit| {
            let mut domain = state.get(term).cloned().unwrap_or_default();
            if let Some((limit, strict)) = low {
                bound(&mut domain, Side::Above, limit, strict);
            }
            if let Some((limit, strict)) = high {
                bound(&mut domain, Side::Below, limit, strict);
            }
            pick(&mut domain, step(term), self.near.and_then(|row| row.numbers.get(&term)))
        };
        let mut numbers = ById::default();
        if let Some(values) = values {
            if values.iter().all(|(term, n)| state.get(*term).is_some_and(|domain| fits(domain, step(*term), n))) {
                numbers = values;
            }
        } else if feasible == Feasible::Yes && linear::values(&trail, &mut numbers, &choose, self.free).is_none() {
            numbers.clear();
        }
        for (term, _) in present(state) {
            if matches!(self.terms.get(term).sort, Sort::Number { .. })
                && !involved.contains(&term)
                && let Some(value) = choose(term, None, None)
            {
                numbers.insert(term, value);
            }
        }
        model.numbers = numbers;
        Ok(())
    }

    /// Limits of single terms that follow from sums and the other terms' limits; a few rounds, no more.
    fn propagate(&self, state: &mut State, sums: &[Sum]) -> Kept {
        for _ in 0..4 {
            let mut moved = false;
            for sum in sums {
                self.effort.spend(10 * sum.parts.len());
                for (term, factor) in &sum.parts {
                    let least = |(t, f): &(TermId, Number)| -> Option<(Number, bool)> {
                        let domain = state.get(*t)?;
                        let (limit, strict) = if f.is_negative() { domain.high? } else { domain.low? };
                        Some((f.mul(limit)?, strict))
                    };
                    let rest = sum.parts.iter().filter(|(t, _)| t != term).try_fold(
                        (sum.limit, sum.strict),
                        |(left, strict), p| {
                            let (value, open) = least(p)?;
                            Some((left.sub(value)?, strict || open))
                        },
                    );
                    let Some((limit, strict)) = rest.and_then(|(left, s)| Some((left.div(*factor)?, s))) else {
                        continue;
                    };
                    let side = if factor.is_negative() { Side::Above } else { Side::Below };
                    let step = self.terms.step(*term);
                    let domain = state.domain(self.terms, *term);
                    if bound(domain, side, limit, strict) {
                        moved = true;
                        settle(domain, step)?;
                    }
                }
            }
            if !moved {
                break;
            }
        }
        Ok(())
    }

    /// Texts for which all patterns, lengths and exclusions hold.
    fn texts(&self, state: &mut State, model: &mut Model) -> Kept {
        let lengths: ById<TermId> =
            present(state).filter_map(|(t, _)| Some((self.terms.get(t).length_of?, t))).collect();
        let texts: Vec<TermId> = present(state)
            .filter(|(t, d)| self.terms.get(*t).sort == Sort::Text && d.null != Some(true))
            .map(|(t, _)| t)
            .collect();
        let mut used = self.taken.clone();
        for term in texts {
            let empty = Rc::default();
            let domain = state.get(term);
            let text = domain.and_then(|d| d.text.as_ref()).unwrap_or(&empty).clone();
            let length = lengths.get(&term).and_then(|l| state.get(*l)).cloned().unwrap_or_default();
            let count = |limit: Limit| limit.and_then(|(n, _)| usize::try_from(n.floor()).ok());
            let (least, most) = (count(length.low).unwrap_or(0), count(length.high).filter(|m| *m < 100_000));
            if let Some(list) = &text.list {
                // Different where it is free to be, so that values that must differ do.
                let free = list.iter().find(|t| !used.contains(t)).or(list.first());
                if let Some(value) = free {
                    model.texts.insert(term, value.clone());
                    used.push(value.clone());
                }
                continue;
            }
            let (with, without): (Vec<_>, Vec<_>) = text.patterns.iter().partition(|(_, inside)| *inside);
            let pattern = |list: &[(u32, bool)]| list.iter().map(|(p, _)| self.terms.pattern(*p)).collect::<Vec<_>>();
            let within = |t: &str| {
                text.low.as_ref().is_none_or(|(l, s)| t > &**l || (!s && t == &**l))
                    && text.high.as_ref().is_none_or(|(h, s)| t < &**h || (!s && t == &**h))
            };
            let (with, without) = (pattern(&with), pattern(&without));
            let mut found = Found::Nothing;
            for (least, most) in stretches(least, most, &length.not_numbers) {
                found = search(&with, &without, &text.not, least, most, self.effort);
                if found != Found::Nothing {
                    break;
                }
            }
            match found {
                Found::Nothing => return Err(Contradiction),
                Found::Text(found) if within(&found) => {
                    model.texts.insert(term, found);
                }
                _ => {
                    let limits = [text.low.as_ref().map(|(l, s)| if *s { format!("{l}a") } else { l.to_string() })];
                    if text.patterns.is_empty()
                        && let Some(found) = limits.into_iter().flatten().find(|t| within(t))
                    {
                        model.texts.insert(term, found);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The lengths from `least` to `most` without some of them.
fn stretches(mut least: usize, most: Option<usize>, without: &BTreeSet<Number>) -> Vec<(usize, Option<usize>)> {
    let gaps = without.iter().filter_map(|n| usize::try_from(n.floor()).ok().filter(|_| n.is_whole()));
    let mut found = Vec::new();
    for gap in gaps.filter(|g| most.is_none_or(|m| *g <= m)) {
        if gap > least {
            found.push((least, Some(gap - 1)));
        }
        least = least.max(gap + 1);
    }
    if most.is_none_or(|m| least <= m) {
        found.push((least, most));
    }
    found
}

/// The statements in groups that share no term; a text goes with its length.
fn apart<'f>(terms: &Terms, effort: &Effort, statements: Vec<&'f Formula>) -> Vec<Vec<&'f Formula>> {
    if statements.len() < 2 {
        return vec![statements];
    }
    let mut up: Vec<u32> = (0..(terms.len() + terms.statements()) as u32).collect();
    effort.spend(up.len() / 8);
    fn root(up: &mut [u32], mut at: u32) -> u32 {
        while up[at as usize] != at {
            up[at as usize] = up[up[at as usize] as usize];
            at = up[at as usize];
        }
        at
    }
    let mut firsts = Vec::with_capacity(statements.len());
    for formula in &statements {
        let mut first = None;
        let mut join = |other: u32| {
            let other = root(&mut up, other);
            match first {
                None => first = Some(other),
                Some(first) => {
                    let first = root(&mut up, first);
                    up[other as usize] = first;
                }
            }
        };
        formula.each_literal(&mut |literal| {
            effort.spend(2);
            literal.each_term(&mut |t| {
                join(t);
                let term = terms.get(t);
                [term.length, term.length_of].into_iter().flatten().for_each(&mut join);
            });
            if let Literal::Opaque(statement, _) = literal {
                join(terms.len() as u32 + statement);
            }
        });
        firsts.push(first);
    }
    let mut groups: Vec<Vec<&Formula>> = Vec::new();
    let mut of_root: ById<usize> = ById::default();
    for (formula, first) in statements.into_iter().zip(firsts) {
        let at = match first {
            Some(first) => *of_root.entry(root(&mut up, first)).or_insert(groups.len()),
            None => groups.len(),
        };
        match groups.get_mut(at) {
            Some(group) => group.push(formula),
            None => groups.push(vec![formula]),
        }
    }
    groups
}

fn present(state: &State) -> impl Iterator<Item = (TermId, &super::state::Domain)> {
    state.domains.iter().enumerate().filter_map(|(i, d)| Some((i as TermId, &**d.as_ref()?)))
}

fn fits(domain: &super::state::Domain, step: Option<Number>, n: &Number) -> bool {
    domain.low.is_none_or(|(l, s)| *n > l || (!s && *n == l))
        && domain.high.is_none_or(|(h, s)| *n < h || (!s && *n == h))
        && !domain.not_numbers.contains(n)
        && domain.numbers.as_ref().is_none_or(|list| list.binary_search(n).is_ok())
        && step.is_none_or(|s| n.is_multiple_of(s) == Some(true))
}

/// A plain value of what is left: 0 or 1 where they fit, else near a limit.
fn pick(domain: &mut super::state::Domain, step: Option<Number>, near: Option<&Number>) -> Option<Number> {
    settle(domain, step).ok()?;
    if let Some(list) = &domain.numbers {
        return near.filter(|n| list.contains(n)).or(list.first()).copied();
    }
    let fits = |n: &Number| fits(domain, step, n);
    if let Some(near) = near.filter(|n| fits(n)) {
        return Some(*near);
    }
    let mut tried = vec![Number::ONE, Number::ZERO];
    for (limit, up) in [(domain.low, 1), (domain.high, -1)] {
        let Some((limit, _)) = limit else { continue };
        tried.extend([Number::whole(limit.floor()), Number::whole(limit.ceil())]);
        for i in 0..=(domain.not_numbers.len() as i128 + 1) {
            tried.extend(limit.add(Number::whole(i * up)));
            if let Some(step) = step {
                tried.extend(step.mul(Number::whole(i * up)).and_then(|d| limit.add(d)));
            }
        }
    }
    if let (Some((low, _)), Some((high, _))) = (domain.low, domain.high) {
        tried.extend(low.add(high).and_then(|s| s.div(Number::whole(2))));
    }
    for i in 2..=(domain.not_numbers.len() as i128 + 2) {
        tried.push(Number::whole(i));
    }
    tried.into_iter().find(fits)
}
