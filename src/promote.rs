//! From a verdict to an outcome: promoted or blocked, each batch once.
//!
//! A batch is judged while its rows are written to files that no reader sees. If it passes, one commit to
//! the target's Delta log publishes them. That commit also records which files of the source the batch had,
//! and where the rows held back are staged; quarantine and the ledger are brought in line with it afterwards,
//! by this run or, after a crash, by the next. So that:
//!
//! - a reader of the target sees all of a batch or none of it;
//! - a batch is published at most once, and exactly once if runs are repeated until one succeeds, from any
//!   number of machines at once;
//! - after a crash at any point, running the same command again converges;
//! - accepted rows plus quarantined rows equal the input;
//! - what was not judged is never promoted: unreadable, stopped, or changed under the run.

mod attempt;
mod books;
mod copy;
mod evolution;
pub mod forget;
pub mod gc;
pub mod held;
mod mirror;
mod pending;
mod plan;
mod publish;
pub mod retry;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::fault::{Fault, FaultKind};
use crate::hir::{Checked, Promotion};
use crate::ir::{Place, Plan};
use crate::lake::store::Store;
use crate::ledger::log::Log;
use crate::ledger::{BatchEntry, Ledger, RunEntry};
use crate::project::Project;
use crate::run::{Job, Report, Sink};
use crate::storage::Storage;

pub use pending::{Standing, Waiting};

/// One promotion of a project, lowered.
pub struct Task<'a> {
    pub promotion: &'a Promotion,
    pub plan: &'a Plan,
}

/// Where everything is in one environment.
pub struct Lake<'a> {
    pub storage: &'a Storage,
    /// Of every dataset of the project.
    pub places: BTreeMap<String, Place>,
    /// Of the rows held back, by the dataset that they were meant for.
    pub quarantine: BTreeMap<String, String>,
    pub ledger: String,
    /// Where readers list the files of a dataset that is no Delta table, by the dataset; its own place is one then.
    pub mirrors: BTreeMap<String, Place>,
}

impl<'a> Lake<'a> {
    /// That of a project's environment.
    pub fn of(project: &Project, checked: &Checked, storage: &'a Storage) -> Result<Self, Fault> {
        let mut lake =
            Self { storage, places: BTreeMap::new(), quarantine: BTreeMap::new(), ledger: project.ledger()?, mirrors: BTreeMap::new() };
        for contract in &checked.contracts {
            let place = project.place(&contract.dataset, contract.at.as_deref(), contract.format.as_deref())?;
            lake.places.insert(contract.dataset.clone(), place);
        }
        for promotion in &checked.promotions {
            lake.quarantine.insert(promotion.to.clone(), project.quarantine(&promotion.to)?.url);
            lake.mirror_parquet(&promotion.to);
        }
        Ok(lake)
    }
}

#[derive(Clone)]
pub struct Options<'a> {
    /// The clock: microseconds since 1970 in UTC.
    pub as_of: i64,
    /// Only the batch of this name.
    pub batch: Option<&'a str>,
    /// Judge and move nothing.
    pub dry_run: bool,
    pub memory: Option<usize>,
    pub samples: usize,
    /// Whether pages are to be drawn of the batches.
    pub pictures: bool,
    /// The person or account that runs it, and the machine: for the receipts.
    pub who: String,
    /// Told how many more rows of the batch at hand were read.
    pub progress: Option<&'a (dyn Fn(u64) + Send + Sync)>,
    pub stop: &'a Stop,
    pub witness: Option<&'a dyn Witness>,
}

