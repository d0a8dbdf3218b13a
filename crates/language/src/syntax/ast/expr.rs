//! Expressions, as written.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Name, Path, Text, Ty};
use crate::source::Span;

#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ExprKind {
    Literal(Literal),
    Path(Path),
    /// `a.b` after something that is not a plain path.
    Field(Box<Expr>, Name),
    Index(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    /// `and or`, arithmetic, `||`, and the comparisons.
    Binary {
        op: BinaryOp,
        op_span: Span,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `left op right within 0.01`
    Near {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
        tolerance: Box<Expr>,
    },
    Between {
        negated: bool,
        value: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    In {
        negated: bool,
        value: Box<Expr>,
        list: Vec<Expr>,
    },
    Like {
        negated: bool,
        insensitive: bool,
        value: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<Text>,
    },
    Matches {
        negated: bool,
        value: Box<Expr>,
        pattern: Text,
    },
    Is {
        negated: bool,
        value: Box<Expr>,
        what: IsWhat,
    },
    Case {
        operand: Option<Box<Expr>>,
        arms: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Cast {
        value: Box<Expr>,
        ty: Ty,
        attempt: bool,
    },
    /// `every(x in xs: …)`, `any(…)`
    Quantified {
        every: bool,
        variable: Name,
        source: Box<Expr>,
        body: Box<Expr>,
    },
    Extract {
        part: Name,
        value: Box<Expr>,
    },
    Call(Call),
    /// `(aggregate from batch where …)`
    From {
        value: Box<Expr>,
        source: Path,
        condition: Option<Box<Expr>>,
    },
    Tuple(Vec<Expr>),
    /// `within 3 stddev of last 28 batches`, `within 20% of last 7 batches`
    WithinHistory {
        value: Box<Expr>,
        spread: Spread,
        window: Window,
    },
    /// `last 28 batches` as an argument.
    Window(Window),
    Error,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub function: Path,
    pub args: Vec<Expr>,
    pub star: bool,
    pub distinct: bool,
    pub over: Option<Window>,
    pub filter: Option<Box<Expr>>,
}

#[derive(Clone, Debug)]
pub enum IsWhat {
    Null,
    True,
    False,
    DistinctFrom(Box<Expr>),
}

#[derive(Clone, Copy, Debug)]
pub enum Spread {
    StdDev(f64),
    Percent(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub count: u64,
    pub of: WindowOf,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowOf {
    /// `batches`, or `runs`, which means the same.
    Batches,
    Time(Unit),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BinaryOp {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Concat,
    Multiply,
    Divide,
    Remainder,
}

impl BinaryOp {
    pub fn is_comparison(self) -> bool {
        use BinaryOp::*;
        matches!(self, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
    }

    /// Whether a comparison holds of two values in this order.
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            BinaryOp::Equal => order.is_eq(),
            BinaryOp::NotEqual => order.is_ne(),
            BinaryOp::Less => order.is_lt(),
            BinaryOp::LessEqual => order.is_le(),
            BinaryOp::Greater => order.is_gt(),
            BinaryOp::GreaterEqual => order.is_ge(),
            _ => false,
        }
    }

    pub fn is_logic(self) -> bool {
        matches!(self, BinaryOp::And | BinaryOp::Or)
    }

    /// As the formatter writes it.
    pub fn text(self) -> &'static str {
        match self {
            BinaryOp::Or => "or",
            BinaryOp::And => "and",
            BinaryOp::Equal => "=",
            BinaryOp::NotEqual => "<>",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Concat => "||",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Remainder => "%",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Null,
    Bool(bool),
    /// As written, without `_`: `12`, `2.50`, `1e6`.
    Number(String),
    /// `95%` is 95.
    Percent(f64),
    Duration(Duration),
    Time(TimeOfDay),
    /// An array or a struct in a cell of a test's table, as written: `["a", "b"]`, `{"sku": "x"}`.
    Json(String),
    String {
        value: String,
        raw: bool,
        double_quoted: bool,
    },
    /// `date "…"`, `timestamp "…"`, `timestamp_ntz "…"`, `interval "…"`, `time "…"`
    Typed {
        ty: Name,
        value: Text,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Duration {
    pub parts: Vec<(u64, Unit)>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}
