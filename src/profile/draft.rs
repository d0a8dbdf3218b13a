//! A contract as it is drafted, with the evidence beside every claim.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::key;
use super::observe::{Column, Observed};
use super::references::Reference;
use crate::diagnostics::paint::visible;
use crate::eval::value::{as_f64, order};
use crate::eval::{number, time, zone};
use crate::hir::{Privacy, Type, Value};

/// Percent of the rows that may break what drifts before the batch is blocked.
pub const MANY: u32 = 5;
/// What a rule that may drift does.
const DRIFTS: &str = "else warn, block above 5%";
/// A set holds at most so many values, each of which came up so often.
const SET: usize = 20;
const EACH: u64 = 5;
/// Fewer values say nothing of a form.
const VALUES: usize = 5;

pub struct Draft {
    dataset: String,
    doc: String,
    columns: Vec<Line>,
    /// Names of columns that no contract can write, made visible.
    left_out: Vec<String>,
    rules: Vec<Rule>,
    /// Columns that may tell rows apart together, for when those that were drafted do not.
    spare: Vec<Vec<usize>>,
}

struct Line {
    name: String,
    ty: String,
    /// A type of the library that all values seem to meet.
    named: Option<&'static str>,
    nullable: bool,
    key: bool,
    privacy: Privacy,
    evidence: String,
}

struct Rule {
    name: String,
    text: String,
    evidence: String,
}

