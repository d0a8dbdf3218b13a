//! What the log of a Delta table says of its files: one whose columns prove every rule is not opened at all.

use super::{Proof, decide, statistics};
use crate::engine::compile::Judgement;
use crate::engine::expr::facts::Fact;
use crate::hir::{Over, RuleKind};
use crate::ir::{ColumnStatistics, FileStatistics, Format, Input, InputFile, Plan, SourceColumn};

/// A file that need not be opened.
#[derive(Clone, Debug)]
pub struct Spared {
    pub input: InputFile,
    pub rows: u64,
    /// For each check of the judgement.
    pub proofs: Vec<Proof>,
}

/// The files that must be opened, and those for which the log proves all. One is always opened: its footer stands for the
/// columns of the others.
pub fn spare(plan: &Plan, judgement: &Judgement, input: &Input) -> (Input, Vec<Spared>) {
    let by_rows = |planned: &crate::ir::PlanRule| {
        matches!(planned.rule.kind, RuleKind::Type { .. } | RuleKind::Mapping { .. } | RuleKind::Row { .. })
            && planned.rule.over != Over::Table
    };
    let mut rest = Input { place: input.place.clone(), files: Vec::new(), version: input.version };
    let mut spared = Vec::new();
    if input.place.format != Format::Delta || !plan.rules.iter().all(by_rows) {
        return (input.clone(), spared);
    }
    for file in &input.files {
        match proven(plan, judgement, file) {
            Some((rows, proofs)) => spared.push(Spared { input: file.clone(), rows, proofs }),
            None => rest.files.push(file.clone()),
        }
    }
    if rest.files.is_empty() && !spared.is_empty() {
        rest.files.push(spared.remove(0).input);
    }
    (rest, spared)
}

/// The file's rows, and a proof for each check.
fn proven(plan: &Plan, judgement: &Judgement, file: &InputFile) -> Option<(u64, Vec<Proof>)> {
    let known = file.statistics.as_ref()?;
    let columns: Vec<&ColumnStatistics> = plan.source.iter().map(|c| find(known, c)).collect::<Option<_>>()?;
    let inputs: Vec<Fact> = columns.iter().enumerate().map(|(i, of)| statistics::of_log(of, known.rows, i)).collect();
    let certain = judgement.program.certain();
    let facts = certain.facts(&inputs, &|_, _| false);
    let nulls = |input: usize| columns.get(input)?.nulls;
    let mut proofs: Vec<Proof> = Vec::with_capacity(judgement.checks.len());
    for check in &judgement.checks {
        proofs.push(decide(judgement, check, &facts, known.rows, &nulls)?);
    }
    Some((known.rows, proofs))
}

/// The log's entry for a column; of another type, or of none, the file's footer must tell.
fn find<'a>(known: &'a FileStatistics, column: &SourceColumn) -> Option<&'a ColumnStatistics> {
    let same = |c: &&ColumnStatistics| c.name.to_lowercase() == column.name.to_lowercase();
    known.columns.iter().find(same).filter(|c| c.ty == column.ty)
}
