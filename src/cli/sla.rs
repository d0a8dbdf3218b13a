//! `dqc sla`: what was promised of datasets, and whether it is kept.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use crate::Compilation;
use crate::channel::outbox::Outbox;
use crate::cli::check::compile;
use crate::cli::findings::does_not_compile;
use crate::cli::reports::create;
use crate::cli::run::{again, runtime};
use crate::cli::tell::{Tidings, Witness, channels_exist};
use crate::cli::{Context, Exit, Outcome};
use crate::diagnostics::paint::{Paint, visible};
use crate::diagnostics::suggest;
use crate::fault::Fault;
use crate::lake::store::Storage;
use crate::ledger::Ledger;
use crate::promote::Lake;
use crate::report::table::{Cell, Table};
use crate::sla::deadlines::{Asked, span};
use crate::sla::{Kind, Level, Report, Status, conditions};

/// Deadlines met, pending and missed
///
/// Looks at what contracts promise in their `sla` blocks: how fresh the tables are, whether the batch of each day was
/// published in time, whether budgets of misses are used up. Reads tables, folders and the ledger, and judges no rule:
/// let it run on a schedule of its own, so that it finds the batch that never came. What it finds goes to the ledger's
/// table `sla` and, where it changed, to the channels that the promotion notifies.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc sla                              every service level of the project
  dqc sla silver.orders                those of one dataset
  dqc sla --as-of 2026-11-27T06:00:00Z as it stood then
  dqc sla --format json

A service level is met, pending until its first deadline, or missed: by the latest deadline that is due, or by an
earlier one whose batch has not come to this day. An empty table misses, and so does one whose newest event lies in
the future.

Exit codes: 0 nothing is missed but what `else warn` allows, 12 a service level is missed, 3 a contract does not
compile, 20 storage failed and nothing is known. `dqc explain exit N` says more.")]
pub struct Args {
    /// Datasets to look at, as `silver.orders` [default: all]
    #[arg(value_name = "DATASET")]
    datasets: Vec<String>,
    /// Look only: book nothing in the ledger, tell nobody
    #[arg(long)]
    dry_run: bool,
    /// How the findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Put the findings into this file too, as `--format json` prints them
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One document, as described by service_levels.schema.json
    Json,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let project = context.project()?;
    let compilation = compile(&project)?;
    if let Some(exit) = does_not_compile(context, &project, &compilation) {
        return Ok(exit);
    }
    let datasets = chosen(&compilation, &args.datasets)?;
    let file = args.json.as_deref().map(create).transpose()?;
    channels_exist(&project, &compilation.checked.promotions)?;
    let storage = Storage::of(&project)?;
    let lake = Lake::of(&project, &compilation.checked, &storage)?;
    let outbox = Arc::new(Outbox::open(&lake.ledger, &storage)?);
    let again = again(context);
    let witness = Witness::new(context, &project, &compilation, &lake, Vec::new(), &outbox, &again);
    let levels = runtime()?.block_on(async {
        let ledger = Ledger::new(&lake.ledger, &storage, context.now());
        if args.dry_run {
            return witness.look(&datasets, &ledger).await;
        }
        let mut tidings = Tidings::start("sla", &project, &lake, Vec::new(), &outbox, false);
        let judged = witness.judge(&datasets, &ledger).await;
        if let Ok(levels) = &judged {
            tidings.levels(levels);
        }
        for notice in tidings.finish(judged.as_ref().err().map(|f| f.kind)).await {
            context.log(&visible(&notice));
        }
        judged
    })?;
    let line = || serde_json::to_string(&levels).unwrap_or_default() + "\n";
    if file.is_some_and(|mut file| file.write_all(line().as_bytes()).is_err()) {
        context.log("the findings could not be written to the file of `--json`");
    }
    match args.format {
        Format::Json => context.print_json(&line()),
        Format::Text => context.print(&text(context.out, &levels, context.global.verbose)),
    }
    Ok(if levels.broken() > 0 { Exit::SlaMissed } else { Exit::Clean })
}

fn chosen<'c>(compilation: &'c Compilation, names: &[String]) -> Result<BTreeSet<&'c str>, Fault> {
    let contracts = &compilation.checked.contracts;
    let promised = || contracts.iter().filter(|c| !c.sla.is_empty()).map(|c| c.dataset.as_str());
    for name in names {
        if !contracts.iter().any(|c| c.dataset == *name) {
            let fault = Fault::usage(format!("there is no contract `{name}`"));
            return Err(match suggest::nearest_help(name, promised()) {
                Some(near) => fault.with_help(near),
                None => fault.with_help("service levels stand in a contract's block `sla { … }`"),
            });
        }
        if !promised().any(|dataset| dataset == name) {
            return Err(Fault::usage(format!("the contract `{name}` has no service levels"))
                .with_help("they stand in its block `sla { … }`"));
        }
    }
    Ok(promised().filter(|dataset| names.is_empty() || names.iter().any(|n| n == dataset)).collect())
}

