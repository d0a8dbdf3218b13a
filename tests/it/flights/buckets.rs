//! The example project on S3, unchanged but for the environment: what comes of it is what comes of it on the local disk, byte for
//! byte. `DQC_TEST_FLIGHTS=all` takes the whole year; else the three months of which one is damaged.

use std::path::Path;

use super::{copy, dqc, explain, reports, text};
use crate::people::shop::walk;
use crate::promote::lake::Lake;
use crate::promote::server::Server;

const ENVIRONMENT: &str = r#"
[env.bucket.layers]
bronze = { path = "s3://lake/bronze", format = "parquet" }
silver = "s3://lake/silver"
gold   = "s3://lake/gold"
[env.bucket.quarantine]
path = "s3://lake/quarantine"
[env.bucket.ledger]
path = "s3://lake/_dqc"
"#;

async fn put(server: &Server, below: &str, file: &Path) {
    Lake::at("s3://lake", server.storage()).write(below, &std::fs::read(file).expect("a file")).await;
}

async fn the_job(server: &Server) {
    let whole = std::env::var("DQC_TEST_FLIGHTS").is_ok_and(|v| v == "all");
    let (lake, code) = if whole { ("lake", 0) } else { ("lake-damaged", 10) };
    let copy = copy();
    let project = copy.path();
    let toml = std::fs::read_to_string(project.join("dqc.toml")).expect("a project");
    std::fs::write(project.join("dqc.toml"), toml + ENVIRONMENT).expect("written");
    let bronze = project.join(lake).join("bronze");
    for file in walk(&bronze) {
        let below = file.strip_prefix(&bronze).expect("a file below").to_string_lossy().into_owned();
        put(server, &format!("bronze/{below}"), &file).await;
    }
    let run = |env: &[&str], more: &[&str]| {
        let mut command = dqc(project, &[more, env].concat());
        command.envs(server.environment()).output().expect("the binary starts")
    };
    // The local run is the same for each server.
    static HERE: std::sync::OnceLock<std::process::Output> = std::sync::OnceLock::new();
    let here = HERE.get_or_init(|| run(if whole { &[] } else { &["--env", "damaged"] }, &["run", "--format", "json"]));
    let there = run(&["--env", "bucket"], &["run", "--format", "json"]);
    assert_eq!((here.status.code(), there.status.code()), (Some(code), Some(code)), "{}\n{}", explain(here), explain(&there));
    assert!(reports(here).len() > 8);
    for (here, there) in text(&here.stdout).lines().zip(text(&there.stdout).lines()) {
        assert_eq!(here, there);
    }
    assert_eq!(here.stdout, there.stdout);
    if !whole {
        let month = "flights/month=2013-03/flights.parquet";
        put(server, &format!("bronze/{month}"), &project.join("lake/bronze").join(month)).await;
        let mended = run(&["--env", "bucket"], &["run", "--format", "json"]);
        assert_eq!(mended.status.code(), Some(0), "{}", explain(&mended));
        assert_eq!(reports(&mended).len(), 2, "the mended month goes to silver and on to gold");
    }
    for dataset in ["silver.flights", "gold.departures"] {
        let verified = run(&["--env", "bucket"], &["receipt", "verify", dataset]);
        assert_eq!(verified.status.code(), Some(0), "{}", explain(&verified));
    }
    let after = run(&["--env", "bucket"], &["run", "--format", "json"]);
    assert!(after.status.code() == Some(0) && after.stdout.is_empty(), "{}", explain(&after));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_the_same_on_moto() {
    let Some(server) = Server::moto() else { return };
    the_job(server).await;
}

/// Which checks every request's signature.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_the_same_on_seaweedfs() {
    let Some(server) = Server::seaweedfs() else { return };
    the_job(&server).await;
}
