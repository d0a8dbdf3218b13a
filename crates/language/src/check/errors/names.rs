use super::{quote, with_nearest};
use crate::check::scope::Scope;
use crate::diagnostics::suggest::{list, nearest};
use crate::diagnostics::{Code, Diagnostic};
use crate::hir::{Field, Value};
use crate::source::Span;
use crate::syntax::ast;

/// `written` is all of the path's text.
pub fn unknown_column(path: &ast::Path, s: &Scope, written: &str) -> Diagnostic {
    let Some(first) = path.names.first() else {
        return Diagnostic::new(Code::DQ0201, "a name is missing here", path.span, "no name");
    };
    let known = s.names();
    let d = Diagnostic::new(Code::DQ0201, format!("there is no column `{}`", first.text), first.span, "not declared");
    // `o.amount`, as after `from orders o` in SQL.
    if let [_, column] = path.names.as_slice()
        && let Some(found) = known.iter().find(|n| n.eq_ignore_ascii_case(&column.text))
    {
        return d
            .with_help("Columns are written without the table's name.")
            .with_replacement(format!("write `{found}`"), path.span, found.clone());
    }
    if s.hygienic {
        let help = if known.is_empty() {
            "What is written here sees its parameters and no column; it has none.".to_owned()
        } else {
            format!("What is written here sees its parameters only: {}.", list(known.iter().map(String::as_str)))
        };
        return with_nearest(d, &first.text, first.span, known.iter().map(String::as_str), help);
    }
    if s.rows.is_none() {
        let help = if known.iter().any(|n| n == "it") {
            "A condition on a type or column sees its own value, as `it`. What compares columns is a rule."
        } else {
            "Only constants can stand here."
        };
        let d = Diagnostic::new(Code::DQ0201, format!("there is no `{}` here", first.text), first.span, "not known here");
        return with_nearest(d, &first.text, first.span, known.iter().map(String::as_str), help.to_owned());
    }
    let dataset = s.rows.as_ref().map_or("", |r| r.dataset.as_str());
    let help = if known.is_empty() {
        format!("`{dataset}` declares no columns.")
    } else {
        format!("`{dataset}` has {}.", list(known.iter().map(String::as_str)))
    };
    // `status = paid`: a text without its quotes; `current_timestamp`: a function without its parentheses.
    if path.names.len() == 1 {
        let listed = |v: &Value| matches!(v, Value::String(text) if *text == first.text);
        let columns = s.rows.as_ref().map(|r| r.columns.as_slice()).unwrap_or_default();
        if let Some(column) = columns.iter().find(|c| c.values.as_ref().is_some_and(|v| v.iter().any(listed))) {
            let text = format!("\"{}\"", first.text);
            return d
                .with_help(format!("A text stands in quotes: {text} is one of the values of `{}`.", column.name))
                .with_replacement(format!("write `{text}`"), first.span, text);
        }
        if let Some(call) = foreign_clock(&first.text) {
            return d
                .with_help(format!("It is a function here: `{call}`."))
                .with_replacement(format!("write `{call}`"), first.span, call);
        }
    }
    let quoted = quote(written, "it");
    let d = if path.names.len() == 1 { d } else { d.with_note(format!("in {quoted}")) };
    with_nearest(d, &first.text, first.span, known.iter().map(String::as_str), help)
}

/// A column, service level … named where only those of `place` can be.
pub fn unknown_name<'n>(name: &ast::Name, what: &str, known: impl Iterator<Item = &'n str>, place: &str) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let of = if place == "this contract" { "in this contract".to_owned() } else { format!("in `{place}`") };
    let d = Diagnostic::new(Code::DQ0201, format!("there is no {what} `{}` {of}", name.text), name.span, "not declared there");
    let help = if known.is_empty() { format!("There is no {what} {of} at all.") } else { format!("There are {}.", list(known.iter().copied())) };
    with_nearest(d, &name.text, name.span, known, help)
}