/// For people: a table, then each miss in full.
pub fn text(paint: Paint, report: &Report, verbose: bool) -> String {
    if report.service_levels.is_empty() {
        return "no contract promises a service level\n".to_owned();
    }
    let mut table = Table::default();
    for name in ["", "service level", "", "", ""] {
        table.column(name, false);
    }
    for level in &report.service_levels {
        table.row(row(level));
    }
    let mut out = table.lines(paint, "", 70).0.join("\n");
    out.push('\n');
    for level in report.service_levels.iter().filter(|l| l.status == Status::Missed || verbose) {
        out.push_str(&full(paint, level));
    }
    let count = |status: Status| report.service_levels.iter().filter(|l| l.status == status).count();
    let parts = [
        (count(Status::Met), paint.green(&format!("{} met", count(Status::Met)))),
        (count(Status::Pending), paint.dim(&format!("{} pending", count(Status::Pending)))),
        (count(Status::Missed), paint.red(&format!("{} missed", count(Status::Missed)))),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
    out.push_str(&format!("\n{} as of {}\n", parts.join(", "), report.as_of));
    out
}

fn sign(status: Status, warns: bool) -> (&'static str, fn(Paint, &str) -> String) {
    match (status, warns) {
        (Status::Met, _) => ("✓", Paint::green),
        (Status::Pending, _) => ("…", Paint::dim),
        (Status::Missed, true) => ("!", Paint::yellow),
        (Status::Missed, false) => ("✗", Paint::red),
    }
}

fn row(level: &Level) -> Vec<Cell> {
    let (sign, color) = sign(level.status, !level.is_broken());
    let kind = match level.kind {
        Kind::Condition => "condition",
        Kind::Deadline => "deadline",
        Kind::Budget => "budget",
    };
    vec![
        Cell { text: sign.into(), paint: color },
        visible(&format!("{}.{}", level.contract, level.name)).into_owned().into(),
        Cell::dim(kind),
        Cell { text: level.status.word().into(), paint: color },
        Cell::dim(visible(&outlook(level)).into_owned()),
    ]
}

/// What comes next, or how bad it is.
fn outlook(level: &Level) -> String {
    let seconds = level.remaining_seconds.map(|s| s.saturating_mul(1_000_000));
    match (level.kind, level.status, seconds) {
        (Kind::Budget, _, _) => format!(
            "{} of {} missed, {} allowed",
            level.missed.unwrap_or(0),
            level.window.unwrap_or(0),
            level.allowed.unwrap_or(0)
        ),
        (Kind::Deadline, Status::Missed, Some(late)) => format!("{} late", span(late)),
        (Kind::Deadline, _, Some(left)) if left >= 0 => {
            format!("next in {}, at {}", span(left), level.due.as_deref().unwrap_or_default())
        }
        (Kind::Condition, Status::Met, Some(left)) => format!("{} left", span(left)),
        (Kind::Condition, _, _) => match (&level.value, &level.limit) {
            (Some(value), Some(limit)) => format!("{} against {}", conditions::plain(value), conditions::plain(limit)),
            _ => String::new(),
        },
        _ => String::new(),
    }
}

fn full(paint: Paint, level: &Level) -> String {
    let (sign, color) = sign(level.status, !level.is_broken());
    let place = format!("{}:{}", level.location.file, level.location.line);
    let mut out = format!(
        "\n{} {}  {}\n",
        color(paint, sign),
        paint.bold(&visible(&format!("{}.{}", level.contract, level.name))),
        paint.dim(&visible(&place))
    );
    let waits = level.waits_for.as_ref().map(|d| format!("{d} is late, and this with it"));
    let facts = [
        ("why", level.reason.clone()),
        ("cause", waits),
        ("newest", level.event_time.as_ref().map(|at| format!("event of {at}"))),
        ("because", level.because.clone()),
        ("fix", level.fix.clone()),
        ("owner", level.owner.clone()),
    ];
    for (name, text) in facts {
        for (i, line) in text.iter().flat_map(|t| paint.wrap(&visible(t), 13)).enumerate() {
            let head = if i == 0 { paint.blue(&format!("{name:<8}")) } else { " ".repeat(8) };
            out.push_str(&format!("    {head} {line}\n"));
        }
    }
    if !level.deadlines.is_empty() {
        let mut table = Table::default();
        for name in ["", "batch of", "due", "arrived", "published", ""] {
            table.column(name, false);
        }
        for asked in &level.deadlines {
            table.row(deadline(asked));
        }
        out.push_str(&(table.lines(paint, "    ", 60).0.join("\n") + "\n"));
    }
    out
}

fn deadline(asked: &Asked) -> Vec<Cell> {
    let (sign, color) = sign(asked.status, false);
    let text = |text: &Option<String>| Cell::from(text.clone().unwrap_or_else(|| "-".to_owned()));
    vec![
        Cell { text: sign.into(), paint: color },
        asked.day.to_string().into(),
        asked.due.clone().into(),
        text(&asked.arrived_at),
        text(&asked.published_at),
        Cell { text: visible(asked.reason.as_deref().unwrap_or(asked.status.word())).into_owned(), paint: color },
    ]
}
