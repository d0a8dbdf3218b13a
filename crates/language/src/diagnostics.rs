//! What the compiler has to say, as data: one value feeds the terminal, JSON, the editor, the formats
//! of CI systems and the tests. Made only by the named functions of each stage's `errors.rs`.

pub mod codes;
pub mod fingerprint;
pub mod fix;
pub mod github;
pub mod gitlab;
pub mod json;
pub mod junit;
pub mod paint;
pub mod render;
pub mod sarif;
pub mod suggest;

use crate::source::Span;

pub use codes::Code;

/// How bad a finding is: an error stops the compilation of what it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Note,
    Warning,
    Error,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place with a short text that says why it is pointed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One replacement of text; an empty span inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub text: String,
}

/// A change that can be applied without thinking: it keeps or restores what the author meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub title: String,
    pub edits: Vec<Edit>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where, and why just there.
    pub primary: Label,
    pub secondary: Vec<Label>,
    /// What to do next.
    pub help: Option<String>,
    pub notes: Vec<String>,
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A finding of the code's own severity.
    pub fn new(code: Code, message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            primary: Label { span, text: label.into() },
            secondary: Vec::new(),
            help: None,
            notes: Vec::new(),
            fix: None,
        }
    }

    pub fn with_secondary(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub fn with_fix(mut self, title: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.fix = Some(Fix { title: title.into(), edits });
        self
    }

    /// Calls with every place that it points at.
    pub fn each_place(&mut self, f: &mut dyn FnMut(&mut Span)) {
        let labels = std::iter::once(&mut self.primary).chain(&mut self.secondary).map(|l| &mut l.span);
        let edits = self.fix.iter_mut().flat_map(|fix| &mut fix.edits).map(|e| &mut e.span);
        labels.chain(edits).for_each(f);
    }

    /// A fix that replaces the text of one span.
    pub fn with_replacement(self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        self.with_fix(title, vec![Edit { span, text: text.into() }])
    }
}

/// Collects findings in any order.
#[derive(Debug, Default)]
pub struct Sink {
    found: Vec<Diagnostic>,
}

impl Sink {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.found.extend(diagnostics);
    }

    /// Takes back what came last, if `of` says that it is meant: a later finding says it better.
    pub fn take_last(&mut self, of: impl Fn(&Diagnostic) -> bool) -> Option<Diagnostic> {
        self.found.pop_if(|last| of(last))
    }

    /// All findings, as they came.
    pub fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    /// All findings by file, position and code, each once.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| (a.primary.span, a.code, &a.message).cmp(&(b.primary.span, b.code, &b.message)));
        self.found.dedup();
        self.found
    }
}
