//! `dqc run`: judges the pending batches and promotes those that pass.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Compilation;
use crate::channel::outbox::Outbox;
use crate::cli::check::compile;
use crate::cli::context::{fault_text, prefix};
use crate::cli::findings::does_not_compile;
use crate::cli::reports::{Form, Reports, create};
use crate::cli::tell::{Tidings, Witness, channels_exist};
use crate::cli::{Context, Exit, Outcome};
use crate::diagnostics::paint::visible;
use crate::diagnostics::suggest;
use crate::fault::Fault;
use crate::hir::Promotion;
use crate::ir::{Plan, lower};
use crate::lake::store::Storage;
use crate::project::Project;
use crate::promote::{self, Event, Lake, Options, Stop, Summary, Task, What};
use crate::report::judged::Judged;
use crate::report::numbers::{bytes, counted, duration, grouped};
use crate::report::text::{Fate, Printer};
use crate::report::{json, text};
use crate::run::RowCounts;

/// Judge the pending batches, and promote those that pass
///
/// A batch is judged while its rows are written to files that no reader sees; if it passes, one commit publishes them.
/// Rows that a rule holds back go to quarantine. A batch that is blocked leaves everything as it was, and can be run
/// again when its data or its contract is corrected. Running again is always safe: a batch is published once.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc run                              every promotion, upstream first
  dqc run silver.orders                only what goes into silver.orders
  dqc run silver.orders --batch day=2026-11-21
  dqc run --dry-run                    judge, and move nothing
  dqc run --format json > reports.jsonl
  dqc run --report run.html --report run.xml

Exit codes: 0 promoted or nothing pending, 10 a batch is blocked, 12 promoted and late, 3 a contract does not
compile, 20 to 22 run again, 30 permission. `dqc explain exit N` says more.")]
pub struct Args {
    /// Datasets to promote into, as `silver.orders` [default: all]
    #[arg(value_name = "PROMOTION")]
    promotions: Vec<String>,
    /// Only the batch of this name, also one that was judged before
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    /// Judge, and move nothing
    #[arg(long)]
    dry_run: bool,
    /// How reports are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Form,
    /// Put the reports into this file too: .html, .xml (JUnit) or .jsonl; can be given several times
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    /// Put the reports into this file too, as `--format json` prints them
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How many rows a report shows for each broken rule
    #[arg(long, value_name = "N", default_value_t = 5)]
    samples: usize,
    /// Without a terminal: say on stderr how far a batch is, every so many seconds; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    heartbeat: u64,
    /// End with this exit code when nothing is pending, so that a scheduler can mark the task as skipped
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
    channels_exist(&project, promotions.iter().copied())?;
    let plans = promotions.iter().map(|p| plan(&compilation, p)).collect::<Result<Vec<Plan>, Fault>>()?;
    let tasks: Vec<Task<'_>> =
        promotions.iter().zip(&plans).map(|(promotion, plan)| Task { promotion, plan }).collect();
    let storage = Storage::of(&project)?;
    let lake = Lake::of(&project, &compilation.checked, &storage)?;
    let prefix = prefix(&project.root);
    let reports = Reports::new("dqc run", &project, &compilation, args.format, &args.report, context.now())?;
    let mut desk = Desk::new(context, &args, reports, &project, &compilation, &prefix);
    if let Some(path) = &args.json {
        desk.lines = Some(create(path)?);
    }
    let outbox = Arc::new(Outbox::open(&lake.ledger, &storage)?);
    let plans = || plans.iter().collect::<Vec<_>>();
    let witness = Witness::new(context, &project, &compilation, &lake, plans(), &outbox, &desk.again);
    let summary = runtime()?.block_on(async {
        let mut tidings = Tidings::start("run", &project, &lake, plans(), &outbox, args.dry_run);
        let summary = promote_all(context, &args, &tasks, &lake, &witness, &mut tidings, &mut desk).await;
        if let Some(levels) = witness.levels.borrow().as_ref() {
            tidings.levels(levels);
            desk.levels(levels);
        }
        if !args.dry_run {
            for notice in tidings.finish(summary.worst().map(|f| f.kind)).await {
                desk.log(&notice);
            }
        }
        summary
    });
    desk.close(&summary);
    desk.reports.write()?;
    Ok(exit(&summary, &args))
}