/// `name.length()`; `written` is the call up to its first argument, if that can be replaced.
pub fn method(path: &ast::Path, function: &str, value: &str, alone: bool, written: Option<Span>) -> Diagnostic {
    let message = format!("a function is not written behind the value, as in `{}`", path.text());
    let shown = if alone { format!("{function}({value})") } else { format!("{function}({value}, …)") };
    let d = Diagnostic::new(Code::DQ0202, message, path.span, format!("`{value}` goes into its parentheses"))
        .with_help(format!("Write `{shown}`."));
    match written {
        Some(span) if alone => d.with_replacement(format!("write `{shown}`"), span, format!("{function}({value}")),
        Some(span) => d.with_replacement(format!("write `{shown}`"), span, format!("{function}({value}, ")),
        None => d,
    }
}

pub fn unknown_function(path: &ast::Path, known: &[String], elsewhere: Option<&str>) -> Diagnostic {
    let name = path.text();
    let d = Diagnostic::new(Code::DQ0202, format!("there is no function `{name}`"), path.span, "not known");
    if let Some(module) = elsewhere {
        return d.with_help(format!("Module `{module}` declares one: write `use {module}.{{{name}}}` at the top of the file."));
    }
    if let Some((ours, fits)) = foreign_function(&name) {
        let d = d.with_help(format!("Here it is written `{ours}`."));
        return if fits { d.with_replacement(format!("write `{ours}`"), path.span, ours) } else { d };
    }
    let help = "`dqc docs` lists the functions; a `fn` of your own can be declared in any file.".to_owned();
    with_nearest(d, &name, path.span, known.iter().map(String::as_str), help)
}

/// The instant or day of a run, as other systems name it without parentheses.
fn foreign_clock(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "current_timestamp" | "sysdate" | "systimestamp" | "localtimestamp" => "now()",
        "current_date" | "today" => "current_date()",
        _ => return None,
    })
}

/// A function of another system: what it is called here, and whether its values stay as they are.
fn foreign_function(name: &str) -> Option<(&'static str, bool)> {
    Some(match name.to_ascii_lowercase().as_str() {
        "getdate" | "sysdatetime" | "getutcdate" | "current_timestamp" | "sysdate" => ("now", true),
        "today" => ("current_date", true),
        "iif" => ("case when … then … else … end", false),
        "convert" | "to_number" | "to_char" => ("cast(value as type)", false),
        "decode" => ("case value when … then … else … end", false),
        "charindex" => ("strpos(text, part)", false),
        "dateadd" => ("date + 3 days", false),
        "isblank" | "isempty" => ("trim(text) = \"\"", false),
        _ => return None,
    })
}

pub fn unknown_type<'n>(path: &ast::Path, known: impl Iterator<Item = &'n str>, elsewhere: Option<&str>) -> Diagnostic {
    let name = path.text();
    let d = Diagnostic::new(Code::DQ0203, format!("there is no type `{name}`"), path.span, "not known");
    if let Some(module) = elsewhere {
        return d.with_help(format!("Module `{module}` declares one: write `use {module}.{{{name}}}` at the top of the file."));
    }
    let help = "Types are Spark SQL's, such as `string`, `bigint`, `decimal(12, 2)`, and those declared with `type`.".to_owned();
    with_nearest(d, &name, path.span, known, help)
}

pub fn unknown_dataset(path: &ast::Path, near: Option<&str>) -> Diagnostic {
    let name = path.text();
    let d = Diagnostic::new(Code::DQ0204, format!("there is no contract for `{name}`"), path.span, "no such dataset");
    match near {
        Some(near) => d.with_help(format!("The nearest is `{near}`.")).with_replacement(format!("write `{near}`"), path.span, near),
        None => d.with_help(format!("A dataset is known by its contract: `contract {name} @ 1.0.0 {{ … }}`.")),
    }
}

/// `include audit(a)` beside another of that name.
pub fn included_twice(prefix: &str, span: Span, name: &str, first: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0206, format!("rule `{name}` is declared twice"), span, "declared again here")
        .with_secondary(first, "first declared here")
        .with_help(format!("A rule set that is included twice needs two names: `include … as {prefix}_2`."))
}

pub fn twice(what: &str, name: &str, span: Span, first: &str, first_span: Span) -> Diagnostic {
    if first == name {
        return crate::resolve::errors::declared_twice(what, name, span, first_span);
    }
    crate::resolve::errors::differs_by_case(what, name, span, first, first_span)
}