impl Draft {
    /// `private`: columns whose values must not be seen, by name.
    pub fn new(observed: &Observed, references: Vec<Reference>, private: &BTreeMap<String, Privacy>) -> Self {
        let privacy = |c: &Column| {
            let own = private.get(&c.name.to_lowercase()).copied().unwrap_or_default();
            if library(c) == Some("Email") { own.max(Privacy::Personal) } else { own }
        };
        let key = key::single(observed);
        let spare = if key.is_none() { key::several(observed) } else { Vec::new() };
        let line = |(at, c): (usize, &Column)| Line {
            name: name(&c.name),
            ty: c.ty.to_string(),
            named: library(c),
            nullable: c.nulls > 0 || observed.rows == 0,
            key: key == Some(at),
            privacy: privacy(c),
            evidence: evidence(c, observed.rows, privacy(c)),
        };
        let files = if observed.files == 1 { "1 file".to_owned() } else { format!("{} files", grouped(observed.files as u64)) };
        let rows = if observed.rows == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(observed.rows)) };
        let mut draft = Self {
            dataset: dataset_name(&observed.dataset),
            doc: format!("Profiled from `{}`: {files}, {rows}.", visible(&observed.shown)),
            left_out: observed.left_out.iter().map(|name| visible(name).into_owned()).collect(),
            columns: observed.columns.iter().enumerate().map(line).collect(),
            rules: Vec::new(),
            spare,
        };
        if observed.rows > 0 {
            draft.volume(observed.rows, observed.files as u64);
            draft.tell_apart();
            for (at, column) in observed.columns.iter().enumerate() {
                let reference = references.iter().find(|r| r.column == at);
                draft.column(column, observed.rows, key == Some(at), reference, privacy(column));
            }
        }
        draft
    }

    /// A batch to come may be all of it again, or as little as one of its files.
    fn volume(&mut self, rows: u64, files: u64) {
        self.rule("some_rows", "count(*) >= 1", String::new());
        let (low, high) = (rows / files.max(1) / 10, rows.saturating_mul(10));
        let text = format!("count(*) between {} and {} else warn", low.max(1), high);
        let each = if files > 1 { format!(", {} a file", grouped(rows / files)) } else { String::new() };
        self.rule("usual_rows", &text, format!("{} here{each}", grouped(rows)));
    }

    /// The next columns that may tell rows apart.
    fn tell_apart(&mut self) {
        if self.spare.is_empty() {
            return;
        }
        let set = self.spare.remove(0);
        let names: Vec<&str> = set.iter().map(|i| self.columns[*i].name.as_str()).collect();
        let text = format!("unique ({}) else warn, block above {MANY}%", names.join(", "));
        self.rule("told_apart", &text, "no two rows agree in these columns".to_owned());
    }

    fn column(&mut self, c: &Column, rows: u64, key: bool, reference: Option<&Reference>, privacy: Privacy) {
        let (own, there) = (name(&c.name), rows - c.nulls);
        if c.nulls > 0 && there > 0 {
            // Twice as many nulls as now are a change.
            let share = 100.0 * (1.0 - 2.0 * c.nulls as f64 / rows as f64);
            if share >= 1.0 {
                let text = format!("share({own} is not null) >= {}% else warn", share.floor());
                self.rule(&format!("{}_there", plain(&c.name)), &text, format!("{} here", percent(there, rows)));
            }
        }
        if there == 0 {
            return;
        }
        if c.is_unique() && !key && c.tells_apart() && !matches!(c.ty, Type::Date | Type::Timestamp | Type::TimestampNtz) {
            let text = format!("unique ({own}) {DRIFTS}");
            self.rule(&format!("{}_unique", plain(&c.name)), &text, "no value comes twice".to_owned());
        }
        if let Some(reference) = reference {
            let text = format!("({own}) references {}({}) {DRIFTS}", dataset_name(&reference.dataset), name(&reference.target));
            self.rule(&format!("{}_known", plain(&c.name)), &text, "every value is there".to_owned());
        }
        match &c.ty {
            // Sets, forms and ranges are made of the values.
            _ if privacy != Privacy::Public => {}
            Type::String if library(c).is_none() => self.texts(c, there, reference.is_some()),
            ty if ty.is_numeric() && c.nans == 0 => self.range(c, bounds(c)),
            Type::Date | Type::Timestamp | Type::TimestampNtz => self.range(c, (earliest(c), None)),
            _ => {}
        }
    }

    fn texts(&mut self, c: &Column, there: u64, referred: bool) {
        let (own, stem) = (name(&c.name), plain(&c.name));
        let few = c.values.as_ref().filter(|v| v.len() <= SET && there >= EACH * v.len() as u64);
        if let (Some(values), false) = (few, referred) {
            let mut listed: Vec<&(Value, u64)> = values.values().collect();
            listed.sort_by(|a, b| order(&a.0, &b.0));
            let texts: Vec<String> = listed.iter().filter_map(|(v, _)| literal(v)).collect();
            if texts.len() == listed.len() {
                let rarest = listed.iter().map(|(_, n)| *n).min().unwrap_or(0);
                let text = format!("{own} in ({}) {DRIFTS}", texts.join(", "));
                self.rule(&format!("{stem}_listed"), &text, format!("each at least {} times", grouped(rarest)));
                return;
            }
        }
        if c.some.len() < VALUES {
            return;
        }
        if let Some(pattern) = c.shapes.pattern() {
            let text = format!("{own} matches r\"{pattern}\" {DRIFTS}");
            self.rule(&format!("{stem}_form"), &text, "every value has this form".to_owned());
        } else if let Some((low, high)) = c.shapes.lengths {
            // Half as long again.
            let most = high + high.div_ceil(2);
            let least = usize::from(low > 0);
            let text = format!("length({own}) between {least} and {most} {DRIFTS}");
            self.rule(&format!("{stem}_length"), &text, format!("from {low} to {high} here"));
        }
    }

    fn range(&mut self, c: &Column, (low, high): (Option<String>, Option<String>)) {
        let own = name(&c.name);
        let condition = match (low, high) {
            (Some(low), Some(high)) => format!("{own} between {low} and {high}"),
            (Some(low), None) => format!("{own} >= {low}"),
            (None, Some(high)) => format!("{own} <= {high}"),
            (None, None) => return,
        };
        let text = format!("{condition} {DRIFTS}");
        let seen = c.low.as_ref().zip(c.high.as_ref()).and_then(|(l, h)| Some(format!("from {} to {} here", shown(l)?, shown(h)?)));
        self.rule(&format!("{}_range", plain(&c.name)), &text, seen.unwrap_or_default());
    }

    fn rule(&mut self, name: &str, text: &str, evidence: String) {
        let taken = |n: &str| self.rules.iter().any(|r| r.name == n);
        let mut own = name.to_owned();
        for n in 2.. {
            if !taken(&own) {
                break;
            }
            own = format!("{name}_{n}");
        }
        self.rules.push(Rule { name: own, text: text.to_owned(), evidence });
    }

    /// Takes out what the data does not pass; whether that changed anything.
    pub fn without(&mut self, names: &BTreeSet<String>) -> bool {
        let before = self.rules.len();
        let apart = self.rules.iter().any(|r| r.name == "told_apart" && names.contains(&r.name));
        self.rules.retain(|r| !names.contains(&r.name));
        let mut changed = self.rules.len() < before;
        if apart {
            self.tell_apart();
        }
        for line in &mut self.columns {
            let claim = |what: &str| names.contains(&format!("{}.{what}", line.name.trim_matches('`')));
            if line.key && claim("key") {
                line.key = false;
                changed = true;
            }
            if line.named.is_some_and(claim) {
                line.named = None;
                changed = true;
            }
        }
        changed
    }

    pub fn text(&self) -> String {
        let mut text = format!("/// {}\ncontract {} @ 1.0.0 {{\n    nulls pass\n\n    columns {{\n", self.doc, self.dataset);
        for line in &self.columns {
            let _ = writeln!(text, "        // {}", line.evidence);
            let null = if line.nullable { "?" } else { "" };
            let key = if line.key { " key" } else { "" };
            let ty = line.named.unwrap_or(&line.ty);
            let privacy = written(line.privacy);
            let _ = writeln!(text, "        {}: {ty}{null}{key}{privacy}", line.name);
        }
        for name in &self.left_out {
            let _ = writeln!(text, "        // left out, as no contract can write its name: {name}");
        }
        text.push_str("    }\n");
        if !self.rules.is_empty() {
            text.push_str("\n    rules {\n");
            for rule in &self.rules {
                if !rule.evidence.is_empty() {
                    let _ = writeln!(text, "        // {}", rule.evidence);
                }
                let _ = writeln!(text, "        {}: {}", rule.name, rule.text);
            }
            text.push_str("    }\n");
        }
        text + "}\n"
    }

    /// The columns alone, all of which may be null, under another name.
    pub fn bare(&self, dataset: &str) -> String {
        let mut text = format!("/// As it arrives.\ncontract {} @ 1.0.0 {{\n    columns {{\n", dataset_name(dataset));
        for line in &self.columns {
            let null = if line.nullable { "?" } else { "" };
            let privacy = written(line.privacy);
            let _ = writeln!(text, "        {}: {}{null}{privacy}", line.name, line.ty);
        }
        text + "        other columns kept\n    }\n}\n"
    }
}

