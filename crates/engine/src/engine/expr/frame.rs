//! Computes the nodes of a program for one batch, each at most once.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, make_array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::kernels::boolean;
use arrow::datatypes::{DataType, TimeUnit};

use super::{Computed, NodeId, Op, Program, arithmetic, cast, choose, compare, either, interpret, lost, text};
use crate::hir::BinaryOp;

/// One batch: the columns that the program's inputs name, and what has been computed of it so far.
pub struct Frame<'a> {
    pub program: &'a Program,
    pub rows: usize,
    inputs: &'a [Computed],
    memo: Vec<Option<Computed>>,
}

impl<'a> Frame<'a> {
    pub fn new(program: &'a Program, rows: usize, inputs: &'a [Computed]) -> Self {
        Self { program, rows, inputs, memo: vec![None; program.nodes.len()] }
    }

    pub fn get(&mut self, id: NodeId) -> Computed {
        let index = id.0 as usize;
        if let Some(Some(known)) = self.memo.get(index) {
            return known.clone();
        }
        let computed = self.compute(index);
        if let Some(slot) = self.memo.get_mut(index) {
            *slot = Some(computed.clone());
        }
        computed
    }

    fn compute(&mut self, index: usize) -> Computed {
        let program = self.program;
        let node = &program.nodes[index];
        match &node.op {
            Op::Input(position) => lost::read(program, &self.inputs[*position], &node.ty),
            Op::Constant(value) => value.clone(),
            Op::Settled(a) => settle(self.get(*a)),
            Op::Failing(a, code) => {
                let a = self.get(*a);
                let errors = (0..a.values.len()).map(|i| if a.values.is_valid(i) { *code } else { a.error(i) }).collect();
                Computed { errors: Some(errors), ..a }
            }
            Op::And(a, b) => {
                let (a, b) = (self.get(*a), self.get(*b));
                self.connect(a, b, false)
            }
            Op::Or(a, b) => {
                let (a, b) = (self.get(*a), self.get(*b));
                self.connect(a, b, true)
            }
            Op::Not(a) => {
                let a = self.get(*a);
                let values = a.values.as_boolean();
                let negated = BooleanArray::new(!values.values(), values.nulls().cloned());
                Computed { values: Arc::new(negated), ..a }
            }
            Op::IsNull(a) => {
                let a = self.stored(*a).filter(|a| keeps_all(a.values.data_type())).unwrap_or_else(|| self.get(*a));
                match a.values.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
                    Some(nulls) => Computed { values: Arc::new(BooleanArray::new(!nulls.inner(), None)), ..a },
                    None if a.errors.is_some() => {
                        let values = BooleanArray::new(BooleanBuffer::new_unset(a.values.len()), None);
                        Computed { values: Arc::new(values), ..a }
                    }
                    None => Computed { values: Arc::new(BooleanArray::from(vec![false])), constant: true, errors: None },
                }
            }
            Op::IsTrue(a) => {
                let a = self.get(*a);
                let values = BooleanArray::new(truths(a.values.as_boolean()), None);
                Computed { values: Arc::new(values), ..a }
            }
            Op::IsFalse(a) => {
                let a = self.get(*a);
                let values = BooleanArray::new(falsehoods(a.values.as_boolean()), None);
                Computed { values: Arc::new(values), ..a }
            }
            Op::Compare(op, a, b) => {
                if let Some(values) = self.narrow(*op, *a, *b) {
                    return Computed::new(Arc::new(values));
                }
                let (a, b) = (self.get(*a), self.get(*b));
                let constant = a.constant && b.constant;
                let rows = if constant { 1 } else { self.rows };
                let values = compare::compare(*op, &a, &b, rows);
                Computed { values: Arc::new(values), constant, errors: either(&a, &b, rows) }
            }
            Op::Arithmetic(op, a, b) => {
                let (a, b) = (self.get(*a), self.get(*b));
                let constant = a.constant && b.constant;
                let rows = if constant { 1 } else { self.rows };
                let mut computed = arithmetic::compute(*op, &a, &b, &node.ty, rows);
                computed.constant = constant;
                computed
            }
            Op::In(a, set) => {
                let a = self.get(*a);
                Computed { values: Arc::new(set.contains(&a.values)), ..a }
            }
            Op::Like { value, pattern, insensitive } => {
                let a = self.get(*value);
                Computed { values: Arc::new(text::like(&a.values, pattern, *insensitive)), ..a }
            }
            Op::Matches(value, regex) => {
                let a = self.get(*value);
                let strings = a.values.as_string_view();
                Computed { values: Arc::new(text::test(strings, |s| regex.is_match(s))), ..a }
            }
            Op::Length(value) => {
                let a = self.get(*value);
                let strings = a.values.as_string_view();
                let lengths = (0..strings.len()).map(|i| text::chars(strings, i)).collect::<Vec<i32>>();
                let values = Int32Array::new(lengths.into(), strings.nulls().cloned());
                Computed { values: Arc::new(values), ..a }
            }
            Op::Cast { value, attempt } => {
                let a = self.get(*value);
                cast::cast(program, a, program.ty(*value), &node.ty, *attempt)
            }
            Op::Case { arms, otherwise } => {
                let arms: Vec<_> = arms.iter().map(|(c, v)| (self.get(*c), self.get(*v))).collect();
                let otherwise = otherwise.map(|o| self.get(o));
                choose::case(&arms, otherwise.as_ref(), &node.ty, self.rows)
            }
            Op::Field(a, position) => {
                let a = self.get(*a);
                let outer = a.values.as_struct();
                let inner = outer.column(*position);
                let nulls = NullBuffer::union(outer.nulls(), inner.nulls());
                Computed { values: with_nulls(inner, nulls), ..a }
            }
            Op::Interpret { expr, args } => {
                let types: Vec<_> = args.iter().map(|a| program.ty(*a)).collect();
                let args: Vec<_> = args.iter().map(|a| self.get(*a)).collect();
                let constant = args.iter().all(|a| a.constant);
                let rows = if constant { 1 } else { self.rows };
                let mut computed = interpret::run(program, expr, &args, &types, rows);
                computed.constant = constant;
                computed
            }
        }
    }

    /// A column of the frame as the files store it, where a node is one.
    fn stored(&self, id: NodeId) -> Option<Computed> {
        match &self.program.nodes[id.0 as usize].op {
            Op::Input(position) => self.inputs.get(*position).cloned(),
            _ => None,
        }
    }

    /// A comparison of a decimal column with a constant, in eight bytes where the column is stored in so many.
    fn narrow(&self, op: BinaryOp, a: NodeId, b: NodeId) -> Option<BooleanArray> {
        let constant = |id: NodeId| match &self.program.nodes[id.0 as usize].op {
            Op::Constant(value) if value.errors.is_none() => Some(Arc::clone(&value.values)),
            _ => None,
        };
        let (column, value, op) = match (constant(a), constant(b)) {
            (None, Some(value)) => (a, value, op),
            (Some(value), None) => (b, value, compare::mirrored(op)),
            _ => return None,
        };
        let column = self.stored(self.program.unwidened(column)).filter(|c| !c.constant)?;
        compare::narrow(op, &column.values, &value)
    }

    /// `and`, `or`: a side that is false (true) decides, whatever the other is; else what cannot be computed on either
    /// side cannot be computed at all.
    fn connect(&self, a: Computed, b: Computed, or: bool) -> Computed {
        let constant = a.constant && b.constant;
        let rows = if constant { 1 } else { self.rows };
        let (left, right) = (spread(&a, rows), spread(&b, rows));
        let (left, right) = (left.as_boolean(), right.as_boolean());
        let kernel = match (or, left.null_count() + right.null_count() > 0) {
            (false, false) => boolean::and,
            (false, true) => boolean::and_kleene,
            (true, false) => boolean::or,
            (true, true) => boolean::or_kleene,
        };
        let values = kernel(left, right).unwrap_or_else(|_| BooleanArray::new_null(rows));
        let errors = (a.errors.is_some() || b.errors.is_some()).then(|| {
            let decides = |side: &BooleanArray, of: &Computed, i: usize| {
                of.error(i) == 0 && side.is_valid(i) && side.value(i) == or
            };
            let error = |i: usize| match (a.error(i), b.error(i)) {
                (0, 0) => 0,
                _ if decides(left, &a, i) || decides(right, &b, i) => 0,
                (0, code) | (code, _) => code,
            };
            (0..rows).map(error).collect::<Arc<[u8]>>()
        });
        // Where one side decides, what the other came to must not show.
        let values = match &errors {
            None => values,
            Some(errors) => {
                let one = |i: usize| match (errors[i], a.error(i), b.error(i)) {
                    (0, 0, 0) => values.is_valid(i).then(|| values.value(i)),
                    (0, ..) => Some(or),
                    _ => None,
                };
                (0..rows).map(one).collect()
            }
        };
        Computed { values: Arc::new(values), constant, errors }
    }
}

