//! Checked expressions as a graph of vectorised operators: what several rules share stands in it once.
//!
//! Every operator gives, beside its values, the rows for which they cannot be computed and why. Data so never
//! aborts a run, and `false and 1 / 0 = 1` is false row by row, however many rows a batch has. Where no kernel has
//! the language's meaning, the interpreter ([`crate::eval`]) computes the operator row by row: slower, never different.

mod arithmetic;
mod cast;
mod choose;
mod compare;
pub mod facts;
mod frame;
mod interpret;
pub mod lost;
mod text;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use regex::Regex;

use super::types::{array_of, arrow_type};
use crate::eval::Reason;
use crate::fault::Fault;
use crate::hir::{BinaryOp, Expr, ExprKind, Type, Value};

pub use frame::{Frame, falsehoods, truths};

/// A node of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

/// What a node came to for a batch.
#[derive(Clone, Debug)]
pub struct Computed {
    /// One value a row; one value where it is `constant`.
    pub values: ArrayRef,
    pub constant: bool,
    /// Why a row has no value: an index into the program's reasons, 0 where it has one.
    pub errors: Option<Arc<[u8]>>,
}

impl Computed {
    pub fn new(values: ArrayRef) -> Self {
        Self { values, constant: false, errors: None }
    }

    /// The position of a row's value.
    pub fn at(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    pub fn error(&self, row: usize) -> u8 {
        self.errors.as_ref().and_then(|e| e.get(self.at(row))).copied().unwrap_or(0)
    }
}

/// How the names in an expression are found.
pub trait Names {
    fn column(&self, program: &mut Program, name: &str) -> Option<NodeId>;
}

#[derive(Debug)]
struct Node {
    op: Op,
    /// The language's type of the value.
    ty: Type,
}

#[derive(Debug)]
enum Op {
    /// A column of the batch, by its position in the frame.
    Input(usize),
    Constant(Computed),
    /// Null where its operand cannot be computed.
    Settled(NodeId),
    /// Cannot be computed where the value is there.
    Failing(NodeId, u8),
    And(NodeId, NodeId),
    Or(NodeId, NodeId),
    Not(NodeId),
    IsNull(NodeId),
    IsTrue(NodeId),
    IsFalse(NodeId),
    Compare(BinaryOp, NodeId, NodeId),
    Arithmetic(BinaryOp, NodeId, NodeId),
    In(NodeId, text::Set),
    Like { value: NodeId, pattern: String, insensitive: bool },
    Matches(NodeId, Regex),
    Length(NodeId),
    Cast { value: NodeId, attempt: bool },
    Case { arms: Vec<(NodeId, NodeId)>, otherwise: Option<NodeId> },
    Field(NodeId, usize),
    /// Row by row; `args` are the columns `$0`, `$1`, … of `expr`.
    Interpret { expr: Box<Expr>, args: Vec<NodeId> },
}

/// The expressions of one judgement over the columns of a frame.
#[derive(Debug, Default)]
pub struct Program {
    nodes: Vec<Node>,
    known: HashMap<String, NodeId>,
    reasons: Vec<Arc<str>>,
    now: i64,
}

/// Codes of [`Program::reason`] that kernels give; the others are found by their words.
pub(crate) const CANNOT: u8 = 1;
pub(crate) const DIVISION_BY_ZERO: u8 = 2;
pub(crate) const OVERFLOW: u8 = 3;

const REASONS: [Reason; 8] = [
    Reason::of(""),
    Reason::of("cannot be computed"),
    Reason::ZERO,
    Reason::OVERFLOW,
    Reason::OUT_OF_RANGE,
    Reason::REGEX,
    Reason::DEEP,
    Reason::UNSUPPORTED,
];

impl Program {
    /// `now`: the clock, in microseconds since 1970 in UTC.
    pub fn new(now: i64) -> Self {
        Self { reasons: REASONS.iter().map(|r| Arc::from(r.0.as_ref())).collect(), now, ..Self::default() }
    }

    /// The position of a node in [`Program::facts`].
    pub fn position(&self, id: NodeId) -> usize {
        id.0 as usize
    }

    pub fn ty(&self, id: NodeId) -> &Type {
        self.nodes.get(id.0 as usize).map_or(&Type::Error, |n| &n.ty)
    }

    /// Why a row has no value.
    pub fn reason(&self, code: u8) -> &Arc<str> {
        self.reasons.get(usize::from(code)).unwrap_or(&self.reasons[usize::from(CANNOT)])
    }

