//! `dqc check`: everything that can be known without data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::context::prefix;
use super::findings::{Findings, Format, base, counted};
use super::{Context, Exit, Outcome, against};
use crate::Compilation;
use crate::diagnostics::{Diagnostic, Edit, Severity, Sink, fix, junit};
use crate::fault::Fault;
use crate::project::{Project, Sources, loader};
use crate::source::FileId;

/// Find everything that is wrong with the contracts, without touching data
///
/// Reads every `.dq` file of the project and reports all mistakes together: in the syntax, in names and types, in rules
/// that contradict each other or can never be broken. With paths, only what is found in those files is shown; they are
/// still read together with the rest.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc check                            the project around this folder
  dqc check silver/orders.dq           only what is found in this file
  dqc check --against origin/main      what this change breaks, and for whom
  dqc check --against ../last-release  the same with the project as it is in a folder
  dqc check --fix                      apply the fixes that need no thought
  dqc check --format json | jq '.findings[].message'
  dqc check --format gitlab > gl-code-quality-report.json

Exit codes: 0 nothing but warnings, 1 errors, 2 the command line or dqc.toml is wrong.")]
pub struct Args {
    /// Files or folders of the project [default: all]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Apply the fixes of all findings that have one, then show what is left
    #[arg(long)]
    fix: bool,
    /// Compare with an earlier revision, of git or in a folder: which changes break producers or consumers, and what
    /// version is due. A folder that git could take for a revision is written `./FOLDER`
    #[arg(long, value_name = "REV|FOLDER")]
    against: Option<String>,
    /// Let warnings fail the check too
    #[arg(long)]
    strict: bool,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let project = context.project_from(args.paths.first().map(PathBuf::as_path))?;
    let wanted = args.paths.iter().map(|path| below(&project.root, path)).collect::<Result<Vec<_>, _>>()?;
    let mut compilation = compile(&project)?;
    if args.fix {
        compilation = apply_fixes(context, &project, &wanted, compilation)?;
    }
    if let Some(revision) = &args.against {
        against::compare(context, &project, revision, &mut compilation)?;
    }
    let found = chosen(&compilation, &wanted);
    let sources = &compilation.sources;
    let files = sources.iter().filter(|(_, f)| !f.path.starts_with('<') && is_wanted(&f.path, &wanted));
    let files: Vec<FileId> = files.map(|(id, _)| id).collect();
    let base = base(&project.root);
    let findings = Findings {
        sources,
        found: &found,
        prefix: &prefix(&project.root),
        base: &base,
        checked: counted(files.len(), "file"),
    };
    let fails = |d: &Diagnostic| d.severity == Severity::Error || args.strict && d.severity == Severity::Warning;
    findings.print(context, args.format, || junit::document(sources, &files, &found, &fails, &base));
    let exit = if found.iter().any(fails) { Exit::Findings } else { Exit::Clean };
    // The process ends: what it holds need not be given back piece by piece.
    std::mem::forget(compilation);
    Ok(exit)
}

/// The whole project compiled, with a finding for each file that could not be read.
pub fn compile(project: &Project) -> Result<Compilation, Fault> {
    let (files, unreadable) = Sources::load(&project.loader())?.into_parts();
    let mut compilation = crate::compile(files, &project.layers());
    let queries = super::engine::findings(&compilation);
    if !unreadable.is_empty() || !queries.is_empty() {
        let mut sink = Sink::default();
        sink.extend(std::mem::take(&mut compilation.diagnostics));
        sink.extend(queries);
        sink.extend(Sources::findings(&unreadable, &compilation.sources));
        compilation.diagnostics = sink.into_sorted();
    }
    Ok(compilation)
}

/// A path of the command line as one of the project: empty for its folder.
pub fn below(root: &Path, path: &Path) -> Result<String, Fault> {
    let real =
        path.canonicalize().map_err(|_| Fault::usage(format!("there is no file or folder `{}`", path.display())))?;
    loader::relative(root, &real).ok_or_else(|| {
        Fault::usage(format!("`{}` is not in the project `{}`", path.display(), root.display()))
            .with_help("check one project at a time; `--project DIR` names another")
    })
}

pub fn is_wanted(file: &str, wanted: &[String]) -> bool {
    let inside = |folder: &String| {
        folder.is_empty()
            || file.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    wanted.is_empty() || wanted.iter().any(inside)
}

fn chosen(compilation: &Compilation, wanted: &[String]) -> Vec<Diagnostic> {
    let in_wanted = |d: &&Diagnostic| is_wanted(&compilation.sources.get(d.primary.span.file).path, wanted);
    compilation.diagnostics.iter().filter(in_wanted).cloned().collect()
}

/// A fix can make another one possible, or show a finding that was hidden: rounds, until nothing changes.
fn apply_fixes(
    context: &Context,
    project: &Project,
    wanted: &[String],
    mut compilation: Compilation,
) -> Result<Compilation, Fault> {
    const ROUNDS: usize = 10;
    let mut fixed = 0;
    let mut touched = std::collections::BTreeSet::new();
    for _ in 0..ROUNDS {
        let found = chosen(&compilation, wanted);
        let mut by_file: BTreeMap<&str, Vec<&[Edit]>> = BTreeMap::new();
        for change in found.iter().filter_map(|d| d.fix.as_ref()) {
            let Some(first) = change.edits.first() else { continue };
            let path = compilation.sources.get(first.span.file).path.as_str();
            if change.edits.iter().all(|e| e.span.file == first.span.file) && !path.starts_with('<') {
                by_file.entry(path).or_default().push(&change.edits);
            }
        }
        let mut changed = false;
        for (path, fixes) in by_file {
            let Some(id) = compilation.sources.find(path) else { continue };
            let text = &compilation.sources.get(id).text;
            let (after, applied) = fix::apply_all(text, &fixes);
            if after != *text {
                replace(&project.root.join(path), &after)?;
                changed = true;
                fixed += applied;
                touched.insert(path.to_string());
            }
        }
        if !changed {
            break;
        }
        compilation = compile(project)?;
    }
    context.log(&format!("fixed {} in {}", counted(fixed, "finding"), counted(touched.len(), "file")));
    Ok(compilation)
}

/// Writes beside the file and renames, so that a fall of the machine leaves the old text or the new one.
pub fn replace(path: &Path, text: &str) -> Result<(), Fault> {
    let cannot = |_| Fault::new(crate::fault::FaultKind::Permission, format!("`{}` cannot be written", path.display()));
    let real = path.canonicalize().map_err(cannot)?;
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = real.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    std::fs::write(&beside, text).map_err(cannot)?;
    let permissions = std::fs::metadata(&real).map_err(cannot)?.permissions();
    let moved = std::fs::set_permissions(&beside, permissions).and_then(|()| std::fs::rename(&beside, &real));
    moved.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        cannot(error)
    })
}
