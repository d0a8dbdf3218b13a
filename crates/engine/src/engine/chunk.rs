//! A column chunk made of parts of stored ones: rows that are not wanted are left out of its pages, and nothing is decoded
//! into values that a page does not have to be taken apart for. References into dictionaries stay references; a dictionary
//! keeps the values that are referred to, and no other.

mod bounds;
mod hybrid;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression, Encoding, EncodingMask, PageType};
use parquet::column::page::{CompressedPage, Page, PageReader, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use crate::engine::sink::StoredColumn;
use bounds::{Bounds, Kind};

/// Every chunk becomes pages of its own; of fewer rows they would cost readers more than is saved.
const FEW_ROWS: i64 = 1 << 10;

/// Whether a chunk can be taken into one of a column.
pub fn fits(chunk: &ColumnChunkMetaData, column: &ColumnDescPtr) -> bool {
    let (from, to) = (chunk.column_descr(), column);
    // Levels in bits are those of columns that are not nested, in files of other writers.
    #[allow(deprecated)]
    let known = |e: Encoding| {
        matches!(
            e,
            Encoding::PLAIN
                | Encoding::RLE
                | Encoding::BIT_PACKED
                | Encoding::PLAIN_DICTIONARY
                | Encoding::RLE_DICTIONARY
        )
    };
    let flat = |levels: (i16, i16)| levels.0 == 0 && levels.1 <= 1;
    Kind::of(to.physical_type()).is_some()
        && from.physical_type() == to.physical_type()
        && flat((from.max_rep_level(), from.max_def_level()))
        && (to.max_rep_level(), to.max_def_level()) == (0, 1)
        && chunk.encodings().all(known)
        && chunk.num_values() >= FEW_ROWS
}

pub struct Chunk {
    column: ColumnDescPtr,
    kind: Kind,
    pages: TrackedWrite<Vec<u8>>,
    dictionary: Dictionary,
    bounds: Bounds,
    rows: u64,
    nulls: u64,
    uncompressed: usize,
    /// Pages of plain values, and of references.
    counts: [i32; 2],
    index: ColumnIndexBuilder,
    offsets: OffsetIndexBuilder,
    /// The page that was made last, in memory for the next.
    body: Vec<u8>,
    snappy: Snappy,
}

/// Compresses pages one after another, in the same memory.
struct Snappy {
    encoder: snap::raw::Encoder,
    room: Vec<u8>,
}

/// The values that pages refer to.
#[derive(Default)]
struct Dictionary {
    /// As their page has them.
    values: Vec<u8>,
    places: HashMap<Vec<u8>, u32>,
}

/// The dictionary of a stored chunk.
struct Entries {
    page: Bytes,
    /// Where each value lies in the page, without its length.
    values: Vec<Range<usize>>,
    /// The place of each in the new dictionary, once it is known.
    places: Vec<u32>,
    /// The number of the page that referred to each last.
    seen: Vec<u32>,
    pages: u32,
}

const NOWHERE: u32 = u32::MAX;

/// The rows of a page that are kept.
struct Kept {
    rows: usize,
    nulls: usize,
    /// Of the values that the page has.
    values: Vec<Range<usize>>,
    /// For each row whether it has a value; `None` where all have.
    levels: Option<Vec<u32>>,
}

fn broken(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

impl Chunk {
    /// `None` where no stored chunk fits.
    pub fn new(column: ColumnDescPtr) -> Option<Self> {
        let kind = Kind::of(column.physical_type())?;
        Some(Self {
            kind,
            index: ColumnIndexBuilder::new(column.physical_type()),
            offsets: OffsetIndexBuilder::new(),
            column,
            pages: TrackedWrite::new(Vec::new()),
            dictionary: Dictionary::default(),
            bounds: Bounds::default(),
            rows: 0,
            nulls: 0,
            uncompressed: 0,
            counts: [0; 2],
            body: Vec::new(),
            snappy: Snappy { encoder: snap::raw::Encoder::new(), room: Vec::new() },
        })
    }

    /// Bytes so far.
    pub fn size(&self) -> usize {
        self.pages.bytes_written() + self.dictionary.values.len()
    }

    /// Bytes of the dictionary before it is compressed.
    pub fn dictionary(&self) -> usize {
        self.dictionary.values.len()
    }

    /// Takes rows of a stored chunk: those of these ranges, which are in order and apart.
    ///
    /// # Errors
    /// The stored chunk is not what its footer says.
    pub fn add(&mut self, stored: &StoredColumn, kept: &[Range<usize>], rows: usize) -> Result<(), ParquetError> {
        let nullable = stored.chunk.column_descr().max_def_level() > 0;
        let mut pages = SerializedPageReader::new(Arc::clone(&stored.part), &stored.chunk, rows, None)?;
        let (mut first, mut entries, mut kept) = (0, None, kept);
        while let Some(page) = pages.get_next_page()? {
            let count = page.num_values() as usize;
            let (levels, values, encoding) = match page {
                Page::DictionaryPage { buf, .. } => {
                    entries = Some(Entries::new(self.kind, buf, count).ok_or_else(|| broken("a dictionary"))?);
                    continue;
                }
                Page::DataPage { buf, encoding, def_level_encoding, .. } => {
                    let (levels, values) = match nullable {
                        true => levels(&buf, def_level_encoding, count).ok_or_else(|| broken("levels"))?,
                        false => (None, buf),
                    };
                    (levels, values, encoding)
                }
                Page::DataPageV2 { buf, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                    let start = rep_levels_byte_len as usize;
                    let end = start + def_levels_byte_len as usize;
                    let levels = match buf.get(start..end).ok_or_else(|| broken("levels"))? {
                        [] => None,
                        bytes => Some(hybrid::decode(bytes, 1, count).ok_or_else(|| broken("levels"))?),
                    };
                    (levels, buf.slice(end..), encoding)
                }
            };
            if first + count > rows {
                return Err(broken("more rows than the footer says"));
            }
            let levels = levels.filter(|levels| levels.contains(&0));
            let chosen = choose(&mut kept, first..first + count, levels.as_deref());
            first += count;
            if chosen.rows > 0 {
                let total = levels.map_or(count, |levels| levels.iter().map(|l| *l as usize).sum());
                self.page(&chosen, &values, total, encoding, &mut entries).ok_or_else(|| broken("a page"))??;
            }
        }
        if first == rows { Ok(()) } else { Err(broken("fewer rows than the footer says")) }
    }

    /// `None` where the page is not what it should be. `total`: its values, kept or not.
    fn page(
        &mut self,
        kept: &Kept,
        values: &Bytes,
        total: usize,
        encoding: Encoding,
        entries: &mut Option<Entries>,
    ) -> Option<Result<(), ParquetError>> {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        body.extend_from_slice(&[0; 4]);
        match &kept.levels {
            Some(levels) => hybrid::encode(levels, 1, &mut body),
            None => hybrid::run(1, kept.rows, 1, &mut body),
        }
        let length = u32::try_from(body.len() - 4).ok()?;
        body[..4].copy_from_slice(&length.to_le_bytes());
        let (encoding, bounds) = match (encoding, self.kind.width()) {
            // References without a dictionary are none.
            _ if kept.nulls == kept.rows => (Encoding::PLAIN, Bounds::default()),
            (Encoding::PLAIN, Some(width)) => {
                if values.len() < total * width {
                    return None;
                }
                kept.values.iter().for_each(|r| body.extend_from_slice(&values[r.start * width..r.end * width]));
                (Encoding::PLAIN, Bounds::of(self.kind, values, &kept.values))
            }
            (Encoding::PLAIN, None) => (Encoding::PLAIN, texts(values, &kept.values, &mut body)?),
            (Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY, _) => {
                let entries = entries.as_mut()?;
                let bounds = self.references(entries, values, total, kept, &mut body)?;
                (Encoding::RLE_DICTIONARY, bounds)
            }
            _ => return None,
        };
        let written = self.write(kept, &body, encoding, &bounds);
        self.body = body;
        Some(written)
    }

    /// References to a stored dictionary become references to the new one.
    fn references(
        &mut self,
        entries: &mut Entries,
        values: &[u8],
        total: usize,
        kept: &Kept,
        body: &mut Vec<u8>,
    ) -> Option<Bounds> {
        let (width, bytes) = values.split_first().map_or((0, values), |(width, rest)| (u32::from(*width), rest));
        let read = hybrid::decode(bytes, width, total)?;
        let mut numbers = Vec::with_capacity(kept.values.iter().map(|r| r.len()).sum());
        kept.values.iter().for_each(|range| numbers.extend_from_slice(&read[range.clone()]));
        entries.pages += 1;
        for number in &numbers {
            *entries.seen.get_mut(*number as usize)? = entries.pages;
        }
        let mut bounds = Bounds::default();
        for entry in (0..entries.seen.len()).filter(|entry| entries.seen[*entry] == entries.pages) {
            let value = &entries.page[entries.values[entry].clone()];
            if entries.places[entry] == NOWHERE {
                entries.places[entry] = self.dictionary.place(self.kind, value)?;
            }
            bounds.add(self.kind, value);
        }
        numbers.iter_mut().for_each(|number| *number = entries.places[*number as usize]);
        let most = u32::try_from(self.dictionary.places.len()).ok()?.saturating_sub(1);
        let width = (u32::BITS - most.leading_zeros()).max(1);
        body.push(width as u8);
        hybrid::encode(&numbers, width, body);
        Some(bounds)
    }

    fn write(&mut self, kept: &Kept, body: &[u8], encoding: Encoding, bounds: &Bounds) -> Result<(), ParquetError> {
        let page = Page::DataPage {
            buf: self.snappy.compress(body)?,
            num_values: u32::try_from(kept.rows).map_err(|_| broken("too many rows"))?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = SerializedPageWriter::new(&mut self.pages).write_page(CompressedPage::new(page, body.len()))?;
        self.uncompressed += spec.uncompressed_size;
        self.rows += kept.rows as u64;
        self.nulls += kept.nulls as u64;
        self.counts[usize::from(encoding != Encoding::PLAIN)] += 1;
        self.bounds.merge(self.kind, bounds);
        let size = i32::try_from(spec.compressed_size).map_err(|_| broken("a page that is too large"))?;
        // Only from the first data page on; the dictionary comes to stand before it.
        self.offsets.append_offset_and_size(spec.offset as i64, size);
        self.offsets.append_row_count(kept.rows as i64);
        match bounds.written(self.kind) {
            Some(written) => self.index.append(false, written.least, written.greatest, kept.nulls as i64),
            None if kept.nulls == kept.rows => self.index.append(true, Vec::new(), Vec::new(), kept.nulls as i64),
            None => self.index.to_invalid(),
        }
        Ok(())
    }

    /// The chunk as it is to stand in its file.
    pub fn finish(mut self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let mut head = TrackedWrite::new(Vec::new());
        let entries = self.dictionary.places.len();
        if entries > 0 {
            let values = std::mem::take(&mut self.dictionary.values);
            let page = Page::DictionaryPage {
                buf: self.snappy.compress(&values)?,
                num_values: u32::try_from(entries).map_err(|_| broken("too many values"))?,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let spec = SerializedPageWriter::new(&mut head).write_page(CompressedPage::new(page, values.len()))?;
            self.uncompressed += spec.uncompressed_size;
        }
        let mut bytes = head.into_inner()?;
        let length = bytes.len();
        bytes.extend_from_slice(&self.pages.into_inner()?);
        let of = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let pages = [
            of(PageType::DICTIONARY_PAGE, Encoding::PLAIN, i32::from(entries > 0)),
            of(PageType::DATA_PAGE, Encoding::PLAIN, self.counts[0]),
            of(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, self.counts[1]),
        ];
        let pages: Vec<PageEncodingStats> = pages.into_iter().filter(|p| p.count > 0).collect();
        let encodings =
            EncodingMask::new_from_encodings([Encoding::RLE].iter().chain(pages.iter().map(|p| &p.encoding)));
        let metadata = ColumnChunkMetaData::builder(Arc::clone(&self.column))
            .set_compression(Compression::SNAPPY)
            .set_encodings_mask(encodings)
            .set_page_encoding_stats(pages)
            .set_num_values(self.rows as i64)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_dictionary_page_offset((entries > 0).then_some(0))
            .set_data_page_offset(0)
            .set_statistics(bounds::statistics(self.kind, &self.bounds, self.nulls))
            .build()?;
        self.index.set_boundary_order(BoundaryOrder::UNORDERED);
        let column_index = if self.index.valid() { Some(self.index.build()?) } else { None };
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows,
            metadata,
            bloom_filter: None,
            column_index,
            offset_index: Some(self.offsets.build()),
        };
        Ok((Bytes::from(bytes), close.update_dictionary_location(length)?))
    }
}

impl Dictionary {
    /// Of a value; `None` where there are too many.
    fn place(&mut self, kind: Kind, value: &[u8]) -> Option<u32> {
        if let Some(known) = self.places.get(value) {
            return Some(*known);
        }
        let place = u32::try_from(self.places.len()).ok().filter(|place| *place < NOWHERE)?;
        if kind.width().is_none() {
            self.values.extend_from_slice(&u32::try_from(value.len()).ok()?.to_le_bytes());
        }
        self.values.extend_from_slice(value);
        self.places.insert(value.to_vec(), place);
        Some(place)
    }
}

impl Entries {
    fn new(kind: Kind, page: Bytes, count: usize) -> Option<Self> {
        let mut values = Vec::with_capacity(count.min(page.len()));
        let mut at = 0usize;
        for _ in 0..count {
            let length = match kind.width() {
                Some(width) => width,
                None => {
                    at += 4;
                    length(&page, at - 4)?
                }
            };
            let end = at.checked_add(length).filter(|end| *end <= page.len())?;
            values.push(at..end);
            at = end;
        }
        Some(Self { page, places: vec![NOWHERE; count], seen: vec![0; count], values, pages: 0 })
    }
}

fn length(bytes: &[u8], at: usize) -> Option<usize> {
    let length = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(u32::from_le_bytes(length) as usize)
}

/// The levels before a page's values, for each row 1 where it has a value.
#[allow(deprecated)]
fn levels(page: &Bytes, encoding: Encoding, count: usize) -> Option<(Option<Vec<u32>>, Bytes)> {
    if encoding == Encoding::BIT_PACKED {
        let bytes = page.get(..count.div_ceil(8))?;
        let levels = (0..count).map(|i| u32::from(bytes[i / 8] >> (7 - i % 8) & 1)).collect();
        return Some((Some(levels), page.slice(bytes.len()..)));
    }
    let length = length(page, 0)?;
    let bytes = page.get(4..length.checked_add(4)?)?;
    Some((Some(hybrid::decode(bytes, 1, count)?), page.slice(4 + length..)))
}

/// Of the rows to keep those of one page. `kept` loses what lies before the page's end.
fn choose(kept: &mut &[Range<usize>], page: Range<usize>, levels: Option<&[u32]>) -> Kept {
    let mut chosen = Kept { rows: 0, nulls: 0, values: Vec::new(), levels: levels.map(|_| Vec::new()) };
    // The number of values before the row of a page that was looked at last.
    let (mut row, mut value) = (0, 0);
    while let Some(range) = kept.first() {
        let (start, end) = (range.start.max(page.start), range.end.min(page.end));
        if start < end {
            let (start, end) = (start - page.start, end - page.start);
            chosen.rows += end - start;
            match (levels, &mut chosen.levels) {
                (Some(levels), Some(out)) => {
                    let count = |rows: Range<usize>| levels[rows].iter().map(|l| *l as usize).sum::<usize>();
                    value += count(row..start);
                    let values = count(start..end);
                    chosen.nulls += end - start - values;
                    out.extend_from_slice(&levels[start..end]);
                    chosen.values.push(value..value + values);
                    (row, value) = (end, value + values);
                }
                _ => chosen.values.push(start..end),
            }
        }
        if range.end > page.end {
            break;
        }
        *kept = &kept[1..];
    }
    chosen
}

/// Copies the chosen texts, each after its length.
fn texts(values: &[u8], chosen: &[Range<usize>], out: &mut Vec<u8>) -> Option<Bounds> {
    let (mut at, mut number) = (0usize, 0);
    let mut bounds: Option<[Text<'_>; 2]> = None;
    for range in chosen {
        while number < range.start {
            at = at.checked_add(4 + length(values, at)?)?;
            number += 1;
        }
        let start = at;
        while number < range.end {
            let end = at.checked_add(4 + length(values, at)?)?;
            let text = Text::new(values.get(at + 4..end)?);
            match &mut bounds {
                None => bounds = Some([text, text]),
                Some([least, greatest]) => {
                    if text < *least {
                        *least = text;
                    } else if text > *greatest {
                        *greatest = text;
                    }
                }
            }
            (at, number) = (end, number + 1);
        }
        out.extend_from_slice(values.get(start..at)?);
    }
    Some(Bounds(bounds.map(|[least, greatest]| (least.text.to_vec(), greatest.text.to_vec()))))
}

/// A text that is mostly compared by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a> {
    first: u64,
    text: &'a [u8],
}

impl<'a> Text<'a> {
    fn new(text: &'a [u8]) -> Self {
        let first = match text.first_chunk::<8>() {
            Some(first) => u64::from_be_bytes(*first),
            None => text.iter().enumerate().fold(0, |all, (i, byte)| all | u64::from(*byte) << (56 - 8 * i)),
        };
        Self { first, text }
    }
}

impl Snappy {
    fn compress(&mut self, bytes: &[u8]) -> Result<Bytes, ParquetError> {
        let most = snap::raw::max_compress_len(bytes.len());
        if self.room.len() < most {
            self.room.resize(most, 0);
        }
        let length = self.encoder.compress(bytes, &mut self.room).map_err(|_| broken("a page that is too large"))?;
        Ok(Bytes::copy_from_slice(&self.room[..length]))
    }
}
