//! Findings in the format that was asked for.

use clap::ValueEnum;

use super::Context;
use crate::diagnostics::paint::Paint;
use crate::diagnostics::render::{Renderer, summary};
use crate::diagnostics::{Diagnostic, json};
use crate::source::SourceMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One document, as described by findings.schema.json
    Json,
}

pub struct Findings<'a> {
    pub sources: &'a SourceMap,
    pub found: &'a [Diagnostic],
    /// Put before paths; see [`super::context::prefix`].
    pub prefix: &'a str,
    /// What was checked, for the closing line: `5 files`.
    pub checked: String,
}

impl Findings<'_> {
    pub fn print(&self, context: &Context, format: Format) {
        match format {
            Format::Json => context.print(&json::document(self.sources, self.found)),
            Format::Text => context.print(&self.text(context.out, context.global.quiet)),
        }
    }

    pub fn text(&self, paint: Paint, quiet: bool) -> String {
        let renderer = Renderer { sources: self.sources, paint, prefix: self.prefix };
        let text: String = self.found.iter().map(|finding| renderer.finding(finding)).collect();
        text + &self.closing(paint, quiet)
    }

    fn closing(&self, paint: Paint, quiet: bool) -> String {
        let Some(counts) = summary(self.found) else {
            return if quiet { String::new() } else { format!("{} in {}\n", paint.green("no findings"), self.checked) };
        };
        let mut text = format!("{} in {}\n", paint.bold(&counts), self.checked);
        if quiet {
            return text;
        }
        let fixable = self.found.iter().filter(|d| d.fix.is_some()).count();
        if fixable > 0 {
            let them =
                if fixable == self.found.len() { "all of them".to_string() } else { format!("{fixable} of them") };
            text.push_str(&paint.dim(&format!("`dqc check --fix` fixes {them}\n")));
        }
        if let Some(first) = self.found.first() {
            text.push_str(&paint.dim(&format!("`dqc explain {}` tells more about a finding\n", first.code.name())));
        }
        text
    }
}

/// `1 file`, `2 files`
pub fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
