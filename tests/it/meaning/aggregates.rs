//! Aggregates over the rows of a section, as Spark has them.

use dqc::engine::aggregates::{Metric, Tally};
use dqc::engine::expr::{Computed, Frame, Program};
use dqc::engine::types::array_of;
use dqc::hir::{ExprKind, Type, Value};

use super::engine::Columns;
use super::{Case, Section, compiled, differ, read, shown, values};

fn sections() -> Vec<(Section, Vec<Vec<Option<String>>>, Vec<String>)> {
    let text = read("recorded_aggregates.txt");
    let parse = |part: &str| {
        let mut lines = part.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let mut section = Section { title: next(), zone: next(), columns: next(), cases: Vec::new() };
        let rows = serde_json::from_str(&next()).expect("rows");
        let mut came = Vec::new();
        while let Some((expression, ty)) = lines.next().and_then(|l| l.strip_prefix("--- ")?.rsplit_once(" : ")) {
            section.cases.push(Case { expression: expression.to_owned(), ty: ty.to_owned(), rows: Vec::new() });
            came.push(lines.next().unwrap_or_default().to_owned());
        }
        (section, rows, came)
    };
    text.split("=== ").skip(1).map(parse).collect()
}

#[test]
fn aggregates_mean_what_spark_means() {
    let wrong = differ("deviations_aggregates.txt", &mut |differ| {
        for (section, rows, came) in sections() {
            let (columns, found) = compiled(&section);
            let rows: Vec<Vec<Value>> = rows.iter().map(|row| values(&columns, row)).collect();
            for ((case, found), came) in section.cases.iter().zip(&found).zip(&came) {
                let of_type = found.as_ref().map_or("refused".to_owned(), |e| e.ty.to_string()).replace(", ", ",");
                let name = format!("{}: {}", section.title, case.expression);
                differ(&name, &of_type, &case.ty, "");
                let Some(ExprKind::Aggregate(aggregate)) = found.as_ref().map(|e| &e.kind) else { continue };
                let ty = &found.as_ref().expect("an expression").ty;
                differ(&format!("{name}\tvalue"), &value(aggregate, ty, &columns, &rows), came, &case.ty);
            }
        }
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Spark has no such aggregate, or another approximation.
const OURS: [&str; 8] = [
    "ApproxQuantile", "Entropy", "MedianDeviation", "MutualInformation", "Association", "Gaps", "Overlaps", "Distribution",
];

#[test]
fn every_aggregate_has_cases() {
    let mut met = std::collections::BTreeSet::new();
    for (section, ..) in sections() {
        for found in compiled(&section).1.iter().flatten() {
            found.visit(&mut |e| {
                if let ExprKind::Aggregate(aggregate) = &e.kind {
                    met.insert(format!("{:?}", aggregate.function));
                }
            });
        }
    }
    let mut missing = crate::variants("crates/language/src/hir/expr.rs", "AggregateFn");
    missing.retain(|name| !OURS.contains(&name.as_str()) && !met.contains(name));
    assert!(missing.is_empty(), "{missing:?}");
}

/// In two batches, whose states are merged.
fn value(aggregate: &dqc::hir::Aggregate, ty: &Type, columns: &[(String, Type)], rows: &[Vec<Value>]) -> String {
    let mut program = Program::new(0);
    let names = Columns(columns);
    let args = aggregate.args.iter().map(|a| program.add(a, &names).expect("an argument")).collect();
    let filter = aggregate.filter.as_ref().map(|f| program.add(f, &names).expect("a condition"));
    let metric = Metric { rule: 0, aggregate: aggregate.clone(), ty: ty.clone(), args, filter, when: None, all: true, table: false, by: Vec::new() };
    let mut all = Tally::default();
    for rows in [&rows[..rows.len() / 2], &rows[rows.len() / 2..]] {
        let column = |i: usize, ty: &Type| {
            let values: Vec<Value> = rows.iter().map(|row| row[i].clone()).collect();
            Computed::new(array_of(ty, &values))
        };
        let inputs: Vec<Computed> = columns.iter().enumerate().map(|(i, (_, ty))| column(i, ty)).collect();
        let mut tally = Tally::default();
        tally.update(&metric, &mut Frame::new(&program, rows.len(), &inputs), None);
        all.merge(tally);
    }
    all.value(&metric, &program).map_or("error".to_owned(), |value| shown(&value))
}
