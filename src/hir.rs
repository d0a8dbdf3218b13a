//! The checked program: names resolved, types known, sugar gone. One tree of expressions serves the checker's
//! facts, the interpreter (`eval`), the plan (`ir`) and the engine. Spans are not serialised, so that a digest of
//! a contract changes with its meaning and not with its layout.

pub mod places;
pub mod privacy;
pub mod queries;
mod walk;

use serde::{Deserialize, Serialize};

use crate::source::{FileId, Span};
pub use crate::syntax::ast::{Act, BinaryOp, OtherColumns, Unit};

// --- types

/// A Spark SQL type; nullability of a value stands beside it, that of nested values inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Type {
    /// Something was wrong and has been reported; compatible with everything.
    Error,
    /// The type of a bare `null`.
    Null,
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    Decimal { precision: u8, scale: u8 },
    String,
    Binary,
    Date,
    /// An instant; microseconds since 1970 in UTC.
    Timestamp,
    /// A wall clock's reading without a zone; microseconds.
    TimestampNtz,
    /// A time of day; only in expressions.
    Time,
    /// A length of time in microseconds; only in expressions.
    Interval,
    /// A number of months; only in expressions.
    MonthInterval,
    Array { item: Box<Type>, nullable: bool },
    Map { key: Box<Type>, value: Box<Type>, nullable: bool },
    Struct(Vec<Field>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
}

impl Type {
    pub fn is_integer(&self) -> bool {
        matches!(self, Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt)
    }

    pub fn is_floating(&self) -> bool {
        matches!(self, Type::Float | Type::Double)
    }

    pub fn is_numeric(&self) -> bool {
        self.is_integer() || self.is_floating() || matches!(self, Type::Decimal { .. })
    }

    pub fn is_temporal(&self) -> bool {
        matches!(self, Type::Date | Type::Timestamp | Type::TimestampNtz)
    }

    pub fn is_error(&self) -> bool {
        matches!(self, Type::Error)
    }

    /// Precision and scale of the decimal that holds every value of this exact numeric type.
    pub fn as_decimal(&self) -> Option<(u8, u8)> {
        match self {
            Type::TinyInt => Some((3, 0)),
            Type::SmallInt => Some((5, 0)),
            Type::Int => Some((10, 0)),
            Type::BigInt => Some((20, 0)),
            Type::Decimal { precision, scale } => Some((*precision, *scale)),
            _ => None,
        }
    }
}

/// As written in `.dq`.
impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let optional = |nullable: &bool| if *nullable { "?" } else { "" };
        match self {
            Type::Error => f.write_str("unknown"),
            Type::Null => f.write_str("null"),
            Type::Boolean => f.write_str("boolean"),
            Type::TinyInt => f.write_str("tinyint"),
            Type::SmallInt => f.write_str("smallint"),
            Type::Int => f.write_str("int"),
            Type::BigInt => f.write_str("bigint"),
            Type::Float => f.write_str("float"),
            Type::Double => f.write_str("double"),
            Type::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Type::String => f.write_str("string"),
            Type::Binary => f.write_str("binary"),
            Type::Date => f.write_str("date"),
            Type::Timestamp => f.write_str("timestamp"),
            Type::TimestampNtz => f.write_str("timestamp_ntz"),
            Type::Time => f.write_str("time of day"),
            Type::Interval => f.write_str("duration"),
            Type::MonthInterval => f.write_str("number of months"),
            Type::Array { item, nullable } => write!(f, "array<{item}{}>", optional(nullable)),
            Type::Map { key, value, nullable } => write!(f, "map<{key}, {value}{}>", optional(nullable)),
            Type::Struct(fields) => {
                f.write_str("struct<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{}: {}{}", field.name, field.ty, optional(&field.nullable))?;
                }
                f.write_str(">")
            }
        }
    }
}

/// What one value of an expression stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grain {
    /// The same for every batch: literals and what is made of them.
    Constant,
    /// One value for a batch.
    Batch,
    /// One value for a group of `for each`.
    Group,
    /// One value for a row.
    Row,
}

/// A constant, and what the interpreter computes with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Null,
    Bool(bool),
    /// Any of the four integer types.
    Int(i64),
    /// `unscaled / 10^scale`
    Decimal { unscaled: i128, scale: u8 },
    Float(f32),
    Double(f64),
    String(String),
    Binary(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Microseconds since 1970-01-01T00:00:00 on some clock.
    TimestampNtz(i64),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds.
    Interval(i64),
    MonthInterval(i32),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Struct(Vec<(String, Value)>),
}

