//! Between the protocol's places and ours.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use lsp_types::{Position, Range, Uri};

use crate::source::{SourceFile, Span};

/// The path of a `file:` URI; what is no file goes by its own name.
pub(super) fn path_of(uri: &Uri) -> Option<PathBuf> {
    let text = uri.as_str();
    let Some(rest) = text.strip_prefix("file://") else { return Some(PathBuf::from(text)) };
    let path = rest.find('/').and_then(|i| rest.get(i..))?;
    let decoded = decode(path)?;
    // `/c:/…` is a drive.
    let drive = decoded.as_bytes().get(2) == Some(&b':') && decoded.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic);
    Some(real(Path::new(if drive { decoded.get(1..)? } else { &decoded })))
}

/// Links resolved, as far as the path exists: a project's folder is one without links.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent().and_then(|p| p.canonicalize().ok()), path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path.to_path_buf(),
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&b) = rest.next() {
        if b == b'%' {
            let digit = |b: Option<&u8>| char::from(*b?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(b);
        }
    }
    String::from_utf8(bytes).ok()
}

pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    let text = path.to_string_lossy().replace('\\', "/");
    let is_uri = !text.starts_with('/') && text.split_once(':').is_some_and(|(scheme, _)| scheme.len() > 1);
    if is_uri {
        return Uri::from_str(&text).ok();
    }
    let mut uri = String::from(if text.starts_with('/') { "file://" } else { "file:///" });
    for &b in text.as_bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(b)),
            _ => uri.push_str(&format!("%{b:02X}")),
        }
    }
    Uri::from_str(&uri).ok()
}

pub(super) fn position(source: &SourceFile, offset: usize) -> Position {
    let (line, character) = source.utf16(offset);
    Position { line, character }
}

pub(super) fn range(source: &SourceFile, range: std::ops::Range<usize>) -> Range {
    Range { start: position(source, range.start), end: position(source, range.end) }
}

pub(super) fn span(source: &SourceFile, span: Span) -> Range {
    range(source, span.range())
}

pub(super) fn offset(source: &SourceFile, position: Position) -> usize {
    source.offset_of_utf16(position.line, position.character)
}

pub(super) fn offsets(source: &SourceFile, range: Range) -> std::ops::Range<usize> {
    let (start, end) = (offset(source, range.start), offset(source, range.end));
    start.min(end)..start.max(end)
}
