//! The commit that makes a batch visible, and what follows from it.

use std::collections::HashSet;

use arrow::datatypes::SchemaRef;

use crate::fault::{Fault, FaultKind};
use crate::lake::batch;
use crate::lake::delta::{Change, Committed, Table};
use crate::lake::merge::{Merged, merge};
use crate::lake::quarantine::Manifest;
use crate::lake::schema;
use crate::lake::stage::Staged;
use crate::ledger::BatchEntry;
use crate::promote::books::Receipt;
use crate::promote::pending::{Identity, State, number, transaction};
use crate::promote::plan::{merge_by, reads_table};
use crate::promote::{Run, Task};
use crate::run::Report;

/// A batch that may be published, and its rows in files that nobody sees.
pub(super) struct Judged<'j> {
    pub task: &'j Task<'j>,
    pub state: &'j State,
    pub identity: &'j Identity,
    pub attempt: &'j str,
    /// As it stood when the batch was judged.
    pub target: Option<Table>,
    pub staged: &'j Staged,
    /// The number under which the target's log has the batch, or will.
    pub number: i64,
    /// Rows that come out of quarantine are added to those of their batch, and take no one's place.
    pub retry: bool,
}

impl<'j> Judged<'j> {
    pub fn new(
        task: &'j Task<'j>,
        state: &'j State,
        identity: &'j Identity,
        attempt: &'j str,
        target: Option<Table>,
        staged: &'j Staged,
    ) -> Self {
        let number = number(&identity.sha256);
        Self { task, state, identity, attempt, target, staged, number, retry: false }
    }

    /// What of the batch is to be in quarantine.
    pub fn manifest(&self) -> Result<Manifest, Fault> {
        let held = &self.staged.held;
        let columns = held.schema.as_ref().map(|schema| schema::delta_fields(schema)).transpose()?;
        Ok(Manifest { files: held.files.clone(), columns: columns.unwrap_or_default() })
    }
}

/// What became of staged rows.
pub(super) enum Kept {
    Published(i64),
    /// Somebody else changed the target: the batch has to be looked at again.
    Again,
    Refused(String),
}

/// Whether files that are staged may be part of a table by now.
pub(super) enum Leave {
    Nothing,
    Files,
}

fn nothing(fault: Fault) -> (Fault, Leave) {
    (fault, Leave::Nothing)
}

fn files(fault: Fault) -> (Fault, Leave) {
    (fault, Leave::Files)
}

