//! Text. Positions count characters from 1.

use crate::eval::{Reason, Result, text};
use crate::hir::Value;

/// Bytes that one text made by `repeat`, `lpad` or `rpad` may have.
const LONGEST: usize = 16 << 20;

pub fn call(function: &str, args: &[Value]) -> Option<Result> {
    use Value::*;
    let string = |s: std::string::String| Ok(String(s));
    let count = |n: usize| i64::try_from(n).map(Int).map_err(|_| Reason::OVERFLOW);
    Some(match (function, args) {
        ("length", [String(s)]) => count(s.chars().count()),
        ("length", [Binary(b)]) => count(b.len()),
        ("octet_length", [String(s)]) => count(s.len()),
        ("bit_length", [String(s)]) => count(s.len() * 8),
        ("lower", [String(s)]) => string(s.to_lowercase()),
        ("upper", [String(s)]) => string(s.to_uppercase()),
        ("initcap", [String(s)]) => string(initcap(s)),
        ("trim", [String(s)]) => string(s.trim_matches(' ').to_owned()),
        ("ltrim", [String(s)]) => string(s.trim_start_matches(' ').to_owned()),
        ("rtrim", [String(s)]) => string(s.trim_end_matches(' ').to_owned()),
        ("trim", [String(s), String(c)]) => string(s.trim_matches(|x| c.contains(x)).to_owned()),
        ("ltrim", [String(s), String(c)]) => string(s.trim_start_matches(|x| c.contains(x)).to_owned()),
        ("rtrim", [String(s), String(c)]) => string(s.trim_end_matches(|x| c.contains(x)).to_owned()),
        ("substring", [String(s), Int(start)]) => string(substring(s, *start, i64::MAX)),
        ("substring", [String(s), Int(start), Int(n)]) => string(substring(s, *start, *n)),
        ("left", [String(s), Int(n)]) => string(substring(s, 1, *n)),
        ("right", [String(s), Int(n)]) => {
            string(if *n <= 0 { std::string::String::new() } else { substring(s, n.saturating_neg(), i64::MAX) })
        }
        ("overlay", [String(s), String(by), Int(start)]) => overlay(s, by, *start, -1).map(String),
        ("overlay", [String(s), String(by), Int(start), Int(n)]) => overlay(s, by, *start, *n).map(String),
        ("substring_index", [String(s), String(by), Int(n)]) => string(substring_index(s, by, *n).to_owned()),
        ("lpad", [String(s), Int(n), String(fill)]) => pad(s, *n, fill).map(|(s, fill)| String(fill + &s)),
        ("rpad", [String(s), Int(n), String(fill)]) => pad(s, *n, fill).map(|(s, fill)| String(s + &fill)),
        ("replace", [String(s), String(search), String(_)]) if search.is_empty() => string(s.clone()),
        ("replace", [String(s), String(search), String(by)]) => string(s.replace(search.as_str(), by)),
        ("translate", [String(s), String(source), String(target)]) => string(translate(s, source, target)),
        ("reverse", [String(s)]) => string(s.chars().rev().collect()),
        ("repeat", [String(s), Int(n)]) => repeat(s, *n).map(String),
        ("split", [String(s), String(by)]) => Ok(Array(parts(s, by).map(|p| String(p.to_owned())).collect())),
        ("split_part", [String(s), String(by), Int(n)]) => split_part(s, by, *n).map(String),
        ("starts_with", [String(s), String(part)]) => Ok(Bool(s.starts_with(part.as_str()))),
        ("ends_with", [String(s), String(part)]) => Ok(Bool(s.ends_with(part.as_str()))),
        ("contains", [String(s), String(part)]) => Ok(Bool(s.contains(part.as_str()))),
        ("strpos", [String(s), String(part)]) => {
            s.find(part.as_str()).map_or(Ok(Int(0)), |at| count(s[..at].chars().count() + 1))
        }
        ("concat", parts) => strings(parts).map(|parts| String(parts.concat())),
        ("concat_ws", [Null, ..]) => Ok(Null),
        ("concat_ws", [String(by), parts @ ..]) => {
            let present: Vec<Value> = parts.iter().filter(|p| **p != Null).cloned().collect();
            strings(&present).map(|parts| String(parts.join(by)))
        }
        ("regexp_like", [String(s), String(p)]) => text::with_regex(p, |r| Bool(r.is_match(s))),
        ("regexp_count", [String(s), String(p)]) => text::with_regex(p, |r| r.find_iter(s).count()).and_then(count),
        ("regexp_instr", [String(s), String(p)]) => {
            let found = text::with_regex(p, |r| r.find(s).map(|m| m.start()));
            found.and_then(|at| at.map_or(Ok(Int(0)), |at| count(s[..at].chars().count() + 1)))
        }
        ("regexp_replace", [String(s), String(p), String(by)]) => {
            text::with_regex(p, |r| String(r.replace_all(s, groups(by).as_str()).into_owned()))
        }
        ("regexp_extract", [String(s), String(p)]) => extract(s, p, 1).map(String),
        ("regexp_extract", [String(s), String(p), Int(group)]) => extract(s, p, *group).map(String),
        ("ascii", [String(s)]) => Ok(Int(s.chars().next().map_or(0, |c| i64::from(u32::from(c))))),
        ("chr", [Int(code)]) => {
            let c = u32::try_from(*code).ok().and_then(char::from_u32);
            c.map(|c| String(c.to_string())).ok_or(Reason::of("not a character's code"))
        }
        ("levenshtein", [String(a), String(b)]) => count(strsim::levenshtein(a, b)),
        ("soundex", [String(s)]) => string(soundex(s)),
        ("find_in_set", [String(s), String(list)]) => {
            if s.contains(',') {
                return Some(Ok(Int(0)));
            }
            list.split(',').position(|p| p == s).map_or(Ok(Int(0)), |i| count(i + 1))
        }
        _ => return None,
    })
}

