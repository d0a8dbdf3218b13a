//! The checked program: names resolved, types known, sugar gone. One tree of expressions serves the checker's
//! facts, the interpreter (`eval`), the plan (`ir`) and the engine. Spans are not serialised, so that a digest of
//! a contract changes with its meaning and not with its layout.

mod expr;
pub mod places;
pub mod privacy;
pub mod queries;
mod types;
mod walk;

use serde::{Deserialize, Serialize};

use crate::source::{FileId, Span};
pub use crate::syntax::ast::{Act, BinaryOp, OtherColumns, Unit};
pub use expr::{Aggregate, AggregateFn, DriftMeasure, Expr, ExprKind, HistoryWindow, Rows};
pub use types::{Field, Grain, Type, Value};

/// A project that compiles; whatever has an error in it is left out.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub contracts: Vec<Contract>,
    /// Upstream first.
    pub promotions: Vec<Promotion>,
    pub calendars: Vec<Calendar>,
    pub tests: Vec<Test>,
}

impl Checked {
    pub fn contract(&self, dataset: &str) -> Option<&Contract> {
        self.contracts.iter().find(|c| c.dataset == dataset)
    }

    /// The one promotion into a dataset.
    pub fn promotion_to(&self, dataset: &str) -> Option<&Promotion> {
        self.promotions.iter().find(|p| p.to == dataset)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// `layer.name`
    pub dataset: String,
    pub version: String,
    pub owner: Option<String>,
    pub tags: Vec<String>,
    /// IANA name.
    pub zone: Option<String>,
    /// `quarantine at most`: percent of the input.
    pub quarantine_cap: Option<f64>,
    /// `keep`: microseconds.
    pub quarantine_keep: Option<i64>,
    pub at: Option<String>,
    pub format: Option<String>,
    pub columns: Vec<Column>,
    pub other: OtherColumns,
    /// Whether `other columns …` is written.
    pub other_written: bool,
    /// What columns claim (`id.required`, …) in the columns' order, then the written rules.
    pub rules: Vec<Rule>,
    pub sla: Vec<Sla>,
    pub doc: String,
    #[serde(skip)]
    pub file: FileId,
    #[serde(skip)]
    pub span: Span,
    /// From `contract` to the version.
    #[serde(skip)]
    pub head: Span,
}

impl Contract {
    pub fn layer(&self) -> &str {
        self.dataset.split('.').next().unwrap_or("")
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The columns of the key, in their order.
    pub fn key(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| c.key)
    }
}

/// Who may see the values of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Privacy {
    #[default]
    Public,
    /// Shown masked.
    Personal,
    /// Never shown.
    Secret,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
    pub key: bool,
    pub privacy: Privacy,
    /// The declared type's name, where one is used.
    pub type_name: Option<String>,
    /// What an enumerated type or `in (…)` allows.
    pub values: Option<Vec<Value>>,
    pub was: Option<String>,
    pub doc: String,
    #[serde(skip)]
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// `ships_after_created`, `amount.required`, `created.not_future`
    pub name: String,
    pub kind: RuleKind,
    pub when: Option<Expr>,
    pub for_each: Option<ForEach>,
    pub over: Over,
    /// What a row means whose condition is null. Written by the author, the contract, or `Pass`.
    pub nulls: Nulls,
    /// Most lenient first; never empty.
    pub actions: Vec<Action>,
    /// What happens to a batch for which the rule has nothing to judge: `None` lets it go.
    pub if_not_evaluated: Option<Act>,
    pub because: Option<Template>,
    pub fix: Option<Template>,
    pub tags: Vec<String>,
    pub doc: String,
    /// The rule as the reader finds it: for an included one, the `include`.
    #[serde(skip)]
    pub span: Span,
    /// The condition alone, or the column's claim.
    #[serde(skip)]
    pub condition_span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Nulls {
    Pass,
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Over {
    Batch,
    Input,
    Table,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RuleKind {
    /// `column.type`: the files' column can be read as the declared type.
    Type { column: String },
    /// `column.cast`: the mapping of a column could be computed. Broken where it could not.
    Mapping { column: String },
    /// Broken where the condition is false, cannot be computed, or is null under `nulls fail`.
    Row { condition: Expr },
    /// `key`: of the contract's key columns, null excluded, over the table.
    Unique { by: Vec<Expr>, keep: Option<Keep>, key: bool },
    References { columns: Vec<String>, dataset: String, target: Vec<String> },
    /// A condition of batch or group grain. `value` and `limit` are its two sides where it is one comparison.
    Aggregate { condition: Expr, value: Option<Expr>, limit: Option<Expr> },
    /// `no rows in sql`: one `select` over `batch`, `input`, `table` and datasets.
    NoRows { sql: String },
}

impl RuleKind {
    /// As reports name it.
    pub fn name(&self) -> &'static str {
        match self {
            RuleKind::Type { .. } => "type",
            RuleKind::Mapping { .. } => "mapping",
            RuleKind::Row { .. } => "row",
            RuleKind::Unique { key: true, .. } => "key",
            RuleKind::Unique { .. } => "unique",
            RuleKind::References { .. } => "reference",
            RuleKind::Aggregate { .. } => "aggregate",
            RuleKind::NoRows { .. } => "sql",
        }
    }

    /// Whether a violation is a row that can be held back.
    pub fn points_at_rows(&self) -> bool {
        matches!(
            self,
            RuleKind::Mapping { .. } | RuleKind::Row { .. } | RuleKind::Unique { .. } | RuleKind::References { .. }
        )
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keep {
    pub last: bool,
    pub by: Expr,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForEach {
    /// A name for reports (the column, or the expression's text) and the value.
    pub by: Vec<(String, Expr)>,
    pub among: Option<Among>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Among {
    /// One row of values a group.
    Values(Vec<Vec<Value>>),
    Dataset { dataset: String, columns: Vec<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    pub act: Act,
    pub above: Option<Above>,
}

/// A threshold; it is passed by strictly more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Above {
    Rows(u64),
    Groups(u64),
    /// Of the rows judged, or of all rows of the input.
    Percent { percent: f64, of_all_rows: bool },
}

/// A message with holes: `"Order {order_id} ships before it exists."`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Template {
    pub parts: Vec<TemplatePart>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TemplatePart {
    Text(String),
    /// A column, a grouping name, or `value limit violations batch`.
    Hole(String),
}

impl Template {
    /// The text with every hole filled by `value`, which gives `None` to leave `{name}` standing.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let part = |p: &TemplatePart| match p {
            TemplatePart::Text(text) => text.clone(),
            TemplatePart::Hole(name) => value(name).unwrap_or_else(|| format!("{{{name}}}")),
        };
        self.parts.iter().map(part).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sla {
    pub name: String,
    pub what: SlaWhat,
    pub severity: Act,
    pub because: Option<Template>,
    pub fix: Option<Template>,
    pub tags: Vec<String>,
    pub doc: String,
    #[serde(skip)]
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SlaWhat {
    /// A condition over the table, with `age(…)` taken at `--as-of`.
    Condition(Expr),
    Arrives {
        /// Seconds since midnight.
        by: u32,
        zone: String,
        /// Names of weekdays, `weekdays`, or a calendar; empty: every day.
        on: Vec<String>,
        day_before: bool,
    },
    Budget { of: String, at_most: u64, last: u64, unit: Option<Unit> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    pub name: String,
    pub base: String,
    /// Days since 1970-01-01.
    pub except: Vec<i32>,
    #[serde(skip)]
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promotion {
    pub from: String,
    pub to: String,
    pub batches: BatchBy,
    /// `settled after`: microseconds.
    pub settled: Option<i64>,
    /// One for each column of the target, in its order; a column that neither is mapped nor stands in the source is absent.
    pub mappings: Vec<Mapping>,
    pub write: Write,
    pub notify: Vec<Notify>,
    /// Written in the promotion itself; those of the target's contract come before.
    pub rules: Vec<Rule>,
    pub doc: String,
    #[serde(skip)]
    pub span: Span,
    /// From `promote` to the target.
    #[serde(skip)]
    pub head: Span,
}

impl Promotion {
    /// `bronze.orders to silver.orders`
    pub fn name(&self) -> String {
        format!("{} to {}", self.from, self.to)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BatchBy {
    /// One batch for each value of `key=value` folders.
    Folder(String),
    File,
    Version,
    /// Nothing written: all of the dataset is one batch.
    Whole,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// Of the target.
    pub column: String,
    /// Over the columns of the source.
    pub value: Expr,
    /// Whether the author wrote it; else the source has a column of that name.
    pub written: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Write {
    Append,
    Replace,
    /// On the key; the greater value of the expression over the target's columns wins.
    Merge { by: Option<Expr> },
}

impl Write {
    /// As written after `write`.
    pub fn name(&self) -> &'static str {
        match self {
            Write::Append => "append",
            Write::Replace => "replace",
            Write::Merge { .. } => "merge",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notify {
    pub channel: String,
    pub on: Vec<Act>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    pub title: String,
    pub dataset: String,
    /// Microseconds since 1970 in UTC.
    pub at: Option<i64>,
    pub rows: TestTable,
    /// Rows of other datasets.
    pub given: Vec<(String, TestTable)>,
    pub history: Option<TestTable>,
    pub expects: Vec<Expect>,
    pub span: Span,
    pub head: Span,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestTable {
    pub columns: Vec<String>,
    /// `None`: an empty cell.
    pub rows: Vec<Vec<Option<Value>>>,
    /// One a row.
    pub spans: Vec<Span>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    pub what: ExpectWhat,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExpectWhat {
    Holds(String),
    /// Rows counted from 1; empty: any.
    Breaks(String, Vec<u64>),
    /// Rows for which the condition is null and that pass for it, counted from 1; empty: any.
    Unknown(String, Vec<u64>),
    NotEvaluated(String),
    EveryOther { row_rules_only: bool },
}
