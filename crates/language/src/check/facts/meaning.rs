//! From three-valued conditions to formulas: each of "is true", "is false", "is null" and "cannot be computed" is
//! asked on its own. Every answer may admit more rows than there are, never fewer: what is not understood becomes a
//! statement that may be true or false. So a contradiction between answers is one between the conditions.

use std::rc::Rc;

use super::formula::{Formula, Literal, Side, Sum, TermId};
use super::known;
use super::number::Number;
use super::parts::parts;
use super::terms::{Sort, Terms};
use super::text::Pattern;
use crate::hir::{BinaryOp, Expr, ExprKind, Type, Value};

/// Conditions nested deeper are not looked into.
const DEEPEST: usize = 60;
/// Nor is what is left of a condition that has come to so many statements: choices within choices multiply them.
const LARGEST: usize = 200_000;

pub struct Meaning<'t> {
    pub terms: &'t mut Terms,
    depth: usize,
    /// How many statements have been made.
    made: usize,
}

/// A sum of terms and a constant.
struct Linear {
    parts: Vec<(TermId, Number)>,
    constant: Number,
}

impl<'t> Meaning<'t> {
    pub fn new(terms: &'t mut Terms) -> Self {
        Self { terms, depth: 0, made: 0 }
    }

    /// The condition is true.
    pub fn holds(&mut self, e: &Expr) -> Formula {
        self.truth(e, true)
    }

    /// The condition is false.
    pub fn fails(&mut self, e: &Expr) -> Formula {
        self.truth(e, false)
    }

    pub fn truth(&mut self, e: &Expr, wanted: bool) -> Formula {
        if self.is_too_much() {
            return self.statement(if wanted { "true" } else { "false" }, e, true);
        }
        self.depth += 1;
        let formula = self.truth_of(e, wanted);
        self.depth -= 1;
        formula
    }

    fn is_too_much(&mut self) -> bool {
        self.made += 1;
        self.depth > DEEPEST || self.made > LARGEST
    }

    /// A formula that is needed once more.
    fn again(&mut self, formula: &Formula) -> Formula {
        self.made += formula.size();
        if self.made > LARGEST { Formula::True } else { formula.clone() }
    }

