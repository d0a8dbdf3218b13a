//! Everything that is said about a project and its files.

use std::path::Path;

use super::{CONFIG_FILE, Format, Unreadable};
use crate::diagnostics::{Code, Diagnostic, suggest};
use crate::fault::{Fault, FaultKind};
use crate::source::Span;

// --- findings in dqc.toml

pub fn not_toml(span: Span, why: &str) -> Diagnostic {
    let why = why.lines().next().unwrap_or_default();
    Diagnostic::new(Code::DQ0901, "`dqc.toml` cannot be read at this place", span, why)
        .with_help("a value stands as `name = \"text\"` below a heading in brackets, such as `[layers]`")
}

pub fn unknown_key(key: &str, span: Span, table: &str, known: &[&'static str]) -> Diagnostic {
    let place = if table.is_empty() { "at the top of `dqc.toml`".into() } else { format!("in `[{table}]`") };
    let message = format!("there is no key `{key}` {place}");
    let list = suggest::list(known.iter().copied());
    match suggest::nearest(key, known.iter().copied()) {
        Some(near) => Diagnostic::new(Code::DQ0902, message, span, format!("the nearest is `{near}`"))
            .with_help(format!("what can stand here: {list}"))
            .with_replacement(format!("write `{near}`"), span, near),
        None => Diagnostic::new(Code::DQ0902, message, span, "not known here")
            .with_help(format!("what can stand here: {list}")),
    }
}

pub fn wrong_kind(key: &str, span: Span, expected: &str, found: &str) -> Diagnostic {
    Diagnostic::new(Code::DQ0903, format!("`{key}` takes {expected}"), span, format!("this is {found}"))
}

pub fn not_one_of<const N: usize>(key: &str, text: &str, span: Span, known: [&'static str; N]) -> Diagnostic {
    let list = suggest::list(known);
    let finding = Diagnostic::new(Code::DQ0903, format!("`{key}` cannot be `{text}`"), span, "not one that is known")
        .with_help(format!("it can be {}", list.replacen(" and ", " or ", 1)));
    match suggest::nearest(text, known) {
        Some(near) => finding.with_replacement(format!("write `{near}`"), span, format!("\"{near}\"")),
        None => finding,
    }
}

pub fn unknown_language(version: i64, span: Span) -> Diagnostic {
    let message = format!("this `dqc` does not speak version {version} of the language");
    Diagnostic::new(Code::DQ0903, message, span, "it speaks version 1").with_help("install a newer `dqc`, or write `1`")
}

pub fn missing_key(key: &str, table: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0904, format!("`[{table}]` needs `{key}`"), span, format!("`{key}` is missing"))
        .with_help(format!("add `{key} = \"…\"`"))
}

pub fn plain_secret(key: &str, span: Span) -> Diagnostic {
    let message = format!("`{key}` is a secret and must not stand in `dqc.toml`");
    Diagnostic::new(Code::DQ0905, message, span, "written out here")
        .with_help("name where it is kept: `env:NAME` for an environment variable, `file:PATH` for a file")
        .with_note("a secret that was committed is known to everybody with the repository: change it")
}

pub fn not_an_address(key: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0903, format!("`{key}` takes an address"), span, "not one that starts with `https://`")
        .with_help("write `https://…`, or name where it is kept: `env:NAME`, `file:PATH`")
}

pub fn password_in_the_open(span: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0903, "a password must not be sent without TLS", span, "`tls` is `none` here")
        .with_help("write `tls = \"starttls\"` or `tls = \"tls\"`, or leave `user` and `password` out")
}

pub fn no_such_channel(promotion: &str, name: &str, known: &[String]) -> Fault {
    let fault = Fault::usage(format!("`{promotion}` notifies `{name}`, and `{CONFIG_FILE}` has no such channel"));
    let names = || known.iter().map(String::as_str);
    match suggest::nearest_help(name, names()) {
        Some(help) => fault.with_help(help),
        None => fault.with_help(format!("add `[channels.{name}]` with `kind = \"slack\"`, `\"mail\"`, `\"webhook\"` or `\"none\"`")),
    }
}

pub fn unknown_layer_in_environment<'a>(
    name: &str,
    span: Span,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Diagnostic {
    let message = format!("an environment places the layers of `[layers]`, and `{name}` is none of them");
    let near = suggest::nearest(name, known.clone());
    let finding = Diagnostic::new(
        Code::DQ0902,
        message,
        span,
        match near {
            Some(near) => format!("the nearest is `{near}`"),
            None => "not a layer".to_string(),
        },
    );
    match near {
        Some(near) => finding.with_replacement(format!("write `{near}`"), span, near),
        None => finding.with_help(format!("add it to `[layers]` first; there are {}", suggest::list(known))),
    }
}

// --- findings in files

