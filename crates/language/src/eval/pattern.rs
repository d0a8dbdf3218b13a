//! Spark's patterns for days and times: `yyyy MM dd HH mm ss SSS XXX`. Quotes hold text, letters are fields, what else
//! stands there is itself.

use chrono::{Datelike, NaiveDate, Timelike};

use super::zone::{self, Zone};
use super::{Reason, Result};

const BAD: Reason = Reason::of("not a pattern for days and times");

/// A field with its width, or text.
enum Part {
    Field(char, usize),
    Text(String),
}

fn parts(pattern: &str) -> Result<Vec<Part>> {
    let mut found: Vec<Part> = Vec::new();
    let mut chars = pattern.chars().peekable();
    let text = |found: &mut Vec<Part>, c: char| match found.last_mut() {
        Some(Part::Text(t)) => t.push(c),
        _ => found.push(Part::Text(c.to_string())),
    };
    while let Some(c) = chars.next() {
        if c == '\'' {
            if chars.next_if_eq(&'\'').is_some() {
                text(&mut found, '\'');
                continue;
            }
            loop {
                match chars.next() {
                    Some('\'') if chars.next_if_eq(&'\'').is_some() => text(&mut found, '\''),
                    Some('\'') => break,
                    Some(c) => text(&mut found, c),
                    None => return Err(BAD),
                }
            }
        } else if c.is_ascii_alphabetic() {
            let mut width = 1;
            while chars.next_if_eq(&c).is_some() {
                width += 1;
            }
            if !"yuMLdHhkKmsSaEXxZDQ".contains(c) || width > 9 {
                return Err(BAD);
            }
            found.push(Part::Field(c, width));
        } else {
            text(&mut found, c);
        }
    }
    Ok(found)
}

/// A clock's reading, and its zone for `X`, in a pattern.
pub fn format(local: i64, offset_seconds: i64, pattern: &str) -> Result<String> {
    let at = zone::reading(local)?;
    let mut out = String::new();
    for part in parts(pattern)? {
        match part {
            Part::Text(t) => out.push_str(&t),
            Part::Field(field, width) => {
                let number = |n: i64| format!("{n:0width$}");
                out.push_str(&match field {
                    'y' | 'u' if width == 2 => format!("{:02}", at.year().rem_euclid(100)),
                    'y' | 'u' => number(at.year().into()),
                    'M' | 'L' if width == 3 => at.format("%b").to_string(),
                    'M' | 'L' if width >= 4 => at.format("%B").to_string(),
                    'M' | 'L' => number(at.month().into()),
                    'd' => number(at.day().into()),
                    'D' => number(at.ordinal().into()),
                    'Q' => number((at.month0() / 3 + 1).into()),
                    'H' => number(at.hour().into()),
                    'k' => number(if at.hour() == 0 { 24 } else { at.hour().into() }),
                    'K' => number((at.hour() % 12).into()),
                    'h' => number(at.hour12().1.into()),
                    'm' => number(at.minute().into()),
                    's' => number(at.second().into()),
                    'S' => format!("{:09}", at.nanosecond()).chars().take(width).collect(),
                    'a' => at.format("%p").to_string(),
                    'E' if width >= 4 => at.format("%A").to_string(),
                    'E' => at.format("%a").to_string(),
                    'X' if offset_seconds == 0 => "Z".to_owned(),
                    'X' | 'x' | 'Z' => {
                        let sign = if offset_seconds < 0 { '-' } else { '+' };
                        let minutes = offset_seconds.abs() / 60;
                        let colon = if width == 3 && field != 'Z' { ":" } else { "" };
                        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
                    }
                    _ => return Err(BAD),
                });
            }
        }
    }
    Ok(out)
}

/// What a text says under a pattern: a reading, and the offset if one is written. `None`: it does not follow the pattern.
pub fn parse(text: &str, pattern: &str) -> Result<Option<(i64, Option<Zone>)>> {
    Ok(read(text, &parts(pattern)?))
}

fn read(text: &str, parts: &[Part]) -> Option<(i64, Option<Zone>)> {
    let (mut year, mut month, mut day, mut hour, mut minute, mut second) = (1970, 1, 1, 0, 0, 0);
    let (mut micros, mut afternoon, mut zone) = (0, None, None);
    let mut rest = text;
    for (i, part) in parts.iter().enumerate() {
        let (field, width) = match part {
            Part::Text(t) => {
                rest = rest.strip_prefix(t.as_str())?;
                continue;
            }
            Part::Field(field, width) => (*field, *width),
        };
        match field {
            'a' => {
                let (word, after) = (rest.get(..2)?, rest.get(2..)?);
                afternoon = Some(if word.eq_ignore_ascii_case("pm") {
                    true
                } else if word.eq_ignore_ascii_case("am") {
                    false
                } else {
                    return None;
                });
                rest = after;
            }
            'M' | 'L' if width >= 3 => {
                let (n, after) = month_name(rest, width)?;
                (month, rest) = (n, after);
            }
            'E' => {
                let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
                rest = rest.get(end..)?;
            }
            'X' | 'x' | 'Z' => {
                let end = rest.find(|c: char| !(c.is_ascii_digit() || "+-:Z".contains(c))).unwrap_or(rest.len());
                zone = Some(Zone::parse(rest.get(..end)?)?);
                rest = rest.get(end..)?;
            }
            _ => {
                // a field that another follows at once has its width; else it takes what digits there are
                let tight = matches!(parts.get(i + 1), Some(Part::Field(..)));
                let most = if tight || width > 1 && field != 'y' && field != 'u' { width.max(1) } else { 9 };
                let end = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
                if end == 0 || width > 1 && end < width {
                    return None;
                }
                let digits = rest.get(..end)?;
                let n: i64 = digits.parse().ok()?;
                rest = rest.get(end..)?;
                match field {
                    'y' | 'u' => year = if width == 2 { 2000 + n } else { n },
                    'M' | 'L' => month = n,
                    'd' => day = n,
                    'H' => hour = n,
                    'h' | 'K' => hour = n % 12,
                    'k' => hour = n % 24,
                    'm' => minute = n,
                    's' => second = n,
                    'S' => micros = format!("{digits:0<6}").get(..6)?.parse().ok()?,
                    _ => return None,
                }
            }
        }
    }
    if !rest.is_empty() {
        return None;
    }
    if afternoon == Some(true) && hour < 12 {
        hour += 12;
    }
    let to_u32 = |n: i64| u32::try_from(n).ok();
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, to_u32(month)?, to_u32(day)?)?;
    let at = date.and_hms_micro_opt(to_u32(hour)?, to_u32(minute)?, to_u32(second)?, to_u32(micros)?)?;
    Some((zone::micros(at), zone))
}

fn month_name(text: &str, width: usize) -> Option<(i64, &str)> {
    (1..=12).find_map(|n| {
        let date = NaiveDate::from_ymd_opt(2000, n, 1)?;
        let name = date.format(if width == 3 { "%b" } else { "%B" }).to_string();
        let head = text.get(..name.len())?;
        head.eq_ignore_ascii_case(&name).then_some((i64::from(n), text.get(name.len()..)?))
    })
}