    fn truth_of(&mut self, e: &Expr, wanted: bool) -> Formula {
        match &e.kind {
            ExprKind::Literal(Value::Bool(b)) => constant(*b == wanted),
            ExprKind::Literal(_) => Formula::False,
            ExprKind::Not(inner) => self.truth(inner, !wanted),
            ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } => {
                let both = (*op == BinaryOp::And) == wanted;
                let parts: Vec<Formula> =
                    parts(*op, left, right).iter().map(|part| self.truth_of_part(part, wanted)).collect();
                if both { Formula::all(parts) } else { Formula::any(parts) }
            }
            ExprKind::IsNull(inner) => {
                let computed = self.computed(inner);
                let null = if wanted { self.null(inner) } else { self.defined(inner) };
                computed.and(null)
            }
            ExprKind::IsTrue(inner) if wanted => self.holds(inner),
            ExprKind::IsTrue(inner) => self.fails(inner).or(self.unknown(inner)),
            ExprKind::IsFalse(inner) if wanted => self.fails(inner),
            ExprKind::IsFalse(inner) => self.holds(inner).or(self.unknown(inner)),
            ExprKind::Binary { op, left, right } if op.is_comparison() => self.comparison(*op, left, right, wanted),
            ExprKind::IsDistinct(left, right) => self.distinct(left, right, wanted),
            ExprKind::In { value, list } => self.membership(value, list, wanted),
            ExprKind::Like { value, pattern, insensitive, escape } => {
                let ExprKind::Literal(Value::String(text)) = &pattern.kind else { return self.flag(e, wanted) };
                self.pattern(value, Pattern::like(text, *escape, *insensitive), wanted)
            }
            ExprKind::Matches { value, pattern } => self.pattern(value, Pattern::regex(pattern), wanted),
            ExprKind::Case { arms, otherwise } => {
                let mut before = Formula::True;
                let mut found = Vec::new();
                for (condition, value) in arms {
                    let met = self.holds(condition);
                    found.push(Formula::all([self.again(&before), met, self.truth(value, wanted)]));
                    before = before.and(self.not_met(condition));
                }
                if let Some(value) = otherwise {
                    found.push(before.and(self.truth(value, wanted)));
                }
                Formula::any(found)
            }
            ExprKind::Call { function, args } if function == "coalesce" => {
                let mut before = Formula::True;
                let mut found = Vec::new();
                for value in args {
                    found.push(self.again(&before).and(self.truth(value, wanted)));
                    before = before.and(self.unknown(value));
                }
                Formula::any(found)
            }
            ExprKind::Call { function, args } if function == "isnan" => {
                let [value] = args.as_slice() else { return self.flag(e, wanted) };
                let Some(term) = self.single(value).filter(|t| self.terms.is_floating(*t)) else {
                    return self.flag(e, wanted);
                };
                Formula::all([self.defined(value), self.computed(value), Literal::Nan(term, wanted).into()])
            }
            _ => self.flag(e, wanted),
        }
    }

    /// The condition is null.
    pub fn unknown(&mut self, e: &Expr) -> Formula {
        if self.is_too_much() {
            return self.statement("null", e, true);
        }
        self.depth += 1;
        let formula = self.unknown_of(e);
        self.depth -= 1;
        formula
    }

    fn unknown_of(&mut self, e: &Expr) -> Formula {
        match &e.kind {
            ExprKind::Literal(Value::Null) => Formula::True,
            ExprKind::Literal(_) | ExprKind::IsNull(_) | ExprKind::IsTrue(_) | ExprKind::IsFalse(_) => Formula::False,
            ExprKind::IsDistinct(..) => Formula::False,
            ExprKind::Not(inner) => self.unknown(inner),
            ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } => {
                let neutral = *op == BinaryOp::And;
                let parts = parts(*op, left, right);
                let mut nulls: Vec<Formula> = parts.iter().map(|part| self.unknown_part(part)).collect();
                let nullable = nulls.iter().filter(|n| !matches!(n, Formula::False)).count();
                match nullable {
                    0 => return Formula::False,
                    // It decides alone.
                    1 => {
                        for (part, null) in parts.iter().zip(&mut nulls) {
                            if matches!(null, Formula::False) {
                                *null = self.truth_of_part(part, neutral);
                            }
                        }
                        return Formula::all(nulls);
                    }
                    _ => {}
                }
                // Some part is null, and none decides: one that is null with all others cannot.
                let first = nulls.iter().find(|n| !matches!(n, Formula::False)).and_then(Formula::null);
                let with_all = |n: &Formula| n.null().is_some_and(|term| Some(term) == first);
                let all_at_once = nulls.iter().all(|n| matches!(n, Formula::False) || with_all(n));
                let mut undecided = Vec::with_capacity(parts.len());
                for (part, null) in parts.iter().zip(&nulls) {
                    if !all_at_once || !with_all(null) {
                        undecided.push(self.part_unless(part, neutral));
                    }
                }
                Formula::any(nulls).and(Formula::all(undecided))
            }
            ExprKind::Binary { op, left, right } if op.is_comparison() => self.null(left).or(self.null(right)),
            ExprKind::In { value, list } => {
                let null = self.null(value);
                let items: Vec<Formula> = list.iter().map(|item| self.null(item)).collect();
                null.or(Formula::any(items))
            }
            ExprKind::Like { value, pattern, .. } => self.null(value).or(self.null(pattern)),
            ExprKind::Matches { value, .. } => self.null(value),
            ExprKind::Case { arms, otherwise } => {
                let mut before = Formula::True;
                let mut found = Vec::new();
                for (condition, value) in arms {
                    let met = self.holds(condition);
                    found.push(Formula::all([self.again(&before), met, self.unknown(value)]));
                    before = before.and(self.not_met(condition));
                }
                found.push(before.and(otherwise.as_ref().map_or(Formula::True, |value| self.unknown(value))));
                Formula::any(found)
            }
            ExprKind::Call { function, args } if function == "coalesce" => {
                let parts: Vec<Formula> = args.iter().map(|value| self.unknown(value)).collect();
                Formula::all(parts)
            }
            _ => self.null_term(e, true),
        }
    }

    /// The condition has this truth, or is null.
    pub fn unless(&mut self, e: &Expr, truth: bool) -> Formula {
        match &e.kind {
            ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } if !self.is_too_much() => {
                self.depth += 1;
                let parts: Vec<Formula> =
                    parts(*op, left, right).iter().map(|part| self.part_unless(part, truth)).collect();
                self.depth -= 1;
                if (*op == BinaryOp::And) == truth { Formula::all(parts) } else { Formula::any(parts) }
            }
            ExprKind::Not(inner) => self.unless(inner, !truth),
            _ => self.truth(e, truth).or(self.unknown(e)),
        }
    }

    /// The condition cannot be computed.
    pub fn error(&mut self, e: &Expr) -> Formula {
        let mut found = Vec::new();
        self.errors_in(e, &mut found, true);
        Formula::any(found)
    }

    fn computed(&mut self, e: &Expr) -> Formula {
        let mut found = Vec::new();
        self.errors_in(e, &mut found, false);
        Formula::all(found)
    }

    /// One statement for each part that may fail; only the parts that are surely computed where `happens` is false.
    fn errors_in(&mut self, e: &Expr, found: &mut Vec<Formula>, happens: bool) {
        if !known::is_total(e) {
            let failed = self.statement("error", e, happens);
            found.push(match self.overflow(e).filter(|_| happens) {
                Some(overflow) => failed.and(overflow),
                None => failed,
            });
        }
        let lazy = matches!(&e.kind, ExprKind::Case { .. } | ExprKind::Quantified { .. } | ExprKind::Aggregate(_))
            || matches!(&e.kind, ExprKind::Binary { op: BinaryOp::And | BinaryOp::Or, .. })
            || matches!(&e.kind, ExprKind::Call { function, .. } if matches!(function.as_str(), "coalesce" | "nvl2" | "if"));
        if happens || !lazy {
            e.children().into_iter().for_each(|child| self.errors_in(child, found, happens));
        }
    }

    /// Where arithmetic is exact, it fails where the result lies beyond its type, and nowhere else.
    fn overflow(&mut self, e: &Expr) -> Option<Formula> {
        let exact = match &e.kind {
            ExprKind::Binary { op: BinaryOp::Add | BinaryOp::Subtract, left, right } => adds_exactly(e, left, right),
            ExprKind::Binary { op: BinaryOp::Multiply, left, right } => multiplies_exactly(e, left, right),
            ExprKind::Negate(_) => true,
            _ => false,
        };
        let (Some(least), Some(most)) = super::terms::range(&e.ty) else { return None };
        if !exact || !(e.ty.is_integer() || matches!(e.ty, Type::Decimal { .. })) {
            return None;
        }
        // A product of two columns is a term of its own, whose range is the type's by definition.
        let linear = self.linear(e)?;
        if matches!(linear.parts[..], [(t, _)] if self.terms.is_of(t, e)) {
            return None;
        }
        let beyond = |this: &mut Self, op, limit: Number| {
            let linear = this.linear(e)?;
            compare_to_zero(op, Linear { constant: linear.constant.sub(limit)?, ..linear })
        };
        let over = beyond(self, BinaryOp::Greater, most)?;
        Some(over.or(beyond(self, BinaryOp::Less, least)?))
    }

    fn statement(&mut self, about: &str, e: &Expr, holds: bool) -> Formula {
        Literal::Opaque(self.terms.statement(about, e), holds).into()
    }

    fn not_met(&mut self, condition: &Expr) -> Formula {
        self.unless(condition, false)
    }

    /// The value is null.
    pub fn null(&mut self, e: &Expr) -> Formula {
        match &e.kind {
            ExprKind::Literal(value) => constant(*value == Value::Null),
            ExprKind::Column(_) => Literal::Null(self.terms.term(e), true).into(),
            _ if e.ty == Type::Boolean => self.unknown(e),
            ExprKind::Call { function, args } if function == "coalesce" => {
                let parts: Vec<Formula> = args.iter().map(|value| self.null(value)).collect();
                Formula::all(parts)
            }
            _ if known::is_strict(e) => {
                let mut parts = Vec::new();
                e.children().into_iter().for_each(|child| parts.push(self.null(child)));
                Formula::any(parts)
            }
            _ => self.null_term(e, true),
        }
    }

    /// The value is not null.
    pub fn defined(&mut self, e: &Expr) -> Formula {
        match &e.kind {
            ExprKind::Literal(value) => constant(*value != Value::Null),
            ExprKind::Column(_) => Literal::Null(self.terms.term(e), false).into(),
            ExprKind::Call { function, args } if function == "coalesce" => {
                let parts: Vec<Formula> = args.iter().map(|value| self.defined(value)).collect();
                Formula::any(parts)
            }
            _ if known::is_strict(e) && e.ty != Type::Boolean => {
                let mut parts = Vec::new();
                e.children().into_iter().for_each(|child| parts.push(self.defined(child)));
                Formula::all(parts)
            }
            ExprKind::Call { .. } | ExprKind::Field(..) | ExprKind::Index(..) => self.null_term(e, false),
            _ if e.ty == Type::Boolean => self.holds(e).or(self.fails(e)),
            _ => self.null_term(e, false),
        }
    }

    /// Of what is not looked into: where the checker knows that it is not null by itself, it is null only with a column.
    fn null_term(&mut self, e: &Expr, null: bool) -> Formula {
        if matches!(e.kind, ExprKind::Column(_)) || e.nullable {
            return Literal::Null(self.terms.term(e), null).into();
        }
        if !null {
            return Formula::True;
        }
        let mut columns = Vec::new();
        self.terms.columns_in(e, &mut columns);
        Formula::any(columns.into_iter().map(|c| Literal::Null(c, true).into()))
    }

    /// A boolean that is not looked into.
    fn flag(&mut self, e: &Expr, wanted: bool) -> Formula {
        let term = self.terms.term(e);
        let defined = if e.nullable || matches!(e.kind, ExprKind::Column(_)) {
            Literal::Null(term, false).into()
        } else {
            Formula::True
        };
        Formula::all([defined, self.computed(e), Literal::Flag(term, wanted).into()])
    }

    pub fn comparison(&mut self, op: BinaryOp, left: &Expr, right: &Expr, wanted: bool) -> Formula {
        if left.ty == Type::Boolean && matches!(op, BinaryOp::Equal | BinaryOp::NotEqual) {
            let equal = (op == BinaryOp::Equal) == wanted;
            let first = self.truth(left, true).and(self.truth(right, equal));
            return first.or(self.truth(left, false).and(self.truth(right, !equal)));
        }
        // A choice between values is a choice between comparisons.
        for (choice, other, flipped) in [(left, right, false), (right, left, true)] {
            if let ExprKind::Case { arms, otherwise } = &choice.kind {
                if arms.len() > 8 {
                    continue;
                }
                let mut before = Formula::True;
                let mut found = Vec::new();
                let compare = |this: &mut Self, value: &Expr| {
                    if flipped {
                        this.comparison(op, other, value, wanted)
                    } else {
                        this.comparison(op, value, other, wanted)
                    }
                };
                for (condition, value) in arms {
                    let met = self.holds(condition);
                    found.push(Formula::all([self.again(&before), met, compare(self, value)]));
                    before = before.and(self.not_met(condition));
                }
                if let Some(value) = otherwise {
                    found.push(before.and(compare(self, value)));
                }
                return Formula::any(found);
            }
            if let ExprKind::Call { function, args } = &choice.kind
                && function == "coalesce"
            {
                let mut before = Formula::True;
                let mut found = Vec::new();
                for value in args {
                    let compared = if flipped {
                        self.comparison(op, other, value, wanted)
                    } else {
                        self.comparison(op, value, other, wanted)
                    };
                    found.push(self.again(&before).and(compared));
                    before = before.and(self.null(value));
                }
                return Formula::any(found);
            }
        }
        let usable = Formula::all([self.defined(left), self.defined(right), self.computed(left), self.computed(right)]);
        let relation = self.relation(if wanted { op } else { opposite(op) }, left, right);
        let relation = relation.unwrap_or_else(|| {
            // Of the statement and its negation, one holds: the same number, once each way.
            let about = format!("{} {}", op.text(), super::key(right));
            self.statement(&about, left, wanted)
        });
        let nans = [self.not_a_number(left, !wanted), self.not_a_number(right, !wanted)];
        let relation = if wanted {
            relation.and(Formula::all(nans.into_iter().flatten()))
        } else {
            relation.or(Formula::any(nans.into_iter().flatten()))
        };
        usable.and(relation)
    }

    /// For a floating value: that it is (or is not) NaN.
    fn not_a_number(&mut self, e: &Expr, nan: bool) -> Option<Formula> {
        match &e.kind {
            _ if !e.ty.is_floating() => None,
            ExprKind::Literal(Value::Double(v)) => Some(constant(v.is_nan() == nan)),
            ExprKind::Literal(Value::Float(v)) => Some(constant(v.is_nan() == nan)),
            ExprKind::Cast { value, .. } if !value.ty.is_floating() => Some(constant(!nan)),
            _ => match self.single(e) {
                Some(term) if self.terms.is_floating(term) => Some(Literal::Nan(term, nan).into()),
                Some(_) => Some(constant(!nan)),
                None => Some(self.statement("nan", e, nan)),
            },
        }
    }

    /// The two values, neither null nor NaN, stand in this relation; `None`: not looked into.
    fn relation(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Formula> {
        match (&left.ty, &right.ty) {
            (Type::String, Type::String) => self.text_relation(op, left, right),
            (a, b) if is_number(a) && is_number(b) => {
                let (a, b) = (self.linear(left)?, self.linear(right)?);
                compare_to_zero(op, a.minus(b)?)
            }
            _ => self.sameness(op, left, right),
        }
    }

    fn sameness(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Formula> {
        let equal = match op {
            BinaryOp::Equal => true,
            BinaryOp::NotEqual => false,
            _ => return None,
        };
        let (left, right) = (self.terms.term(left), self.terms.term(right));
        Some(Literal::Same { left, right, equal }.into())
    }

    fn text_relation(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Formula> {
        let (value, text, op) = match (&left.kind, &right.kind) {
            (ExprKind::Literal(Value::String(a)), ExprKind::Literal(Value::String(b))) => {
                return Some(constant(op.holds(a.cmp(b))));
            }
            (_, ExprKind::Literal(Value::String(text))) => (left, text, op),
            (ExprKind::Literal(Value::String(text)), _) => (right, text, mirrored(op)),
            _ => return self.sameness(op, left, right),
        };
        let term = self.terms.term(value);
        let (side, strict) = match op {
            BinaryOp::Equal | BinaryOp::NotEqual => {
                let list = Rc::new(vec![text.clone()]);
                return Some(Literal::Texts { term, list, inside: op == BinaryOp::Equal }.into());
            }
            BinaryOp::Less => (Side::Below, true),
            BinaryOp::LessEqual => (Side::Below, false),
            BinaryOp::Greater => (Side::Above, true),
            _ => (Side::Above, false),
        };
        Some(Literal::TextBound { term, side, limit: text.as_str().into(), strict }.into())
    }

    fn distinct(&mut self, left: &Expr, right: &Expr, wanted: bool) -> Formula {
        if left.ty.is_floating() || right.ty.is_floating() {
            let about = format!("distinct {}", super::key(right));
            return self.statement(&about, left, wanted);
        }
        let (null_left, null_right) = (self.null(left), self.null(right));
        let computed = self.computed(left).and(self.computed(right));
        let pairs = if wanted {
            let first = null_left.and(self.defined(right));
            first.or(self.defined(left).and(null_right))
        } else {
            null_left.and(null_right)
        };
        let op = if wanted { BinaryOp::NotEqual } else { BinaryOp::Equal };
        computed.and(pairs.or(self.comparison(op, left, right, true)))
    }

    fn membership(&mut self, value: &Expr, list: &[Expr], wanted: bool) -> Formula {
        let constants: Option<Vec<&Value>> = list
            .iter()
            .map(|item| match &item.kind {
                ExprKind::Literal(v) => Some(v),
                _ => None,
            })
            .collect();
        let has_null = constants.as_ref().is_some_and(|c| c.contains(&&Value::Null));
        if !wanted && has_null {
            return Formula::False;
        }
        if let Some(listing) = constants.and_then(|constants| self.listing(value, &constants, wanted)) {
            return listing;
        }
        let parts: Vec<Formula> = list
            .iter()
            .filter(|item| !matches!(item.kind, ExprKind::Literal(Value::Null)))
            .map(|item| self.comparison(BinaryOp::Equal, value, item, wanted))
            .collect();
        if wanted { Formula::any(parts) } else { Formula::all(parts) }
    }

    /// That a value is one of these constants, or none of them.
    pub fn listing(&mut self, value: &Expr, constants: &[&Value], inside: bool) -> Option<Formula> {
        let mut relation = self.listed(value, constants, inside)?;
        if let Some(nan) = self.not_a_number(value, !inside) {
            relation = if inside { relation.and(nan) } else { relation.or(nan) };
        }
        Some(Formula::all([self.defined(value), self.computed(value), relation]))
    }

    fn listed(&mut self, value: &Expr, constants: &[&Value], inside: bool) -> Option<Formula> {
        let constants = constants.iter().filter(|c| ***c != Value::Null);
        if value.ty == Type::String {
            let mut list = constants
                .map(|c| match c {
                    Value::String(text) => Some(text.clone()),
                    _ => None,
                })
                .collect::<Option<Vec<String>>>()?;
            list.sort();
            list.dedup();
            if matches!(value.kind, ExprKind::Literal(_)) {
                return None;
            }
            let term = self.terms.term(value);
            return Some(Literal::Texts { term, list: Rc::new(list), inside }.into());
        }
        if !is_number(&value.ty) {
            return None;
        }
        let linear = self.linear(value)?;
        let [(term, factor)] = linear.parts[..] else { return None };
        let shifted = |c: &&Value| Number::of(c)?.sub(linear.constant)?.div(factor);
        let mut list = constants.map(shifted).collect::<Option<Vec<Number>>>()?;
        list.sort();
        list.dedup();
        Some(Literal::Numbers { term, list: Rc::new(list), inside }.into())
    }

    fn pattern(&mut self, value: &Expr, pattern: Pattern, inside: bool) -> Formula {
        let usable = self.defined(value).and(self.computed(value));
        let term = self.terms.term(value);
        let pattern = self.terms.add_pattern(pattern);
        usable.and(Literal::Pattern { term, pattern, inside }.into())
    }

    /// The one term whose value this is.
    fn single(&mut self, e: &Expr) -> Option<TermId> {
        let linear = self.linear(e)?;
        match linear.parts[..] {
            [(term, factor)] if factor == Number::ONE && linear.constant.is_zero() => Some(term),
            _ => None,
        }
    }

    /// The value as a sum, where arithmetic is exact; a term of its own else.
    fn linear(&mut self, e: &Expr) -> Option<Linear> {
        let exact = match &e.kind {
            ExprKind::Literal(value) => return Some(Linear { parts: Vec::new(), constant: Number::of(value)? }),
            ExprKind::Cast { value, .. } if known::keeps_value(&value.ty, &e.ty) => return self.linear(value),
            ExprKind::Negate(value) if !e.ty.is_floating() => {
                return self.linear(value)?.times(Number::whole(-1));
            }
            ExprKind::Binary { op: op @ (BinaryOp::Add | BinaryOp::Subtract), left, right }
                if adds_exactly(e, left, right) =>
            {
                let (a, b) = (self.linear(left)?, self.linear(right)?);
                let (ours, theirs) = (day_factor(&left.ty, &e.ty), day_factor(&right.ty, &e.ty));
                let (a, b) = (a.times(ours)?, b.times(theirs)?);
                if *op == BinaryOp::Add { a.plus(b) } else { a.minus(b) }
            }
            ExprKind::Binary { op: BinaryOp::Multiply, left, right } if multiplies_exactly(e, left, right) => {
                let (a, b) = (self.linear(left)?, self.linear(right)?);
                match (a.parts.is_empty(), b.parts.is_empty()) {
                    (_, true) => a.times(b.constant),
                    (true, _) => b.times(a.constant),
                    _ => None,
                }
            }
            _ => None,
        };
        exact.or_else(|| {
            let term = self.terms.term(e);
            matches!(self.terms.get(term).sort, Sort::Number { .. })
                .then(|| Linear { parts: vec![(term, Number::ONE)], constant: Number::ZERO })
        })
    }
}

impl Linear {
    fn times(mut self, factor: Number) -> Option<Self> {
        for (_, f) in &mut self.parts {
            *f = f.mul(factor)?;
        }
        self.parts.retain(|(_, f)| !f.is_zero());
        self.constant = self.constant.mul(factor)?;
        Some(self)
    }

    fn plus(mut self, other: Self) -> Option<Self> {
        for (term, factor) in other.parts {
            match self.parts.iter_mut().find(|(t, _)| *t == term) {
                Some((_, f)) => *f = f.add(factor)?,
                None => self.parts.push((term, factor)),
            }
        }
        self.parts.retain(|(_, f)| !f.is_zero());
        self.constant = self.constant.add(other.constant)?;
        Some(self)
    }

    fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.times(Number::whole(-1))?)
    }
}

