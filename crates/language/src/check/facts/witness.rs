//! Example rows: values for columns, guessed from what the solver found, and shown to whoever can judge them.

use chrono::{Datelike, NaiveDate};

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
    /// Values that are worth trying before any other.
    pub known: Vec<Value>,
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
        return Some(shortened(row, columns, constants, judge));
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

/// Days from the first of the year 1 to 1970-01-01.
const EPOCH: i32 = 719_163;
/// 2026-01-01
const DAY: i32 = 20_454;

/// The row with long texts replaced by shorter ones, where the judge takes those too.
fn shortened(mut row: Row, columns: &[Blank], constants: &[&Expr], judge: &dyn Fn(&Row) -> bool) -> Row {
    const LONG: usize = 20;
    let long = |value: &Value| matches!(value, Value::String(text) if text.chars().count() > LONG);
    for i in 0..row.len() {
        if !long(&row[i].1) {
            continue;
        }
        for value in worth_trying(&columns[i], constants).into_iter().filter(|v| matches!(v, Value::String(_)) && !long(v)) {
            let old = std::mem::replace(&mut row[i].1, value);
            if judge(&row) {
                break;
            }
            row[i].1 = old;
        }
    }
    row
}

/// An unremarkable value.
fn plain(column: &Blank) -> Value {
    plain_of(column.ty)
}

fn plain_of(ty: &Type) -> Value {
    match ty {
        Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt => Value::Int(1),
        Type::Decimal { scale, .. } => {
            number_as(Number::ONE, ty).unwrap_or(Value::Decimal { unscaled: 0, scale: *scale })
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
        Type::Struct(fields) => Value::Struct(fields.iter().map(|f| (f.name.clone(), plain_of(&f.ty))).collect()),
        _ => Value::Null,
    }
}

/// Constants of the column's type, and their neighbours.
fn worth_trying(column: &Blank, constants: &[&Expr]) -> Vec<Value> {
    let mut found = column.known.clone();
    let within = |ty: &Type, nullable: bool| worth_trying(&Blank { name: "", ty, nullable, known: Vec::new() }, constants);
    match column.ty {
        Type::Array { item, nullable } => {
            found.push(Value::Array(Vec::new()));
            found.extend(within(item, *nullable).into_iter().map(|v| Value::Array(vec![v])));
            found.extend((2..5).map(|n| Value::Array(vec![plain_of(item); n])));
        }
        Type::Struct(fields) => {
            found.push(plain(column));
            for (i, field) in fields.iter().enumerate() {
                let set = |value: Value| {
                    let mut whole = plain(column);
                    if let Value::Struct(cells) = &mut whole {
                        cells[i].1 = value;
                    }
                    whole
                };
                found.extend(within(&field.ty, field.nullable).into_iter().map(set));
            }
        }
        _ => {}
    }
    if !found.contains(&plain(column)) {
        found.push(plain(column));
    }
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
                // A day begins and ends at other instants in other zones.
                (Value::Date(day), Type::Timestamp | Type::TimestampNtz) => {
                    for hours in [0, 24, -14, -12, -6, -3, -1, 1, 3, 6, 12, 14, 18, 21, 25, 30, 36, 38] {
                        let micros = (i64::from(*day) * 24 + hours) * 3_600_000_000;
                        add(match column.ty {
                            Type::Timestamp => Value::Timestamp(micros),
                            _ => Value::TimestampNtz(micros),
                        });
                    }
                }
                (Value::Int(year @ 1900..=2100), Type::Date) => {
                    for year in [*year - 1, *year, *year + 1] {
                        let first = i32::try_from(year).ok().and_then(|y| NaiveDate::from_ymd_opt(y, 1, 1));
                        first.into_iter().for_each(|day| add(Value::Date(day.num_days_from_ce() - EPOCH)));
                    }
                }
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
    found.truncate(24);
    found
}
