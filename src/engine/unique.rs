//! Which rows share a key with another.
//!
//! A small batch keeps every key. A large one keeps in its first pass a hash and a name of each row, sixteen bytes;
//! only if hashes repeat, a second pass keeps the keys of those rows, so that a collision of hashes is never taken
//! for a duplicate.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::buffer::BooleanBuffer;

use super::keys;
use super::rows::RowId;

/// What a pass does for a rule of this kind.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Keeps hashes.
    Hash,
    /// Keeps keys: of all rows, or of those whose hash is a candidate.
    Keys { candidates: Option<Arc<HashSet<u64>>> },
    /// The rows that break the rule are known.
    Known { broken: Arc<HashSet<RowId>> },
}

/// What a partition keeps.
#[derive(Default)]
pub struct Kept {
    hashes: Vec<(u64, RowId)>,
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
    /// No two rows share a hash, so none shares a key.
    Distinct,
    /// Hashes that several rows share.
    Candidates(HashSet<u64>),
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
            Mode::Hash => {
                if let Some(hashes) = keys::hash(columns, rows) {
                    self.hashes.extend(live.set_indices().map(|i| (hashes[i], name(i))));
                }
                nothing
            }
            Mode::Keys { candidates } => {
                let live = match candidates {
                    Some(candidates) => {
                        let Some(hashes) = keys::hash(columns, rows) else { return nothing };
                        BooleanBuffer::collect_bool(rows, |i| live.value(i) && candidates.contains(&hashes[i]))
                    }
                    None => live,
                };
                if live.count_set_bits() == 0 {
                    return nothing;
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
        self.hashes.extend(other.hashes);
        for (key, members) in other.keys {
            self.keys.entry(key).or_default().extend(members);
        }
        self.judged += other.judged;
    }

    /// `keep`: `Some(true)` keeps the last of each group, `Some(false)` the first.
    pub fn find(self, mode: &Mode, keep: Option<bool>) -> Found {
        match mode {
            Mode::Known { broken } => Found::Broken { rows: broken.as_ref().clone(), all: true },
            Mode::Hash => {
                let mut hashes = self.hashes;
                hashes.sort_unstable();
                let shared: HashSet<u64> =
                    hashes.windows(2).filter(|w| w[0].0 == w[1].0).map(|w| w[0].0).collect();
                if shared.is_empty() { Found::Distinct } else { Found::Candidates(shared) }
            }
            Mode::Keys { .. } => {
                let mut broken = HashSet::new();
                let kept: usize = self.keys.values().flatten().filter(|m| !m.row.in_table()).count();
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
        }
    }
}
