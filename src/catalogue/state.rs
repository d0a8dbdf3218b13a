//! How a dataset stands: what its last batches came to.

use crate::hir::{BatchBy, Contract, Privacy};
use crate::report::numbers::counted;

use super::Catalogue;
use crate::report::past::{Batch, is_whole};

/// How a dataset stands, for a sign, a colour and a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub mood: Mood,
    pub words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Good,
    /// Published, with rows held back.
    Odd,
    Bad,
    /// Nothing is known.
    Open,
}

impl State {
    pub const UNKNOWN: State = State { mood: Mood::Open, words: String::new() };
}

impl Mood {
    /// As classes of the style name it.
    pub fn class(self) -> &'static str {
        match self {
            Mood::Good => "good",
            Mood::Odd => "odd",
            Mood::Bad => "bad",
            Mood::Open => "open",
        }
    }

    pub fn sign(self) -> &'static str {
        match self {
            Mood::Good => "✓",
            Mood::Odd => "!",
            Mood::Bad => "✗",
            Mood::Open => "·",
        }
    }
}

pub fn of(catalogue: &Catalogue<'_>, contract: &Contract) -> State {
    let Some(past) = catalogue.past else { return State::UNKNOWN };
    let mut last: Vec<&Batch> = past.last_batches(&contract.dataset);
    // Of a dataset that comes as one, only the newest.
    if let Some(newest) = last.iter().rposition(|b| is_whole(&b.batch)) {
        last = last.into_iter().enumerate().filter(|(i, b)| *i == newest || !is_whole(&b.batch)).map(|(_, b)| b).collect();
    }
    let Some(newest) = last.last() else {
        let filled = catalogue.compilation.checked.promotion_to(&contract.dataset).is_some();
        return State { mood: Mood::Open, words: if filled { "no batch yet".into() } else { String::new() } };
    };
    let stuck = last.iter().filter(|b| !b.published).count() as u64;
    if stuck > 0 {
        return State { mood: Mood::Bad, words: format!("{} held up", counted(stuck, "batch")) };
    }
    match newest.held.unwrap_or(0) {
        0 => State { mood: Mood::Good, words: "published".into() },
        held => State { mood: Mood::Odd, words: format!("published, {} held back", counted(held, "row")) },
    }
}

/// A batch's name as it may be seen: where it is made of a personal column's values, without them.
pub fn shown(catalogue: &Catalogue<'_>, dataset: &str, batch: &str) -> String {
    let checked = &catalogue.compilation.checked;
    let hidden = checked.promotion_to(dataset).is_some_and(|promotion| {
        let BatchBy::Folder(key) = &promotion.batches else { return false };
        let private = |name: &str| {
            let column = checked.contract(name).and_then(|c| c.columns.iter().find(|c| c.name.eq_ignore_ascii_case(key)));
            column.is_some_and(|c| c.privacy != Privacy::Public)
        };
        private(&promotion.from) || private(dataset)
    });
    if !hidden {
        return batch.to_owned();
    }
    let part = |part: &str| part.split_once('=').map_or("***".to_owned(), |(key, _)| format!("{key}=***"));
    batch.split('/').map(part).collect::<Vec<_>>().join("/")
}
