//! The meaning of expressions, small enough to read: interprets a checked expression over literal values. The engines
//! are held to it.
//!
//! What cannot be computed for a row is a [`Reason`], as a value beside values. `and`, `or`, `in`, `case` and `coalesce`
//! are decided by what can be computed: `false and x` is false whatever becomes of `x`, on either side; only when the
//! rest leaves it open does the reason decide.

pub mod aggregate;
pub mod cast;
pub mod functions;
pub mod json;
pub mod number;
pub mod operators;
pub mod pattern;
pub mod statistics;
pub mod text;
pub mod time;
pub mod value;
pub mod zone;

use std::borrow::Cow;

use crate::hir::{Aggregate, AggregateFn, BinaryOp, DriftMeasure, Expr, ExprKind, HistoryWindow, Type, Value};

/// Why an expression could not be computed, in words for a reader; never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reason(pub Cow<'static, str>);

impl Reason {
    pub const OVERFLOW: Reason = Reason::of("overflow");
    pub const OUT_OF_RANGE: Reason = Reason::of("out of the calendar's range");
    pub const ZERO: Reason = Reason::of("division by zero");
    pub const REGEX: Reason = Reason::of("not a regular expression");
    pub const DEEP: Reason = Reason::of("nested too deeply");
    /// An operator or function met types that the checker does not let through.
    pub const UNSUPPORTED: Reason = Reason::of("not supported");
    /// The scope has no history, or too little.
    pub const HISTORY: Reason = Reason::of("too little history");

    pub const fn of(words: &'static str) -> Reason {
        Reason(Cow::Borrowed(words))
    }

    /// `not a bigint`
    pub fn not_a(ty: &Type) -> Reason {
        match ty {
            Type::BigInt => return Reason::of("not a bigint"),
            Type::Int => return Reason::of("not an int"),
            Type::Double => return Reason::of("not a double"),
            Type::Date => return Reason::of("not a date"),
            Type::Timestamp => return Reason::of("not a timestamp"),
            _ => {}
        }
        let name = ty.to_string();
        let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
        Reason(Cow::Owned(format!("not {article} {name}")))
    }

    /// `out of range for int`
    pub fn out_of(ty: &Type) -> Reason {
        Reason(Cow::Owned(format!("out of range for {ty}")))
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

pub type Result<T = Value> = std::result::Result<T, Reason>;

/// What an expression is evaluated in: a row, a group or a batch.
pub trait Scope {
    /// A column of the row.
    fn column(&self, name: &str) -> Option<Value>;

    /// The same where the scope can lend it.
    fn lent(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.column(name).map(Cow::Owned)
    }

    /// The clock: microseconds since 1970 in UTC.
    fn now(&self) -> i64;

    /// The variable of an enclosing `every` or `any`.
    fn variable(&self, _name: &str) -> Option<Value> {
        None
    }

    /// A value over many rows; `ty` is the aggregate's own type.
    fn aggregate(&self, _aggregate: &Aggregate, _ty: &Type) -> Result {
        Err(Reason::UNSUPPORTED)
    }

    /// A statistic of a batch value over past batches.
    fn history(&self, _metric: &Expr, _statistic: AggregateFn, _window: HistoryWindow) -> Result {
        Err(Reason::HISTORY)
    }

    fn drift(&self, _value: &Expr, _measure: DriftMeasure, _window: HistoryWindow) -> Result {
        Err(Reason::HISTORY)
    }
}

/// A scope of constants.
pub struct Constants {
    pub now: i64,
}

impl Scope for Constants {
    fn column(&self, _name: &str) -> Option<Value> {
        None
    }

    fn now(&self) -> i64 {
        self.now
    }
}

/// How deep expressions may nest; chains of `and`, `or` count once.
const DEPTH: usize = 200;

/// The value of an expression, or why there is none.
pub fn eval(expr: &Expr, scope: &dyn Scope) -> Result {
    eval_at(expr, scope, 0).map(Cow::into_owned)
}

/// Whether a condition holds: `None` if it is null.
pub fn holds(expr: &Expr, scope: &dyn Scope) -> Result<Option<bool>> {
    truth_at(expr, scope, 0)
}

fn truth(value: &Value) -> Result<Option<bool>> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(b) => Ok(Some(*b)),
        _ => Err(Reason::UNSUPPORTED),
    }
}

fn logic(value: Option<bool>) -> Value {
    value.map_or(Value::Null, Value::Bool)
}

