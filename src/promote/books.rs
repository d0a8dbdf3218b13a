//! What follows from a published batch: rows in quarantine, and the ledger's account. Both are taken from the
//! commit that published it, so that any later run can do it.

use std::collections::HashMap;

use serde_json::Value;

use crate::fault::Fault;
use crate::lake::delta::Table;
use crate::lake::quarantine::{self, Manifest};
use crate::ledger::{BatchEntry, salt};
use crate::promote::pending::{Identity, State};
use crate::promote::{Run, Task};
use crate::run::Report;
use crate::storage::Storage;

/// What a publishing commit says of itself.
pub(super) struct Receipt<'a> {
    pub promotion: &'a str,
    pub batch: &'a str,
    pub attempt: &'a str,
    pub run_id: &'a str,
    pub identity: &'a Identity,
    pub held: &'a Manifest,
    pub report: &'a Report,
    pub files: &'a [crate::ir::InputFile],
    /// The person or account, and the machine.
    pub who: &'a str,
    /// Whether the rows come out of quarantine.
    pub retry: bool,
}

/// In a commit that publishes rows out of quarantine: how many.
pub(super) const RETRY: &str = "dqc_retried";

impl Receipt<'_> {
    /// As entries of the log; whatever has parts is JSON in text, which every reader of the log takes.
    pub fn entries(&self) -> Result<HashMap<String, Value>, Fault> {
        let files: Vec<Value> = self
            .files
            .iter()
            .zip(&self.identity.digests)
            .map(|(file, sha256)| serde_json::json!({"path": file.path, "size": file.size, "sha256": sha256}))
            .collect();
        // Samples show rows; the log is read by more people than the report.
        let mut report = self.report.clone();
        report.rules.iter_mut().for_each(|rule| rule.samples.clear());
        let json = |value: Result<String, serde_json::Error>| {
            value.map(Value::from).map_err(|_| Fault::internal("the receipt could not be written"))
        };
        let mut entries = HashMap::from([
            ("dqc_promotion".to_owned(), self.promotion.into()),
            ("dqc_batch".to_owned(), self.batch.into()),
            ("dqc_attempt".to_owned(), self.attempt.into()),
            ("dqc_run".to_owned(), self.run_id.into()),
            ("dqc_contract".to_owned(), self.report.contract.as_str().into()),
            ("dqc_contract_version".to_owned(), self.report.version.as_str().into()),
            ("dqc_contract_sha256".to_owned(), self.report.contract_sha256.as_str().into()),
            ("dqc_files_sha256".to_owned(), self.identity.sha256.as_str().into()),
            ("dqc_files".to_owned(), json(serde_json::to_string(&files))?),
            ("dqc_held".to_owned(), json(serde_json::to_string(&self.held.without_values()))?),
            ("dqc_report".to_owned(), json(serde_json::to_string(&report))?),
            ("dqc_metrics".to_owned(), json(serde_json::to_string(recorded(&report)))?),
            ("dqc_by".to_owned(), self.who.into()),
            ("dqc_version".to_owned(), env!("CARGO_PKG_VERSION").into()),
        ]);
        if self.retry {
            entries.insert(RETRY.to_owned(), self.report.rows.accepted.into());
        }
        Ok(entries)
    }
}

/// What the log keeps of what the batch leaves for later ones: without it, a run that dies before its books are done
/// would leave a gap in the history. Very many groups are too much for a log.
fn recorded(report: &Report) -> &[crate::run::history::Recorded] {
    if report.recorded.len() <= 1000 { &report.recorded } else { &[] }
}