fn compare_to_zero(op: BinaryOp, linear: Linear) -> Option<Formula> {
    let limit = linear.constant.negate();
    match linear.parts[..] {
        [] => Some(constant(op.holds(linear.constant.cmp(&Number::ZERO)))),
        [(term, factor)] => {
            let limit = limit.div(factor)?;
            let op = if factor.is_negative() { mirrored(op) } else { op };
            let bound = |side, strict| Some(Literal::Bound { term, side, limit, strict }.into());
            match op {
                BinaryOp::Less => bound(Side::Below, true),
                BinaryOp::LessEqual => bound(Side::Below, false),
                BinaryOp::Greater => bound(Side::Above, true),
                BinaryOp::GreaterEqual => bound(Side::Above, false),
                _ => {
                    let list = Rc::new(vec![limit]);
                    Some(Literal::Numbers { term, list, inside: op == BinaryOp::Equal }.into())
                }
            }
        }
        _ => {
            let mut parts = linear.parts;
            parts.sort_by_key(|(t, _)| *t);
            let turned = parts.iter().map(|(t, f)| (*t, f.negate())).collect();
            let below = |strict| Formula::from(Literal::Sum(Rc::new(Sum { parts: parts.clone(), limit, strict })));
            let above =
                |strict| Formula::from(Literal::Sum(Rc::new(Sum { parts: turned, limit: limit.negate(), strict })));
            Some(match op {
                BinaryOp::Less => below(true),
                BinaryOp::LessEqual => below(false),
                BinaryOp::Greater => above(true),
                BinaryOp::GreaterEqual => above(false),
                BinaryOp::Equal => below(false).and(above(false)),
                _ => below(true).or(above(true)),
            })
        }
    }
}