fn strings(values: &[Value]) -> Result<Vec<String>> {
    let text = |v: &Value| match v {
        Value::String(s) => Ok(s.clone()),
        _ => Err(Reason::UNSUPPORTED),
    };
    values.iter().map(text).collect()
}

/// Spark's `initcap`: words are parted by spaces alone.
fn initcap(s: &str) -> String {
    let word = |w: &str| {
        let mut chars = w.chars();
        chars.next().map_or(String::new(), |c| c.to_uppercase().collect::<String>() + &chars.as_str().to_lowercase())
    };
    s.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// At most `count` characters from a position on. A negative position counts from the end, and the characters that would
/// stand before the text count too, as in Spark.
fn substring(s: &str, start: i64, count: i64) -> String {
    let length = i64::try_from(s.chars().count()).unwrap_or(i64::MAX);
    let from = match start {
        1.. => start - 1,
        0 => 0,
        _ => length.saturating_add(start),
    };
    let to = from.saturating_add(count.max(0)).clamp(0, length);
    let from = from.clamp(0, length);
    let (skip, take) = (usize::try_from(from).unwrap_or(0), usize::try_from(to - from).unwrap_or(0));
    s.chars().skip(skip).take(take).collect()
}

/// As in Spark, for which the characters before the first are none.
fn overlay(s: &str, by: &str, start: i64, count: i64) -> Result<String> {
    let count = if count >= 0 { Ok(count) } else { i64::try_from(by.chars().count()).map_err(|_| Reason::OVERFLOW) }?;
    let before = substring(s, 1, start.saturating_sub(1));
    Ok([&*before, by, &*substring(s, start.saturating_add(count), i64::MAX)].concat())
}

fn substring_index<'s>(s: &'s str, by: &str, count: i64) -> &'s str {
    let Some(skip) =
        usize::try_from(count.unsigned_abs()).ok().and_then(|n| n.checked_sub(1)).filter(|_| !by.is_empty())
    else {
        return "";
    };
    if count > 0 {
        s.match_indices(by).nth(skip).map_or(s, |(at, _)| &s[..at])
    } else {
        s.rmatch_indices(by).nth(skip).map_or(s, |(at, _)| &s[at + by.len()..])
    }
}

