//! Takes what waits in the outbox to its channels, beside the run: a server that is dead or slow delays nothing but the
//! end, and that by seconds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::mail::{self, Server};
use super::outbox::{Outbox, Pending};
use super::post::{Client, NotSent};
use super::slack;
use crate::ledger::now;
use crate::project::{Channel, ChannelKind};

/// So long the end of a run waits for what is still to be sent.
pub const LAST_WAIT: Duration = Duration::from_secs(5);
/// A server that asks for no longer is waited for.
const SHORT: Duration = Duration::from_secs(2);

/// A channel with its secrets read.
#[derive(Clone)]
enum Line {
    Slack(String),
    Mail(Server),
    Webhook { url: String, token: Option<String> },
    Nobody,
    /// A secret is missing; why.
    Cut(String),
}

/// What became of a channel's messages in this command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    pub sent: usize,
    pub waiting: usize,
    /// Why they wait.
    pub why: Option<String>,
    /// Messages that the server does not take, by their files: what comes after them is sent all the same.
    refused: Vec<(String, String)>,
}

/// A server that refuses so many messages takes none.
const REFUSALS: usize = 3;

pub struct Courier {
    outbox: Arc<Outbox>,
    lines: Arc<BTreeMap<String, Line>>,
    wake: Arc<tokio::sync::Notify>,
    closing: Arc<std::sync::atomic::AtomicBool>,
    task: tokio::task::JoinHandle<BTreeMap<String, Delivery>>,
}

impl Courier {
    /// Starts with what earlier runs left.
    pub fn start(outbox: Arc<Outbox>, channels: &[Channel], root: &Path) -> Self {
        let lines: BTreeMap<String, Line> = channels.iter().map(|c| (c.name.clone(), line(c, root))).collect();
        let lines = Arc::new(lines);
        let wake = Arc::new(tokio::sync::Notify::new());
        let closing = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let round = Round {
            outbox: outbox.clone(),
            lines: lines.clone(),
            client: Client::new(),
            deliveries: BTreeMap::new(),
        };
        let task = tokio::spawn(round.run(wake.clone(), closing.clone()));
        wake.notify_one();
        Self { outbox, lines, wake, closing, task }
    }

    /// There is something new.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Sends what can be sent within `wait`; what cannot stays for the next run.
    pub async fn finish(self, wait: Duration) -> BTreeMap<String, Delivery> {
        self.closing.store(true, std::sync::atomic::Ordering::SeqCst);
        self.wake.notify_one();
        let mut task = self.task;
        let mut deliveries = match tokio::time::timeout(wait, &mut task).await {
            Ok(done) => done.unwrap_or_default(),
            Err(_) => {
                task.abort();
                BTreeMap::new()
            }
        };
        for name in self.lines.keys() {
            let delivery = deliveries.entry(name.clone()).or_default();
            delivery.waiting = self.outbox.waiting(name).await;
            if delivery.waiting > 0 && delivery.why.is_none() {
                let refusal = delivery.refused.first().map(|(_, why)| why.clone());
                delivery.why = refusal.or_else(|| Some("no answer in time".to_owned()));
            }
        }
        deliveries
    }
}

fn line(channel: &Channel, root: &Path) -> Line {
    let setting = |name: &str| channel.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let secret = |name: &str| {
        let found = channel.secrets.iter().find(|(key, _)| key == name).map(|(_, secret)| secret.resolve(root));
        found.transpose().map_err(|fault| fault.message)
    };
    let read = || -> Result<Line, String> {
        Ok(match channel.kind {
            ChannelKind::Slack => Line::Slack(secret("webhook")?.unwrap_or_default()),
            ChannelKind::Webhook => Line::Webhook { url: secret("url")?.unwrap_or_default(), token: secret("token")? },
            ChannelKind::Mail => Line::Mail(Server {
                host: setting("host").unwrap_or_default(),
                port: setting("port").and_then(|p| p.parse().ok()),
                from: setting("from").unwrap_or_default(),
                to: setting("to").unwrap_or_default(),
                user: setting("user"),
                password: secret("password")?,
                tls: setting("tls").unwrap_or_default(),
            }),
            ChannelKind::None => Line::Nobody,
        })
    };
    read().unwrap_or_else(Line::Cut)
}

