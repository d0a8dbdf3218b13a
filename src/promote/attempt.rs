//! One batch: judged, and published if it passes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::fault::{Fault, FaultKind};
use crate::hir::{BatchBy, Write};
use crate::ir::{Format, Input};
use crate::lake::batch;
use crate::lake::delta::{Change, Committed, Table};
use crate::lake::merge::{Merged, merge};
use crate::lake::quarantine::{Held, Manifest};
use crate::lake::schema;
use crate::lake::stage::{Nowhere, Stage, Staged};
use crate::lake::store::{Store, hex};
use crate::ledger::BatchEntry;
use crate::promote::books::Receipt;
use crate::promote::pending::{Before, Identity, State, number, transaction};
use crate::promote::plan::{merge_by, reads_table};
use crate::promote::{Run, Task, What};
use crate::run::{BatchVerdict, Job, Report, Sink};

/// How often a batch is judged again because others changed the target meanwhile.
const TRIES: usize = 8;

type Done = (What, Option<Report>);

impl Run<'_> {
    pub(super) async fn batch(
        &self,
        task: &Task<'_>,
        state: &mut State,
        datasets: &BTreeMap<String, Input>,
    ) -> Result<Done, Fault> {
        let dry = self.options.dry_run;
        if matches!(state.published, Before::Unbooked | Before::UnbookedAndChanged) && !dry {
            let (version, report) = self.recover(task, state).await?;
            if state.published == Before::Unbooked {
                return Ok((What::Recovered(version), report));
            }
        }
        let changed = matches!(state.published, Before::Changed | Before::UnbookedAndChanged);
        if changed && task.promotion.write == Write::Append {
            let why = "its files changed after it was published, and `write append` cannot take rows back";
            return self.refuse(task, state, why.to_owned()).await;
        }
        if state.identity.is_none() {
            state.identity = Some(self.identity(&state.batch).await?);
        }
        for _ in 0..TRIES {
            self.options.stop.check()?;
            if let Some(done) = self.attempt(task, state, datasets).await? {
                return Ok(done);
            }
        }
        Err(Fault::new(
            FaultKind::Conflict,
            format!("others kept changing `{}` while the batch was judged", task.promotion.to),
        )
        .with_help("running the same command again is safe"))
    }

    /// `None`: somebody else changed the target meanwhile, and the batch has to be looked at again.
    async fn attempt(
        &self,
        task: &Task<'_>,
        state: &State,
        datasets: &BTreeMap<String, Input>,
    ) -> Result<Option<Done>, Fault> {
        let identity = state.identity.as_ref().ok_or_else(|| Fault::internal("the batch's files were not read"))?;
        let attempt = attempt_of(&state.promotion, &task.plan.digest, &identity.sha256);
        let place = self.place(&task.promotion.to)?;
        if place.format != Format::Delta {
            return Err(Fault::usage(format!(
                "`{}` is not a Delta table, and only those are written",
                task.promotion.to
            ))
            .with_help("leave out `format` for this dataset or its layer"));
        }
        let target = Table::open(&place.url, self.lake.storage).await?;
        if self.is_published(target.as_ref(), state, identity).await? && !self.options.dry_run {
            let (version, report) = self.recover(task, state).await?;
            return Ok(Some((What::Recovered(version), report)));
        }
        let table = match &target {
            // A merge judges keys within the batch.
            Some(target) if !matches!(task.promotion.write, Write::Merge { .. }) => self.table_without(task, state, target)?,
            _ => None,
        };
        let stage = Arc::new(Stage::new(
            Store::open(&place.url, self.lake.storage)?,
            self.held(task, state, &attempt).await?,
            &state.batch.name,
        ));
        let job = Job {
            plan: task.plan,
            storage: self.lake.storage,
            input: &state.batch.input,
            datasets,
            table: table.as_ref(),
            batch: Some(&state.batch.name),
            as_of: self.options.as_of,
            memory: self.options.memory,
            samples: self.options.samples,
            progress: self.options.progress,
        };
        let sink: Arc<dyn Sink> = if self.options.dry_run { Arc::new(Nowhere) } else { stage.clone() };
        let judged = tokio::select! {
            judged = self.judge.judge(&job, sink) => judged,
            fault = self.options.stop.asked() => Err(fault),
        };
        let mut report = match judged {
            Ok(report) => report,
            Err(fault) => {
                stage.abort().await;
                return self.not_judged(task, state, fault).await.map(Some);
            }
        };
        report.promoted = false;
        if report.verdict == BatchVerdict::Blocked || self.options.dry_run {
            stage.abort().await;
            return self.not_published(task, state, &attempt, report).await.map(Some);
        }
        let staged = stage.finish().await?;
        let kept = self.publish(task, state, identity, &attempt, target, &staged, &mut report).await;
        match kept {
            Ok(Kept::Published(version)) => Ok(Some((What::Published(version), Some(report)))),
            Ok(Kept::Again) => {
                stage.discard(staged).await;
                Ok(None)
            }
            Ok(Kept::Refused(why)) => {
                stage.discard(staged).await;
                self.refuse(task, state, why).await.map(Some)
            }
            Err((fault, Leave::Files)) => Err(fault),
            Err((fault, Leave::Nothing)) => {
                stage.discard(staged).await;
                Err(fault)
            }
        }
    }

    /// Makes the staged rows visible, if the batch is still what was judged.
    #[allow(clippy::too_many_arguments)]
    async fn publish(
        &self,
        task: &Task<'_>,
        state: &State,
        identity: &Identity,
        attempt: &str,
        judged_with: Option<Table>,
        staged: &Staged,
        report: &mut Report,
    ) -> Result<Kept, (Fault, Leave)> {
        let nothing = |fault| (fault, Leave::Nothing);
        self.options.stop.check().map_err(nothing)?;
        if (staged.accepted.rows, staged.held.rows) != (report.rows.accepted, report.rows.quarantined) {
            return Err(nothing(Fault::internal(format!(
                "batch `{}`: {} rows were accepted and {} written, {} held back and {} written",
                state.batch.name, report.rows.accepted, staged.accepted.rows, report.rows.quarantined, staged.held.rows
            ))));
        }
        if let Some(path) = batch::changed(&state.batch.input, self.lake.storage).await.map_err(nothing)? {
            return Ok(Kept::Refused(format!("its file `{path}` changed while it was judged")));
        }
        let columns = staged.accepted.schema.clone();
        let columns = columns.ok_or_else(|| nothing(Fault::internal("the judgement gave no schema")))?;
        let by = merge_by(task).map_err(nothing)?;
        let exclusive = by.is_some() || reads_table(task.plan, &task.promotion.write);
        let mut target = match judged_with {
            Some(table) => table,
            None => {
                let url = &self.place(&task.promotion.to).map_err(nothing)?.url;
                let table = Table::open_or_create(url, self.lake.storage, &columns).await.map_err(nothing)?;
                let taken = self.is_published(Some(&table), state, identity).await.map_err(nothing)?;
                if taken || exclusive && table.version() > 0 {
                    return Ok(Kept::Again);
                }
                table
            }
        };
        target.takes(&columns).map_err(nothing)?;
        let held = Manifest {
            files: staged.held.files.clone(),
            columns: match &staged.held.schema {
                Some(schema) => schema::delta_fields(schema).map_err(nothing)?,
                None => Vec::new(),
            },
        };
        let folder = &state.batch.name;
        let files = match &by {
            Some(by) => merge(&target, self.lake.storage, &staged.accepted, folder, by).await.map_err(nothing)?,
            None => Merged {
                add: staged.accepted.files.clone(),
                remove: self.replaced(task, state, &target).map_err(nothing)?,
                own: Vec::new(),
            },
        };
        let own: Vec<String> = files.own.into_iter().map(|f| f.path).collect();
        let named: HashSet<&str> = files.add.iter().map(|f| f.path.as_str()).collect();
        let spare = staged.accepted.files.iter().map(|f| f.path.clone()).filter(|path| !named.contains(path.as_str()));
        let spare: Vec<String> = spare.collect();
        report.promoted = true;
        let receipt = Receipt {
            promotion: &state.promotion,
            batch: &state.batch.name,
            attempt,
            run_id: &self.ledger.run_id,
            identity,
            held: &held,
            report,
            files: &state.batch.input.files,
        };
        let change = Change {
            add: files.add,
            remove: files.remove,
            transaction: Some((transaction(&state.promotion, &state.batch.name), number(&identity.sha256))),
            metadata: receipt.entries().map_err(nothing)?,
            columns: Some(columns.as_ref().clone()),
            exclusive,
        };
        let version = match target.commit(change).await {
            Ok(Committed::Version(version)) => version,
            Ok(Committed::Conflict) => {
                target.store.discard(own).await;
                return Ok(Kept::Again);
            }
            Err(fault) => {
                target.store.discard(own).await;
                return Err(nothing(fault));
            }
            Ok(Committed::Unknown) => {
                let what = format!("whether batch `{}` came into `{}` is unknown", state.batch.name, task.promotion.to);
                let fault = Fault::new(FaultKind::Unknown, what);
                return Err((fault.with_help("running the same command again is safe and finds out"), Leave::Files));
            }
        };
        target.store.discard(spare).await;
        let leave = |fault| (fault, Leave::Files);
        let id = target.id().map_err(leave)?;
        self.quarantine_rows(task, state, &held, &id, version).await.map_err(leave)?;
        let entry = BatchEntry {
            attempt,
            report: Some(report),
            published: true,
            version: Some((&id, version)),
            ..self.entry(task, state)
        };
        self.ledger.write_batch(&entry).await.map_err(leave)?;
        Ok(Kept::Published(version))
    }

    async fn is_published(&self, target: Option<&Table>, state: &State, identity: &Identity) -> Result<bool, Fault> {
        let Some(target) = target else { return Ok(false) };
        let there = target.transaction(&transaction(&state.promotion, &state.batch.name)).await?;
        Ok(there == Some(number(&identity.sha256)))
    }

    /// Paths of the files that the batch's new ones take the place of.
    fn replaced(&self, task: &Task<'_>, state: &State, target: &Table) -> Result<HashSet<String>, Fault> {
        if task.promotion.write != Write::Replace {
            return Ok(HashSet::new());
        }
        let whole = task.promotion.batches == BatchBy::Whole;
        let of_batch = |path: &str| path.rsplit_once('/').is_some_and(|(folder, _)| folder == state.batch.name);
        Ok(target.files()?.into_iter().map(|f| f.path).filter(|path| whole || of_batch(path)).collect())
    }

    /// The target as the batch's rules see it; `None` where nothing is left of it.
    fn table_without(&self, task: &Task<'_>, state: &State, target: &Table) -> Result<Option<Input>, Fault> {
        let replaced = self.replaced(task, state, target)?;
        let mut files = target.files()?;
        files.retain(|f| !replaced.contains(&f.path));
        if files.is_empty() {
            return Ok(None);
        }
        Ok(Some(Input { place: self.place(&task.promotion.to)?.clone(), files, version: Some(target.version()) }))
    }

    async fn held(&self, task: &Task<'_>, state: &State, attempt: &str) -> Result<Held, Fault> {
        let url = self.quarantine(&task.promotion.to)?;
        let columns = match Table::open(url, self.lake.storage).await? {
            Some(table) => table.columns()?,
            None => Vec::new(),
        };
        Ok(Held {
            store: Store::open(url, self.lake.storage)?,
            columns,
            batch: state.batch.name.clone(),
            attempt: attempt.to_owned(),
            promotion: state.promotion.clone(),
            contract: task.plan.dataset.clone(),
            version: task.plan.version.clone(),
            held_at: self.options.as_of,
        })
    }

    /// The engine gave up: because of the batch, or because of the world.
    async fn not_judged(&self, task: &Task<'_>, state: &State, fault: Fault) -> Result<Done, Fault> {
        if fault.kind != FaultKind::Storage {
            return Err(fault);
        }
        if let Some(path) = batch::changed(&state.batch.input, self.lake.storage).await? {
            return self.refuse(task, state, format!("its file `{path}` changed while it was judged")).await;
        }
        match batch::unreadable(&state.batch.input, self.lake.storage).await? {
            Some(path) => self.refuse(task, state, format!("its file `{path}` cannot be read as parquet")).await,
            None => Err(fault),
        }
    }

    async fn not_published(
        &self,
        task: &Task<'_>,
        state: &State,
        attempt: &str,
        report: Report,
    ) -> Result<Done, Fault> {
        if self.options.dry_run {
            let what = if report.verdict == BatchVerdict::Blocked { What::Blocked } else { What::Passed };
            return Ok((what, Some(report)));
        }
        let entry = BatchEntry { attempt, report: Some(&report), ..self.entry(task, state) };
        self.ledger.write_batch(&entry).await?;
        Ok((What::Blocked, Some(report)))
    }

    async fn refuse(&self, task: &Task<'_>, state: &State, why: String) -> Result<Done, Fault> {
        if !self.options.dry_run {
            let entry = BatchEntry { reason: Some(&why), ..self.entry(task, state) };
            self.ledger.write_batch(&entry).await?;
        }
        Ok((What::Refused(why), None))
    }
}

/// What became of staged rows.
enum Kept {
    Published(i64),
    Again,
    Refused(String),
}

/// Whether files that are staged may be part of a table by now.
enum Leave {
    Nothing,
    Files,
}

/// An attempt's identity: what is promoted, under which contract, from which files.
fn attempt_of(promotion: &str, contract_sha256: &str, files_sha256: &str) -> String {
    hex(&Sha256::digest(format!("{promotion}\0{contract_sha256}\0{files_sha256}")))
}
