//! `dqc history`: past runs, from the ledger.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cli::audit::contract;
use crate::cli::lakes::Lakes;
use crate::cli::reports::Format;
use crate::cli::run::runtime;
use crate::cli::{Context, Exit, Outcome};
use crate::diagnostics::paint::{Paint, visible};
use crate::ledger::{Ledger, RETRY};
use crate::ledger::past::{PastBatch, PastResult};
use crate::report::numbers::grouped;
use crate::report::table::{Cell, Table};
use crate::sla::rfc3339;

/// Show past batches, from the ledger
///
/// Without a contract, one line for each: how many rows its last batches brought, what share was held back, and how the last one
/// ended. With a contract, its batches one by one and how often each rule was broken.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc history
  dqc history silver.orders --last 90
  dqc history silver.orders --format json")]
pub struct Args {
    /// A contract, as `silver.orders` [default: all]
    #[arg(value_name = "CONTRACT")]
    contract: Option<String>,
    /// How many batches of each contract
    #[arg(long, value_name = "N", default_value_t = 30)]
    last: usize,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let lakes = match Lakes::open(context)? {
        Ok(lakes) => lakes,
        Err(exit) => return Ok(exit),
    };
    if let Some(name) = &args.contract {
        contract(&lakes.compilation, name)?;
    }
    let ledger = Ledger::new(&lakes.project.ledger()?, &lakes.storage, context.now());
    let runtime = runtime()?;
    let mut batches: BTreeMap<String, Vec<PastBatch>> = BTreeMap::new();
    for batch in runtime.block_on(ledger.past_batches(args.contract.as_deref()))? {
        batches.entry(batch.dataset.clone()).or_default().push(batch);
    }
    for past in batches.values_mut() {
        past.drain(..past.len().saturating_sub(args.last));
    }
    if args.format == Format::Json {
        for batch in batches.values().flatten() {
            context.print_json(&format!("{}\n", json(batch)));
        }
        return Ok(Exit::Clean);
    }
    if batches.is_empty() {
        context.print("no batch was judged yet\n");
        return Ok(Exit::Clean);
    }
    let text = match &args.contract {
        None => overview(context.out, &batches),
        Some(name) => {
            let past = batches.remove(name).unwrap_or_default();
            let results = runtime.block_on(ledger.past_results(Some(name)))?;
            let mut text = one_by_one(context.out, &past);
            text.push_str(&rules(context.out, &past, &results));
            text
        }
    };
    context.print(&text);
    Ok(Exit::Clean)
}

fn json(batch: &PastBatch) -> serde_json::Value {
    let mut value = serde_json::json!(batch);
    value["as_of"] = rfc3339(batch.as_of).into();
    value["finished_at"] = rfc3339(batch.finished_at).into();
    value
}

/// Numbers as a row of bars, the greatest as a full one; nothing at all as a dot on the line.
pub fn sparkline(values: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let greatest = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: &Option<f64>| match value {
        None => '·',
        Some(value) if *value <= 0.0 => BARS[0],
        Some(value) => BARS[((value / greatest * 7.0).ceil() as usize).clamp(1, 7)],
    };
    values.iter().map(bar).collect()
}

/// Rows that came out of quarantine later are no batch of their own.
fn judged(past: &[PastBatch]) -> impl Iterator<Item = &PastBatch> {
    past.iter().filter(|b| b.kind != RETRY)
}

fn accepted(past: &[PastBatch]) -> Vec<Option<f64>> {
    judged(past).map(|b| b.rows_accepted.filter(|_| b.published).map(|n| n as f64)).collect()
}

