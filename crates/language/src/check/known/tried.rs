//! Rows that are tried before anything is proven. Most rules can be kept, broken and spared by some row, and a row that
//! shows it is quickly found: one that every rule lets through, with a value or two changed. Only what no such row has
//! shown is asked of the facts, which prove that there is none.

mod row;
mod values;

use std::cell::{Cell, RefCell};

use rustc_hash::FxHashMap;

use crate::hir::{Contract, Expr, ExprKind, Nulls, Over, Promotion, Rule, RuleKind, Type, Value};

use crate::eval;
use row::{Absent, Outcome, Row};
use values::Constants;

/// How often a row that some rules do not let through is mended.
const MENDED: usize = 12;
/// How many conditions may be computed: so many, and so many for each rule.
const EVALUATED: (usize, usize) = (2_000, 100);

/// A condition with so many parts more counts as another one.
const LARGE: usize = 40;

/// What rows have shown of a rule, or what they are to show.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shown {
    /// Its `when` is met and its condition true, and every rule lets the row through.
    pub kept: bool,
    /// As `kept`, or the condition is null and that passes.
    pub passed: bool,
    /// The row violates it, and every other rule lets the row through.
    pub broken: bool,
    /// The row violates it, whatever others make of it.
    pub violated: bool,
    /// Its `when` is not met, and every rule lets the row through.
    pub spared: bool,
}

impl Shown {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Kept => (self.kept, self.passed) = (true, true),
            Outcome::Passed => self.passed = true,
            Outcome::Broken => (self.broken, self.violated) = (true, true),
            Outcome::Unmet => self.spared = true,
            Outcome::Unclear => {}
        }
    }

    /// Whether something that is wanted is not shown.
    pub fn lacks(self, wanted: Shown) -> bool {
        wanted.kept && !self.kept
            || wanted.passed && !self.passed
            || wanted.broken && !self.broken
            || wanted.violated && !self.violated
            || wanted.spared && !self.spared
    }
}

/// A rule, and what rows are to show of it.
struct Asked<'c> {
    condition: &'c Expr,
    when: Option<&'c Expr>,
    nulls: Nulls,
    /// Its columns stand for what is mapped to them.
    mapped: bool,
    /// How many parts it has.
    size: usize,
    /// What it reads.
    slots: Vec<usize>,
    constants: Constants<'c>,
    wanted: Shown,
    shown: Shown,
}

impl Asked<'_> {
    fn is_open(&self) -> bool {
        self.shown.lacks(self.wanted)
    }

    /// Whether the outcome is one that has not been shown.
    fn learns(&self, outcome: Outcome) -> bool {
        let mut shown = self.shown;
        shown.add(outcome);
        shown != self.shown
    }
}

/// What a slot of the row is.
#[derive(Clone, Copy)]
enum What<'c> {
    Column(&'c str),
    /// Of a batch: an aggregate, or what history says of one.
    Batch(&'c Expr),
}

impl What<'_> {
    /// The same for equal values of a batch.
    fn key(&self) -> Option<String> {
        match self {
            What::Column(_) => None,
            What::Batch(expr) => Some(crate::check::facts::key(expr)),
        }
    }
}

struct Slot<'c> {
    what: What<'c>,
    key: Option<String>,
    ty: &'c Type,
    /// Those that read it.
    rules: Vec<usize>,
    /// Mappings that are made of it.
    mappings: Vec<usize>,
    /// Values worth trying, the most likely to be let through first.
    values: Vec<Value>,
}

/// Where names were found last: the same few, at their places in the rules, are looked up again and again. What is
/// remembered of a place in memory is only where to look first.
struct Named(Vec<Cell<(usize, u32)>>);

const PLACES: usize = 256;

impl Named {
    #[inline]
    fn place(&self, name: &str, is: impl Fn(usize) -> bool, find: impl Fn() -> Option<usize>) -> Option<usize> {
        let at = name.as_ptr() as usize;
        let Some(known) = self.0.get((at >> 3) % PLACES) else { return find() };
        let (last, place) = known.get();
        if last == at && is(place as usize) {
            return Some(place as usize);
        }
        let found = find()?;
        known.set((at, u32::try_from(found).ok()?));
        Some(found)
    }
}