/// The promotions that were named, by their target or in full.
pub fn chosen<'a>(compilation: &'a Compilation, names: &[String]) -> Result<Vec<&'a Promotion>, Fault> {
    let all = &compilation.checked.promotions;
    if names.is_empty() {
        if all.is_empty() {
            return Err(
                Fault::usage("the project has no promotion").with_help("write `promote bronze.x to silver.x { … }`")
            );
        }
        return Ok(all.iter().collect());
    }
    for name in names {
        if !all.iter().any(|p| p.to == *name || p.name() == *name) {
            let fault = Fault::usage(format!("nothing is promoted to `{name}`"));
            let targets = || all.iter().map(|p| p.to.as_str());
            return Err(match suggest::nearest_help(name, targets()) {
                Some(near) => fault.with_help(near),
                None => fault.with_help(format!("there are promotions to {}", suggest::list(targets()))),
            });
        }
    }
    Ok(all.iter().filter(|p| names.iter().any(|name| p.to == *name || p.name() == *name)).collect())
}

pub fn plan(compilation: &Compilation, promotion: &Promotion) -> Result<Plan, Fault> {
    lower::promotion(&compilation.checked, &compilation.sources, promotion)
        .ok_or_else(|| Fault::internal(format!("`{}` has no plan", promotion.name())))
}

/// A file for results beside those on stdout.
pub fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|_| Fault::internal("the threads that do the work could not be started"))
}

async fn promote_all(
    context: &Context,
    args: &Args,
    tasks: &[Task<'_>],
    lake: &Lake<'_>,
    witness: &Witness<'_>,
    tidings: &mut Tidings<'_>,
    desk: &mut Desk<'_>,
) -> Summary {
    let stop = std::sync::Arc::new(Stop::default());
    let signals = tokio::spawn(heed_signals(stop.clone()));
    let bar = desk.bar.clone();
    let rows = desk.rows.clone();
    let beats = tokio::spawn(beat(args.heartbeat, desk.quiet(), desk.at_hand.clone(), rows.clone()));
    let progress = move |more: u64| {
        rows.fetch_add(more, Ordering::Relaxed);
        bar.inc(more);
    };
    let options = Options {
        as_of: context.now(),
        batch: args.batch.as_deref(),
        dry_run: args.dry_run,
        memory: context.global.memory,
        samples: args.samples,
        pictures: desk.reports.draw_pages(),
        who: who(),
        progress: Some(&progress),
        stop: &stop,
        witness: Some(witness),
    };
    let summary = promote::run(tasks, lake, &options, &promote::Engine, &mut |event| {
        tidings.hear(&event);
        desk.hear(event);
    })
    .await;
    signals.abort();
    beats.abort();
    summary
}

/// The batch that is worked on, and since when.
type AtHand = Arc<std::sync::Mutex<Option<(String, Instant)>>>;

/// A line now and then, so that a log shows that the run goes on.
async fn beat(seconds: u64, quiet: bool, at_hand: AtHand, rows: Arc<AtomicU64>) {
    if seconds == 0 || quiet {
        return;
    }
    let every = std::time::Duration::from_secs(seconds);
    loop {
        tokio::time::sleep(every).await;
        let at_hand = at_hand.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        match at_hand {
            Some((what, since)) => {
                let read = counted(rows.load(Ordering::Relaxed), "row");
                eprintln!("still at {what}: {read} read in {} s", since.elapsed().as_secs());
            }
            None => eprintln!("still looking for pending batches"),
        }
    }
}

/// The account and the machine, for the receipts.
pub(super) fn who() -> String {
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let host = gethostname::gethostname();
    format!("{}@{}", user.as_deref().unwrap_or("unknown"), host.to_string_lossy())
}

/// How long a step may still take once the run is asked to end.
const GRACE: std::time::Duration = std::time::Duration::from_secs(8);

/// The first signal ends the run between two steps; a second one, or a step that takes too long, ends it at once,
/// which is safe too.
pub(super) async fn heed_signals(stop: std::sync::Arc<Stop>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let mut asked = false;
    loop {
        let number = tokio::select! {
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        };
        if asked {
            std::process::exit(128 + number);
        }
        asked = true;
        stop.ask(number);
        tokio::spawn(async move {
            tokio::time::sleep(GRACE).await;
            std::process::exit(128 + number);
        });
    }
}

fn exit(summary: &Summary, args: &Args) -> Exit {
    match summary.worst() {
        Some(fault) => Exit::Failed(fault.kind),
        None if summary.blocked + summary.refused > 0 => Exit::Blocked,
        None if summary.missed > 0 => Exit::SlaMissed,
        None if summary.is_idle() && args.nothing_pending_exit != 0 => Exit::NothingPending(args.nothing_pending_exit),
        None => Exit::Clean,
    }
}

/// Where everything that a run tells is put: results on stdout, progress and notices on stderr.
struct Desk<'a> {
    context: &'a Context,
    format: Form,
    reports: Reports<'a>,
    /// Where `--json` puts the reports.
    lines: Option<File>,
    printer: Printer<'a>,
    bar: ProgressBar,
    /// Of the batch at hand, read so far.
    rows: std::sync::Arc<AtomicU64>,
    at_hand: AtHand,
    begun: Instant,
    /// The command, but for the promotion and the batch.
    again: String,
    total: RowCounts,
    held: BTreeMap<String, u64>,
    /// Where held rows go, as dqc.toml says it.
    quarantine: String,
    /// Faults that were shown with their batch.
    told: Vec<Fault>,
}

