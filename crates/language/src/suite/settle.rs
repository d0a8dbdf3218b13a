//! Columns that a test leaves out, filled so that rules over several columns hold too.

use crate::eval::zone::DAY;
use crate::hir::{Column, ExpectWhat, Expr, Over, Rule, RuleKind, Test, Type, Value};

use super::generate;
use super::judge::{is_broken, judge};
use super::world::{Row, World};

/// How often all rules are gone through: what one changes can break another.
const ROUNDS: usize = 3;
/// How many rows are tried for one rule.
const TRIES: usize = 600;

/// Changes what the test has not written, row by row, until the rules hold that it does not expect to break. Where no
/// such row is found, it stays as it was.
pub fn settle(world: &mut World, rules: &[&Rule], test: &Test) {
    let meant: Vec<&Rule> = rules.iter().copied().filter(|r| !is_to_break(test, &r.name)).collect();
    let rows: Vec<&Rule> = meant.iter().copied().filter(|r| matches!(r.kind, RuleKind::Row { .. }) && r.over == Over::Batch).collect();
    let apart: Vec<&Rule> =
        meant.iter().copied().filter(|r| matches!(r.kind, RuleKind::Unique { .. }) && r.for_each.is_none()).collect();
    for at in 0..world.batch.len() {
        let free: Vec<&Column> = world.contract.columns.iter().filter(|c| !is_written(test, at, &c.name)).collect();
        for _ in 0..ROUNDS {
            let mut changed = false;
            for rule in &rows {
                let reads = generate::read_by(&[rule]);
                changed |= mend(world, at, &free, &reads, &rows, &|w| holds(w, at, rule));
            }
            for rule in apart.iter().filter(|_| at > 0) {
                let RuleKind::Unique { by, .. } = &rule.kind else { continue };
                let reads: Vec<String> = by.iter().flat_map(Expr::columns).map(str::to_owned).collect();
                changed |= mend(world, at, &free, &reads, &rows, &|w| is_apart(w, at, rule));
            }
            if !changed {
                break;
            }
        }
    }
}

fn is_to_break(test: &Test, rule: &str) -> bool {
    test.expects.iter().any(|e| match &e.what {
        ExpectWhat::Breaks(name, _) | ExpectWhat::Unknown(name, _) | ExpectWhat::NotEvaluated(name) => name == rule,
        ExpectWhat::Holds(_) | ExpectWhat::EveryOther { .. } => false,
    })
}

fn is_written(test: &Test, row: usize, column: &str) -> bool {
    let cell = test.rows.columns.iter().position(|n| n == column);
    cell.is_some_and(|i| test.rows.rows.get(row).and_then(|cells| cells.get(i)).is_some_and(Option::is_some))
}

/// All that is said of the columns: its constants are worth trying.
fn near<'r>(rules: &[&'r Rule], columns: &[String]) -> Vec<&'r Expr> {
    let conditions = rules.iter().flat_map(|rule| {
        let condition = if let RuleKind::Row { condition } = &rule.kind { Some(condition) } else { None };
        rule.when.iter().chain(condition)
    });
    conditions.filter(|e| e.columns().into_iter().any(|c| columns.iter().any(|name| name == c))).collect()
}

/// Looks for values of the free columns that `reads` names under which `wanted` is so and no row rule breaks anew.
fn mend(
    world: &mut World,
    at: usize,
    free: &[&Column],
    reads: &[String],
    rules: &[&Rule],
    wanted: &dyn Fn(&World) -> bool,
) -> bool {
    let columns: Vec<&Column> = free.iter().copied().filter(|c| reads.contains(&c.name)).collect();
    if columns.is_empty() || wanted(world) {
        return false;
    }
    let old = world.batch[at].clone();
    let constants = near(rules, reads);
    let broken: Vec<bool> = rules.iter().map(|r| !holds(world, at, r)).collect();
    let options: Vec<Vec<Value>> = columns
        .iter()
        .map(|c| {
            let mut values = generate::options(world.contract, c, &constants, at + 3);
            values.extend(alike(world, &old, c));
            values
        })
        .collect();
    let mut odometer = vec![0_usize; columns.len()];
    for _ in 0..TRIES {
        for ((column, values), i) in columns.iter().zip(&options).zip(&odometer) {
            set(&mut world.batch[at], &column.name, values.get(*i));
        }
        let fits = columns.iter().all(|c| c.nullable || world.batch[at].get(&c.name) != Some(&Value::Null));
        if fits && wanted(world) && rules.iter().zip(&broken).all(|(r, was)| *was || holds(world, at, r)) {
            return true;
        }
        if !generate::turn(&mut odometer, &options) {
            break;
        }
    }
    world.batch[at] = old;
    false
}

/// What the row's other columns of that type hold, the clock, and what is next to them.
fn alike(world: &World, row: &Row, column: &Column) -> Vec<Value> {
    let same = |(name, _): &&(String, Value)| {
        *name != column.name && world.contract.column(name).is_some_and(|c| c.ty == column.ty)
    };
    let mut found: Vec<Value> = row.values.iter().filter(same).map(|(_, v)| v.clone()).collect();
    found.extend(match column.ty {
        Type::Date => i32::try_from(world.now.div_euclid(DAY)).ok().map(Value::Date),
        Type::Timestamp => Some(Value::Timestamp(world.now)),
        Type::TimestampNtz => Some(Value::TimestampNtz(world.now)),
        _ => None,
    });
    let near: Vec<Value> = found.iter().flat_map(|v| [generate::step(v, -1), generate::step(v, 1)]).flatten().collect();
    found.extend(near);
    found
}

fn set(row: &mut Row, column: &str, value: Option<&Value>) {
    if let (Some((_, cell)), Some(value)) = (row.values.iter_mut().find(|(n, _)| n == column), value) {
        *cell = value.clone();
    }
}

/// Whether a row rule lets the row through.
fn holds(world: &World, at: usize, rule: &Rule) -> bool {
    let one = World::of_rows(world.contract, world.now, vec![world.batch[at].clone()]);
    !is_broken(rule, &one)
}

/// Whether no row before is the same to a `unique` rule.
fn is_apart(world: &World, at: usize, rule: &Rule) -> bool {
    let before = World::of_rows(world.contract, world.now, world.batch[..=at].to_vec());
    let mut before = World { table: world.table.clone(), write: world.write, ..before };
    let number = u64::try_from(at).unwrap_or(0) + 1;
    for (row, n) in before.batch.iter_mut().zip(1..) {
        row.number = Some(n);
    }
    judge(&[rule], &before).pop().is_none_or(|j| !j.rows.contains(&number))
}
