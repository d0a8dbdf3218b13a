//! All wording of the stage that reads texts.

use crate::diagnostics::{Code, Diagnostic, Edit};
use crate::source::Span;

pub mod habits;

fn insert(at: Span, text: impl Into<String>) -> Edit {
    Edit { span: at, text: text.into() }
}

fn remove(span: Span) -> Edit {
    Edit { span, text: String::new() }
}

// --- what stands where it cannot

pub fn unexpected(span: Span, found: &str, expected: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0101, format!("{found} cannot stand here"), span, format!("expected {expected}"))
}

pub fn unfinished(span: Span, expected: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0101, "this is not finished", span, format!("expected {expected} after this"))
}

pub fn unknown_word(span: Span, word: &str, nearest: Option<&str>, may_stand: &str) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0102, format!("`{word}` is not a word of the language"), span, "not known here");
    match nearest {
        Some(near) => {
            d.with_help(format!("the nearest is `{near}`")).with_replacement(format!("write `{near}`"), span, near)
        }
        None => d.with_help(format!("here may stand {may_stand}")),
    }
}

pub fn description(span: Span, word: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0102, format!("`{word}` is not a word of the language"), span, "not known here")
        .with_help("what is said about something stands above it, in lines that start with `///`")
}

pub fn misplaced_word(span: Span, word: &str, belongs: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0102, format!("`{word}` cannot stand here"), span, format!("it belongs {belongs}"))
        .with_help("move it there, or look for a brace `}` above that closes a block too early")
}

// --- braces, quotes, parentheses

pub fn missing_close(opened: Span, what: &str, at: Span, indent: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0103,
        format!("a closing brace `}}` is missing for {what}"),
        opened,
        "opened here, never closed",
    )
    .with_secondary(at, "the brace is missed here at the latest")
    .with_help(format!("close {what} with `}}`"))
    .with_fix("add the brace", vec![insert(at, format!("\n{indent}}}"))])
}

pub fn missing_open(at: Span, what: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0103, format!("an opening brace `{{` is missing after {what}"), at, "`{` is missed here")
        .with_fix("add the brace", vec![insert(at, " {")])
}

pub fn missing_body(at: Span, what: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0103, format!("{what} has no body"), at, "a block `{ … }` is missed here")
        .with_fix("add an empty block", vec![insert(at, " {\n}")])
}

pub fn stray_close(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0103, "this brace closes nothing", span, "every block above is closed already")
        .with_help("remove it, or look for a missing `{` above")
        .with_fix("remove the brace", vec![remove(span)])
}

/// `at`: where the quote would close it; `None` where nobody can tell.
pub fn open_quote(span: Span, at: Option<Span>, quote: &str) -> Diagnostic {
    let d = Diagnostic::new(
        Code::DQ0104,
        "a text has no closing quote",
        span,
        "the text starts here and must end on its line",
    )
    .with_help("close it with the quote that it starts with; a text over several lines stands in `\"\"\"`");
    match at.filter(|_| quote != "\"\"\"") {
        Some(at) => d.with_fix("add the quote", vec![insert(at, quote)]),
        None => d,
    }
}

pub fn open_comment(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0104, "a comment is never closed", span, "the comment starts here")
        .with_help("close it with `*/`, or write `//` for a comment that ends with its line")
}

pub fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0105, "this is nested too deeply", span, "more than 100 levels, or 200 operators in a row")
        .with_help("split the expression; a `fn` can hold a part of it")
}

pub fn too_long_to_read(span: Span, what: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0101, format!("{what} starts here that is not finished, and is very long"), span, "starts here")
        .with_help("split it into smaller ones: what is missing in each is then told")
}

pub fn open_paren(opened: Span, found: &str, at: Span, sign: char) -> Diagnostic {
    let close = match sign {
        '[' => ']',
        '<' => '>',
        _ => ')',
    };
    let found = if found.is_empty() { "the end of it".to_string() } else { found.to_string() };
    Diagnostic::new(Code::DQ0106, format!("a `{sign}` is not closed"), opened, "opened here")
        .with_secondary(at, format!("`{close}` is missed here, before {found}"))
        .with_help(format!("close it with `{close}`"))
}

pub fn stray_paren(span: Span, sign: char) -> Diagnostic {
    Diagnostic::new(Code::DQ0106, format!("this `{sign}` closes nothing"), span, "nothing before it is open")
        .with_fix(format!("remove the `{sign}`"), vec![remove(span)])
}

