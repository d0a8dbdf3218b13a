//! Storage that fails: every operation of a command once before its effect and once after it, in each way that storage has.
//! `DQC_TEST_POINTS=all` tries every one, `2/6` the second sixth of them, `changes` those of operations that change something; else
//! every commit loses its answer and its process, and a part of the others is tried.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use dqc::promote::Stop;
use futures::{FutureExt, StreamExt};
use object_store::memory::InMemory;

use crate::promote::lake::Lake;
use crate::promote::scenarios::{self, Scenario};
use crate::promote::scripted::{Asked, BUCKET, How, Point, Scripted};

/// Which of all points are tried where more than a part of them is asked for.
#[derive(Clone, Copy)]
pub struct Share {
    pub changes_only: bool,
    first: usize,
    step: usize,
}

/// `None` where a part will do.
pub fn share() -> Option<Share> {
    let asked = std::env::var("DQC_TEST_POINTS").ok()?;
    let (turn, of) = match asked.as_str() {
        "all" | "changes" => (1, 1),
        share => {
            let (turn, of) = share.split_once('/').expect("`all`, `changes` or a share such as `2/6`");
            (turn.parse().expect("a number"), of.parse().expect("a number"))
        }
    };
    assert!((1..=of).contains(&turn), "the shares of {of} are 1/{of} to {of}/{of}");
    Some(Share { changes_only: asked == "changes", first: turn - 1, step: of })
}

impl Share {
    pub fn of<T>(self, all: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        all.into_iter().skip(self.first).step_by(self.step)
    }
}

fn lake(storage: dqc::storage::Storage) -> Lake {
    Lake::at(&format!("{BUCKET}/one"), storage)
}

/// The points of a command that asks for these operations; `half`: of what is tried by default.
fn points(asked: &[Asked], half: bool) -> Vec<Point> {
    let point = |at, after, how| Point { at, after, how };
    let whole = [
        (false, How::Error),
        (true, How::Crash),
        (true, How::Lost),
        (true, How::Error),
        (false, How::Crash),
        (true, How::Hang),
        (false, How::Hang),
    ];
    if let Some(share) = share() {
        // Before and after are one where nothing changes.
        let reads = [(false, How::Error), (false, How::Crash), (false, How::Hang)];
        let ways = |asked: &Asked| match asked {
            Asked::Read if share.changes_only => &[][..],
            Asked::Read => &reads[..],
            _ => &whole[..],
        };
        let of = |(at, asked)| ways(asked).iter().map(move |(after, how)| point(at, *after, *how));
        return share.of(asked.iter().enumerate().flat_map(of)).collect();
    }
    let mut points = Vec::new();
    let (mut changes, mut commits) = (0, 0);
    let (each, reads) = if half { (4, 48) } else { (2, 16) };
    for (at, asked) in asked.iter().enumerate() {
        changes += usize::from(*asked == Asked::Change);
        let (after, how) = whole[changes % whole.len()];
        match asked {
            Asked::Commit if half => {
                // Half of those have their turn with another command.
                commits += 1;
                if commits % 2 == 1 {
                    points.push(point(at, true, [How::Lost, How::Crash][commits / 2 % 2]));
                }
            }
            Asked::Commit => points.extend([How::Lost, How::Crash].map(|how| point(at, true, how))),
            Asked::Change if changes % each == 1 => points.push(point(at, after, how)),
            Asked::Read if at % reads == 0 => points.push(point(at, false, How::Error)),
            _ => {}
        }
    }
    points
}

async fn tried(scenario: &Scenario, prepared: &InMemory, point: Point) {
    let at = format!("{}: {point:?}", scenario.name);
    let inner = Arc::new(prepared.fork());
    let (storage, store) = Scripted::storage(&inner, Some(point));
    let failing = lake(storage);
    let stop = Stop::default();
    let mut run = Box::pin(scenario.act(&failing, &stop));
    let reached = store.reached.notified();
    let ended = tokio::select! {
        faults = &mut run => Some(faults),
        () = reached => None,
    };
    let faults = match ended {
        Some(faults) => faults,
        None if point.how == How::Hang => {
            // Somebody asks it to end; a step that hangs is given up.
            stop.ask(15);
            tokio::time::timeout(Duration::from_millis(30), &mut run).await.unwrap_or_default()
        }
        None => Vec::new(),
    };
    scenario.check_faults(&faults, &at);
    drop(run);
    store.kill();
    let (storage, _) = Scripted::storage(&inner, None);
    let seen = lake(storage);
    scenario.check_between(&seen, &at).await;
    scenario.check_end(&seen, &at).await;
}

/// Tries all, a few at once, to the last: which of them failed.
pub async fn each<F: Future<Output = ()>>(points: Vec<Point>, at_once: usize, tried: impl Fn(usize, Point) -> F) -> Vec<Point> {
    let tries = futures::stream::iter(points.into_iter().enumerate()).map(|(number, point)| {
        let tried = AssertUnwindSafe(tried(number, point)).catch_unwind();
        async move { tried.await.is_err().then_some(point) }
    });
    tries.buffer_unordered(at_once).filter_map(async |failed| failed).collect().await
}

async fn enumerate(name: &str) {
    let scenario = scenarios::all().into_iter().find(|s| s.name == name).expect("a scenario");
    let prepared = Arc::new(InMemory::new());
    scenario.prepare(&lake(Scripted::storage(&prepared, None).0)).await;
    let inner = Arc::new(prepared.fork());
    let (storage, store) = Scripted::storage(&inner, None);
    let whole = lake(storage);
    let faults = scenario.act(&whole, &Stop::default()).await;
    assert!(faults.is_empty(), "{name}: {faults:?}");
    scenario.check_end(&lake(Scripted::storage(&inner, None).0), name).await;
    let asked = store.asked.lock().expect("no panic").clone();
    // What is common to all is tried in full with one.
    let points = points(&asked, name != "append");
    let count = points.len();
    let failed = each(points, 1, |_, point| tried(&scenario, &prepared, point)).await;
    assert!(failed.is_empty(), "{name}: {failed:?}");
    let changes = asked.iter().filter(|asked| **asked != Asked::Read).count();
    println!("{name}: {} operations, {changes} of them change something; {count} points of failure tried", asked.len());
    assert!(count > 3, "{name}: {count} points only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_survives_any_failure() {
    enumerate("append").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replacement_survives_any_failure() {
    enumerate("replace").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_survives_any_failure() {
    enumerate("merge").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_survives_any_failure() {
    enumerate("copy").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_survives_any_failure() {
    enumerate("retry").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_survives_any_failure() {
    enumerate("erase").await;
}
