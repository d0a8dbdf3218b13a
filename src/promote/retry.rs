//! Rows out of quarantine: judged under today's contract; what passes joins the rows of its batch, the rest stays.
//!
//! A retry is one more commit to the target's log, under the batch's own transaction and with the list of what is held
//! from then on. So a retry and a run, or two retries, cannot both take the same rows, and a crash leaves a list that
//! the next command carries out.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::engine::types::arrow_type;
use crate::fault::{Fault, FaultKind};
use crate::hir::{Act, Action, OtherColumns, Over, RuleKind, Write};
use crate::ir::{Format, Input, InputFile, Place, Plan, Stage as Order};
use crate::lake::batch::Batch;
use crate::lake::delta::{StructField, Table};
use crate::lake::quarantine::read::{self, OURS, Origins};
use crate::lake::{rows, schema};
use crate::lake::stage::{self, Stage};
use crate::lake::store::Store;
use crate::ledger::BatchEntry;
use crate::promote::attempt::attempt_of;
use crate::promote::books::{RETRY, newest, unreadable};
use crate::promote::held::batches;
use crate::promote::pending::{Before, Identity, State, transaction};
use crate::promote::publish::{Judged, Leave, all_written};
use crate::promote::{Event, Judge, Lake, Options, Run, Summary, TRIES, Task};
use crate::run::{BatchVerdict, HeldRow, Job, Report, Sink};

/// Where rows are laid out that are judged again, below the quarantine.
pub(super) const RETRIES: &str = "_dqc_retry";

/// What came of the rows of one batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Retried {
    pub promotion: String,
    pub dataset: String,
    pub batch: String,
    pub promoted: u64,
    pub stay: u64,
    /// Of the target, since which the rows are in it.
    pub version: Option<i64>,
    /// Under the rules that can be judged without the rest of the batch.
    pub report: Option<Report>,
    /// Why nothing was tried, or why nothing could be promoted.
    pub reason: Option<String>,
}

/// Where the rows of a file that is judged again came from.
struct Again {
    inner: Arc<Stage>,
    origins: HashMap<String, Origins>,
}

#[async_trait::async_trait]
impl Sink for Again {
    async fn begin(&self, accepted: SchemaRef, held: SchemaRef, partitions: usize) -> Result<(), Fault> {
        self.inner.begin(accepted, held, partitions).await
    }

    async fn accept(&self, partition: usize, rows: RecordBatch) -> Result<(), Fault> {
        self.inner.accept(partition, rows).await
    }

    async fn hold(&self, partition: usize, rows: RecordBatch, mut marks: Vec<HeldRow>) -> Result<(), Fault> {
        for mark in &mut marks {
            let lost = || Fault::internal("a row that was held back is not known any more");
            let origin = self.origins.get(mark.file.as_ref()).ok_or_else(lost)?;
            let at = usize::try_from(mark.row).unwrap_or(0).wrapping_sub(1);
            mark.file = origin.files.get(at).cloned().ok_or_else(lost)?;
            mark.row = origin.rows.get(at).copied().ok_or_else(lost)?;
        }
        self.inner.hold(partition, rows, marks).await
    }
}

/// What a retry published.
struct Account<'a> {
    attempt: &'a str,
    identity: &'a str,
    report: &'a Report,
    /// Of the target.
    id: &'a str,
    version: i64,
}

