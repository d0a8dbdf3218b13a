//! What the commands share that look into a project's lake: its promotions with their plans, and its storage.

use crate::Compilation;
use crate::cli::check::compile;
use crate::cli::exit::Failure;
use crate::cli::findings::does_not_compile;
use crate::cli::run::{chosen, plan};
use crate::cli::{Context, Exit};
use crate::fault::Fault;
use crate::hir::Promotion;
use crate::ir::Plan;
use crate::project::Project;
use crate::promote::{Lake, Task};
use crate::storage::Storage;

pub struct Lakes {
    pub project: Project,
    pub compilation: Compilation,
    pub storage: Storage,
}

/// Promotions with their plans, which tasks borrow from.
pub struct Planned<'a>(Vec<(&'a Promotion, Plan)>);

impl Lakes {
    /// The project that was started in or named; `Err` within: it does not compile, and that was said.
    pub fn open(context: &Context) -> Result<Result<Self, Exit>, Failure> {
        let project = context.project()?;
        let compilation = compile(&project)?;
        if let Some(exit) = does_not_compile(context, &project, &compilation) {
            return Ok(Err(exit));
        }
        let storage = Storage::of(&project)?;
        Ok(Ok(Self { project, compilation, storage }))
    }

    pub fn lake(&self) -> Result<Lake<'_>, Fault> {
        Lake::of(&self.project, &self.compilation.checked, &self.storage)
    }

    /// Those into the named datasets; none named: all.
    pub fn planned(&self, names: &[String]) -> Result<Planned<'_>, Fault> {
        let chosen = chosen(&self.compilation, names)?;
        chosen.into_iter().map(|p| Ok((p, plan(&self.compilation, p)?))).collect::<Result<_, Fault>>().map(Planned)
    }

    /// How long rows of a dataset stay in quarantine, in microseconds.
    pub fn keep(&self, dataset: &str) -> Option<i64> {
        self.compilation.checked.contract(dataset)?.quarantine_keep
    }
}

impl Planned<'_> {
    pub fn tasks(&self) -> Vec<Task<'_>> {
        self.0.iter().map(|(promotion, plan)| Task { promotion, plan }).collect()
    }
}
