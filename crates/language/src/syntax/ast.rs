//! The tree of one file, as written: names unresolved, nothing desugared, every node with its span.
//! A broken item is a [`Item::Junk`] (or `Junk` inside a block) and one diagnostic; its neighbours are whole.

mod expr;
pub(crate) mod places;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::source::{FileId, Span};
pub use expr::{
    BinaryOp, Call, Duration, Expr, ExprKind, IsWhat, Literal, Spread, TimeOfDay, Unit, Window, WindowOf,
};

#[derive(Clone, Debug, Default)]
pub struct File {
    pub id: FileId,
    pub items: Vec<Item>,
    /// Names that broken items would have declared: nothing is said about their uses.
    pub broken: Vec<Path>,
}

#[derive(Clone, Debug)]
pub enum Item {
    Use(Use),
    Calendar(Calendar),
    Type(TypeDecl),
    Fn(FnDecl),
    Rules(RulesDecl),
    Contract(Contract),
    Promote(Promote),
    Test(Test),
    Junk(Span),
}

impl Item {
    pub fn span(&self) -> Span {
        match self {
            Item::Use(i) => i.span,
            Item::Calendar(i) => i.span,
            Item::Type(i) => i.span,
            Item::Fn(i) => i.span,
            Item::Rules(i) => i.span,
            Item::Contract(i) => i.span,
            Item::Promote(i) => i.span,
            Item::Test(i) => i.span,
            Item::Junk(span) => *span,
        }
    }
}

/// A name: `text` without backticks, as written otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

/// `a.b.c`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub names: Vec<Name>,
    pub span: Span,
}

impl Path {
    pub fn text(&self) -> String {
        self.joined().into_owned()
    }

    /// The same, lent where it is one name.
    pub fn joined(&self) -> Cow<'_, str> {
        match self.names.as_slice() {
            [one] => Cow::Borrowed(&one.text),
            names => Cow::Owned(names.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join(".")),
        }
    }
}

/// A string's value, escapes undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub value: String,
    pub span: Span,
}

/// The lines of `///` before an item, without the slashes; empty where there are none.
pub type Doc = String;

