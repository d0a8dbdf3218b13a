//! `dqc quarantine retry`: held rows, judged under today's contract.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::channel::outbox::Outbox;
use crate::cli::context::fault_text;
use crate::cli::lakes::Lakes;
use crate::cli::reports::Format;
use crate::cli::run::{again, heed_signals, runtime, who};
use crate::cli::tell::{Tidings, Witness, channels_exist};
use crate::cli::{Context, Exit, Outcome};
use crate::diagnostics::paint::{Paint, visible};
use crate::promote::retry::{Retried, retry};
use crate::promote::{self, Event, Options, Stop, Summary};
use crate::report::numbers::grouped;
use crate::run::RuleVerdict;

/// Judge held rows again, under today's contract, and promote those that pass
///
/// Row rules, references, keys and rules over the table are judged; rules over the whole batch or its history are not, for
/// the rest of the batch is published already. Rows that still break a rule stay. Running again is always safe.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc quarantine retry                  every dataset
  dqc quarantine retry silver.orders --batch day=2026-11-21

Exit codes: 0 done, also where rows stay; 10 a rule blocks them all; 20 to 22 run again.")]
pub struct Args {
    /// Datasets that the rows were meant for, as `silver.orders` [default: all]
    #[arg(value_name = "DATASET")]
    datasets: Vec<String>,
    /// Only rows of this batch
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    /// How what came of them is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub fn run(context: &Context, lakes: &Lakes, args: &Args) -> Outcome {
    let planned = lakes.planned(&args.datasets)?;
    let lake = lakes.lake()?;
    let tasks = planned.tasks();
    let Lakes { project, compilation, storage } = lakes;
    channels_exist(project, tasks.iter().map(|t| t.promotion))?;
    let outbox = Arc::new(Outbox::open(&lake.ledger, storage)?);
    let again = again(context);
    let witness = Witness::new(context, project, compilation, &lake, tasks.iter().map(|t| t.plan).collect(), &outbox, &again);
    let summary = runtime()?.block_on(async {
        // Without plans: what is held at the gate is for a run to say.
        let tidings = Tidings::start("retry", project, &lake, Vec::new(), &outbox, false);
        let stop = Arc::new(Stop::default());
        let signals = tokio::spawn(heed_signals(stop.clone()));
        let options = Options {
            as_of: context.now(),
            batch: args.batch.as_deref(),
            dry_run: false,
            memory: context.global.memory,
            samples: 0,
            pictures: false,
            who: who(),
            progress: None,
            stop: &stop,
            witness: Some(&witness),
        };
        let mut tell = |what: Result<&Retried, Event<'_>>| match what {
            Ok(done) if args.format == Format::Json => context.print_json(&json(done)),
            Ok(done) => context.print(&text(context.out, done)),
            Err(Event::Notice(notice)) => context.log(&notice),
            Err(_) => {}
        };
        let summary = retry(&tasks, &lake, &options, &promote::Engine, &mut tell).await;
        signals.abort();
        for notice in tidings.finish(summary.worst().map(|f| f.kind)).await {
            context.log(&visible(&notice));
        }
        summary
    });
    Ok(close(context, &summary))
}

fn close(context: &Context, summary: &Summary) -> Exit {
    for fault in &summary.faults {
        eprint!("{}", fault_text(context.err, fault));
    }
    match summary.worst() {
        Some(fault) => Exit::Failed(fault.kind),
        None if summary.blocked > 0 => Exit::Blocked,
        None => Exit::Clean,
    }
}

fn json(done: &Retried) -> String {
    let line = serde_json::json!({
        "promotion": done.promotion, "dataset": done.dataset, "batch": done.batch, "promoted": done.promoted,
        "stay": done.stay, "reason": done.reason, "report": done.report,
    });
    format!("{line}\n")
}

fn text(paint: Paint, done: &Retried) -> String {
    let rows = |count: u64| if count == 1 { "1 row".to_string() } else { format!("{} rows", grouped(count)) };
    let promoted = format!("{} promoted", rows(done.promoted));
    let promoted = if done.promoted > 0 { paint.green(&promoted) } else { promoted };
    let stays = if done.stay == 1 { "stays" } else { "stay" };
    let head = format!("{} of {}", visible(&done.batch), done.dataset);
    let mut out = format!("{}: {promoted}, {} {stays}\n", paint.bold(&head), grouped(done.stay));
    if let Some(reason) = &done.reason {
        let _ = writeln!(out, "    {}", paint.yellow(&visible(reason)));
    }
    for rule in done.report.iter().flat_map(|r| &r.rules).filter(|r| r.verdict == RuleVerdict::Violated) {
        let why = format!("{} holds {}", rule.rule, rows(rule.violations));
        let _ = writeln!(out, "    {}", paint.dim(&visible(&why)));
    }
    out
}