// --- colons, separators, signs

pub fn missing_colon(name: Span, text: &str, what: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0107,
        format!("a colon is missing after the name of {what}"),
        name,
        format!("write `{text}:`"),
    )
    .with_fix("add the colon", vec![insert(name.after(), ":")])
}

/// `alone`: what follows could stand there without the colon.
pub fn extra_colon(span: Span, word: &str, alone: bool) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0108, format!("no colon stands after `{word}`"), span, "not needed")
        .with_help(format!(
            "only what has a name is written `name: …`; a rule or column named {word} must be called otherwise"
        ));
    if alone { d.with_fix("remove the colon", vec![remove(span)]) } else { d }
}

pub fn separator(span: Span, sign: &str, before: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0109, format!("`{sign}` does not belong {before}"), span, "not needed")
        .with_help("a line break is enough to separate two things, and even that is not needed")
        .with_fix(format!("remove the `{sign}`"), vec![remove(span)])
}

pub fn foreign_operator(span: Span, found: &str, ours: &str) -> Diagnostic {
    let meaning = match ours {
        "=" => "is equal to",
        "<>" => "is not equal to",
        "and" => "and",
        "or" => "or",
        "not" => "not",
        "<=" => "is at most",
        ">=" => "is at least",
        _ => "that",
    };
    Diagnostic::new(
        Code::DQ0110,
        format!("`{found}` is not an operator of the language"),
        span,
        format!("\"{meaning}\" is written `{ours}`"),
    )
    .with_replacement(
        format!("write `{ours}`"),
        span,
        if ours == "not" { "not ".to_string() } else { ours.to_string() },
    )
}

pub fn bitwise(span: Span, found: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0110, format!("`{found}` is not an operator of the language"), span, "not known")
        .with_help("conditions are joined with `and` and `or`, text with `||`")
}

/// `||` between two conditions.
pub fn bars_for_or(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0110, "`||` joins texts, not conditions", span, "\"or\" is written `or`")
        .with_replacement("write `or`", span, "or")
}

pub fn chained(span: Span, edit: Option<(Span, String)>) -> Diagnostic {
    let d = Diagnostic::new(
        Code::DQ0111,
        "comparisons do not chain",
        span,
        "this would compare the outcome of the first comparison",
    );
    match edit {
        Some((at, text)) => {
            d.with_help("compare twice and join the two with `and`").with_fix("compare twice", vec![insert(at, text)])
        }
        None => d.with_help("put the first comparison in parentheses if its outcome is meant, or join two with `and`"),
    }
}

// --- SQL's table definitions

pub fn not_null(span: Span) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0112,
        "`not null` is not written",
        span,
        "a column never is null unless its type ends with `?`",
    )
    .with_fix("remove it", vec![remove(span)])
}

pub fn may_be_null(span: Span, type_end: Span) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0112,
        "`null` is not a property of a column here",
        span,
        "a column that may be null has a `?` after its type",
    )
    .with_fix("write `?` after the type", vec![insert(type_end, "?"), remove(span)])
}

pub fn primary_key(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0112, "a key is written `key`", span, "not `primary key`")
        .with_help("a key of several columns: write `key` at each of them")
        .with_replacement("write `key`", span, "key")
}

pub fn default_value(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0112, "a contract judges rows and fills nothing in", span, "there are no default values")
        .with_help("set the value where rows are promoted: `with { column: coalesce(column, value) }`")
        .with_fix("remove the default", vec![remove(span)])
}

pub fn check_on_column(span: Span, condition: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0112,
        "`check` is not written",
        span,
        "a condition on one column is `where …` after its type, with `it` for its value",
    )
    .with_help(format!("or make it a rule: `rules {{ name: {condition} }}`"))
}

pub fn check_as_rule(span: Span, name: &str, condition: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0112, "`check` is not written", span, "a rule is a name, a colon and a condition")
        .with_replacement("write it as a rule", span, format!("{name}: {condition}"))
}

pub fn table_clause(span: Span, clause: &str) -> Diagnostic {
    let lower = clause.to_ascii_lowercase();
    let help = if lower.contains("foreign") {
        "write `references layer.dataset(column)` after the column's type, or a rule `(a, b) references layer.dataset(x, y)`"
    } else if lower.contains("primary") {
        "write `key` after the type of each column of the key"
    } else if lower.contains("unique") {
        "write `unique` after the column's type, or a rule `name: unique (a, b)`"
    } else {
        "write it as a rule: `rules { name: condition }`"
    };
    Diagnostic::new(Code::DQ0112, "SQL's table constraints do not stand among the columns", span, "not a column")
        .with_help(help)
}

