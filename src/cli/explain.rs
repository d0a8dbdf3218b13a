//! `dqc explain`: the page of a code, an exit code, a rule in words.

use super::check::compile;
use super::context::prefix;
use super::exit::{MEANINGS, Meaning};
use super::{Context, Exit, Outcome};
use crate::diagnostics::paint::Paint;
use crate::diagnostics::{Code, suggest};
use crate::fault::Fault;
use crate::hir::{Checked, Contract, Rule};
use crate::source::{SourceMap, Span};
use crate::suite::rules_of;
use crate::suite::words::sentences;

/// Explain a finding's code, an exit code, or a rule
///
/// A code's page shows an example that yields it and how it is cured. A rule is shown with its place, what breaks it,
/// and what happens then.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc explain DQ0201
  dqc explain exit 10
  dqc explain exit                     all exit codes
  dqc explain silver.orders.one_per_day")]
pub struct Args {
    /// A code as `DQ0201`, `exit N`, or a rule as `CONTRACT.RULE`
    #[arg(value_name = "WHAT", required = true, num_args = 1..=2)]
    what: Vec<String>,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let words: Vec<&str> = args.what.iter().map(String::as_str).collect();
    let text = match words.as_slice() {
        ["exit"] => exits(context.out, MEANINGS.iter()),
        ["exit", number] => {
            let found = MEANINGS.iter().find(|m| m.code.to_string() == *number);
            exits(context.out, std::iter::once(found.ok_or_else(|| no_such_exit(number))?))
        }
        [name] if is_code(name) => page(context.out, Code::find(name).ok_or_else(|| no_such_code(name))?.page()),
        [name] => rule(context, name)?,
        _ => return Err(Fault::usage("`dqc explain` explains one thing at a time").into()),
    };
    context.print(&text);
    Ok(Exit::Clean)
}

fn is_code(name: &str) -> bool {
    let digits = name.get(2..).unwrap_or("");
    name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("dq")) && digits.chars().all(|c| c.is_ascii_digit())
}

fn no_such_code(name: &str) -> Fault {
    let fault = Fault::usage(format!("there is no code `{name}`"));
    match suggest::nearest_help(name, Code::ALL.iter().map(|code| code.name())) {
        Some(near) => fault.with_help(near),
        None => fault,
    }
}

fn no_such_exit(number: &str) -> Fault {
    Fault::usage(format!("`dqc` never ends with the exit code `{number}`"))
        .with_help("`dqc explain exit` lists them all")
}

fn exits<'a>(paint: Paint, meanings: impl Iterator<Item = &'a Meaning>) -> String {
    let mut text = String::new();
    for meaning in meanings {
        let number = format!("{:>4}", meaning.code);
        for (i, line) in paint.wrap(meaning.means, 6).iter().enumerate() {
            let head = if i == 0 { paint.bold(&number) } else { "    ".into() };
            text.push_str(&format!("{head}  {}\n", paint.bold(line)));
        }
        for line in paint.wrap(meaning.next, 6) {
            text.push_str(&format!("      {line}\n"));
        }
        let retry = match meaning.retry {
            None => continue,
            Some(true) => "retry: yes, the same command can succeed later",
            Some(false) => "retry: no, somebody has to change something first",
        };
        text.push_str(&format!("      {}\n", paint.dim(retry)));
    }
    text
}

