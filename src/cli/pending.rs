//! `dqc pending`: what a run would take up.

use std::collections::BTreeMap;

use crate::cli::check::compile;
use crate::cli::findings::does_not_compile;
use crate::cli::reports::Format;
use crate::cli::run::{chosen, plan, runtime};
use crate::cli::{Context, Exit, Outcome};
use crate::diagnostics::paint::visible;
use crate::fault::Fault;
use crate::ir::Plan;
use crate::lake::store::Storage;
use crate::promote::{self, Lake, Options, Stop, Task, Waiting};
use crate::report::numbers::{bytes, counted};
use crate::report::table::{Cell, Table};

/// List the batches that a run would take up
///
/// Reads what lies where, and no row: cheap enough for a scheduler to ask each minute. A batch is `new`, `changed` since
/// it was published, `unfinished` (published by a run that died before its books were done) or `unsettled` (its producer
/// has not finished). One that is asked for by name can also be `published` or `absent`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc pending                          of every promotion, upstream first
  dqc pending silver.orders
  dqc pending silver.orders --batch day=2026-11-21 --format json

Exit codes: 0 whatever is pending, 20 storage failed for now, 30 permission.")]
pub struct Args {
    /// Datasets to promote into, as `silver.orders` [default: all]
    #[arg(value_name = "PROMOTION")]
    promotions: Vec<String>,
    /// Only the batch of this name, also one that is published or not there
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    /// How batches are printed; `json`: an object a line with promotion, dataset, batch, state, files and bytes
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// End with this exit code when a run would find nothing to do
    #[arg(long, value_name = "CODE", default_value_t = 0)]
    nothing_pending_exit: u8,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let project = context.project()?;
    let compilation = compile(&project)?;
    if let Some(exit) = does_not_compile(context, &project, &compilation) {
        return Ok(exit);
    }
    let promotions = chosen(&compilation, &args.promotions)?;
    let plans = promotions.iter().map(|p| plan(&compilation, p)).collect::<Result<Vec<Plan>, Fault>>()?;
    let tasks: Vec<Task<'_>> =
        promotions.iter().zip(&plans).map(|(promotion, plan)| Task { promotion, plan }).collect();
    let storage = Storage::of(&project)?;
    let lake = Lake::of(&project, &compilation.checked, &storage)?;
    let options = Options {
        as_of: context.now(),
        batch: args.batch.as_deref(),
        dry_run: true,
        memory: context.global.memory,
        samples: 0,
        pictures: false,
        who: String::new(),
        progress: None,
        stop: &Stop::default(),
        witness: None,
    };
    let (waiting, notices) = runtime()?.block_on(promote::waiting(&tasks, &lake, &options))?;
    match args.format {
        Format::Json => context.print_json(&waiting.iter().map(line).collect::<String>()),
        Format::Text => context.print(&text(context, &waiting)),
    }
    for notice in notices {
        context.log(&notice);
    }
    let idle = !waiting.iter().any(|w| w.state.is_pending());
    Ok(if idle && args.nothing_pending_exit != 0 {
        Exit::NothingPending(args.nothing_pending_exit)
    } else {
        Exit::Clean
    })
}

fn line(waiting: &Waiting) -> String {
    let Waiting { promotion, dataset, batch, state, files, bytes } = waiting;
    serde_json::json!({
        "promotion": promotion, "dataset": dataset, "batch": batch, "state": state.name(), "files": files, "bytes": bytes,
    })
    .to_string()
        + "\n"
}

/// A table for each promotion, in the order in which a run takes them up.
fn text(context: &Context, waiting: &[Waiting]) -> String {
    let paint = context.out;
    if waiting.is_empty() {
        return format!("{}\n", paint.green("nothing is pending"));
    }
    let mut text = String::new();
    let mut seen: BTreeMap<&str, ()> = BTreeMap::new();
    for first in waiting {
        if seen.insert(&first.promotion, ()).is_some() {
            continue;
        }
        let mut table = Table::default();
        for (name, right) in [("batch", false), ("state", false), ("files", true), ("size", true)] {
            table.column(name, right);
        }
        let mut count = 0;
        for batch in waiting.iter().filter(|w| w.promotion == first.promotion) {
            count += u64::from(batch.state.is_pending());
            table.row(vec![
                visible(&batch.batch).into_owned().into(),
                Cell {
                    text: batch.state.name().into(),
                    paint: if batch.state.is_pending() { |p, t| p.yellow(t) } else { |p, t| p.dim(t) },
                },
                batch.files.to_string().into(),
                bytes(batch.bytes).into(),
            ]);
        }
        let (lines, _) = table.lines(paint, "    ", 60);
        let pending =
            if count == 0 { "nothing pending".into() } else { format!("{} pending", counted(count, "batch")) };
        text.push_str(&format!("{}  {pending}\n{}\n\n", paint.bold(&visible(&first.promotion)), lines.join("\n")));
    }
    text
}