fn overview(paint: Paint, batches: &BTreeMap<String, Vec<PastBatch>>) -> String {
    let mut table = Table::default();
    for (name, right) in
        [("contract", false), ("rows accepted", false), ("held back", false), ("last batch", false), ("", false), ("rows", true), ("held", true), ("when", false)]
    {
        table.column(name, right);
    }
    for (dataset, past) in batches {
        let Some(last) = past.last() else { continue };
        let held = judged(past).map(|b| {
            let (input, held) = (b.rows_input?, b.rows_quarantined?);
            (input > 0).then(|| held as f64 / input as f64)
        });
        let fate = fate(last);
        table.row(vec![
            Cell::from(dataset.clone()),
            Cell::from(sparkline(&accepted(past))),
            Cell::from(sparkline(&held.collect::<Vec<_>>())),
            Cell::from(visible(&last.batch).into_owned()),
            Cell { text: fate.0.to_string(), paint: fate.1 },
            Cell::from(number(last.rows_accepted)),
            Cell::from(number(last.rows_quarantined)),
            Cell::dim(rfc3339(last.finished_at)),
        ]);
    }
    format!("{}\n", table.lines(paint, "", 40).0.join("\n"))
}

type Brush = fn(Paint, &str) -> String;

fn fate(batch: &PastBatch) -> (&'static str, Brush) {
    match (batch.published, batch.kind.as_str(), batch.verdict.as_str()) {
        (true, RETRY, _) => ("retried", Paint::green),
        (true, _, _) => ("promoted", Paint::green),
        (false, _, "refused") => ("refused", Paint::red),
        (false, _, _) => ("blocked", Paint::red),
    }
}

fn number(count: Option<u64>) -> String {
    count.map_or_else(|| "-".to_string(), grouped)
}

fn one_by_one(paint: Paint, past: &[PastBatch]) -> String {
    let mut table = Table::default();
    for (name, right) in
        [("batch", false), ("", false), ("input", true), ("accepted", true), ("held", true), ("version", false), ("when", false), ("reason", false)]
    {
        table.column(name, right);
    }
    for batch in past {
        let fate = fate(batch);
        table.row(vec![
            Cell::from(visible(&batch.batch).into_owned()),
            Cell { text: fate.0.to_string(), paint: fate.1 },
            Cell::from(number(batch.rows_input)),
            Cell::from(number(batch.rows_accepted)),
            Cell::from(number(batch.rows_quarantined)),
            Cell::dim(batch.contract_version.clone()),
            Cell::dim(rfc3339(batch.finished_at)),
            Cell::from(batch.reason.as_deref().map(|r| visible(r).into_owned()).unwrap_or_default()),
        ]);
    }
    format!("{}\n\nrows accepted  {}\n", table.lines(paint, "", 40).0.join("\n"), sparkline(&accepted(past)))
}

/// Rules that were broken in these batches, each with its violations batch by batch.
fn rules(paint: Paint, past: &[PastBatch], results: &[PastResult]) -> String {
    let mut table = Table::default();
    for (name, right) in [("rule", false), ("violations", false), ("last", true), ("action", false)] {
        table.column(name, right);
    }
    let mut names: Vec<&str> = results.iter().filter(|r| r.violations > 0).map(|r| r.rule.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut shown = 0;
    for name in names {
        let of = |batch: &PastBatch| {
            results.iter().rev().find(|r| r.rule == name && r.batch == batch.batch && r.run_id == batch.run_id)
        };
        let found: Vec<Option<&PastResult>> = judged(past).map(of).collect();
        let Some(last) = found.iter().rev().flatten().next() else { continue };
        shown += 1;
        table.row(vec![
            Cell::from(visible(name).into_owned()),
            Cell::from(sparkline(&found.iter().map(|r| r.map(|r| r.violations as f64)).collect::<Vec<_>>())),
            Cell::from(number(Some(last.violations))),
            Cell::dim(last.action.clone()),
        ]);
    }
    let mut out = String::new();
    if shown > 0 {
        let _ = write!(out, "\n{}\n", table.lines(paint, "", 40).0.join("\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn sparklines_are_to_scale() {
        assert_eq!(sparkline(&[Some(0.0), Some(1.0), Some(4.0), Some(8.0), None]), "▁▂▅█·");
        assert_eq!(sparkline(&[Some(0.0), Some(0.0)]), "▁▁");
    }
}
