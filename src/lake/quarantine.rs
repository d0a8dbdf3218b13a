//! Rows held back, one Delta table a dataset: the source's columns as they came, and ours beside them.
//!
//! | column | holds |
//! | --- | --- |
//! | `_dqc_batch` | the batch's name |
//! | `_dqc_attempt` | the attempt's identity: the batch's files and the contract |
//! | `_dqc_promotion` | `bronze.orders to silver.orders` |
//! | `_dqc_contract`, `_dqc_version` | whose rules hold the row back |
//! | `_dqc_rules` | the rules' names |
//! | `_dqc_reasons` | why, one for each rule |
//! | `_dqc_file`, `_dqc_row` | where the row stood, counted from 1 |
//! | `_dqc_held_at` | the clock of the run |

pub mod read;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use deltalake::kernel::{Add, StructField};
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, FaultKind};
use crate::lake::delta::{Change, Committed, Table};
use crate::lake::schema;
use crate::lake::store::Store;
use crate::run::HeldRow;
use crate::storage::Storage;

/// What is the same for all rows that an attempt holds back.
pub struct Held {
    pub store: Store,
    /// Those of the table as it stands.
    pub columns: Vec<StructField>,
    pub batch: String,
    pub attempt: String,
    pub promotion: String,
    pub contract: String,
    pub version: String,
    /// Microseconds since 1970 in UTC.
    pub held_at: i64,
}

impl Held {
    /// The files' schema for rows of `source`. A column that the table has under another type comes beside it.
    pub fn schema(&self, source: &Schema) -> SchemaRef {
        let mut fields: Vec<FieldRef> = Vec::new();
        for field in schema::stored(source).fields() {
            fields.push(match self.clash(field) {
                None => field.clone(),
                Some(ty) => Arc::new(Field::new(format!("{}__{ty}", field.name()), field.data_type().clone(), true)),
            });
        }
        let text = |name: &str| Arc::new(Field::new(name, DataType::Utf8, true));
        let texts = |name: &str| {
            let item = Field::new("element", DataType::Utf8, true);
            Arc::new(Field::new(name, DataType::List(Arc::new(item)), true))
        };
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        fields.extend(["batch", "attempt", "promotion", "contract", "version"].map(|n| text(&format!("_dqc_{n}"))));
        fields.extend([texts("_dqc_rules"), texts("_dqc_reasons"), text("_dqc_file")]);
        fields.push(Arc::new(Field::new("_dqc_row", DataType::Int64, true)));
        fields.push(Arc::new(Field::new("_dqc_held_at", time, true)));
        Arc::new(Schema::new(fields))
    }

    /// The type that a column brings, as a word, where the table has another for the name.
    fn clash(&self, field: &Field) -> Option<String> {
        let new = schema::delta_fields(&Schema::new(vec![field.clone()])).ok()?.pop()?;
        let there = self.columns.iter().find(|c| c.name().eq_ignore_ascii_case(field.name()))?;
        (!schema::same(there, &new)).then(|| word(&new))
    }
}

/// A column's type as the end of a name.
fn word(field: &StructField) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    field.data_type().to_string().chars().map(letter).collect()
}

/// The name that a column of a file had in its source; `table`: the columns of the quarantine, where one of another
/// type may stand under it.
pub fn own_name(field: &Field, table: &[StructField]) -> String {
    let ty = schema::delta_fields(&Schema::new(vec![field.clone()])).ok().and_then(|mut f| f.pop());
    let own = ty.and_then(|ty| field.name().strip_suffix(&format!("__{}", word(&ty))).map(str::to_owned));
    own.filter(|own| table.iter().any(|c| c.name().eq_ignore_ascii_case(own))).unwrap_or_else(|| field.name().clone())
}

/// Why rows are held, one entry a row.
pub struct Marks<'a>(pub &'a [HeldRow]);

