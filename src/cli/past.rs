//! What the catalogue shows of data that was judged: from the ledger, as far as the clock lets it be known.

use super::run::runtime;
use crate::report::past::{Batch, Level, Past, Verdict};
use crate::fault::Fault;
use crate::ledger::{Ledger, RETRY};
use crate::project::Project;
use crate::storage::Storage;

/// `now`: microseconds since 1970 in UTC. `None` where the project keeps no ledger.
///
/// # Errors
/// The ledger is there and cannot be read.
pub fn past(project: &Project, now: i64) -> Result<Option<Past>, Fault> {
    if project.config.ledger.is_none() {
        return Ok(None);
    }
    let storage = Storage::of(project)?;
    let ledger = Ledger::new(&project.ledger()?, &storage, now);
    let mut past = Past::default();
    let (batches, results, levels) = runtime()?.block_on(async {
        Ok::<_, Fault>((ledger.past_batches(None).await?, ledger.past_results(None).await?, ledger.sla_states().await?))
    })?;
    for row in batches.into_iter().filter(|row| row.as_of <= now) {
        let known = past.batches.entry(row.dataset).or_default();
        if row.kind == RETRY {
            // Rows that came out of quarantine since: how many are in it still.
            if let Some(batch) = known.iter_mut().rfind(|b| b.batch == row.batch && b.published) {
                batch.held = row.rows_quarantined;
            }
            continue;
        }
        known.push(Batch {
            batch: row.batch,
            version: row.contract_version,
            verdict: row.verdict,
            published: row.published,
            input: row.rows_input,
            accepted: row.rows_accepted,
            held: row.rows_quarantined,
            reason: row.reason,
            as_of: row.as_of,
        });
    }
    for row in results.into_iter().filter(|row| row.as_of <= now) {
        past.verdicts.entry((row.dataset, row.rule)).or_default().push(Verdict {
            batch: row.batch,
            verdict: row.verdict,
            action: row.action,
            checked: row.checked,
            violations: row.violations,
            value: row.value,
            limit: row.limit,
            as_of: row.as_of,
        });
    }
    // In the periods' order, so that the newest stays.
    for ((dataset, name, period), state) in levels {
        past.levels.insert((dataset, name), Level { status: state.status, period });
    }
    Ok(Some(past))
}
