//! Values that meet what a column claims, the same each time, and rows that meet or break a rule.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::check::facts::witness::{self, Blank};
use crate::check::facts::{Facts, Formula, Pattern, each_part, matching};
use crate::eval::{cast, value};
use crate::hir::{Column, Contract, Expr, ExprKind, Rule, RuleKind, Type, Value};
use crate::stdlib::samples;

use super::judge::{Verdict, judge, show};
use super::world::{CLOCK, Row, World};

/// How many values may be tried for a column before it is left as it is.
const TRIES: usize = 20_000;
/// How many rows may be tried for an example.
const ROWS: usize = 4_000;

/// Fills columns of one contract.
pub struct Filler<'a> {
    contract: &'a Contract,
    found: RefCell<BTreeMap<&'a str, Vec<Value>>>,
}

impl<'a> Filler<'a> {
    pub fn of(contract: &'a Contract) -> Self {
        Filler { contract, found: RefCell::default() }
    }

    /// What the column holds in the row of that number, from 0: null if it may be, else a value that meets the column's
    /// own claims; of a key, another one in each row.
    pub fn value(&self, column: &str, row: usize) -> Value {
        match self.contract.column(column) {
            Some(c) if !c.nullable => self.present(c, row),
            _ => Value::Null,
        }
    }

    fn present(&self, column: &'a Column, row: usize) -> Value {
        let apart = column.key || self.contract.rules.iter().any(|r| r.name == format!("{}.unique", column.name));
        let wanted = if apart { row } else { 0 };
        let mut found = self.found.borrow_mut();
        let values = found.entry(&column.name).or_default();
        if values.len() <= wanted {
            *values = some(self.contract, column, wanted + 1);
        }
        values.get(wanted).or(values.first()).cloned().unwrap_or_else(|| plain(&column.ty, row))
    }
}

/// Some different values that meet the column's own claims.
pub fn some(contract: &Contract, column: &Column, count: usize) -> Vec<Value> {
    let claims = claims(contract, column);
    let mut found: Vec<Value> = Vec::new();
    for value in candidates(column, &claims, count).take(TRIES) {
        if accepts(&claims, column, &value) && !found.iter().any(|v| value::same(v, &value)) {
            found.push(value);
            if found.len() == count {
                break;
            }
        }
    }
    found
}

/// The conditions on a column alone.
pub fn claims<'c>(contract: &'c Contract, column: &Column) -> Vec<&'c Expr> {
    let own = |rule: &&Rule| rule.name.strip_prefix(column.name.as_str()).is_some_and(|rest| rest.starts_with('.'));
    let condition = |rule: &'c Rule| match &rule.kind {
        RuleKind::Row { condition } if rule.when.is_none() => Some(condition),
        _ => None,
    };
    contract
        .rules
        .iter()
        .filter(own)
        .filter_map(condition)
        .filter(|e| e.columns().into_iter().all(|c| c == column.name))
        .collect()
}

/// Whether a value meets a column's claims.
pub fn accepts(claims: &[&Expr], column: &Column, value: &Value) -> bool {
    let scope = One { name: &column.name, value };
    claims.iter().all(|claim| crate::eval::holds(claim, &scope) == Ok(Some(true)))
}

struct One<'a> {
    name: &'a str,
    value: &'a Value,
}

impl crate::eval::Scope for One<'_> {
    fn column(&self, name: &str) -> Option<Value> {
        (name == self.name).then(|| self.value.clone())
    }

    fn now(&self) -> i64 {
        CLOCK
    }
}

