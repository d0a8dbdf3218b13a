//! Which rows share a key with another.
//!
//! A small batch keeps every key. A large one keeps in its first pass a bit for each key, where keys are whole numbers
//! in a narrow range, else a hash; only if codes or hashes repeat, a second pass looks at those rows, so that a collision
//! of hashes is never taken for a duplicate.

mod codes;
mod hashes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::buffer::BooleanBuffer;

use super::keys;
use super::rows::RowId;
use crate::fault::Fault;
pub use codes::Packing;
use codes::{Bits, Seen};
use hashes::Hashes;
pub use hashes::Space;

/// What a pass does for a rule of this kind.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Keeps a bit a key.
    Codes(Arc<Packing>),
    /// Keeps hashes.
    Hash(Space),
    /// Keeps keys: of all rows, or of the candidates.
    Keys { candidates: Option<Arc<Candidates>> },
    /// The rows that break the rule are known.
    Known { broken: Arc<HashSet<RowId>> },
}

/// Rows that may share their key.
#[derive(Debug)]
pub enum Candidates {
    Hashes(HashSet<u64>),
    /// These do share it.
    Codes(Arc<Packing>, Bits),
}

impl Candidates {
    /// Of the `live` rows those that are candidates.
    fn of(&self, columns: &[ArrayRef], live: &BooleanBuffer) -> BooleanBuffer {
        let rows = live.len();
        match self {
            Candidates::Hashes(shared) => match keys::hash(columns, rows) {
                Some(hashes) => BooleanBuffer::collect_bool(rows, |i| live.value(i) && shared.contains(&hashes[i])),
                None => BooleanBuffer::new_unset(rows),
            },
            Candidates::Codes(packing, again) => {
                let (codes, there) = packing.codes(columns, live);
                BooleanBuffer::collect_bool(rows, |i| there.value(i) && again.contains(codes[i]))
            }
        }
    }
}

/// What a partition keeps.
#[derive(Default)]
pub struct Kept {
    seen: Seen,
    /// A row of the batch has no code, so that codes do not tell.
    stray: bool,
    hashes: Hashes,
    full: bool,
    /// Rows that are known to share their key.
    sharing: Vec<RowId>,
    keys: HashMap<Box<[u8]>, Vec<Member>>,
    /// Rows judged: no null in the key.
    pub judged: u64,
}

struct Member {
    row: RowId,
    /// The encoded value of `keep … by`.
    by: Option<Box<[u8]>>,
}

/// What came of a pass.
pub enum Found {
    /// No two rows share a key.
    Distinct,
    /// Codes did not tell.
    Strayed,
    Candidates(Candidates),
    /// The rows that break the rule; `all`: every row whose key was kept is one.
    Broken { rows: HashSet<RowId>, all: bool },
}

impl Kept {
    /// Takes the `live` rows; gives those that are known to break the rule, or taken to for this pass.
    pub fn take(
        &mut self,
        mode: &Mode,
        columns: &[ArrayRef],
        by: Option<&ArrayRef>,
        live: BooleanBuffer,
        name: impl Fn(usize) -> RowId,
    ) -> BooleanBuffer {
        let rows = live.len();
        let live = keys::complete(columns, live);
        self.judged += live.count_set_bits() as u64;
        let nothing = BooleanBuffer::new_unset(rows);
        match mode {
            Mode::Known { broken } => BooleanBuffer::collect_bool(rows, |i| live.value(i) && broken.contains(&name(i))),
            Mode::Codes(packing) => {
                let (codes, there) = packing.codes(columns, &live);
                // A row of the table that no row of the batch can equal is of no interest.
                self.stray |= there.count_set_bits() < live.count_set_bits() && rows > 0 && !name(0).in_table();
                self.seen.add(&codes, &there);
                nothing
            }
            Mode::Hash(space) => {
                if let Some(hashes) = keys::hash(columns, rows) {
                    let kept: Vec<u64> = live.set_indices().map(|i| hashes[i]).collect();
                    self.full |= self.hashes.extend(space, kept.into_iter()).is_err();
                }
                nothing
            }
            Mode::Keys { candidates } => {
                let live = candidates.as_ref().map_or_else(|| live.clone(), |candidates| candidates.of(columns, &live));
                if live.count_set_bits() == 0 {
                    return nothing;
                }
                if matches!(candidates.as_deref(), Some(Candidates::Codes(..))) && by.is_none() {
                    self.sharing.extend(live.set_indices().map(&name).filter(|row| !row.in_table()));
                    return live;
                }
                let Some(encoded) = keys::encode(columns) else { return nothing };
                let by = by.and_then(|by| keys::encode(std::slice::from_ref(by)));
                for row in live.set_indices() {
                    let member = Member { row: name(row), by: by.as_ref().map(|b| b.row(row).data().into()) };
                    let key = encoded.row(row).data();
                    match self.keys.get_mut(key) {
                        Some(members) => members.push(member),
                        None => {
                            self.keys.insert(key.into(), vec![member]);
                        }
                    }
                }
                if candidates.is_some() { live } else { nothing }
            }
        }
    }

    pub fn merge(&mut self, other: Kept) {
        self.seen.merge(other.seen);
        self.stray |= other.stray;
        self.hashes.merge(other.hashes);
        self.full |= other.full;
        self.sharing.extend(other.sharing);
        for (key, members) in other.keys {
            self.keys.entry(key).or_default().extend(members);
        }
        self.judged += other.judged;
    }

    /// `keep`: `Some(true)` keeps the last of each group, `Some(false)` the first.
    pub fn find(self, mode: &Mode, keep: Option<bool>) -> Result<Found, Fault> {
        Ok(match mode {
            Mode::Known { broken } => Found::Broken { rows: broken.as_ref().clone(), all: true },
            Mode::Codes(_) if self.stray => Found::Strayed,
            Mode::Codes(packing) => match self.seen.into_again() {
                again if again.is_empty() => Found::Distinct,
                again => Found::Candidates(Candidates::Codes(Arc::clone(packing), again)),
            },
            Mode::Hash(_) => {
                let no_room = || {
                    Fault::storage("there is no room on the disk for the keys of a `unique`")
                        .with_help("give more memory with `--memory`, or make room where `TMPDIR` points")
                };
                if self.full {
                    return Err(no_room());
                }
                match self.hashes.shared().map_err(|_| no_room())? {
                    shared if shared.is_empty() => Found::Distinct,
                    shared => Found::Candidates(Candidates::Hashes(shared)),
                }
            }
            Mode::Keys { .. } => {
                let mut broken: HashSet<RowId> = self.sharing.iter().copied().collect();
                let kept: usize = broken.len() + self.keys.values().flatten().filter(|m| !m.row.in_table()).count();
                for mut members in self.keys.into_values() {
                    if members.len() < 2 {
                        continue;
                    }
                    // Ties of `by` go to the row that comes first (last).
                    members.sort_unstable_by(|a, b| (&a.by, a.row).cmp(&(&b.by, b.row)));
                    match keep {
                        Some(true) => drop(members.pop()),
                        Some(false) => drop(members.remove(0)),
                        None => {}
                    }
                    broken.extend(members.iter().map(|m| m.row).filter(|r| !r.in_table()));
                }
                let all = broken.len() == kept;
                Found::Broken { rows: broken, all }
            }
        })
    }
}
