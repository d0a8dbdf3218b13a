use super::quote;
use crate::diagnostics::{Code, Diagnostic, Edit};
use crate::hir::{BinaryOp, Expr, Type};
use crate::source::Span;
use crate::syntax::ast;

/// What a cast would be: the text as a number, a day …
fn cast_of(from: &Type, to: &Type) -> Option<String> {
    let target = match to {
        Type::Timestamp | Type::TimestampNtz | Type::Date | Type::Boolean | Type::Double | Type::Float => to.to_string(),
        _ if to.is_numeric() => to.to_string(),
        _ => return None,
    };
    (*from == Type::String).then_some(target)
}

/// `a = b` of types that do not go together.
pub fn types_differ(span: Span, left: (&Expr, &str), right: (&Expr, &str), fixable: bool) -> Diagnostic {
    let ((l, l_text), (r, r_text)) = (left, right);
    let (l_name, r_name) = (quote(l_text, "the left side"), quote(r_text, "the right side"));
    let message = format!("{l_name} is {} and {r_name} is {}", with_article(&l.ty), with_article(&r.ty));
    let label = if l.ty == Type::String && r.ty.is_numeric() || r.ty == Type::String && l.ty.is_numeric() {
        "text is never compared with a number"
    } else {
        "these do not go together"
    };
    let d = Diagnostic::new(Code::DQ0301, message, span, label);
    let same_file = |e: &Expr| fixable && e.span.file == span.file;
    for (side, text, other) in [(l, l_text, &r.ty), (r, r_text, &l.ty)] {
        let bare = text.trim_matches(['"', '\'']);
        if side.ty == Type::String && other.is_numeric() && bare.len() + 2 == text.len() && is_number(bare) {
            let d = d.with_help(format!("A number stands without quotes: `{bare}`."));
            return if same_file(side) { d.with_replacement(format!("write `{bare}`"), side.span, bare) } else { d };
        }
        if let Some(to) = cast_of(&side.ty, other) {
            let cast = format!("cast({text} as {to})");
            let d = d.with_help(format!("Say how the text is read: `{cast}`."));
            return if same_file(side) && !text.contains('\n') {
                d.with_replacement(format!("write `{cast}`"), side.span, cast)
            } else {
                d
            };
        }
    }
    for (side, text, other) in [(l, l_text, &r.ty), (r, r_text, &l.ty)] {
        if other.is_temporal() && is_day(text) {
            let day = format!("date \"{text}\"");
            let d = d.with_help(format!("A date stands in quotes; this is a subtraction of numbers. Write `{day}`."));
            return if same_file(side) { d.with_replacement(format!("write `{day}`"), side.span, day) } else { d };
        }
        if matches!(other, Type::Interval | Type::MonthInterval) && side.ty.is_numeric() {
            return d.with_help(match text.replace('_', "").parse::<f64>() {
                Ok(_) => format!("A length of time has a unit, as in `{text} days` or `{text} hours`."),
                Err(_) => format!("`{text}` is a number without a unit: compare it with a number, as in `{text} > 300`."),
            });
        }
    }
    d.with_help("Bring both to one type, with `cast(… as …)` where it is possible.")
}

/// As the language writes one.
fn is_number(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    text.split_once('.').map_or(digits(text), |(whole, rest)| digits(whole) && digits(rest))
}

/// `2026-01-31`, read as two subtractions.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').map(str::trim).collect();
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

/// `an int`, `a string`.
fn with_article(ty: &Type) -> String {
    let name = ty.to_string();
    let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}

pub fn values_differ(span: Span, found: &Type, others: &Type) -> Diagnostic {
    let message = format!("this is {} and the others are {others}", with_article(found));
    Diagnostic::new(Code::DQ0301, message, span, "of another type")
        .with_help("All values here need one type; `cast(… as …)` changes one.")
}

pub fn reference_types(span: Span, here: (&str, &Type), there: (&str, &Type, Span)) -> Diagnostic {
    let message = format!("`{}` is {} and `{}` is {}", here.0, with_article(here.1), there.0, with_article(there.1));
    Diagnostic::new(Code::DQ0301, message, span, "a reference compares the two")
        .with_secondary(there.2, "declared here")
        .with_help("Declare both columns with one type.")
}

pub fn operator_takes(span: Span, op: &str, ty: &Type, text: &str) -> Diagnostic {
    let message = format!("`{op}` does not take {}", with_article(ty));
    Diagnostic::new(Code::DQ0302, message, span, format!("{} is {}", quote(text, "this"), with_article(ty)))
        .with_help("It takes numbers and lengths of time.")
}

