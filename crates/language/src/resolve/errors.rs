//! All wording about names and modules.

use crate::diagnostics::suggest::nearest;
use crate::diagnostics::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast;

pub fn declared_twice(what: &str, name: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0206, format!("{what} `{name}` is declared twice"), span, "declared again here")
        .with_secondary(first, "first declared here")
        .with_help("Rename one of the two, or delete one.")
}

pub fn differs_by_case(what: &str, name: &str, span: Span, other: &str, first: Span) -> Diagnostic {
    let message = format!("{what} `{name}` and `{other}` differ only in upper and lower case");
    Diagnostic::new(Code::DQ0207, message, span, "names are found whatever their case")
        .with_secondary(first, format!("`{other}` is declared here"))
        .with_help("Rename one of the two, or delete one.")
}

pub fn unknown_module<'n>(path: &str, span: Span, known: impl Iterator<Item = &'n str>) -> Diagnostic {
    let d = Diagnostic::new(Code::DQ0205, format!("there is no module `{path}`"), span, "no file has this path");
    match nearest(path, known) {
        Some(near) => d
            .with_help(format!("The nearest is `{near}`."))
            .with_replacement(format!("write `{near}`"), span, near),
        None => d.with_help("A file's path is its module: `shared/money.dq` is `shared.money`."),
    }
}

/// `use money`
pub fn use_names_nothing(span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0205, format!("`use {name}` names a module and nothing in it, or the other way round"), span, "one of the two is missed")
        .with_help(format!("Write `use {name}.{{First, Second}}` for what the file `{name}.dq` declares."))
}

pub fn use_needs_names(module: &ast::Path) -> Diagnostic {
    let path = module.text();
    let message = format!("`use {path}` does not say which names it wants");
    Diagnostic::new(Code::DQ0205, message, module.span, "this is a whole module")
        .with_help(format!("List the names in braces: `use {path}.{{First, Second}}`."))
}

pub fn not_in_module<'n>(name: &ast::Name, module: &str, known: impl Iterator<Item = &'n str>) -> Diagnostic {
    let message = format!("module `{module}` declares no `{}`", name.text);
    let d = Diagnostic::new(Code::DQ0205, message, name.span, "not declared there");
    match nearest(&name.text, known) {
        Some(near) => d
            .with_help(format!("The nearest is `{near}`."))
            .with_replacement(format!("write `{near}`"), name.span, near),
        None => d.with_help("Only what a module's file declares itself can be used from it."),
    }
}
