//! Every place in a tree, so that a tree can be moved. What a node consists of is listed in full: a part that is forgotten
//! does not compile.

use super::*;

pub(crate) type Visit<'v> = dyn FnMut(&mut Span) + 'v;

/// A thing with places in the text.
pub(crate) trait Places {
    fn each_place(&mut self, f: &mut Visit<'_>);
}

impl Places for Span {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        f(self);
    }
}

impl<T: Places> Places for Vec<T> {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        self.iter_mut().for_each(|item| item.each_place(f));
    }
}

impl<T: Places> Places for Option<T> {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        self.iter_mut().for_each(|item| item.each_place(f));
    }
}

impl<T: Places> Places for Box<T> {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        (**self).each_place(f);
    }
}

impl<A: Places, B: Places> Places for (A, B) {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        self.0.each_place(f);
        self.1.each_place(f);
    }
}

/// Things without a place.
macro_rules! nowhere {
    ($($of:ty),* $(,)?) => {$(
        impl Places for $of {
            fn each_place(&mut self, _: &mut Visit<'_>) {}
        }
    )*};
}

nowhere!(bool, u64, String, Above, Act, BinaryOp, OtherColumns, OverWhat, Spread, TimeOfDay, Unit, WindowOf);

macro_rules! places {
    ($(struct $of:ident { $($field:ident),* })*) => {$(
        impl Places for $of {
            fn each_place(&mut self, f: &mut Visit<'_>) {
                let $of { $($field),* } = self;
                $($field.each_place(f);)*
            }
        }
    )*};
}

macro_rules! variants {
    ($($of:ident { $($variant:ident $(($($item:ident),*))? $({$($field:ident),*})?,)* })*) => {$(
        impl Places for $of {
            fn each_place(&mut self, f: &mut Visit<'_>) {
                match self {
                    $($of::$variant $(($($item),*))? $({$($field),*})? => {
                        $($($item.each_place(f);)*)?
                        $($($field.each_place(f);)*)?
                    })*
                }
            }
        }
    )*};
}

places! {
    struct Name { text, span }
    struct Path { names, span }
    struct Text { value, span }
    struct Use { module, names, span }
    struct Calendar { name, base, except, doc, span }
    struct TypeDecl { name, refined, doc, span }
    struct FnDecl { name, params, result, body, doc, span }
    struct Param { name, ty }
    struct RulesDecl { name, params, body, doc, span }
    struct Include { set, args, alias, span }
    struct Contract { dataset, version, parts, doc, span, head }
    struct Columns { items, other, span }
    struct Column { name, refined, mods, doc, span }
    struct References { dataset, columns, span }
    struct Refined { ty, condition, span }
    struct Ty { kind, optional, span }
    struct Rule { name, cond, mods, doc, span }
    struct Keep { last, by, span }
    struct NullPolicy { pass, span }
    struct Else { actions, span }
    struct ElseAction { act, above, span }
    struct SlaEntry { name, what, mods, doc, span }
    struct Promote { from, to, items, doc, span, head }
    struct Mapping { column, value, span }
    struct Test { title, dataset, at, given, history, expects, span, head }
    struct Given { of, table, span }
    struct Table { header, rows, span }
    struct TableRow { cells, span }
    struct Expect { what, span }
    struct Expr { kind, span }
    struct Call { function, args, star, distinct, over, filter }
    struct Window { count, of, span }
    struct Duration { parts, span }
}

impl Places for Percent {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        let Percent { value: _, span } = self;
        f(span);
    }
}

impl Places for Literal {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        match self {
            Literal::Null
            | Literal::Bool(_)
            | Literal::Number(_)
            | Literal::Percent(_)
            | Literal::Time(_)
            | Literal::Json(_)
            | Literal::String { value: _, raw: _, double_quoted: _ } => {}
            Literal::Duration(duration) => duration.each_place(f),
            Literal::Typed { ty, value } => {
                ty.each_place(f);
                value.each_place(f);
            }
        }
    }
}

variants! {
    Item { Use(a), Calendar(a), Type(a), Fn(a), Rules(a), Contract(a), Promote(a), Test(a), Junk(a), }
    RuleItem { Rule(a), Include(a), Junk(a), }
    Part {
        Owner(a), Tags(a), Zone(a), Nulls(a), Else(a), Cap { percent, keep, span }, At(a), Format(a), Columns(a), Rules(a, b),
        Sla(a, b), Junk(a),
    }
    ColumnItem { Column(a), Junk(a), }
    ColumnMod {
        Key(a), Unique(a), Personal(a), Secret(a), References(a), Was(a), Else(a), Because(a), Fix(a), Tags(a),
    }
    Refinement { Where(a), In(a, b), }
    TyKind { Named(a), Decimal { precision, scale }, Array(a), Map(a, b), Struct(a), Error, }
    Cond { Expr(a), Unique { exprs, keep, span }, References { columns, target, span }, NoRows { sql, span }, }
    RuleMod {
        When(a, b), ForEach { by, among, span }, Over(a, b), Nulls(a), Else(a), NotEvaluated(a, b), Because(a, b), Fix(a, b),
        Tags(a, b),
    }
    Among { Values(a, b), Dataset(a, b, c), }
    SlaItem { Entry(a), Junk(a), }
    SlaWhat {
        Condition(a), Arrives { by, by_span, zone, on, day_before, span }, Budget { of, at_most, last, unit, span },
    }
    PromoteItem {
        Batches { by, settled, span }, With { maps, span }, Write(a, b), Notify { channel, on, span }, Rules(a, b), Junk(a),
    }
    BatchBy { Folder(a), File, Version, }
    Write { Append, Replace, Merge(a), }
    ExpectWhat { Rule { rule, outcome }, EveryOther { row_rules_only }, }
    ExpectOutcome { Holds, Breaks(a), Unknown(a), NotEvaluated, }
    ExprKind {
        Literal(a), Path(a), Field(a, b), Index(a, b), Not(a), Negate(a), Binary { op, op_span, left, right },
        Near { op, left, right, tolerance }, Between { negated, value, low, high }, In { negated, value, list },
        Like { negated, insensitive, value, pattern, escape }, Matches { negated, value, pattern }, Is { negated, value, what },
        Case { operand, arms, otherwise }, Cast { value, ty, attempt }, Quantified { every, variable, source, body },
        Extract { part, value }, Call(a), From { value, source, condition }, Tuple(a), WithinHistory { value, spread, window },
        Window(a), Error,
    }
    IsWhat { Null, True, False, DistinctFrom(a), }
}
