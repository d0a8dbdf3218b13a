//! Whether a table holds what was judged: the log keeps the SHA-256 of every file that was published.

use serde::Serialize;
use serde_json::Value;

use crate::fault::Fault;
use crate::lake::delta::Table;
use crate::lake::stage::SHA256;
use crate::storage::Storage;

/// What a table's files are found to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub version: i64,
    /// Files that are, byte for byte, what was published.
    pub intact: usize,
    pub bytes: u64,
    /// Paths of files that are not, and why.
    pub broken: Vec<(String, String)>,
}

/// Reads every file of a table; `None` where there is no table.
pub async fn verify(url: &str, storage: &Storage) -> Result<Option<Verified>, Fault> {
    let Some(table) = Table::open(url, storage).await? else {
        return Ok(None);
    };
    let mut found = Verified { version: table.version(), ..Verified::default() };
    for (path, tags) in table.tags()? {
        let why = match (tags.get(SHA256).cloned().flatten(), table.store.stat(&path).await?) {
            (_, None) => "is gone".to_owned(),
            (None, _) => "was written by somebody else".to_owned(),
            (Some(published), Some(file)) => {
                if table.store.digest(&path, file.size).await? == published {
                    found.intact += 1;
                    found.bytes += file.size;
                    continue;
                }
                "is not what was published".to_owned()
            }
        };
        found.broken.push((path, why));
    }
    Ok(Some(found))
}

/// What a publishing commit says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Published {
    /// Of the table.
    pub version: i64,
    /// RFC 3339, by the clock of the machine that committed.
    pub at: Option<String>,
    pub promotion: String,
    pub batch: String,
    /// Whether the rows came out of quarantine.
    pub retry: bool,
    pub contract: String,
    pub contract_version: String,
    pub contract_sha256: String,
    pub input: u64,
    pub accepted: u64,
    pub held: u64,
    /// Of the source: path, size and SHA-256.
    pub files: Vec<Value>,
    pub verdict: String,
    pub run_id: String,
    /// The account and the machine.
    pub by: String,
    /// The version of the program.
    pub dqc: String,
}

/// The receipts that a table's log still has, oldest first; `None` where there is no table.
pub async fn list(url: &str, storage: &Storage) -> Result<Option<Vec<Published>>, Fault> {
    let Some(table) = Table::open(url, storage).await? else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for (version, info) in table.commits().await? {
        let text = |key: &str| info.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let report: Value = serde_json::from_str(&text("dqc_report")).unwrap_or_default();
        if report.is_null() {
            continue;
        }
        let rows = |key: &str| report["rows"][key].as_u64().unwrap_or(0);
        let at = info.get("timestamp").and_then(Value::as_i64).and_then(chrono::DateTime::from_timestamp_millis);
        found.push(Published {
            version,
            at: at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            promotion: text("dqc_promotion"),
            batch: text("dqc_batch"),
            retry: info.contains_key("dqc_retried"),
            contract: text("dqc_contract"),
            contract_version: text("dqc_contract_version"),
            contract_sha256: text("dqc_contract_sha256"),
            input: rows("input"),
            accepted: rows("accepted"),
            held: rows("quarantined"),
            files: serde_json::from_str(&text("dqc_files")).unwrap_or_default(),
            verdict: report["verdict"].as_str().unwrap_or_default().to_owned(),
            run_id: text("dqc_run"),
            by: text("dqc_by"),
            dqc: text("dqc_version"),
        });
    }
    found.reverse();
    Ok(Some(found))
}
