//! What an editor shows of data that was judged: from the ledger, if there is one.

use super::run::runtime;
use crate::fault::Fault;
use crate::ide::past::{Batch, Verdict};
use crate::ide::Past;
use crate::ledger::{Ledger, now};
use crate::project::Project;
use crate::storage::Storage;

/// Where the ledger cannot be read, the editor shows nothing of it.
pub fn remember(project: &Project) -> Past {
    read(project).unwrap_or_default()
}

fn read(project: &Project) -> Result<Past, Fault> {
    let url = project.ledger()?;
    let storage = Storage::of(project)?;
    let ledger = Ledger::new(&url, &storage, now());
    let (results, batches) = runtime()?.block_on(async {
        Ok::<_, Fault>((ledger.last_results().await?, ledger.last_batches().await?))
    })?;
    let mut past = Past::default();
    for ((dataset, rule), last) in results {
        let verdict = Verdict {
            verdict: last.verdict,
            batch: last.batch,
            at: last.at,
            checked: last.checked,
            violations: last.violations,
            value: last.value,
            reason: last.reason,
        };
        past.add_rule(&dataset, &rule, verdict);
    }
    for (dataset, last) in batches {
        let batch = Batch { verdict: last.verdict, batch: last.batch, at: last.at, rows: last.rows, quarantined: last.quarantined };
        past.add_batch(&dataset, batch);
    }
    Ok(past)
}