/// Values worth trying, the plainest first.
fn candidates<'c>(column: &'c Column, claims: &[&'c Expr], count: usize) -> Box<dyn Iterator<Item = Value> + 'c> {
    if let Some(values) = &column.values {
        return Box::new(values.iter().cloned());
    }
    let near = near_literals(claims, &column.ty);
    if column.ty != Type::String {
        return Box::new((0..2_000).map(|i| plain(&column.ty, i)).chain(near));
    }
    let known: Vec<String> = column.type_name.iter().flat_map(|t| samples::accepted(t)).cloned().collect();
    let patterns = if known.is_empty() { from_patterns(claims, count) } else { Vec::new() };
    let seeds: Vec<String> = known.into_iter().chain(patterns).collect();
    let first = seeds.first().cloned();
    let variants = (1..TRIES).filter_map(move |n| first.as_ref().map(|s| variant(s, n)));
    let plain = (0..50).map(|i| plain(&Type::String, i));
    let lengths = (0..60).map(|n| Value::String("a".repeat(n)));
    Box::new(
        seeds.into_iter().map(Value::String).chain(near).chain(plain).chain(lengths).chain(variants.map(Value::String)),
    )
}

/// An unremarkable value of a type; `i` makes others.
pub fn plain(ty: &Type, i: usize) -> Value {
    let n = i64::try_from(i).unwrap_or(0);
    match ty {
        Type::Boolean => Value::Bool(i.is_multiple_of(2)),
        Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt => Value::Int(n + 1),
        Type::Decimal { scale, .. } => {
            cast::cast(Value::Int(n + 1), ty).unwrap_or(Value::Decimal { unscaled: i128::from(n), scale: *scale })
        }
        Type::Float => Value::Float((n + 1) as f32),
        Type::Double => Value::Double((n + 1) as f64),
        Type::String => Value::String(match i {
            0..26 => char::from(b'a' + u8::try_from(i).unwrap_or(0)).to_string(),
            _ => format!("a{i}"),
        }),
        Type::Binary => Value::Binary(n.to_le_bytes().into_iter().take(2).collect()),
        // the days before the clock's
        Type::Date => Value::Date(i32::try_from(CLOCK / crate::eval::zone::DAY - 1 - n).unwrap_or(0)),
        Type::Timestamp => Value::Timestamp(CLOCK - (n + 24) * crate::eval::zone::HOUR),
        Type::TimestampNtz => Value::TimestampNtz(CLOCK - (n + 24) * crate::eval::zone::HOUR),
        Type::Time => Value::Time(n * crate::eval::zone::MINUTE),
        Type::Interval => Value::Interval(n * crate::eval::zone::HOUR),
        Type::MonthInterval => Value::MonthInterval(i32::try_from(n).unwrap_or(0)),
        Type::Array { item, .. } => Value::Array((0..i).map(|k| plain(item, k)).collect()),
        Type::Map { key, value, .. } => Value::Map((0..i).map(|k| (plain(key, k), plain(value, k))).collect()),
        Type::Struct(fields) => {
            let field =
                |f: &crate::hir::Field| (f.name.clone(), if f.nullable { Value::Null } else { plain(&f.ty, i) });
            Value::Struct(fields.iter().map(field).collect())
        }
        Type::Error | Type::Null => Value::Null,
    }
}

/// The literals of conditions as values of a type, and their neighbours.
fn near_literals(exprs: &[&Expr], ty: &Type) -> Vec<Value> {
    let mut found = Vec::new();
    for expr in exprs {
        each_part(expr, &mut |part| {
            let ExprKind::Literal(literal) = &part.kind else { return };
            if *literal == Value::Null || matches!(ty, Type::String) != matches!(literal, Value::String(_)) {
                return;
            }
            if let Ok(value) = cast::cast(literal.clone(), ty) {
                found.extend(step(&value, 1));
                found.extend(step(&value, -1));
                found.insert(0, value);
            }
        });
    }
    found
}

/// The neighbour of a value: the next whole number, digit, day, minute.
pub fn step(value: &Value, by: i64) -> Option<Value> {
    use crate::eval::zone::MINUTE;
    Some(match value {
        Value::Int(n) => Value::Int(n.checked_add(by)?),
        Value::Decimal { unscaled, scale } => {
            Value::Decimal { unscaled: unscaled.checked_add(i128::from(by))?, scale: *scale }
        }
        Value::Float(x) => Value::Float(x + by as f32),
        Value::Double(x) if x.abs() <= 1.0 && *x != 0.0 => Value::Double(((x * 100.0) + by as f64).round() / 100.0),
        Value::Double(x) => Value::Double(x + by as f64),
        Value::Date(d) => Value::Date(d.checked_add(i32::try_from(by).ok()?)?),
        Value::Timestamp(t) => Value::Timestamp(t.checked_add(by * MINUTE)?),
        Value::TimestampNtz(t) => Value::TimestampNtz(t.checked_add(by * MINUTE)?),
        Value::Time(t) => Value::Time(t.checked_add(by * MINUTE)?),
        Value::Interval(t) => Value::Interval(t.checked_add(by * MINUTE)?),
        Value::MonthInterval(n) => Value::MonthInterval(n.checked_add(i32::try_from(by).ok()?)?),
        Value::Bool(b) => Value::Bool(!b),
        _ => return None,
    })
}

/// Texts that match what the claims ask for.
fn from_patterns(claims: &[&Expr], count: usize) -> Vec<String> {
    let mut patterns = Vec::new();
    for claim in claims {
        asked(claim, &mut patterns);
    }
    let with: Vec<&Pattern> = patterns.iter().collect();
    matching(&with, count.min(8))
}

/// The patterns that a condition asks for whatever else it asks.
fn asked(expr: &Expr, found: &mut Vec<Pattern>) {
    match &expr.kind {
        ExprKind::Binary { op: crate::hir::BinaryOp::And, left, right } => {
            asked(left, found);
            asked(right, found);
        }
        ExprKind::Matches { value, pattern } if matches!(value.kind, ExprKind::Column(_)) => {
            found.push(Pattern::regex(pattern));
        }
        _ => {}
    }
}

/// The text with its digits and letters counted on by `n`, from the last one.
fn variant(text: &str, mut n: usize) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for c in chars.iter_mut().rev() {
        let (first, size) = match c {
            '0'..='9' => ('0', 10),
            'a'..='z' => ('a', 26),
            'A'..='Z' => ('A', 26),
            _ => continue,
        };
        let digit = (u32::from(*c) - u32::from(first)) as usize + n % size;
        n = n / size + digit / size;
        *c = char::from_u32(u32::from(first) + u32::try_from(digit % size).unwrap_or(0)).unwrap_or(*c);
        if n == 0 {
            break;
        }
    }
    chars.into_iter().collect()
}

