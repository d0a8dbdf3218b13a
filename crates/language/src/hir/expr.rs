//! Expressions whose names and types are known.

use serde::{Deserialize, Serialize};

use super::{BinaryOp, Grain, Type, Unit, Value};
use crate::source::Span;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    pub kind: ExprKind,
    pub ty: Type,
    pub nullable: bool,
    pub grain: Grain,
    #[serde(skip)]
    pub span: Span,
}

impl Expr {
    /// A column of the rows.
    pub fn column(name: impl Into<String>, ty: Type, nullable: bool, span: Span) -> Self {
        Self { kind: ExprKind::Column(name.into()), ty, nullable, grain: Grain::Row, span }
    }
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