/// What says yes or no by its form: no value is made of what its parts say.
fn truth_at(expr: &Expr, scope: &dyn Scope, depth: usize) -> Result<Option<bool>> {
    if depth > DEPTH {
        return Err(Reason::DEEP);
    }
    let run = |e| eval_at(e, scope, depth + 1);
    let is = |e| truth_at(e, scope, depth + 1);
    match &expr.kind {
        ExprKind::Not(of) => Ok(is(of)?.map(|b| !b)),
        ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), .. } => chain(expr, *op, scope, depth),
        ExprKind::Binary { op, left, right } if op.is_comparison() => {
            let (left, right) = (run(left)?, run(right)?);
            Ok(operators::comparison(*op, &left, &right))
        }
        ExprKind::IsNull(of) => Ok(Some(matches!(&*run(of)?, Value::Null))),
        ExprKind::IsTrue(of) => Ok(Some(is(of)? == Some(true))),
        ExprKind::IsFalse(of) => Ok(Some(is(of)? == Some(false))),
        ExprKind::IsDistinct(a, b) => Ok(Some(!value::same(&*run(a)?, &*run(b)?))),
        ExprKind::In { value, list } => within(&*run(value)?, list, run),
        ExprKind::Like { value, pattern, insensitive, escape } => match (&*run(value)?, &*run(pattern)?) {
            (Value::Null, _) | (_, Value::Null) => Ok(None),
            (Value::String(s), Value::String(p)) => text::like(s, p, *insensitive, *escape).map(Some),
            _ => Err(Reason::UNSUPPORTED),
        },
        ExprKind::Matches { value, pattern } => match &*run(value)? {
            Value::Null => Ok(None),
            Value::String(s) => text::matches(s, pattern).map(Some),
            _ => Err(Reason::UNSUPPORTED),
        },
        ExprKind::Quantified { every, variable, source, body } => {
            let source = run(source)?;
            let items = match &*source {
                Value::Null => return Ok(None),
                Value::Array(items) => items,
                _ => return Err(Reason::UNSUPPORTED),
            };
            let op = if *every { BinaryOp::And } else { BinaryOp::Or };
            fold(
                op,
                items.iter().map(|item| {
                    let inner = Bound { outer: scope, name: variable, value: item };
                    truth_at(body, &inner, depth + 1)
                }),
            )
        }
        _ => truth(&*eval_at(expr, scope, depth)?),
    }
}

/// Literals, and columns where the scope can, are lent.
fn eval_at<'e>(expr: &'e Expr, scope: &'e dyn Scope, depth: usize) -> Result<Cow<'e, Value>> {
    if depth > DEPTH {
        return Err(Reason::DEEP);
    }
    let run = |e: &'e Expr| eval_at(e, scope, depth + 1);
    let computed = match &expr.kind {
        ExprKind::Error => return Err(Reason::UNSUPPORTED),
        ExprKind::Literal(value) => return Ok(Cow::Borrowed(value)),
        ExprKind::Column(name) => return scope.lent(name).ok_or(Reason::of("there is no such column")),
        ExprKind::Variable(name) => return scope.variable(name).map(Cow::Owned).ok_or(Reason::UNSUPPORTED),
        ExprKind::Field(of, name) => field(run(of)?.into_owned(), name),
        ExprKind::Index(of, at) => index(run(of)?.into_owned(), &*run(at)?),
        ExprKind::Negate(of) => operators::negate(&*run(of)?, &expr.ty),
        ExprKind::Binary { op, left, right } if !op.is_comparison() && !op.is_logic() => {
            operators::binary(*op, &*run(left)?, &*run(right)?, &expr.ty)
        }
        ExprKind::Binary { .. }
        | ExprKind::Not(_)
        | ExprKind::IsNull(_)
        | ExprKind::IsTrue(_)
        | ExprKind::IsFalse(_)
        | ExprKind::IsDistinct(..)
        | ExprKind::In { .. }
        | ExprKind::Like { .. }
        | ExprKind::Matches { .. }
        | ExprKind::Quantified { .. } => truth_at(expr, scope, depth).map(logic),
        ExprKind::Case { arms, otherwise } => {
            for (condition, then) in arms {
                if truth_at(condition, scope, depth + 1)? == Some(true) {
                    return run(then);
                }
            }
            return otherwise.as_ref().map_or(Ok(Cow::Owned(Value::Null)), |e| run(e));
        }
        ExprKind::Cast { value, attempt } => {
            let cast = cast::cast(run(value)?.into_owned(), &expr.ty);
            if *attempt { Ok(cast.unwrap_or(Value::Null)) } else { cast }
        }
        ExprKind::Call { function, args } if function == "coalesce" => {
            for arg in args {
                let value = run(arg)?;
                if !matches!(&*value, Value::Null) {
                    return Ok(value);
                }
            }
            Ok(Value::Null)
        }
        ExprKind::Call { function, args } => {
            let args = args.iter().map(|e| run(e).map(Cow::into_owned)).collect::<Result<Vec<_>>>()?;
            functions::call(function, &args, &expr.ty, scope.now())
        }
        ExprKind::Aggregate(aggregate) => scope.aggregate(aggregate, &expr.ty),
        ExprKind::History { metric, statistic, window } => scope.history(metric, *statistic, *window),
        ExprKind::Drift { value, measure, window } => scope.drift(value, *measure, *window),
    };
    computed.map(Cow::Owned)
}

