//! One parquet file on its way to storage: encoded group by group, hashed as it leaves, visible once it is closed.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use object_store::WriteMultipart;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};

use crate::fault::Fault;
use crate::lake::store::{Store, hex};
use crate::storage::fault;

/// Rows in memory before they are encoded; a file has one group for so many.
const GROUP_ROWS: usize = 1 << 20;
/// What is sent at once; a smaller file is one request.
const PART: usize = 8 << 20;
/// Parts on their way side by side.
const PARTS: usize = 4;

pub struct FileWriter {
    store: Store,
    path: String,
    encoder: ArrowWriter<Buffer>,
    encoded: Buffer,
    upload: Option<WriteMultipart>,
    hash: Sha256,
    size: u64,
    rows: u64,
}

/// A file as it was written.
pub struct Closed {
    pub path: String,
    pub size: u64,
    pub rows: u64,
    /// In hexadecimal.
    pub sha256: String,
    pub footer: ParquetMetaData,
}

/// What the encoder has given and storage has not got yet.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl FileWriter {
    pub fn new(store: &Store, path: String, schema: &SchemaRef) -> Result<Self, Fault> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by(concat!("dqc ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let encoded = Buffer::default();
        let encoder = ArrowWriter::try_new(encoded.clone(), schema.clone(), Some(properties))
            .map_err(|_| Fault::usage("the columns are of types that parquet cannot keep"))?;
        let hash = Sha256::new();
        Ok(Self { store: store.clone(), path, encoder, encoded, upload: None, hash, size: 0, rows: 0 })
    }

    /// Bytes so far, those not encoded yet included.
    pub fn size(&self) -> u64 {
        self.size + (self.encoded.len() + self.encoder.in_progress_size()) as u64
    }

    pub async fn write(&mut self, rows: &RecordBatch) -> Result<(), Fault> {
        self.encoder.write(rows).map_err(|_| self.unencodable())?;
        self.rows += rows.num_rows() as u64;
        if self.encoded.len() >= PART {
            self.send().await?;
        }
        Ok(())
    }

    fn unencodable(&self) -> Fault {
        Fault::internal(format!("rows could not be encoded for `{}` below `{}`", self.path, self.store.url))
    }

    fn refused(&self, error: &object_store::Error) -> Fault {
        fault(error, &format!("rows could not be written below `{}`", self.store.url))
    }

    fn count(&mut self) -> bytes::Bytes {
        let bytes = bytes::Bytes::from(self.encoded.take());
        self.hash.update(&bytes);
        self.size += bytes.len() as u64;
        bytes
    }

    /// Hands over what is encoded, in parts.
    async fn send(&mut self) -> Result<(), Fault> {
        let bytes = self.count();
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => {
                let begun = self.store.begin(&self.path).await.map_err(|e| self.refused(&e))?;
                self.upload.insert(WriteMultipart::new_with_chunk_size(begun, PART))
            }
        };
        upload.put(bytes);
        let sent = upload.wait_for_capacity(PARTS).await;
        sent.map_err(|e| self.refused(&e))
    }

    /// # Errors
    /// Storage refuses: the file is not there.
    pub async fn close(mut self) -> Result<Closed, Fault> {
        let finished = self.encoder.finish();
        let footer = match finished {
            Ok(footer) => footer,
            Err(_) => {
                let fault = self.unencodable();
                self.abort().await;
                return Err(fault);
            }
        };
        let bytes = self.count();
        let done = match self.upload.take() {
            Some(mut upload) => {
                upload.put(bytes);
                upload.finish().await.map(|_| ())
            }
            None => self.store.put(&self.path, bytes).await,
        };
        done.map_err(|e| self.refused(&e))?;
        let sha256 = hex(&std::mem::take(&mut self.hash).finalize());
        Ok(Closed { path: self.path, size: self.size, rows: self.rows, sha256, footer })
    }

    /// Gives the file up.
    pub async fn abort(self) {
        if let Some(upload) = self.upload {
            let _ = upload.abort().await;
        }
    }
}
