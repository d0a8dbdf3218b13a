use super::{quote, with_nearest};
use crate::diagnostics::{Code, Diagnostic, Edit};
use crate::hir::{Act, Grain, Type};
use crate::source::Span;

pub fn mixed_grain(span: Span, row: Span, row_text: &str, aggregate: Span, whole: &str, grain: Grain) -> Diagnostic {
    let of = if grain == Grain::Group { "group" } else { "batch" };
    let message = format!("a value of each row stands beside one of the whole {of}");
    let d = Diagnostic::new(Code::DQ0401, message, span, "which of the two is judged?")
        .with_secondary(row, format!("{} has a value for each row", quote(row_text, "this")))
        .with_secondary(aggregate, format!("{} has one value for the {of}", quote(whole, "this")));
    if whole.contains('\n') || whole.is_empty() {
        return d.with_help("Write `(… from batch)` around the aggregate to compare each row with the batch.");
    }
    d.with_help(format!("To compare each row with the batch, write `({whole} from batch)`."))
        .with_replacement(format!("write `({whole} from batch)`"), aggregate, format!("({whole} from batch)"))
}

pub fn nested_aggregate(span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0402, format!("`{name}` cannot be taken inside another aggregate"), span, "there is one value of it, not one a row")
        .with_help("Compare two aggregates with each other, or write `(… from batch)` around the inner one.")
}

pub fn null_undecided(condition: Span, culprit: Option<(Span, &str)>, at: Span) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0403, "it is not said what a null means for this rule", condition, "can be neither true nor false");
    let d = match culprit {
        Some((span, text)) if span.file == condition.file => d.with_secondary(span, format!("{} can be null", quote(text, "this"))),
        _ => d,
    };
    d.with_help("Write `nulls pass` to let such rows through, as now, or `nulls fail` to count them as violations; here, or once in the contract.")
        .with_fix("write `nulls pass`", vec![Edit { span: at, text: " nulls pass".into() }])
}

pub fn cannot_quarantine(span: Span, kind: &str, condition: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0404, "there are no rows to quarantine here", span, "holds back single rows")
        .with_secondary(condition, format!("{kind} does not say which rows are wrong"))
        .with_help("Use `warn` or `block`.")
        .with_replacement("write `block`", span, "block")
}

pub fn not_evaluated_has_no_rows(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0404, "there are no rows to quarantine where nothing was judged", span, "no rows")
        .with_help("Use `if not evaluated warn` or `if not evaluated block`.")
}

fn act(act: Act) -> &'static str {
    match act {
        Act::Warn => "warn",
        Act::Quarantine => "quarantine",
        Act::Block => "block",
    }
}

pub fn actions_out_of_order(span: Span, found: Act, before: Span, earlier: Act) -> Diagnostic {
    let message = if found == earlier {
        format!("`{}` stands twice", act(found))
    } else {
        format!("`{}` comes after the stricter `{}`", act(found), act(earlier))
    };
    Diagnostic::new(Code::DQ0405, message, span, "can never be what counts")
        .with_secondary(before, "this one comes before it")
        .with_help("Write the most lenient first: `warn`, then `quarantine`, then `block above …`; the last that applies wins.")
}

pub fn no_groups(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0406, "there are no groups to count here", span, "counts groups")
        .with_help("Groups come from `for each`; without it write `rows` or a percentage.")
}

pub fn rows_of_groups(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0406, "this rule judges groups, not rows", span, "counts rows")
        .with_help("Write `groups`, as in `above 2 groups`, or a percentage.")
}

pub fn one_verdict(span: Span, kind: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0406, format!("{kind} is kept or broken as a whole"), span, "there is nothing to count")
        .with_help("Delete the `above …`, or put the limit into the condition.")
}

pub fn not_for_this_kind(word: &str, span: Span, kind: &str, help: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0407, format!("`{word}` does not go with {kind}"), span, "has no meaning here").with_help(help)
}

pub fn for_each_needs_aggregate(span: Span, _kind: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0407, "`for each` makes groups, and this rule does not judge groups", span, "nothing is judged by group")
        .with_help("Judge something of each group, as in `count(*) >= 100 for each region`; or delete it.")
}

pub fn unknown_hole(span: Span, name: &str, known: &[&str], of_rows: bool) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0408, format!("there is nothing called `{name}` to show"), span, "not known here");
    let help = if of_rows {
        "A message can show columns in braces, and {value}, {limit}, {violations}, {batch}.".to_owned()
    } else {
        "This rule judges no single row: its message can show {value}, {limit}, {violations}, {batch} and what `for each` names.".to_owned()
    };
    with_nearest(d, name, span, known.iter().copied(), help)
}

pub fn unique_stands_alone(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0409, "`unique` is a whole rule and cannot be part of a condition", span, "looks at all rows, not at one")
        .with_help("Make it a rule of its own: `name: unique (a, b)`; what stood beside it becomes another rule, or its `when`.")
}

pub fn from_needs_aggregate(span: Span, text: &str, source: &str) -> Diagnostic {
    let message = format!("`from {source}` needs one value for all of its rows");
    Diagnostic::new(Code::DQ0410, message, span, format!("{} has one for each row", quote(text, "this")))
        .with_help(format!("Take an aggregate, as in `(max({}) from {source})`.", if text.contains('\n') { "…" } else { text }))
}

