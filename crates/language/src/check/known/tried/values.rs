//! Values that are worth trying: the constants that rules compare with, what lies next to them, and plain ones.

use crate::check::facts::number::Number;
use crate::check::facts::witness::number_as;
use crate::check::facts::{Pattern, within_reach};
use crate::hir::{Expr, ExprKind, Type, Value};

use super::{Tried, What};

const HOUR: i64 = 3_600_000_000;
/// 2026-01-01
const DAY: i32 = 20_454;
const NOON: i64 = (DAY as i64 * 24 + 12) * HOUR;
pub const NOW: i64 = NOON + 24 * HOUR;
/// No more constants of one rule are looked at.
pub const CONSTANTS: usize = 12;
/// No more values are tried for a slot.
const VALUES: usize = 60;

/// What stands in a rule, or in the rules that read a slot.
#[derive(Default)]
pub struct Constants<'c> {
    pub values: Vec<&'c Value>,
    /// Where texts are asked to match a pattern.
    pub patterns: Vec<&'c Expr>,
}

/// For a slot, the most likely to be let through first.
pub fn worth_trying(tried: &Tried, slot: usize) -> Vec<Value> {
    let own = &tried.slots[slot];
    let mut constants = Constants::default();
    let mut mapped = false;
    for rule in own.rules.iter().take(VALUES).map(|i| &tried.rules[*i]) {
        mapped |= rule.mapped;
        rule.constants.values.iter().for_each(|value| constants.add(value));
        constants.patterns.extend(&rule.constants.patterns);
    }
    let mut found = Vec::with_capacity(8);
    match own.ty {
        Type::String => constants.texts(mapped, &mut found),
        ty => constants.others(ty, &mut found),
    }
    if let What::Batch(expr) = own.what {
        found.retain(within_reach(expr));
    }
    found.truncate(VALUES);
    // A batch condition that is null is not evaluated, which shows nothing.
    if found.is_empty() || matches!(own.what, What::Column(_)) {
        found.push(Value::Null);
    }
    found
}

impl<'c> Constants<'c> {
    pub fn add(&mut self, value: &'c Value) {
        if !self.values.contains(&value) {
            self.values.push(value);
        }
    }

    pub fn within(&mut self, expr: &'c Expr) {
        match &expr.kind {
            ExprKind::Literal(value) if self.values.len() < CONSTANTS => self.add(value),
            _ => expr.each_operand(&mut |e| self.within(e)),
        }
    }

    /// Texts that match what is asked for.
    fn samples(&self) -> impl Iterator<Item = String> {
        self.patterns.iter().filter_map(|e| match &e.kind {
            ExprKind::Matches { pattern, .. } => Pattern::regex(pattern).sample().map(str::to_owned),
            ExprKind::Like { pattern, escape, insensitive, .. } => match &pattern.kind {
                ExprKind::Literal(Value::String(text)) => Pattern::like(text, *escape, *insensitive).sample().map(str::to_owned),
                _ => None,
            },
            _ => None,
        })
    }

    fn texts(self, mapped: bool, found: &mut Vec<Value>) {
        let mut add = |text: String| found.push(Value::String(text));
        self.samples().for_each(&mut add);
        if mapped {
            ["1", "2026-01-01T12:00:00Z", "2026-01-01", "true", "0"].into_iter().for_each(|t| add(t.to_owned()));
        }
        for value in &self.values {
            match value {
                Value::String(text) => add(text.clone()),
                // A length, perhaps.
                Value::Int(n @ 0..=300) => {
                    let n = *n as usize;
                    [n, n + 1, n.saturating_sub(1)].into_iter().for_each(|n| add("a".repeat(n)));
                }
                _ => {}
            }
            if let (true, Some(number)) = (mapped, Number::of(value)) {
                add(number.to_string());
            }
        }
        ["a", "A", "", " a"].into_iter().for_each(|t| add(t.to_owned()));
    }

    fn others(self, ty: &Type, found: &mut Vec<Value>) {
        let mut add = |value: Value| {
            if !found.contains(&value) {
                found.push(value);
            }
        };
        let instant = |at: i64| match ty {
            Type::Timestamp => Value::Timestamp(at),
            _ => Value::TimestampNtz(at),
        };
        match ty {
            Type::Boolean => [true, false].into_iter().for_each(|b| add(Value::Bool(b))),
            Type::Binary => [vec![0], Vec::new()].into_iter().for_each(|b| add(Value::Binary(b))),
            Type::Array { .. } | Type::Map { .. } | Type::Struct(_) => add(plain(ty)),
            Type::Timestamp | Type::TimestampNtz => {
                add(instant(NOON));
                for value in &self.values {
                    match value {
                        Value::Timestamp(at) | Value::TimestampNtz(at) => {
                            [0, 1, -1].into_iter().for_each(|by| add(instant(at.saturating_add(by))));
                        }
                        Value::Interval(by) => {
                            let ends = [NOON.saturating_add(*by), NOON.saturating_sub(*by)];
                            ends.into_iter().for_each(|at| add(instant(at)));
                        }
                        _ => {}
                    }
                }
                [-1, 1, -24, 24, -9_000, 9_000].into_iter().for_each(|hours| add(instant(NOON + hours * HOUR)));
            }
            Type::Date => {
                add(Value::Date(DAY));
                for value in &self.values {
                    if let Value::Date(day) = value {
                        [0, 1, -1].into_iter().for_each(|by| add(Value::Date(day.saturating_add(by))));
                    }
                }
                [-1, 1, -400, 400].into_iter().for_each(|by| add(Value::Date(DAY + by)));
            }
            _ => {
                let constants = self.values.iter().filter_map(|v| Number::of(v));
                let near = constants.flat_map(|n| [0, 1, -1].map(|by| n.add(Number::whole(by)))).flatten();
                let plain = [0, -1, 100, 1_000_000_000].map(Number::whole).into_iter().chain(Number::decimal(5, 1));
                let all = std::iter::once(Number::ONE).chain(near).chain(plain);
                all.filter_map(|n| number_as(n, ty).filter(|v| fits(v, ty))).for_each(add);
            }
        }
    }
}

/// A decimal has no more digits than its type.
fn fits(value: &Value, ty: &Type) -> bool {
    match (value, ty) {
        (Value::Decimal { unscaled, .. }, Type::Decimal { precision, .. }) => {
            10i128.checked_pow(u32::from(*precision)).is_some_and(|most| unscaled.abs() < most)
        }
        _ => true,
    }
}

fn plain(ty: &Type) -> Value {
    match ty {
        Type::Array { item, .. } => Value::Array(vec![plain(item)]),
        Type::Map { key, value, .. } => Value::Map(vec![(plain(key), plain(value))]),
        Type::Struct(fields) => Value::Struct(fields.iter().map(|f| (f.name.clone(), plain(&f.ty))).collect()),
        Type::String => Value::String("a".to_owned()),
        Type::Boolean => Value::Bool(true),
        Type::Binary => Value::Binary(vec![0]),
        Type::Timestamp => Value::Timestamp(NOON),
        Type::TimestampNtz => Value::TimestampNtz(NOON),
        Type::Date => Value::Date(DAY),
        ty => number_as(Number::ONE, ty).unwrap_or(Value::Null),
    }
}
