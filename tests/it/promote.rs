//! Promotions on lakes in temporary folders, under a judge that needs no engine: a row of a negative amount is
//! held back, a batch with an amount above 1000 is blocked.

#[cfg(target_os = "linux")]
mod crash;
mod crowd;
mod faults;
pub mod lake;
mod proxy;
mod s3;
mod scenarios;
mod scripted;
pub mod server;
#[cfg(target_os = "linux")]
mod tracer;
mod traps;
mod trusted;
mod weather;

use dqc::fault::FaultKind;
use dqc::hir::{BatchBy, Write};
use dqc::promote::{Stop, What};

use lake::{Lake, by_month};

#[tokio::test]
async fn every_batch_is_published_once() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1, 2, -3]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[4, 5]).await;
    lake.put("bronze/orders/month=2/b.parquet", &[-6]).await;
    let (outcomes, summary) = lake.run(&by_month(Write::Append)).await;
    assert_eq!(names(&outcomes), ["month=1", "month=2"]);
    assert_eq!((summary.published, summary.exit_code()), (2, 0), "{:?}", summary.faults);
    assert_eq!(lake.rows("silver/orders").await, [1, 2, 4, 5]);
    assert_eq!(lake.rows("quarantine/silver/orders").await, [-6, -3]);
    assert_eq!(lake.ledger("batches", "published = true").await, 2);
    assert_eq!(lake.ledger("runs", "").await, 1);

    let (outcomes, summary) = lake.run(&by_month(Write::Append)).await;
    assert!(outcomes.is_empty() && summary.is_idle() && summary.exit_code() == 0, "{outcomes:?} {:?}", summary.faults);
    assert_eq!(lake.rows("silver/orders").await, [1, 2, 4, 5]);
    assert_eq!(lake.ledger("runs", "").await, 1);
}

#[tokio::test]
async fn a_blocked_batch_holds_up_no_other_and_is_judged_again() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1, 5000]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[2]).await;
    let (_, summary) = lake.run(&by_month(Write::Append)).await;
    assert_eq!((summary.published, summary.blocked, summary.exit_code()), (1, 1, 10));
    assert_eq!(lake.rows("silver/orders").await, [2]);
    assert_eq!(lake.files("silver/orders").await.len(), 1, "what was staged is removed");
    let (outcomes, _) = lake.run(&by_month(Write::Append)).await;
    assert_eq!(names(&outcomes), ["month=1"]);
    assert_eq!(outcomes[0].what, What::Blocked);
    lake.put("bronze/orders/month=1/a.parquet", &[1, 500]).await;
    let (_, summary) = lake.run(&by_month(Write::Append)).await;
    assert_eq!((summary.published, summary.exit_code()), (1, 0));
    assert_eq!(lake.rows("silver/orders").await, [1, 2, 500]);
}

#[tokio::test]
async fn changed_files_are_a_new_attempt_of_their_batch() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[7, -8]).await;
    lake.run(&by_month(Write::Append)).await;
    lake.put("bronze/orders/month=1/late.parquet", &[3, -4]).await;

    let (outcomes, summary) = lake.run(&by_month(Write::Append)).await;
    assert!(matches!(&outcomes[..], [one] if matches!(&one.what, What::Refused(_)) && one.batch == "month=1"));
    assert_eq!(summary.exit_code(), 10);
    assert_eq!(lake.rows("silver/orders").await, [1, 7]);

    let (outcomes, _) = lake.run(&by_month(Write::Replace)).await;
    assert!(matches!(&outcomes[..], [one] if matches!(one.what, What::Published(_))), "{outcomes:?}");
    assert_eq!(lake.rows("silver/orders").await, [1, 3, 7]);
    assert_eq!(lake.rows("quarantine/silver/orders").await, [-8, -4, -2]);
    assert!(lake.run(&by_month(Write::Replace)).await.1.is_idle());
}

#[tokio::test]
async fn a_file_written_again_as_it_was_changes_nothing() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
    lake.run(&by_month(Write::Append)).await;
    std::thread::sleep(std::time::Duration::from_millis(20));
    lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
    let (_, summary) = lake.run(&by_month(Write::Append)).await;
    assert!(summary.is_idle());
}

#[tokio::test]
async fn books_that_a_crash_left_open_are_finished() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[3, -4]).await;
    lake.run(&by_month(Write::Append)).await;
    // As if killed right after the commits to the target.
    lake.remove("ledger").await;
    lake.remove("quarantine/silver/orders/_delta_log").await;
    let (outcomes, summary) = lake.run(&by_month(Write::Append)).await;
    assert_eq!((summary.recovered, summary.exit_code()), (2, 0));
    let report = outcomes[0].report.as_ref().expect("the report stands in the log");
    assert!(report.promoted && report.rows.accepted == 1 && report.rows.quarantined == 1);
    assert_eq!(lake.rows("silver/orders").await, [1, 3]);
    assert_eq!(lake.rows("quarantine/silver/orders").await, [-4, -2]);
    assert!(lake.run(&by_month(Write::Append)).await.1.is_idle());
    assert_eq!(lake.ledger("batches", "recovered = true").await, 2);
}

