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
use crate::lake::stage::{Stage, Staged};
use crate::lake::store::{Store, hex};
use crate::ledger::BatchEntry;
use crate::promote::copy::Beside;
use crate::promote::pending::{Before, Identity, State, number};
use crate::promote::publish::{Judged, Kept, Leave};
use crate::promote::{Run, TRIES, Task, What, copy, evolution};
use crate::run::schema::OTHER_COLUMNS;
use crate::run::{BatchVerdict, Job, Report, RuleVerdict, Sink};

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
        for _ in 0..TRIES {
            self.options.stop.check()?;
            if let Some((what, mut report)) = self.attempt(task, state, datasets).await? {
                report.iter_mut().for_each(|report| report.rules.retain(|rule| !rule.told));
                return Ok((what, report));
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
        state: &mut State,
        datasets: &BTreeMap<String, Input>,
    ) -> Result<Option<Done>, Fault> {
        let place = self.place(&task.promotion.to)?;
        if place.format != Format::Delta {
            return Err(Fault::usage(format!(
                "`{}` is not a Delta table, and only those are written",
                task.promotion.to
            ))
            .with_help("leave out `format` for this dataset or its layer"));
        }
        let target = Table::open(&place.url, self.lake.storage).await?;
        if let Some(there) = self.recorded(target.as_ref(), state).await? {
            let same = there == number(&self.identified(state).await?.sha256);
            if same && !self.options.dry_run {
                let (version, report) = self.recover(task, state).await?;
                return Ok(Some((What::Recovered(version), report)));
            }
            if !same && task.promotion.write == Write::Append {
                return self.refuse(task, state, too_late(state)).await.map(Some);
            }
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
        let (input, batch) = (state.batch.input.clone(), state.batch.name.clone());
        let job = Job {
            plan: task.plan,
            storage: self.lake.storage,
            input: &input,
            datasets,
            table: table.as_ref(),
            history: Some(&history),
            batch: Some(&batch),
            as_of: self.options.as_of,
            memory: self.options.memory,
            proofs: true,
            samples: self.options.samples,
            pictures: self.options.pictures,
            progress: self.options.progress,
        };
        if self.options.dry_run {
            return match self.judged(&job, Arc::new(Discard)).await {
                Ok(report) => self.not_published(task, state, report).await.map(Some),
                Err(fault) => self.not_judged(task, state, fault).await.map(Some),
            };
        }
        if let Some(files) = self.copyable(task, state, target.as_ref()).await? {
            match self.judged_beside_copies(task, &job, state.identity.as_ref(), &files).await? {
                Beside::Clean { mut report, identity, files, schema } => {
                    state.identity = Some(identity);
                    let stage = self.stage(task, state, partitioned).await?;
                    let staged = copy::staged(files, schema);
                    let (identity, attempt) = (state.known()?, state.attempt(task)?);
                    let judged = Judged::new(task, state, identity, &attempt, target, &staged);
                    let kept = self.publish(judged, &mut report).await;
                    return self.kept(task, state, &stage, staged, kept, *report).await;
                }
                Beside::Blocked(report, identity) => {
                    state.identity = Some(identity);
                    return self.not_published(task, state, *report).await.map(Some);
                }
                Beside::Dirty(identity) => state.identity = Some(identity),
                Beside::NotJudged(fault) => return self.not_judged(task, state, fault).await.map(Some),
            }
        }
        self.identified(state).await?;
        let stage = Arc::new(self.stage(task, state, partitioned).await?);
        let mut report = match self.judged(&job, stage.clone()).await {
            Ok(report) => report,
            Err(fault) => {
                stage.abort().await;
                return self.not_judged(task, state, fault).await.map(Some);
            }
        };
        if report.verdict == BatchVerdict::Blocked {
            stage.abort().await;
            return self.not_published(task, state, report).await.map(Some);
        }
        let staged = stage.finish().await?;
        let (accepted, held) = (staged.accepted.files.len() as u64, staged.held.files.len() as u64);
        self.log.note("staged", &[("batch", &state.batch.name)], &[("accepted_files", accepted), ("held_files", held)]);
        let (identity, attempt) = (state.known()?, state.attempt(task)?);
        let judged = Judged::new(task, state, identity, &attempt, target, &staged);
        let kept = self.publish(judged, &mut report).await;
        self.kept(task, state, &stage, staged, kept, report).await
    }

    /// What the batch's files are; they are read for it once.
    async fn identified<'s>(&self, state: &'s mut State) -> Result<&'s Identity, Fault> {
        if state.identity.is_none() {
            state.identity = Some(self.identity(&state.batch.input).await?);
        }
        state.known()
    }

    /// Where the batch's rows are put until they are published.
    async fn stage(&self, task: &Task<'_>, state: &State, partitioned: Vec<String>) -> Result<Stage, Fault> {
        let target = Store::open(&self.place(&task.promotion.to)?.url, self.lake.storage)?;
        let attempt = state.attempt(task)?;
        Ok(Stage::new(target, self.held(task, state, &attempt).await?, &state.batch.name, partitioned))
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
        self.recall(&mut report).await;
        let rows = report.rows;
        self.log.note(
            "judged",
            &[("batch", batch), ("verdict", report.verdict.word())],
            &[("input", rows.input), ("accepted", rows.accepted), ("quarantined", rows.quarantined)],
        );
        Ok(report)
    }

    /// Marks what was said of the batch before in the same words: other columns are reported once per change.
    async fn recall(&self, report: &mut Report) {
        let promotion = report.promotion.clone().unwrap_or_default();
        let remark = |r: &&mut crate::run::RuleResult| r.rule == OTHER_COLUMNS && r.verdict == RuleVerdict::Passed;
        let Some(remark) = report.rules.iter_mut().find(remark) else { return };
        // Books that cannot be read hold no batch up; it is told of once more.
        let last = self.ledger.last_remark(&promotion, &report.contract, OTHER_COLUMNS).await.unwrap_or_default();
        remark.told = last.is_some() && last == remark.reason;
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
        report: Report,
    ) -> Result<Done, Fault> {
        if self.options.dry_run {
            let what = if report.verdict == BatchVerdict::Blocked { What::Blocked } else { What::Passed };
            return Ok((what, Some(report)));
        }
        let attempt = state.attempt(task)?;
        let entry = BatchEntry { attempt: &attempt, report: Some(&report), ..self.entry(task, state) };
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

impl State {
    fn known(&self) -> Result<&Identity, Fault> {
        self.identity.as_ref().ok_or_else(|| Fault::internal("the batch's files were not read"))
    }

    fn attempt(&self, task: &Task<'_>) -> Result<String, Fault> {
        Ok(attempt_of(&self.promotion, &task.plan.digest, &self.known()?.sha256))
    }
}

/// An attempt's identity: what is promoted, under which contract, from which files.
pub(super) fn attempt_of(promotion: &str, contract_sha256: &str, files_sha256: &str) -> String {
    hex(&Sha256::digest(format!("{promotion}\0{contract_sha256}\0{files_sha256}")))
}