pub fn operator_between(span: Span, op: BinaryOp, left: (&Type, &str), right: (&Type, &str)) -> Diagnostic {
    let message = format!("`{}` does not go between {} and {}", op.text(), with_article(left.0), with_article(right.0));
    let label = format!("{} {} {}", quote(left.1, "this"), op.text(), quote(right.1, "this"));
    let d = Diagnostic::new(Code::DQ0302, message, span, label);
    match (left.0, right.0) {
        (Type::String, Type::String) if op == BinaryOp::Add => {
            d.with_help("Text is joined with `||`.").with_replacement("write `||`", span, "||")
        }
        (Type::String, _) | (_, Type::String) => d.with_help("Say how the text is read, as in `cast(… as decimal(12, 2))`."),
        _ => d.with_help("Arithmetic takes numbers; a date or time takes a length of time such as `2 hours`."),
    }
}

/// `||` beside a condition.
pub fn bars_for_or(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0110, "`||` joins texts, not conditions", span, "\"or\" is written `or`")
        .with_replacement("write `or`", span, "or")
}

pub fn concat_takes_text(_span: Span, side: Span, ty: &Type, text: &str) -> Diagnostic {
    let cast = format!("cast({text} as string)");
    let d = Diagnostic::new(Code::DQ0302, format!("`||` joins text, and this is {}", with_article(ty)), side, "not text");
    if text.contains('\n') {
        return d.with_help("Write `cast(… as string)`.");
    }
    d.with_help(format!("Write `{cast}`.")).with_replacement(format!("write `{cast}`"), side, cast)
}

pub fn text_wanted(span: Span, word: &str, ty: &Type, text: &str) -> Diagnostic {
    let label = format!("{} is {}", quote(text, "this"), with_article(ty));
    Diagnostic::new(Code::DQ0302, format!("`{word}` compares text, and this is {}", with_article(ty)), span, label)
        .with_help("Numbers and dates are compared with `=`, `<`, `between` and `in`.")
}

pub fn no_order(span: Span, op: BinaryOp, ty: &Type) -> Diagnostic {
    let message = format!("`{}` does not compare values of type {ty}", op.text());
    Diagnostic::new(Code::DQ0302, message, span, "these have no order").with_help("Compare parts of the value.")
}

pub fn no_tolerance(span: Span, ty: &Type) -> Diagnostic {
    let message = format!("`within` does not go with values of type {ty}");
    Diagnostic::new(Code::DQ0302, message, span, "a tolerance is for numbers and times")
        .with_help("Delete it, or compare numbers.")
}

pub fn months_of_instant(span: Span) -> Diagnostic {
    let message = "months and years have no fixed length for a timestamp";
    Diagnostic::new(Code::DQ0302, message, span, "depends on the day it starts from")
        .with_help("Use days, or take the date first: `date(…) + 1 month`.")
}

pub fn argument_type(span: Span, function: &str, param: &str, wanted: &Type, found: &Type, text: &str, signatures: &[String]) -> Diagnostic {
    argument(span, function, &format!("for `{param}`"), &format!("`{wanted}`"), found, text, signatures)
}

/// `place` counts from 0.
pub fn argument_types(span: Span, function: &str, place: usize, wanted: &str, found: &Type, text: &str, signatures: &[String]) -> Diagnostic {
    const PLACES: [&str; 4] = ["first", "second", "third", "fourth"];
    let place = PLACES.get(place).map_or_else(|| format!("in place {}", place + 1), |p| format!("as its {p} value"));
    argument(span, function, &place, wanted, found, text, signatures)
}

fn argument(span: Span, function: &str, place: &str, wanted: &str, found: &Type, text: &str, signatures: &[String]) -> Diagnostic {
    let message = format!("`{function}` takes {wanted} {place}, and this is {}", with_article(found));
    let label = format!("{} is {}", quote(text, "this"), with_article(found));
    Diagnostic::new(Code::DQ0303, message, span, label).with_help(forms(signatures))
}

fn forms(signatures: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<String> = signatures.iter().take(SHOWN).map(|s| format!("`{s}`")).collect();
    let more = if signatures.len() > SHOWN { ", …" } else { "" };
    format!("It is {}{more}.", shown.join(" or "))
}

pub fn aggregate_of(span: Span, name: &str, wanted: &str, found: &Type, text: &str) -> Diagnostic {
    let message = format!("`{name}` is taken of {wanted}, and this is {}", with_article(found));
    let label = format!("{} is {}", quote(text, "this"), with_article(found));
    let help = match (wanted, name) {
        ("a condition", _) => format!("Write a condition, such as `{name}(status = \"paid\")`."),
        (_, "sum" | "avg") if *found == Type::String => format!("Say how the text is read: `{name}(cast({text} as decimal(12, 2)))`."),
        _ => format!("`{name}` needs {wanted}."),
    };
    Diagnostic::new(Code::DQ0303, message, span, label).with_help(help)
}

