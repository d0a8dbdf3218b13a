//! Findings in the format that was asked for.

use std::path::Path;

use clap::ValueEnum;

use super::Exit;
use super::context::{Context, Global, prefix};
use crate::Compilation;
use crate::diagnostics::paint::{Paint, visible_json};
use crate::diagnostics::render::Renderer;
use crate::diagnostics::{Diagnostic, Severity, github, gitlab, json, sarif};
use crate::project::Project;
use crate::source::SourceMap;

/// So many are printed: nobody reads more, and most come of one mistake.
const MOST: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One document, as described by findings.schema.json
    Json,
    /// XML that test viewers read
    Junit,
    /// Code Quality of GitLab: in the merge request, at the line
    Gitlab,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

pub struct Findings<'a> {
    pub sources: &'a SourceMap,
    pub found: &'a [Diagnostic],
    /// Put before paths; see [`super::context::prefix`].
    pub prefix: &'a str,
    /// The project's folder in the repository, with a closing slash; see [`base`].
    pub base: &'a str,
    /// What was checked, for the closing line: `5 files`.
    pub checked: String,
}

impl Findings<'_> {
    /// `junit` makes the document that is not of findings alone.
    pub fn print(&self, context: &Context, format: Format, junit: impl FnOnce() -> String) {
        context.print(&match format {
            Format::Text => self.text(context.out, &context.global),
            Format::Json => visible_json(&json::document(self.sources, self.found)).into_owned(),
            Format::Junit => junit(),
            Format::Gitlab => visible_json(&gitlab::document(self.sources, self.found, self.base)).into_owned(),
            Format::Sarif => visible_json(&sarif::document(self.sources, self.found, self.base)).into_owned(),
            Format::Github => github::lines(self.sources, self.found, self.base),
        });
    }

    /// Notes are remarks, and shown only to those who ask.
    pub fn text(&self, paint: Paint, global: &Global) -> String {
        let renderer = Renderer::new(self.sources, paint, self.prefix);
        let shown = |d: &&Diagnostic| global.verbose || d.severity > Severity::Note;
        let shown: Vec<&Diagnostic> = self.found.iter().filter(shown).collect();
        let mut text: String = shown.iter().take(MOST).map(|finding| renderer.finding(finding)).collect();
        if shown.len() > MOST {
            let left = shown.len() - MOST;
            text.push_str(&format!("{left} more are not shown; `--format json` holds all of them\n\n"));
        }
        if global.quiet && shown.is_empty() {
            return text;
        }
        text + &self.closing(paint, global.quiet, &shown)
    }

    fn closing(&self, paint: Paint, quiet: bool, shown: &[&Diagnostic]) -> String {
        let count = |severity: Severity| {
            let n = self.found.iter().filter(|d| d.severity == severity).count();
            (n > 0).then(|| counted(n, severity.name()))
        };
        let counts = [Severity::Error, Severity::Warning].map(count).into_iter().flatten().collect::<Vec<_>>();
        let counts = match (counts.as_slice(), shown) {
            ([], []) => paint.green("nothing is wrong"),
            ([], _) => paint.green("nothing but notes"),
            _ => paint.bold(&counts.join(", ")),
        };
        let mut text = format!("{counts} in {}\n", self.checked);
        if quiet {
            return text;
        }
        let notes = self.found.iter().filter(|d| d.severity == Severity::Note).count();
        if notes > 0 && shown.len() < self.found.len() {
            let line = format!("{}; `-v` shows what else could be said", counted(notes, "note"));
            text.push_str(&(paint.dim(&line) + "\n"));
        }
        let fixable = shown.iter().filter(|d| d.fix.is_some()).count();
        if fixable > 0 {
            let them = match fixable {
                1 if shown.len() == 1 => "it".to_string(),
                n if n == shown.len() => "all of them".to_string(),
                n => format!("{n} of them"),
            };
            text.push_str(&(paint.dim(&format!("`dqc check --fix` fixes {them}")) + "\n"));
        }
        if let Some(first) = shown.first() {
            let line = format!("`dqc explain {}` tells more about a finding", first.code.name());
            text.push_str(&(paint.dim(&line) + "\n"));
        }
        text
    }
}

/// Findings go to stderr, so that stdout holds nothing but reports.
pub fn does_not_compile(context: &Context, project: &Project, compilation: &Compilation) -> Option<Exit> {
    let errors: Vec<_> = compilation.diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
    if errors.is_empty() {
        return None;
    }
    let prefix = prefix(&project.root);
    let files = compilation.sources.iter().filter(|(_, f)| !f.path.starts_with('<')).count();
    let checked = counted(files, "file");
    let shown = Findings { sources: &compilation.sources, found: &errors, prefix: &prefix, base: "", checked };
    eprint!("{}", shown.text(context.err, &context.global));
    Some(Exit::DoesNotCompile)
}

/// The project's folder as seen from that of its repository, which CI systems count paths from: `rules/flights/`.
/// Empty where the project is the repository, or there is none.
pub fn base(root: &Path) -> String {
    let repository = root.ancestors().find(|folder| folder.join(".git").exists());
    let below = repository.and_then(|repository| root.strip_prefix(repository).ok());
    let parts = below.into_iter().flat_map(Path::components);
    parts.map(|part| format!("{}/", part.as_os_str().to_string_lossy())).collect()
}

/// `1 file`, `2 files`
pub fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
