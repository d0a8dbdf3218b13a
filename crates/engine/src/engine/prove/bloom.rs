//! Bloom filters: a value that a chunk's filter has not is in none of its rows, so that what only that value breaks is
//! proven.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range as Span;

use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::ColumnChunkMetaData;

use super::statistics::{Stored, stored};
use super::{Group, Prover};
use crate::engine::expr::facts::Point;
use crate::engine::sources::layout::Found;
use crate::fault::Fault;

/// Bytes of filters that are held at once.
const MOST_HELD: u64 = 32 << 20;
/// Larger filters are not read: they would be a good part of their chunk.
const MOST_BYTES: u64 = 1 << 20;

/// A filter in a file.
struct Wanted {
    /// The position of its row group.
    at: usize,
    input: usize,
    place: Span<u64>,
}

impl Prover<'_> {
    /// Asks filters for the values that would break open checks; gives the bytes read.
    pub(super) async fn by_filters(&self, groups: &mut [Group]) -> Result<u64, Fault> {
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut bytes = 0;
        let mut held = 0;
        for at in 0..groups.len() {
            for (input, place) in self.asked(&groups[at]) {
                held += place.end - place.start;
                wanted.push(Wanted { at, input, place });
            }
            if held > MOST_HELD || at + 1 == groups.len() {
                bytes += self.ask(groups, &std::mem::take(&mut wanted)).await?;
                held = 0;
            }
        }
        Ok(bytes)
    }

    /// The inputs whose filters open checks would ask of a row group, and where they lie.
    fn asked(&self, group: &Group) -> Vec<(usize, Span<u64>)> {
        let meta = self.opened.files[group.file].footer.row_group(group.group);
        if meta.columns().iter().all(|chunk| chunk.bloom_filter_offset().is_none()) {
            return Vec::new();
        }
        let checks = self.judgement.checks.iter().zip(&group.proofs).filter(|(_, proof)| proof.is_none());
        let inputs: BTreeSet<usize> =
            checks.flat_map(|(check, _)| self.judgement.program.inputs_of(check.nodes())).collect();
        let place = |input: usize| Some((input, place(meta.column(self.leaf(group.file, input)?))?));
        let places: Vec<(usize, Span<u64>)> = inputs.into_iter().filter_map(place).collect();
        if places.is_empty() {
            return places;
        }
        let names = RefCell::new(BTreeSet::new());
        self.certain.facts(&self.inputs(group), &|input, _| {
            names.borrow_mut().insert(input);
            false
        });
        let names = names.into_inner();
        places.into_iter().filter(|(input, _)| names.contains(input)).collect()
    }

    async fn ask(&self, groups: &mut [Group], wanted: &[Wanted]) -> Result<u64, Fault> {
        let places = wanted.iter().map(|w| (groups[w.at].file, w.place.clone())).collect();
        let fetched = wanted.iter().zip(self.fetch(places).await?);
        let mut bytes = 0;
        let mut filters: BTreeMap<usize, BTreeMap<usize, Sbbf>> = BTreeMap::new();
        for (wanted, filter) in fetched {
            bytes += filter.len() as u64;
            if let Some(filter) = Sbbf::from_bytes(&filter).ok().filter(|f| f.num_blocks() > 0) {
                filters.entry(wanted.at).or_default().insert(wanted.input, filter);
            }
        }
        for (at, filters) in filters {
            let inputs = self.inputs(&groups[at]);
            let absent = |input, point: Point<'_>| self.absent(&groups[at], input, point, filters.get(&input));
            let facts = self.certain.facts(&inputs, &absent);
            self.by_facts(&mut groups[at], &facts);
        }
        Ok(bytes)
    }

    fn absent(&self, group: &Group, input: usize, point: Point<'_>, filter: Option<&Sbbf>) -> bool {
        let (Some(filter), Some(Found::At(root))) = (filter, self.layout.columns.get(input)) else { return false };
        let Some(leaf) = self.leaf(group.file, input) else { return false };
        let chunk = self.opened.files[group.file].footer.row_group(group.group).column(leaf);
        let file = self.layout.schema.field(*root).data_type();
        match stored(point, file, &self.plan.source[input].ty, chunk) {
            Some(Stored::Int(value)) => !filter.check(&value),
            Some(Stored::Long(value)) => !filter.check(&value),
            Some(Stored::Bytes(bytes)) => !filter.check(&bytes[..]),
            Some(Stored::Nowhere) => true,
            None => false,
        }
    }
}

/// Where a chunk's filter lies; `None` where there is none, its length is not told, or it is too long.
fn place(chunk: &ColumnChunkMetaData) -> Option<Span<u64>> {
    let start = u64::try_from(chunk.bloom_filter_offset()?).ok()?;
    let length = u64::try_from(chunk.bloom_filter_length()?).ok().filter(|length| (1..=MOST_BYTES).contains(length))?;
    Some(start..start.checked_add(length)?)
}
