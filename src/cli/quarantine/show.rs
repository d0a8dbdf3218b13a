//! `dqc quarantine show`: the rows themselves.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::csv;
use crate::cli::lakes::Lakes;
use crate::cli::run::runtime;
use crate::cli::{Context, Exit, Outcome};
use crate::diagnostics::paint::{Paint, visible};
use crate::hir::Privacy;
use crate::lake::quarantine::read::Row;
use crate::promote::held::{self, Wanted};
use crate::report::numbers::{counted, grouped};
use crate::sla::rfc3339;

/// Show rows held back: why, from which file and row, and what they hold
///
/// Values of personal columns, and of columns that no contract names, are masked unless asked for. A CSV file for a
/// spreadsheet holds no cell that one would take for a formula.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc quarantine show silver.orders
  dqc quarantine show silver.orders --rule ships_after_created --limit 100
  dqc quarantine show silver.orders --batch day=2026-11-21 --format csv > held.csv")]
pub struct Args {
    /// The dataset that the rows were meant for
    #[arg(value_name = "DATASET")]
    dataset: String,
    /// Only rows of this batch
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    /// Only rows that this rule holds
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// At most so many rows [default: 20 as text, else all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Show personal values too
    #[arg(long)]
    unmask: bool,
    /// How the rows are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One row a line
    Json,
    /// For spreadsheets
    Csv,
}

pub fn run(context: &Context, lakes: &Lakes, args: &Args) -> Outcome {
    let planned = lakes.planned(std::slice::from_ref(&args.dataset))?;
    let lake = lakes.lake()?;
    let tasks = planned.tasks();
    let declared = tasks.first().map(|t| t.plan.source.clone()).unwrap_or_default();
    let privacy = |name: &str| {
        let own = name.split_once("__").map_or(name, |(own, _)| own);
        let known = declared.iter().find(|c| c.name == name).or_else(|| declared.iter().find(|c| c.name == own));
        match known.map(|c| c.privacy) {
            Some(Privacy::Secret) => Privacy::Secret,
            _ if args.unmask => Privacy::Public,
            Some(privacy) => privacy,
            None => Privacy::Personal,
        }
    };
    let limit = args.limit.or((args.format == Format::Text).then_some(20));
    let wanted = Wanted { batch: args.batch.as_deref(), rule: args.rule.as_deref(), limit };
    let dataset = tasks.first().map_or(args.dataset.as_str(), |t| t.promotion.to.as_str());
    let (rows, all) = runtime()?.block_on(held::rows(dataset, &lake, &wanted, &privacy))?;
    match args.format {
        Format::Json => rows.iter().for_each(|row| context.print_json(&json(row))),
        Format::Csv => context.print(&table(&rows)),
        Format::Text => context.print(&text(context.out, &rows, all)),
    }
    Ok(Exit::Clean)
}

fn json(row: &Row) -> String {
    let rules: Vec<Value> =
        row.rules.iter().map(|(rule, reason)| serde_json::json!({"rule": rule, "reason": reason})).collect();
    let line = serde_json::json!({
        "batch": row.batch, "file": row.file, "row": row.row, "version": row.version, "held_at": rfc3339(row.held_at),
        "rules": rules, "values": row.values,
    });
    format!("{line}\n")
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn table(rows: &[Row]) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    for name in rows.iter().flat_map(|row| row.values.keys()) {
        if seen.insert(name.as_str()) {
            names.push(name);
        }
    }
    let own = ["_dqc_batch", "_dqc_file", "_dqc_row", "_dqc_version", "_dqc_held_at", "_dqc_rules", "_dqc_reasons"];
    let mut out = csv::line(own.into_iter().chain(names.iter().copied()));
    for row in rows {
        let join = |of: fn(&(String, String)) -> &str| row.rules.iter().map(of).collect::<Vec<_>>().join("; ");
        let mut cells = vec![
            row.batch.clone(),
            row.file.clone(),
            row.row.to_string(),
            row.version.clone(),
            rfc3339(row.held_at),
            join(|r| &r.0),
            join(|r| &r.1),
        ];
        cells.extend(names.iter().map(|name| row.values.get(*name).map(plain).unwrap_or_default()));
        out.push_str(&csv::line(cells.iter().map(String::as_str)));
    }
    out
}

fn text(paint: Paint, rows: &[Row], all: u64) -> String {
    let mut out = String::new();
    for row in rows {
        let head = format!("{}  {}:{}", row.batch, row.file, row.row);
        let _ = writeln!(out, "{}  {}", paint.bold(&visible(&head)), paint.dim(&format!("version {}", row.version)));
        for (rule, reason) in &row.rules {
            let lines = paint.wrap(&visible(&format!("{rule}: {reason}")), 4);
            for line in lines {
                let _ = writeln!(out, "    {}", paint.yellow(&line));
            }
        }
        let values: Vec<String> = row.values.iter().map(|(name, value)| format!("{name} = {}", shown(value))).collect();
        for line in paint.wrap(&visible(&values.join(", ")), 4) {
            let _ = writeln!(out, "    {}", paint.dim(&line));
        }
        out.push('\n');
    }
    let rest = all.saturating_sub(rows.len() as u64);
    let _ = match (all, rest) {
        (0, _) => writeln!(out, "{}", paint.green("no row is held back")),
        (_, 0) => writeln!(out, "{}", counted(all, "row")),
        _ => writeln!(out, "{} of {}; `--limit` shows more", grouped(rows.len() as u64), counted(all, "row")),
    };
    out
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}
