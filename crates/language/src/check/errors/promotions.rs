use super::{quote, with_nearest};
use crate::check::scope::SchemaColumn;
use crate::diagnostics::suggest::list;
use crate::diagnostics::{Code, Diagnostic, Edit};
use crate::hir::Type;
use crate::source::Span;
use crate::syntax::ast;

pub fn second_promotion(span: Span, to: &str, first: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0601, format!("`{to}` is promoted to twice"), span, "a second promotion into it")
        .with_secondary(first, "the first one")
        .with_help("A dataset has one promotion into it, so that its rows have one origin. Promote into a dataset of its own, or delete one.")
}

pub fn target_not_filled(head: Span, with: Option<Span>, source: &str, missing: &[&SchemaColumn]) -> Diagnostic {
    let names = list(missing.iter().map(|c| c.name.as_str()));
    let verb = if missing.len() == 1 { "gets" } else { "get" };
    let message = format!("{names} {verb} no value");
    let mut d = Diagnostic::new(Code::DQ0602, message, with.unwrap_or(head), format!("not written here, and `{source}` has no such column"));
    for column in missing.iter().take(3) {
        d = d.with_secondary(column.span, "may not be null");
    }
    d.with_help(format!("Say in `with {{ … }}` where it comes from, as in `{}: …`; or declare it with `?`.", missing.first().map_or("column", |c| &c.name)))
}

/// A written mapping of another type than its column.
pub fn mapping_type(span: Span, found: &Type, column: &SchemaColumn, text: &str, castable: bool) -> Diagnostic {
    let message = format!("`{}` is {}, and this is {found}", column.name, column.ty);
    let d = Diagnostic::new(Code::DQ0603, message, span, format!("{} is {found}", quote(text, "this"))).with_secondary(column.span, "declared here");
    if !castable || text.contains('\n') {
        return d.with_help("Map a value of the column's type.");
    }
    let cast = format!("cast({text} as {})", column.ty);
    d.with_help(format!("Write `{cast}`; rows for which it cannot be done are quarantined."))
        .with_replacement(format!("write `{cast}`"), span, cast)
}

/// A column of the source that does not fit the target's of the same name.
pub fn carried_type(head: Span, found: &SchemaColumn, column: &SchemaColumn, with: Option<Span>, castable: bool) -> Diagnostic {
    let message = format!("`{}` is {} in the source and {} in the target", column.name, found.ty, column.ty);
    let d = Diagnostic::new(Code::DQ0603, message, with.unwrap_or(head), format!("`{}` is not mapped here", column.name))
        .with_secondary(found.span, "in the source")
        .with_secondary(column.span, "in the target");
    if !castable {
        return d.with_help("Declare the two alike, or map another value.");
    }
    let map = format!("{}: cast({} as {})", column.name, found.name, column.ty);
    let d = d.with_help(format!("Write into `with {{ … }}`: `{map}`."));
    match with {
        // In front of the closing brace.
        Some(with) => {
            let at = with.end.saturating_sub(1);
            d.with_fix(format!("add `{map}`"), vec![Edit { span: Span { start: at, end: at, ..with }, text: format!("    {map}\n    ") }])
        }
        None => d,
    }
}

pub fn mapping_is_for_rows(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0604, "a mapping is computed for each row by itself", span, format!("{} is a value of the whole batch", quote(text, "this")))
        .with_help("What sums up rows is a dataset of its own, or a rule.")
}

pub fn merge_needs_key(span: Span, dataset: &str, declared: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0605, format!("`{dataset}` has no key to merge on"), span, "which rows are the same?")
        .with_secondary(declared, "no column of it is `key`")
        .with_help("Declare the columns that tell a row from every other as `key`, or use `write append`.")
}

pub fn merge_by_column(span: Span, dataset: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0608, "a merge goes by a column", span, "is computed, and the rows that are there do not have it")
        .with_help(format!("Give `{dataset}` a column for it, let a mapping in `with` fill it, and merge by that."))
}

pub fn circle_of_promotions(span: Span, circle: &[&str]) -> Diagnostic {
    Diagnostic::new(Code::DQ0606, format!("promotions go in a circle: {}", circle.join(" → ")), span, "closes the circle")
        .with_help("None of them could run first. Let one read from another dataset.")
}

pub fn unknown_layer(layer: &ast::Name, layers: &[String]) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0607, format!("there is no layer `{}`", layer.text), layer.span, "not in `dqc.toml`");
    let help = format!("The layers are {}; another is declared in `dqc.toml` under `[layers]`.", layers.join(", "));
    with_nearest(d, &layer.text, layer.span, layers.iter().map(String::as_str), help)
}

pub fn dataset_form(path: &ast::Path) -> Diagnostic {
    Diagnostic::new(Code::DQ0607, format!("`{}` is not a layer and a name", path.text()), path.span, "not `layer.name`")
        .with_help("A dataset is named by its layer and its own name, as in `silver.orders`.")
}
