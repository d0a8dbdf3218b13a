//! A first contract for data that has none: what the data shows, written as rules, and kept only where the data meets them.
//!
//! One scan sees every value and drafts claims: types, nulls, keys, ranges, sets, forms, references. The drafts are then
//! compiled and judged like any contract, and what the data breaks is taken out again, so that no claim rests on a guess.
//! Facts (types, nulls, a key) block; what may drift (sets, forms, ranges, references) warns, and blocks once more than
//! [`draft::MANY`] of the rows break it.

mod draft;
mod key;
mod observe;
mod references;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostics::Severity;
use crate::engine::sources::Session;
use crate::fault::Fault;
use crate::hir::Privacy;
use crate::ir::{Input, lower};
use crate::run::{Job, RuleVerdict};
use crate::source::SourceFile;
use crate::storage::Storage;
use draft::Draft;
pub use draft::name;
use observe::Observed;

/// Data to be described.
pub struct Given {
    /// What its contract will be called, as `silver.orders`.
    pub dataset: String,
    pub input: Input,
    /// As people know it.
    pub shown: String,
    /// Columns whose values must not be seen, by name: they are described without a value.
    pub private: BTreeMap<String, Privacy>,
}

/// What a profile is made with.
pub struct Means<'a> {
    pub storage: &'a Storage,
    /// Bytes that may be held; `None`: a fraction of the machine's.
    pub memory: Option<usize>,
    /// Microseconds since 1970 in UTC.
    pub now: i64,
    /// The layers in their order.
    pub layers: &'a [String],
}

/// How often drafts are judged at most; each time something was taken out of them.
const ROUNDS: usize = 12;

/// Contracts for all data that is given, formatted, in its order.
///
/// # Errors
/// The data cannot be read, holds no columns, or its files disagree about a type.
pub async fn contracts(given: &[Given], means: &Means<'_>) -> Result<String, Fault> {
    Ok(join(&drafts(given, means).await?))
}

/// A contract that says no more than which columns there are, for the layer in which data arrives, and one for all that the
/// data shows.
///
/// # Errors
/// As of [`contracts`].
pub async fn arriving(given: &Given, arrives_as: &str, means: &Means<'_>) -> Result<(String, String), Fault> {
    let drafts = drafts(std::slice::from_ref(given), means).await?;
    let bare = drafts.iter().map(|d| d.bare(arrives_as)).collect::<String>();
    Ok((formatted(&bare), join(&drafts)))
}

async fn drafts(given: &[Given], means: &Means<'_>) -> Result<Vec<Draft>, Fault> {
    let session = Session::new(means.memory, means.storage)?;
    let mut observed: Vec<Observed> = Vec::with_capacity(given.len());
    for data in given {
        observed.push(observe::observe(&session, data).await?);
    }
    let found = references::find(&observed);
    let all = observed.iter().zip(found).zip(given);
    let mut drafts: Vec<Draft> = all.map(|((o, r), g)| Draft::new(o, r, &g.private)).collect();
    let datasets: BTreeMap<String, Input> = given.iter().map(|g| (g.dataset.clone(), g.input.clone())).collect();
    for _ in 0..ROUNDS {
        let broken = judge(given, &drafts, &datasets, means).await?;
        let changed = drafts.iter_mut().zip(&broken).fold(false, |any, (draft, names)| draft.without(names) || any);
        if !changed {
            return Ok(drafts);
        }
    }
    Err(Fault::internal("no contract was found that the data meets"))
}

fn join(drafts: &[Draft]) -> String {
    formatted(&drafts.iter().map(Draft::text).collect::<Vec<_>>().join("\n"))
}

fn formatted(text: &str) -> String {
    crate::format::format(text).text
}

/// For each draft the rules that the data does not pass.
async fn judge(
    given: &[Given],
    drafts: &[Draft],
    datasets: &BTreeMap<String, Input>,
    means: &Means<'_>,
) -> Result<Vec<BTreeSet<String>>, Fault> {
    let text = drafts.iter().map(Draft::text).collect::<Vec<_>>().join("\n");
    let compiled = crate::compile(vec![SourceFile::new("profile.dq", text)], means.layers);
    if let Some(error) = compiled.diagnostics.iter().find(|d| d.severity == Severity::Error) {
        return Err(Fault::internal(format!("the contract that was drafted does not compile: {}", error.message)));
    }
    let mut found = Vec::with_capacity(given.len());
    for data in given {
        let plan = lower::audit(&compiled.checked, &compiled.sources, &data.dataset)
            .ok_or_else(|| Fault::internal(format!("`{}` has no plan", data.dataset)))?;
        let job = Job {
            plan: &plan,
            storage: means.storage,
            input: &data.input,
            datasets,
            table: None,
            history: None,
            batch: None,
            as_of: means.now,
            memory: means.memory,
            proofs: true,
            samples: 0,
            pictures: false,
            progress: None,
        };
        let report = crate::run::judge(&job, None).await?;
        found.push(report.rules.iter().filter(|r| r.verdict != RuleVerdict::Passed).map(|r| r.rule.clone()).collect());
    }
    Ok(found)
}