pub fn no_source_here(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0410, "`source` is known only in a promotion", span, "which source?")
        .with_help("Write the rule into the `promote`, or name a dataset, as in `from bronze.orders`.")
}

pub fn no_rows_here(span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0410, format!("there is no `{name}` to read here"), span, "no rows here")
        .with_help("Only a contract's and a promotion's rules judge rows.")
}

pub fn row_value_wanted(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0411, "a value of each row belongs here", span, format!("{} is the same for all rows", quote(text, "this")))
        .with_help("Write columns, or what is computed from them.")
}

pub fn group_by_row_value(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0411, "groups are made by a value of each row", span, format!("{} is the same for all rows", quote(text, "this")))
        .with_help("Write a column, as in `for each region`.")
}

pub fn when_is_for_rows(span: Span, text: &str) -> Diagnostic {
    let message = "`when` decides for each row whether it is judged";
    Diagnostic::new(Code::DQ0411, message, span, format!("{} is one value for all rows", quote(text, "this")))
        .with_help("Use columns in it, or `(… from batch)`.")
}

/// `written`: the `?` stands at the column itself, not in a declared type.
pub fn key_may_be_null(span: Span, column: &str, ty: Span, written: bool) -> Diagnostic {
    let end = Span { start: ty.end.saturating_sub(1), ..ty };
    let d = Diagnostic::new(Code::DQ0412, format!("`{column}` is part of the key and may be null"), span, "a key is never null");
    if !written {
        return d.with_secondary(ty, "this type allows null").with_help("Use a type without `?`, or delete the `key`.");
    }
    d.with_secondary(ty, "`?` allows null")
        .with_help("Delete the `?`, or the `key`.")
        .with_replacement("delete the `?`", end, "")
}

pub fn part_twice(word: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0413, format!("`{word}` is said twice"), span, "said again here")
        .with_secondary(first, "first said here")
        .with_help("Keep one of the two.")
}

pub fn reference_not_unique(span: Span, dataset: &str, columns: &[String], declared: Span) -> Diagnostic {
    let names = columns.join(", ");
    Diagnostic::new(Code::DQ0414, format!("`{names}` is not unique in `{dataset}`"), span, "may find several rows")
        .with_secondary(declared, "its contract demands no such key")
        .with_help("Declare the column there `key` or `unique`, or refer to its key.")
}

pub fn reference_count(span: Span, here: usize, there: usize) -> Diagnostic {
    let message = format!("{here} on this side, {there} on the other");
    Diagnostic::new(Code::DQ0415, message, span, "each needs its counterpart").with_help("Name as many columns there as here, in the same order.")
}

pub fn among_one(span: Span, groups: usize) -> Diagnostic {
    let message = format!("a list of values names one value for each group, and there are {groups}");
    Diagnostic::new(Code::DQ0415, message, span, "only for one column")
        .with_help("Use `among layer.dataset(a, b)` where groups are made by several columns.")
}

pub fn not_over_history(span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0416, format!("`{name}` is not taken over past batches"), span, "used with `over last …`")
        .with_help("Past batches have an `avg`, `median`, `min`, `max`, `sum` and `stddev`, as in `avg(count(*) over last 10 batches)`.")
}

pub fn empty_window(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0416, "there are no batches in a window of none", span, "at least 1")
}

pub fn history_of(span: Span, text: &str, grain: Grain, ty: &Type) -> Diagnostic {
    let (message, label) = if ty.is_numeric() || grain == Grain::Row {
        ("the past is remembered of numbers of a batch, not of its rows", format!("{} is no aggregate", quote(text, "this")))
    } else {
        ("the past is remembered of numbers", format!("{} is {ty}", quote(text, "this")))
    };
    Diagnostic::new(Code::DQ0416, message, span, label).with_help("Take an aggregate, as in `avg(sum(amount) over last 10 batches)`.")
}

pub fn drift_of(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0416, "`drift` compares a column's values with those of the past", span, format!("{} is no such column", quote(text, "this")))
        .with_help("As in `drift(amount, last 28 batches)`; \"ks\" is for numbers only.")
}

pub fn window_here(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0416, "past batches cannot stand here", span, "belongs to an aggregate")
        .with_help("As in `avg(count(*) over last 10 batches)` or `drift(amount, last 28 batches)`.")
}

pub fn sla_of_rows(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0417, "a service level is one value for the whole table", span, "has a value for each row")
        .with_help("Take an aggregate, as in `age(max(created_at)) <= 2 hours`.")
}

pub fn sla_action(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0417, "a service level is met or missed, nothing is held back", span, "not for a service level")
        .with_help("Write `else warn`, or nothing.")
        .with_replacement("write `else warn`", span, "else warn")
}

pub fn no_such_time(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0417, "there is no such time of day", span, "from 00:00 to 23:59")
}

pub fn one_select(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0418, "a rule in SQL is one `select`", span, "not one `select`")
        .with_help("Write a query that finds the rows which should not be there.")
}

pub fn only_for_aggregates(span: Span, name: &str) -> Diagnostic {
    let message = format!("`*`, `distinct`, `filter` and `over` are for aggregates, and `{name}` is none");
    Diagnostic::new(Code::DQ0419, message, span, "used like an aggregate").with_help("Aggregates are `count`, `sum`, `avg`, `min`, `max` and others.")
}
