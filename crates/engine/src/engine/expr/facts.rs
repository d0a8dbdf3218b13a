//! What is certain of an operator's values where of its operands only bounds are known: the ground of proofs from
//! statistics. Whatever is not certain is left open, never assumed.

use std::borrow::Cow;

use super::{Node, NodeId, Op, Program};
use crate::hir::{BinaryOp, Type, Value};

/// What is known of the values of a node, over some rows of which not one need be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub null: Null,
    pub range: Range,
    /// Of conditions: what the values that are there can be.
    pub truths: Truths,
    /// Whether a row may fail to be computed.
    pub fails: bool,
    /// The input whose values these are, unchanged.
    pub of: Option<usize>,
}

/// A value of which it may be known that no row has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point<'a> {
    Number(i128),
    Text(&'a [u8]),
}

/// Whether no value of an input is this one; where that is not known it says no.
pub type Absent<'a> = &'a dyn Fn(usize, Point<'_>) -> bool;

/// Which rows are null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Null {
    Never,
    /// Exactly those where this input is; `all`: every row.
    With { input: usize, all: bool },
    Perhaps,
}

/// Bounds of the values that are there, both inclusive.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    Unknown,
    /// No value is there.
    Empty,
    /// Whole numbers, days, microseconds, and decimals in units of their last digit.
    Numbers(i128, i128),
    Texts(Vec<u8>, Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truths {
    pub can_be_true: bool,
    pub can_be_false: bool,
}

impl Truths {
    const OPEN: Truths = Truths { can_be_true: true, can_be_false: true };
    const TRUE: Truths = Truths { can_be_true: true, can_be_false: false };
    const FALSE: Truths = Truths { can_be_true: false, can_be_false: true };
    const NEITHER: Truths = Truths { can_be_true: false, can_be_false: false };
}

impl Null {
    /// Null where either is.
    fn or(self, other: Null) -> Null {
        match (self, other) {
            (Null::Never, null) | (null, Null::Never) => null,
            (a, b) if a == b => a,
            _ => Null::Perhaps,
        }
    }
}

impl Fact {
    /// Of a column of which nothing is known.
    pub fn open() -> Self {
        Self { null: Null::Perhaps, range: Range::Unknown, truths: Truths::OPEN, fails: false, of: None }
    }

    /// Of a column without a value.
    pub fn empty() -> Self {
        Self { range: Range::Empty, truths: Truths::NEITHER, ..Self::open() }
    }

    fn unknown() -> Self {
        Self { fails: true, ..Self::open() }
    }

    fn with(null: Null, fails: bool, truths: Truths) -> Self {
        Self { null, range: Range::Unknown, truths, fails, of: None }
    }

    fn of(value: &Value) -> Self {
        let never = |range, truths| Self { null: Null::Never, range, truths, fails: false, of: None };
        let number = |v: i128| never(Range::Numbers(v, v), Truths::OPEN);
        match value {
            Value::Int(v) | Value::Timestamp(v) | Value::TimestampNtz(v) => number(i128::from(*v)),
            Value::Date(v) => number(i128::from(*v)),
            Value::Decimal { unscaled, .. } => number(*unscaled),
            Value::String(text) => never(Range::Texts(text.clone().into_bytes(), text.clone().into_bytes()), Truths::OPEN),
            Value::Bool(true) => never(Range::Unknown, Truths::TRUE),
            Value::Bool(false) => never(Range::Unknown, Truths::FALSE),
            Value::Null => Self::open(),
            _ => never(Range::Unknown, Truths::OPEN),
        }
    }
}

impl Program {
    /// Whether bounds of numbers, and whether nulls are there, can decide these conditions.
    pub fn decided_by_bounds(&self, ids: impl IntoIterator<Item = NodeId>) -> bool {
        let mut open: Vec<NodeId> = ids.into_iter().collect();
        let bounded = |id: &NodeId| {
            let ty = self.ty(*id);
            ty.is_integer() || matches!(ty, Type::Decimal { .. } | Type::Date | Type::Timestamp | Type::TimestampNtz)
        };
        while let Some(id) = open.pop() {
            match &self.nodes[id.0 as usize].op {
                Op::Input(_) | Op::Constant(_) => {}
                Op::Settled(a) | Op::Not(a) | Op::IsNull(a) | Op::IsTrue(a) | Op::IsFalse(a) => open.push(*a),
                Op::And(a, b) | Op::Or(a, b) => open.extend([*a, *b]),
                Op::Compare(_, a, b) if bounded(a) => open.extend([*a, *b]),
                Op::In(a, _) if bounded(a) => open.push(*a),
                Op::Cast { value, .. } => open.push(*value),
                _ => return false,
            }
        }
        true
    }

    /// What is certain of constants, to be asked for the nodes of many groups of rows.
    pub fn certain(&self) -> Certain<'_> {
        let constant = |node: &Node| match &node.op {
            Op::Constant(value) if value.error(0) != 0 => Fact::unknown(),
            Op::Constant(value) => Fact::of(&crate::engine::types::value_at(&value.values, 0, &node.ty)),
            _ => Fact::unknown(),
        };
        Certain { program: self, constants: self.nodes.iter().map(constant).collect() }
    }

    fn fact<'f>(
        &self,
        node: &Node,
        of: &dyn Fn(&NodeId) -> &'f Fact,
        absent: Absent<'_>,
    ) -> Fact {
        match &node.op {
            Op::Input(_) | Op::Constant(_) | Op::Failing(..) => Fact::unknown(),
            Op::Settled(a) => match of(a) {
                fact if fact.fails => Fact::open(),
                fact => fact.clone(),
            },
            Op::And(a, b) => connect(of(a), of(b), false),
            Op::Or(a, b) => connect(of(a), of(b), true),
            Op::Not(a) => {
                let a = of(a);
                let truths = Truths { can_be_true: a.truths.can_be_false, can_be_false: a.truths.can_be_true };
                Fact::with(a.null, a.fails, truths)
            }
            Op::IsNull(a) => {
                let a = of(a);
                let truths = match a.null {
                    Null::Never => Truths::FALSE,
                    Null::With { all: true, .. } => Truths::TRUE,
                    _ => Truths::OPEN,
                };
                Fact::with(Null::Never, a.fails, truths)
            }
            Op::IsTrue(a) | Op::IsFalse(a) => {
                let a = of(a);
                let (is, is_not) = match &node.op {
                    Op::IsTrue(_) => (a.truths.can_be_true, a.truths.can_be_false),
                    _ => (a.truths.can_be_false, a.truths.can_be_true),
                };
                let truths = Truths { can_be_true: is, can_be_false: is_not || a.null != Null::Never };
                Fact::with(Null::Never, a.fails, truths)
            }
            Op::Compare(op, a, b) => {
                let (a, b) = (of(a), of(b));
                let mut truths = compare(*op, &a.range, &b.range);
                if matches!(op, BinaryOp::Equal | BinaryOp::NotEqual) && (differ(a, b, absent) || differ(b, a, absent)) {
                    match op {
                        BinaryOp::Equal => truths.can_be_true = false,
                        _ => truths.can_be_false = false,
                    }
                }
                Fact::with(a.null.or(b.null), a.fails || b.fails, truths)
            }
            Op::In(a, set) => {
                let a = of(a);
                let (truths, null) = match (&a.range, set.lists_null()) {
                    (Range::Empty, false) => (Truths::NEITHER, a.null),
                    (range, false) => {
                        let (can_be_true, can_be_false) = set.within(range);
                        let none = |input| set.all(|item| absent(input, item));
                        let can_be_true = can_be_true && !a.of.is_some_and(none);
                        (Truths { can_be_true, can_be_false }, a.null)
                    }
                    (_, true) => (Truths::OPEN, Null::Perhaps),
                };
                Fact::with(null, a.fails, truths)
            }
            Op::Like { value, .. } | Op::Matches(value, _) => {
                let a = of(value);
                let truths = if a.range == Range::Empty { Truths::NEITHER } else { Truths::OPEN };
                Fact::with(a.null, a.fails, truths)
            }
            Op::Length(value) => {
                let a = of(value);
                let range = if a.range == Range::Empty { Range::Empty } else { Range::Numbers(0, i128::from(i32::MAX)) };
                Fact { null: a.null, range, truths: Truths::OPEN, fails: a.fails, of: None }
            }
            Op::Cast { value, .. } => cast(of(value).clone(), self.ty(*value), &node.ty),
            Op::Arithmetic(..) | Op::Case { .. } | Op::Field(..) | Op::Interpret { .. } => Fact::unknown(),
        }
    }
}