/// A chain of one operator, however long, without recursion along it.
fn chain(expr: &Expr, op: BinaryOp, scope: &dyn Scope, depth: usize) -> Result<Option<bool>> {
    let one = |e: &Expr| truth_at(e, scope, depth + 1);
    if let ExprKind::Binary { left, right, .. } = &expr.kind
        && !matches!(&left.kind, ExprKind::Binary { op: inner, .. } if *inner == op)
    {
        return fold(op, [left, right].into_iter().map(|e| one(e)));
    }
    let mut operands = Vec::new();
    let mut rest = expr;
    while let ExprKind::Binary { op: this, left, right } = &rest.kind {
        if *this != op {
            break;
        }
        operands.push(&**right);
        rest = left;
    }
    operands.push(rest);
    fold(op, operands.into_iter().rev().map(one))
}

/// `and` or `or` of many: a decisive value wins, then a reason, then null.
fn fold(op: BinaryOp, operands: impl Iterator<Item = Result<Option<bool>>>) -> Result<Option<bool>> {
    let decisive = op == BinaryOp::Or;
    let (mut unknown, mut reason) = (false, None);
    for operand in operands {
        match operand {
            Ok(Some(b)) if b == decisive => return Ok(Some(decisive)),
            Ok(Some(_)) => {}
            Ok(None) => unknown = true,
            Err(why) => reason = reason.or(Some(why)),
        }
    }
    match reason {
        Some(why) => Err(why),
        None => Ok((!unknown).then_some(!decisive)),
    }
}

fn within<'e>(
    value: &Value,
    list: &'e [Expr],
    run: impl Fn(&'e Expr) -> Result<Cow<'e, Value>>,
) -> Result<Option<bool>> {
    if matches!(value, Value::Null) {
        return Ok(None);
    }
    let is = |item: &Value| (!matches!(item, Value::Null)).then(|| value::compare(value, item).is_some_and(|o| o.is_eq()));
    fold(BinaryOp::Or, list.iter().map(|item| run(item).map(|item| is(&item))))
}

fn field(of: Value, name: &str) -> Result {
    match of {
        Value::Null => Ok(Value::Null),
        Value::Struct(fields) => {
            let found = fields.into_iter().find(|(n, _)| n == name).map(|(_, v)| v);
            found.ok_or(Reason::of("there is no such field"))
        }
        _ => Err(Reason::UNSUPPORTED),
    }
}

fn index(of: Value, at: &Value) -> Result {
    match (of, at) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::Array(items), Value::Int(at)) => {
            Ok(usize::try_from(*at).ok().and_then(|at| items.into_iter().nth(at)).unwrap_or(Value::Null))
        }
        (Value::Map(entries), key) => {
            Ok(entries.into_iter().find(|(k, _)| value::same(k, key)).map_or(Value::Null, |(_, v)| v))
        }
        _ => Err(Reason::UNSUPPORTED),
    }
}

/// A scope with one variable more.
struct Bound<'a> {
    outer: &'a dyn Scope,
    name: &'a str,
    value: &'a Value,
}

impl Scope for Bound<'_> {
    fn column(&self, name: &str) -> Option<Value> {
        self.outer.column(name)
    }

    fn lent(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.outer.lent(name)
    }

    fn now(&self) -> i64 {
        self.outer.now()
    }

    fn variable(&self, name: &str) -> Option<Value> {
        if name == self.name { Some(self.value.clone()) } else { self.outer.variable(name) }
    }

    fn aggregate(&self, aggregate: &Aggregate, ty: &Type) -> Result {
        self.outer.aggregate(aggregate, ty)
    }

    fn history(&self, metric: &Expr, statistic: AggregateFn, window: HistoryWindow) -> Result {
        self.outer.history(metric, statistic, window)
    }

    fn drift(&self, value: &Expr, measure: DriftMeasure, window: HistoryWindow) -> Result {
        self.outer.drift(value, measure, window)
    }
}