pub fn extract_takes(span: Span, ty: &Type, text: &str) -> Diagnostic {
    let message = format!("`extract` takes a date or timestamp, and this is {}", with_article(ty));
    let label = format!("{} is {}", quote(text, "this"), with_article(ty));
    let d = Diagnostic::new(Code::DQ0303, message, span, label);
    if *ty == Type::String { d.with_help("Read the text first, as in `date(…)`.") } else { d }
}

pub fn argument_count(span: Span, function: &str, found: usize, signatures: &[String], declared: Option<Span>) -> Diagnostic {
    let values = if found == 1 { "1 value".to_owned() } else { format!("{found} values") };
    let d = Diagnostic::new(Code::DQ0304, format!("`{function}` is not used with {values}"), span, format!("{values} here"))
        .with_help(forms(signatures));
    match declared {
        Some(declared) => d.with_secondary(declared, "declared here"),
        None => d,
    }
}

pub fn aggregate_arguments(span: Span, name: &str, found: usize, star: bool) -> Diagnostic {
    let (message, help) = match name {
        _ if star => (format!("`{name}` is not taken of `*`"), format!("Only `count(*)` counts rows; write `{name}(column)`.")),
        "count" if found == 0 => ("`count` has nothing to count".to_owned(), "Rows are counted with `count(*)`.".to_owned()),
        "quantile" | "approx_quantile" => {
            (format!("`{name}` takes a value and a share"), format!("As in `{name}(amount, 0.95)`."))
        }
        "corr" => ("`corr` takes two values".to_owned(), "As in `corr(amount, weight)`.".to_owned()),
        _ => (format!("`{name}` takes one value"), format!("As in `{name}(amount)`.")),
    };
    Diagnostic::new(Code::DQ0304, message, span, "used here").with_help(help)
}

pub fn drift_form(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0304, "`drift` takes a value and past batches", span, "used otherwise here")
        .with_help("As in `drift(amount, last 28 batches)`; a third value \"psi\" or \"ks\" says how it is measured.")
}

pub fn not_a_condition(span: Span, ty: &Type, of: &str, text: &str) -> Diagnostic {
    let message = format!("{of} needs a condition, and this is {}", with_article(ty));
    let d = Diagnostic::new(Code::DQ0305, message, span, format!("{} is not true or false", quote(text, "this")));
    let shown = if text.contains('\n') || text.chars().count() > 40 { "…" } else { text };
    match ty {
        Type::Interval if of == "a service level" => {
            d.with_help(format!("Say what may be that old, as in `age(max(created_at)) <= {shown}`."))
        }
        _ if ty.is_numeric() => d.with_help(format!("Compare it, as in `{shown} > 0`.")),
        Type::String => d.with_help(format!("Compare it, as in `{shown} = \"yes\"`.")),
        _ => d.with_help(format!("Test it, as in `{shown} is not null`.")),
    }
}

pub fn sql_type(path: &ast::Path, ours: &str) -> Diagnostic {
    let name = path.text();
    Diagnostic::new(Code::DQ0306, format!("`{name}` is not one of Spark's types"), path.span, "another system's name")
        .with_help(format!("Spark calls it `{ours}`."))
        .with_replacement(format!("write `{ours}`"), path.span, ours)
}

pub fn decimal_out_of_range(span: Span, precision: u64, scale: u64) -> Diagnostic {
    let (message, help) = if precision == 0 || precision > 38 {
        (format!("a decimal cannot have {precision} digits"), "It has 1 to 38 digits.".to_owned())
    } else {
        let message = format!("{scale} of {precision} digits cannot stand after the point");
        (message, format!("The second number is part of the first: `decimal({}, {scale})` has {precision} before the point.", (precision + scale).min(38)))
    };
    Diagnostic::new(Code::DQ0307, message, span, "out of range").with_help(help)
}