/// A program, and what is certain of each of its nodes that is a constant.
pub struct Certain<'p> {
    program: &'p Program,
    constants: Vec<Fact>,
}

impl Certain<'_> {
    /// What is certain of every node, by what is certain of the frame's columns.
    pub fn facts<'f>(&'f self, inputs: &'f [Fact], absent: Absent<'_>) -> Vec<Cow<'f, Fact>> {
        let mut facts: Vec<Cow<'f, Fact>> = Vec::with_capacity(self.constants.len());
        let nothing = Fact::unknown();
        for (node, constant) in self.program.nodes.iter().zip(&self.constants) {
            let fact = match &node.op {
                Op::Constant(_) => Cow::Borrowed(constant),
                Op::Input(position) => inputs.get(*position).map_or_else(|| Cow::Owned(Fact::open()), Cow::Borrowed),
                // Operands stand before their operators.
                _ => Cow::Owned(self.program.fact(node, &|id| facts.get(id.0 as usize).map_or(&nothing, |f| f), absent)),
            };
            facts.push(fact);
        }
        facts
    }
}

/// `and`, `or`: as [`super::Frame`] computes them.
fn connect(a: &Fact, b: &Fact, or: bool) -> Fact {
    let (s, t) = (a.truths, b.truths);
    let truths = if or {
        Truths { can_be_true: s.can_be_true || t.can_be_true, can_be_false: s.can_be_false && t.can_be_false }
    } else {
        Truths { can_be_true: s.can_be_true && t.can_be_true, can_be_false: s.can_be_false || t.can_be_false }
    };
    // A value that decides hides the other side's null.
    let (decides_a, decides_b) = if or { (s.can_be_true, t.can_be_true) } else { (s.can_be_false, t.can_be_false) };
    let null = match (a.null, b.null) {
        (Null::Never, Null::Never) => Null::Never,
        (x, y) if x == y && x != Null::Perhaps => x,
        (x, y) if !decides_a && !decides_b => x.or(y),
        _ => Null::Perhaps,
    };
    // The same null on both sides is null whatever decides elsewhere; else both outcomes stay open where it may be.
    Fact::with(null, a.fails || b.fails, truths)
}