fn written(privacy: Privacy) -> &'static str {
    match privacy {
        Privacy::Public => "",
        Privacy::Personal => " personal",
        Privacy::Secret => " secret",
    }
}

/// A type of the library that the texts look as if they met; the data decides.
fn library(c: &Column) -> Option<&'static str> {
    if c.ty != Type::String {
        return None;
    }
    let uuid = c.shapes.lengths == Some((36, 36));
    match (c.shapes.like_addresses(), uuid) {
        (true, _) => Some("Email"),
        (_, true) if c.shapes.pattern().is_some_and(|p| p.contains('-')) => Some("Uuid"),
        _ => None,
    }
}

fn evidence(c: &Column, rows: u64, privacy: Privacy) -> String {
    if rows == 0 {
        return "no row to judge by".to_owned();
    }
    let mut parts = vec![match c.nulls {
        0 => "never null".to_owned(),
        n if n == rows => "always null".to_owned(),
        n => format!("null in {}", percent(n, rows)),
    }];
    match &c.values {
        _ if c.nulls == rows => {}
        Some(values) if values.len() == 1 => {
            let only = values.values().next().and_then(|(v, _)| shown(v)).filter(|_| privacy == Privacy::Public);
            parts.push(only.map_or_else(|| "one value".to_owned(), |v| format!("always {v}")));
        }
        Some(values) if !values.is_empty() => parts.push(format!("{} values", grouped(values.len() as u64))),
        _ if c.is_unique() => parts.push("no value comes twice".to_owned()),
        None if c.low.is_some() => parts.push("more than 1,000 values".to_owned()),
        _ => {}
    }
    if c.nans > 0 {
        parts.push(format!("NaN in {}", percent(c.nans, rows)));
    }
    if c.folder {
        parts.push("from the folders' names".to_owned());
    }
    parts.join(", ")
}

/// A number's range, loosened to the next round number, and to 0 where everything is on one side of it.
fn bounds(c: &Column) -> (Option<String>, Option<String>) {
    let (Some(low), Some(high)) = (c.low.as_ref().and_then(as_f64), c.high.as_ref().and_then(as_f64)) else {
        return (None, None);
    };
    // Few values are no range: the next batch may well bring others.
    if c.values.as_ref().is_some_and(|values| values.len() < VALUES) {
        return ((low >= 0.0).then(|| "0".to_owned()), None);
    }
    let near = |a: f64, b: f64| a.abs() > b.abs() / 2.0;
    let from = if low >= 0.0 && !near(low, high) { Some("0".to_owned()) } else { round(low, false) };
    let to = if high <= 0.0 && !near(high, low) { Some("0".to_owned()) } else { round(high, true) };
    let kept = |bound: Option<String>| bound.filter(|text| fits(text, &c.ty));
    // What is numbered goes on.
    if c.is_unique() { (kept(from), None) } else { (kept(from), kept(to)) }
}

