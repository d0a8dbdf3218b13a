//! What is done to a lake while storage fails, and what must have become of it after the same command ran again.

use dqc::fault::{Fault, FaultKind};
use dqc::hir::Write;
use dqc::promote::Stop;

use crate::promote::lake::{Lake, Task, by_month};

pub struct Scenario {
    pub name: &'static str,
    pub task: Task,
    /// Under this the first run holds amounts back; what is done later judges with the lake's own.
    held_below: i64,
    act: Act,
    /// Whether a run precedes what is done.
    pub begun: bool,
    /// Every state of the target that a reader may see: none of the batch, or all of it.
    pub states: &'static [&'static [i64]],
    /// What the target and the quarantine hold at the end.
    pub end: (&'static [i64], &'static [i64]),
    /// Batches that the ledger tells of as published.
    pub booked: usize,
}

enum Act {
    Run,
    Retry,
    Forget(i64),
}

/// One of each way into and out of a table.
pub fn all() -> Vec<Scenario> {
    let run = |name, task, begun, states, end, booked| Scenario { name, task, held_below: 0, act: Act::Run, begun, states, end, booked };
    let replace = || by_month(Write::Replace);
    vec![
        run("append", by_month(Write::Append), false, &[&[], &[1], &[3], &[1, 3]], (&[1, 3], &[-4, -2]), 2),
        run("replace", replace(), true, &[&[1], &[1, 5], &[1, 3], &[1, 3, 5]], (&[1, 3, 5], &[-6, -4, -2]), 3),
        run(
            "merge",
            by_month(Write::Merge { by: None }).with_key("amount"),
            true,
            &[&[1], &[1, 5], &[1, 3], &[1, 3, 5]],
            (&[1, 3, 5], &[-6, -4, -2]),
            3,
        ),
        run("copy", by_month(Write::Append).as_it_is(), false, &[&[], &[1, 2], &[3], &[1, 2, 3]], (&[1, 2, 3], &[]), 2),
        Scenario {
            held_below: 0,
            act: Act::Retry,
            ..run("retry", replace(), true, &[&[1], &[-2, 1]], (&[-2, 1], &[-20]), 2)
        },
        Scenario { act: Act::Forget(-2), ..run("erase", replace(), true, &[&[1]], (&[1], &[-20]), 1) },
    ]
}

impl Scenario {
    /// The lake as it is before anything fails.
    pub async fn prepare(&self, lake: &Lake) {
        match self.name {
            "copy" => {
                lake.put("bronze/orders/month=1/a.parquet", &[1, 2]).await;
                lake.put("bronze/orders/month=2/a.parquet", &[3]).await;
            }
            "retry" | "erase" => lake.put("bronze/orders/month=1/a.parquet", &[1, -2, -20]).await,
            _ => lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await,
        }
        if self.begun {
            let (_, summary) = lake.holding_below(self.held_below).run(&self.task).await;
            assert_eq!(summary.exit_code(), 0, "{}: {:?}", self.name, summary.faults);
        }
        match self.name {
            "append" => lake.put("bronze/orders/month=2/a.parquet", &[3, -4]).await,
            "replace" | "merge" => {
                // A batch that changed, and a new one.
                lake.put("bronze/orders/month=1/b.parquet", &[5, -6]).await;
                lake.put("bronze/orders/month=2/a.parquet", &[3, -4]).await;
            }
            _ => {}
        }
    }

    /// The command; what it failed with, if it did.
    pub async fn act(&self, lake: &Lake, stop: &Stop) -> Vec<Fault> {
        match self.act {
            Act::Run => lake.run_with(&self.task, false, stop, None).await.1.faults,
            Act::Retry => lake.holding_below(-10).retry(&self.task, stop).await.faults,
            Act::Forget(amount) => lake.forget(&self.task, amount).await.err().into_iter().collect(),
        }
    }

    /// All of a batch or none of it; and every file that a log names is there, as it was published.
    pub async fn check_between(&self, lake: &Lake, at: &str) {
        let seen = lake.rows("silver/orders").await;
        assert!(self.states.contains(&&seen[..]), "{at}: {seen:?}");
        if lake.exists("silver/orders").await {
            let found = lake.verify("silver/orders").await;
            assert!(found.broken.is_empty(), "{at}: {:?}", found.broken);
        }
        lake.rows("quarantine/silver/orders").await;
    }

    /// The same command again, until it ends well: everything is where it belongs, once.
    pub async fn check_end(&self, lake: &Lake, at: &str) {
        let again = self.act(lake, &Stop::default()).await;
        assert!(again.is_empty(), "{at}: {again:?}");
        assert_eq!(lake.rows("silver/orders").await, self.end.0, "{at}");
        assert_eq!(lake.rows("quarantine/silver/orders").await, self.end.1, "{at}");
        assert_eq!(lake.ledger("batches", "published = true").await, self.booked, "{at}");
        let files = lake.all_files().await;
        let idle = self.act(lake, &Stop::default()).await;
        assert!(idle.is_empty(), "{at}: {idle:?}");
        assert_eq!(lake.all_files().await, files, "{at}: nothing was left to do");
    }

    /// What a failing store may end a command with.
    pub fn check_faults(&self, faults: &[Fault], at: &str) {
        let told = |fault: &Fault| {
            matches!(fault.kind, FaultKind::Storage | FaultKind::Unknown | FaultKind::Conflict | FaultKind::Stopped(_))
        };
        assert!(faults.iter().all(told), "{at}: {faults:?}");
    }
}
