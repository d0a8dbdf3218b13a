//! Wording for what other languages and forms of speech write.

use super::{insert, remove};
use crate::diagnostics::{Code, Diagnostic, Edit};
use crate::source::Span;

fn replace(span: Span, text: impl Into<String>) -> Edit {
    Edit { span, text: text.into() }
}

/// `in ["a", "b"]`
pub fn brackets(open: Span, close: Option<Span>) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0126, "the values after `in` stand in parentheses", open, "write `(`")
        .with_help("as in `in (\"open\", \"paid\")`");
    match close {
        Some(close) => d.with_fix("write parentheses", vec![replace(open, "("), replace(close, ")")]),
        None => d,
    }
}

/// `in "a", "b"`
pub fn bare_list(at: Span, end: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0106, "the values after `in` stand in parentheses", at, "`(` is missed before this")
        .with_help("as in `in (\"open\", \"paid\")`")
        .with_fix("add the parentheses", vec![insert(at.before(), "("), insert(end.after(), ")")])
}

pub fn currency(sign: Span, text: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0126, format!("`{text}` is not part of a number"), sign, "an amount is a number alone")
        .with_fix(format!("remove `{text}`"), vec![remove(sign)])
}

pub fn decimal_comma(comma: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0128, "a comma cannot stand within a number", comma, "decimals stand behind a point")
        .with_help("thousands can be told apart by `_`, as in `1_000.50`")
}

/// `9,99`
pub fn decimal_point(number: Span, ours: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0128, "a comma cannot stand within a number", number, "decimals stand behind a point")
        .with_replacement(format!("write `{ours}`"), number, ours)
}

/// `amount > 0, amount < 1000`
pub fn comma_for_and(comma: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0126, "a comma does not join conditions", comma, "`and` does")
        .with_help("or make two rules of them: reports then say which of the two is broken")
        .with_replacement("write `and`", comma, " and")
}

/// `ELSE WARN`
pub fn lower_case(words: Span, written: &str) -> Diagnostic {
    let ours = written.to_lowercase();
    Diagnostic::new(Code::DQ0102, format!("`{written}` is written in lower case"), words, "not one of SQL's words")
        .with_help("SQL's words stand in any case, those of this language in lower case")
        .with_replacement(format!("write `{ours}`"), words, ours)
}

/// `when status = "paid" amount > 0`
pub fn when_first(when: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0102, "`when` stands behind the condition", when, "what must hold is missed before it")
        .with_help("write what must hold, then `when` and for which rows: `amount > 0 when status = \"paid\"`")
}

/// `order_id is unique`
pub fn unique_behind(span: Span, column: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0102, "`unique` stands before what is unique", span, "not an operator")
        .with_help(format!("write `unique ({column})`"))
}

/// `unique order_id`
pub fn unique_bare(column: Span, text: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0106, "the columns of `unique` stand in parentheses", column, format!("write `({text})`"))
        .with_fix("add the parentheses", vec![replace(column, format!("({text})"))])
}

/// `not null email`
pub fn not_null_before(span: Span, column: Span, text: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0110, "`not null` stands behind the value", span, format!("write `{text} is not null`"))
        .with_replacement(format!("write `{text} is not null`"), span.to(column), format!("{text} is not null"))
}

/// `if a then b`, `a implies b`
pub fn implication(span: Span, found: &str, written: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0102, format!("`{found}` does not say when a rule applies"), span, "`when` does")
        .with_help(format!("write what must hold, then `when` and for which rows: `{written}`"))
}

pub fn group_by(span: Span, by: &str, all: Option<Span>) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0102, "groups are not made by `group by` here", span, "`for each` makes them")
        .with_help(format!("write `for each {by}` behind the condition, as in `count(*) >= 100 for each {by}`"));
    match all {
        Some(all) => d.with_replacement(format!("write `for each {by}`"), all, format!("for each {by}")),
        None => d,
    }
}

/// `where` before or behind the condition of a rule.
pub fn where_in_rule(span: Span, behind: bool) -> Diagnostic {
    if behind {
        return Diagnostic::new(Code::DQ0102, "`where` does not say which rows a rule judges", span, "`when` does")
            .with_replacement("write `when`", span, "when");
    }
    Diagnostic::new(Code::DQ0102, "no `where` stands before the condition of a rule", span, "not needed")
        .with_help("a rule is the condition that every row must meet")
        .with_fix("remove it", vec![remove(span)])
}

pub fn select_in_rule(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0114, "a rule is a condition, not a query", span, "no `select` here").with_help(
        "write what every row must meet, as in `amount >= 0`; a query that finds the wrong rows is \
         `no rows in sql \"\"\"select …\"\"\"`",
    )
}

pub fn between_comma(comma: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0110, "the two limits of `between` are joined by `and`", comma, "write `and`")
        .with_replacement("write `and`", comma, " and")
}

pub fn between_parens(span: Span, low: &str, high: &str) -> Diagnostic {
    let written = format!("{low} and {high}");
    Diagnostic::new(Code::DQ0110, "the two limits of `between` are joined by `and`", span, "not a pair in parentheses")
        .with_replacement(format!("write `between {written}`"), span, written)
}