/// A row that a rule lets through and one that breaks it, as small as they come: the columns that the rule reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examples {
    pub passes: Option<Vec<(String, Value)>>,
    pub breaks: Option<Vec<(String, Value)>>,
}

/// Examples for a row rule; none for other rules, or where none was found.
pub fn examples(contract: &Contract, rule: &Rule) -> Examples {
    let RuleKind::Row { condition } = &rule.kind else { return Examples::default() };
    let read = read_by(&[rule]);
    let shown = |row: Row| row.values.into_iter().filter(|(name, _)| read.contains(name)).collect();
    let exprs: Vec<&Expr> = rule.when.iter().chain([condition]).collect();
    let verdict = |row: &Row| verdict(contract, rule, row);
    let of = |wanted: &Verdict| {
        let found = find(contract, &read, &exprs, &|row| verdict(row) == *wanted);
        match found {
            Some((row, true)) => Some(row),
            // Two columns may have to move together, which the facts can tell.
            other => solved(contract, rule, &read, wanted).or(other.map(|(row, _)| row)),
        }
    };
    Examples { passes: of(&Verdict::Holds).map(shown), breaks: of(&Verdict::Breaks).map(shown) }
}

/// A row as the facts find it, which the claims of all columns let through.
fn solved(contract: &Contract, rule: &Rule, read: &[String], wanted: &Verdict) -> Option<Row> {
    let columns: Vec<&Column> = contract.columns.iter().filter(|c| read.contains(&c.name)).collect();
    let own = |r: &&Rule| columns.iter().any(|c| r.name.strip_prefix(&c.name).is_some_and(|rest| rest.starts_with('.')));
    let others: Vec<&Rule> = contract.rules.iter().filter(own).filter(|r| r.name != rule.name).collect();
    let facts = Facts::over(std::iter::once(rule).chain(others.iter().copied()));
    let question = facts.rules.first().filter(|r| r.rule.name == rule.name)?;
    let question = if *wanted == Verdict::Breaks { &question.breaks } else { &question.holds };
    let formulas: Vec<&Formula> = std::iter::once(question).chain(facts.rules.iter().skip(1).map(|r| &r.accepts)).collect();
    let blanks: Vec<Blank> = columns
        .iter()
        .map(|c| Blank { name: &c.name, ty: &c.ty, nullable: c.nullable, known: some(contract, c, 3) })
        .collect();
    let constants: Vec<&Expr> = match &rule.kind {
        RuleKind::Row { condition } => rule.when.iter().chain([condition]).collect(),
        _ => Vec::new(),
    };
    let filler = Filler::of(contract);
    let whole = |values: &Vec<(String, Value)>| {
        let value = |c: &Column| {
            let given = values.iter().find(|(name, _)| *name == c.name).map(|(_, v)| v.clone());
            (c.name.clone(), given.unwrap_or_else(|| filler.value(&c.name, 0)))
        };
        Row { values: contract.columns.iter().map(value).collect(), number: Some(1) }
    };
    let judge = |values: &Vec<(String, Value)>| {
        let row = whole(values);
        verdict(contract, rule, &row) == *wanted && meets_claims(contract, &columns, &row)
    };
    witness::find(&facts, &formulas, &blanks, &constants, &judge).map(|values| whole(&values))
}