pub fn sized_type(span: Span, found: &str, ours: &str, because: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0113, format!("`{found}` is not a type of the language"), span, because.to_string())
        .with_help(format!("write `{ours}`"))
        .with_replacement(format!("write `{ours}`"), span, ours)
}

pub fn unknown_sized_type(span: Span, found: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0113,
        format!("`{found}` is not a type of the language"),
        span,
        "only `decimal` takes numbers in parentheses",
    )
}

pub fn subquery(span: Span, help: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0114, "a `select` cannot stand in an expression", span, "subqueries are written otherwise")
        .with_help(help)
}

pub fn window_function(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0115, "window functions are not part of the language", span, "`over (…)` has no meaning here")
        .with_help("compare a row with all rows: `amount <= 10 * (avg(amount) from batch)`; groups: `… for each region`; a number within a group: `unique (…)`; what is left: `no rows in sql \"\"\"select …\"\"\"`")
}

// --- words

pub fn reserved_name(span: Span, word: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0116,
        format!("`{word}` is a word of SQL and cannot be a bare name"),
        span,
        "read as the operator, not as a name",
    )
    .with_help(format!("a column of that name is written in backticks: `` `{word}` ``"))
    .with_replacement("put it in backticks", span, format!("`{word}`"))
}

pub fn percent_of(span: Span, number: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0117,
        format!("`{number}%` is a percentage, so nothing can follow it here"),
        span,
        "the remainder needs a blank before `%`",
    )
    .with_replacement("write the remainder", span, format!("{number} %"))
}

pub fn detached_percent(span: Span, number: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0117,
        "the `%` of a percentage is attached to its number",
        span,
        "read as the remainder of a division, which needs a second number",
    )
    .with_replacement(format!("write `{number}%`"), span, format!("{number}%"))
}

pub fn bare_percent(span: Span) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0117,
        "a `%` without a number",
        span,
        "a percentage is a number with `%` attached, as in `95%`",
    )
}

pub fn wrong_unit(span: Span, found: &str, ours: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0118, format!("`{found}` is not a unit of time"), span, format!("written `{ours}`"))
        .with_help(
            "units are written out: `milliseconds`, `seconds`, `minutes`, `hours`, `days`, `weeks`, `months`, `years`",
        )
        .with_replacement(format!("write `{ours}`"), span, ours)
}

/// A word after a number that is no unit, and nothing that goes on a rule.
pub fn after_number(span: Span, found: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0118, format!("`{found}` is not a unit of time"), span, "a number stands before it").with_help(
        "units are `milliseconds`, `seconds`, `minutes`, `hours`, `days`, `weeks`, `months` and `years`; if the condition ends \
         before this word, what goes on is `when`, `for each`, `else` and the like",
    )
}

pub fn unknown_window(span: Span, found: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0118,
        format!("`{found}` is not what history is counted in"),
        span,
        "`batches` or a unit of time",
    )
    .with_replacement("write `batches`", span, "batches")
}

pub fn row_length(span: Span, cells: usize, columns: usize) -> Diagnostic {
    let (what, next) = if cells < columns {
        ("too few", "leave a cell empty, `|  |`, to have its value made up")
    } else {
        ("too many", "remove a cell, or name its column in the first row")
    };
    Diagnostic::new(
        Code::DQ0119,
        format!("this row has {what} cells: {cells}, where the first row names {columns} columns"),
        span,
        format!("{cells} instead of {columns}"),
    )
    .with_help(next)
}

pub fn broken_row(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0119, "this is not a row of a table", span, "a row is one line: `| 1 | \"a\" |`")
        .with_help("each row starts and ends with `|`, and so does each cell")
}

pub fn cell_value(span: Span, text: &str) -> Diagnostic {
    let quoted = format!("\"{}\"", text.replace('"', "\"\""));
    Diagnostic::new(Code::DQ0119, format!("`{text}` is not a value"), span, "text and dates stand in quotes")
        .with_replacement("put it in quotes", span, quoted)
}

pub fn smart_quotes(span: Span, straight: String) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0120,
        "typographic quotes do not hold text",
        span,
        "a word processor made these; write `\"`",
    )
    .with_replacement("write straight quotes", span, straight)
}

