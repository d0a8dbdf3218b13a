//! Rules over one column, decided from its dictionaries: the values of many of them are judged at once, each row group by
//! those of its own.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range as Span;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::concat;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};

use super::{Group, Proof, Prover, dictionary, statistics};
use crate::engine::audit::{Masks, masks};
use crate::engine::compile::Check;
use crate::engine::expr::{Computed, Frame};
use crate::engine::sources::layout::{Found, Reader, as_type};
use crate::engine::types::arrow_type;
use crate::fault::Fault;

/// Bytes of dictionaries that are fetched at once.
const MOST_HELD: u64 = 8 << 20;
/// So often, side by side.
const FETCHES: usize = 4;

/// A dictionary in a file.
struct Wanted {
    /// The position of its row group.
    at: usize,
    input: usize,
    leaf: usize,
    place: Span<u64>,
}

/// The values of a dictionary, in the declared type.
struct Held {
    file: usize,
    values: ArrayRef,
    /// The positions of the row groups that have it, with their nulls.
    of: Vec<(usize, Option<u64>)>,
}

/// How rows count that do not break a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    Checked,
    Unknown,
    /// `when` is not met.
    Excluded,
}

impl Prover<'_> {
    /// Judges the values in dictionaries in place of the rows; gives the bytes read.
    pub(super) async fn by_dictionaries(&self, groups: &mut [Group]) -> Result<u64, Fault> {
        // The checks that read one column of the files, by that column.
        let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (i, check) in self.judgement.checks.iter().enumerate() {
            let reads = self.judgement.program.inputs_of(check.nodes());
            let mut at = reads.iter().filter(|input| matches!(self.layout.columns.get(**input), Some(Found::At(_))));
            if let (Some(input), None) = (at.next(), at.next()) {
                columns.entry(*input).or_default().push(i);
            }
        }
        let asked: Vec<_> =
            columns.into_iter().map(|(input, checks)| (self.wanted(groups, input, &checks), input, checks)).collect();
        let mut judged = Vec::new();
        let mut fetches: Vec<BoxFuture<'_, _>> = Vec::new();
        for (wanted, input, checks) in &asked {
            for portion in portions(wanted) {
                let places = portion.iter().map(|w| (groups[w.at].file, w.place.clone())).collect();
                judged.push((portion, *input, checks));
                fetches.push(Box::pin(self.fetch(places)));
            }
        }
        let mut fetched = futures::stream::iter(fetches).buffered(FETCHES);
        let mut bytes = 0;
        for (portion, input, checks) in judged {
            let fetched = fetched.try_next().await?.unwrap_or_default();
            bytes += fetched.iter().map(|part| part.len() as u64).sum::<u64>();
            let held = self.held(groups, portion, fetched);
            // Folders may say something else in the next file.
            let alone = self.reads_folders(checks);
            for held in held.chunk_by(|a, b| !alone || a.file == b.file) {
                self.judge_values(groups, input, held, checks);
            }
        }
        Ok(bytes)
    }

    fn wanted(&self, groups: &[Group], input: usize, checks: &[usize]) -> Vec<Wanted> {
        let wanted = |(at, group): (usize, &Group)| {
            if checks.iter().all(|c| group.proofs[*c].is_some()) {
                return None;
            }
            let leaf = self.leaf(group.file, input)?;
            let footer = &self.opened.files[group.file].footer;
            let place = dictionary::place(footer.row_group(group.group).column(leaf))?;
            Some(Wanted { at, input, leaf, place })
        };
        groups.iter().enumerate().filter_map(wanted).collect()
    }

    fn reads_folders(&self, checks: &[usize]) -> bool {
        let program = &self.judgement.program;
        let folder = |input: &usize| matches!(self.layout.columns.get(*input), Some(Found::Folder(_)));
        checks.iter().any(|c| program.inputs_of(self.judgement.checks[*c].nodes()).iter().any(folder))
    }

    /// The values of dictionaries; row groups of a file that have the same share them.
    fn held(&self, groups: &[Group], portion: &[Wanted], fetched: Vec<Bytes>) -> Vec<Held> {
        let mut held: Vec<Held> = Vec::new();
        let mut known: HashMap<(usize, Bytes), usize> = HashMap::new();
        for (wanted, part) in portion.iter().zip(fetched) {
            let group = &groups[wanted.at];
            let meta = self.opened.files[group.file].footer.row_group(group.group);
            let of = (wanted.at, statistics::nulls(meta, wanted.leaf));
            if let Some(same) = known.get(&(group.file, part.clone())) {
                held[*same].of.push(of);
            } else if let Some(values) = self.decode(groups, wanted, part.clone()) {
                known.insert((group.file, part), held.len());
                held.push(Held { file: group.file, values, of: vec![of] });
            }
        }
        held
    }

    fn decode(&self, groups: &[Group], wanted: &Wanted, bytes: Bytes) -> Option<ArrayRef> {
        let Some(Found::At(root)) = self.layout.columns.get(wanted.input) else { return None };
        let group = &groups[wanted.at];
        let meta = self.opened.files[group.file].footer.row_group(group.group);
        let ty = self.layout.schema.field(*root).data_type();
        let values = dictionary::values(meta, wanted.leaf, wanted.place.start, bytes, ty)?;
        let read = as_type(&values, &self.plan.source[wanted.input].ty);
        // A value that is lost is for the rows to tell.
        (read.null_count() == values.null_count()).then_some(read)
    }

    /// Proves the checks for those row groups whose values allow it.
    fn judge_values(&self, groups: &mut [Group], input: usize, held: &[Held], checks: &[usize]) {
        let Some(first) = held.first() else { return };
        let parts: Vec<&dyn Array> = held.iter().map(|h| h.values.as_ref()).collect();
        let Ok(values) = concat(&parts) else { return };
        let null = new_null_array(values.data_type(), 1);
        let inputs = |column: &ArrayRef| -> Vec<Computed> {
            let constant = |at: usize| match self.layout.columns.get(at) {
                _ if at == input => Computed::new(Arc::clone(column)),
                Some(Found::Folder(_)) => {
                    Reader::of_folder(self.opened, self.layout, &self.plan.source, at, first.file)
                }
                _ => {
                    let values = new_null_array(&arrow_type(&self.plan.source[at].ty), 1);
                    Computed { values, constant: true, errors: None }
                }
            };
            (0..self.plan.source.len()).map(constant).collect()
        };
        let (there, absent) = (inputs(&values), inputs(&null));
        let mut of_values = Frame::new(&self.judgement.program, values.len(), &there);
        let mut of_null = Frame::new(&self.judgement.program, 1, &absent);
        for &i in checks {
            let check = &self.judgement.checks[i];
            let says = masks(&mut of_values, check);
            let null = all_alike(&masks(&mut of_null, check), 0, 1);
            let mut start = 0;
            for held in held {
                let (from, count) = (start, held.values.len());
                start += count;
                let Some(says) = all_alike(&says, from, count) else { continue };
                for &(at, nulls) in &held.of {
                    let group = &mut groups[at];
                    if group.proofs[i].is_none() && may_judge(group, check) {
                        group.proofs[i] = proof(group.rows, nulls, says, null, count == 0);
                    }
                }
            }
        }
    }
}

