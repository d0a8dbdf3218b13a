//! Every run adds small files to the ledger; here they become one again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::Ledger;
use crate::fault::Fault;
use crate::lake::delta::{Change, Committed, Table};
use crate::lake::rows;
use crate::lake::stage;

/// So many files of one folder are worth the work.
const MANY: usize = 8;

impl Ledger<'_> {
    /// Puts the files of each folder of a table together; gives how many files became one. Whoever writes meanwhile
    /// goes first: then nothing changes.
    pub async fn compact(&self, name: &str) -> Result<u64, Fault> {
        let Some(mut table) = Table::open(&self.table(name), self.storage).await? else { return Ok(0) };
        let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in table.files()? {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            folders.entry(folder.to_owned()).or_default().push(file.path);
        }
        folders.retain(|_, files| files.len() >= MANY);
        let mut change = Change { rearranges: true, exclusive: true, ..Change::default() };
        for (folder, files) in &folders {
            let mut parts = Vec::new();
            for file in files {
                parts.extend(rows::read(&table.store, file, None).await?);
            }
            let rows = united(&parts)?;
            change.add.extend(stage::write(&table.store, folder, &rows).await?);
            change.remove.extend(files.iter().cloned());
        }
        let count = change.remove.len() as u64;
        if count == 0 {
            return Ok(0);
        }
        let written: Vec<String> = change.add.iter().map(|f| f.path.clone()).collect();
        match table.commit(change).await {
            Ok(Committed::Version(_)) => Ok(count),
            Ok(Committed::Unknown) => Ok(0),
            Ok(Committed::Conflict) => {
                table.store.discard(written).await;
                Ok(0)
            }
            Err(fault) => {
                table.store.discard(written).await;
                Err(fault)
            }
        }
    }
}

/// All rows under the columns of all; a column that came later is null in earlier rows.
fn united(parts: &[RecordBatch]) -> Result<RecordBatch, Fault> {
    let unfit = || Fault::internal("the ledger's files differ in a column's type");
    let mut fields: Vec<Field> = Vec::new();
    for field in parts.iter().flat_map(|rows| rows.schema().fields().iter().map(|f| f.as_ref().clone()).collect::<Vec<_>>()) {
        if !fields.iter().any(|f| f.name() == field.name()) {
            fields.push(field);
        }
    }
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let fitted = parts.iter().map(|rows| {
        let column = |field: &Arc<Field>| -> ArrayRef {
            rows.column_by_name(field.name()).cloned().unwrap_or_else(|| new_null_array(field.data_type(), rows.num_rows()))
        };
        RecordBatch::try_new(schema.clone(), schema.fields().iter().map(column).collect()).map_err(|_| unfit())
    });
    let fitted = fitted.collect::<Result<Vec<_>, _>>()?;
    concat_batches(&schema, &fitted).map_err(|_| unfit())
}
