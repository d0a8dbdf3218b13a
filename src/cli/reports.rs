//! The form in which reports are printed, and the files that they are put into besides.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::findings::base;
use super::past::past;
use crate::Compilation;
use crate::fault::Fault;
use crate::project::Project;
use crate::report::judged::Judged;
use crate::report::{html, json, junit};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For people
    Text,
    /// One document a line for each batch, as described by report.schema.json
    Json,
    /// JUnit's XML: a suite a batch, a case a rule
    Junit,
    /// One page that needs nothing from elsewhere
    Html,
}

/// Of commands that report no verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

impl Form {
    /// Whether it is printed batch by batch; else when all are judged.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Text | Self::Json)
    }
}

/// What is written when all batches are judged.
pub struct Reports<'a> {
    /// The command, as `dqc run`.
    command: &'static str,
    project: &'a Project,
    compilation: &'a Compilation,
    printed: Form,
    /// Under names of their own until they are whole, so that a run that fails leaves the report before it.
    files: Vec<(Form, PathBuf, NamedTempFile)>,
    judged: Vec<Judged>,
    /// The clock.
    as_of: i64,
}

impl<'a> Reports<'a> {
    /// # Errors
    /// A file whose name says no form, or that cannot be written.
    pub fn new(
        command: &'static str,
        project: &'a Project,
        compilation: &'a Compilation,
        printed: Form,
        paths: &[PathBuf],
        as_of: i64,
    ) -> Result<Self, Fault> {
        let open = |path: &PathBuf| Ok((form_of(path)?, path.clone(), draft(path)?));
        let files = paths.iter().map(open).collect::<Result<_, Fault>>()?;
        Ok(Self { command, project, compilation, printed, files, judged: Vec::new(), as_of })
    }

    /// Whether a page is among them.
    pub fn draw_pages(&self) -> bool {
        self.printed == Form::Html || self.files.iter().any(|(form, ..)| *form == Form::Html)
    }

    /// Keeps the batch if a file or the form wants it.
    pub fn keep(&mut self, batch: impl FnOnce() -> Judged) {
        if !self.files.is_empty() || !self.printed.is_running() {
            self.judged.push(batch());
        }
    }

    /// Writes the files.
    ///
    /// # Errors
    /// The disk is full, or the file was taken away.
    pub fn write(&mut self) -> Result<(), Fault> {
        for (form, path, mut file) in std::mem::take(&mut self.files) {
            let written = file.write_all(self.document(form).as_bytes()).and_then(|()| file.flush());
            let kept = written.is_ok() && file.persist(&path).is_ok();
            if !kept {
                return Err(Fault::usage(format!("`{}` could not be written to its end", path.display())));
            }
        }
        Ok(())
    }

    /// What is printed at the end.
    pub fn printed(&self) -> Option<String> {
        (!self.printed.is_running()).then(|| self.document(self.printed))
    }

    fn document(&self, form: Form) -> String {
        match form {
            Form::Html => html::document(
                &self.compilation.sources,
                self.project.config.name.as_deref().unwrap_or("dqc"),
                &self.judged,
                // A ledger that cannot be read takes no report away.
                past(self.project, self.as_of).ok().flatten().as_ref(),
            ),
            Form::Junit => junit::document(self.command, &self.judged, &base(&self.project.root)),
            Form::Text | Form::Json => {
                self.judged.iter().filter_map(|batch| batch.report.as_ref()).map(json::line).collect()
            }
        }
    }
}

fn form_of(path: &Path) -> Result<Form, Fault> {
    match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("html" | "htm") => Ok(Form::Html),
        Some("xml") => Ok(Form::Junit),
        Some("json" | "jsonl" | "ndjson") => Ok(Form::Json),
        _ => Err(Fault::usage(format!("`{}` does not say in which form a report goes there", path.display()))
            .with_help("end its name in .html, .xml (JUnit) or .jsonl")),
    }
}

fn draft(path: &Path) -> Result<NamedTempFile, Fault> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new();
    draft.prefix(".dqc-report-");
    // Those who read reports are others than who writes them; the process's mask still applies.
    #[cfg(unix)]
    draft.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    draft.tempfile_in(folder).map_err(|_| unwritable(path))
}

fn unwritable(path: &Path) -> Fault {
    Fault::usage(format!("`{}` cannot be written", path.display())).with_help("see that its folder is there")
}

pub fn create(path: &Path) -> Result<File, Fault> {
    File::create(path).map_err(|_| unwritable(path))
}
