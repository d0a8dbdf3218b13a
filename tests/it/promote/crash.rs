//! A run that is killed at a system call, at each one in turn: the next run converges. Needs `strace`; without it
//! the test is left out. `DQC_TEST_POINTS=all` kills at every call. First this test binary itself, as a child process, with a judge that
//! needs no engine; then the real program.

use std::process::{Command, Stdio};

use dqc::hir::Write;
use dqc::storage::Storage;

use crate::held;
use crate::promote::faults::all_points;
use crate::promote::lake::{Lake, by_month};

const FOLDER: &str = "DQC_TEST_LAKE";

/// Those by which a run leaves something on the disk.
const CALLS: [&str; 4] = ["fsync", "link", "linkat", "unlink"];

/// What the child process does; without its folder, nothing.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let lake = Lake::at(&format!("file://{}", folder.trim_end_matches('/')), Storage::default());
    lake.run(&by_month(Write::Replace)).await;
}

/// Whether the child came to its end.
fn run_killed_at(lake: &Lake, call: &str, nth: usize) -> Option<bool> {
    let status = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=SIGKILL:when={nth}")])
        .arg(std::env::current_exe().ok()?)
        .args(["promote::crash::child", "--exact", "--test-threads=1"])
        .env(FOLDER, lake.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    Some(status.success())
}

#[tokio::test]
async fn a_run_killed_at_any_call_leaves_the_old_state_and_the_next_completes_it() {
    let mut points = 0;
    for call in CALLS {
        let mut nth = 0;
        loop {
            // The steps grow, unless every point is asked for.
            nth += if all_points() { 1 } else { 1 + nth };
            let lake = Lake::new();
            lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
            lake.run(&by_month(Write::Replace)).await;
            // A batch that changed, and a new one.
            lake.put("bronze/orders/month=1/b.parquet", &[5, -6]).await;
            lake.put("bronze/orders/month=2/a.parquet", &[3, -4]).await;
            let Some(ended) = run_killed_at(&lake, call, nth) else {
                println!("left out: strace is not installed");
                return;
            };
            let seen = lake.rows("silver/orders").await;
            let states: [&[i64]; 3] = [&[1], &[1, 5], &[1, 3, 5]];
            assert!(states.contains(&&seen[..]), "{call} {nth}: {seen:?}");
            let (_, next) = lake.run(&by_month(Write::Replace)).await;
            assert_eq!(next.exit_code(), 0, "{call} {nth}: {:?}", next.faults);
            assert_eq!(lake.rows("silver/orders").await, [1, 3, 5], "{call} {nth}");
            assert_eq!(lake.rows("quarantine/silver/orders").await, [-6, -4, -2], "{call} {nth}");
            assert_eq!(lake.ledger("batches", "published = true").await, 3, "{call} {nth}");
            assert!(lake.run(&by_month(Write::Replace)).await.1.is_idle(), "{call} {nth}");
            if ended {
                break;
            }
            points += 1;
        }
    }
    assert!(points >= 8, "killed at {points} points only");
    println!("killed at {points} points");
}

/// Those of the program: also what it writes to files that nobody sees yet.
const ALL_CALLS: [&str; 6] = ["linkat", "fsync", "unlink", "rename", "write", "openat"];

#[tokio::test(flavor = "multi_thread")]
async fn the_program_killed_at_any_call_is_completed_by_the_next() {
    let mut points = 0;
    for call in ALL_CALLS {
        let mut nth = 0;
        loop {
            nth = if all_points() { nth + 1 } else { nth * 6 + 2 };
            let at = format!("{call} {nth}");
            let shop = held::shop("");
            let run = Command::new("strace")
                .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
                .args(["-e", &format!("inject={call}:signal=SIGKILL:when={nth}")])
                .arg(env!("CARGO_BIN_EXE_dqc"))
                .args(["run", "--project"])
                .arg(shop.path(""))
                .env_remove("DQC_ENV")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            let Ok(run) = run else {
                println!("left out: strace is not installed");
                return;
            };
            let tables = held::lake(&shop);
            let seen = tables.rows("silver/orders").await;
            assert!(seen.is_empty() || seen == [5, 9], "{at}: {seen:?}");
            held::ok(&shop, &["run"]);
            assert_eq!(tables.rows("silver/orders").await, [5, 9], "{at}");
            assert_eq!(tables.rows("quarantine/silver/orders").await, [-5000, -7], "{at}");
            assert!(held::ok(&shop, &["run"]).contains("nothing to do"), "{at}");
            let published = held::lines(&shop, &["history"]).into_iter().filter(|b| b["published"] == true).count();
            assert_eq!(published, 1, "{at}");
            if run.success() {
                break;
            }
            points += 1;
        }
    }
    println!("the program was killed at {points} points");
    assert!(points >= 5, "killed at {points} points only");
}