#[tokio::test]
async fn a_target_that_was_removed_is_filled_again() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
    lake.run(&by_month(Write::Append)).await;
    lake.remove("silver").await;
    let (_, summary) = lake.run(&by_month(Write::Append)).await;
    assert_eq!(summary.published, 1);
    assert_eq!(lake.rows("silver/orders").await, [1]);
    assert_eq!(lake.rows("quarantine/silver/orders").await, [-2]);
}

/// The first creation of a table is where racing writers have duplicated rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn runs_at_once_publish_every_batch_once() {
    for round in 0..5 {
        let lake = Lake::new();
        for month in 1..=4 {
            lake.put(&format!("bronze/orders/month={month}/a.parquet"), &[month, -month]).await;
        }
        let write = if round % 2 == 0 { Write::Append } else { Write::Replace };
        let task = by_month(write);
        let runs = futures::future::join_all((0..4).map(|_| lake.run(&task))).await;
        for (_, summary) in &runs {
            assert!(matches!(summary.exit_code(), 0 | 21), "{:?}", summary.faults);
        }
        let (_, last) = lake.run(&task).await;
        assert_eq!(last.exit_code(), 0, "{:?}", last.faults);
        assert_eq!(lake.rows("silver/orders").await, [1, 2, 3, 4]);
        assert_eq!(lake.rows("quarantine/silver/orders").await, [-4, -3, -2, -1]);
        assert_eq!(lake.ledger("batches", "published = true").await, 4);
    }
}

#[tokio::test]
async fn a_receipt_tells_what_was_published_from_what_was_not() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[2]).await;
    lake.run(&by_month(Write::Append)).await;
    let found = lake.verify("silver/orders").await;
    assert_eq!((found.intact, found.broken.len()), (2, 0));
    let published = lake.files("silver/orders").await;
    lake.put(&format!("silver/orders/{}", published[0]), &[3]).await;
    lake.remove("silver/orders/month=2").await;
    let found = lake.verify("silver/orders").await;
    let why: Vec<&str> = found.broken.iter().map(|(_, why)| why.as_str()).collect();
    assert_eq!((found.intact, why), (0, vec!["is not what was published", "is gone"]));
}

#[tokio::test]
async fn merged_rows_take_the_place_of_those_of_their_key() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1, 2]).await;
    let task = by_month(Write::Merge { by: None }).with_key("amount");
    lake.run(&task).await;
    lake.put("bronze/orders/month=2/a.parquet", &[2, 3]).await;
    let (_, summary) = lake.run(&task).await;
    assert_eq!((summary.published, summary.exit_code()), (1, 0), "{:?}", summary.faults);
    assert_eq!(lake.rows("silver/orders").await, [1, 2, 3]);
    lake.put("bronze/orders/month=1/b.parquet", &[3, 4]).await;
    let (_, summary) = lake.run(&task).await;
    assert_eq!((summary.published, summary.exit_code()), (1, 0), "{:?}", summary.faults);
    assert_eq!(lake.rows("silver/orders").await, [1, 2, 3, 4]);
    assert!(lake.run(&task).await.1.is_idle());
}

#[tokio::test]
async fn a_dry_run_moves_nothing() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[9000]).await;
    let (outcomes, summary) = lake.run_with(&by_month(Write::Append), true, &Stop::default(), None).await;
    assert_eq!((outcomes[0].what.clone(), outcomes[1].what.clone()), (What::Passed, What::Blocked));
    assert_eq!(summary.exit_code(), 10);
    for place in ["silver", "quarantine", "ledger"] {
        assert_eq!(lake.files(place).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_holds_up_no_other() {
    let lake = Lake::new();
    lake.write("bronze/orders/month=1/a.parquet", b"PAR1 no parquet at all PAR1").await;
    lake.put("bronze/orders/month=2/a.parquet", &[1]).await;
    let (outcomes, summary) = lake.run(&by_month(Write::Append)).await;
    assert!(matches!(&outcomes[0].what, What::Refused(why) if why.contains("a.parquet")), "{outcomes:?}");
    assert_eq!((summary.published, summary.exit_code()), (1, 10));
    assert_eq!(lake.rows("silver/orders").await, [1]);
}

#[tokio::test]
async fn a_file_that_changes_under_the_run_is_not_promoted() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1]).await;
    let path = lake.path("bronze/orders/month=1/a.parquet");
    let meddle = move || {
        std::fs::OpenOptions::new().append(true).open(&path).and_then(|mut f| std::io::Write::write_all(&mut f, b"x"))
    };
    let meddle = move || meddle().expect("the file is there");
    let (outcomes, _) = lake.run_with(&by_month(Write::Append), false, &Stop::default(), Some(&meddle)).await;
    assert!(matches!(&outcomes[0].what, What::Refused(why) if why.contains("changed")), "{outcomes:?}");
    assert!(lake.files("silver").await.is_empty());
}