// --- expressions

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    pub kind: ExprKind,
    pub ty: Type,
    pub nullable: bool,
    pub grain: Grain,
    #[serde(skip)]
    pub span: Span,
}

/// Operands have the types that the operator needs: the checker has put every cast in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ExprKind {
    /// Reported already; never reaches a plan.
    Error,
    Literal(Value),
    /// A column of the rows that the expression is over, by its declared name.
    Column(String),
    /// The variable of an enclosing `Quantified`.
    Variable(String),
    Field(Box<Expr>, String),
    /// `xs[i]`, from 0 as in Spark; a missing element is null. For a map, the value of a key.
    Index(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    /// Both operands are of one type, but for temporal arithmetic and decimal `* / %`.
    /// A comparison in which a NaN stands is false. `/` of integers comes as decimal or double division.
    Binary { op: BinaryOp, left: Box<Expr>, right: Box<Expr> },
    IsNull(Box<Expr>),
    /// `is true`: false for null.
    IsTrue(Box<Expr>),
    IsFalse(Box<Expr>),
    IsDistinct(Box<Expr>, Box<Expr>),
    /// The list may hold null literals.
    In { value: Box<Expr>, list: Vec<Expr> },
    Like { value: Box<Expr>, pattern: Box<Expr>, insensitive: bool, escape: Option<char> },
    /// The regular expression must match all of the text.
    Matches { value: Box<Expr>, pattern: String },
    Case { arms: Vec<(Expr, Expr)>, otherwise: Option<Box<Expr>> },
    /// To the expression's own type; `attempt`: null where it cannot be done, else the row breaks.
    Cast { value: Box<Expr>, attempt: bool },
    /// A native function, by the name under which `stdlib` declares it. Those of the `fn` kind are expanded.
    Call { function: String, args: Vec<Expr> },
    /// Over an array; an empty one makes `every` true and `any` false.
    Quantified { every: bool, variable: String, source: Box<Expr>, body: Box<Expr> },
    Aggregate(Aggregate),
    /// A statistic of a batch value over past batches.
    History { metric: Box<Expr>, statistic: AggregateFn, window: HistoryWindow },
    /// How far the distribution of a row value is from the past's, `drift(x, last 28 batches)`: PSI or KS.
    Drift { value: Box<Expr>, measure: DriftMeasure, window: HistoryWindow },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DriftMeasure {
    /// Population stability index.
    Psi,
    /// Kolmogorov-Smirnov distance.
    Ks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HistoryWindow {
    pub count: u64,
    /// `None`: that many batches; else that many of the unit, back from the batch's own date.
    pub unit: Option<Unit>,
}

impl HistoryWindow {
    /// How many past batches are enough to judge by: 7, or fewer where the window holds fewer. A unit of time is taken
    /// to hold a batch a day.
    pub fn enough(&self) -> usize {
        let days = match self.unit {
            Some(Unit::Week) => 7,
            Some(Unit::Month) => 30,
            Some(Unit::Year) => 365,
            _ => 1,
        };
        usize::try_from(self.count.saturating_mul(days)).unwrap_or(usize::MAX).min(7)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    pub function: AggregateFn,
    /// None for `count(*)`.
    pub args: Vec<Expr>,
    pub distinct: bool,
    pub filter: Option<Box<Expr>>,
    pub rows: Rows,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AggregateFn {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    /// Of the sample, as Spark's `stddev`.
    StdDev,
    StdDevPop,
    Variance,
    VariancePop,
    Median,
    /// `quantile(x, 0.95)`: exact, with linear interpolation, as Spark's `percentile`.
    Quantile,
    ApproxQuantile,
    ApproxDistinct,
    Skewness,
    Kurtosis,
    Correlation,
    /// Shannon's, in nats.
    Entropy,
    Mode,
    /// Rows where the condition is true, over all rows; null over none.
    Share,
    /// Half of the values are no further from the median than this.
    MedianDeviation,
    /// Of two columns, in nats.
    MutualInformation,
    /// Cramér's V of two columns: 0 where they are independent, 1 where one decides the other.
    Association,
    /// Steps between the least and the greatest value at which there is none; the step is 1, a day, or the second argument.
    Gaps,
    /// Of intervals from the first to the second argument: those that begin before an earlier one has ended. A null end is open.
    Overlaps,
    /// What `drift` compares; no author writes it, and its value is no [`Value`].
    Distribution,
}

/// Which rows an aggregate reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rows {
    /// Those that the rule judges.
    Own,
    Batch,
    Input,
    Table,
    /// The batch before the mapping.
    Source,
    Dataset(String),
}

// --- items

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