fn constant(holds: bool) -> Formula {
    if holds { Formula::True } else { Formula::False }
}

fn is_number(ty: &Type) -> bool {
    ty.is_numeric() || ty.is_temporal() || matches!(ty, Type::Time | Type::Interval | Type::MonthInterval)
}

fn scale(ty: &Type) -> Option<u8> {
    match ty {
        Type::Decimal { scale, .. } => Some(*scale),
        ty if ty.is_integer() => Some(0),
        _ => None,
    }
}

/// Whether the sum of the two counts is the result's: of integers and decimals without rounding, of times in
/// microseconds.
fn adds_exactly(e: &Expr, left: &Expr, right: &Expr) -> bool {
    let instant = |t: &Type| matches!(t, Type::Timestamp | Type::TimestampNtz);
    match (&left.ty, &right.ty, &e.ty) {
        (a, b, c) if scale(a).is_some() && scale(b).is_some() => {
            scale(c).is_some_and(|s| Some(s) >= scale(a) && Some(s) >= scale(b))
        }
        (a, b, Type::Interval) => {
            instant(a) && a == b || matches!((a, b), (Type::Interval, Type::Interval) | (Type::Date, Type::Date))
        }
        (a, Type::Interval, c) | (Type::Interval, a, c) => instant(a) && a == c,
        (Type::Date, b, Type::Date) => b.is_integer(),
        (Type::Date, Type::Date, c) => c.is_integer(),
        _ => false,
    }
}

