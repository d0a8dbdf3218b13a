//! A run that is killed at a call that changes the disk, at each one in turn: the next run converges. By default at some of
//! them; `DQC_TEST_POINTS=all` kills at every one. First this test binary itself, as a child process, with a judge that needs no
//! engine; then the real program.

use std::process::{Command, Stdio};

use dqc::hir::Write;
use dqc::storage::Storage;

use crate::held;
use crate::promote::faults::share;
use crate::promote::lake::{Lake, by_month};
use crate::promote::tracer::{self, End};

const FOLDER: &str = "DQC_TEST_LAKE";

/// What the child process does; without its folder, nothing.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let lake = Lake::at(&format!("file://{}", folder.trim_end_matches('/')), Storage::default());
    lake.run(&by_month(Write::Replace)).await;
}

fn killed_at(mut command: Command, nth: usize) -> End {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let end = tracer::run(command, nth);
    assert!(matches!(end, End::Killed | End::Itself { code: 0, .. }), "{nth}: {end:?}");
    end
}

/// Tries each call, or some; how many calls a whole run makes varies a little, for threads share the work.
async fn each<F: Future<Output = End>>(what: &str, some: usize, tried: impl Fn(usize) -> F) {
    let End::Itself { calls, .. } = tried(usize::MAX).await else { panic!("{what}: killed at no call") };
    let mut points = 0;
    let chosen: Vec<usize> = match share() {
        Some(share) => share.of(1..=calls + some).collect(),
        None => (1..=calls).step_by(calls / some).collect(),
    };
    for nth in &chosen {
        if tried(*nth).await != End::Killed {
            break;
        }
        points += 1;
    }
    println!("{what}: killed at {points} of about {calls} calls that change the disk");
    assert!(points > 0 && points * calls.div_ceil(chosen.len()) + some >= calls, "{what}: killed at {points} of {calls} calls only");
}

#[tokio::test]
async fn a_run_killed_at_any_call_leaves_the_old_state_and_the_next_completes_it() {
    each("a run", 8, |nth| async move {
        let lake = Lake::new();
        lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
        lake.run(&by_month(Write::Replace)).await;
        // A batch that changed, and a new one.
        lake.put("bronze/orders/month=1/b.parquet", &[5, -6]).await;
        lake.put("bronze/orders/month=2/a.parquet", &[3, -4]).await;
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["promote::crash::child", "--exact", "--test-threads=1"]).env(FOLDER, lake.path(""));
        let end = killed_at(command, nth);
        let seen = lake.rows("silver/orders").await;
        let states: [&[i64]; 3] = [&[1], &[1, 5], &[1, 3, 5]];
        assert!(states.contains(&&seen[..]), "{nth}: {seen:?}");
        let (_, next) = lake.run(&by_month(Write::Replace)).await;
        assert_eq!(next.exit_code(), 0, "{nth}: {:?}", next.faults);
        assert_eq!(lake.rows("silver/orders").await, [1, 3, 5], "{nth}");
        assert_eq!(lake.rows("quarantine/silver/orders").await, [-6, -4, -2], "{nth}");
        assert_eq!(lake.ledger("batches", "published = true").await, 3, "{nth}");
        assert!(lake.run(&by_month(Write::Replace)).await.1.is_idle(), "{nth}");
        end
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_killed_at_any_call_is_completed_by_the_next() {
    each("the program", 7, |nth| async move {
        let shop = held::shop("");
        let end = killed_at(shop.command(&["run"]), nth);
        let tables = held::lake(&shop);
        let seen = tables.rows("silver/orders").await;
        assert!(seen.is_empty() || seen == [5, 9], "{nth}: {seen:?}");
        held::ok(&shop, &["run"]);
        assert_eq!(tables.rows("silver/orders").await, [5, 9], "{nth}");
        assert_eq!(tables.rows("quarantine/silver/orders").await, [-5000, -7], "{nth}");
        assert!(held::ok(&shop, &["run"]).contains("nothing to do"), "{nth}");
        let published = held::lines(&shop, &["history"]).into_iter().filter(|b| b["published"] == true).count();
        assert_eq!(published, 1, "{nth}");
        end
    })
    .await;
}
