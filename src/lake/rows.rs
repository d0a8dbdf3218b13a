//! Rows of the files that this program keeps its own books in: the ledger's, and those held back.

use arrow::array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::fault::Fault;
use crate::lake::store::Store;

/// All rows of a parquet file; `columns`: these alone, where they are there.
///
/// # Errors
/// Storage does not give the file, or it is no parquet.
pub async fn read(store: &Store, path: &str, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>, Fault> {
    let unreadable = || Fault::storage(format!("`{path}` in `{}` could not be read", store.url));
    let bytes = store.read(path).await?;
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|_| unreadable())?;
    if let Some(columns) = columns {
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    let reader = builder.build().map_err(|_| unreadable())?;
    reader.collect::<Result<_, _>>().map_err(|_| unreadable())
}

/// A column by its name, if it is of this type.
pub fn column<'r, T: 'static>(rows: &'r RecordBatch, name: &str) -> Option<&'r T> {
    rows.column_by_name(name)?.as_any().downcast_ref::<T>()
}
