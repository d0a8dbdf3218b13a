//! What happened, as Delta tables of flat columns, each in its folder below the ledger's place; `ledger/README.md` sets out
//! every column. They are only added to. The ledger is an account, not a judge: whether a batch is published stands in
//! its target's log.

mod columns;
mod compact;
mod last;
pub mod log;
mod metrics;
pub mod past;
mod published;
pub mod salt;
mod sla;

use std::collections::HashMap;

use arrow::array::RecordBatch;

use crate::fault::{Fault, FaultKind};
use crate::ir::InputFile;
use crate::lake::delta::{Change, Committed, Table};
use crate::lake::{rows, stage};
use crate::run::{BatchVerdict, Report};
use crate::storage::Storage;

pub use last::{LastBatch, LastBatches, LastResult, LastResults};
pub use published::Published;
pub use sla::{Booked, SlaEntry, SlaState, SlaStates};

use columns::Columns;

/// Microseconds since 1970 in UTC, by the machine's clock.
pub fn now() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// A new id, for what is told of a command elsewhere.
pub fn new_id() -> uuid::Uuid {
    uuid::Uuid::new_v4()
}

/// The kind of an account of rows that came out of quarantine.
pub const RETRY: &str = "retry";

/// The ledger's tables.
pub const TABLES: [&str; 5] = ["runs", "batches", "results", "metrics", "sla"];

pub struct Ledger<'a> {
    /// With a closing slash.
    pub url: String,
    pub storage: &'a Storage,
    pub run_id: String,
    /// Microseconds since 1970 in UTC.
    pub as_of: i64,
    pub started_at: i64,
    past: metrics::Cache,
}

/// A run that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunEntry {
    pub promotions: i64,
    pub published: i64,
    pub recovered: i64,
    pub blocked: i64,
    pub failed: i64,
    pub exit_code: i64,
}

/// What came of a batch.
pub struct BatchEntry<'a> {
    pub promotion: &'a str,
    pub source: &'a str,
    pub dataset: &'a str,
    pub batch: &'a str,
    pub attempt: &'a str,
    pub identity: &'a str,
    pub files: &'a [InputFile],
    pub contract_version: &'a str,
    pub contract_sha256: &'a str,
    /// `None`: it was not judged.
    pub report: Option<&'a Report>,
    pub reason: Option<&'a str>,
    pub published: bool,
    pub recovered: bool,
    /// Whether its rows come out of quarantine.
    pub retry: bool,
    /// The target's id and the version that published the batch.
    pub version: Option<(&'a str, i64)>,
    pub started_at: i64,
}

impl<'a> Ledger<'a> {
    /// A new run's.
    pub fn new(url: &str, storage: &'a Storage, as_of: i64) -> Self {
        let url = format!("{}/", url.trim_end_matches('/'));
        Self { url, storage, run_id: uuid::Uuid::new_v4().to_string(), as_of, started_at: now(), past: Default::default() }
    }

    /// The place of one of its tables.
    pub fn table(&self, name: &str) -> String {
        format!("{}{name}/", self.url)
    }

    pub async fn write_run(&self, entry: &RunEntry) -> Result<(), Fault> {
        let mut row = Columns::new(1);
        row.text("run_id", [Some(self.run_id.as_str())]);
        row.text("dqc", [Some(env!("CARGO_PKG_VERSION"))]);
        row.time("as_of", [Some(self.as_of)]);
        row.time("started_at", [Some(self.started_at)]);
        row.time("finished_at", [Some(now())]);
        row.number("promotions", [Some(entry.promotions)]);
        row.number("published", [Some(entry.published)]);
        row.number("recovered", [Some(entry.recovered)]);
        row.number("blocked", [Some(entry.blocked)]);
        row.number("failed", [Some(entry.failed)]);
        row.number("exit_code", [Some(entry.exit_code)]);
        self.append("runs", "all", row.rows()?, None).await
    }