impl Run<'_> {
    /// What was published before into the promotion's target, where a rule looks at it.
    pub(super) async fn history(&self, task: &Task<'_>) -> Result<crate::run::history::History, Fault> {
        let looks = crate::run::history::meanings_of(task.plan).iter().any(|parts| !parts.is_empty());
        let mut history = if looks { self.ledger.history(&task.promotion.to).await? } else { Default::default() };
        if salt::is_needed(task.plan) {
            history.salt = self.ledger.salt(!self.options.dry_run).await?;
        }
        Ok(history)
    }

    /// Finishes the books of a batch that the target has; gives the version that published it, and its report.
    pub(super) async fn recover(&self, task: &Task<'_>, state: &State) -> Result<(i64, Option<Report>), Fault> {
        let target = Table::open(&self.place(&task.promotion.to)?.url, self.lake.storage).await?;
        let target = target.ok_or_else(|| Fault::storage(format!("the table of `{}` is gone", task.promotion.to)))?;
        let (promotion, batch) = (&state.promotion, &state.batch.name);
        let first = |info: &HashMap<String, Value>| is_of(info, promotion, batch) && info.contains_key("dqc_report") && !info.contains_key(RETRY);
        let Some((version, info)) = target.find_commit(None, first).await? else {
            // The log is cleaned of old entries by then; what it decided stands.
            let entry = BatchEntry { published: true, recovered: true, ..self.entry(task, state) };
            self.book(&entry).await?;
            return Ok((target.version(), None));
        };
        let text = |key: &str| info.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut report: Report = serde_json::from_str(text("dqc_report")).map_err(|_| unreadable(version, &state.promotion))?;
        report.recorded = serde_json::from_str(text("dqc_metrics")).unwrap_or_default();
        let id = target.id()?;
        self.settle_quarantine(task, state, &target).await?;
        self.mirror(task).await?;
        let entry = self.entry(task, state);
        let identity = text("dqc_files_sha256");
        // What was published may have been other files than those of now.
        let files = if entry.identity == identity { entry.files } else { &[] };
        let entry = BatchEntry {
            attempt: text("dqc_attempt"),
            identity,
            files,
            report: Some(&report),
            published: true,
            recovered: true,
            version: Some((&id, version)),
            ..entry
        };
        self.book(&entry).await?;
        Ok((version, Some(report)))
    }

    /// Brings the batch's rows in quarantine in line with the newest commit that says which they are.
    pub(super) async fn settle_quarantine(&self, task: &Task<'_>, state: &State, target: &Table) -> Result<(), Fault> {
        let url = self.quarantine(&task.promotion.to)?;
        settle(target, self.lake.storage, &state.promotion, &state.batch.name, url).await
    }

    pub(super) async fn quarantine_rows(
        &self,
        task: &Task<'_>,
        state: &State,
        held: &Manifest,
        table: &str,
        version: i64,
    ) -> Result<(), Fault> {
        let url = self.quarantine(&task.promotion.to)?;
        quarantine::settle(url, self.lake.storage, &state.batch.name, held, table, version).await
    }

    /// A batch's account, to be filled with what came of it.
    pub(super) fn entry<'e>(&'e self, task: &'e Task<'_>, state: &'e State) -> BatchEntry<'e> {
        BatchEntry {
            promotion: &state.promotion,
            source: &task.promotion.from,
            dataset: &task.promotion.to,
            batch: &state.batch.name,
            attempt: "",
            identity: state.identity.as_ref().map_or("", |i| i.sha256.as_str()),
            files: &state.batch.input.files,
            contract_version: &task.plan.version,
            contract_sha256: &task.plan.digest,
            report: None,
            reason: None,
            published: false,
            recovered: false,
            retry: false,
            version: None,
            started_at: state.started_at,
        }
    }
}

fn is_of(info: &HashMap<String, Value>, promotion: &str, batch: &str) -> bool {
    let says = |key: &str, what: &str| info.get(key).and_then(Value::as_str) == Some(what);
    says("dqc_promotion", promotion) && says("dqc_batch", batch)
}

/// The newest commit of a batch that has this entry: its version, and what it says of itself.
pub(super) async fn newest(
    target: &Table,
    promotion: &str,
    batch: &str,
    entry: &str,
) -> Result<Option<(i64, HashMap<String, Value>)>, Fault> {
    target.find_commit(None, |info| is_of(info, promotion, batch) && info.contains_key(entry)).await
}

pub(super) fn unreadable(version: i64, promotion: &str) -> Fault {
    Fault::internal(format!("version {version} of the target of `{promotion}` has an unreadable receipt"))
}

/// Carries out the newest list of what is held of a batch; `url`: of the quarantine.
pub(super) async fn settle(target: &Table, storage: &Storage, promotion: &str, batch: &str, url: &str) -> Result<(), Fault> {
    let Some((version, info)) = newest(target, promotion, batch, "dqc_held").await? else { return Ok(()) };
    let held = info.get("dqc_held").and_then(Value::as_str).unwrap_or_default();
    let held: Manifest = serde_json::from_str(held).map_err(|_| unreadable(version, promotion))?;
    quarantine::settle(url, storage, batch, &held, &target.id()?, version).await
}
