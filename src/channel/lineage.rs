//! Sends OpenLineage events beside the run, and writes them to a file. A server that is dead changes nothing but a notice.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::post::{Client, NotSent};
use crate::diagnostics::paint::visible_json;
use crate::ir::{Place, Plan};
use crate::ledger;
use crate::project::Project;
use crate::report::openlineage::{Job, Stage, event};
use crate::run::Report;

/// So many events wait for a slow server; more than a run of a night makes.
const QUEUE: usize = 10_000;

/// The lineage of one command.
pub struct Lineage {
    namespace: String,
    parent: Option<String>,
    file: Option<PathBuf>,
    /// Of this command; events of one batch share an id made from it.
    command: uuid::Uuid,
    queue: Option<tokio::sync::mpsc::Sender<String>>,
    task: Option<tokio::task::JoinHandle<Option<NotSent>>>,
    notices: Vec<String>,
}

impl Lineage {
    /// `None` where `dqc.toml` asks for none. `parent`: `OPENLINEAGE_PARENT_ID`.
    pub fn start(project: &Project, parent: Option<String>) -> Option<Self> {
        let wanted = project.config.lineage.as_ref()?;
        let mut notices = Vec::new();
        let mut secret = |found: Option<Result<String, crate::fault::Fault>>| match found.transpose() {
            Ok(found) => found,
            Err(fault) => {
                notices.push(format!("lineage is not sent: {}", fault.message));
                None
            }
        };
        let url = secret(wanted.url.as_ref().map(|url| url.resolve(&project.root)));
        let token = secret(wanted.token.as_ref().map(|token| token.resolve(&project.root)));
        let sender = url.filter(|_| wanted.token.is_none() || token.is_some()).map(|url| {
            let (queue, events) = tokio::sync::mpsc::channel(QUEUE);
            let url = format!("{}/api/v1/lineage", url.trim_end_matches('/'));
            (queue, tokio::spawn(send(events, url, token)))
        });
        let (queue, task) = sender.unzip();
        let named = wanted.namespace.clone().or_else(|| project.config.name.clone());
        Some(Self {
            namespace: named.unwrap_or_else(|| "dqc".to_owned()),
            parent,
            file: wanted.file.as_ref().map(|path| project.root.join(path)),
            command: ledger::new_id(),
            queue,
            task,
            notices,
        })
    }

    pub fn tell(&mut self, plan: &Plan, batch: &str, places: &BTreeMap<String, Place>, stage: Stage<'_>) {
        let (Some(source), Some(target)) = (places.get(&plan.source_dataset), places.get(&plan.dataset)) else { return };
        let name = format!("{}\0{batch}", plan.promotion.as_deref().unwrap_or_default());
        let run_id = uuid::Uuid::new_v5(&self.command, name.as_bytes()).to_string();
        let job = Job {
            namespace: &self.namespace,
            plan,
            source,
            target,
            run_id: &run_id,
            parent: self.parent.as_deref(),
        };
        let at = chrono::DateTime::<chrono::Utc>::from_timestamp_micros(ledger::now()).unwrap_or_default();
        let event = event(&job, stage, &at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)).to_string();
        let event = visible_json(&event).into_owned();
        if let Some(path) = &self.file
            && append(path, &event).is_err()
        {
            self.notices.push("lineage is not written: the file cannot be".to_owned());
            self.file = None;
        }
        if let Some(queue) = &self.queue {
            let _ = queue.try_send(event);
        }
    }

    /// What became of a batch.
    pub fn done(&mut self, plan: &Plan, batch: &str, places: &BTreeMap<String, Place>, report: Option<&Report>, why: Option<&str>) {
        let stage = match why {
            None => Stage::Complete(report),
            Some(why) => Stage::Fail { report, why },
        };
        self.tell(plan, batch, places, stage);
    }

    /// Waits for what is still to be sent, and says what went wrong.
    pub async fn finish(mut self, wait: Duration) -> Vec<String> {
        drop(self.queue.take());
        if let Some(mut task) = self.task.take() {
            match tokio::time::timeout(wait, &mut task).await {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(why))) => self.notices.push(format!("lineage is not sent: {}", why.words())),
                Ok(Err(_)) | Err(_) => {
                    task.abort();
                    self.notices.push("lineage is not sent: no answer in time".to_owned());
                }
            }
        }
        self.notices
    }
}

/// One event after the other, until the first that does not go out: a server that is dead is not asked again.
async fn send(mut events: tokio::sync::mpsc::Receiver<String>, url: String, token: Option<String>) -> Option<NotSent> {
    let client = Client::new();
    let headers: Vec<_> = token.iter().map(|t| ("Authorization".to_owned(), format!("Bearer {t}"))).collect();
    while let Some(event) = events.recv().await {
        let mut sent = client.json(&url, event.clone(), &headers).await;
        if let Err(NotSent::After(wait)) = sent {
            tokio::time::sleep(wait.min(Duration::from_secs(2))).await;
            sent = client.json(&url, event, &headers).await;
        }
        if let Err(why) = sent {
            return Some(why);
        }
    }
    None
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    // One write, so that lines of two commands do not mix.
    file.write_all(format!("{line}\n").as_bytes())
}
