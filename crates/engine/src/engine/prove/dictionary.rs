//! The dictionary of a column chunk: where every page of the chunk refers to it, no other value occurs.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewArray, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array, StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use bytes::Bytes;
use parquet::basic::{Encoding, PageType, Type as Physical};
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::statistics::big_endian;
use crate::engine::sources::part::Part;

/// Dictionaries above this are not read: to scan the column costs little more.
const MOST_BYTES: u64 = 1 << 20;
/// Dictionaries below this are read, however much of their chunk they are.
const FEW_BYTES: u64 = 1 << 10;

/// Where the dictionary lies in the file; `None` where the chunk has values outside of one, or its dictionary is not
/// worth the reading.
pub fn place(chunk: &ColumnChunkMetaData) -> Option<std::ops::Range<u64>> {
    let start = u64::try_from(chunk.dictionary_page_offset()?).ok().filter(|start| *start >= 4)?;
    let end = u64::try_from(chunk.data_page_offset()).ok()?;
    let bytes = end.checked_sub(start)?;
    let half = u64::try_from(chunk.compressed_size()).ok()? / 2;
    let worth = bytes > 0 && bytes <= MOST_BYTES.min(half.max(FEW_BYTES));
    (worth && all_pages_refer(chunk)).then_some(start..end)
}

/// Whether every value of the chunk stands in its dictionary.
pub fn all_pages_refer(chunk: &ColumnChunkMetaData) -> bool {
    let refers = |e: Encoding| matches!(e, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY);
    if let Some(mask) = chunk.page_encoding_stats_mask() {
        return mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY);
    }
    if let Some(pages) = chunk.page_encoding_stats() {
        let data = |t: PageType| matches!(t, PageType::DATA_PAGE | PageType::DATA_PAGE_V2);
        return pages.iter().any(|p| data(p.page_type)) && pages.iter().all(|p| !data(p.page_type) || refers(p.encoding));
    }
    // Without counts by page: the first version of the format wrote dictionaries so that plain pages would show.
    #[allow(deprecated)]
    let levels = |e: Encoding| matches!(e, Encoding::RLE | Encoding::BIT_PACKED);
    chunk.encodings().any(refers) && chunk.encodings().all(|e| refers(e) || levels(e))
}

/// The values of a dictionary page in the type in which the column is read; `None` where they are of no known kind.
pub fn values(group: &RowGroupMetaData, leaf: usize, start: u64, bytes: Bytes, ty: &DataType) -> Option<ArrayRef> {
    let chunk = group.column(leaf);
    let part = Arc::new(Part { start, bytes });
    let mut pages = SerializedPageReader::new(part, chunk, usize::try_from(group.num_rows()).ok()?, None).ok()?;
    let Some(Page::DictionaryPage { buf, num_values, encoding, .. }) = pages.get_next_page().ok()? else { return None };
    if !matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) {
        return None;
    }
    decode(&buf, num_values as usize, chunk, ty)
}

fn decode(plain: &[u8], count: usize, chunk: &ColumnChunkMetaData, ty: &DataType) -> Option<ArrayRef> {
    let ty = if let DataType::Dictionary(_, value) = ty { value } else { ty };
    let decimal = match ty {
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => Some((*p, *s)),
        _ => None,
    };
    let as_decimals = |values: Vec<i128>| {
        let (precision, scale) = decimal?;
        let array = Decimal128Array::from(values).with_precision_and_scale(precision, scale).ok()?;
        Some(Arc::new(array) as ArrayRef)
    };
    let fixed = |width: usize| (plain.len() >= count * width).then(|| plain.chunks_exact(width).take(count));
    match chunk.column_type() {
        Physical::INT32 => {
            let values: Vec<i32> = fixed(4)?.map(|b| b.try_into().map(i32::from_le_bytes)).collect::<Result<_, _>>().ok()?;
            match (ty, decimal) {
                (_, Some(_)) => as_decimals(values.into_iter().map(i128::from).collect()),
                (DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Date32, _) => {
                    cast(&Int32Array::from(values), ty).ok()
                }
                _ => None,
            }
        }
        Physical::INT64 => {
            let values: Vec<i64> = fixed(8)?.map(|b| b.try_into().map(i64::from_le_bytes)).collect::<Result<_, _>>().ok()?;
            match (ty, decimal) {
                (_, Some(_)) => as_decimals(values.into_iter().map(i128::from).collect()),
                (DataType::Int64 | DataType::Timestamp(..), _) => cast(&Int64Array::from(values), ty).ok(),
                _ => None,
            }
        }
        Physical::FLOAT if ty == &DataType::Float32 => {
            let values: Vec<f32> = fixed(4)?.map(|b| b.try_into().map(f32::from_le_bytes)).collect::<Result<_, _>>().ok()?;
            Some(Arc::new(Float32Array::from(values)))
        }
        Physical::DOUBLE if ty == &DataType::Float64 => {
            let values: Vec<f64> = fixed(8)?.map(|b| b.try_into().map(f64::from_le_bytes)).collect::<Result<_, _>>().ok()?;
            Some(Arc::new(Float64Array::from(values)))
        }
        Physical::FIXED_LEN_BYTE_ARRAY => {
            let width = usize::try_from(chunk.column_descr().type_length()).ok().filter(|w| *w > 0)?;
            decimal?;
            as_decimals(fixed(width)?.map(big_endian).collect::<Option<_>>()?)
        }
        Physical::BYTE_ARRAY => {
            let values = texts(plain, count)?;
            match ty {
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                    let texts = values.into_iter().map(|b| std::str::from_utf8(b).ok()).collect::<Option<Vec<_>>>()?;
                    Some(Arc::new(StringViewArray::from_iter_values(texts)))
                }
                DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                    Some(Arc::new(BinaryViewArray::from_iter_values(values)))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Each text after its length.
fn texts(mut plain: &[u8], count: usize) -> Option<Vec<&[u8]>> {
    let mut found = Vec::with_capacity(count.min(plain.len()));
    for _ in 0..count {
        let (length, rest) = plain.split_at_checked(4)?;
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let (text, rest) = rest.split_at_checked(length)?;
        found.push(text);
        plain = rest;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_where_their_bytes_end() {
        assert_eq!(texts(&[1, 0, 0, 0, b'a', 0, 0, 0, 0], 2), Some(vec![&b"a"[..], &b""[..]]));
        assert_eq!(texts(&[2, 0, 0, 0, b'a'], 1), None);
        assert_eq!(texts(&[1, 0], 1), None);
    }
}
