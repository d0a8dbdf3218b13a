//! Arrow IPC: files, as Feather 2 is, and streams.

use std::io::Cursor;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::ArrowWriter;

use super::spool::{file, properties};
use super::{Spooled, no_room};
use crate::engine::sources::NotOpened;

pub fn spool(bytes: &[u8], path: &str) -> Result<Spooled, NotOpened> {
    let unreadable = || NotOpened::Broken(format!("`{path}` cannot be read as Arrow IPC"));
    if bytes.starts_with(b"ARROW1") {
        let reader = FileReader::try_new(Cursor::new(bytes), None).map_err(|_| unreadable())?;
        write(reader.schema(), reader, path)
    } else {
        let reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(|_| unreadable())?;
        write(reader.schema(), reader, path)
    }
}

fn write(
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    path: &str,
) -> Result<Spooled, NotOpened> {
    let strange = || NotOpened::Broken(format!("`{path}` has columns of a type that cannot be judged"));
    let mut writer = ArrowWriter::try_new(file()?, schema, Some(properties())).map_err(|_| strange())?;
    for batch in batches {
        let batch = batch.map_err(|_| NotOpened::Broken(format!("`{path}` cannot be read to its end")))?;
        writer.write(&batch).map_err(|_| no_room())?;
    }
    let file = writer.into_inner().map_err(|_| no_room())?;
    Ok(Spooled { file, corrupt: 0 })
}