/// The text cut to a length, and the fill that brings it there.
fn pad(s: &str, to: i64, fill: &str) -> Result<(String, String)> {
    let to = usize::try_from(to).unwrap_or(0);
    if to > LONGEST {
        return Err(Reason::of("the text would be too long"));
    }
    let cut: String = s.chars().take(to).collect();
    let missing = to - cut.chars().count();
    let fill = if fill.is_empty() { String::new() } else { fill.chars().cycle().take(missing).collect() };
    Ok((cut, fill))
}

fn repeat(s: &str, times: i64) -> Result<String> {
    let times = usize::try_from(times).unwrap_or(0);
    match s.len().checked_mul(times) {
        Some(n) if n <= LONGEST => Ok(s.repeat(times)),
        _ => Err(Reason::of("the text would be too long")),
    }
}

fn translate(s: &str, source: &str, target: &str) -> String {
    let target: Vec<char> = target.chars().collect();
    let exchange = |c| match source.chars().position(|x| x == c) {
        Some(i) => target.get(i).copied(),
        None => Some(c),
    };
    s.chars().filter_map(exchange).collect()
}

/// The parts between separators; an empty separator parts nothing.
fn parts<'a>(s: &'a str, by: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    if by.is_empty() { Box::new(std::iter::once(s)) } else { Box::new(s.split(by)) }
}

fn split_part(s: &str, by: &str, n: i64) -> Result<String> {
    let parts: Vec<&str> = parts(s, by).collect();
    let at = match n {
        0 => return Err(Reason::of("part 0 of a text")),
        1.. => usize::try_from(n - 1).ok(),
        _ => usize::try_from(n.unsigned_abs()).ok().and_then(|n| parts.len().checked_sub(n)),
    };
    Ok(at.and_then(|at| parts.get(at)).map_or(String::new(), |p| (*p).to_owned()))
}

/// `$1x` is group 1 and an x, as in Java; `\$` is a dollar.
pub fn groups(by: &str) -> String {
    let mut out = String::new();
    let mut chars = by.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('$') => out.push_str("$$"),
                Some(c) => out.push(c),
                None => {}
            },
            '$' => {
                let mut group = String::new();
                while let Some(d) = chars.next_if(char::is_ascii_digit) {
                    group.push(d);
                }
                if group.is_empty() {
                    out.push_str("$$");
                } else {
                    out.push_str(&format!("${{{group}}}"));
                }
            }
            c => out.push(c),
        }
    }
    out
}

fn extract(s: &str, pattern: &str, group: i64) -> Result<String> {
    let found = text::with_regex(pattern, |r| {
        let group = usize::try_from(group).ok().filter(|g| *g < r.captures_len())?;
        Some(r.captures(s).and_then(|c| c.get(group).map(|m| m.as_str().to_owned())).unwrap_or_default())
    })?;
    found.ok_or(Reason::of("the regular expression has no such group"))
}

/// American Soundex; a text that does not start with a letter is left as it is, as in Spark.
fn soundex(s: &str) -> String {
    let code = |c: char| match c.to_ascii_uppercase() {
        'B' | 'F' | 'P' | 'V' => '1',
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => '2',
        'D' | 'T' => '3',
        'L' => '4',
        'M' | 'N' => '5',
        'R' => '6',
        'H' | 'W' => '-',
        _ => '0',
    };
    let Some(first) = s.chars().next().filter(char::is_ascii_alphabetic) else { return s.to_owned() };
    let (mut out, mut last) = (first.to_ascii_uppercase().to_string(), code(first));
    for c in s.chars().skip(1) {
        match code(c) {
            '-' => {}
            digit => {
                if digit != '0' && digit != last {
                    out.push(digit);
                }
                last = digit;
            }
        }
        if out.len() == 4 {
            break;
        }
    }
    format!("{out:0<4}")
}
