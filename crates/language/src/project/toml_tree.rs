//! TOML as a tree that keeps the places and the order of its keys.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::source::{FileId, Span};

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Value,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// In the order of the file.
    Table(Vec<Entry>),
    /// What `dqc.toml` has no use for, by name.
    Other(&'static str),
}

impl Value {
    /// For a sentence: "this is …".
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "text",
            Value::Integer(_) => "a whole number",
            Value::Boolean(_) => "true or false",
            Value::Table(_) => "a table",
            Value::Other(kind) => kind,
        }
    }
}

/// The tree, or what is wrong with the text and where.
pub fn parse(file: FileId, text: &str) -> Result<Vec<Entry>, (Span, String)> {
    match DeTable::parse(text) {
        Ok(table) => Ok(entries(file, table.get_ref())),
        Err(error) => {
            let range = error.span().unwrap_or(text.len()..text.len());
            Err((Span::new(file, range.start, range.end), error.message().to_string()))
        }
    }
}

fn entries(file: FileId, table: &DeTable<'_>) -> Vec<Entry> {
    let span = |range: std::ops::Range<usize>| Span::new(file, range.start, range.end);
    let mut all: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_span: span(key.span()),
            value: of(file, value),
            span: span(value.span()),
        })
        .collect();
    all.sort_by_key(|entry| entry.key_span);
    all
}

fn of(file: FileId, value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number that is too large"), Value::Integer),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Table(table) => Value::Table(entries(file, table)),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(_) => Value::Other("a list"),
    }
}