    /// The results first: where the batch stands, they stand.
    pub async fn write_batch(&self, entry: &BatchEntry<'_>) -> Result<(), Fault> {
        // A published batch is written once, whoever comes to it.
        let once = entry.version.map(|(id, version)| (format!("dqc/{}/{}/{id}", entry.dataset, entry.batch), version));
        let (results, metrics) = (self.results(entry)?, self.metrics(entry)?);
        let add = |table: &'static str, rows: Option<RecordBatch>| {
            let once = once.clone();
            async move {
                match rows {
                    Some(rows) => self.append(table, entry.dataset, rows, once).await,
                    None => Ok(()),
                }
            }
        };
        let (results, metrics) = futures::join!(add("results", results), add("metrics", metrics));
        results.and(metrics)?;
        self.append("batches", entry.dataset, self.batch(entry)?, once).await
    }

    fn batch(&self, entry: &BatchEntry<'_>) -> Result<RecordBatch, Fault> {
        let counts = entry.report.map(|r| r.rows);
        let count = |of: fn(crate::run::RowCounts) -> u64| [counts.map(|c| whole(of(c)))];
        let verdict = match entry.report.map(|r| r.verdict) {
            Some(BatchVerdict::Passed) => "passed",
            Some(BatchVerdict::Blocked) => "blocked",
            Some(BatchVerdict::NotEvaluated) => "not_evaluated",
            None => "refused",
        };
        let files = serde_json::to_string(entry.files).map_err(|_| Fault::internal("files could not be listed"))?;
        let mut row = Columns::new(1);
        row.text("run_id", [Some(self.run_id.as_str())]);
        row.text("promotion", [Some(entry.promotion)]);
        row.text("source", [Some(entry.source)]);
        row.text("dataset", [Some(entry.dataset)]);
        row.text("batch", [Some(entry.batch)]);
        row.text("contract_version", [Some(entry.contract_version)]);
        row.text("contract_sha256", [Some(entry.contract_sha256)]);
        row.text("attempt", [Some(entry.attempt)]);
        row.text("files_sha256", [Some(entry.identity)]);
        row.text("files", [Some(files.as_str())]);
        row.number("file_count", [Some(whole(entry.files.len() as u64))]);
        row.number("bytes", [Some(whole(entry.files.iter().map(|f| f.size).sum()))]);
        row.text("verdict", [Some(verdict)]);
        row.flag("published", [Some(entry.published)]);
        row.flag("recovered", [Some(entry.recovered)]);
        row.text("kind", [Some(if entry.retry { RETRY } else { "batch" })]);
        row.number("target_version", [entry.version.map(|(_, version)| version)]);
        row.number("rows_input", count(|c| c.input));
        row.number("rows_accepted", count(|c| c.accepted));
        row.number("rows_quarantined", count(|c| c.quarantined));
        row.text("reason", [entry.reason]);
        row.time("as_of", [Some(self.as_of)]);
        row.time("started_at", [Some(entry.started_at)]);
        row.time("finished_at", [Some(now())]);
        row.rows()
    }

    fn results(&self, entry: &BatchEntry<'_>) -> Result<Option<RecordBatch>, Fault> {
        let Some(rules) = entry.report.map(|r| &r.rules).filter(|rules| !rules.is_empty()) else {
            return Ok(None);
        };
        let mut rows = Columns::new(rules.len());
        rows.text("run_id", rules.iter().map(|_| Some(self.run_id.as_str())));
        rows.text("promotion", rules.iter().map(|_| Some(entry.promotion)));
        rows.text("dataset", rules.iter().map(|_| Some(entry.dataset)));
        rows.text("batch", rules.iter().map(|_| Some(entry.batch)));
        rows.text("attempt", rules.iter().map(|_| Some(entry.attempt)));
        rows.flag("published", rules.iter().map(|_| Some(entry.published)));
        rows.text("rule", rules.iter().map(|r| Some(r.rule.as_str())));
        rows.text("kind", rules.iter().map(|r| Some(r.kind.as_str())));
        rows.word("verdict", rules.iter().map(|r| &r.verdict));
        rows.word("action", rules.iter().map(|r| &r.action));
        rows.word("evidence", rules.iter().map(|r| &r.evidence));
        rows.number("checked", rules.iter().map(|r| Some(whole(r.checked))));
        rows.number("violations", rules.iter().map(|r| Some(whole(r.violations))));
        rows.number("unknown", rules.iter().map(|r| Some(whole(r.unknown))));
        rows.real("value", rules.iter().map(|r| r.value.as_ref().and_then(serde_json::Value::as_f64)));
        rows.real("limit_value", rules.iter().map(|r| r.limit.as_ref().and_then(serde_json::Value::as_f64)));
        rows.text("reason", rules.iter().map(|r| r.reason.as_deref()));
        rows.text("file", rules.iter().map(|r| Some(r.location.file.as_str())));
        rows.number("line", rules.iter().map(|r| Some(whole(r.location.line as u64))));
        rows.time("as_of", rules.iter().map(|_| Some(self.as_of)));
        rows.rows().map(Some)
    }

    /// Adds rows in one commit; under a transaction's name only if its number was not yet reached.
    async fn append(
        &self,
        table: &str,
        folder: &str,
        rows: RecordBatch,
        transaction: Option<(String, i64)>,
    ) -> Result<(), Fault> {
        let url = self.table(table);
        let mut log = Table::open_or_create(&url, self.storage, &rows.schema()).await?;
        let mut add = None;
        for _ in 0..RETRIES {
            if let Some((name, number)) = &transaction
                && log.transaction(name).await?.is_some_and(|reached| reached >= *number)
            {
                let staged: stage::Written = add.unwrap_or_default();
                log.store.discard(staged.into_iter().map(|f| f.path)).await;
                return Ok(());
            }
            let files = match &add {
                Some(files) => files,
                None => add.insert(stage::write(&log.store, folder, &rows).await?),
            };
            let change = Change {
                add: files.clone(),
                transaction: transaction.clone(),
                metadata: HashMap::from([("dqc_run".to_owned(), self.run_id.as_str().into())]),
                columns: Some(rows.schema().as_ref().clone()),
                ..Change::default()
            };
            match log.commit(change).await? {
                Committed::Version(_) => return Ok(()),
                Committed::Conflict => {}
                Committed::Unknown => {
                    return Err(Fault::new(FaultKind::Unknown, "whether the ledger was written is unknown")
                        .with_help("running the same command again finds out"));
                }
            }
        }
        Err(Fault::new(FaultKind::Conflict, format!("others keep writing to the ledger's table `{table}`")))
    }

    /// Hands over the rows of a table, with these columns: those of one dataset's files, or all. Nothing where there is no table.
    ///
    /// # Errors
    /// The table cannot be read, or `take` does not find the columns that it needs.
    async fn each(
        &self,
        table: &str,
        dataset: Option<&str>,
        columns: &[&str],
        take: &mut (dyn FnMut(&RecordBatch) -> Option<()> + Send),
    ) -> Result<(), Fault> {
        let Some(log) = Table::open(&self.table(table), self.storage).await? else { return Ok(()) };
        for file in log.files()? {
            let folder = file.path.rsplit_once('/').map(|(folder, _)| folder);
            if dataset.is_some() && folder.is_some() && folder != dataset {
                continue;
            }
            for rows in rows::read(&log.store, &file.path, Some(columns)).await? {
                take(&rows).ok_or_else(|| lacking(table))?;
            }
        }
        Ok(())
    }
}

fn lacking(table: &str) -> Fault {
    Fault::storage(format!("the ledger's table `{table}` lacks a column, or has it in another type"))
}

const RETRIES: usize = 50;

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
