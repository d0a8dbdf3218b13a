//! The expressions that facts are about, each under one number however often it is written.

use std::collections::HashMap;

use super::formula::{PatternId, TermId};
use super::key::key;
use super::known;
use super::number::Number;
use super::text::Pattern;
use crate::hir::{Expr, ExprKind, Type, Value};

/// What values a term can have when it is not null.
#[derive(Clone, Debug, PartialEq)]
pub enum Sort {
    /// `step`: every value is a whole multiple of it. `floating`: NaN and the infinities are among the values.
    Number {
        low: Option<Number>,
        high: Option<Number>,
        step: Option<Number>,
        floating: bool,
    },
    Text,
    Flag,
    Other,
}

#[derive(Clone, Debug)]
pub struct Term {
    pub expr: Expr,
    pub sort: Sort,
    /// The text whose length this is.
    pub length_of: Option<TermId>,
    /// The length of this text, where it is spoken of.
    pub length: Option<TermId>,
    /// The columns in it, itself for a column.
    pub columns: Vec<TermId>,
}

/// All terms, patterns and statements of one contract.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    list: Vec<Term>,
    columns: HashMap<String, TermId>,
    others: HashMap<String, TermId>,
    statements: HashMap<String, u32>,
    patterns: Vec<Pattern>,
}

impl Terms {
    pub fn get(&self, term: TermId) -> &Term {
        &self.list[term as usize]
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn length(&self, text: TermId) -> Option<TermId> {
        self.get(text).length
    }

    pub fn step(&self, term: TermId) -> Option<Number> {
        match &self.get(term).sort {
            Sort::Number { step, .. } => *step,
            _ => None,
        }
    }

    pub fn is_floating(&self, term: TermId) -> bool {
        matches!(self.get(term).sort, Sort::Number { floating: true, .. })
    }

    pub fn pattern(&self, pattern: PatternId) -> &Pattern {
        &self.patterns[pattern as usize]
    }

    pub fn find_column(&self, name: &str) -> Option<TermId> {
        self.columns.get(name).copied()
    }

    /// The columns met so far.
    pub fn column_names(&self) -> impl Iterator<Item = (&str, TermId)> {
        self.columns.iter().map(|(name, term)| (name.as_str(), *term))
    }

    /// The number of an expression that is not looked into.
    pub fn term(&mut self, expr: &Expr) -> TermId {
        if let ExprKind::Column(name) = &expr.kind {
            if let Some(id) = self.columns.get(name) {
                return *id;
            }
            let id = self.push(expr, sort_of(&expr.ty), None, Vec::new());
            self.list[id as usize].columns.push(id);
            self.columns.insert(name.clone(), id);
            return id;
        }
        let key = key(expr);
        if let Some(id) = self.others.get(&key) {
            return *id;
        }
        let mut columns = Vec::new();
        self.columns_in(expr, &mut columns);
        let length_of = match &expr.kind {
            ExprKind::Call { function, args } if function == "length" => {
                args.first().filter(|a| a.ty == Type::String).map(|a| self.term(a))
            }
            _ => None,
        };
        let id = self.push(expr, known::narrow(expr, sort_of(&expr.ty)), length_of, columns);
        if let Some(text) = length_of {
            self.list[text as usize].length = Some(id);
        }
        self.others.insert(key, id);
        id
    }

    /// Whether this is the term of an expression.
    pub fn is_of(&self, term: TermId, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Column(name) => self.columns.get(name) == Some(&term),
            _ => self.others.get(&key(expr)) == Some(&term),
        }
    }

    fn push(&mut self, expr: &Expr, sort: Sort, length_of: Option<TermId>, columns: Vec<TermId>) -> TermId {
        self.list.push(Term { expr: expr.clone(), sort, length_of, length: None, columns });
        (self.list.len() - 1) as TermId
    }

    /// The terms of all columns that a value is made of.
    pub fn columns_in(&mut self, expr: &Expr, found: &mut Vec<TermId>) {
        if matches!(expr.kind, ExprKind::Column(_)) {
            let id = self.term(expr);
            if !found.contains(&id) {
                found.push(id);
            }
        }
        if !matches!(expr.kind, ExprKind::Aggregate(_) | ExprKind::History { .. } | ExprKind::Drift { .. }) {
            expr.each_child(&mut |child| self.columns_in(child, found));
        }
    }

    /// The number of a statement, such as "this cannot be computed".
    pub fn statement(&mut self, about: &str, expr: &Expr) -> u32 {
        let next = self.statements.len() as u32;
        let mut text = key(expr);
        text.push(' ');
        text.push_str(about);
        *self.statements.entry(text).or_insert(next)
    }

    pub fn statements(&self) -> usize {
        self.statements.len()
    }

    pub fn add_pattern(&mut self, pattern: Pattern) -> PatternId {
        if let Some(i) = self.patterns.iter().position(|p| p.source == pattern.source) {
            return i as PatternId;
        }
        self.patterns.push(pattern);
        (self.patterns.len() - 1) as PatternId
    }
}

/// The least and the greatest value of a type.
pub fn range(ty: &Type) -> (Option<Number>, Option<Number>) {
    match sort_of(ty) {
        Sort::Number { low, high, .. } => (low, high),
        _ => (None, None),
    }
}

/// Whether an expression can have a value, as far as its type and its function tell.
pub fn within_reach(expr: &Expr) -> impl Fn(&Value) -> bool {
    let (low, high) = match known::narrow(expr, sort_of(&expr.ty)) {
        Sort::Number { low, high, .. } => (low, high),
        _ => (None, None),
    };
    move |value| Number::of(value).is_none_or(|n| low.is_none_or(|l| n >= l) && high.is_none_or(|h| n <= h))
}

fn sort_of(ty: &Type) -> Sort {
    let whole = |low: Option<i128>, high: Option<i128>| Sort::Number {
        low: low.map(Number::whole),
        high: high.map(Number::whole),
        step: Some(Number::ONE),
        floating: false,
    };
    match ty {
        Type::TinyInt => whole(Some(i8::MIN.into()), Some(i8::MAX.into())),
        Type::SmallInt => whole(Some(i16::MIN.into()), Some(i16::MAX.into())),
        Type::Int => whole(Some(i32::MIN.into()), Some(i32::MAX.into())),
        Type::BigInt => whole(Some(i64::MIN.into()), Some(i64::MAX.into())),
        Type::Date | Type::Timestamp | Type::TimestampNtz | Type::Interval | Type::MonthInterval => whole(None, None),
        Type::Time => whole(Some(0), Some(86_400_000_000 - 1)),
        Type::Decimal { precision, scale } => {
            let most = 10i128.checked_pow(u32::from(*precision)).and_then(|p| Number::decimal(p - 1, *scale));
            Sort::Number {
                low: most.map(Number::negate),
                high: most,
                step: Number::decimal(1, *scale),
                floating: false,
            }
        }
        Type::Float | Type::Double => Sort::Number { low: None, high: None, step: None, floating: true },
        Type::String => Sort::Text,
        Type::Boolean => Sort::Flag,
        _ => Sort::Other,
    }
}
