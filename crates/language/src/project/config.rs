//! What `dqc.toml` says. Everything wrong in it is found at once, each with its place.

mod listeners;

use super::toml_tree::{Entry, Value, parse};
use super::{Format, errors};
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Span};

pub use listeners::{Address, Channel, ChannelKind, Lineage, Metrics};

/// The language's version that this program speaks.
pub const LANGUAGE: i64 = 1;

/// `dqc.toml`, with one environment's values laid over it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub name: Option<String>,
    /// In their order: data flows downward.
    pub layers: Vec<Layer>,
    pub quarantine: Option<String>,
    pub ledger: Option<String>,
    pub s3: S3,
    pub channels: Vec<Channel>,
    pub metrics: Metrics,
    pub lineage: Option<Lineage>,
    /// Names of all `[env.…]`.
    pub environments: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    pub name: String,
    /// As written: a URL, or a path from the project's folder.
    pub path: String,
    pub format: Format,
}

/// `[storage.s3]`; what is not said is taken from the usual AWS environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3 {
    pub region: Option<String>,
    pub endpoint: Option<String>,
    pub allow_http: bool,
    /// `https://host/bucket/…` instead of `https://bucket.host/…`.
    pub path_style: bool,
    pub access_key_id: Option<Secret>,
    pub secret_access_key: Option<Secret>,
    pub session_token: Option<Secret>,
    /// How the server encrypts what is written: `AES256`, `aws:kms`, `aws:kms:dsse`.
    pub encryption: Option<String>,
    /// The key of `aws:kms`, by its id or ARN.
    pub kms_key: Option<String>,
}

/// Where a secret is to be read; its value never stands in `dqc.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// `env:NAME`
    Env(String),
    /// `file:PATH`
    File(String),
}

impl Secret {
    fn parse(text: &str) -> Option<Secret> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Some(Secret::Env(name.to_string())),
            Some(("file", path)) if !path.is_empty() => Some(Secret::File(path.to_string())),
            _ => None,
        }
    }

    /// The secret itself; a `file:` is relative to the project's folder. A closing line break is no part of it.
    pub fn resolve(&self, root: &std::path::Path) -> Result<String, crate::fault::Fault> {
        match self {
            Secret::Env(name) => std::env::var(name).map_err(|_| errors::no_secret_variable(name)),
            Secret::File(path) => std::fs::read_to_string(root.join(path))
                .map(|text| text.trim_end_matches(['\n', '\r']).to_string())
                .map_err(|_| errors::no_secret_file(path)),
        }
    }
}

/// Reads the text of a `dqc.toml`; the findings are sorted by place.
pub fn read(file: FileId, text: &str, env: Option<&str>) -> (Config, Vec<Diagnostic>) {
    let root = match parse(file, text) {
        Ok(root) => root,
        Err((span, why)) => return (Config::default(), vec![errors::not_toml(span, &why)]),
    };
    let mut reader = Reader { found: Vec::new() };
    let config = reader.document(root, env);
    reader.found.sort_by_key(|d| d.primary.span);
    (config, reader.found)
}

struct Reader {
    found: Vec<Diagnostic>,
}

/// The keys of one table; those that nobody takes are unknown.
struct Table {
    /// As its header names it, `[layers]`; empty at the top.
    name: String,
    span: Span,
    entries: Vec<Entry>,
    known: Vec<&'static str>,
}

impl Table {
    fn take(&mut self, key: &'static str) -> Option<Entry> {
        self.known.push(key);
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }
}

impl Reader {
    fn document(&mut self, entries: Vec<Entry>, env: Option<&str>) -> Config {
        let mut top = Table { name: String::new(), span: Span::default(), entries, known: Vec::new() };
        let mut config = Config::default();
        if let Some(mut project) = self.section(&mut top, "project") {
            config.name = self.text(&mut project, "name");
            self.language(&mut project);
            self.finish(project);
        }
        self.places(&mut top, &mut config, false);
        self.listeners(&mut top, &mut config);
        if let Some(all) = self.section(&mut top, "env") {
            for entry in all.entries {
                config.environments.push(entry.key.clone());
                let name = format!("env.{}", entry.key);
                let chosen = env == Some(entry.key.as_str());
                if let Some(mut table) = self.table(entry, name) {
                    let mut laid_over = config.clone();
                    self.places(&mut table, &mut laid_over, true);
                    self.listeners(&mut table, &mut laid_over);
                    self.finish(table);
                    if chosen {
                        laid_over.environments = std::mem::take(&mut config.environments);
                        config = laid_over;
                    }
                }
            }
        }
        self.finish(top);
        config
    }

    /// What an environment may lay over: layers, quarantine, ledger, storage.
    fn places(&mut self, of: &mut Table, config: &mut Config, over: bool) {
        if let Some(layers) = self.section(of, "layers") {
            for entry in layers.entries {
                self.layer(entry, &mut config.layers, over);
            }
        }
        for (key, slot) in [("quarantine", &mut config.quarantine), ("ledger", &mut config.ledger)] {
            if let Some(mut table) = self.section(of, key) {
                if let Some((path, span)) = self.needed(&mut table, "path") {
                    self.open("path", &path, span);
                    *slot = Some(path);
                }
                self.finish(table);
            }
        }
        if let Some(mut storage) = self.section(of, "storage") {
            if let Some(s3) = self.section(&mut storage, "s3") {
                self.s3(s3, &mut config.s3);
            }
            self.finish(storage);
        }
    }