/// Markdown for a terminal: headings stand out, fences become a rule at the side.
fn page(paint: Paint, markdown: &str) -> String {
    let mut text = String::new();
    let mut fenced = false;
    for line in markdown.lines() {
        if let Some(info) = line.strip_prefix("```") {
            fenced = !fenced;
            if fenced && info.ends_with("error") {
                text.push_str(&format!("  {}\n", paint.red("wrong")));
            } else if fenced && !info.is_empty() {
                text.push_str(&format!("  {}\n", paint.green("right")));
            }
        } else if fenced {
            text.push_str(&format!("  {} {line}", paint.dim("│")).trim_end().to_string());
            text.push('\n');
        } else if let Some(heading) = line.strip_prefix("# ") {
            text.push_str(&format!("{}\n", paint.bold(heading)));
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn rule(context: &Context, name: &str) -> Result<String, super::Failure> {
    let project = context.project()?;
    let compilation = compile(&project)?;
    let (contract, rule) = find(&compilation.checked, name)?;
    let paint = context.out;
    let source = &compilation.sources;
    let file = source.get(rule.span.file);
    let at = file.place(rule.span.start as usize);
    let place = format!("{}{}:{}:{}", prefix(&project.root), file.path, at.line, at.column);
    let mut text = format!("{}  {}\n", paint.bold(&format!("{}.{}", contract.dataset, rule.name)), paint.dim(&place));
    for line in rule.doc.lines().flat_map(|line| paint.wrap(line, 2)) {
        text.push_str(&format!("  {line}\n"));
    }
    text.push('\n');
    text.push_str(&excerpt(paint, source, rule.span));
    text.push('\n');
    for (head, words) in sentences(contract, rule) {
        for (i, line) in paint.wrap(&words, 14).iter().enumerate() {
            let head = if i == 0 { paint.blue(&format!("{head:<12}")) } else { " ".repeat(12) };
            text.push_str(&format!("  {head}{line}\n"));
        }
    }
    Ok(text)
}

fn find<'a>(checked: &'a Checked, name: &str) -> Result<(&'a Contract, &'a Rule), Fault> {
    let of = |contract: &'a Contract| rules_of(checked, contract).into_iter().map(move |rule| (contract, rule));
    let mut all = checked.contracts.iter().flat_map(of);
    let full = |contract: &Contract, rule: &Rule| format!("{}.{}", contract.dataset, rule.name);
    if let Some(found) = all.clone().find(|(contract, rule)| full(contract, rule).eq_ignore_ascii_case(name)) {
        return Ok(found);
    }
    let names: Vec<String> = all.by_ref().map(|(contract, rule)| full(contract, rule)).collect();
    let fault = Fault::usage(format!("there is no rule `{name}`"));
    let in_contract = names.iter().filter(|n| n.starts_with(&format!("{name}.")));
    // The name of a contract is long, and everything in it near to everything else.
    let known = checked.contracts.iter().filter_map(|c| Some((c, name.strip_prefix(&c.dataset)?.strip_prefix('.')?))).next();
    if let Some((contract, wanted)) = known {
        if contract.sla.iter().any(|s| s.name == wanted) {
            return Err(fault.with_help(format!("`{wanted}` is a service level of it: `dqc sla` tells how it stands")));
        }
        let rules = rules_of(checked, contract);
        let names = || rules.iter().map(|r| r.name.as_str());
        let near = suggest::nearest(wanted, names()).map(|n| format!("the nearest is `{}.{n}`", contract.dataset));
        return Err(fault.with_help(near.unwrap_or_else(|| format!("`{}` has {}", contract.dataset, suggest::list(names())))));
    }
    Err(match suggest::nearest_help(name, names.iter().map(String::as_str)) {
        _ if checked.contract(name).is_some() => {
            let rules: Vec<&str> = in_contract.map(String::as_str).collect();
            Fault::usage(format!("`{name}` is a contract; name one of its rules")).with_help(rules.join("\n"))
        }
        Some(near) => fault.with_help(near),
        None => fault.with_help("a rule is named as `silver.orders.one_per_day`, a code as `DQ0201`"),
    })
}

/// The rule as it is written, at its own indentation.
fn excerpt(paint: Paint, source: &SourceMap, span: Span) -> String {
    let file = source.get(span.file);
    let (first, last) = (file.place(span.start as usize).line, file.place(span.end as usize).line);
    let lines: Vec<&str> = (first..=last).map(|n| file.line(n)).collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|l| !l.trim().is_empty()).map(indent).min().unwrap_or(0);
    let width = last.to_string().len();
    let shown = lines.iter().enumerate().map(|(i, line)| {
        let bar = paint.dim(&format!("{:>width$} │", first + i));
        format!("  {bar} {}\n", crate::diagnostics::paint::visible(line.get(common..).unwrap_or("")))
    });
    shown.collect()
}