/// Told of each batch before the ledger is, so that what follows from it, such as a message, follows at least once.
#[async_trait::async_trait(?Send)]
pub trait Witness {
    /// # Errors
    /// Storage could not take what has to be kept. The batch's books stay open, and the next run is told again.
    async fn batch(&self, entry: &BatchEntry<'_>) -> Result<(), Fault>;

    /// All batches are done with, and the run is about to be booked.
    async fn end(&self, summary: &mut Summary, ledger: &Ledger<'_>);
}

/// Asks a run to end: between two steps, with nothing half done.
#[derive(Default)]
pub struct Stop {
    signal: AtomicI32,
    asked: tokio::sync::Notify,
}

impl Stop {
    /// `signal`: its number, as the exit code tells it.
    pub fn ask(&self, signal: i32) {
        self.signal.store(signal, Ordering::SeqCst);
        self.asked.notify_waiters();
    }

    fn check(&self) -> Result<(), Fault> {
        match self.signal.load(Ordering::SeqCst) {
            0 => Ok(()),
            signal => Err(Fault::new(FaultKind::Stopped(signal), "stopped on request")
                .with_help("nothing is half done; the same command goes on from here")),
        }
    }

    async fn asked(&self) -> Fault {
        loop {
            let asked = self.asked.notified();
            if let Err(fault) = self.check() {
                return fault;
            }
            asked.await;
        }
    }
}

/// Judges a batch; the engine's [`crate::run::judge`], or a test's.
#[async_trait::async_trait(?Send)]
pub trait Judge: Sync {
    async fn judge(&self, job: &Job<'_>, sink: Arc<dyn Sink>) -> Result<Report, Fault>;
}

/// The engine of this program.
pub struct Engine;

#[async_trait::async_trait(?Send)]
impl Judge for Engine {
    async fn judge(&self, job: &Job<'_>, sink: Arc<dyn Sink>) -> Result<Report, Fault> {
        crate::run::judge(job, Some(sink)).await
    }
}

/// What a run tells while it goes on.
pub enum Event<'e> {
    /// A batch is taken up.
    Judging { promotion: &'e str, batch: &'e str, files: usize, bytes: u64 },
    /// A batch is done with.
    Batch(&'e Outcome),
    /// Something that a person may want to know.
    Notice(String),
}

/// What came of one batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub promotion: String,
    pub dataset: String,
    pub batch: String,
    pub what: What,
    /// `None` where it was not judged.
    pub report: Option<Report>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Now in the target, since this version of it.
    Published(i64),
    /// Found in the target since this version, put there by a run that did not finish its books or ran at the same time.
    Recovered(i64),
    /// It would be published, were this not a dry run.
    Passed,
    /// By its contract; the report says why.
    Blocked,
    /// Not judged, or judged in vain: why, in one sentence.
    Refused(String),
    Failed(Fault),
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    pub promotions: usize,
    pub published: usize,
    pub recovered: usize,
    /// In a dry run.
    pub passed: usize,
    pub blocked: usize,
    pub refused: usize,
    /// Batches whose producer has not finished.
    pub unsettled: usize,
    /// Service levels of what was published.
    pub missed: usize,
    pub faults: Vec<Fault>,
}

impl Summary {
    fn count(&mut self, what: &What) {
        match what {
            What::Published(_) => self.published += 1,
            What::Recovered(_) => self.recovered += 1,
            What::Passed => self.passed += 1,
            What::Blocked => self.blocked += 1,
            What::Refused(_) => self.refused += 1,
            What::Failed(fault) => self.faults.push(fault.clone()),
        }
    }

    /// Whether there was nothing to do.
    pub fn is_idle(&self) -> bool {
        self.published + self.recovered + self.passed + self.blocked + self.refused + self.faults.len() == 0
    }

    /// What the run ends with: what stops everything, then what cannot be retried, then what can.
    pub fn worst(&self) -> Option<&Fault> {
        let rank = |fault: &Fault| match fault.kind {
            FaultKind::Stopped(_) => 0,
            FaultKind::Internal => 1,
            FaultKind::Usage => 2,
            FaultKind::Contract => 3,
            FaultKind::Permission => 4,
            FaultKind::Unknown => 5,
            FaultKind::Storage => 6,
            FaultKind::Conflict => 7,
        };
        self.faults.iter().min_by_key(|f| rank(f))
    }

    /// As the command line documents it: the worst fault, then a blocked batch, then a missed service level.
    pub fn exit_code(&self) -> i32 {
        match self.worst() {
            Some(fault) => fault.kind.exit_code(),
            None if self.blocked + self.refused > 0 => 10,
            None if self.missed > 0 => 12,
            None => 0,
        }
    }
}

/// How often a batch is judged again, or its held rows are, because others changed the target meanwhile.
const TRIES: usize = 8;

/// Everything that a run carries with it.
struct Run<'a> {
    lake: &'a Lake<'a>,
    options: &'a Options<'a>,
    judge: &'a dyn Judge,
    ledger: Ledger<'a>,
    log: Log,
}

impl<'a> Run<'a> {
    fn new(lake: &'a Lake<'a>, options: &'a Options<'a>, judge: &'a dyn Judge) -> Self {
        let ledger = Ledger::new(&lake.ledger, lake.storage, options.as_of);
        let log = Log::new(&ledger);
        Run { lake, options, judge, ledger, log }
    }

    fn begin(&self, promotions: usize) -> Summary {
        self.log.note("began", &[("dqc", env!("CARGO_PKG_VERSION"))], &[("promotions", promotions as u64)]);
        Summary { promotions, ..Summary::default() }
    }