    fn layer(&mut self, entry: Entry, layers: &mut Vec<Layer>, over: bool) {
        let known = layers.iter().position(|layer| layer.name == entry.key);
        if over && known.is_none() {
            let names = layers.iter().map(|layer| layer.name.as_str());
            self.found.push(errors::unknown_layer_in_environment(&entry.key, entry.key_span, names));
            return;
        }
        let before = known.and_then(|i| layers.get(i));
        let mut format = before.map_or(Format::Delta, |layer| layer.format);
        let mut path = before.map(|layer| layer.path.clone());
        let name = entry.key.clone();
        if let Value::Text(text) = entry.value {
            self.open(&name, &text, entry.span);
            path = Some(text);
        } else {
            let Some(mut table) = self.table_or_text(entry) else { return };
            let own = if path.is_some() { self.text_at(&mut table, "path") } else { self.needed(&mut table, "path") };
            if let Some((text, span)) = own {
                self.open("path", &text, span);
                path = Some(text);
            }
            if let Some((text, span)) = self.text_at(&mut table, "format") {
                match Format::find(&text) {
                    Some(found) => format = found,
                    None => self.found.push(errors::not_one_of("format", &text, span, Format::NAMES.map(|f| f.0))),
                }
            }
            self.finish(table);
        }
        let Some(path) = path else { return };
        let layer = Layer { name, path, format };
        match known.and_then(|i| layers.get_mut(i)) {
            Some(slot) => *slot = layer,
            None => layers.push(layer),
        }
    }

    fn s3(&mut self, mut table: Table, s3: &mut S3) {
        for (key, slot) in [("region", &mut s3.region), ("endpoint", &mut s3.endpoint), ("kms_key", &mut s3.kms_key)] {
            if let Some((text, span)) = self.text_at(&mut table, key) {
                self.open(key, &text, span);
                *slot = Some(text);
            }
        }
        const ENCRYPTION: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];
        if let Some((name, span)) = self.text_at(&mut table, "encryption") {
            if ENCRYPTION.contains(&name.as_str()) {
                s3.encryption = Some(name);
            } else {
                self.found.push(errors::not_one_of("encryption", &name, span, ENCRYPTION));
            }
        }
        for (key, slot) in [("allow_http", &mut s3.allow_http), ("path_style", &mut s3.path_style)] {
            *slot = self.flag(&mut table, key).unwrap_or(*slot);
        }
        for (key, slot) in [
            ("access_key_id", &mut s3.access_key_id),
            ("secret_access_key", &mut s3.secret_access_key),
            ("session_token", &mut s3.session_token),
        ] {
            *slot = self.secret(&mut table, key).or(slot.take());
        }
        self.finish(table);
    }

    fn language(&mut self, table: &mut Table) {
        let Some(entry) = table.take("language") else { return };
        match entry.value {
            Value::Integer(LANGUAGE) => {}
            Value::Integer(other) => self.found.push(errors::unknown_language(other, entry.span)),
            other => self.found.push(errors::wrong_kind("language", entry.span, "a whole number", other.kind())),
        }
    }

    fn section(&mut self, of: &mut Table, key: &'static str) -> Option<Table> {
        let entry = of.take(key)?;
        let name = if of.name.is_empty() { key.to_string() } else { format!("{}.{key}", of.name) };
        self.table(entry, name)
    }

    fn table(&mut self, entry: Entry, name: String) -> Option<Table> {
        let span = entry.key_span;
        match entry.value {
            Value::Table(entries) => Some(Table { name, span, entries, known: Vec::new() }),
            other => {
                self.found.push(errors::wrong_kind(&entry.key, entry.span, "a table", other.kind()));
                None
            }
        }
    }

    fn table_or_text(&mut self, entry: Entry) -> Option<Table> {
        if !matches!(entry.value, Value::Table(_)) {
            let expected = "a path or `{ path = \"…\", format = \"…\" }`";
            self.found.push(errors::wrong_kind(&entry.key, entry.span, expected, entry.value.kind()));
            return None;
        }
        let name = format!("layers.{}", entry.key);
        self.table(entry, name)
    }

    fn text_at(&mut self, table: &mut Table, key: &'static str) -> Option<(String, Span)> {
        let entry = table.take(key)?;
        match entry.value {
            Value::Text(text) => Some((text, entry.span)),
            other => {
                self.found.push(errors::wrong_kind(key, entry.span, "text", other.kind()));
                None
            }
        }
    }

    fn text(&mut self, table: &mut Table, key: &'static str) -> Option<String> {
        self.text_at(table, key).map(|(text, _)| text)
    }

    fn needed(&mut self, table: &mut Table, key: &'static str) -> Option<(String, Span)> {
        if !table.entries.iter().any(|entry| entry.key == key) {
            self.found.push(errors::missing_key(key, &table.name, table.span));
        }
        self.text_at(table, key)
    }

    /// An address is named in messages and in the ledger: no user, password or token may stand in it.
    fn open(&mut self, key: &str, text: &str, span: Span) {
        if text.split_once("://").is_some_and(|(_, rest)| rest.contains(['@', '?', '#'])) {
            self.found.push(errors::plain_secret(key, span));
        }
    }

    fn flag(&mut self, table: &mut Table, key: &'static str) -> Option<bool> {
        let entry = table.take(key)?;
        match entry.value {
            Value::Boolean(flag) => Some(flag),
            other => {
                self.found.push(errors::wrong_kind(key, entry.span, "true or false", other.kind()));
                None
            }
        }
    }

    fn secret(&mut self, table: &mut Table, key: &'static str) -> Option<Secret> {
        let (text, span) = self.text_at(table, key)?;
        let secret = Secret::parse(&text);
        if secret.is_none() {
            self.found.push(errors::plain_secret(key, span));
        }
        secret
    }

    fn finish(&mut self, table: Table) {
        for entry in table.entries {
            self.found.push(errors::unknown_key(&entry.key, entry.key_span, &table.name, &table.known));
        }
    }
}
