//! JSON lines: one object a line. Cells are kept as the JSON that they are, but that a text for a column of text, dates
//! or times stands without its quotes.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::spool::Spool;
use super::Spooled;
use crate::engine::sources::NotOpened;
use crate::hir::Type;
use crate::ir::SourceColumn;

/// Lines that are looked through for keys before the first is written.
const AHEAD: usize = 10_000;

/// What came of reading a file.
pub enum Read {
    All(Spooled),
    /// A key came after the columns were settled: all the columns.
    MoreColumns(Vec<String>),
}

pub struct Lines<'d> {
    declared: &'d [SourceColumn],
    /// Keys in the order in which they came.
    names: Vec<String>,
    /// Lines that wait for the columns to be settled.
    waiting: Vec<Vec<u8>>,
    spool: Option<Spool>,
    rest: Vec<u8>,
    late: bool,
    rows: u64,
}

impl<'d> Lines<'d> {
    pub fn new(declared: &'d [SourceColumn], names: Vec<String>) -> Self {
        Self { declared, names, waiting: Vec::new(), spool: None, rest: Vec::new(), late: false, rows: 0 }
    }

    pub fn push(&mut self, chunk: &[u8]) -> Result<(), NotOpened> {
        let mut chunk = chunk;
        while let Some(end) = chunk.iter().position(|b| *b == b'\n') {
            let mut line = std::mem::take(&mut self.rest);
            line.extend_from_slice(&chunk[..end]);
            chunk = &chunk[end + 1..];
            self.line(line)?;
        }
        self.rest.extend_from_slice(chunk);
        Ok(())
    }

    fn line(&mut self, line: Vec<u8>) -> Result<(), NotOpened> {
        let line = if self.rows == 0 && line.starts_with(b"\xef\xbb\xbf") { line[3..].to_vec() } else { line };
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        self.rows += 1;
        if self.spool.is_some() {
            return self.write(&line);
        }
        if let Some(members) = std::str::from_utf8(&line).ok().and_then(members) {
            for (key, _) in members {
                if !self.names.iter().any(|n| *n == key) {
                    self.names.push(key.into_owned());
                }
            }
        }
        self.waiting.push(line);
        if self.waiting.len() >= AHEAD { self.settle() } else { Ok(()) }
    }

    fn settle(&mut self) -> Result<(), NotOpened> {
        // A file without rows says nothing of its columns.
        if self.rows == 0 {
            self.names = self.declared.iter().map(|c| c.name.clone()).collect();
        }
        self.spool = Some(Spool::new(&self.names)?);
        for line in std::mem::take(&mut self.waiting) {
            self.write(&line)?;
        }
        Ok(())
    }

    fn write(&mut self, line: &[u8]) -> Result<(), NotOpened> {
        let Some(spool) = &mut self.spool else { return Ok(()) };
        let Ok(text) = std::str::from_utf8(line) else { return spool.corrupt("not UTF-8", line) };
        let Some(members) = members(text) else { return spool.corrupt("not a JSON object", line) };
        let mut cells: Vec<Option<Cow<'_, str>>> = vec![None; self.names.len()];
        for (key, raw) in members {
            match self.names.iter().position(|n| *n == key) {
                Some(at) => cells[at] = cell(raw, declared(self.declared, &key)),
                None => {
                    self.late = true;
                    self.names.push(key.into_owned());
                    cells.push(None);
                }
            }
        }
        // What comes after a late key is read again anyway.
        if self.late { Ok(()) } else { spool.row(cells.iter().map(|c| c.as_deref())) }
    }

    pub fn finish(mut self) -> Result<Read, NotOpened> {
        let rest = std::mem::take(&mut self.rest);
        self.line(rest)?;
        if self.spool.is_none() {
            self.settle()?;
        }
        match self.spool {
            Some(spool) if !self.late => spool.finish().map(Read::All),
            _ => Ok(Read::MoreColumns(self.names)),
        }
    }
}

fn declared<'d>(columns: &'d [SourceColumn], key: &str) -> Option<&'d Type> {
    let exact = columns.iter().find(|c| c.name == key);
    exact.or_else(|| columns.iter().find(|c| c.name.to_lowercase() == key.to_lowercase())).map(|c| &c.ty)
}

/// A cell's text; a text stays in its quotes where a number, a truth or a list belongs, so that it is found to be none.
fn cell<'r>(raw: &'r str, ty: Option<&Type>) -> Option<Cow<'r, str>> {
    if raw == "null" {
        return None;
    }
    let as_text = match ty {
        None => true,
        Some(ty) => ty.is_temporal() || matches!(ty, Type::String | Type::Binary),
    };
    if !raw.starts_with('"') || !as_text {
        return Some(Cow::Borrowed(raw));
    }
    let inner = &raw[1..raw.len() - 1];
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
}

/// The members of an object; `None` where the text is no JSON object.
fn members(text: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    let mut rest = text.trim().strip_prefix('{')?.trim_start();
    let mut found = Vec::new();
    if let Some(after) = rest.strip_prefix('}') {
        return after.is_empty().then_some(found);
    }
    loop {
        let key = value(rest).filter(|k| k.starts_with('"'))?;
        rest = rest[key.len()..].trim_start().strip_prefix(':')?.trim_start();
        let raw = value(rest)?;
        rest = rest[raw.len()..].trim_start();
        serde_json::from_str::<IgnoredAny>(raw).ok()?;
        let plain = &key[1..key.len() - 1];
        let key = if plain.contains('\\') { Cow::Owned(serde_json::from_str(key).ok()?) } else { Cow::Borrowed(plain) };
        found.push((key, raw));
        match rest.chars().next()? {
            ',' => rest = rest[1..].trim_start(),
            '}' => return rest[1..].trim().is_empty().then_some(found),
            _ => return None,
        }
    }
}

/// The first value of a text, as far as brackets and quotes tell.
fn value(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (i, byte) in bytes.iter().enumerate() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => continue,
            }
            if !quoted && depth == 0 {
                return text.get(..=i);
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return text.get(..i).map(str::trim_end).filter(|t| !t.is_empty()),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return text.get(..=i);
                }
            }
            b',' if depth == 0 => return text.get(..i).map(str::trim_end).filter(|t| !t.is_empty()),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_come_apart() {
        let found = members(r#" {"a": 1, "b\"c":"x\\\"y" , "d":[1,{"e":"]"}], "f":null, "g":{ } } "#).unwrap();
        let shown: Vec<String> = found.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(shown, ["a=1", "b\"c=\"x\\\\\\\"y\"", "d=[1,{\"e\":\"]\"}]", "f=null", "g={ }"]);
        assert_eq!(members("{}").unwrap().len(), 0);
        for broken in ["", "[]", "{", "{\"a\":}", "{\"a\":1,}", "{\"a\":1} x", "{\"a\" 1}", "{\"a\":nul}", "{a:1}", "12"] {
            assert!(members(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn texts_lose_their_quotes_where_texts_belong() {
        assert_eq!(cell("\"12\"", Some(&Type::String)).as_deref(), Some("12"));
        assert_eq!(cell("\"12\"", Some(&Type::BigInt)).as_deref(), Some("\"12\""));
        assert_eq!(cell("12", Some(&Type::String)).as_deref(), Some("12"));
        assert_eq!(cell(r#""a\u00e4""#, None).as_deref(), Some("aä"));
        assert_eq!(cell("null", None), None);
    }
}