    fn code(&self, reason: &str) -> u8 {
        let found = self.reasons.iter().position(|r| r.as_ref() == reason);
        found.and_then(|i| u8::try_from(i).ok()).unwrap_or(CANNOT)
    }

    fn intern(&mut self, reason: Reason) {
        if self.reasons.len() < 255 && !self.reasons.iter().any(|r| r.as_ref() == reason.0) {
            self.reasons.push(reason.0.into());
        }
    }

    /// The reasons for which a value cannot become a `ty`.
    fn intern_cast(&mut self, ty: &Type) {
        for reason in [Reason::not_a(ty), Reason::out_of(ty)] {
            self.intern(reason);
        }
    }

    /// A column of the frame.
    pub fn input(&mut self, position: usize, ty: Type) -> NodeId {
        if let Some(reason) = lost::reason(&ty) {
            self.intern(reason);
        }
        self.node(format!("input {position}"), Op::Input(position), ty)
    }

    /// The same value, but null where it cannot be computed.
    pub fn settled(&mut self, id: NodeId) -> NodeId {
        // What a file holds needs no computing.
        if matches!(self.nodes[id.0 as usize].op, Op::Input(_)) {
            return id;
        }
        let ty = self.ty(id).clone();
        self.node(format!("settled {id:?}"), Op::Settled(id), ty)
    }

    /// Fails for every row in which the text is there, which says why.
    pub fn failing(&mut self, text: NodeId) -> NodeId {
        let reason = "the line cannot be read";
        if !self.reasons.iter().any(|r| r.as_ref() == reason) {
            self.reasons.push(reason.into());
        }
        let code = self.code(reason);
        self.node(format!("failing {text:?}"), Op::Failing(text, code), Type::String)
    }

    pub fn null(&mut self, ty: Type) -> NodeId {
        let values = array_of(&ty, &[Value::Null]);
        let key = format!("literal {:?} {ty:?}", Value::Null);
        self.node(key, Op::Constant(Computed { values, constant: true, errors: None }), ty)
    }

    pub fn is_null(&mut self, id: NodeId) -> NodeId {
        self.node(format!("null {id:?}"), Op::IsNull(id), Type::Boolean)
    }

    fn node(&mut self, key: String, op: Op, ty: Type) -> NodeId {
        if let Some(&id) = self.known.get(&key) {
            return id;
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { op, ty });
        self.fold(id);
        self.known.insert(key, id);
        id
    }

    /// Computes a node of constants now.
    fn fold(&mut self, id: NodeId) {
        let constant = |id: &NodeId| matches!(self.nodes[id.0 as usize].op, Op::Constant(_));
        let foldable = match &self.nodes[id.0 as usize].op {
            Op::Input(_) | Op::Constant(_) => false,
            Op::Settled(a) | Op::Failing(a, _) | Op::Not(a) | Op::IsNull(a) | Op::IsTrue(a) | Op::IsFalse(a) => constant(a),
            Op::In(a, _) | Op::Like { value: a, .. } | Op::Matches(a, _) | Op::Length(a) => constant(a),
            Op::Cast { value: a, .. } | Op::Field(a, _) => constant(a),
            Op::And(a, b) | Op::Or(a, b) | Op::Compare(_, a, b) | Op::Arithmetic(_, a, b) => constant(a) && constant(b),
            Op::Case { arms, otherwise } => {
                arms.iter().all(|(c, v)| constant(c) && constant(v)) && otherwise.iter().all(constant)
            }
            Op::Interpret { args, .. } => args.iter().all(constant),
        };
        if foldable {
            let mut computed = Frame::new(self, 1, &[]).get(id);
            computed.constant = true;
            self.nodes[id.0 as usize].op = Op::Constant(computed);
        }
    }