/// The task beside the run.
struct Round {
    outbox: Arc<Outbox>,
    lines: Arc<BTreeMap<String, Line>>,
    client: Client,
    deliveries: BTreeMap<String, Delivery>,
}

impl Round {
    async fn run(
        mut self,
        wake: Arc<tokio::sync::Notify>,
        closing: Arc<std::sync::atomic::AtomicBool>,
    ) -> BTreeMap<String, Delivery> {
        loop {
            wake.notified().await;
            let last = closing.load(std::sync::atomic::Ordering::SeqCst);
            let all = self.lines.iter().map(|(name, line)| {
                let before = self.deliveries.get(name).cloned().unwrap_or_default();
                deliver(&self.outbox, &self.client, name, line, before)
            });
            let done = futures::future::join_all(all).await;
            self.deliveries = self.lines.keys().cloned().zip(done).collect();
            if last {
                return self.deliveries;
            }
        }
    }
}

/// All that waits for a channel, in order, until the first that cannot go out for now; one that the server refuses holds up
/// no other. What failed before in this command is not tried again.
async fn deliver(outbox: &Outbox, client: &Client, name: &str, line: &Line, before: Delivery) -> Delivery {
    let mut delivery = before;
    if delivery.why.is_some() {
        return delivery;
    }
    let Ok(waiting) = outbox.pending(name).await else {
        delivery.why = Some("the outbox cannot be read".to_owned());
        return delivery;
    };
    if waiting.is_empty() {
        return delivery;
    }
    if let Some(until) = outbox.paused_until(name).await.filter(|until| *until > now()) {
        let seconds = (until - now()).div_euclid(1_000_000) + 1;
        delivery.why = Some(format!("the server asked to wait, for {seconds} s more"));
        return delivery;
    }
    for pending in waiting {
        if delivery.refused.iter().any(|(path, _)| *path == pending.path) {
            continue;
        }
        let mut sent = send(client, line, &pending).await;
        if let Err(NotSent::After(wait)) = sent
            && wait <= SHORT
        {
            tokio::time::sleep(wait).await;
            sent = send(client, line, &pending).await;
        }
        match sent {
            Ok(()) => {
                outbox.done(&pending).await;
                delivery.sent += 1;
            }
            Err(why @ NotSent::Never(_)) if delivery.refused.len() + 1 < REFUSALS => {
                delivery.refused.push((pending.path, why.words()));
            }
            Err(why) => {
                if let NotSent::After(wait) = why {
                    let wait = i64::try_from(wait.as_micros()).unwrap_or(0);
                    outbox.pause(name, now().saturating_add(wait)).await;
                }
                delivery.why = Some(why.words());
                break;
            }
        }
    }
    delivery
}

async fn send(client: &Client, line: &Line, pending: &Pending) -> Result<(), NotSent> {
    match line {
        Line::Slack(url) => client.json(url, slack::payload(&pending.message).to_string(), &[]).await,
        Line::Mail(server) => mail::send(&pending.message, server, now()).await,
        Line::Webhook { url, token } => {
            let body = serde_json::to_string(&pending.message).unwrap_or_default();
            let mut headers = vec![("Idempotency-Key".to_owned(), pending.message.id.clone())];
            headers.extend(token.iter().map(|t| ("Authorization".to_owned(), format!("Bearer {t}"))));
            client.json(url, body, &headers).await
        }
        Line::Nobody => Ok(()),
        Line::Cut(why) => Err(NotSent::Unset(why.clone())),
    }
}
