//! `dqc quarantine`: the rows held back, seen, tried again, forgotten.

mod csv;
mod retry;
mod show;

use std::fmt::Write as _;

use crate::cli::lakes::Lakes;
use crate::cli::reports::Format;
use crate::cli::run::runtime;
use crate::cli::{Context, Exit, Outcome};
use crate::diagnostics::paint::{Paint, visible};
use crate::fault::Fault;
use crate::promote::forget::{Forget, Forgotten, forget};
use crate::promote::held::{self, Batch};
use crate::report::numbers::{counted, grouped};
use crate::report::table::{Cell, Table};
use crate::sla::rfc3339;

/// See the rows held back, try them again, or forget them
///
/// A row that a rule holds back waits here with the reason, its file and its number in it. When the contract or a dataset that
/// it refers to is corrected, `retry` judges the rows again: those that pass join their batch, each once, the others stay.
#[derive(clap::Subcommand)]
pub enum Command {
    /// How many rows are held back, by batch and rule, and how long they stay
    List(List),
    Show(show::Args),
    Retry(retry::Args),
    Erase(Erase),
}

#[derive(clap::Args)]
pub struct List {
    /// Datasets that the rows were meant for, as `silver.orders` [default: all]
    #[arg(value_name = "DATASET")]
    datasets: Vec<String>,
    /// How the list is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// Forget the rows of a person or a thing, for good
///
/// Removes the held rows in which every named column has the given value, from the table and from its files. What was
/// promoted already is not touched: erase it in the table that holds it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc quarantine erase silver.orders --where customer_id=4711
  dqc quarantine erase silver.orders --where email=ada@example.org")]
pub struct Erase {
    /// The dataset that the rows were meant for
    #[arg(value_name = "DATASET")]
    dataset: String,
    /// A column of the source and its value; several must all agree
    #[arg(long = "where", value_name = "COLUMN=VALUE", required = true, value_parser = pair)]
    wanted: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err("write it as `column=value`".into()),
    }
}

pub fn run(context: &Context, command: Command) -> Outcome {
    let lakes = match Lakes::open(context)? {
        Ok(lakes) => lakes,
        Err(exit) => return Ok(exit),
    };
    match command {
        Command::List(args) => list(context, &lakes, &args),
        Command::Show(args) => show::run(context, &lakes, &args),
        Command::Retry(args) => retry::run(context, &lakes, &args),
        Command::Erase(args) => erase(context, &lakes, &args),
    }
}

fn list(context: &Context, lakes: &Lakes, args: &List) -> Outcome {
    let planned = lakes.planned(&args.datasets)?;
    let lake = lakes.lake()?;
    let found = runtime()?.block_on(async {
        let mut found = Vec::new();
        for task in planned.tasks() {
            let dataset = &task.promotion.to;
            found.extend(held::list(dataset, &lake, lakes.keep(dataset)).await?);
        }
        Ok::<Vec<Batch>, Fault>(found)
    })?;
    match args.format {
        Format::Json => found.iter().for_each(|batch| context.print_json(&json(batch))),
        _ => context.print(&text(context.out, &found, context.now())),
    }
    Ok(Exit::Clean)
}

fn json(batch: &Batch) -> String {
    let line = serde_json::json!({
        "dataset": batch.dataset, "batch": batch.batch, "rows": batch.rows, "versions": batch.versions,
        "rules": batch.rules, "held_at": rfc3339(batch.held_at), "until": batch.until.map(rfc3339),
    });
    format!("{line}\n")
}

fn text(paint: Paint, found: &[Batch], now: i64) -> String {
    if found.is_empty() {
        return format!("{}\n", paint.green("nothing is held back"));
    }
    let mut table = Table::default();
    for (name, right) in [("dataset", false), ("batch", false), ("rows", true), ("held since", false), ("until", false), ("rules", false)] {
        table.column(name, right);
    }
    for batch in found {
        let mut rules: Vec<(&String, &u64)> = batch.rules.iter().collect();
        rules.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let rules: Vec<String> = rules.iter().map(|(rule, rows)| format!("{rule} {}", grouped(**rows))).collect();
        let until = match batch.until {
            None => "kept".to_string(),
            Some(until) if until <= now => "due (dqc gc)".to_string(),
            Some(until) => rfc3339(until)[..10].to_string(),
        };
        table.row(vec![
            Cell::from(batch.dataset.clone()),
            Cell::from(visible(&batch.batch).into_owned()),
            Cell::from(grouped(batch.rows)),
            Cell::dim(&rfc3339(batch.held_at)[..10]),
            Cell::dim(until),
            Cell::from(visible(&rules.join(", ")).into_owned()),
        ]);
    }
    let mut out = table.lines(paint, "", 60).0.join("\n");
    let rows: u64 = found.iter().map(|b| b.rows).sum();
    let _ = writeln!(out, "\n\n{} in {}", counted(rows, "row"), counted(found.len() as u64, "batch"));
    out
}

fn erase(context: &Context, lakes: &Lakes, args: &Erase) -> Outcome {
    let planned = lakes.planned(std::slice::from_ref(&args.dataset))?;
    let lake = lakes.lake()?;
    let forgotten = runtime()?.block_on(async {
        let mut all = Forgotten::default();
        for task in planned.tasks() {
            let one = forget(&task, &lake, &Forget::Where(&args.wanted)).await?;
            all.rows += one.rows;
            all.batches += one.batches;
        }
        Ok::<_, Fault>(all)
    })?;
    // The value stands on the command line already; it need not stand in a log.
    context.print(&format!(
        "{} of {} forgotten\n",
        counted(forgotten.rows, "row"),
        counted(forgotten.batches, "batch")
    ));
    Ok(Exit::Clean)
}