/// `amount = 0.00, status = "paid"`
pub fn shown(row: &[(String, Value)]) -> String {
    row.iter().map(|(name, value)| format!("{name} = {}", show(value))).collect::<Vec<_>>().join(", ")
}

/// The columns that row rules read.
pub fn read_by(rules: &[&Rule]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for rule in rules {
        let condition = match &rule.kind {
            RuleKind::Row { condition } => Some(condition),
            _ => None,
        };
        for name in rule.when.iter().chain(condition).flat_map(Expr::columns) {
            if !found.iter().any(|f| f == name) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

/// What a rule says of a batch of this one row.
pub fn verdict(contract: &Contract, rule: &Rule, row: &Row) -> Verdict {
    let world = World::of_rows(contract, CLOCK, vec![row.clone()]);
    judge(&[rule], &world).pop().map_or(Verdict::NotEvaluated(String::new()), |j| j.verdict)
}

/// A row that `wanted` takes, and whether it meets the claims of all columns, as it does if there is such a one. Only
/// the columns that are read differ from what a test would fill in; `exprs` hold constants worth trying.
pub fn find(contract: &Contract, read: &[String], exprs: &[&Expr], wanted: &dyn Fn(&Row) -> bool) -> Option<(Row, bool)> {
    let filler = Filler::of(contract);
    let filled = |c: &Column| (c.name.clone(), filler.value(&c.name, 0));
    let base = Row { values: contract.columns.iter().map(filled).collect(), number: Some(1) };
    let columns: Vec<&Column> = contract.columns.iter().filter(|c| read.contains(&c.name)).collect();
    let options: Vec<Vec<Value>> = columns.iter().map(|c| options(contract, c, exprs, 3)).collect();
    let mut second: Option<Row> = None;
    let mut at = vec![0_usize; columns.len()];
    for _ in 0..ROWS {
        let mut row = base.clone();
        for ((column, values), i) in columns.iter().zip(&options).zip(&at) {
            if let (Some(cell), Some(v)) = (row.values.iter_mut().find(|(n, _)| *n == column.name), values.get(*i)) {
                cell.1 = v.clone();
            }
        }
        if wanted(&row) {
            if meets_claims(contract, &columns, &row) {
                return Some((row, true));
            }
            second.get_or_insert(row);
        }
        if !turn(&mut at, &options) {
            break;
        }
    }
    second.map(|row| (row, false))
}

/// The next combination; false after the last one.
pub fn turn(at: &mut [usize], options: &[Vec<Value>]) -> bool {
    for (i, values) in at.iter_mut().zip(options) {
        *i += 1;
        if *i < values.len() {
            return true;
        }
        *i = 0;
    }
    false
}

fn meets_claims(contract: &Contract, columns: &[&Column], row: &Row) -> bool {
    columns.iter().all(|c| {
        let claims = claims(contract, c);
        match row.get(&c.name) {
            Some(Value::Null) => c.nullable,
            Some(value) => accepts(&claims, c, value),
            None => true,
        }
    })
}

/// Values of a column that are worth trying, those first that meet its own claims: `count` of them.
pub fn options(contract: &Contract, column: &Column, exprs: &[&Expr], count: usize) -> Vec<Value> {
    let mut found = some(contract, column, count);
    // one character on: enough to break a check digit
    if let Some(Value::String(first)) = found.first() {
        found.push(Value::String(variant(first, 1)));
    }
    found.extend(near_literals(exprs, &column.ty));
    if column.nullable {
        found.push(Value::Null);
    }
    found.extend(around_the_clock(&column.ty));
    found.extend((0..3).map(|i| plain(&column.ty, i)));
    if let Some(first) = found.first().cloned() {
        found.extend(step(&first, -1));
        found.extend(step(&first, 1));
    }
    found.extend(nested(&column.ty, exprs));
    if column.ty == Type::String {
        found.extend(of_length(exprs));
        found.push(Value::String(String::new()));
    }
    if !column.nullable {
        found.push(Value::Null);
    }
    let mut distinct: Vec<Value> = Vec::new();
    for value in found {
        if !distinct.iter().any(|v| value::same(v, &value)) {
            distinct.push(value);
        }
    }
    distinct.truncate(16 + count);
    distinct
}

/// Now and what is near it, on either side.
fn around_the_clock(ty: &Type) -> Vec<Value> {
    use crate::eval::zone::{DAY, HOUR};
    match ty {
        Type::Date => [1, 0, -1].map(|n| Value::Date(i32::try_from(CLOCK / DAY + n).unwrap_or(0))).into(),
        Type::Timestamp => [HOUR, 0, -HOUR].map(|n| Value::Timestamp(CLOCK + n)).into(),
        Type::TimestampNtz => [HOUR, 0, -HOUR].map(|n| Value::TimestampNtz(CLOCK + n)).into(),
        _ => Vec::new(),
    }
}

/// Texts as long as conditions could ask for.
fn of_length(exprs: &[&Expr]) -> Vec<Value> {
    const LONGEST: i64 = 300;
    let mut found = Vec::new();
    for expr in exprs {
        each_part(expr, &mut |part| {
            if let ExprKind::Literal(Value::Int(n @ 0..=LONGEST)) = &part.kind {
                let lengths = [*n, n + 1, n - 1].into_iter().filter_map(|n| usize::try_from(n).ok());
                found.extend(lengths.map(|n| Value::String("a".repeat(n))));
            }
        });
    }
    found
}

/// Arrays, maps and structs that hold what conditions speak of.
fn nested(ty: &Type, exprs: &[&Expr]) -> Vec<Value> {
    let inner = |ty: &Type| {
        let mut found = near_literals(exprs, ty);
        if *ty == Type::String {
            found.extend(of_length(exprs));
        }
        found
    };
    match ty {
        Type::Array { item, .. } => inner(item).into_iter().map(|v| Value::Array(vec![v])).collect(),
        Type::Struct(fields) => {
            let whole = plain(ty, 0);
            let mut found = Vec::new();
            for (i, field) in fields.iter().enumerate() {
                for value in inner(&field.ty) {
                    let mut one = whole.clone();
                    if let Value::Struct(cells) = &mut one {
                        cells[i].1 = value;
                    }
                    found.push(one);
                }
            }
            found
        }
        _ => Vec::new(),
    }
}
