//! Comments, found by one pass over a text: what the grammar skips, with its place.

use std::ops::Range;

/// The bytes with which a comment or a string can begin.
const BEGINS: [bool; 256] = {
    let mut begins = [false; 256];
    let bytes = [b'/', b'-', b'"', b'\'', b'`', 0xE2];
    let mut i = 0;
    while i < bytes.len() {
        begins[bytes[i] as usize] = true;
        i += 1;
    }
    begins
};

/// The comments of a text, in order.
pub fn comments(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut i = 0;
    // After one that nothing closes, no other is closed either.
    let mut closed = true;
    loop {
        i += bytes.get(i..).and_then(|rest| rest.iter().position(|b| BEGINS[usize::from(*b)])).unwrap_or(bytes.len().saturating_sub(i));
        let Some(&b) = bytes.get(i) else { break };
        let rest = bytes.get(i..).unwrap_or(&[]);
        match b {
            b'/' if rest.starts_with(b"//") => {
                let end = line_end(bytes, i);
                found.push(i..end);
                i = end;
            }
            b'/' if rest.starts_with(b"/*") => {
                let close = text.get(i + 2..).filter(|_| closed).and_then(|t| t.find("*/"));
                closed = close.is_some();
                let end = close.map_or(i + 2, |n| i + 2 + n + 2);
                if closed {
                    found.push(i..end);
                }
                i = end;
            }
            b'-' if rest.starts_with(b"--") => {
                let dashes = rest.iter().take_while(|b| **b == b'-').count();
                if rest.get(dashes).is_none_or(u8::is_ascii_whitespace) {
                    let end = line_end(bytes, i);
                    found.push(i..end);
                    i = end;
                } else {
                    i += dashes;
                }
            }
            b'"' | b'\'' | b'`' => i = string_end(text, i),
            // `“`, `”`, `‘`: a text in typographic quotes.
            0xE2 if text.get(i..).is_some_and(|t| t.starts_with(['“', '”', '„', '‘'])) => {
                i = smart_end(text, i)
            }
            _ => i += 1,
        }
    }
    found
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes.iter().skip(from).position(|b| *b == b'\n').map_or(bytes.len(), |n| from + n)
}

/// Where the string ends that starts at `start`; at the end of its line if nothing closes it.
pub fn string_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let quote = bytes.get(start).copied().unwrap_or(b'"');
    if bytes.get(start..).is_some_and(|b| b.starts_with(b"\"\"\"")) {
        return text.get(start + 3..).and_then(|t| t.find("\"\"\"")).map_or(text.len(), |n| start + 3 + n + 3);
    }
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80;
    let raw = start > 0
        && bytes.get(start - 1) == Some(&b'r')
        && !start.checked_sub(2).and_then(|i| bytes.get(i)).is_some_and(word);
    let mut i = start + 1;
    while let Some(&b) = bytes.get(i) {
        match b {
            b'\n' => return i,
            b'\\' if !raw && quote != b'`' && bytes.get(i + 1) != Some(&b'\n') => i += 2,
            b if b == quote => {
                if !raw && bytes.get(i + 1) == Some(&quote) {
                    i += 2;
                } else {
                    return i + 1;
                }
            }
            _ => i += 1,
        }
    }
    bytes.len()
}

fn smart_end(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or("");
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let body = rest.get(first..).unwrap_or("");
    let end = body.find(['“', '”', '’', '"', '\n']).unwrap_or(body.len());
    let close = body.get(end..).and_then(|t| t.chars().next()).filter(|c| *c != '\n').map_or(0, char::len_utf8);
    start + first + end + close
}

/// The end of `start..end` without the blanks and comments at its end.
pub fn trimmed_end(text: &str, comments: &[Range<usize>], start: usize, mut end: usize) -> usize {
    let bytes = text.as_bytes();
    loop {
        while end > start && matches!(bytes.get(end - 1), Some(b' ' | b'\t'..=b'\r')) {
            end -= 1;
        }
        if end > start && bytes.get(end - 1).is_some_and(|b| *b >= 0x80) {
            let slice = text.get(start..end).unwrap_or("");
            let blank = |c: char| c.is_whitespace() || matches!(c, '\u{FEFF}' | '\u{200B}');
            end = start + slice.trim_end_matches(blank).len();
        }
        let after = comments.partition_point(|c| c.start < end);
        match after.checked_sub(1).and_then(|i| comments.get(i)) {
            Some(c) if c.start >= start && c.start < end && c.end >= end => end = c.start,
            _ => return end,
        }
        if end <= start {
            return start;
        }
    }
}