    /// Adds an expression of row grain.
    pub fn add(&mut self, expr: &Expr, names: &dyn Names) -> Result<NodeId, Fault> {
        let ty = expr.ty.clone();
        let unary = |op: &str, a: NodeId| format!("{op} {a:?} {ty:?}");
        let binary = |op: &str, a: NodeId, b: NodeId| format!("{op} {a:?} {b:?} {ty:?}");
        Ok(match &expr.kind {
            ExprKind::Literal(value) => {
                let values = array_of(&ty, std::slice::from_ref(value));
                let key = format!("literal {value:?} {ty:?}");
                self.node(key, Op::Constant(Computed { values, constant: true, errors: None }), ty)
            }
            ExprKind::Column(name) => names
                .column(self, name)
                .ok_or_else(|| Fault::internal(format!("the plan reads `{name}`, which its rows do not have")))?,
            ExprKind::Not(a) => {
                let a = self.add(a, names)?;
                self.node(unary("not", a), Op::Not(a), ty)
            }
            ExprKind::IsNull(a) => {
                let a = self.add(a, names)?;
                self.is_null(a)
            }
            ExprKind::IsTrue(a) => {
                let a = self.add(a, names)?;
                self.node(unary("true", a), Op::IsTrue(a), ty)
            }
            ExprKind::IsFalse(a) => {
                let a = self.add(a, names)?;
                self.node(unary("false", a), Op::IsFalse(a), ty)
            }
            ExprKind::Binary { op: BinaryOp::And, left, right } => {
                let (a, b) = (self.add(left, names)?, self.add(right, names)?);
                self.node(binary("and", a, b), Op::And(a, b), ty)
            }
            ExprKind::Binary { op: BinaryOp::Or, left, right } => {
                let (a, b) = (self.add(left, names)?, self.add(right, names)?);
                self.node(binary("or", a, b), Op::Or(a, b), ty)
            }
            ExprKind::Binary { op, left, right } if op.is_comparison() && compare::has_kernel(&left.ty, &right.ty) => {
                let (a, b) = (self.add(left, names)?, self.add(right, names)?);
                self.node(binary(op.text(), a, b), Op::Compare(*op, a, b), ty)
            }
            ExprKind::Binary { op, left, right } if arithmetic::has_kernel(*op, &left.ty, &right.ty, &ty) => {
                let (a, b) = (self.add(left, names)?, self.add(right, names)?);
                self.node(binary(op.text(), a, b), Op::Arithmetic(*op, a, b), ty)
            }
            ExprKind::In { value, list } => match text::Set::new(&value.ty, list) {
                Some(set) => {
                    let a = self.add(value, names)?;
                    self.node(format!("in {a:?} {list:?}"), Op::In(a, set), ty)
                }
                None => self.interpret(expr, names)?,
            },
            ExprKind::Like { value, pattern, insensitive, escape: None | Some('\\') } => match &pattern.kind {
                ExprKind::Literal(Value::String(pattern)) if text::like_has_kernel(pattern) => {
                    let a = self.add(value, names)?;
                    let key = format!("like {a:?} {pattern:?} {insensitive}");
                    self.node(key, Op::Like { value: a, pattern: pattern.clone(), insensitive: *insensitive }, ty)
                }
                _ => self.interpret(expr, names)?,
            },
            ExprKind::Matches { value, pattern } => match Regex::new(&format!("^(?:{pattern})$")) {
                Ok(regex) => {
                    let a = self.add(value, names)?;
                    self.node(format!("matches {a:?} {pattern:?}"), Op::Matches(a, regex), ty)
                }
                Err(_) => return Err(Fault::internal("a pattern of the contract cannot be compiled")),
            },
            ExprKind::Cast { value, attempt } => {
                let a = self.add(value, names)?;
                self.cast(a, ty, *attempt)
            }
            ExprKind::Call { function, args } if function == "length" && one_string(args) => {
                let a = self.add(&args[0], names)?;
                let length = self.node(format!("length {a:?}"), Op::Length(a), Type::Int);
                self.cast(length, ty, false)
            }
            // The first that is not null: what follows it is not computed.
            ExprKind::Call { function, args } if function == "coalesce" => {
                let mut arms = Vec::with_capacity(args.len());
                for arg in args {
                    let a = self.add(arg, names)?;
                    let null = self.is_null(a);
                    let there = self.node(format!("not {null:?} Boolean"), Op::Not(null), Type::Boolean);
                    arms.push((there, a));
                }
                self.node(format!("case {arms:?} None {ty:?}"), Op::Case { arms, otherwise: None }, ty)
            }
            ExprKind::Case { arms, otherwise } => {
                let mut nodes = Vec::with_capacity(arms.len());
                for (condition, value) in arms {
                    nodes.push((self.add(condition, names)?, self.add(value, names)?));
                }
                let otherwise = otherwise.as_ref().map(|o| self.add(o, names)).transpose()?;
                let key = format!("case {nodes:?} {otherwise:?} {ty:?}");
                self.node(key, Op::Case { arms: nodes, otherwise }, ty)
            }
            ExprKind::Field(value, name) => {
                let Type::Struct(fields) = &value.ty else { return self.interpret(expr, names) };
                let Some(position) = fields.iter().position(|f| &f.name == name) else {
                    return self.interpret(expr, names);
                };
                let a = self.add(value, names)?;
                self.node(format!("field {a:?} {position}"), Op::Field(a, position), ty)
            }
            _ => self.interpret(expr, names)?,
        })
    }

