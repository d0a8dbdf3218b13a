//! What an expression can see where it stands.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::hir::{Expr, ExprKind, Grain, Privacy, Type, Value};
use crate::resolve::{fold, folded, same};
use crate::source::{FileId, Span};

/// The columns of a dataset.
#[derive(Debug, Default)]
pub struct Schema {
    pub dataset: String,
    pub columns: Vec<SchemaColumn>,
    index: FxHashMap<String, usize>,
    /// Columns are missing here because their text could not be read: an unknown name is not reported.
    pub open: bool,
    /// Where the contract declares itself.
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct SchemaColumn {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
    pub key: bool,
    pub unique: bool,
    pub privacy: Privacy,
    /// What an enumerated type allows.
    pub values: Option<Arc<Vec<Value>>>,
    pub span: Span,
}

impl Schema {
    pub fn new(dataset: &str, span: Span) -> Self {
        Schema { dataset: dataset.to_owned(), span, ..Schema::default() }
    }

    /// Of a dataset whose contract could not be read.
    pub fn unknown(dataset: &str, span: Span) -> Self {
        Schema { open: true, ..Self::new(dataset, span) }
    }

    /// Adds a column; gives back the one that has the name already.
    pub fn add(&mut self, column: SchemaColumn) -> Result<(), &SchemaColumn> {
        let key = fold(&column.name);
        if let Some(&i) = self.index.get(&key) {
            return Err(&self.columns[i]);
        }
        self.index.insert(key, self.columns.len());
        self.columns.push(column);
        Ok(())
    }

    pub fn find(&self, name: &str) -> Option<&SchemaColumn> {
        self.index.get(&*folded(name)).and_then(|&i| self.columns.get(i))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| c.name.as_str())
    }

    /// Whether one row at most has given values in these columns.
    pub fn is_unique(&self, columns: &[String]) -> bool {
        let holds = |name: &str| columns.iter().any(|c| same(c, name));
        let mut key = self.columns.iter().filter(|c| c.key).peekable();
        let whole_key = key.peek().is_some() && key.all(|c| holds(&c.name));
        whole_key || self.columns.iter().any(|c| c.unique && holds(&c.name))
    }
}

#[derive(Clone, Debug)]
pub enum Zone {
    Known(String),
    /// The contract has none; `offer` is where it could be written.
    Missing { offer: Option<Span> },
    /// In a definition that is checked by itself.
    Assumed,
}

/// A name that stands for a value: a parameter, or the variable of `every(x in xs: …)`.
#[derive(Clone, Debug)]
pub struct Binding {
    pub name: String,
    pub value: Expr,
}

#[derive(Clone, Debug)]
pub struct Scope {
    /// Where types and functions are looked up.
    pub file: FileId,
    pub rows: Option<Arc<Schema>>,
    /// What `from source` reads: in a promotion.
    pub source: Option<Arc<Schema>>,
    /// `it`, parameters and variables; the last of a name wins.
    pub bindings: Vec<Binding>,
    pub zone: Zone,
    /// What `for each` groups by.
    pub groups: Vec<Expr>,
    /// In a rule with `for each`.
    pub grouped: bool,
    /// Columns that are not null where the expression stands, by what was tested before it.
    pub known: Vec<String>,
    /// In the arguments of an aggregate.
    pub in_aggregate: bool,
    /// In a function or rule set, which sees its parameters and no column.
    pub hygienic: bool,
}

impl Scope {
    pub fn new(file: FileId, zone: Zone) -> Self {
        Scope {
            file,
            rows: None,
            source: None,
            bindings: Vec::new(),
            zone,
            groups: Vec::new(),
            grouped: false,
            known: Vec::new(),
            in_aggregate: false,
            hygienic: false,
        }
    }

    /// For a definition that is checked by itself: any rows, any zone.
    pub fn by_itself(file: FileId) -> Self {
        let rows = Schema { open: true, ..Schema::default() };
        Scope { rows: Some(Arc::new(rows)), hygienic: true, ..Scope::new(file, Zone::Assumed) }
    }

    /// The column that a name means.
    pub fn column(&self, name: &str) -> Option<&SchemaColumn> {
        self.rows.as_ref().filter(|_| !self.hygienic)?.find(name)
    }

    /// Whether an unknown name may be a column whose declaration could not be read.
    pub fn is_open(&self) -> bool {
        !self.hygienic && self.rows.as_ref().is_some_and(|r| r.open)
    }

    pub fn with_rows(mut self, rows: Arc<Schema>) -> Self {
        self.rows = Some(rows);
        self
    }

    pub fn bind(&mut self, name: &str, value: Expr) {
        self.bindings.push(Binding { name: name.to_owned(), value });
    }

    pub fn binding(&self, name: &str) -> Option<&Expr> {
        self.bindings.iter().rev().find(|b| same(&b.name, name)).map(|b| &b.value)
    }

    /// Every name that an expression here can start with.
    pub fn names(&self) -> Vec<String> {
        let columns = self.rows.iter().filter(|_| !self.hygienic).flat_map(|r| r.names());
        columns.chain(self.bindings.iter().map(|b| b.name.as_str())).map(str::to_owned).collect()
    }
}

/// What must be non-null for the condition to have the given truth, column by column.
pub fn non_null_when(condition: &Expr, truth: bool, found: &mut Vec<String>) {
    use crate::hir::BinaryOp;
    match &condition.kind {
        ExprKind::Not(e) => non_null_when(e, !truth, found),
        ExprKind::Binary { op: BinaryOp::And, left, right } if truth => {
            non_null_when(left, true, found);
            non_null_when(right, true, found);
        }
        ExprKind::Binary { op: BinaryOp::Or, left, right } if !truth => {
            non_null_when(left, false, found);
            non_null_when(right, false, found);
        }
        ExprKind::IsNull(e) if !truth => strict_columns(e, found),
        ExprKind::IsTrue(e) if truth => non_null_when(e, true, found),
        ExprKind::IsFalse(e) if truth => non_null_when(e, false, found),
        ExprKind::In { value, .. } => strict_columns(value, found),
        // A comparison that is true or false has no null side.
        _ => strict_columns(condition, found),
    }
}

/// Columns that make the whole expression null when they are null.
fn strict_columns(e: &Expr, found: &mut Vec<String>) {
    use crate::hir::BinaryOp;
    match &e.kind {
        ExprKind::Column(name) => {
            let name = folded(name);
            // Many parts of one chain are about the same few columns.
            if !found.iter().any(|f| *f == name) {
                found.push(name.into_owned());
            }
        }
        ExprKind::Binary { op: BinaryOp::And | BinaryOp::Or, .. } => {}
        ExprKind::Binary { .. }
        | ExprKind::Negate(_)
        | ExprKind::Not(_)
        | ExprKind::Cast { attempt: false, .. }
        | ExprKind::Like { .. }
        | ExprKind::Matches { .. } => e.children().into_iter().for_each(|c| strict_columns(c, found)),
        _ => {}
    }
}

pub fn literal(value: Value, ty: Type, span: Span) -> Expr {
    let nullable = value == Value::Null;
    Expr { kind: ExprKind::Literal(value), ty, nullable, grain: Grain::Constant, span }
}

pub fn error(span: Span) -> Expr {
    Expr { kind: ExprKind::Error, ty: Type::Error, nullable: false, grain: Grain::Constant, span }
}

pub fn column(c: &SchemaColumn, span: Span) -> Expr {
    let kind = if c.ty.is_error() { ExprKind::Error } else { ExprKind::Column(c.name.clone()) };
    Expr { kind, ty: c.ty.clone(), nullable: c.nullable, grain: Grain::Row, span }
}