/// To one digit, away from the middle.
fn round(x: f64, up: bool) -> Option<String> {
    if x == 0.0 {
        return Some("0".to_owned());
    }
    if !x.is_finite() || x.abs() > 1e17 || x.abs() < 1e-9 {
        return None;
    }
    let exponent = x.abs().log10().floor();
    let unit = 10f64.powf(exponent);
    let digits = if up { (x / unit).ceil() } else { (x / unit).floor() };
    let decimals = if exponent < 0.0 { (-exponent) as usize } else { 0 };
    Some(format!("{:.decimals$}", digits * unit))
}

/// Whether a bound is a value of the column's own type, without which comparing with it says nothing.
fn fits(text: &str, ty: &Type) -> bool {
    let Ok(n) = text.parse::<f64>() else { return false };
    match ty {
        Type::TinyInt => n.abs() <= 127.0,
        Type::SmallInt => n.abs() <= 32_767.0,
        Type::Int => n.abs() <= 2_147_483_647.0,
        Type::Decimal { precision, scale } => n.abs() < 10f64.powi(i32::from(*precision) - i32::from(*scale)),
        _ => true,
    }
}

/// The first day of the year in which the values begin.
fn earliest(c: &Column) -> Option<String> {
    let day = match c.low.as_ref()? {
        Value::Date(day) => *day,
        Value::Timestamp(t) | Value::TimestampNtz(t) => zone::day_of(*t).ok()?,
        _ => return None,
    };
    let text = time::show_date(day).ok()?;
    let year: u32 = text.get(..4)?.parse().ok().filter(|year| *year > 1)?;
    Some(match &c.ty {
        Type::Date => format!("date \"{year:04}-01-01\""),
        Type::Timestamp => format!("timestamp \"{:04}-12-31T00:00:00Z\"", year - 1),
        _ => format!("cast(date \"{year:04}-01-01\" as timestamp_ntz)"),
    })
}

/// As it is written in a rule.
fn literal(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if visible(text) != *text => None,
        Value::String(text) => Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""))),
        Value::Int(n) => Some(n.to_string()),
        _ => None,
    }
}

/// As a comment shows it.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Int(n) => Some(n.to_string()),
        Value::Decimal { unscaled, scale } => Some(number::text(*unscaled, *scale)),
        Value::Bool(b) => Some(b.to_string()),
        Value::Float(x) => Some(x.to_string()),
        Value::Double(x) => Some(x.to_string()),
        Value::Date(day) => time::show_date(*day).ok(),
        Value::Timestamp(t) => time::show(*t).ok().map(|text| format!("{text} UTC")),
        Value::TimestampNtz(t) => time::show(*t).ok(),
        Value::String(text) if text.len() <= 40 && visible(text) == *text => Some(format!("\"{text}\"")),
        _ => None,
    }
}

fn percent(part: u64, of: u64) -> String {
    let share = 100.0 * part as f64 / of.max(1) as f64;
    if share > 0.0 && share < 0.01 { "less than 0.01 %".to_owned() } else { format!("{share:.2} %") }
}

/// `336,776`
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A column's name as a contract has it: in backticks where it is not plain or a word of operators.
pub fn name(name: &str) -> String {
    const OPERATORS: [&str; 19] = [
        "and", "between", "case", "cast", "else", "end", "false", "ilike", "in", "is", "like", "matches", "not", "null",
        "or", "then", "true", "when", "within",
    ];
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let plain = name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(part);
    if plain && !OPERATORS.contains(&name.to_ascii_lowercase().as_str()) {
        name.to_owned()
    } else {
        format!("`{}`", name.replace('`', "``"))
    }
}

fn dataset_name(dataset: &str) -> String {
    dataset.split('.').map(name).collect::<Vec<_>>().join(".")
}

/// A rule's name must be plain.
fn plain(name: &str) -> String {
    let text: String = name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if text.starts_with(|c: char| c.is_alphabetic()) { text } else { format!("column_{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_round_and_leave_room() {
        assert_eq!(round(1234.5, true).as_deref(), Some("2000"));
        assert_eq!(round(1234.5, false).as_deref(), Some("1000"));
        assert_eq!(round(-43.0, false).as_deref(), Some("-50"));
        assert_eq!(round(0.034, true).as_deref(), Some("0.04"));
        assert_eq!(round(0.0, true).as_deref(), Some("0"));
        assert_eq!(round(f64::INFINITY, true), None);
    }

    #[test]
    fn names_are_written_so_that_they_are_read_back() {
        assert_eq!(name("größe"), "größe");
        assert_eq!(name("in"), "`in`");
        assert_eq!(name("since (a)"), "`since (a)`");
        assert_eq!(plain("since (a)"), "since__a_");
        assert_eq!(plain("1st"), "column_1st");
    }
}
