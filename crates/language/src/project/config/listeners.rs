//! Who hears of runs: channels, metrics, lineage.

use super::{Config, Reader, Secret, Table};
use crate::project::errors;
use crate::project::toml_tree::{Entry, Value};

/// `[metrics]`: where numbers about runs go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// For Prometheus' textfile collector; a path from the project's folder.
    pub file: Option<String>,
    /// The base address of an OTLP/HTTP receiver, as in `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub otlp: Option<Address>,
    /// `name=value` pairs with commas, as in `OTEL_EXPORTER_OTLP_HEADERS`.
    pub headers: Option<Secret>,
}

/// `[lineage]`: where OpenLineage events go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The base address of a server that takes `POST /api/v1/lineage`.
    pub url: Option<Address>,
    pub token: Option<Secret>,
    /// JSON Lines; a path from the project's folder.
    pub file: Option<String>,
    /// Of the jobs; the project's name where none is written.
    pub namespace: Option<String>,
}

/// An address without a secret in it may be written out; else it is named as a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Plain(String),
    Secret(Secret),
}

impl Address {
    pub fn resolve(&self, root: &std::path::Path) -> Result<String, crate::fault::Fault> {
        match self {
            Address::Plain(text) => Ok(text.clone()),
            Address::Secret(secret) => secret.resolve(root),
        }
    }
}

/// `[channels.NAME]`: somebody to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub name: String,
    pub kind: ChannelKind,
    /// What is no secret, by key.
    pub settings: Vec<(String, String)>,
    pub secrets: Vec<(String, Secret)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    Slack,
    Mail,
    Webhook,
    /// Nobody is told: for environments in which nobody wants to be.
    None,
}

/// How a mail server is spoken to.
const TLS: [&str; 3] = ["starttls", "tls", "none"];

impl ChannelKind {
    const NAMES: [(&'static str, ChannelKind); 4] = [
        ("slack", ChannelKind::Slack),
        ("mail", ChannelKind::Mail),
        ("webhook", ChannelKind::Webhook),
        ("none", ChannelKind::None),
    ];

    fn settings(self) -> &'static [&'static str] {
        match self {
            ChannelKind::Mail => &["host", "port", "from", "to", "user", "tls"],
            ChannelKind::Slack | ChannelKind::Webhook | ChannelKind::None => &[],
        }
    }

    /// What it cannot do without.
    fn needs(self) -> &'static [&'static str] {
        match self {
            ChannelKind::Slack => &["webhook"],
            ChannelKind::Mail => &["host", "from", "to"],
            ChannelKind::Webhook => &["url"],
            ChannelKind::None => &[],
        }
    }

    fn secrets(self) -> &'static [&'static str] {
        match self {
            ChannelKind::Slack => &["webhook"],
            ChannelKind::Mail => &["password"],
            ChannelKind::Webhook => &["url", "token"],
            ChannelKind::None => &[],
        }
    }
}

impl Reader {
    /// Who hears of runs: channels, metrics, lineage. An environment lays over whole channels, and single keys of the rest.
    pub(super) fn listeners(&mut self, of: &mut Table, config: &mut Config) {
        if let Some(channels) = self.section(of, "channels") {
            for channel in channels.entries.into_iter().filter_map(|entry| self.channel(entry)).collect::<Vec<_>>() {
                match config.channels.iter_mut().find(|known| known.name == channel.name) {
                    Some(known) => *known = channel,
                    None => config.channels.push(channel),
                }
            }
        }
        if let Some(mut table) = self.section(of, "metrics") {
            let metrics = &mut config.metrics;
            metrics.file = self.text(&mut table, "file").or(metrics.file.take());
            metrics.otlp = self.address(&mut table, "otlp").or(metrics.otlp.take());
            metrics.headers = self.secret(&mut table, "headers").or(metrics.headers.take());
            self.finish(table);
        }
        if let Some(mut table) = self.section(of, "lineage") {
            let mut lineage = config.lineage.take().unwrap_or_default();
            lineage.url = self.address(&mut table, "url").or(lineage.url);
            lineage.token = self.secret(&mut table, "token").or(lineage.token);
            lineage.file = self.text(&mut table, "file").or(lineage.file);
            lineage.namespace = self.text(&mut table, "namespace").or(lineage.namespace);
            if lineage.url.is_none() && lineage.file.is_none() {
                self.found.push(errors::missing_key("url", &table.name, table.span));
            }
            self.finish(table);
            config.lineage = Some(lineage);
        }
    }

    /// An `http(s)` address, or where it is kept; one with a user or a query in it counts as a secret.
    fn address(&mut self, table: &mut Table, key: &'static str) -> Option<Address> {
        let (text, span) = self.text_at(table, key)?;
        if let Some(secret) = Secret::parse(&text) {
            return Some(Address::Secret(secret));
        }
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match rest {
            Some(rest) if rest.contains(['@', '?', '#']) => self.found.push(errors::plain_secret(key, span)),
            Some(rest) if !rest.is_empty() => return Some(Address::Plain(text)),
            _ => self.found.push(errors::not_an_address(key, span)),
        }
        None
    }

    fn channel(&mut self, entry: Entry) -> Option<Channel> {
        let name = entry.key.clone();
        let mut table = self.table(entry, format!("channels.{name}"))?;
        let Some((kind, span)) = self.text_at(&mut table, "kind") else {
            self.found.push(errors::missing_key("kind", &table.name, table.span));
            return None;
        };
        let Some((_, kind)) = ChannelKind::NAMES.into_iter().find(|(n, _)| *n == kind) else {
            self.found.push(errors::not_one_of("kind", &kind, span, ChannelKind::NAMES.map(|k| k.0)));
            return None;
        };
        let mut settings = Vec::new();
        for &key in kind.settings() {
            if let Some(entry) = table.take(key) {
                match entry.value {
                    Value::Text(text) => settings.push((key.to_string(), text)),
                    Value::Integer(number) => settings.push((key.to_string(), number.to_string())),
                    Value::Boolean(flag) => settings.push((key.to_string(), flag.to_string())),
                    other => self.found.push(errors::wrong_kind(key, entry.span, "text", other.kind())),
                }
            }
        }
        for &key in kind.needs() {
            if !settings.iter().any(|(k, _)| k == key) && !table.entries.iter().any(|e| e.key == key) {
                self.found.push(errors::missing_key(key, &table.name, table.span));
            }
        }
        let keys = kind.secrets().iter();
        let secrets: Vec<_> =
            keys.filter_map(|&key| Some((key.to_string(), self.secret(&mut table, key)?))).collect();
        if kind == ChannelKind::Mail {
            self.mail(&settings, secrets.iter().any(|(key, _)| key == "password"), &table);
        }
        self.finish(table);
        Some(Channel { name, kind, settings, secrets })
    }

    fn mail(&mut self, settings: &[(String, String)], password: bool, table: &Table) {
        let setting = |name: &str| settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let tls = setting("tls").unwrap_or("starttls");
        if !TLS.contains(&tls) {
            self.found.push(errors::not_one_of("tls", tls, table.span, TLS));
        }
        if tls == "none" && password {
            self.found.push(errors::password_in_the_open(table.span));
        }
        if setting("port").is_some_and(|port| port.parse::<u16>().is_err()) {
            self.found.push(errors::wrong_kind("port", table.span, "a number up to 65535", "another"));
        }
    }
}