pub fn goes_round(what: &str, name: &str, span: Span, declared: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0208, format!("{what} `{name}` is defined by itself"), span, "comes back to where it started")
        .with_secondary(declared, "declared here")
        .with_help("Definitions are put in where they are used, so none can use itself, not even by way of others.")
}

pub fn expands_too_far(span: Span, what: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0208, format!("{what} stands for too much text"), span, "expanded here")
        .with_help("Functions and rule sets are put in where they are used; use fewer of them inside each other.")
}

pub fn unknown_rule_set(path: &ast::Path, known: &[String], elsewhere: Option<&str>) -> Diagnostic {
    let name = path.text();
    let d = Diagnostic::new(Code::DQ0209, format!("there is no rule set `{name}`"), path.span, "not known");
    if let Some(module) = elsewhere {
        return d.with_help(format!("Module `{module}` declares one: write `use {module}.{{{name}}}` at the top of the file."));
    }
    let help = format!("A rule set is declared outside of contracts: `rules {name}(column: type) {{ … }}`.");
    with_nearest(d, &name, path.span, known.iter().map(String::as_str), help)
}

pub fn unknown_calendar(name: &ast::Name, known: &[String]) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0210, format!("there is no calendar `{}`", name.text), name.span, "not known");
    let help = "Days are `days`, `weekdays`, `weekends`, the names of the week's days, and what `calendar` declares.".to_owned();
    with_nearest(d, &name.text, name.span, known.iter().map(String::as_str), help)
}

pub fn unknown_zone(text: &ast::Text) -> Diagnostic {
    let zones: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|z| z.name()).collect();
    let d = Diagnostic::new(Code::DQ0211, format!("there is no time zone `{}`", text.value), text.span, "not known");
    let city = text.value.replace(' ', "_");
    let last = |zone: &str| zone.rsplit('/').next().unwrap_or("").to_lowercase();
    let by_city = zones.iter().find(|z| last(z) == last(&city)).copied();
    match by_city.or_else(|| nearest(&text.value, zones)) {
        Some(near) => d
            .with_help(format!("The nearest is \"{near}\"."))
            .with_replacement(format!("write \"{near}\""), text.span, format!("\"{near}\"")),
        None => d.with_help("Zones have a region's and a city's name, such as \"America/Sao_Paulo\", or \"UTC\"."),
    }
}

pub fn unknown_rule(path: &ast::Path, known: &[&str], dataset: &str) -> Diagnostic {
    let name = path.text();
    let d = Diagnostic::new(Code::DQ0212, format!("`{dataset}` has no rule `{name}`"), path.span, "no such rule");
    let help = if known.is_empty() { "It has no rules.".to_owned() } else { format!("It has {}.", list(known.iter().copied())) };
    with_nearest(d, &name, path.span, known.iter().copied(), help)
}

pub fn unknown_field(name: &ast::Name, fields: &[Field]) -> Diagnostic {
    let known: Vec<&str> = fields.iter().map(|f| f.name.as_str()).collect();
    let d = Diagnostic::new(Code::DQ0213, format!("there is no field `{}`", name.text), name.span, "not in the struct");
    let help = format!("It has {}.", list(known.iter().copied()));
    with_nearest(d, &name.text, name.span, known, help)
}

pub fn unknown_part(name: &ast::Name) -> Diagnostic {
    const PARTS: [&str; 10] =
        ["year", "quarter", "month", "week", "day", "dayofweek", "dayofyear", "hour", "minute", "second"];
    let d = Diagnostic::new(Code::DQ0214, format!("`{}` is no part of a date or time", name.text), name.span, "not known");
    with_nearest(d, &name.text, name.span, PARTS, format!("Parts are {}.", PARTS.join(", ")))
}

pub fn unknown_format(name: &ast::Name, known: &[&str]) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0214, format!("`{}` is no format of files", name.text), name.span, "not known");
    with_nearest(d, &name.text, name.span, known.iter().copied(), format!("Formats are {}.", list(known.iter().copied())))
}

pub fn base_type_again(name: &ast::Name) -> Diagnostic {
    let message = format!("`{}` is a type already", name.text);
    Diagnostic::new(Code::DQ0206, message, name.span, "one of Spark's types")
        .with_help("Give it a name of its own; names are found whatever their case.")
}