impl Run<'_> {
    /// Makes the staged rows visible, if the batch is still what was judged.
    pub(super) async fn publish(&self, mut judged: Judged<'_>, report: &mut Report) -> Result<Kept, (Fault, Leave)> {
        self.options.stop.check().map_err(nothing)?;
        let columns = all_written(&judged, report).map_err(nothing)?;
        let input = &judged.state.batch.input;
        if let Some(path) = batch::changed(input, self.lake.storage).await.map_err(nothing)? {
            return Ok(Kept::Refused(format!("its file `{path}` changed while it was judged")));
        }
        let Some(mut target) = self.target(&mut judged, &columns).await.map_err(nothing)? else {
            return Ok(Kept::Again);
        };
        target.takes(&columns).map_err(nothing)?;
        let held = judged.manifest().map_err(nothing)?;
        report.promoted = true;
        let version = match self.commit(&judged, &mut target, columns, &held, report).await? {
            Some(version) => version,
            None => return Ok(Kept::Again),
        };
        let id = target.id().map_err(files)?;
        let name = &judged.state.batch.name;
        self.log.note("published", &[("batch", name)], &[("version", u64::try_from(version).unwrap_or(0))]);
        self.quarantine_rows(judged.task, judged.state, &held, &id, version).await.map_err(files)?;
        self.log.note("quarantine settled", &[("batch", name)], &[("files", held.files.len() as u64)]);
        self.mirror(judged.task).await.map_err(files)?;
        let entry = BatchEntry {
            attempt: judged.attempt,
            report: Some(report),
            published: true,
            version: Some((&id, version)),
            ..self.entry(judged.task, judged.state)
        };
        self.book(&entry).await.map_err(files)?;
        self.log.note("booked", &[("batch", name)], &[]);
        Ok(Kept::Published(version))
    }

    /// The target as the batch was judged against, created if need be; `None` where it is another by now.
    async fn target(&self, judged: &mut Judged<'_>, columns: &SchemaRef) -> Result<Option<Table>, Fault> {
        if let Some(table) = judged.target.take() {
            return Ok(Some(table));
        }
        let url = &self.place(&judged.task.promotion.to)?.url;
        let table = Table::open_or_create(url, self.lake.storage, columns).await?;
        let taken = self.recorded(Some(&table), judged.state).await?.is_some();
        Ok((!taken && !(exclusive(judged.task) && table.version() > 0)).then_some(table))
    }

    /// `None`: somebody else committed first.
    pub(super) async fn commit(
        &self,
        judged: &Judged<'_>,
        target: &mut Table,
        columns: SchemaRef,
        held: &Manifest,
        report: &Report,
    ) -> Result<Option<i64>, (Fault, Leave)> {
        let Judged { task, state, identity, attempt, staged, retry, .. } = judged;
        let receipt = Receipt {
            promotion: &state.promotion,
            batch: &state.batch.name,
            attempt,
            run_id: &self.ledger.run_id,
            identity,
            held,
            report,
            files: &state.batch.input.files,
            who: &self.options.who,
            retry: *retry,
        };
        let metadata = receipt.entries().map_err(nothing)?;
        let merged = match merge_by(task).map_err(nothing)? {
            Some(by) => {
                let rows = &staged.accepted;
                merge(target, self.lake.storage, rows, &state.batch.name, &by).await.map_err(nothing)?
            }
            None if *retry => Merged { add: staged.accepted.files.clone(), ..Merged::default() },
            None => Merged {
                add: staged.accepted.files.clone(),
                remove: self.replaced(task, state, target).map_err(nothing)?,
                own: Vec::new(),
            },
        };
        let named: HashSet<String> = merged.add.iter().map(|f| f.path.clone()).collect();
        let change = Change {
            add: merged.add,
            remove: merged.remove,
            transaction: Some((transaction(&state.promotion, &state.batch.name), judged.number)),
            metadata,
            columns: Some(columns.as_ref().clone()),
            exclusive: *retry || exclusive(task),
            rearranges: false,
        };
        let committed = target.commit(change).await;
        let store = &target.store;
        match committed {
            Ok(Committed::Version(version)) => {
                // A merge leaves out rows that are no newer.
                let staged = staged.accepted.files.iter().map(|f| f.path.clone());
                store.discard(staged.filter(|path| !named.contains(path))).await;
                Ok(Some(version))
            }
            Ok(Committed::Conflict) => {
                store.discard(merged.own.into_iter().map(|f| f.path)).await;
                Ok(None)
            }
            Err(fault) => {
                store.discard(merged.own.into_iter().map(|f| f.path)).await;
                Err(nothing(fault))
            }
            Ok(Committed::Unknown) => {
                let what = format!("whether batch `{}` came into `{}` is unknown", state.batch.name, task.promotion.to);
                let fault = Fault::new(FaultKind::Unknown, what);
                Err(files(fault.with_help("running the same command again is safe and finds out")))
            }
        }
    }

    /// The number under which the target has the batch.
    pub(super) async fn recorded(&self, target: Option<&Table>, state: &State) -> Result<Option<i64>, Fault> {
        match target {
            Some(target) => target.transaction(&transaction(&state.promotion, &state.batch.name)).await,
            None => Ok(None),
        }
    }
}

/// Whether the verdict holds only as long as nobody else writes to the target.
fn exclusive(task: &Task<'_>) -> bool {
    let write = &task.promotion.write;
    matches!(write, crate::hir::Write::Merge { .. }) || reads_table(task.plan, write)
}

/// Every row that was judged to be accepted or held is in a file, and no other; gives the accepted rows' schema.
pub(super) fn all_written(judged: &Judged<'_>, report: &Report) -> Result<SchemaRef, Fault> {
    let (accepted, held) = (&judged.staged.accepted, &judged.staged.held);
    if (accepted.rows, held.rows) != (report.rows.accepted, report.rows.quarantined) {
        let batch = &judged.state.batch.name;
        return Err(Fault::internal(format!(
            "batch `{batch}`: {} rows were accepted and {} written, {} held back and {} written",
            report.rows.accepted, accepted.rows, report.rows.quarantined, held.rows
        )));
    }
    accepted.schema.clone().ok_or_else(|| Fault::internal("the judgement gave no schema"))
}