    /// Books the run, unless there was nothing to do.
    async fn end(&self, summary: &mut Summary) {
        if summary.is_idle() {
            return;
        }
        let entry = RunEntry {
            promotions: count(summary.promotions),
            published: count(summary.published),
            recovered: count(summary.recovered),
            blocked: count(summary.blocked + summary.refused),
            failed: count(summary.faults.len()),
            exit_code: i64::from(summary.exit_code()),
        };
        if let Err(fault) = self.ledger.write_run(&entry).await {
            summary.faults.push(fault);
        }
        self.log.note("ended", &[], &[("exit_code", u64::try_from(summary.exit_code()).unwrap_or(0))]);
        self.log.keep(self.lake.storage).await;
    }
}

/// Promotes the pending batches of `tasks`, upstream first; `tell` hears of each batch as it is done.
pub async fn run(
    tasks: &[Task<'_>],
    lake: &Lake<'_>,
    options: &Options<'_>,
    judge: &dyn Judge,
    tell: &mut (dyn FnMut(Event<'_>) + Send),
) -> Summary {
    let run = Run::new(lake, options, judge);
    let mut summary = run.begin(tasks.len());
    for task in plan::upstream_first(tasks) {
        if let Err(fault) = run.promotion(task, &mut summary, tell).await {
            let stopped = matches!(fault.kind, FaultKind::Stopped(_));
            run.log.note("failed", &[("promotion", &task.promotion.name()), ("why", &fault.message)], &[]);
            summary.faults.push(fault);
            if stopped {
                break;
            }
        }
    }
    if let Some(witness) = options.witness.filter(|_| !options.dry_run) {
        witness.end(&mut summary, &run.ledger).await;
    }
    if !options.dry_run {
        run.end(&mut summary).await;
    }
    summary
}

/// What [`run`] would take up, upstream first, and what a person may want to know: reads listings and logs, and no row.
///
/// # Errors
/// As a run: storage that does not answer, a place that may not be read, a table of another kind of batches.
pub async fn waiting(
    tasks: &[Task<'_>],
    lake: &Lake<'_>,
    options: &Options<'_>,
) -> Result<(Vec<Waiting>, Vec<String>), Fault> {
    let run = Run::new(lake, options, &Engine);
    let (mut waiting, mut notices) = (Vec::new(), Vec::new());
    for task in plan::upstream_first(tasks) {
        let (batches, told) = run.waiting(task).await?;
        waiting.extend(batches);
        notices.extend(told);
    }
    Ok((waiting, notices))
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Run<'_> {
    fn place(&self, dataset: &str) -> Result<&Place, Fault> {
        self.lake.places.get(dataset).ok_or_else(|| Fault::internal(format!("`{dataset}` has no place")))
    }

    /// Whoever has to be told first, then the ledger: what it knows of is not looked at again.
    async fn book(&self, entry: &BatchEntry<'_>) -> Result<(), Fault> {
        if let Some(witness) = self.options.witness {
            witness.batch(entry).await?;
        }
        self.ledger.write_batch(entry).await
    }

    /// Before storage is asked for anything: no answer of it would make the commit safe.
    fn commits_safely(&self, task: &Task<'_>) -> Result<(), Fault> {
        Store::open(&self.place(&task.promotion.to)?.url, self.lake.storage)?.commits_safely()
    }

    fn quarantine(&self, dataset: &str) -> Result<&str, Fault> {
        let url = self.lake.quarantine.get(dataset).map(String::as_str);
        url.ok_or_else(|| Fault::internal(format!("`{dataset}` has no place for rows held back")))
    }

    /// All pending batches of one promotion. A batch that fails does not hold up the others.
    async fn promotion(
        &self,
        task: &Task<'_>,
        summary: &mut Summary,
        tell: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<(), Fault> {
        self.options.stop.check()?;
        let name = task.promotion.name();
        plan::can_write(task)?;
        self.commits_safely(task)?;
        let mut pending = self.pending(task).await?;
        summary.unsettled += pending.unsettled.len();
        for notice in pending.notices.drain(..) {
            tell(Event::Notice(notice));
        }
        let mut datasets = None;
        for mut state in pending.batches {
            self.options.stop.check()?;
            let bytes = state.batch.input.files.iter().map(|f| f.size).sum();
            self.log.note("taken up", &[("promotion", &name), ("batch", &state.batch.name)], &[]);
            if let (Some(late), true) = (&state.late, task.promotion.write != crate::hir::Write::Append) {
                tell(Event::Notice(format!("{name}: {} was published before; {late}", state.batch.name)));
            }
            let (batch, files) = (state.batch.name.clone(), state.batch.input.files.len());
            tell(Event::Judging { promotion: &name, batch: &batch, files, bytes });
            if datasets.is_none() {
                datasets = Some(self.datasets(task).await?);
            }
            let done = match &datasets {
                Some(datasets) => self.batch(task, &mut state, datasets).await,
                None => Err(Fault::internal("the datasets that rules read are not pinned")),
            };
            let (what, report) = done.unwrap_or_else(|fault| (What::Failed(fault), None));
            let stopped = match &what {
                What::Failed(fault) if matches!(fault.kind, FaultKind::Stopped(_)) => Some(fault.clone()),
                _ => None,
            };
            if let Some(fault) = stopped {
                return Err(fault);
            }
            if let What::Failed(fault) = &what {
                self.log.note("failed", &[("batch", &batch), ("why", &fault.message)], &[]);
            }
            if !self.options.dry_run {
                self.log.keep(self.lake.storage).await;
            }
            summary.count(&what);
            let dataset = task.promotion.to.clone();
            tell(Event::Batch(&Outcome { promotion: name.clone(), dataset, batch, what, report }));
        }
        Ok(())
    }
}