pub fn unreadable(span: Span, text: &str, to: &Type) -> Diagnostic {
    let shown: String = text.chars().take(40).collect();
    let message = format!("\"{shown}\" cannot be read as {}", with_article(to));
    let help = match to {
        Type::Date => "A date is written \"2026-01-31\".",
        Type::Time => "A time of day is written \"06:00\" or \"06:00:00\".",
        Type::Timestamp => "An instant is written \"2026-01-31T06:00:00Z\", with the zone's offset in place of Z.",
        Type::TimestampNtz => "It is written \"2026-01-31 06:00:00\", without an offset.",
        _ => "A length of time is written \"2 days 3 hours\"; months and years stand by themselves.",
    };
    let d = Diagnostic::new(Code::DQ0308, message, span, format!("not {}", with_article(to)));
    match day_first(text).filter(|_| matches!(to, Type::Date | Type::Timestamp | Type::TimestampNtz)) {
        Some(day) => {
            let ours = match to {
                Type::Date => format!("\"{day}\""),
                Type::Timestamp => format!("\"{day}T00:00:00Z\""),
                _ => format!("\"{day} 00:00:00\""),
            };
            d.with_help(format!("{help} The year stands first: {ours}."))
        }
        None => d.with_help(help),
    }
}

/// `31/12/2025` as it is written here; where day and month could be taken for each other, the day is the first.
fn day_first(text: &str) -> Option<chrono::NaiveDate> {
    let parts: Vec<u32> = text.split(['/', '.', '-']).map(|p| p.parse().ok()).collect::<Option<_>>()?;
    let [day, month, year] = parts[..] else { return None };
    let (day, month) = if month > 12 { (month, day) } else { (day, month) };
    chrono::NaiveDate::from_ymd_opt(i32::try_from(year).ok().filter(|y| *y > 1000)?, month, day)
}

pub fn number_out_of_range(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0309, "this constant is out of range", span, "no type holds it")
        .with_help("Exact numbers have at most 38 digits; with an exponent, as in `1e40`, they are doubles.")
}

/// `offer`: where the zone could be written.
pub fn zone_needed(span: Span, what: &str, offer: Option<Span>) -> Diagnostic {
    let message = format!("{what} depends on a time zone, and the contract names none");
    let d = Diagnostic::new(Code::DQ0310, message, span, "read in which zone?")
        .with_help("Say once in the contract in which zone it is: `zone \"America/Sao_Paulo\"`, or `zone \"UTC\"`.");
    match offer {
        Some(at) => d.with_fix("add `zone \"UTC\"`", vec![Edit { span: at, text: "\n    zone \"UTC\"".into() }]),
        None => d,
    }
}

pub fn impossible_cast(span: Span, from: &Type, to: &Type) -> Diagnostic {
    Diagnostic::new(Code::DQ0311, format!("{} cannot become {}", with_article(from), with_article(to)), span, "no such cast")
        .with_help("Go by way of text or of a part of the value.")
}

pub fn no_fields(name: &ast::Name, ty: &Type, base: &str) -> Diagnostic {
    let message = format!("{} is {}, which has no fields", quote(base, "this"), with_article(ty));
    Diagnostic::new(Code::DQ0312, message, name.span, "only a struct has fields")
}

pub fn no_elements(span: Span, ty: &Type, text: &str) -> Diagnostic {
    let message = format!("{} is {}, which has no elements", quote(text, "this"), with_article(ty));
    Diagnostic::new(Code::DQ0312, message, span, "only arrays and maps have elements")
}

pub fn not_an_array(span: Span, ty: &Type, text: &str) -> Diagnostic {
    let message = format!("{} is {}, not an array", quote(text, "this"), with_article(ty));
    Diagnostic::new(Code::DQ0312, message, span, "`every` and `any` go over an array")
}

pub fn wrong_index(span: Span, found: &Type, wanted: &Type) -> Diagnostic {
    let message = format!("an element is found by {}, and this is {}", with_article(wanted), with_article(found));
    Diagnostic::new(Code::DQ0312, message, span, "not a place in it").with_help("Elements of an array count from 0.")
}

pub fn bad_regex(span: Span, error: &regex_syntax::Error) -> Diagnostic {
    let (reason, at) = match error {
        regex_syntax::Error::Parse(e) => (e.kind().to_string(), Some(e.span().start.offset)),
        regex_syntax::Error::Translate(e) => (e.kind().to_string(), Some(e.span().start.offset)),
        _ => ("it is not valid".to_owned(), None),
    };
    let d = Diagnostic::new(Code::DQ0313, format!("this regular expression cannot be used: {reason}"), span, "not valid");
    let d = match at {
        Some(at) => d.with_note(format!("at character {}", at + 1)),
        None => d,
    };
    if reason.contains("look-around") {
        return d.with_help("Say it in two conditions: `code matches r\"…\" and not code matches r\"…\"`.");
    }
    if reason.contains("backreference") {
        return d.with_help("A pattern cannot ask for what it has met before; compare parts of the text, as in `left(code, 2) = right(code, 2)`.");
    }
    d.with_help("A character with a meaning of its own, such as `(` or `+`, is written with `\\` before it, in `r\"…\"`.")
}

