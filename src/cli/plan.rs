//! `dqc plan`: what a judgement will read, and what need not be read.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::audit::Subject;
use super::check::compile;
use super::findings::does_not_compile;
use super::reports::Format;
use super::run::runtime;
use super::{Context, Exit, Outcome};
use crate::diagnostics::paint::{Paint, visible};
use crate::lake::store::Storage;
use crate::report::numbers::{bytes, counted, grouped, percent};
use crate::report::table::{Cell, Table};
use crate::run::{Evidence, Forecast, Job, Reading, forecast};

/// Say what an audit will read, and what the files' statistics already prove
///
/// Reads the files' footers and small dictionaries, no rows. Shows the passes over the data with their columns and
/// bytes, what is read of other datasets, and how each rule will come to its verdict.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc plan silver.orders               the dataset where it lives
  dqc plan bronze.orders --data exports/2026-11
  dqc plan silver.orders --no-proofs   what an audit with --no-proofs would read
  dqc plan silver.orders --format json | jq '.passes[].bytes'")]
pub struct Args {
    /// The contract, as `silver.orders`
    #[arg(value_name = "CONTRACT")]
    contract: String,
    /// A file, a folder or a table [default: where the dataset lives]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// How the plan is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// As in `dqc audit`: every row is looked at
    #[arg(long)]
    no_proofs: bool,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let project = context.project()?;
    let compilation = compile(&project)?;
    if let Some(exit) = does_not_compile(context, &project, &compilation) {
        return Ok(exit);
    }
    let of = Subject { project: &project, compilation: &compilation, contract: &args.contract, data: args.data.as_deref() };
    let storage = Storage::of(&project)?;
    let (shown, found) = runtime()?.block_on(async {
        let found = of.find(&storage, None).await?;
        let job = Job {
            plan: &found.plan,
            storage: &storage,
            input: &found.input,
            datasets: &found.datasets,
            table: None,
            history: None,
            batch: None,
            as_of: context.now(),
            memory: context.global.memory,
            proofs: !args.no_proofs,
            samples: 0,
            pictures: false,
            progress: None,
        };
        let told = forecast(&job).await?;
        Ok::<_, crate::fault::Fault>((found.shown, told))
    })?;
    match args.format {
        Format::Json => context.print_json(&(serde_json::to_string(&found).unwrap_or_default() + "\n")),
        Format::Text => context.print(&text(context.out, &shown, &found)),
    }
    Ok(Exit::Clean)
}

fn text(paint: Paint, shown: &str, found: &Forecast) -> String {
    let mut out = String::new();
    let input = &found.input;
    let _ = writeln!(out, "{}  {}", paint.bold(&visible(shown)), paint.dim(&found.contract));
    let (rows, files) = (counted(input.rows, "row"), counted(input.files, "file"));
    let _ = writeln!(out, "    {rows} in {files}, {}\n", bytes(input.bytes));
    for reading in &found.datasets {
        lines(&mut out, paint, "before", reading, &format!("of {}", reading.of));
    }
    for (i, reading) in found.passes.iter().enumerate() {
        lines(&mut out, paint, &format!("pass {}", i + 1), reading, "of the data");
    }
    if found.passes.is_empty() {
        let _ = writeln!(out, "    no pass: nothing of the data is read");
    }
    if found.proof_bytes > 0 {
        let _ = writeln!(out, "    proofs  {} of dictionaries", bytes(found.proof_bytes));
    }
    out.push('\n');
    let mut table = Table::default();
    table.column("rule", false);
    table.column("", false);
    table.column("proven rows", true);
    for rule in &found.rules {
        if rule.kind == "type" && rule.reason.is_none() {
            continue;
        }
        let word = match (&rule.reason, rule.evidence) {
            (Some(reason), _) => reason.clone(),
            (None, Evidence::Proven) => "proven".into(),
            (None, Evidence::Mixed) => "proven in part".into(),
            (None, Evidence::Scanned) => "scanned".into(),
        };
        let proven = if rule.proven_rows > 0 { percent(rule.proven_rows, input.rows) } else { String::new() };
        table.row(vec![Cell::from(rule.rule.clone()), Cell::from(word), Cell::dim(proven)]);
    }
    let (rules, _) = table.lines(paint, "    ", 60);
    for line in rules {
        let _ = writeln!(out, "{line}");
    }
    out
}

fn lines(out: &mut String, paint: Paint, title: &str, reading: &Reading, of: &str) {
    let columns = counted(reading.columns.len() as u64, "column");
    let _ = writeln!(out, "    {title}  {columns} {of}, {} rows, {}", grouped(reading.rows), bytes(reading.bytes));
    for line in paint.wrap(&visible(&reading.columns.join(", ")), 12) {
        let _ = writeln!(out, "            {}", paint.dim(&line));
    }
}
