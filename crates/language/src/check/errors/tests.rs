use super::quote;
use crate::diagnostics::{Code, Diagnostic};
use crate::hir::Type;
use crate::source::Span;

pub fn no_such_row(span: Span, row: u64, rows: usize) -> Diagnostic {
    let have = if rows == 1 { "is 1 row".to_owned() } else { format!("are {rows} rows") };
    Diagnostic::new(Code::DQ0701, format!("there is no row {row}: there {have}"), span, "not in the table").with_help("Rows count from 1.")
}

pub fn cell_type(span: Span, text: &str, ty: &Type) -> Diagnostic {
    Diagnostic::new(Code::DQ0702, format!("{} is not of type {ty}", quote(text, "this")), span, format!("the column is {ty}"))
        .with_help("A cell holds a constant of its column's type, or `null`; an empty cell takes a value that fits.")
}