pub fn result_type(span: Span, name: &str, wanted: &Type, found: &Type, declared: Span) -> Diagnostic {
    let message = format!("`{name}` is declared to give {}, and gives {}", with_article(wanted), with_article(found));
    Diagnostic::new(Code::DQ0314, message, span, format!("this is {}", with_article(found)))
        .with_secondary(declared, "declared here")
        .with_help(format!("Declare `: {found}`, or write a cast."))
}

pub fn mixed_duration(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0315, "months and days cannot be added to one length of time", span, "months have no fixed length")
        .with_help("Write only months and years, or only weeks, days and shorter.")
}

pub fn no_months_here(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0315, "months and years have no fixed length", span, "how long is it?")
        .with_help("Write it in days, as in `90 days`.")
}

pub fn compared_with_null(span: Span, op: BinaryOp, other: &str) -> Diagnostic {
    let test = if op == BinaryOp::NotEqual { "is not null" } else { "is null" };
    let d = Diagnostic::new(Code::DQ0316, "nothing is equal to null, not even null", span, "never true");
    if !matches!(op, BinaryOp::Equal | BinaryOp::NotEqual) || other.contains('\n') {
        return d.with_help("A comparison with null is null; test for it with `is null`.");
    }
    let fixed = format!("{other} {test}");
    d.with_help(format!("Write `{fixed}`.")).with_replacement(format!("write `{fixed}`"), span, fixed)
}

pub fn quoted_column(span: Span, column: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0317, format!("\"{column}\" is text here, and there is a column `{column}`"), span, "a constant")
        .with_help("Double quotes are for text, as in Spark. A column is written plain or in backticks; text that is meant, in single quotes.")
        .with_replacement(format!("write `{column}`"), span, format!("`{column}`"))
}

/// The same, where it cannot even be read as what it is compared with: one finding for both.
pub fn column_in_quotes(unreadable: Diagnostic, column: Diagnostic) -> Diagnostic {
    Diagnostic { message: column.message, help: column.help, fix: column.fix, ..unreadable }
}

/// Texts have a limit of their own; this is what functions inside each other come to.
pub fn too_deep(span: Span, limit: usize) -> Diagnostic {
    let message = format!("what the functions here stand for is nested more than {limit} levels deep");
    Diagnostic::new(Code::DQ0208, message, span, "too deep").with_help("Use fewer functions inside each other.")
}

pub fn types_too_deep(path: &ast::Path, limit: usize) -> Diagnostic {
    let message = format!("type `{}` is one of more than {limit} that are made of one another", path.text());
    Diagnostic::new(Code::DQ0208, message, path.span, "too far from a base type")
        .with_help("Let a type name a base type, such as `int`, or one that is near to it.")
}

pub fn tuple_here(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0318, "a list of values cannot stand here", span, "several values where one belongs")
        .with_help("A list stands beside `in` and `references`: `(a, b) in ((1, 2), (3, 4))`.")
}

pub fn tuple_wanted(span: Span, parts: usize) -> Diagnostic {
    Diagnostic::new(Code::DQ0318, format!("{parts} values belong here, as on the left"), span, "not as many")
        .with_help("As in `(a, b) in ((1, 2), (3, 4))`.")
}

/// `like "*.com"`
pub fn star_in_like(span: Span, word: &str, ours: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0319, format!("a star stands for itself in `{word}`"), span, "no more than the character `*`")
        .with_help("Any text is `%` and any one character `_`; a star that is meant is asked for by `matches r\"…\\*…\"`.")
        .with_replacement(format!("write {ours}"), span, ours)
}

pub fn escape_is_one_character(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0308, "`escape` takes one character", span, "not one character").with_help("As in `escape \"!\"`.")
}

pub fn quantile_range(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0309, "the share of a quantile is a constant from 0 to 1", span, "out of range")
        .with_help("The median is `0.5`; the value that 95% do not exceed is `0.95`.")
}

pub fn gap_step(span: Span, ty: &Type) -> Diagnostic {
    let (wanted, example) = match ty {
        Type::Date => ("a constant number of whole days", "gaps(day, 7 days)"),
        ty if ty.is_temporal() => ("a constant length of time", "gaps(seen_at, 1 hour)"),
        _ => ("a constant whole number above 0", "gaps(id, 10)"),
    };
    Diagnostic::new(Code::DQ0309, format!("the step between values that are {ty} is {wanted}"), span, "not such a step")
        .with_help(format!("As in `{example}`."))
}

pub fn percent_range(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0309, "a share is from 0% to 100%", span, "out of range")
}
