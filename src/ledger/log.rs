//! The steps of a run as JSON lines, one file a run, beside the ledger's tables: `logs/DATE/RUN.jsonl`.
//!
//! A line has `at` (the machine's clock), `run_id`, `step`, and what belongs to the step: `promotion`, `batch`,
//! counts. No value of a row is ever in it.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value};

use super::{Ledger, now};
use crate::lake::store::Store;
use crate::storage::Storage;

pub struct Log {
    /// Of the folder of all logs.
    url: String,
    run_id: String,
    /// `2026-01-31/RUN.jsonl`
    path: String,
    lines: Mutex<String>,
}

impl Log {
    pub fn new(ledger: &Ledger<'_>) -> Self {
        let path = format!("{}/{}.jsonl", &instant(ledger.started_at)[..10], ledger.run_id);
        Self { url: format!("{}logs/", ledger.url), run_id: ledger.run_id.clone(), path, lines: Mutex::default() }
    }

    pub fn note(&self, step: &str, texts: &[(&str, &str)], numbers: &[(&str, u64)]) {
        let mut line = Map::new();
        line.insert("at".into(), instant(now()).into());
        line.insert("run_id".into(), self.run_id.as_str().into());
        line.insert("step".into(), step.into());
        line.extend(texts.iter().map(|(key, text)| ((*key).to_owned(), Value::from(*text))));
        line.extend(numbers.iter().map(|(key, number)| ((*key).to_owned(), Value::from(*number))));
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_str(&Value::Object(line).to_string());
        lines.push('\n');
    }

    /// Writes what was noted so far. A log that cannot be written changes nothing that a run decides.
    pub async fn keep(&self, storage: &Storage) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Ok(store) = Store::open(&self.url, storage) {
            let _ = store.put(&self.path, lines.into()).await;
        }
    }
}

fn instant(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}
