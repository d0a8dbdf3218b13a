//! What is to be judged, as data: no engine's type in it, so that any engine can run it, and it can be
//! printed, hashed and compared.

pub mod display;
pub mod lower;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hir::{Expr, OtherColumns, Privacy, Rows, Rule, Type, Write};
pub use crate::project::{Format, Place};

/// The judgement of one batch of one dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `layer.name` of the judged contract.
    pub dataset: String,
    pub version: String,
    /// SHA-256, in hexadecimal, of the checked contract and promotion: of their meaning, not their layout.
    pub digest: String,
    pub owner: Option<String>,
    /// `a.b to c.d`; `None` for an audit.
    pub promotion: Option<String>,
    /// What the files hold, by the source's contract: the judged one itself in an audit.
    pub source: Vec<SourceColumn>,
    pub source_dataset: String,
    /// In which texts without an offset are read, where files hold nothing but text.
    #[serde(default)]
    pub source_zone: Option<String>,
    /// What becomes of columns that the source's contract does not name.
    pub source_other: OtherColumns,
    /// The judged rows.
    pub columns: Vec<PlanColumn>,
    pub other: OtherColumns,
    /// The declared columns of other datasets that rules read.
    #[serde(default)]
    pub beside: Vec<Beside>,
    /// In the order of the contract, then of the promotion; reports keep it.
    pub rules: Vec<PlanRule>,
    /// Percent of the input that may be held back.
    pub quarantine_cap: Option<f64>,
    /// How the accepted rows go into the target; `None` for an audit.
    pub write: Option<Write>,
    /// Where the judged contract stands, and the one that says what the files hold.
    pub location: Location,
    pub source_location: Location,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceColumn {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
    pub privacy: Privacy,
}

/// Another dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    pub dataset: String,
    pub columns: Vec<SourceColumn>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanColumn {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
    pub key: bool,
    pub privacy: Privacy,
    /// Its name before, which its history goes by.
    #[serde(default)]
    pub was: Option<String>,
    /// Over the source's columns. `None`: the source has no such column, it is null.
    pub value: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanRule {
    pub rule: Rule,
    /// When it is judged; the stages run in this order.
    pub stage: Stage,
    pub location: Location,
}

/// A rule of a later stage judges the rows that the earlier ones left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Before a row is read.
    Schema,
    /// Mappings and row conditions.
    Row,
    References,
    Unique,
    /// Groups, batches, tables, SQL.
    Batch,
}

/// Where a rule stands; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Location {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// The pinned files of a batch; a run reads these and no others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    pub place: Place,
    /// Sorted by path.
    pub files: Vec<InputFile>,
    /// For Delta: the version that holds these files.
    pub version: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InputFile {
    /// Below the place's URL, with `/`, not percent-encoded.
    pub path: String,
    pub size: u64,
    pub e_tag: Option<String>,
    /// Microseconds since 1970 in UTC.
    pub modified: i64,
    /// From `key=value` folders, decoded, in the path's order.
    pub partition: Vec<(String, String)>,
    /// What a Delta table's log says of its rows.
    #[serde(skip)]
    pub statistics: Option<Arc<FileStatistics>>,
}

/// What is known of a file's rows without opening it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileStatistics {
    pub rows: u64,
    /// In the table's order.
    pub columns: Vec<ColumnStatistics>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnStatistics {
    pub name: String,
    pub ty: Type,
    pub nulls: Option<u64>,
    /// Between what its values lie, both included: whole numbers, days, microseconds, and decimals in units of their
    /// last digit.
    pub bounds: Option<(i128, i128)>,
}

impl Plan {
    /// How private a column is, of the judged rows or of another dataset's.
    pub fn privacy(&self, rows: &Rows, name: &str) -> Privacy {
        let of = |columns: &[SourceColumn]| columns.iter().find(|c| c.name == name).map(|c| c.privacy);
        let known = match rows {
            Rows::Dataset(dataset) => self.beside.iter().find(|b| &b.dataset == dataset).and_then(|b| of(&b.columns)),
            Rows::Source => of(&self.source),
            Rows::Own | Rows::Batch | Rows::Input | Rows::Table => self.column(name).map(|c| c.privacy),
        };
        known.unwrap_or_default()
    }

    pub fn column(&self, name: &str) -> Option<&PlanColumn> {
        self.columns.iter().find(|c| c.name == name)
    }
}