#[derive(Clone, Debug)]
pub struct Use {
    pub module: Path,
    /// Names in braces; empty: the last name of `module` itself is meant.
    pub names: Vec<Name>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Calendar {
    pub name: Name,
    pub base: Name,
    pub except: Vec<Text>,
    pub doc: Doc,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct TypeDecl {
    pub name: Name,
    pub refined: Refined,
    pub doc: Doc,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct FnDecl {
    pub name: Path,
    pub params: Vec<Param>,
    pub result: Ty,
    /// `None` for `extern fn`.
    pub body: Option<Expr>,
    pub doc: Doc,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Param {
    pub name: Name,
    pub ty: Ty,
}

#[derive(Clone, Debug)]
pub struct RulesDecl {
    pub name: Name,
    pub params: Vec<Param>,
    pub body: Vec<RuleItem>,
    pub doc: Doc,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum RuleItem {
    Rule(Rule),
    Include(Include),
    Junk(Span),
}

#[derive(Clone, Debug)]
pub struct Include {
    pub set: Path,
    pub args: Vec<Expr>,
    pub alias: Option<Name>,
    pub span: Span,
}

// --- contracts

#[derive(Clone, Debug)]
pub struct Contract {
    pub dataset: Path,
    pub version: Text,
    pub parts: Vec<Part>,
    pub doc: Doc,
    pub span: Span,
    /// From `contract` to the version.
    pub head: Span,
}

#[derive(Clone, Debug)]
pub enum Part {
    Owner(Text),
    Tags(Vec<Name>),
    Zone(Text),
    Nulls(NullPolicy),
    Else(Else),
    Cap { percent: Percent, keep: Option<Duration>, span: Span },
    At(Text),
    Format(Name),
    Columns(Columns),
    Rules(Vec<RuleItem>, Span),
    Sla(Vec<SlaItem>, Span),
    Junk(Span),
}

#[derive(Clone, Debug)]
pub struct Columns {
    pub items: Vec<ColumnItem>,
    pub other: Option<(OtherColumns, Span)>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OtherColumns {
    Forbidden,
    Ignored,
    Kept,
}

#[allow(clippy::large_enum_variant, reason = "junk is rare")]
#[derive(Clone, Debug)]
pub enum ColumnItem {
    Column(Column),
    Junk(Span),
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: Name,
    pub refined: Refined,
    pub mods: Vec<ColumnMod>,
    pub doc: Doc,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ColumnMod {
    Key(Span),
    Unique(Span),
    Personal(Span),
    Secret(Span),
    References(References),
    Was(Name),
    Else(Else),
    Because(Text),
    Fix(Text),
    Tags(Vec<Name>),
}

#[derive(Clone, Debug)]
pub struct References {
    pub dataset: Path,
    pub columns: Vec<Name>,
    pub span: Span,
}

/// A type with its condition on `it`.
#[derive(Clone, Debug)]
pub struct Refined {
    pub ty: Ty,
    pub condition: Option<Refinement>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Refinement {
    Where(Expr),
    In(Vec<Expr>, Span),
}

#[derive(Clone, Debug)]
pub struct Ty {
    pub kind: TyKind,
    pub optional: bool,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum TyKind {
    /// A base type, or a declared one.
    Named(Path),
    /// Scale is 0 where it is not written.
    Decimal {
        precision: u64,
        scale: u64,
    },
    Array(Box<Ty>),
    Map(Box<Ty>, Box<Ty>),
    Struct(Vec<(Name, Ty)>),
    Error,
}

// --- rules

#[derive(Clone, Debug)]
pub struct Rule {
    pub name: Name,
    pub cond: Cond,
    pub mods: Vec<RuleMod>,
    pub doc: Doc,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Cond {
    Expr(Expr),
    Unique { exprs: Vec<Expr>, keep: Option<Keep>, span: Span },
    References { columns: Vec<Name>, target: References, span: Span },
    NoRows { sql: Text, span: Span },
}

impl Cond {
    pub fn span(&self) -> Span {
        match self {
            Cond::Expr(e) => e.span,
            Cond::Unique { span, .. } | Cond::References { span, .. } | Cond::NoRows { span, .. } => *span,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Keep {
    pub last: bool,
    pub by: Box<Expr>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum RuleMod {
    When(Expr, Span),
    ForEach { by: Vec<Expr>, among: Option<Among>, span: Span },
    Over(OverWhat, Span),
    Nulls(NullPolicy),
    Else(Else),
    NotEvaluated(Act, Span),
    Because(Text, Span),
    Fix(Text, Span),
    Tags(Vec<Name>, Span),
}

#[derive(Clone, Debug)]
pub enum Among {
    Values(Vec<Expr>, Span),
    Dataset(Path, Vec<Name>, Span),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverWhat {
    Batch,
    Input,
    Table,
}

#[derive(Clone, Copy, Debug)]
pub struct NullPolicy {
    pub pass: bool,
    pub span: Span,
}

/// `else warn above 10 rows, quarantine, block above 1%`
#[derive(Clone, Debug)]
pub struct Else {
    pub actions: Vec<ElseAction>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug)]
pub struct ElseAction {
    pub act: Act,
    pub above: Option<Above>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Act {
    Warn,
    Quarantine,
    Block,
}

#[derive(Clone, Copy, Debug)]
pub enum Above {
    Rows(u64),
    Groups(u64),
    Percent { percent: f64, of_all_rows: bool },
}

#[derive(Clone, Copy, Debug)]
pub struct Percent {
    pub value: f64,
    pub span: Span,
}

// --- service levels

#[allow(clippy::large_enum_variant, reason = "junk is rare")]
#[derive(Clone, Debug)]
pub enum SlaItem {
    Entry(SlaEntry),
    Junk(Span),
}

#[derive(Clone, Debug)]
pub struct SlaEntry {
    pub name: Name,
    pub what: SlaWhat,
    pub mods: Vec<RuleMod>,
    pub doc: Doc,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum SlaWhat {
    Condition(Expr),
    Arrives { by: TimeOfDay, by_span: Span, zone: Option<Text>, on: Vec<Name>, day_before: bool, span: Span },
    Budget { of: Name, at_most: u64, last: u64, unit: Option<Unit>, span: Span },
}

// --- promotions

#[derive(Clone, Debug)]
pub struct Promote {
    pub from: Path,
    pub to: Path,
    pub items: Vec<PromoteItem>,
    pub doc: Doc,
    pub span: Span,
    /// From `promote` to the target.
    pub head: Span,
}

#[derive(Clone, Debug)]
pub enum PromoteItem {
    Batches { by: BatchBy, settled: Option<Duration>, span: Span },
    With { maps: Vec<Mapping>, span: Span },
    Write(Write, Span),
    Notify { channel: Name, on: Vec<(Act, Span)>, span: Span },
    Rules(Vec<RuleItem>, Span),
    Junk(Span),
}

#[derive(Clone, Debug)]
pub enum BatchBy {
    Folder(Text),
    File,
    Version,
}

#[derive(Clone, Debug)]
pub struct Mapping {
    pub column: Name,
    pub value: Expr,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Write {
    Append,
    Replace,
    Merge(Option<Expr>),
}

// --- tests

#[derive(Clone, Debug)]
pub struct Test {
    pub title: Text,
    pub dataset: Path,
    pub at: Option<Text>,
    pub given: Vec<Given>,
    pub history: Option<Table>,
    pub expects: Vec<Expect>,
    pub span: Span,
    pub head: Span,
}

#[derive(Clone, Debug)]
pub struct Given {
    /// `None`: the rows of the tested dataset itself.
    pub of: Option<Path>,
    pub table: Table,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Table {
    pub header: Vec<Name>,
    pub rows: Vec<TableRow>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct TableRow {
    /// `None`: an empty cell, which takes the generated value.
    pub cells: Vec<Option<Expr>>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Expect {
    pub what: ExpectWhat,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ExpectWhat {
    Rule { rule: Path, outcome: ExpectOutcome },
    EveryOther { row_rules_only: bool },
}

#[derive(Clone, Debug)]
pub enum ExpectOutcome {
    Holds,
    /// Rows counted from 1; empty: any.
    Breaks(Vec<(u64, Span)>),
    /// Rows counted from 1; empty: any.
    Unknown(Vec<(u64, Span)>),
    NotEvaluated,
}