pub fn unreadable(path: &str, span: Span, why: Unreadable) -> Diagnostic {
    let (message, help) = match why {
        Unreadable::Missing => ("is not there any more", "was it removed while `dqc` was running?"),
        Unreadable::Denied => ("may not be read", "ask for the permission to read it"),
        Unreadable::Binary => ("is not a text file", "a `.dq` file holds text; was another file given its name?"),
        Unreadable::NotUtf8(_) => ("is not UTF-8", "save it again with the encoding UTF-8"),
        Unreadable::TooLarge(_) => {
            ("is too large for a `.dq` file", "data belongs below a layer, not beside the contracts")
        }
        Unreadable::Nowhere => ("is a link that leads nowhere", "remove it, or let it lead to a file"),
        Unreadable::Failed => ("cannot be read", "the disk or the network failed; try again"),
    };
    let finding = Diagnostic::new(Code::DQ0906, format!("`{path}` {message}"), span, "").with_help(help);
    match why {
        Unreadable::NotUtf8(line) => finding.with_note(format!("the first byte that is none stands in line {line}")),
        Unreadable::TooLarge(size) => {
            finding.with_note(format!("it has {} MB; the limit is {} MB", size >> 20, super::loader::MAX_BYTES >> 20))
        }
        _ => finding,
    }
}

// --- faults

pub fn no_such_folder(path: &Path) -> Fault {
    Fault::usage(format!("there is no folder `{}`", path.display()))
}

pub fn no_project(start: &Path) -> Fault {
    Fault::usage(format!("there is no `{CONFIG_FILE}` in `{}` or any folder above it", start.display()))
        .with_help("go to a project, name one with `--project DIR`, or start one with `dqc init`")
}

pub fn no_config(root: &Path) -> Fault {
    Fault::usage(format!("there is no `{CONFIG_FILE}` in `{}`", root.display()))
        .with_help("name the folder of a project, or start one there with `dqc init`")
}

pub fn unreadable_config(why: Unreadable) -> Fault {
    let what = match why {
        Unreadable::Denied => return Fault::new(FaultKind::Permission, format!("`{CONFIG_FILE}` may not be read")),
        Unreadable::Binary | Unreadable::NotUtf8(_) => "is not UTF-8 text",
        Unreadable::TooLarge(_) => "is too large",
        Unreadable::Missing | Unreadable::Failed | Unreadable::Nowhere => "cannot be read",
    };
    Fault::usage(format!("`{CONFIG_FILE}` {what}"))
}

pub fn unknown_environment(name: &str, known: &[String]) -> Fault {
    let fault = Fault::usage(format!("`{CONFIG_FILE}` has no environment `{name}`"));
    if known.is_empty() {
        return fault.with_help(format!("add `[env.{name}.layers]` to it, or leave `--env` out"));
    }
    let names = || known.iter().map(String::as_str);
    let help = suggest::nearest_help(name, names()).unwrap_or_else(|| format!("it has {}", suggest::list(names())));
    fault.with_help(help)
}

pub fn no_such_layer(dataset: &str, layer: &str, known: &[String]) -> Fault {
    let fault = Fault::usage(format!("`{dataset}` stands in the layer `{layer}`, which `{CONFIG_FILE}` does not have"));
    let names = || known.iter().map(String::as_str);
    match suggest::nearest_help(layer, names()) {
        Some(help) => fault.with_help(help),
        None if known.is_empty() => fault.with_help(format!("add `{layer} = \"lake/{layer}\"` to `[layers]`")),
        None => fault.with_help(format!("it has {}", suggest::list(names()))),
    }
}

pub fn unknown_format(dataset: &str, format: &str) -> Fault {
    let known = Format::NAMES.map(|f| f.0);
    let fault = Fault::new(FaultKind::Contract, format!("`{dataset}` has the format `{format}`, which is not known"));
    let help = suggest::nearest_help(format, known).unwrap_or_else(|| format!("known are {}", suggest::list(known)));
    fault.with_help(help)
}

pub fn no_quarantine() -> Fault {
    Fault::usage(format!("`{CONFIG_FILE}` does not say where held rows go"))
        .with_help("add `[quarantine]` with `path = \"lake/quarantine\"`")
}

pub fn no_ledger() -> Fault {
    Fault::usage(format!("`{CONFIG_FILE}` does not say where the ledger is kept"))
        .with_help("add `[ledger]` with `path = \"lake/_dqc\"`")
}

pub fn no_secret_variable(name: &str) -> Fault {
    Fault::new(
        FaultKind::Permission,
        format!("the environment variable `{name}`, named in `{CONFIG_FILE}`, is not set"),
    )
}

pub fn no_secret_file(path: &str) -> Fault {
    Fault::new(FaultKind::Permission, format!("the secret's file `{path}`, named in `{CONFIG_FILE}`, cannot be read"))
}

pub fn unreadable_folder(path: &Path) -> Fault {
    Fault::new(FaultKind::Permission, format!("the folder `{}` cannot be read", path.display()))
}
