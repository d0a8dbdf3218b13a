//! One batch: judged, and published if it passes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::fault::{Fault, FaultKind};
use crate::hir::{BatchBy, Write};
use crate::ir::{Format, Input};
use crate::lake::batch;
use crate::lake::delta::Table;
use crate::lake::quarantine::Held;
use crate::engine::sink::Discard;
use crate::lake::stage::{Stage, Staged, Unchanged};
use crate::lake::store::{Store, hex};
use crate::ledger::BatchEntry;
use crate::promote::pending::{Before, State, number};
use crate::promote::publish::{Judged, Kept, Leave};
use crate::promote::{Run, TRIES, Task, What, copy, evolution};
use crate::run::{BatchVerdict, Job, Report, Sink};

fn too_late(state: &State) -> String {
    let how = state.late.as_deref().unwrap_or("its files changed");
    format!("{how}, after the batch was published, and `write append` cannot take rows back")
}

pub(super) type Done = (What, Option<Report>);

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
            return self.refuse(task, state, too_late(state)).await;
        }
        if let Some(why) = &state.batch.unfit {
            return self.refuse(task, state, why.clone()).await;
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
        match self.recorded(target.as_ref(), state).await? {
            Some(there) if there == number(&identity.sha256) && !self.options.dry_run => {
                let (version, report) = self.recover(task, state).await?;
                return Ok(Some((What::Recovered(version), report)));
            }
            Some(_) if task.promotion.write == Write::Append => {
                return self.refuse(task, state, too_late(state)).await.map(Some);
            }
            _ => {}
        }
        let table = match &target {
            Some(target) => self.table_without(task, state, target)?,
            None => None,
        };
        let history = self.history(task).await?;
        let partitioned = match &target {
            Some(target) => {
                target.writable()?;
                evolution::check(task, target).await?;
                target.partitioned()?
            }
            None => Vec::new(),
        };
        let job = Job {
            plan: task.plan,
            storage: self.lake.storage,
            input: &state.batch.input,
            datasets,
            table: table.as_ref(),
            history: Some(&history),
            batch: Some(&state.batch.name),
            as_of: self.options.as_of,
            memory: self.options.memory,
            proofs: true,
            samples: self.options.samples,
            pictures: self.options.pictures,
            progress: self.options.progress,
        };
        if self.options.dry_run {
            return match self.judged(&job, Arc::new(Discard)).await {
                Ok(report) => self.not_published(task, state, &attempt, report).await.map(Some),
                Err(fault) => self.not_judged(task, state, fault).await.map(Some),
            };
        }
        if let Some(files) = self.copyable(task, state, target.as_ref()).await? {
            let unchanged = Arc::new(Unchanged::new());
            match self.judged(&job, unchanged.clone()).await {
                Ok(report) if report.verdict == BatchVerdict::Blocked => {
                    return self.not_published(task, state, &attempt, report).await.map(Some);
                }
                Ok(mut report) => {
                    if let (0, Some(accepted)) = (report.rows.quarantined, unchanged.schema().await) {
                        let copied = self.copied(task, state, identity, &files).await?;
                        self.log.note("copied", &[("batch", &state.batch.name)], &[("files", files.len() as u64)]);
                        let stage = Stage::new(
                            Store::open(&place.url, self.lake.storage)?,
                            self.held(task, state, &attempt).await?,
                            &state.batch.name,
                            partitioned,
                        );
                        let staged = copy::staged(copied, accepted);
                        let judged = Judged::new(task, state, identity, &attempt, target, &staged);
                        let kept = self.publish(judged, &mut report).await;
                        return self.kept(task, state, &stage, staged, kept, report).await;
                    }
                }
                Err(_) if unchanged.is_dirty() => {}
                Err(fault) => return self.not_judged(task, state, fault).await.map(Some),
            }
        }
        let stage = Arc::new(Stage::new(
            Store::open(&place.url, self.lake.storage)?,
            self.held(task, state, &attempt).await?,
            &state.batch.name,
            partitioned,
        ));
        let mut report = match self.judged(&job, stage.clone()).await {
            Ok(report) => report,
            Err(fault) => {
                stage.abort().await;
                return self.not_judged(task, state, fault).await.map(Some);
            }
        };
        if report.verdict == BatchVerdict::Blocked {
            stage.abort().await;
            return self.not_published(task, state, &attempt, report).await.map(Some);
        }
        let staged = stage.finish().await?;
        let (accepted, held) = (staged.accepted.files.len() as u64, staged.held.files.len() as u64);
        self.log.note("staged", &[("batch", &state.batch.name)], &[("accepted_files", accepted), ("held_files", held)]);
        let judged = Judged::new(task, state, identity, &attempt, target, &staged);
        let kept = self.publish(judged, &mut report).await;
        self.kept(task, state, &stage, staged, kept, report).await
    }

    /// What the engine says of the rows, unless the run is asked to end.
    pub(super) async fn judged(&self, job: &Job<'_>, sink: Arc<dyn Sink>) -> Result<Report, Fault> {
        let batch = job.batch.unwrap_or_default();
        let (files, bytes) = (job.input.files.len() as u64, job.input.files.iter().map(|f| f.size).sum());
        self.log.note("judging", &[("batch", batch)], &[("files", files), ("bytes", bytes)]);
        let judged = tokio::select! {
            judged = self.judge.judge(job, sink) => judged,
            fault = self.options.stop.asked() => Err(fault),
        };
        let mut report = judged?;
        report.promoted = false;
        let rows = report.rows;
        self.log.note(
            "judged",
            &[("batch", batch), ("verdict", report.verdict.word())],
            &[("input", rows.input), ("accepted", rows.accepted), ("quarantined", rows.quarantined)],
        );
        Ok(report)
    }

    /// What becomes of staged files that were published, or not.
    async fn kept(
        &self,
        task: &Task<'_>,
        state: &State,
        stage: &Stage,
        staged: Staged,
        kept: Result<Kept, (Fault, Leave)>,
        report: Report,
    ) -> Result<Option<Done>, Fault> {
        match kept {
            Ok(Kept::Published(version)) => {
                Ok(Some((What::Published(version), Some(report))))
            }
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

    /// Paths of the files that the batch's new ones take the place of.
    pub(super) fn replaced(&self, task: &Task<'_>, state: &State, target: &Table) -> Result<HashSet<String>, Fault> {
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

    pub(super) async fn held(&self, task: &Task<'_>, state: &State, attempt: &str) -> Result<Held, Fault> {
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
        self.book(&entry).await?;
        Ok((What::Blocked, Some(report)))
    }

    async fn refuse(&self, task: &Task<'_>, state: &State, why: String) -> Result<Done, Fault> {
        self.log.note("refused", &[("batch", &state.batch.name), ("reason", &why)], &[]);
        if !self.options.dry_run {
            let entry = BatchEntry { reason: Some(&why), ..self.entry(task, state) };
            self.book(&entry).await?;
        }
        Ok((What::Refused(why), None))
    }
}

/// An attempt's identity: what is promoted, under which contract, from which files.
pub(super) fn attempt_of(promotion: &str, contract_sha256: &str, files_sha256: &str) -> String {
    hex(&Sha256::digest(format!("{promotion}\0{contract_sha256}\0{files_sha256}")))
}