pub fn on_violation(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0125, "what a violation does is said after `else`", span, "not understood").with_help(
        "write `else warn`, `else quarantine` (hold the rows back) or `else block` (hold the batch back) behind the condition",
    )
}

/// `severity: warn`, with the text that says it where there is one.
pub fn act_as_rule(name: Span, found: &str, written: Option<(Span, &str)>) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0125, "what a violation does is said after `else`", name, format!("`{found}` is read as the name of a rule"));
    match written {
        Some((all, act)) => d
            .with_help(format!("write `else {act}` behind the condition of the rule before it"))
            .with_replacement(format!("write `else {act}`"), all, format!("else {act}")),
        None => d.with_help(
            "write `else warn`, `else quarantine` (hold the rows back) or `else block` (hold the batch back) behind the condition",
        ),
    }
}

/// `name = condition`; the sign with the blank before it.
pub fn equals_for_colon(sign: Span, name: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0107, "a colon is missing after the name of a rule", sign, format!("`=` compares; write `{name}:`"))
        .with_replacement("write `:`", sign, ":")
}

pub fn percent_word(span: Span, word: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0117, format!("`{word}` is written `%`"), span, "a percentage is a number with `%` attached")
        .with_replacement("write `%`", span, "%")
}

pub fn every_reference(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0102, "a rule holds for every row without a word for it", span, "not needed here")
        .with_help("write the condition alone; that a value exists elsewhere is `column references layer.dataset(column)`")
}

pub fn reference_with_dot(column: Span, name: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0106, "the column of a reference stands in parentheses", column, format!("write `({name})`"))
        .with_replacement(format!("write `({name})`"), column, format!("({name})"))
}

pub fn date_without_quotes(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0128, "a date stands in quotes", span, "this would be a subtraction of numbers")
        .with_replacement(format!("write `\"{text}\"`"), span, format!("\"{text}\""))
}

// --- columns

pub fn nullable(span: Span, word: &str, whole: Span) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0112,
        format!("`{word}` is not a property of a column"),
        span,
        "a column that may be null has a `?` after its type",
    )
    .with_replacement("write `?` after the type", whole, "?")
}

pub fn enumeration(span: Span, written: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0112, "`enum` is not written", span, "the values that a column may have stand after `in`")
        .with_help("as in `status: string in (\"open\", \"paid\")`")
        .with_replacement(format!("write `{}`", written.trim_end()), span, written)
}

pub fn list_type(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0306, "`list` is not one of Spark's types", span, "another system's name")
        .with_replacement("write `array`", span, "array")
}

pub fn bare_condition(at: Span) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0102,
        "a condition on a column starts with `where`",
        at,
        "`where it` is missed before this; `it` is the column's value",
    )
    .with_fix("write `where it`", vec![insert(at.before(), "where it ")])
}

pub fn personal(span: Span, word: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0102, format!("`{word}` is not a property of a column"), span, "not known")
        .with_help("a value about a person is `personal`, shown masked; one that nobody may see is `secret`")
        .with_replacement("write `personal`", span, "personal")
}

pub fn foreign_key(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0112, "`foreign key` is not written", span, "`references` says it all")
        .with_help("as in `customer_id: bigint references silver.customers(id)`")
        .with_fix("remove it", vec![remove(span)])
}

pub fn length_of_text(span: Span, word: &str, written: Option<(Span, String)>) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0112, format!("`{word}` is not a property of a column"), span, "a length is a condition")
        .with_help("as in `name: string where length(it) between 1 and 20`");
    match written {
        Some((all, text)) => d.with_replacement(format!("write `{text}`"), all, text.clone()),
        None => d,
    }
}

/// A name that needs backticks: `"x"`, `x-y`, `2x`, `x y`.
pub fn odd_name(span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0116, "such a name stands in backticks", span, "not letters, digits and `_` alone")
        .with_replacement(format!("write `` `{name}` ``"), span, format!("`{name}`"))
}

pub fn quoted_name(span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0116, "a name does not stand in quotes", span, "quotes hold text")
        .with_replacement(format!("write `{name}`"), span, name)
}

// --- service levels

pub fn by_without_arrives(by: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0102, "a deadline starts with `arrives by`", by, "`arrives` is missed before this")
        .with_fix("write `arrives by`", vec![insert(by.before(), "arrives ")])
}

pub fn clock(span: Span, written: Option<&str>) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0128, "a time of day is written as hours and minutes", span, "as in `06:00`, or `18:30`");
    match written {
        Some(time) => d.with_replacement(format!("write `{time}`"), span, time),
        None => d,
    }
}

pub fn zone_without_quotes(span: Span, zone: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0211, "the name of a time zone stands in quotes", span, format!("write `\"{zone}\"`"))
        .with_replacement("add the quotes", span, format!("\"{zone}\""))
}

pub fn days_from_to(span: Span, weekdays: bool) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0102, "days are listed one by one", span, "not a range of days")
        .with_help("as in `on monday, tuesday, friday`; from Monday to Friday is `on weekdays`");
    if weekdays { d.with_replacement("write `weekdays`", span, "weekdays") } else { d }
}