/// Whether no value is lost where the stored column becomes one of its declared type: instants in coarse units may lie too
/// far away.
fn keeps_all(stored: &DataType) -> bool {
    !matches!(stored, DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, _) | DataType::Date64)
}

/// One value a row, whether it is constant or not.
pub(super) fn spread(a: &Computed, rows: usize) -> ArrayRef {
    if !a.constant || a.values.len() == rows {
        return Arc::clone(&a.values);
    }
    let first = arrow::array::UInt32Array::from(vec![0; rows]);
    arrow::compute::take(&a.values, &first, None)
        .unwrap_or_else(|_| arrow::array::new_null_array(a.values.data_type(), rows))
}

impl Computed {
    /// One value a row, whether it is constant or not.
    pub fn spread(&self, rows: usize) -> ArrayRef {
        spread(self, rows)
    }
}

fn settle(a: Computed) -> Computed {
    let Some(errors) = &a.errors else { return a };
    let computed: NullBuffer = errors.iter().map(|e| *e == 0).collect();
    let nulls = NullBuffer::union(a.values.nulls(), Some(&computed));
    Computed { values: with_nulls(&a.values, nulls), constant: a.constant, errors: None }
}

fn with_nulls(array: &ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    let data = array.to_data().into_builder().nulls(nulls);
    data.build().map_or_else(|_| Arc::clone(array), make_array)
}

/// Where a condition is true.
pub fn truths(values: &BooleanArray) -> BooleanBuffer {
    match values.nulls() {
        Some(nulls) => values.values() & nulls.inner(),
        None => values.values().clone(),
    }
}

/// Where a condition is false.
pub fn falsehoods(values: &BooleanArray) -> BooleanBuffer {
    match values.nulls() {
        Some(nulls) => &!values.values() & nulls.inner(),
        None => !values.values(),
    }
}
