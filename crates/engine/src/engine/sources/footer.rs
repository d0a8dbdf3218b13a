//! Footers of parquet files, each read once for all that asks for it. In a large file with many columns their decoding is
//! most of what proofs cost: many row groups are decoded in parts, side by side.

mod groups;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{
    FooterTail, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
    RowGroupMetaData,
};
use rayon::prelude::*;

use groups::Groups;

/// Footers with so many row groups for each part are cut into parts; fewer are not worth another thread's waking.
const SHARE: usize = 64;

/// Bytes at a file's end that are fetched at once, in the hope that the footer is no longer.
const TAIL: u64 = 64 << 10;

/// A file's footer, without the sizes of values before they were encoded; `None` where it cannot be read.
pub async fn read(store: &dyn ObjectStore, object: &ObjectMeta) -> Option<ParquetMetaData> {
    let fetch = |range: Range<u64>| store.get_range(&object.location, range);
    let tail = fetch(object.size.saturating_sub(TAIL)..object.size).await.ok()?;
    let end = tail.len().checked_sub(FOOTER_SIZE)?;
    let last: [u8; FOOTER_SIZE] = tail.get(end..)?.try_into().ok()?;
    let last = FooterTail::try_new(&last).ok().filter(|last| !last.is_encrypted_footer())?;
    let length = last.metadata_length();
    let bytes = match end.checked_sub(length) {
        Some(start) => tail.slice(start..end),
        None => {
            let end = object.size.checked_sub(FOOTER_SIZE as u64)?;
            fetch(end.checked_sub(length as u64)?..end).await.ok()?
        }
    };
    (bytes.len() == length).then(|| decode(&bytes)).flatten()
}

fn decode(footer: &[u8]) -> Option<ParquetMetaData> {
    in_parts(footer, rayon::current_num_threads(), SHARE).or_else(|| {
        let options = ParquetMetaDataOptions::new().with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
        ParquetMetaDataReader::decode_metadata_with_options(footer, Some(&options)).ok()
    })
}

/// Each part is decoded as a footer of its own, with what stands before the row groups; the last has what follows them.
/// `None` where parts would be smaller than `share`, or something is not as it should be.
fn in_parts(footer: &[u8], parts: usize, share: usize) -> Option<ParquetMetaData> {
    let mut groups = Groups::of(footer)?;
    let parts = parts.min(groups.count / share.max(1));
    if parts < 2 {
        return None;
    }
    let size = groups.count.div_ceil(parts);
    let mut cut: Vec<(usize, Vec<u8>)> = Vec::with_capacity(parts);
    for start in (0..groups.count).step_by(size) {
        let count = size.min(groups.count - start);
        let last = start + count == groups.count;
        let part = if last { groups.rest() } else { groups.take(count)? };
        let end: &[u8] = if last { &[] } else { &[0] };
        cut.push((start, [groups.head, &groups::list_of(count), part, end].concat()));
    }
    // Parquet holds the numbers of the last part's against each other, we one of them against the others.
    groups.take(1)?;
    let numbered = groups.numbered?;
    let options = ParquetMetaDataOptions::new()
        .with_schema(ParquetMetaDataReader::decode_schema(footer).ok()?)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let decode = |(start, part): &(usize, Vec<u8>)| {
        let decoded = ParquetMetaDataReader::decode_metadata_with_options(part, Some(&options)).ok()?;
        let mut decoded = decoded.into_builder();
        let mut found = decoded.take_row_groups();
        if !numbered {
            // Those without a number have got one within their part.
            let renumber = |(number, group): (usize, RowGroupMetaData)| {
                group.into_builder().set_ordinal(i16::try_from(number).ok()?).build().ok()
            };
            found = (*start..).zip(found).map(renumber).collect::<Option<_>>()?;
        }
        Some((decoded, found))
    };
    let decoded: Vec<_> = cut.par_iter().map(decode).collect::<Option<_>>()?;
    let mut all = Vec::with_capacity(groups.count);
    let mut whole = None;
    for (rest, found) in decoded {
        all.extend(found);
        whole = Some(rest);
    }
    Some(whole?.set_row_groups(all).build())
}

/// A file whose footer is at hand.
pub struct Ranges {
    pub store: Arc<dyn ObjectStore>,
    pub location: Path,
    pub footer: Arc<ParquetMetaData>,
}

impl AsyncFileReader for Ranges {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        Box::pin(async move { Ok(self.store.get_range(&self.location, range).await?) })
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        Box::pin(async move { Ok(self.store.get_ranges(&self.location, &ranges).await?) })
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        Box::pin(async move { Ok(Arc::clone(&self.footer)) })
    }
}

/// Files whose footers are at hand, for DataFusion's scan.
pub struct Footers {
    pub store: Arc<dyn ObjectStore>,
    pub footers: HashMap<Path, Arc<ParquetMetaData>>,
}

impl fmt::Debug for Footers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Footers")
    }
}

impl ParquetFileReaderFactory for Footers {
    fn create_reader(
        &self,
        _: usize,
        file: PartitionedFile,
        _: Option<usize>,
        _: &ExecutionPlanMetricsSet,
    ) -> EngineResult<Box<dyn AsyncFileReader + Send>> {
        let location = file.object_meta.location;
        let unknown = || DataFusionError::Internal(String::new());
        let footer = Arc::clone(self.footers.get(&location).ok_or_else(unknown)?);
        Ok(Box::new(Ranges { store: Arc::clone(&self.store), location, footer }))
    }
}

#[cfg(test)]
mod tests;
