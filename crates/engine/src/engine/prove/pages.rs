//! The index of a file's pages: where a row group as a whole proves nothing, some of its pages may, and then only the
//! rows of the others are read. Bounds of texts are not used: an index does not tell those that are cut short.

use std::collections::BTreeSet;
use std::ops::Range as Span;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use parquet::arrow::async_reader::MetadataFetch;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use super::{Group, Proof, Prover, decide, statistics};
use crate::engine::expr::facts::{Fact, Null, Range};
use crate::engine::sources::layout::Found;
use crate::engine::sources::{Only, Opened};
use crate::fault::Fault;

/// What an index says of a page's values.
struct Page {
    rows: Span<u64>,
    nulls: Option<u64>,
    fact: Fact,
}

impl Prover<'_> {
    /// Takes the rows of proven pages out of row groups that must be read; gives the bytes read.
    pub(super) async fn by_pages(&self, groups: &mut Vec<Group>) -> Result<u64, Fault> {
        let mut bytes = 0;
        let mut done = Vec::with_capacity(groups.len());
        let mut index: Option<(usize, Option<Arc<ParquetMetaData>>)> = None;
        for group in std::mem::take(groups) {
            if !self.has_pages(&group) {
                done.push(group);
                continue;
            }
            if index.as_ref().is_none_or(|(file, _)| *file != group.file) {
                let (footer, read) = load(self.opened, group.file).await?;
                bytes += read;
                index = Some((group.file, footer));
            }
            match index.as_ref().and_then(|(_, footer)| footer.as_ref()) {
                Some(footer) => done.extend(self.parted(group, footer)),
                None => done.push(group),
            }
        }
        *groups = done;
        Ok(bytes)
    }

    /// The checks of a row group that are open.
    fn open(&self, group: &Group) -> Vec<usize> {
        (0..self.judgement.checks.len()).filter(|c| group.proofs[*c].is_none()).collect()
    }

    /// The columns that open checks read.
    fn read_by(&self, open: &[usize]) -> BTreeSet<usize> {
        let program = &self.judgement.program;
        open.iter().flat_map(|c| program.inputs_of(self.judgement.checks[*c].nodes())).collect()
    }

    /// Whether pages can decide all that is open: else every row is read anyway.
    fn has_pages(&self, group: &Group) -> bool {
        let open = self.open(group);
        let program = &self.judgement.program;
        let meta = self.opened.files[group.file].footer.row_group(group.group);
        let indexed = |input: &usize| {
            self.leaf(group.file, *input).is_some_and(|leaf| {
                let chunk = meta.column(leaf);
                chunk.column_index_offset().is_some() && chunk.offset_index_offset().is_some()
            })
        };
        !open.is_empty()
            && open.iter().all(|c| program.decided_by_bounds(self.judgement.checks[*c].nodes()))
            && self.read_by(&open).iter().all(indexed)
    }

    /// The row group, or its rows that are proven and those that are not.
    fn parted(&self, group: Group, footer: &Arc<ParquetMetaData>) -> Vec<Group> {
        let open = self.open(&group);
        let mut columns: Vec<(usize, Vec<Page>)> = Vec::new();
        for input in self.read_by(&open) {
            let Some(pages) = self.pages(&group, footer, input) else { return vec![group] };
            columns.push((input, pages));
        }
        let starts: BTreeSet<u64> = columns.iter().flat_map(|(_, pages)| pages.iter().map(|p| p.rows.start)).collect();
        let ends = starts.iter().skip(1).copied().chain([group.rows]);
        let of_group = self.inputs(&group);
        let mut proofs = vec![Proof::default(); open.len()];
        let (mut proven, mut left): (Vec<Span<u64>>, Vec<Span<u64>>) = (Vec::new(), Vec::new());
        for rows in starts.iter().copied().zip(ends).map(|(start, end)| start..end) {
            match self.decide_rows(&group, &open, &columns, &of_group, &rows) {
                Some(found) => {
                    for (sum, proof) in proofs.iter_mut().zip(found) {
                        sum.checked += proof.checked;
                        sum.unknown += proof.unknown;
                    }
                    join(&mut proven, rows);
                }
                None => join(&mut left, rows),
            }
        }
        let count = |spans: &[Span<u64>]| spans.iter().map(|s| s.end - s.start).sum::<u64>();
        if proven.is_empty() {
            return vec![group];
        }
        let only =
            |rows: Vec<Span<u64>>| (!left.is_empty()).then(|| Only { rows: rows.into(), footer: Arc::clone(footer) });
        // What was proven of all rows is counted once.
        let mut of_proven = group.proofs.iter().map(|p| p.map(|_| Proof::default())).collect::<Vec<_>>();
        if left.is_empty() {
            of_proven.clone_from(&group.proofs);
        }
        for (check, proof) in open.iter().zip(proofs) {
            of_proven[*check] = Some(proof);
        }
        let rows = count(&proven);
        let mut parts = vec![Group { rows, proofs: of_proven, only: only(proven), ..group.clone() }];
        if !left.is_empty() {
            parts.push(Group { rows: count(&left), only: only(left.clone()), ..group });
        }
        parts
    }

    /// A proof for each open check over some rows, all within one page of each column; `None` where one has none.
    fn decide_rows(
        &self,
        group: &Group,
        open: &[usize],
        columns: &[(usize, Vec<Page>)],
        of_group: &[Fact],
        rows: &Span<u64>,
    ) -> Option<Vec<Proof>> {
        let page = |input: usize| {
            let (_, pages) = columns.iter().find(|(of, _)| *of == input)?;
            pages.iter().find(|p| p.rows.start <= rows.start && rows.end <= p.rows.end)
        };
        let mut inputs = of_group.to_vec();
        for (input, _) in columns {
            narrow(&mut inputs[*input], &page(*input)?.fact);
        }
        let facts = self.certain.facts(&inputs, &|_, _| false);
        let count = rows.end - rows.start;
        let nulls = |input: usize| match page(input)? {
            Page { nulls: Some(0), .. } => Some(0),
            Page { nulls: Some(nulls), rows, .. } if *nulls == rows.end - rows.start => Some(count),
            Page { nulls, rows: all, .. } if all == rows => *nulls,
            _ => None,
        };
        let mut proven: Vec<bool> = group.proofs.iter().map(Option::is_some).collect();
        let mut proofs = Vec::with_capacity(open.len());
        for &i in open {
            let check = &self.judgement.checks[i];
            if !check.after.iter().all(|c| proven[*c]) {
                return None;
            }
            proofs.push(decide(self.judgement, check, &facts, count, &nulls)?);
            proven[i] = true;
        }
        Some(proofs)
    }

    /// The pages of a column's chunk; `None` where the index does not fit the chunk.
    fn pages(&self, group: &Group, footer: &ParquetMetaData, input: usize) -> Option<Vec<Page>> {
        let leaf = self.leaf(group.file, input)?;
        let Found::At(root) = self.layout.columns.get(input)? else { return None };
        let file = self.layout.schema.field(*root).data_type();
        let index = footer.column_index()?.get(group.group)?.get(leaf)?;
        let places = footer.offset_index()?.get(group.group)?.get(leaf)?.page_locations();
        let starts: Vec<u64> = places.iter().map(|p| u64::try_from(p.first_row_index).ok()).collect::<Option<_>>()?;
        let fits = starts.first() == Some(&0)
            && starts.is_sorted_by(|a, b| a < b)
            && starts.last().is_some_and(|last| *last < group.rows)
            && usize::try_from(index.num_pages()).ok() == Some(starts.len());
        if !fits {
            return None;
        }
        let ends = starts.iter().skip(1).copied().chain([group.rows]);
        let required = footer.row_group(group.group).column(leaf).column_descr().max_def_level() == 0;
        let page = |(number, (start, end)): (usize, (&u64, u64))| {
            let rows = *start..end;
            let count = end - start;
            let nulls = match index.is_null_page(number) {
                true => Some(count),
                false if required => Some(0),
                false => index.null_count(number).and_then(|n| u64::try_from(n).ok()).filter(|n| *n < count),
            };
            let fact = statistics::of_page(index, number, count, nulls, (file, &self.plan.source[input].ty, input));
            Page { rows, nulls, fact }
        };
        Some(starts.iter().zip(ends).enumerate().map(page).collect())
    }
}

