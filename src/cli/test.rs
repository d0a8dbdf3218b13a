//! `dqc test`: the tests of rules, without data.

use std::path::PathBuf;

use super::check::{below, compile, is_wanted};
use super::context::prefix;
use super::findings::{Findings, Format, base, counted, does_not_compile};
use super::{Context, Exit, Outcome};
use crate::diagnostics::paint::visible;
use crate::diagnostics::{Diagnostic, Sink};
use crate::suite;

/// Run the tests that stand beside the rules
///
/// A `test` block says which rows break which rule. With `--mutate`, each rule is changed in small ways, and a change
/// that no test notices is reported: such a mistake could be made without anybody seeing it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc test                             all tests of the project
  dqc test silver/orders.dq            those in one file
  dqc test --mutate                    what the tests do not notice
  dqc test --format junit > tests.xml

Exit codes: 0 all tests pass, 1 a test fails, 3 the contracts do not compile.")]
pub struct Args {
    /// Files or folders of the project [default: all]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Change each rule in small ways, and say which changes no test notices
    #[arg(long)]
    mutate: bool,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let project = context.project_from(args.paths.first().map(PathBuf::as_path))?;
    let wanted = args.paths.iter().map(|path| below(&project.root, path)).collect::<Result<Vec<_>, _>>()?;
    let compilation = compile(&project)?;
    if let Some(exit) = does_not_compile(context, &project, &compilation) {
        return Ok(exit);
    }
    let sources = &compilation.sources;
    let in_wanted = |span: crate::source::Span| is_wanted(&sources.get(span.file).path, &wanted);
    let outcomes: Vec<_> = suite::run(&compilation.checked).into_iter().filter(|o| in_wanted(o.span)).collect();
    let mut sink = Sink::default();
    let (mut passed, mut failed) = (0, 0);
    for outcome in &outcomes {
        if context.global.verbose && args.format == Format::Text {
            let sign = if outcome.passed() { context.out.green("✓") } else { context.out.red("✗") };
            context.print(&format!("{sign} {}  {}\n", visible(&outcome.title), context.out.dim(&outcome.dataset)));
        }
        if outcome.passed() {
            passed += 1
        } else {
            failed += 1
        }
        sink.extend(outcome.findings.iter().cloned());
    }
    let mut checked = counted(passed + failed, "test");
    let mut unnoticed = Vec::new();
    if args.mutate {
        let mutations = suite::mutate::run(&compilation.checked, sources);
        checked = format!("{checked}; {} of {} noticed", mutations.noticed, counted(mutations.tried, "change"));
        unnoticed.extend(mutations.findings.into_iter().filter(|d| in_wanted(d.primary.span)));
        sink.extend(unnoticed.iter().cloned());
    }
    let found: Vec<Diagnostic> = sink.into_sorted();
    let base = base(&project.root);
    let findings = Findings { sources, found: &found, prefix: &prefix(&project.root), base: &base, checked };
    if args.format == Format::Text && found.is_empty() {
        let line = format!("{}: {}", context.out.green("all pass"), findings.checked);
        context.print(&if context.global.quiet { String::new() } else { line + "\n" });
    } else {
        findings.print(context, args.format, || suite::junit::document(sources, &outcomes, &unnoticed, &base));
    }
    Ok(if failed > 0 { Exit::Findings } else { Exit::Clean })
}
