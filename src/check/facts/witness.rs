//! Example rows: values for columns, guessed from what the solver found, and shown to whoever can judge them.

use super::number::Number;
use super::solve::{Answer, Model};
use super::{Facts, Formula};
use crate::hir::{Expr, ExprKind, Type, Value};

/// A value for each column, in the columns' order.
pub type Row = Vec<(String, Value)>;

/// How many rows may be shown to the judge.
const TRIES: usize = 600;

/// What is known of a column that is to be filled.
pub struct Blank<'c> {
    pub name: &'c str,
    pub ty: &'c Type,
    pub nullable: bool,
}

/// A row of these columns that `judge` takes, near to where the formulas say that one is. `constants` are
/// conditions whose literals are worth trying. `None`: none was found, which proves nothing.
pub fn find(
    facts: &Facts,
    formulas: &[&Formula],
    columns: &[Blank],
    constants: &[&Expr],
    judge: &dyn Fn(&Row) -> bool,
) -> Option<Row> {
    let model = match facts.solve(formulas) {
        Answer::No => return None,
        Answer::Maybe(model) => *model,
        Answer::Undecided => Model::default(),
    };
    let mut row: Row = columns.iter().map(|c| (c.name.to_owned(), from_model(facts, &model, c))).collect();
    if judge(&row) {
        return Some(row);
    }
    let options: Vec<Vec<Value>> = columns.iter().map(|c| worth_trying(c, constants)).collect();
    let mut tries = TRIES;
    // One column changed, then two, from what the solver says.
    for i in 0..columns.len() {
        for value in &options[i] {
            let old = std::mem::replace(&mut row[i].1, value.clone());
            if judge(&row) {
                return Some(row);
            }
            row[i].1 = old;
            tries = tries.checked_sub(1)?;
        }
    }
    for i in 0..columns.len() {
        for j in i + 1..columns.len() {
            let before = (row[i].1.clone(), row[j].1.clone());
            for a in &options[i] {
                for b in &options[j] {
                    row[i].1 = a.clone();
                    row[j].1 = b.clone();
                    if judge(&row) {
                        return Some(row);
                    }
                    tries = tries.checked_sub(1)?;
                }
            }
            (row[i].1, row[j].1) = before;
        }
    }
    None
}

fn from_model(facts: &Facts, model: &Model, column: &Blank) -> Value {
    let Some(term) = facts.terms.find_column(column.name) else { return plain(column) };
    if model.null.get(&term) == Some(&true) {
        return Value::Null;
    }
    if model.nan.get(&term) == Some(&true) {
        return if *column.ty == Type::Float { Value::Float(f32::NAN) } else { Value::Double(f64::NAN) };
    }
    let number = || model.numbers.get(&term).and_then(|n| number_as(*n, column.ty));
    let text = || (*column.ty == Type::String).then(|| model.texts.get(&term).cloned().map(Value::String)).flatten();
    let flag = || (*column.ty == Type::Boolean).then(|| model.flags.get(&term).copied().map(Value::Bool)).flatten();
    number().or_else(text).or_else(flag).unwrap_or_else(|| plain(column))
}

/// A number as a value of a type, if it is one.
pub fn number_as(number: Number, ty: &Type) -> Option<Value> {
    let whole = || number.is_whole().then(|| i64::try_from(number.floor()).ok()).flatten();
    Some(match ty {
        Type::TinyInt => Value::Int(whole().filter(|v| i8::try_from(*v).is_ok())?),
        Type::SmallInt => Value::Int(whole().filter(|v| i16::try_from(*v).is_ok())?),
        Type::Int => Value::Int(whole().filter(|v| i32::try_from(*v).is_ok())?),
        Type::BigInt => Value::Int(whole()?),
        Type::Decimal { scale, .. } => Value::Decimal { unscaled: number.unscaled(*scale)?, scale: *scale },
        Type::Float => Value::Float(number.to_f64() as f32),
        Type::Double => Value::Double(number.to_f64()),
        Type::Date => Value::Date(i32::try_from(whole()?).ok()?),
        Type::Timestamp => Value::Timestamp(whole()?),
        Type::TimestampNtz => Value::TimestampNtz(whole()?),
        Type::Time => Value::Time(whole()?),
        Type::Interval => Value::Interval(whole()?),
        _ => return None,
    })
}

/// 2026-01-01
const DAY: i32 = 20_454;

/// An unremarkable value.
fn plain(column: &Blank) -> Value {
    match column.ty {
        Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt => Value::Int(1),
        Type::Decimal { scale, .. } => {
            number_as(Number::ONE, column.ty).unwrap_or(Value::Decimal { unscaled: 0, scale: *scale })
        }
        Type::Float => Value::Float(1.0),
        Type::Double => Value::Double(1.0),
        Type::String => Value::String("a".into()),
        Type::Boolean => Value::Bool(true),
        Type::Date => Value::Date(DAY),
        Type::Timestamp => Value::Timestamp(i64::from(DAY) * 86_400_000_000),
        Type::TimestampNtz => Value::TimestampNtz(i64::from(DAY) * 86_400_000_000),
        Type::Binary => Value::Binary(vec![0]),
        Type::Array { .. } => Value::Array(Vec::new()),
        Type::Map { .. } => Value::Map(Vec::new()),
        _ => Value::Null,
    }
}

/// Constants of the column's type, and their neighbours.
fn worth_trying(column: &Blank, constants: &[&Expr]) -> Vec<Value> {
    let mut found = vec![plain(column)];
    let mut add = |value: Value| {
        if !found.contains(&value) {
            found.push(value);
        }
    };
    for condition in constants {
        super::each_part(condition, &mut |part| {
            let ExprKind::Literal(value) = &part.kind else { return };
            match (value, column.ty) {
                (Value::String(_), Type::String) => add(value.clone()),
                (Value::Bool(_), Type::Boolean) => add(value.clone()),
                (_, ty) if !matches!(ty, Type::String) => {
                    let Some(number) = Number::of(value) else { return };
                    let step = Number::ONE;
                    for near in [Some(number), number.add(step), number.sub(step)].into_iter().flatten() {
                        if let Some(value) = number_as(near, ty) {
                            add(value);
                        }
                    }
                }
                _ => {}
            }
        });
    }
    match column.ty {
        Type::String => ["", "A", "abc"].into_iter().for_each(|t| add(Value::String(t.into()))),
        Type::Boolean => add(Value::Bool(false)),
        ty => [Number::ZERO, Number::whole(-1), Number::whole(100)]
            .into_iter()
            .filter_map(|n| number_as(n, ty))
            .for_each(&mut add),
    }
    if column.nullable {
        add(Value::Null);
    }
    found.truncate(12);
    found
}