fn compare(op: BinaryOp, a: &Range, b: &Range) -> Truths {
    fn ordered<T: Ord + ?Sized>(op: BinaryOp, (a, b): (&T, &T), (x, y): (&T, &T)) -> Truths {
        let one = a == b && x == y && a == x;
        let apart = b < x || y < a;
        let truths = |always: bool, never: bool| Truths { can_be_true: !never, can_be_false: !always };
        match op {
            BinaryOp::Equal => truths(one, apart),
            BinaryOp::NotEqual => truths(apart, one),
            BinaryOp::Less => truths(b < x, a >= y),
            BinaryOp::LessEqual => truths(b <= x, a > y),
            BinaryOp::Greater => truths(a > y, b <= x),
            BinaryOp::GreaterEqual => truths(a >= y, b < x),
            _ => Truths::OPEN,
        }
    }
    match (a, b) {
        (Range::Empty, _) | (_, Range::Empty) => Truths::NEITHER,
        (Range::Numbers(a, b), Range::Numbers(x, y)) => ordered(op, (a, b), (x, y)),
        (Range::Texts(a, b), Range::Texts(x, y)) => ordered(op, (&a[..], &b[..]), (&x[..], &y[..])),
        _ => Truths::OPEN,
    }
}

/// Whole numbers and decimals that surely fit stay what they are; of every other cast nothing is known.
fn cast(fact: Fact, from: &Type, to: &Type) -> Fact {
    let scale = |ty: &Type| match ty {
        Type::Decimal { scale, .. } => Some(*scale),
        ty if ty.is_integer() => Some(0),
        _ => None,
    };
    let (Some(before), Some(after)) = (scale(from), scale(to)) else { return Fact::unknown() };
    if after < before {
        return Fact::unknown();
    }
    let most: i128 = match to {
        Type::TinyInt => i8::MAX.into(),
        Type::SmallInt => i16::MAX.into(),
        Type::Int => i32::MAX.into(),
        Type::BigInt => i64::MAX.into(),
        Type::Decimal { precision, .. } => 10i128.checked_pow(u32::from(*precision)).map_or(i128::MAX, |p| p - 1),
        _ => return Fact::unknown(),
    };
    let range = match fact.range {
        Range::Empty => Range::Empty,
        Range::Numbers(least, greatest) => {
            let factor = 10i128.pow(u32::from(after - before));
            match (least.checked_mul(factor), greatest.checked_mul(factor)) {
                (Some(l), Some(g)) if l >= -most && g <= most => Range::Numbers(l, g),
                _ => return Fact::unknown(),
            }
        }
        _ => return Fact::unknown(),
    };
    Fact { range, of: None, ..fact }
}

