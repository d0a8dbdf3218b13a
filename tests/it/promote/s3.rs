//! The same on S3: against a server that is started for it.

use dqc::hir::Write;

use crate::promote::lake::{Lake, by_month};
use crate::promote::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bucket_is_a_lake_like_any_other() {
    let Some(server) = Server::moto() else { return };
    let lake = Lake::at("s3://lake/one", server.storage());
    lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[3, 5000]).await;
    let (_, summary) = lake.run(&by_month(Write::Replace)).await;
    assert_eq!((summary.published, summary.blocked), (1, 1), "{:?}", summary.faults);
    lake.put("bronze/orders/month=1/b.parquet", &[7, -8]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[3]).await;
    let (_, summary) = lake.run(&by_month(Write::Replace)).await;
    assert_eq!((summary.published, summary.exit_code()), (2, 0), "{:?}", summary.faults);
    assert_eq!(lake.rows("silver/orders").await, [1, 3, 7]);
    assert_eq!(lake.rows("quarantine/silver/orders").await, [-8, -2]);
    assert!(lake.run(&by_month(Write::Replace)).await.1.is_idle());

    let lake = Lake::at("s3://lake/two", server.storage());
    for month in 1..=4 {
        lake.put(&format!("bronze/orders/month={month}/a.parquet"), &[month, -month]).await;
    }
    let task = by_month(Write::Append);
    let runs = futures::future::join_all((0..3).map(|_| lake.run(&task))).await;
    for (_, summary) in &runs {
        assert!(matches!(summary.exit_code(), 0 | 21), "{:?}", summary.faults);
    }
    assert_eq!(lake.run(&task).await.1.exit_code(), 0);
    assert_eq!(lake.rows("silver/orders").await, [1, 2, 3, 4]);
    assert_eq!(lake.rows("quarantine/silver/orders").await, [-4, -3, -2, -1]);
    assert_eq!(lake.ledger("batches", "published = true").await, 4);
}