pub struct Tried<'c> {
    rules: Vec<Asked<'c>>,
    slots: Vec<Slot<'c>>,
    /// Those of columns.
    columns: FxHashMap<&'c str, usize>,
    /// Batch values that are equal to another, with the slot of that one.
    same: Vec<(&'c Expr, usize)>,
    /// What is mapped to a column; `None`: null.
    mappings: Vec<(&'c str, Option<&'c Expr>)>,
    /// What the row makes of each; nothing where a value has changed since.
    computed: Vec<RefCell<Option<Option<Value>>>>,
    /// Their places.
    mapped: FxHashMap<&'c str, usize>,
    named: Named,
    /// Of mapped rules.
    targets: Named,
    /// A value for each slot.
    row: Vec<Value>,
    /// What rules made of the row just now.
    outcomes: Vec<(usize, Outcome)>,
    /// Parts of conditions that have been looked at for what they read.
    walked: usize,
    evaluated: Cell<usize>,
}

impl<'c> Tried<'c> {
    /// What rows show of these rules, in their order.
    pub fn rules(rules: impl Iterator<Item = (&'c Rule, Shown)>) -> Vec<Shown> {
        let mut tried = Tried::new(Vec::new());
        rules.for_each(|(rule, wanted)| tried.ask(rule, wanted, false));
        tried.shown()
    }

    /// What rows of a promotion's source show of the target's rules, as those are after the mapping; the source's rules
    /// let the rows through. Nothing is shown of a rule with a column to which nothing is mapped; all that is wanted of one
    /// whose `when` no row meets for want of a column.
    pub fn mapped(
        promotion: &'c Promotion,
        source: &'c Contract,
        target: &'c Contract,
        rules: impl Iterator<Item = (&'c Rule, Shown)>,
    ) -> Vec<Shown> {
        let mapping = |name: &str| promotion.mappings.iter().find(|m| m.column == name).map(|m| &m.value);
        let values = target.columns.iter().map(|c| (c.name.as_str(), mapping(&c.name)));
        let absent = target.columns.iter().map(|c| c.nullable);
        let mappings = values.zip(absent).filter(|(v, nullable)| v.1.is_some() || *nullable).map(|(v, _)| v).collect();
        let mut tried = Tried::new(mappings);
        source.rules.iter().filter(|r| is_of_rows(r)).for_each(|rule| tried.ask(rule, Shown::default(), false));
        let own = tried.rules.len();
        for (rule, wanted) in rules {
            let never = rule.when.as_ref().is_some_and(|when| tried.is_never_met(when));
            tried.ask(rule, wanted, true);
            if let Some(asked) = tried.rules.last_mut().filter(|_| never) {
                asked.shown = wanted;
            }
        }
        tried.shown().split_off(own)
    }

    /// Whether the columns that are null in every row decide that a `when` is not met.
    fn is_never_met(&self, when: &Expr) -> bool {
        matches!(eval::holds(when, &Absent(&self.mappings)), Ok(None | Some(false)))
    }

    fn new(mappings: Vec<(&'c str, Option<&'c Expr>)>) -> Self {
        let is_mapped = !mappings.is_empty();
        Tried {
            rules: Vec::new(),
            slots: Vec::new(),
            columns: FxHashMap::default(),
            same: Vec::new(),
            computed: mappings.iter().map(|_| RefCell::default()).collect(),
            mapped: mappings.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect(),
            mappings,
            named: Named(vec![Cell::default(); PLACES]),
            targets: Named(if is_mapped { vec![Cell::default(); PLACES] } else { Vec::new() }),
            row: Vec::new(),
            outcomes: Vec::new(),
            walked: 0,
            evaluated: Cell::new(0),
        }
    }

    fn ask(&mut self, rule: &'c Rule, wanted: Shown, mapped: bool) {
        let (condition, when) = match &rule.kind {
            RuleKind::Row { condition } => (condition, rule.when.as_ref()),
            // A `when` of such a rule says which rows its aggregates read.
            RuleKind::Aggregate { condition, .. } => (condition, None),
            _ => return,
        };
        // A batch condition that is null is not evaluated, which breaks nothing.
        let nulls = if matches!(rule.kind, RuleKind::Row { .. }) { rule.nulls } else { Nulls::Pass };
        let (mut slots, mut constants) = (Vec::new(), Constants::default());
        let walked = self.walked;
        for expr in [Some(condition), when].into_iter().flatten() {
            self.slots_of(expr, mapped, &mut slots, &mut constants);
        }
        let at = self.rules.len();
        slots.iter().for_each(|s| self.slots[*s].rules.push(at));
        let size = self.walked - walked;
        self.rules.push(Asked { condition, when, nulls, mapped, size, slots, constants, wanted, shown: Shown::default() });
    }

    fn slots_of(&mut self, expr: &'c Expr, mapped: bool, found: &mut Vec<usize>, constants: &mut Constants<'c>) {
        self.walked += 1;
        let slot = match &expr.kind {
            ExprKind::Literal(_) => return constants.within(expr),
            ExprKind::Column(name) if mapped => {
                let Some(&at) = self.mapped.get(name.as_str()) else { return };
                let Some(value) = self.mappings[at].1 else { return };
                let mut own = Vec::new();
                self.slots_of(value, false, &mut own, constants);
                for slot in own {
                    if !self.slots[slot].mappings.contains(&at) {
                        self.slots[slot].mappings.push(at);
                    }
                    if !found.contains(&slot) {
                        found.push(slot);
                    }
                }
                return;
            }
            ExprKind::Column(name) => self.slot(What::Column(name), &expr.ty),
            ExprKind::Aggregate(_) | ExprKind::History { .. } | ExprKind::Drift { .. } => {
                let slot = self.slot(What::Batch(expr), &expr.ty);
                self.same.push((expr, slot));
                // What a past or a drift is taken of is of the same rows; an aggregate's values are of others.
                expr.each_operand(&mut |e| constants.within(e));
                slot
            }
            ExprKind::Binary { left, right, .. } => {
                self.slots_of(left, mapped, found, constants);
                return self.slots_of(right, mapped, found, constants);
            }
            _ => {
                if matches!(expr.kind, ExprKind::Matches { .. } | ExprKind::Like { .. }) {
                    constants.patterns.push(expr);
                }
                return expr.each_operand(&mut |e| self.slots_of(e, mapped, found, constants));
            }
        };
        if !found.contains(&slot) {
            found.push(slot);
        }
    }

    fn slot(&mut self, what: What<'c>, ty: &'c Type) -> usize {
        let next = self.slots.len();
        let key = what.key();
        let known = match what {
            What::Column(name) => *self.columns.entry(name).or_insert(next),
            What::Batch(_) => self.slots.iter().position(|s| s.key.is_some() && s.key == key).unwrap_or(next),
        };
        if known == next {
            self.slots.push(Slot { what, key, ty, rules: Vec::new(), mappings: Vec::new(), values: Vec::new() });
        }
        known
    }

    fn slot_of(&self, name: &str) -> Option<usize> {
        let is = |at: usize| self.slots.get(at).is_some_and(|s| matches!(s.what, What::Column(column) if column == name));
        self.named.place(name, is, || self.columns.get(name).copied())
    }

    /// The value of what is mapped to a column that a mapped rule names; nothing is said of one that is neither mapped nor
    /// nullable.
    fn mapping(&self, name: &str) -> Option<Value> {
        let is = |at: usize| self.mappings.get(at).is_some_and(|(column, _)| *column == name);
        let at = self.targets.place(name, is, || self.mapped.get(name).copied())?;
        let Some(value) = self.mappings.get(at)?.1 else { return Some(Value::Null) };
        let mut computed = self.computed.get(at)?.borrow_mut();
        let source = || eval::eval(value, &Row { tried: self, mapped: false }).ok();
        computed.get_or_insert_with(source).clone()
    }

    fn shown(mut self) -> Vec<Shown> {
        self.search();
        self.rules.into_iter().map(|r| r.shown).collect()
    }

    fn search(&mut self) {
        if !self.rules.iter().any(Asked::is_open) {
            return;
        }
        for slot in 0..self.slots.len() {
            let values = values::worth_trying(self, slot);
            self.slots[slot].values = values;
        }
        if !self.find_row() {
            return;
        }
        for (i, outcome) in std::mem::take(&mut self.outcomes) {
            if outcome.lets_through() || self.rules[i].mapped {
                self.rules[i].shown.add(outcome);
            }
        }
        for slot in 0..self.slots.len() {
            if self.is_exhausted() {
                return;
            }
            let mut open: Vec<usize> =
                self.slots[slot].rules.iter().copied().filter(|i| self.rules[*i].is_open()).collect();
            if open.is_empty() {
                continue;
            }
            // What lets the row through stands first, and most that is open still is what does not.
            self.slots[slot].values.reverse();
            self.change(slot, |tried| {
                if tried.glance(slot, &open) {
                    open.retain(|i| tried.rules[*i].is_open());
                }
                if open.is_empty() { Next::Stop } else { Next::Value }
            });
            self.slots[slot].values.reverse();
        }
        for i in 0..self.rules.len() {
            if self.is_exhausted() {
                return;
            }
            if self.rules[i].is_open() {
                self.look_further(i);
            }
        }
    }

    /// Two values changed: one that decides the rule, and one more of its own or of a rule that does not let the row through.
    fn look_further(&mut self, i: usize) {
        for slot in self.rules[i].slots.clone() {
            if self.is_exhausted() {
                return;
            }
            self.change(slot, |tried| {
                let against = tried.look(&[slot]).filter(|_| tried.would_show(i));
                let others = &tried.rules[against.unwrap_or(i)].slots;
                for second in others.iter().copied().filter(|s| *s != slot).collect::<Vec<_>>() {
                    if !tried.rules[i].is_open() {
                        return Next::Stop;
                    }
                    tried.change(second, |tried| {
                        if tried.would_show(i) {
                            tried.look(&[slot, second]);
                        }
                        if tried.rules[i].is_open() { Next::Value } else { Next::Stop }
                    });
                }
                if tried.rules[i].is_open() { Next::Value } else { Next::Stop }
            });
        }
    }

    /// Whether the row, were it let through, would show something of the rule that is wanted.
    fn would_show(&self, i: usize) -> bool {
        self.rules[i].is_open() && self.rules[i].learns(self.outcome(i))
    }

    /// Puts each value into a slot in turn, and the old one back.
    fn change(&mut self, slot: usize, mut each: impl FnMut(&mut Self) -> Next) {
        let mut values = std::mem::take(&mut self.slots[slot].values);
        let old = std::mem::replace(&mut self.row[slot], Value::Null);
        let mut next = Next::Value;
        for value in values.iter_mut().filter(|v| **v != old) {
            exchange(&mut self.row[slot], value);
            self.has_changed(slot);
            next = each(self);
            if next == Next::Keep {
                value.clone_from(&self.row[slot]);
                break;
            }
            exchange(&mut self.row[slot], value);
            if next == Next::Stop || self.is_exhausted() {
                break;
            }
        }
        if next != Next::Keep {
            self.row[slot] = old;
            self.has_changed(slot);
        }
        self.slots[slot].values = values;
    }

    fn has_changed(&mut self, slot: usize) {
        for at in &self.slots[slot].mappings {
            self.computed[*at].get_mut().take();
        }
    }

    fn is_exhausted(&self) -> bool {
        self.evaluated.get() > EVALUATED.0 + EVALUATED.1 * self.rules.len()
    }

    /// As [`Tried::look`], where the row shows something that is wanted of the rules that are open; whether it does.
    fn glance(&mut self, slot: usize, open: &[usize]) -> bool {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        outcomes.clear();
        let mut learns = false;
        for &i in open {
            let outcome = self.outcome(i);
            learns |= self.rules[i].learns(outcome);
            outcomes.push((i, outcome));
        }
        if !learns {
            self.outcomes = outcomes;
            return false;
        }
        let stands_against = |tried: &Self, (i, o): (usize, Outcome)| !tried.rules[i].mapped && !o.lets_through();
        let mut against = outcomes.iter().filter(|found| stands_against(self, **found)).map(|(i, _)| *i);
        let (mut first, mut more) = (against.next(), against.next().is_some());
        drop(against);
        for i in self.slots[slot].rules.iter().copied() {
            if more {
                break;
            }
            if !self.rules[i].is_open() && !self.rules[i].mapped && !self.outcome(i).lets_through() {
                more = first.is_some();
                first = Some(i);
            }
        }
        for &(i, outcome) in &outcomes {
            self.rules[i].shown.violated |= outcome == Outcome::Broken;
            if !more && first.is_none_or(|a| a == i) {
                self.rules[i].shown.add(outcome);
            }
        }
        self.outcomes = outcomes;
        true
    }

    /// Notes what the row shows, which lets everything through but for what the slots have changed. Where just one rule
    /// stands against the row, that one.
    fn look(&mut self, slots: &[usize]) -> Option<usize> {
        let mut outcomes = Vec::with_capacity(8);
        let mut against = None;
        let mut more = false;
        'rules: for (at, slot) in slots.iter().enumerate() {
            for &i in &self.slots[*slot].rules {
                let rule = &self.rules[i];
                if slots[..at].iter().any(|s| rule.slots.contains(s)) {
                    continue;
                }
                let outcome = self.outcome(i);
                if !rule.mapped && !outcome.lets_through() {
                    more |= against.is_some();
                    against = Some(i);
                }
                outcomes.push((i, outcome));
                if more {
                    break 'rules;
                }
            }
        }
        for (i, outcome) in outcomes {
            self.rules[i].shown.violated |= outcome == Outcome::Broken;
            if !more && against.is_none_or(|a| a == i) {
                self.rules[i].shown.add(outcome);
            }
        }
        against.filter(|_| !more)
    }

    /// Finds a row that every rule lets through; `outcomes` is what they make of it.
    fn find_row(&mut self) -> bool {
        self.row = self.slots.iter().map(|s| s.values.first().cloned().unwrap_or(Value::Null)).collect();
        for slot in 0..self.slots.len() {
            let fits = |tried: &Self| {
                let alone = tried.slots[slot].rules.iter().filter(|i| tried.rules[**i].slots.len() == 1);
                alone.into_iter().all(|i| tried.outcome(*i).lets_through())
            };
            if !fits(self) {
                self.change(slot, |tried| if fits(tried) { Next::Keep } else { Next::Value });
            }
        }
        for _ in 0..MENDED {
            self.outcomes.clear();
            let mut against = None;
            for i in 0..self.rules.len() {
                let outcome = self.outcome(i);
                if !self.rules[i].mapped && !outcome.lets_through() {
                    against = Some(i);
                    break;
                }
                self.outcomes.push((i, outcome));
            }
            let Some(i) = against else { return true };
            if self.is_exhausted() || !self.mend(i) {
                return false;
            }
        }
        false
    }

    /// Changes one value or two of those that a rule reads, so that it and all others that read them let the row through.
    fn mend(&mut self, i: usize) -> bool {
        let slots = self.rules[i].slots.clone();
        let fits = |tried: &Self, slot: usize| {
            let mut others = tried.slots[slot].rules.iter().filter(|j| !tried.rules[**j].mapped);
            tried.outcome(i).lets_through() && others.all(|j| tried.outcome(*j).lets_through())
        };
        let mut mended = false;
        for &slot in &slots {
            self.change(slot, |tried| {
                mended = fits(tried, slot);
                if mended { Next::Keep } else { Next::Value }
            });
            if mended {
                return true;
            }
        }
        for &first in &slots {
            for &second in slots.iter().filter(|s| **s != first) {
                self.change(first, |tried| {
                    tried.change(second, |tried| {
                        mended = fits(tried, second) && fits(tried, first);
                        if mended { Next::Keep } else { Next::Value }
                    });
                    if mended { Next::Keep } else { Next::Value }
                });
                if mended {
                    return true;
                }
            }
        }
        false
    }

    fn outcome(&self, i: usize) -> Outcome {
        let rule = &self.rules[i];
        self.evaluated.set(self.evaluated.get() + 1 + rule.size / LARGE);
        Row { tried: self, mapped: rule.mapped }.outcome(rule)
    }
}

/// As [`std::mem::swap`], which is called for values of this size.
#[inline]
fn exchange(a: &mut Value, b: &mut Value) {
    let first = std::mem::replace(a, Value::Null);
    let second = std::mem::replace(b, first);
    // There is nothing to drop in what it takes the place of.
    std::mem::forget(std::mem::replace(a, second));
}

/// What comes after a value has been tried.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Value,
    Stop,
    /// The value stays.
    Keep,
}

/// Whether it is a row rule about the batch.
pub fn is_of_rows(rule: &Rule) -> bool {
    rule.over == Over::Batch && matches!(rule.kind, RuleKind::Row { .. })
}