/// Whether an input has no value that is the one of the other side.
fn differ(column: &Fact, other: &Fact, absent: Absent<'_>) -> bool {
    let Some(input) = column.of else { return false };
    match &other.range {
        Range::Numbers(one, same) if one == same => absent(input, Point::Number(*one)),
        Range::Texts(one, same) if one == same => absent(input, Point::Text(one)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(null: Null, least: i128, greatest: i128) -> Fact {
        Fact { null, range: Range::Numbers(least, greatest), truths: Truths::OPEN, fails: false, of: None }
    }

    #[test]
    fn comparisons_are_decided_at_their_bounds() {
        let at = |op, a: (i128, i128), b: (i128, i128)| {
            let truths = compare(op, &Range::Numbers(a.0, a.1), &Range::Numbers(b.0, b.1));
            (truths.can_be_true, truths.can_be_false)
        };
        for (op, holds) in [
            (BinaryOp::Less, (|a, b| a < b) as fn(i128, i128) -> bool),
            (BinaryOp::LessEqual, |a, b| a <= b),
            (BinaryOp::Greater, |a, b| a > b),
            (BinaryOp::GreaterEqual, |a, b| a >= b),
            (BinaryOp::Equal, |a, b| a == b),
            (BinaryOp::NotEqual, |a, b| a != b),
        ] {
            for a in 0..4i128 {
                for b in a..4 {
                    for x in 0..4 {
                        for y in x..4 {
                            let (can_be_true, can_be_false) = at(op, (a, b), (x, y));
                            let pairs = || (a..=b).flat_map(|l| (x..=y).map(move |r| (l, r)));
                            // Every outcome that occurs must be held possible.
                            assert!(can_be_true || !pairs().any(|(l, r)| holds(l, r)), "{op:?} {a}..{b} {x}..{y}");
                            assert!(can_be_false || pairs().all(|(l, r)| holds(l, r)), "{op:?} {a}..{b} {x}..{y}");
                        }
                    }
                }
            }
        }
        assert_eq!(at(BinaryOp::GreaterEqual, (1, 5), (1, 1)), (true, false));
        assert_eq!(at(BinaryOp::Greater, (1, 5), (1, 1)), (true, true));
    }

    #[test]
    fn a_value_that_decides_hides_a_null() {
        let column = Null::With { input: 3, all: false };
        let sure = |null| Fact::with(null, false, Truths::TRUE);
        let open = |null| Fact::with(null, false, Truths::OPEN);
        assert_eq!(connect(&sure(column), &sure(Null::Never), false).null, column);
        assert_eq!(connect(&sure(column), &open(Null::Never), false).null, Null::Perhaps);
        assert_eq!(connect(&sure(column), &sure(Null::Never), true).null, Null::Perhaps);
        assert_eq!(connect(&sure(column), &sure(Null::With { input: 4, all: false }), false).null, Null::Perhaps);
    }

    #[test]
    fn only_casts_that_fit_keep_what_is_known() {
        let wide = Type::Decimal { precision: 12, scale: 2 };
        let cast_to = |to: &Type, greatest| cast(fact(Null::Never, 0, greatest), &Type::Int, to);
        assert_eq!(cast_to(&wide, 7).range, Range::Numbers(0, 700));
        assert!(cast_to(&Type::TinyInt, 128).fails && !cast_to(&Type::TinyInt, 127).fails);
        assert!(cast_to(&Type::Decimal { precision: 3, scale: 2 }, 10).fails);
        assert!(cast_to(&Type::Double, 1).fails);
    }
}
