//! Which batches there is something to do for. The target's log says what is published; the ledger only saves
//! reading files again whose state did not change since.

use std::collections::{BTreeMap, HashMap};

use crate::fault::Fault;
use crate::ir::{Format, Input};
use crate::lake::batch::{self, Batch};
use crate::lake::delta::Table;
use crate::ledger::{Published, now};
use crate::promote::{Run, Task};

/// The batches of a promotion that are not done with.
#[derive(Default)]
pub(super) struct Pending {
    pub batches: Vec<State>,
    /// Their producer has not finished.
    pub unsettled: Vec<Batch>,
    /// Nothing is left to do for them.
    pub done: Vec<Batch>,
    pub notices: Vec<String>,
}

/// A batch, and what a run would find to do for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub promotion: String,
    pub dataset: String,
    pub batch: String,
    pub state: Standing,
    pub files: usize,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Never published.
    New,
    /// Published, with other files than it has now.
    Changed,
    /// Published by a run that did not finish its books.
    Unfinished,
    /// Its producer has not finished.
    Unsettled,
    /// Nothing is left to do.
    Published,
    /// There is no batch of that name.
    Absent,
}

impl Standing {
    /// As the JSON form names it.
    pub fn name(self) -> &'static str {
        match self {
            Standing::New => "new",
            Standing::Changed => "changed",
            Standing::Unfinished => "unfinished",
            Standing::Unsettled => "unsettled",
            Standing::Published => "published",
            Standing::Absent => "absent",
        }
    }

    /// Whether a run would take it up.
    pub fn is_pending(self) -> bool {
        matches!(self, Standing::New | Standing::Changed | Standing::Unfinished)
    }
}

/// A batch that there is something to do for.
pub(super) struct State {
    /// `bronze.orders to silver.orders`
    pub promotion: String,
    pub batch: Batch,
    /// What its files are, where they had to be read to know it.
    pub identity: Option<Identity>,
    pub published: Before,
    /// How its files differ from those that were published.
    pub late: Option<String>,
    /// Whether the batch published before it had no row to hold back, as far as is known.
    pub likely_clean: bool,
    /// When it was taken up, by the machine's clock.
    pub started_at: i64,
}

#[derive(Clone)]
pub(super) struct Identity {
    pub digests: Vec<String>,
    /// As [`batch::identity`] gives it.
    pub sha256: String,
}

/// What the target has of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Before {
    Nothing,
    /// It is published, but the run that did it did not finish its books.
    Unbooked,
    /// It is published, with other files than now.
    Changed,
    UnbookedAndChanged,
}

impl Before {
    fn standing(self) -> Standing {
        match self {
            Before::Nothing => Standing::New,
            Before::Unbooked => Standing::Unfinished,
            Before::Changed | Before::UnbookedAndChanged => Standing::Changed,
        }
    }
}

/// The name under which the target's log records a batch; the number is [`number`] of the published files.
pub(super) fn transaction(promotion: &str, batch: &str) -> String {
    format!("dqc/{promotion}/{batch}")
}

/// The first 60 bits of a digest.
pub(super) fn number(sha256: &str) -> i64 {
    sha256.get(..15).and_then(|hex| i64::from_str_radix(hex, 16).ok()).unwrap_or(0)
}

