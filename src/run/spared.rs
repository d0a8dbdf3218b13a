//! Files that need not be opened, because the log of their table proves all that is asked of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Job, constants};
use crate::engine::compile::Judgement;
use crate::engine::prove::log::{Spared, spare};
use crate::fault::Fault;
use crate::ir::{Input, Plan};

/// What of the job's input is opened, and what is not; `write`: rows are to be delivered, so that all is.
pub fn split<'a>(job: &Job<'a>, plan: &Plan, write: bool) -> Result<(Cow<'a, Input>, Vec<Spared>), Fault> {
    let told = job.input.files.iter().any(|file| file.statistics.is_some());
    if !job.proofs || write || !told || !constants::waiting(plan).is_empty() {
        return Ok((Cow::Borrowed(job.input), Vec::new()));
    }
    let judgement = Judgement::new(plan, job.as_of, false, &BTreeMap::new())?;
    let (input, spared) = spare(plan, &judgement, job.input);
    Ok((Cow::Owned(input), spared))
}