#[tokio::test]
async fn stopped_is_not_half_done() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1]).await;
    let stop = std::sync::Arc::new(Stop::default());
    let asked = stop.clone();
    let ask = move || asked.ask(15);
    let (outcomes, summary) = lake.run_with(&by_month(Write::Append), false, &stop, Some(&ask)).await;
    assert!(outcomes.is_empty());
    assert_eq!(summary.exit_code(), 143);
    assert!(lake.files("silver").await.is_empty());
    assert_eq!(lake.run(&by_month(Write::Append)).await.1.published, 1);
}

#[tokio::test]
async fn a_batch_keeps_its_name_through_the_layers() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[3]).await;
    let silver = by_month(Write::Replace);
    let gold = lake::promotion("silver.orders", "gold.orders", BatchBy::Folder("month".into()), Write::Replace);
    let (outcomes, summary) = lake.run_all(&[&gold, &silver]).await;
    assert_eq!(names(&outcomes), ["month=1", "month=2", "month=1", "month=2"]);
    assert_eq!(outcomes[3].dataset, "gold.orders");
    assert_eq!(summary.exit_code(), 0, "{:?}", summary.faults);
    lake.put("bronze/orders/month=2/b.parquet", &[4]).await;
    let (outcomes, _) = lake.run_all(&[&silver, &gold]).await;
    assert_eq!(names(&outcomes), ["month=2", "month=2"]);
    assert_eq!(lake.rows("gold/orders").await, [1, 3, 4]);
}

#[tokio::test]
async fn a_dataset_can_be_one_batch_or_one_for_each_file() {
    let lake = Lake::new();
    lake.put("bronze/orders/a.parquet", &[1]).await;
    lake.put("bronze/orders/b.parquet", &[2]).await;
    lake.write("bronze/orders/_SUCCESS", b"").await;
    lake.write("bronze/orders/README.md", b"about").await;
    lake.put("bronze/orders/.hidden.parquet", &[9]).await;
    let whole = lake::promotion("bronze.orders", "silver.orders", BatchBy::Whole, Write::Replace);
    let files = lake::promotion("bronze.orders", "silver.lines", BatchBy::File, Write::Append);
    let (outcomes, _) = lake.run_all(&[&whole, &files]).await;
    assert_eq!(names(&outcomes), ["all", "a.parquet", "b.parquet"]);
    assert_eq!(lake.rows("silver/orders").await, [1, 2]);
    assert_eq!(lake.rows("silver/lines").await, [1, 2]);
    let mixed = lake::promotion("bronze.orders", "silver.lines", BatchBy::Whole, Write::Append);
    let (_, summary) = lake.run(&mixed).await;
    assert_eq!(summary.faults.first().map(|f| f.kind), Some(FaultKind::Usage));
}

#[tokio::test]
async fn a_folder_is_taken_once_it_is_settled() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[1]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[2]).await;
    lake.write("bronze/orders/month=2/_SUCCESS", b"").await;
    let mut task = by_month(Write::Append);
    task.promotion.settled = Some(3_600_000_000);
    let (outcomes, summary) = lake.run(&task).await;
    assert_eq!(names(&outcomes), ["month=2"]);
    assert_eq!(summary.unsettled, 1);
}

#[tokio::test]
async fn a_column_that_the_source_changes_the_type_of_is_held_beside_the_old_one() {
    let lake = Lake::new();
    lake.put("bronze/orders/month=1/a.parquet", &[-1]).await;
    lake.put_text("bronze/orders/month=2/a.parquet", &["-2"]).await;
    let (_, summary) = lake.run(&by_month(Write::Append)).await;
    assert_eq!(summary.published, 2, "{:?}", summary.faults);
    let columns = lake.columns("quarantine/silver/orders").await;
    assert!(columns.iter().any(|c| c == "amount") && columns.iter().any(|c| c == "amount__string"), "{columns:?}");
}

fn names(outcomes: &[dqc::promote::Outcome]) -> Vec<&str> {
    outcomes.iter().map(|o| o.batch.as_str()).collect()
}