/// `sure`: nothing else could have been meant to stand behind the `end`.
pub fn case_without_end(case: Span, at: Span, sure: bool) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0121, "a `case` is not closed by `end`", case, "starts here")
        .with_secondary(at, "`end` is missed here")
        .with_help("an `else` within a `case` belongs to it, and not to the rule");
    if sure { d.with_fix("add `end`", vec![insert(at, " end")]) } else { d }
}

pub fn trailing_comma(span: Span) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0122,
        "a comma stands after the last of a list",
        span,
        "what follows is not part of the list",
    )
    .with_fix("remove the comma", vec![remove(span)])
}

pub fn missing_version(at: Span, has_at: bool) -> Diagnostic {
    let text = if has_at { " 1.0.0" } else { " @ 1.0.0" };
    Diagnostic::new(Code::DQ0123, "a contract names its version", at, format!("`{}` is missed here", text.trim()))
        .with_fix("start with 1.0.0", vec![insert(at, text)])
}

pub fn leading_word(span: Span, word: &str, what: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0102,
        format!("no word stands before the name of {what}"),
        span,
        format!("`{word}` is not needed"),
    )
    .with_fix(format!("remove `{word}`"), vec![remove(span)])
}

pub fn thousands(span: Span, ours: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0128, "a comma cannot stand within a number", span, "digits are grouped with `_`")
        .with_replacement(format!("write `{ours}`"), span, ours)
}

pub fn bad_version(span: Span, found: &str, ours: Option<String>) -> Diagnostic {
    let d = Diagnostic::new(
        Code::DQ0123,
        format!("`{found}` is not a version"),
        span,
        "a version has three numbers, as in `2.1.0`",
    );
    match ours {
        Some(ours) => d.with_replacement(format!("write `{ours}`"), span, ours),
        None => d,
    }
}

pub fn missing_at(span: Span, word: Option<Span>) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0123, "a version stands after `@`", span, "`@` is missed here");
    match word {
        Some(word) => d.with_replacement("write `@`", word, "@"),
        None => d.with_fix("add `@`", vec![insert(Span { end: span.start, ..span }, "@ ")]),
    }
}

pub fn double_minus(span: Span) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0124,
        "`--` starts a comment in SQL, and here only with a blank after it",
        span,
        "two minus signs, or a comment?",
    )
    .with_help("for the negative of a negative write `- -1`; a comment is `// …`")
    .with_replacement("write two minus signs", span, "- -")
}

pub fn unknown_action(span: Span, found: &str, nearest: Option<&str>) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0125, format!("`{found}` is not what a rule can do"), span, "not an action")
        .with_help("a broken rule can `warn`, `quarantine` (hold the rows back) or `block` (hold the batch back)");
    match nearest {
        Some(near) => d.with_replacement(format!("write `{near}`"), span, near),
        None => d,
    }
}

pub fn missing_else(span: Span, action: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0125,
        format!("`{action}` stands alone"),
        span,
        "what a broken rule does comes after `else`",
    )
    .with_replacement("add `else`", span, format!("else {action}"))
}

pub fn wrong_sign(span: Span, found: &str, ours: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0126,
        format!("`{ours}` is written here, not `{found}`"),
        span,
        "the sign of another language",
    )
    .with_replacement(format!("write `{ours}`"), span, ours)
}

pub fn unknown_escape(span: Span, found: &str, raw: Option<Span>) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0127, format!("`{found}` means nothing in a text"), span, "not an escape")
        .with_help("a pattern is written raw, `r\"\\d+\"`; a backslash itself is `\\\\`");
    match raw {
        Some(at) => d.with_fix("make the text raw", vec![insert(at, "r")]),
        None => d,
    }
}

pub fn number_too_large(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0128, "this number is too large", span, "more than a whole number of 64 bits can hold")
}

pub fn no_such_time(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(
        Code::DQ0128,
        format!("there is no time of day `{text}`"),
        span,
        "a day goes from `00:00` to `23:59:59`",
    )
}

pub fn no_rule_name(at: Span, span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0129, "a rule needs a name", span, "a condition without a name")
        .with_help("the name stands in reports, and tests refer to it")
        .with_fix("give it a name", vec![insert(at, format!("{name}: "))])
}

pub fn not_text(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0130, "this is not a text", span, "a byte that no text holds")
        .with_help("a contract is a text in UTF-8; is this another kind of file, or one saved as UTF-16?")
}