    /// A cast, unless the value has the type already.
    pub fn cast(&mut self, value: NodeId, ty: Type, attempt: bool) -> NodeId {
        if self.ty(value) == &ty {
            return value;
        }
        self.intern_cast(&ty);
        let key = format!("cast {value:?} {ty:?} {attempt}");
        self.node(key, Op::Cast { value, attempt }, ty)
    }

    /// The decimal that a node only gives more digits.
    fn unwidened(&self, id: NodeId) -> NodeId {
        match &self.nodes[id.0 as usize] {
            Node { op: Op::Cast { value, .. }, ty: Type::Decimal { precision, scale } } => match self.ty(*value) {
                Type::Decimal { precision: p, scale: s } if p <= precision && s == scale => self.unwidened(*value),
                _ => id,
            },
            _ => id,
        }
    }

    /// Casts values that are at hand; what cannot be cast becomes null.
    pub fn cast_now(&self, value: Computed, from: &Type, to: &Type) -> Computed {
        if from == to { value } else { cast::cast(self, value, from, to, true) }
    }

    /// The column of the frame that a node is, as it is.
    pub fn input_of(&self, id: NodeId) -> Option<usize> {
        if let Op::Input(position) = self.nodes[id.0 as usize].op { Some(position) } else { None }
    }

    /// The positions of the frame's columns that the nodes read.
    pub fn inputs(&self) -> impl Iterator<Item = usize> {
        self.nodes.iter().filter_map(|n| if let Op::Input(position) = n.op { Some(position) } else { None })
    }

    /// The positions of the frame's columns that these nodes read, each once.
    pub fn inputs_of(&self, ids: impl IntoIterator<Item = NodeId>) -> BTreeSet<usize> {
        let mut open: Vec<NodeId> = ids.into_iter().collect();
        let (mut seen, mut found) = (vec![false; self.nodes.len()], BTreeSet::new());
        while let Some(id) = open.pop() {
            let index = id.0 as usize;
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            match &self.nodes[index].op {
                Op::Input(position) => drop(found.insert(*position)),
                Op::Constant(_) => {}
                Op::Failing(a, _) => open.push(*a),
                Op::Settled(a) | Op::Not(a) | Op::IsNull(a) | Op::IsTrue(a) | Op::IsFalse(a) => open.push(*a),
                Op::In(a, _) | Op::Like { value: a, .. } | Op::Matches(a, _) | Op::Length(a) => open.push(*a),
                Op::Cast { value: a, .. } | Op::Field(a, _) => open.push(*a),
                Op::And(a, b) | Op::Or(a, b) | Op::Compare(_, a, b) | Op::Arithmetic(_, a, b) => open.extend([*a, *b]),
                Op::Case { arms, otherwise } => {
                    open.extend(arms.iter().flat_map(|(c, v)| [*c, *v]).chain(*otherwise));
                }
                Op::Interpret { args, .. } => open.extend(args),
            }
        }
        found
    }

    /// Leaves an operator to the interpreter; its operands are still computed a batch at a time.
    fn interpret(&mut self, expr: &Expr, names: &dyn Names) -> Result<NodeId, Fault> {
        let mut operands = Vec::new();
        let expr = interpret::detach(expr, &mut operands);
        let args = operands.iter().map(|o| self.add(o, names)).collect::<Result<Vec<_>, _>>()?;
        for ty in interpret::casts(&expr) {
            self.intern_cast(&ty);
        }
        let key = format!("interpret {expr:?} {args:?}");
        let ty = expr.ty.clone();
        Ok(self.node(key, Op::Interpret { expr: Box::new(expr), args }, ty))
    }

    /// The physical type of a node's values.
    pub fn data_type(&self, id: NodeId) -> DataType {
        arrow_type(self.ty(id))
    }
}

fn one_string(args: &[Expr]) -> bool {
    matches!(args, [Expr { ty: Type::String, .. }])
}

/// The first reason of either side for every row; `rows` counts the longer one.
fn either(a: &Computed, b: &Computed, rows: usize) -> Option<Arc<[u8]>> {
    match (&a.errors, &b.errors) {
        (None, None) => None,
        _ => Some((0..rows).map(|i| if a.error(i) != 0 { a.error(i) } else { b.error(i) }).collect()),
    }
}