/// To what is known of the row group's column what is known of its page.
fn narrow(of_group: &mut Fact, of_page: &Fact) {
    if of_page.null == Null::Perhaps {
        return;
    }
    of_group.null = of_page.null;
    if of_page.range == Range::Empty {
        *of_group = of_page.clone();
    } else if of_page.range != Range::Unknown {
        of_group.range = of_page.range.clone();
    }
}

/// Adds rows behind those that are there.
fn join(spans: &mut Vec<Span<u64>>, rows: Span<u64>) {
    match spans.last_mut() {
        Some(last) if last.end == rows.start => last.end = rows.end,
        _ => spans.push(rows),
    }
}

/// The file's footer with its index, and the bytes read; nothing where the index cannot be read.
async fn load(opened: &Opened, file: usize) -> Result<(Option<Arc<ParquetMetaData>>, u64), Fault> {
    let footer = ParquetMetaData::clone(&opened.files[file].footer);
    let mut fetch = Fetch { opened, file, read: 0, fault: None };
    let mut reader = ParquetMetaDataReader::new_with_metadata(footer).with_page_index_policy(PageIndexPolicy::Optional);
    let loaded = reader.load_page_index(&mut fetch).await;
    if let Some(fault) = fetch.fault {
        return Err(fault);
    }
    Ok((loaded.and_then(|()| reader.finish()).ok().map(Arc::new), fetch.read))
}

struct Fetch<'a> {
    opened: &'a Opened,
    file: usize,
    read: u64,
    /// Of storage, in our words.
    fault: Option<Fault>,
}

impl MetadataFetch for &mut Fetch<'_> {
    fn fetch(&mut self, range: Span<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        Box::pin(async move {
            match self.opened.ranges(self.file, vec![range]).await {
                Ok(parts) => {
                    let part = parts.into_iter().next().unwrap_or_default();
                    self.read += part.len() as u64;
                    Ok(part)
                }
                Err(fault) => {
                    self.fault = Some(fault);
                    Err(ParquetError::General(String::new()))
                }
            }
        })
    }
}