impl<'a> Desk<'a> {
    fn new(
        context: &'a Context,
        args: &Args,
        reports: Reports<'a>,
        project: &Project,
        compilation: &'a Compilation,
        prefix: &'a str,
    ) -> Self {
        let watched = std::io::stderr().is_terminal() && !context.global.quiet;
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {human_pos} rows  {elapsed}") {
            bar.set_style(style);
        }
        if watched {
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
        }
        Self {
            context,
            format: args.format,
            reports,
            lines: None,
            printer: Printer::new(&compilation.sources, context.out, prefix, context.global.verbose),
            bar,
            rows: Default::default(),
            at_hand: Default::default(),
            begun: Instant::now(),
            again: again(context),
            total: RowCounts::default(),
            held: BTreeMap::new(),
            quarantine: project.config.quarantine.clone().unwrap_or_default(),
            told: Vec::new(),
        }
    }

    /// Whether nobody wants to hear how far a batch is, or the bar shows it.
    fn quiet(&self) -> bool {
        self.context.global.quiet || !self.bar.is_hidden()
    }

    fn hold(&self, batch: Option<(String, Instant)>) {
        *self.at_hand.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = batch;
    }

    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Judging { promotion, batch, files, bytes: size } => {
                self.bar.set_position(0);
                self.bar.set_message(visible(&format!("{batch}  {promotion}")).into_owned());
                self.rows.store(0, Ordering::Relaxed);
                self.hold(Some((visible(&format!("{batch} of {promotion}")).into_owned(), Instant::now())));
                if self.context.global.verbose {
                    let files = counted(files as u64, "file");
                    self.log(&format!("judging {batch} of {promotion}: {files}, {}", bytes(size)));
                }
            }
            Event::Batch(outcome) => {
                self.hold(None);
                self.batch(outcome);
            }
            Event::Notice(notice) => self.log(&notice),
        }
    }

    fn batch(&mut self, outcome: &promote::Outcome) {
        if let Some(report) = &outcome.report {
            self.total.input += report.rows.input;
            self.total.accepted += report.rows.accepted;
            self.total.quarantined += report.rows.quarantined;
            if report.rows.quarantined > 0 && report.promoted {
                *self.held.entry(outcome.dataset.clone()).or_default() += report.rows.quarantined;
            }
            if let Some(lines) = &mut self.lines
                && lines.write_all(json::line(report).as_bytes()).is_err()
            {
                self.lines = None;
                self.log("the reports could not be written to the file of `--json`");
            }
        }
        let again = format!("{} {} --batch {}", self.again, outcome.dataset, text::quoted(&outcome.batch));
        let report = outcome.report.as_ref();
        let kept = |fate: &Fate<'_>| Judged::new(&outcome.batch, &outcome.promotion, fate, report, &again);
        let fate = match &outcome.what {
            What::Published(_) => Fate::Promoted,
            What::Recovered(_) => Fate::Recovered,
            What::Passed => Fate::WouldPass,
            What::Blocked => Fate::Blocked,
            What::Refused(why) => Fate::Refused(why),
            What::Failed(fault) => {
                self.told.push(fault.clone());
                let name = format!("{} of {}: {}", outcome.batch, outcome.promotion, fault.message);
                self.reports.keep(|| kept(&Fate::Failed(&fault.message)));
                let fault = Fault { message: name, ..fault.clone() };
                return self.bar.suspend(|| eprint!("{}", fault_text(self.context.err, &fault)));
            }
        };
        self.reports.keep(|| kept(&fate));
        let text = match (self.format, report) {
            (Form::Text, _) => self.printer.batch(&outcome.batch, &outcome.promotion, &fate, report, &again),
            (Form::Json, Some(report)) => json::line(report),
            _ => {
                if let Fate::Refused(why) = fate {
                    self.log(&format!("{} of {} is refused: {why}", outcome.batch, outcome.promotion));
                }
                return;
            }
        };
        self.bar.suspend(|| self.context.print(&text));
    }

    /// Service levels of what was published, where one is missed.
    fn levels(&mut self, levels: &crate::sla::Report) {
        if levels.status != crate::sla::Status::Missed {
            return;
        }
        let text = crate::cli::sla::text(self.context.out, levels, false);
        match self.format {
            Form::Text => self.bar.suspend(|| self.context.print(&text)),
            _ => self.bar.suspend(|| self.context.log_painted(&text)),
        }
    }

    fn log(&self, line: &str) {
        self.bar.suspend(|| self.context.log(line));
    }

    /// The last words: what became of everything, and where to look.
    fn close(&mut self, summary: &Summary) {
        self.bar.finish_and_clear();
        for fault in summary.faults.iter().filter(|fault| !self.told.contains(fault)) {
            eprint!("{}", fault_text(self.context.err, fault));
        }
        if let Some(document) = self.reports.printed() {
            self.context.print(&document);
        }
        if self.context.global.quiet {
            return;
        }
        let mut text = self.closing(summary);
        text.push('\n');
        match self.format {
            Form::Text => self.context.print(&text),
            _ => eprint!("{text}"),
        }
    }

    fn closing(&self, summary: &Summary) -> String {
        let paint = if self.format == Form::Text { self.context.out } else { self.context.err };
        if summary.is_idle() && summary.unsettled == 0 {
            return format!("{} in {}", paint.green("nothing to do"), counted(summary.promotions as u64, "promotion"));
        }
        let of = |count: usize, word: &str| (count > 0).then(|| format!("{} {word}", counted(count as u64, "batch")));
        let parts = [
            of(summary.published, "promoted").map(|t| paint.green(&t)),
            of(summary.recovered, "published already").map(|t| paint.green(&t)),
            of(summary.passed, "would be promoted").map(|t| paint.green(&t)),
            of(summary.blocked, "blocked").map(|t| paint.red(&t)),
            of(summary.refused, "refused").map(|t| paint.red(&t)),
            of(summary.faults.len(), "failed").map(|t| paint.red(&t)),
            of(summary.unsettled, "not settled yet").map(|t| paint.dim(&t)),
        ];
        let mut text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        if self.total.input > 0 {
            let t = &self.total;
            text.push_str(&format!(
                ": {} read, {} accepted, {} held back",
                counted(t.input, "row"),
                grouped(t.accepted),
                grouped(t.quarantined)
            ));
        }
        // What goes into a file is the same each time.
        if std::io::stdout().is_terminal() {
            let took = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            text.push_str(&paint.dim(&format!("  {}", duration(took))));
        }
        let held: Vec<String> =
            self.held.iter().map(|(dataset, rows)| format!("{} of {dataset}", counted(*rows, "row"))).collect();
        if !held.is_empty() {
            text.push_str(&format!("\nin quarantine ({}): {}", self.quarantine, held.join(", ")));
        }
        text
    }
}

/// `dqc run --project … --env …`, as it was started.
pub fn again(context: &Context) -> String {
    let mut text = String::from("dqc run");
    if let Some(project) = &context.global.project {
        text.push_str(&format!(" --project {}", text::quoted(&project.to_string_lossy())));
    }
    if let Some(env) = &context.global.env {
        text.push_str(&format!(" --env {}", text::quoted(env)));
    }
    text
}