impl Marks<'_> {
    /// The source's rows with our columns, under `schema` as [`Held::schema`] gave it.
    pub fn beside(&self, rows: &RecordBatch, held: &Held, schema: &SchemaRef) -> Result<RecordBatch, Fault> {
        let count = rows.num_rows();
        if count != self.0.len() {
            return Err(Fault::internal("rows held back and their reasons differ in number"));
        }
        let same =
            |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, count))) };
        let file = StringArray::from_iter_values(self.0.iter().map(|m| m.file.as_ref()));
        let row = Int64Array::from_iter_values(self.0.iter().map(|m| i64::try_from(m.row).unwrap_or(i64::MAX)));
        let time = TimestampMicrosecondArray::from_iter_values(std::iter::repeat_n(held.held_at, count));
        let mut columns = rows.columns().to_vec();
        columns.extend([&held.batch, &held.attempt, &held.promotion, &held.contract, &held.version].map(|t| same(t)));
        columns.push(self.texts(|(rule, _)| rule));
        columns.push(self.texts(|(_, reason)| reason));
        columns.extend([Arc::new(file) as ArrayRef, Arc::new(row), Arc::new(time.with_timezone("UTC"))]);
        let unfit = || Fault::internal("rows held back do not fit their schema");
        if columns.len() != schema.fields().len() {
            return Err(unfit());
        }
        let came: Vec<Field> = columns
            .iter()
            .zip(schema.fields())
            .map(|(column, field)| Field::new(field.name(), column.data_type().clone(), true))
            .collect();
        let rows = RecordBatch::try_new(Arc::new(Schema::new(came)), columns).map_err(|_| unfit())?;
        schema::convert(&rows, schema)
    }

    fn texts(&self, of: impl Fn(&(Arc<str>, String)) -> &str) -> ArrayRef {
        let mut list = ListBuilder::new(StringBuilder::new());
        for mark in self.0 {
            for reason in &mark.reasons {
                list.values().append_value(of(reason));
            }
            list.append(true);
        }
        Arc::new(list.finish())
    }
}

/// What of a batch is in quarantine: stands in the commit that publishes the batch, and is carried out after it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Manifest {
    pub files: Vec<Add>,
    /// Of the files.
    pub columns: Vec<StructField>,
}

impl Manifest {
    /// As others may see it than those who read the quarantine: without the least and greatest values of the held rows.
    pub fn without_values(&self) -> Self {
        let mut bare = self.clone();
        for file in &mut bare.files {
            let stats: Option<serde_json::Value> = file.stats.as_deref().and_then(|s| serde_json::from_str(s).ok());
            let rows = stats.and_then(|s| s.get("numRecords").cloned());
            file.stats = rows.map(|rows| serde_json::json!({"numRecords": rows}).to_string());
        }
        bare
    }
}

/// Under which the quarantine notes what it took in of a batch of the table with this id.
pub fn transaction(batch: &str, table: &str) -> String {
    format!("dqc/{batch}/{table}")
}

/// Makes a batch's rows in the table exactly those of the manifest, once for each publishing commit.
///
/// `table`: the id of the published table; `version`: the commit there that holds the manifest. A manifest of an
/// earlier version than one that was carried out is void.
pub async fn settle(
    url: &str,
    storage: &Storage,
    batch: &str,
    manifest: &Manifest,
    table: &str,
    version: i64,
) -> Result<(), Fault> {
    let transaction = transaction(batch, table);
    for _ in 0..RETRIES {
        let quarantine = match Table::open(url, storage).await? {
            Some(quarantine) => quarantine,
            None if manifest.files.is_empty() => return Ok(()),
            None => Table::open_or_create(url, storage, &arrow_schema(&manifest.columns)?).await?,
        };
        let mut quarantine = quarantine;
        if quarantine.transaction(&transaction).await?.is_some_and(|done| done >= version) {
            return Ok(());
        }
        let wanted: HashSet<&str> = manifest.files.iter().map(|f| f.path.as_str()).collect();
        let there: HashSet<String> = quarantine
            .files()?
            .into_iter()
            .map(|f| f.path)
            .filter(|path| path.rsplit_once('/').is_some_and(|(folder, _)| folder == batch))
            .collect();
        if there.is_empty() && wanted.is_empty() {
            return Ok(());
        }
        let change = Change {
            add: manifest.files.iter().filter(|f| !there.contains(&f.path)).cloned().collect(),
            remove: there.iter().filter(|path| !wanted.contains(path.as_str())).cloned().collect(),
            transaction: Some((transaction.clone(), version)),
            metadata: [("dqc_batch".to_owned(), batch.into())].into(),
            columns: Some(arrow_schema(&manifest.columns)?),
            ..Change::default()
        };
        match quarantine.commit(change).await? {
            Committed::Version(_) => return Ok(()),
            Committed::Conflict => {}
            Committed::Unknown => {
                return Err(Fault::new(
                    FaultKind::Unknown,
                    format!("whether rows came into quarantine `{url}` is unknown"),
                )
                .with_help("running the same command again finds out"));
            }
        }
    }
    Err(Fault::new(FaultKind::Conflict, format!("others keep writing to the quarantine `{url}`")))
}

const RETRIES: usize = 20;

fn arrow_schema(columns: &[StructField]) -> Result<Schema, Fault> {
    use deltalake::kernel::engine::arrow_conversion::TryIntoArrow;
    let fields: Result<Vec<Field>, _> = columns.iter().map(TryIntoArrow::<Field>::try_into_arrow).collect();
    fields.map(Schema::new).map_err(|_| Fault::internal("the columns of rows held back could not be read"))
}
