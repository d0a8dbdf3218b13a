//! What has to go out, as files beside the ledger: written before the batch is booked, removed once it is sent.
//!
//! | file | holds |
//! | --- | --- |
//! | `outbox/pending/CHANNEL/THREAD.NUMBER.json` | a message that waits |
//! | `outbox/threads/THREAD.json` | what was last told about a batch or a service level |
//! | `outbox/paused/CHANNEL.json` | until when a server wants to be left alone |
//!
//! A message is written before its thread is, and both before the ledger: whoever crashes in between writes the same
//! message again, under the same number. What is sent and not yet removed is sent twice, with the same id. Where nothing may be
//! removed, the file says that it is sent.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::message::{Kind, Message};
use crate::fault::Fault;
use crate::ir::InputFile;
use crate::lake::store::{Store, hex};
use crate::storage::Storage;

pub struct Outbox {
    store: Store,
}

/// Instead of a message, where an account may not remove it; shorter than any message.
const SENT: &str = "\"sent\"";

/// What was last told in a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    pub number: u64,
    pub kind: Kind,
    /// What repeats are known by.
    pub cause: String,
    /// When the trouble began. RFC 3339.
    pub since: String,
    /// Channels that know of it.
    pub told: Vec<String>,
}

/// A message that waits for its channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    pub channel: String,
    pub message: Message,
    #[serde(skip)]
    pub path: String,
}

/// A name for everything about one batch, or one service level.
pub fn thread_of(parts: &[&str]) -> String {
    hex(&Sha256::digest(parts.join("\0")))[..24].to_owned()
}

/// A channel's name as part of a path.
fn folder(channel: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !channel.is_empty() && channel.chars().all(plain) { channel.to_owned() } else { thread_of(&[channel]) }
}

impl Outbox {
    /// `ledger`: its place, as a URL.
    pub fn open(ledger: &str, storage: &Storage) -> Result<Self, Fault> {
        Ok(Self { store: Store::open(&format!("{}/outbox/", ledger.trim_end_matches('/')), storage)? })
    }

    pub async fn thread(&self, thread: &str) -> Result<Option<Thread>, Fault> {
        let path = format!("threads/{thread}.json");
        if self.store.stat(&path).await?.is_none() {
            return Ok(None);
        }
        // One that cannot be understood is begun anew: told twice is better than not told.
        Ok(serde_json::from_slice(&self.store.read(&path).await?).ok())
    }

    /// Puts a message in for each of these channels, and notes that it is told.
    pub async fn put(&self, message: &mut Message, cause: &str, channels: &[String], before: Option<&Thread>) -> Result<(), Fault> {
        let mut number = before.map_or(1, |t| t.number + 1);
        for channel in channels {
            // The number is taken if another machine tells something else of the same at the same time.
            loop {
                message.id = format!("{}.{number}", message.thread);
                let pending = Pending { channel: channel.clone(), message: message.clone(), path: String::new() };
                let bytes = serde_json::to_vec(&pending).map_err(|_| Fault::internal("a message has no JSON form"))?;
                let path = format!("pending/{}/{}.json", folder(channel), message.id);
                if self.store.create(&path, bytes).await? {
                    break;
                }
                let there: Option<Pending> = serde_json::from_slice(&self.store.read(&path).await?).ok();
                if there.is_some_and(|p| p.message.kind == message.kind && p.message.subject == message.subject) {
                    break;
                }
                number += 1;
            }
        }
        let mut told: Vec<String> = before.map(|t| t.told.clone()).unwrap_or_default();
        told.extend(channels.iter().cloned());
        told.sort();
        told.dedup();
        let thread =
            Thread { number, kind: message.kind, cause: cause.to_owned(), since: message.since.clone(), told };
        let bytes = serde_json::to_vec(&thread).map_err(|_| Fault::internal("a thread has no JSON form"))?;
        self.store.write(&format!("threads/{}.json", message.thread), bytes).await
    }

    /// What waits for a channel, in the order in which it was written.
    pub async fn pending(&self, channel: &str) -> Result<Vec<Pending>, Fault> {
        let mut files = self.files(channel).await?;
        files.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        let mut found = Vec::new();
        for file in files {
            let Ok(bytes) = self.store.read(&file.path).await else { continue };
            if let Ok(pending) = serde_json::from_slice::<Pending>(&bytes) {
                found.push(Pending { path: file.path, ..pending });
            }
        }
        Ok(found)
    }

    async fn files(&self, channel: &str) -> Result<Vec<InputFile>, Fault> {
        let mut files = self.store.list_below(&format!("pending/{}", folder(channel))).await?;
        files.retain(|f| f.path.ends_with(".json") && f.size > SENT.len() as u64);
        Ok(files)
    }

    pub async fn waiting(&self, channel: &str) -> usize {
        self.files(channel).await.map_or(0, |files| files.len())
    }

    /// It is sent.
    pub async fn done(&self, pending: &Pending) {
        if self.store.remove(&pending.path).await.is_err() {
            // What even this does not note is sent again.
            let _ = self.store.write(&pending.path, SENT.as_bytes()).await;
        }
    }

    /// Microseconds since 1970 until which the channel is left alone.
    pub async fn paused_until(&self, channel: &str) -> Option<i64> {
        let path = format!("paused/{}.json", folder(channel));
        self.store.stat(&path).await.ok()??;
        serde_json::from_slice(&self.store.read(&path).await.ok()?).ok()
    }

    pub async fn pause(&self, channel: &str, until: i64) {
        let bytes = until.to_string().into_bytes();
        // Without the note the server is asked again, and says so again.
        let _ = self.store.write(&format!("paused/{}.json", folder(channel)), bytes).await;
    }
}