/// A rule has something to say of the rows where the mappings that it reads are proven.
fn may_judge(group: &Group, check: &Check) -> bool {
    check.after.iter().all(|c| group.proofs[*c].is_some())
}

/// What a row group's rows count as. A dictionary may list a value that no row has, but never lacks one.
fn proof(rows: u64, nulls: Option<u64>, values: Counts, null: Option<Counts>, empty: bool) -> Option<Proof> {
    let mut proof = Proof::default();
    match (nulls, null) {
        (Some(0), _) => add(&mut proof, values, rows),
        (Some(nulls), Some(null)) => {
            add(&mut proof, values, rows.checked_sub(nulls)?);
            add(&mut proof, null, nulls);
        }
        (None, Some(null)) if null == values || empty => add(&mut proof, null, rows),
        _ => return None,
    }
    Some(proof)
}

/// What all of some rows count as; `None` where one breaks the rule or they differ.
fn all_alike(says: &Masks, from: usize, count: usize) -> Option<Counts> {
    let set = |mask: &Option<arrow::buffer::BooleanBuffer>, without: usize| {
        mask.as_ref().map_or(without, |m| m.slice(from, count).count_set_bits())
    };
    match (set(&says.broken, 0), set(&says.unknown, 0), set(&says.judged, count)) {
        (0, 0, judged) if judged == count => Some(Counts::Checked),
        (0, unknown, _) if unknown == count => Some(Counts::Unknown),
        (0, 0, 0) => Some(Counts::Excluded),
        _ => None,
    }
}

fn add(proof: &mut Proof, counts: Counts, rows: u64) {
    match counts {
        Counts::Checked => proof.checked += rows,
        Counts::Unknown => proof.unknown += rows,
        Counts::Excluded => {}
    }
}

/// Cut so that each part takes no more than may be held.
fn portions(wanted: &[Wanted]) -> Vec<&[Wanted]> {
    let mut portions = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (i, one) in wanted.iter().enumerate() {
        let takes = one.place.end - one.place.start;
        if i > start && bytes + takes > MOST_HELD {
            portions.push(&wanted[start..i]);
            (start, bytes) = (i, 0);
        }
        bytes += takes;
    }
    if start < wanted.len() {
        portions.push(&wanted[start..]);
    }
    portions
}