impl Run<'_> {
    pub(super) async fn pending(&self, task: &Task<'_>) -> Result<Pending, Fault> {
        let promotion = task.promotion;
        let name = promotion.name();
        let source = self.place(&promotion.from)?;
        let storage = self.lake.storage;
        let found = batch::find(&promotion.batches, source, storage, promotion.settled, self.options.as_of).await?;
        let mut pending = Pending::default();
        if !found.stray.is_empty() {
            let (count, first) = (found.stray.len(), found.stray.first().map_or("", String::as_str));
            pending.notices.push(format!(
                "{name}: files of `{}` that belong to no batch: {count}, among them `{first}`",
                promotion.from
            ));
        }
        if let Some(since) = found.since {
            pending.notices.push(format!(
                "{name}: the log of `{}` begins with version {since}; what came before cannot be a batch any more",
                promotion.from
            ));
        }
        let chosen = |batch: &Batch| self.options.batch.is_none_or(|wanted| wanted == batch.name);
        if found.batches.is_empty() {
            pending.notices.push(format!("{name}: `{}` has no batches", promotion.from));
            return Ok(pending);
        }
        if let Some(wanted) = self.options.batch
            && !found.batches.iter().any(|b| b.name == wanted)
        {
            pending.notices.push(format!("{name}: `{}` has no batch `{wanted}`", promotion.from));
            return Ok(pending);
        }
        let target = Table::open(&self.place(&promotion.to)?.url, storage).await?;
        let booked = match &target {
            Some(_) => self.ledger.published(&name, &promotion.to).await?,
            None => BTreeMap::new(),
        };
        if let Some(target) = &target {
            target.writable()?;
            self.one_kind_of_batches(task, target)?;
        }
        let last = booked.values().flatten().max_by_key(|book| book.finished_at);
        let likely_clean = last.is_none_or(|book| book.held == 0);
        let batches: Vec<Batch> = found.batches.into_iter().filter(chosen).collect();
        let recorded = match &target {
            Some(target) => {
                let names: Vec<String> = batches.iter().map(|b| transaction(&name, &b.name)).collect();
                target.transactions(&names).await?
            }
            None => HashMap::new(),
        };
        for batch in batches {
            let state = match recorded.get(&transaction(&name, &batch.name)).copied() {
                None => Ok(self.state(&name, batch, None, Before::Nothing)),
                Some(there) => self.published_before(&name, batch, there, &booked).await?,
            };
            let state = state.map(|state| State { likely_clean, ..state });
            match state {
                Ok(state) if !state.batch.settled && state.published != Before::Unbooked => {
                    pending.unsettled.push(state.batch)
                }
                Ok(state) => pending.batches.push(state),
                Err(done) => pending.done.push(done),
            }
        }
        if !pending.unsettled.is_empty() {
            let count = pending.unsettled.len();
            pending.notices.push(format!("{name}: batches whose folder is not settled yet: {count}"));
        }
        Ok(pending)
    }

    /// What a run would find; published batches only where one is asked for by name.
    pub(super) async fn waiting(&self, task: &Task<'_>) -> Result<(Vec<Waiting>, Vec<String>), Fault> {
        let (promotion, dataset) = (task.promotion.name(), &task.promotion.to);
        let named = |batch: &Batch, state: Standing| Waiting {
            promotion: promotion.clone(),
            dataset: dataset.clone(),
            batch: batch.name.clone(),
            state,
            files: batch.input.files.len(),
            bytes: batch.input.files.iter().map(|f| f.size).sum(),
        };
        let found = self.pending(task).await?;
        let mut waiting: Vec<Waiting> = found.batches.iter().map(|s| named(&s.batch, s.published.standing())).collect();
        waiting.extend(found.unsettled.iter().map(|batch| named(batch, Standing::Unsettled)));
        if let Some(wanted) = self.options.batch {
            waiting.extend(found.done.iter().map(|batch| named(batch, Standing::Published)));
            if waiting.is_empty() {
                let (promotion, dataset, batch) = (promotion.clone(), dataset.clone(), wanted.to_owned());
                let state = Standing::Absent;
                waiting.push(Waiting { promotion, dataset, batch, state, files: 0, bytes: 0 });
            }
        }
        waiting.sort_by(|a, b| a.batch.cmp(&b.batch));
        Ok((waiting, found.notices))
    }

    /// `Err`: nothing is left to do for a batch whose published files have this number.
    async fn published_before(
        &self,
        promotion: &str,
        batch: Batch,
        there: i64,
        booked: &BTreeMap<String, Vec<Published>>,
    ) -> Result<Result<State, Batch>, Fault> {
        let books = booked.get(&batch.name).map_or(&[][..], Vec::as_slice);
        let book = books.iter().find(|book| number(&book.identity) == there);
        if let Some(book) = book {
            let same = |(a, b)| batch::is_same(a, b);
            if book.files.len() == batch.input.files.len() && book.files.iter().zip(&batch.input.files).all(same) {
                return Ok(Err(batch));
            }
        }
        let identity = self.identity(&batch.input).await?;
        let published = match (book.is_some(), number(&identity.sha256) == there) {
            (true, true) => return Ok(Err(batch)),
            (true, false) => Before::Changed,
            (false, true) => Before::Unbooked,
            (false, false) => Before::UnbookedAndChanged,
        };
        let late = book.or(books.last()).and_then(|book| batch::difference(&book.files, &batch.input.files));
        Ok(Ok(State { late, ..self.state(promotion, batch, Some(identity), published) }))
    }

    fn state(&self, promotion: &str, batch: Batch, identity: Option<Identity>, published: Before) -> State {
        State {
            promotion: promotion.to_owned(),
            batch,
            identity,
            published,
            late: None,
            likely_clean: true,
            started_at: now(),
        }
    }

    pub(super) async fn identity(&self, input: &Input) -> Result<Identity, Fault> {
        let digests = batch::digests(input, self.lake.storage).await?;
        let sha256 = batch::identity(&input.files, &digests);
        Ok(Identity { digests, sha256 })
    }

    /// A table that was filled by batches of one kind is not added to by batches of another: rows would be in it twice.
    fn one_kind_of_batches(&self, task: &Task<'_>, target: &Table) -> Result<(), Fault> {
        use crate::hir::{BatchBy, Write};
        let promotion = task.promotion;
        let whole = promotion.batches == BatchBy::Whole;
        if whole && promotion.write == Write::Replace {
            return Ok(());
        }
        for file in target.files()? {
            let folder = file.path.rsplit_once('/').map(|(folder, _)| folder);
            let fits = match batch::name_of(&promotion.batches, Format::Delta, &file.path)? {
                Some(name) => folder == Some(name.as_str()) && (whole || name != batch::WHOLE),
                None => false,
            };
            if !fits {
                return Err(Fault::usage(format!(
                    "`{}` holds files of batches of another kind, such as `{}`",
                    promotion.to, file.path
                ))
                .with_help("promote into a new dataset, or remove the table and promote every batch again"));
            }
        }
        Ok(())
    }
}