/// Judges the held rows of `tasks` again and promotes those that pass; `tell` hears of each batch.
pub async fn retry(
    tasks: &[Task<'_>],
    lake: &Lake<'_>,
    options: &Options<'_>,
    judge: &dyn Judge,
    tell: &mut (dyn FnMut(Result<&Retried, Event<'_>>) + Send),
) -> Summary {
    let run = Run::new(lake, options, judge);
    let mut summary = run.begin(tasks.len());
    for task in tasks {
        if let Err(fault) = run.retry_task(task, &mut summary, tell).await {
            let stopped = matches!(fault.kind, FaultKind::Stopped(_));
            summary.faults.push(fault);
            if stopped {
                break;
            }
        }
    }
    run.end(&mut summary).await;
    summary
}

impl Run<'_> {
    async fn retry_task(
        &self,
        task: &Task<'_>,
        summary: &mut Summary,
        tell: &mut (dyn FnMut(Result<&Retried, Event<'_>>) + Send),
    ) -> Result<(), Fault> {
        self.options.stop.check()?;
        self.commits_safely(task)?;
        let url = self.quarantine(&task.promotion.to)?;
        let Some(table) = Table::open(url, self.lake.storage).await? else { return Ok(()) };
        let found = batches(&table)?;
        if let Some(wanted) = self.options.batch
            && !found.contains_key(wanted)
        {
            let notice = format!("no row of batch `{wanted}` of `{}` is held back", task.promotion.to);
            tell(Err(Event::Notice(notice)));
        }
        for batch in found.into_keys().filter(|b| self.options.batch.is_none_or(|wanted| wanted == b)) {
            let name = task.promotion.name();
            tell(Err(Event::Judging { promotion: &name, batch: &batch, files: 0, bytes: 0 }));
            let done = self.retry(task, &batch).await?;
            match (&done.reason, done.promoted) {
                (Some(_), _) => summary.blocked += 1,
                (None, 0) => {}
                (None, _) => summary.published += 1,
            }
            tell(Ok(&done));
        }
        Ok(())
    }

    /// Retries one batch; `None` where others got in between, and it has to be looked at again.
    pub(super) async fn retry(&self, task: &Task<'_>, batch: &str) -> Result<Retried, Fault> {
        let name = task.promotion.name();
        for _ in 0..TRIES {
            self.options.stop.check()?;
            if let Some(done) = self.retry_once(task, &name, batch).await? {
                return Ok(done);
            }
        }
        Err(Fault::new(FaultKind::Conflict, format!("others kept changing `{}` meanwhile", task.promotion.to))
            .with_help("running the same command again is safe"))
    }

    async fn retry_once(&self, task: &Task<'_>, name: &str, batch: &str) -> Result<Option<Retried>, Fault> {
        let mut done = Retried {
            promotion: name.to_owned(),
            dataset: task.promotion.to.clone(),
            batch: batch.to_owned(),
            promoted: 0,
            stay: 0,
            version: None,
            report: None,
            reason: None,
        };
        let place = self.place(&task.promotion.to)?;
        let target = Table::open(&place.url, self.lake.storage).await?;
        let transaction = transaction(name, batch);
        let number = match &target {
            Some(target) => target.transaction(&transaction).await?,
            None => None,
        };
        let (Some(target), Some(number)) = (target, number) else {
            done.reason = Some("its batch is not published any more; `dqc run` judges all of it".to_owned());
            return Ok(Some(done));
        };
        target.writable()?;
        let mut state = self.state_of(name, batch);
        self.book_unbooked(task, &state, &target).await?;
        self.mirror(task).await?;
        self.settle_quarantine(task, &state, &target).await?;
        let url = self.quarantine(&task.promotion.to)?;
        let Some(quarantine) = Table::open(url, self.lake.storage).await? else { return Ok(Some(done)) };
        let files = read::files(&quarantine, Some(batch))?;
        if files.is_empty() {
            return Ok(Some(done));
        }
        let folder = format!("{RETRIES}/{}", uuid::Uuid::new_v4());
        let staging = Store::open(&format!("{}/{folder}", url.trim_end_matches('/')), self.lake.storage)?;
        let laid_out = self.lay_out(task, &quarantine, &files, &staging).await;
        let outcome = match laid_out {
            Ok((input, origins)) => {
                state.batch.input = input;
                self.retry_rows(task, &state, target, number, origins, &mut done).await
            }
            Err(fault) => Err(fault),
        };
        let staged = staging.list().await.unwrap_or_default();
        staging.discard(staged.into_iter().map(|f| f.path)).await;
        Ok(outcome?.then_some(done))
    }

    fn state_of(&self, promotion: &str, batch: &str) -> State {
        let input = Input { place: Place { url: String::new(), format: Format::Parquet }, files: Vec::new(), version: None };
        State {
            promotion: promotion.to_owned(),
            batch: Batch { name: batch.to_owned(), input, settled: true, unfit: None },
            identity: None,
            published: Before::Nothing,
            late: None,
            likely_clean: false,
            started_at: crate::ledger::now(),
        }
    }

    /// Whether the source's values come as text, which is read as the types that its contract names.
    fn is_text(&self, task: &Task<'_>) -> Result<bool, Fault> {
        Ok(crate::engine::sources::text::kind(self.place(&task.promotion.from)?.format).is_some())
    }

    /// The rows as the source had them, in files that are judged like any others.
    async fn lay_out(
        &self,
        task: &Task<'_>,
        quarantine: &Table,
        files: &[InputFile],
        staging: &Store,
    ) -> Result<(Input, HashMap<String, Origins>), Fault> {
        let mut origins = HashMap::new();
        let (columns, text) = (quarantine.columns()?, self.is_text(task)?);
        for file in files {
            let rows = rows::read(&quarantine.store, &file.path, None).await?;
            let mut origin = Origins::default();
            let mut bare = Vec::with_capacity(rows.len());
            for rows in &rows {
                origin.take(rows).ok_or_else(|| Fault::internal("the rows held back lack a column of ours"))?;
                bare.push(bare_rows(task, rows, &columns, text)?);
            }
            let Some(first) = bare.first() else { continue };
            let schema = first.schema();
            origins.insert(stage::write_as_is(staging, &schema, bare).await?, origin);
        }
        let files = staging.list().await?;
        let format = if self.is_text(task)? { self.place(&task.promotion.from)?.format } else { Format::Parquet };
        let place = Place { url: staging.url.to_string(), format };
        Ok((Input { place, files, version: None }, origins))
    }

    /// `false`: others got in between.
    async fn retry_rows(
        &self,
        task: &Task<'_>,
        state: &State,
        target: Table,
        number: i64,
        origins: HashMap<String, Origins>,
        done: &mut Retried,
    ) -> Result<bool, Fault> {
        let batch = &state.batch.name;
        let (plan, over_batch) = retried(task.plan, &task.promotion.write);
        let held_at = origins.values().flat_map(|o| &o.held_at).copied().min().unwrap_or(self.options.as_of);
        let published = self.published_identity(&target, state).await?;
        let attempt = attempt_of(&state.promotion, &plan.digest, &published);
        let mut table_files = target.files()?;
        if over_batch {
            table_files.retain(|f| f.path.rsplit_once('/').is_some_and(|(folder, _)| folder == batch));
        }
        let place = self.place(&task.promotion.to)?;
        let table = Input { place: place.clone(), files: table_files, version: Some(target.version()) };
        let datasets = self.datasets(task).await?;
        let history = self.history(task).await?;
        let job = Job {
            plan: &plan,
            storage: self.lake.storage,
            input: &state.batch.input,
            datasets: &datasets,
            table: (!table.files.is_empty()).then_some(&table),
            history: Some(&history),
            batch: Some(batch),
            as_of: self.options.as_of,
            memory: self.options.memory,
            proofs: true,
            samples: self.options.samples,
            pictures: false,
            progress: self.options.progress,
        };
        let mut held = self.held(task, state, &attempt).await?;
        held.held_at = held_at;
        let stage = Arc::new(Stage::new(Store::open(&place.url, self.lake.storage)?, held, batch, target.partitioned()?));
        let sink = Arc::new(Again { inner: stage.clone(), origins });
        let mut report = match self.judged(&job, sink).await {
            Ok(report) => report,
            Err(fault) => {
                stage.abort().await;
                return Err(fault);
            }
        };
        // The batch left what history reads when it was first judged; its rest is no batch of its own.
        report.recorded.clear();
        done.stay = report.rows.input;
        if report.verdict == BatchVerdict::Blocked {
            stage.abort().await;
            done.reason = Some("a rule over the table blocks them all".to_owned());
            done.report = Some(report);
            return Ok(true);
        }
        let staged = stage.finish().await?;
        if report.rows.accepted == 0 {
            stage.discard(staged).await;
            done.report = Some(report);
            return Ok(true);
        }
        report.promoted = true;
        let digests = vec![String::new(); state.batch.input.files.len()];
        let identity = Identity { digests, sha256: published.clone() };
        let judged = Judged { number, retry: true, ..Judged::new(task, state, &identity, &attempt, None, &staged) };
        let committed = self.commit_retry(&judged, target, &report).await;
        match committed {
            Ok(Some(version)) => {
                (done.promoted, done.stay) = (report.rows.accepted, report.rows.quarantined);
                (done.version, done.report) = (Some(version), Some(report));
                Ok(true)
            }
            Ok(None) => {
                stage.discard(staged).await;
                Ok(false)
            }
            Err((fault, Leave::Files)) => Err(fault),
            Err((fault, Leave::Nothing)) => {
                stage.discard(staged).await;
                Err(fault)
            }
        }
    }

    async fn commit_retry(
        &self,
        judged: &Judged<'_>,
        mut target: Table,
        report: &Report,
    ) -> Result<Option<i64>, (Fault, Leave)> {
        let nothing = |fault| (fault, Leave::Nothing);
        let files = |fault| (fault, Leave::Files);
        let columns = all_written(judged, report).map_err(nothing)?;
        target.takes(&columns).map_err(nothing)?;
        let held = judged.manifest().map_err(nothing)?;
        let Some(version) = self.commit(judged, &mut target, columns, &held, report).await? else { return Ok(None) };
        let id = target.id().map_err(files)?;
        self.log.note(
            "retried",
            &[("batch", &judged.state.batch.name)],
            &[("promoted", report.rows.accepted), ("stay", report.rows.quarantined)],
        );
        let account = Account { attempt: judged.attempt, identity: &judged.identity.sha256, report, id: &id, version };
        self.book_retry(judged.task, judged.state, account, false).await.map_err(files)?;
        self.mirror(judged.task).await.map_err(files)?;
        // Last: as long as the rows are there, the next retry sees that something is left to do.
        self.quarantine_rows(judged.task, judged.state, &held, &id, version).await.map_err(files)?;
        Ok(Some(version))
    }

    async fn book_retry(&self, task: &Task<'_>, state: &State, of: Account<'_>, recovered: bool) -> Result<(), Fault> {
        let booked = self.ledger.published(&state.promotion, &task.promotion.to).await?;
        let books = booked.get(&state.batch.name).map_or(&[][..], Vec::as_slice);
        let book = books.iter().find(|book| book.identity == of.identity).or(books.last());
        let before = book.map(|book| book.files.clone()).unwrap_or_default();
        // The rules' results of a batch are those of its own judgement.
        let counted = Report { rules: Vec::new(), recorded: Vec::new(), ..of.report.clone() };
        let entry = BatchEntry {
            attempt: of.attempt,
            identity: of.identity,
            files: &before,
            report: Some(&counted),
            published: true,
            recovered,
            retry: true,
            version: Some((of.id, of.version)),
            ..self.entry(task, state)
        };
        self.book(&entry).await
    }

    /// Books what a retry published that ended before its books were done.
    async fn book_unbooked(&self, task: &Task<'_>, state: &State, target: &Table) -> Result<(), Fault> {
        let found = newest(target, &state.promotion, &state.batch.name, "dqc_report").await?;
        let Some((version, info)) = found else { return Ok(()) };
        if !info.contains_key(RETRY) {
            return Ok(());
        }
        let booked = self.ledger.published(&state.promotion, &task.promotion.to).await?;
        if booked.get(&state.batch.name).is_some_and(|books| books.iter().any(|book| book.target_version >= version)) {
            return Ok(());
        }
        let text = |key: &str| info.get(key).and_then(|v| v.as_str()).unwrap_or_default();
        let Ok(report) = serde_json::from_str::<Report>(text("dqc_report")) else {
            return Err(unreadable(version, &state.promotion));
        };
        let (attempt, identity, id) = (text("dqc_attempt"), text("dqc_files_sha256"), target.id()?);
        let account = Account { attempt, identity, report: &report, id: &id, version };
        self.book_retry(task, state, account, true).await
    }

    /// SHA-256 of the files that were published, as the batch's receipt tells it.
    async fn published_identity(&self, target: &Table, state: &State) -> Result<String, Fault> {
        let found = newest(target, &state.promotion, &state.batch.name, "dqc_files_sha256").await?;
        let text = found.and_then(|(_, info)| info.get("dqc_files_sha256").and_then(|v| v.as_str()).map(str::to_owned));
        Ok(text.unwrap_or_default())
    }
}

/// Without our columns, each column under its own name and of the type that the source's contract knows; `text`: of the type
/// that it has, for the cells are read as the source's are.
fn bare_rows(task: &Task<'_>, rows: &RecordBatch, table: &[StructField], text: bool) -> Result<RecordBatch, Fault> {
    let schema = rows.schema();
    let mut fields: Vec<Field> = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in schema.fields().iter().zip(rows.columns()) {
        if field.name().starts_with(OURS) {
            continue;
        }
        let name = crate::lake::quarantine::own_name(field, table);
        let declared = task.plan.source.iter().find(|c| c.name == name);
        let wanted = declared.map(|c| arrow_type(&c.ty)).filter(|_| !text);
        // What a table cannot hold was kept as text, or in another width.
        let kept = wanted.as_ref().is_some_and(|ty| {
            let as_kept = schema::stored(&Schema::new(vec![Field::new("x", ty.clone(), true)]));
            as_kept.field(0).data_type() == column.data_type() && ty != column.data_type()
        });
        let column = match (kept, wanted) {
            (true, Some(ty)) if !ty.is_nested() => cast(column, &ty).unwrap_or_else(|_| column.clone()),
            _ => column.clone(),
        };
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|_| Fault::internal("the rows held back could not be laid out"))
}

/// The rules that can be judged without the rest of the batch; and whether keys are compared with the batch's own
/// rows alone, instead of with all of the table.
fn retried(plan: &Plan, write: &Write) -> (Plan, bool) {
    let mut plan = plan.clone();
    plan.quarantine_cap = None;
    plan.source_other = OtherColumns::Kept;
    plan.rules.retain(|r| r.stage != Order::Batch || r.rule.over == Over::Table);
    let merges = matches!(write, Write::Merge { .. });
    let over_table = plan.rules.iter().any(|r| r.rule.over == Over::Table);
    let keyed = plan.rules.iter().any(|r| matches!(r.rule.kind, RuleKind::Unique { key: true, .. }));
    for planned in &mut plan.rules {
        let holds = planned.rule.actions.iter().any(|a| matches!(a.act, Act::Quarantine | Act::Block));
        if planned.stage == Order::Batch || planned.stage == Order::Schema {
            continue;
        }
        // A rule that points at rows keeps back those that break it, however few they are.
        if holds {
            planned.rule.actions = vec![Action { act: Act::Quarantine, above: None }];
        }
        if let RuleKind::Unique { key, .. } = &mut planned.rule.kind {
            // The rows of its batch that are published already count.
            *key = if *key { !merges } else { holds };
        }
    }
    (plan, !over_table && (merges || !keyed))
}
