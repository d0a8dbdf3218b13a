//! The same cases in the engine.

use dqc::engine::expr::{Computed, Frame, Names, NodeId, Program};
use dqc::engine::types::{array_of, value_at};
use dqc::hir::{Type, Value};

use super::{differences, shown};

pub struct Columns<'a>(pub &'a [(String, Type)]);

impl Names for Columns<'_> {
    fn column(&self, program: &mut Program, name: &str) -> Option<NodeId> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(program.input(at, self.0[at].1.clone()))
    }
}

/// All rows of a case as one batch: what one row cannot be computed for does not touch its neighbours.
#[test]
fn the_engine_means_what_spark_means() {
    let wrong = differences(&|columns, expr, rows| {
        let mut program = Program::new(0);
        let node = program.add(expr, &Columns(columns)).expect("a program");
        let column = |i: usize, ty: &Type| {
            let values: Vec<Value> = rows.iter().map(|row| row[i].clone()).collect();
            Computed::new(array_of(ty, &values))
        };
        let inputs: Vec<Computed> = columns.iter().enumerate().map(|(i, (_, ty))| column(i, ty)).collect();
        let computed = Frame::new(&program, rows.len(), &inputs).get(node);
        let one = |row: usize| match computed.error(row) {
            0 => shown(&value_at(&computed.values, computed.at(row), program.ty(node))),
            _ => "error".to_owned(),
        };
        (0..rows.len()).map(one).collect()
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}