/// Dates are counted in days, the time between them in microseconds.
fn day_factor(from: &Type, to: &Type) -> Number {
    if *from == Type::Date && *to == Type::Interval { Number::whole(86_400_000_000) } else { Number::ONE }
}

fn multiplies_exactly(e: &Expr, left: &Expr, right: &Expr) -> bool {
    match (scale(&left.ty), scale(&right.ty), scale(&e.ty)) {
        (Some(a), Some(b), Some(c)) => u16::from(c) >= u16::from(a) + u16::from(b),
        _ => {
            e.ty == Type::Interval
                && ((left.ty == Type::Interval && right.ty.is_integer())
                    || (right.ty == Type::Interval && left.ty.is_integer()))
        }
    }
}

/// The comparison that holds exactly where this one does not.
fn opposite(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Equal => BinaryOp::NotEqual,
        BinaryOp::NotEqual => BinaryOp::Equal,
        BinaryOp::Less => BinaryOp::GreaterEqual,
        BinaryOp::LessEqual => BinaryOp::Greater,
        BinaryOp::Greater => BinaryOp::LessEqual,
        BinaryOp::GreaterEqual => BinaryOp::Less,
        other => other,
    }
}

/// The same comparison with the sides exchanged.
fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEqual => BinaryOp::GreaterEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEqual => BinaryOp::LessEqual,
        other => other,
    }
}
