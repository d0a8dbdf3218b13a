//! A report for people: what happened, which rules, which rows, why, and what to do.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::numbers::{bytes, counted, grouped, measured, percent};
use super::table::{Cell, Table};
use crate::diagnostics::Severity;
use crate::diagnostics::paint::{Paint, visible};
use crate::diagnostics::render::{Excerpt, Renderer};
use crate::ir::Location;
use crate::run::{BatchVerdict, Effect, Evidence, Report, RuleResult, RuleVerdict, Sample};
use crate::source::{Place, SourceMap, Span};

/// What became of the batch, in a word that the header shows.
pub enum Fate<'a> {
    Promoted,
    /// Published by an earlier run or one beside this one.
    Recovered,
    /// It would be published, were this not a dry run.
    WouldPass,
    Blocked,
    /// Judged without anything to be moved.
    Audited,
    /// Not judged, or judged in vain, and why.
    Refused(&'a str),
    /// The run came to no verdict, and why.
    Failed(&'a str),
}

/// How much attention a batch wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    /// It passed, and something is to be seen.
    Odd,
    /// Nothing was judged.
    Open,
    Bad,
}

impl Tone {
    pub fn sign(self) -> &'static str {
        match self {
            Self::Good | Self::Odd => "✓",
            Self::Open => "?",
            Self::Bad => "✗",
        }
    }
}

/// What became of the batch, in words.
pub fn words(fate: &Fate<'_>, report: Option<&Report>) -> (Tone, String) {
    let held = report.map_or(0, |r| r.rows.quarantined);
    let warned = report.is_some_and(|r| r.rules.iter().any(|rule| rule.action == Effect::Warn));
    let with = match (held, warned) {
        (0, false) => String::new(),
        (0, true) => " with warnings".into(),
        (held, false) => format!(", {} in quarantine", counted(held, "row")),
        (held, true) => format!(" with warnings, {} in quarantine", counted(held, "row")),
    };
    let calm = if held > 0 || warned { Tone::Odd } else { Tone::Good };
    match fate {
        Fate::Promoted => (calm, format!("promoted{with}")),
        Fate::Recovered => (Tone::Good, "published already".into()),
        Fate::WouldPass => (calm, format!("would be promoted{with}")),
        Fate::Blocked => (Tone::Bad, "blocked".into()),
        Fate::Refused(_) => (Tone::Bad, "refused".into()),
        Fate::Failed(_) => (Tone::Bad, "failed".into()),
        Fate::Audited => match report.map(|r| r.verdict) {
            Some(BatchVerdict::Blocked) => (Tone::Bad, "violates its contract".into()),
            Some(BatchVerdict::NotEvaluated) => (Tone::Open, "not evaluated".into()),
            _ if with.is_empty() => (calm, "meets its contract".into()),
            _ => (calm, format!("would pass{with}")),
        },
    }
}

/// Prints reports one after the other; a rule that was shown in full is not shown in full again.
pub struct Printer<'a> {
    pub sources: &'a SourceMap,
    pub paint: Paint,
    /// Put before the paths of `.dq` files.
    pub prefix: &'a str,
    /// Every rule, and every rule in full each time.
    pub verbose: bool,
    /// Rules that were shown in full, by place and action, with the batch.
    shown: BTreeMap<Key, String>,
}

impl<'a> Printer<'a> {
    pub fn new(sources: &'a SourceMap, paint: Paint, prefix: &'a str, verbose: bool) -> Self {
        Self { sources, paint, prefix, verbose, shown: BTreeMap::new() }
    }

    /// `title`: what was judged, as `month=1`; `again`: the command that does the same once more.
    pub fn batch(&mut self, title: &str, of: &str, fate: &Fate<'_>, report: Option<&Report>, again: &str) -> String {
        let mut out = self.header(title, of, fate, report);
        let Some(report) = report else {
            if let Fate::Refused(why) | Fate::Failed(why) = fate {
                for line in self.paint.wrap(&visible(why), 4) {
                    let _ = writeln!(out, "    {line}");
                }
            }
            return out;
        };
        let _ = writeln!(out, "    {}", self.counts(report));
        let lines = self.rules(report);
        if !lines.is_empty() {
            let _ = writeln!(out, "\n{}", lines.join("\n"));
        }
        let known = |r: &&RuleResult| !self.verbose && r.action != Effect::Block && self.shown.contains_key(&key(r));
        let (repeated, fresh): (Vec<_>, Vec<_>) = report.rules.iter().filter(|r| self.is_told(r)).partition(known);
        if !(repeated.is_empty() && fresh.is_empty()) {
            out.push('\n');
        }
        for rule in fresh {
            out.push_str(&self.rule(title, report, rule));
        }
        for rule in &repeated {
            out.push_str(&self.repeated(rule));
        }
        if !repeated.is_empty() {
            out.push('\n');
        }
        if matches!(fate, Fate::Blocked) {
            out.push_str(&self.next(report, again));
        }
        if !out.ends_with("\n\n") && !lines.is_empty() {
            out.push('\n');
        }
        out
    }

    fn header(&self, title: &str, of: &str, fate: &Fate<'_>, report: Option<&Report>) -> String {
        let paint = self.paint;
        let (tone, words) = words(fate, report);
        let color: fn(Paint, &str) -> String = match tone {
            Tone::Good => Paint::green,
            Tone::Odd | Tone::Open => Paint::yellow,
            Tone::Bad => Paint::red,
        };
        format!(
            "{} {}  {}  {}\n",
            color(paint, tone.sign()),
            paint.bold(&visible(title)),
            paint.dim(&visible(of)),
            color(paint, &words)
        )
    }

    fn counts(&self, report: &Report) -> String {
        let rows = &report.rows;
        let mut text = format!("{} read", counted(rows.input, "row"));
        if report.verdict == BatchVerdict::Passed && rows.quarantined > 0 {
            let _ = write!(text, ": {} accepted, {} held back", grouped(rows.accepted), grouped(rows.quarantined));
        }
        let passes = if report.passes == 1 { "1 pass".into() } else { format!("{} passes", report.passes) };
        let effort = if report.bytes_read == 0 {
            "no data read".into()
        } else {
            format!("{passes}, {}", bytes(report.bytes_read))
        };
        format!("{text}  {}", self.paint.dim(&effort))
    }

    /// The table of rules that did something, and a line for the others.
    fn rules(&self, report: &Report) -> Vec<String> {
        let listed: Vec<&RuleResult> = report.rules.iter().filter(|r| self.verbose || !is_quiet(r)).collect();
        let quiet = report.rules.len() - listed.len();
        let mut lines = Vec::new();
        if !listed.is_empty() {
            let mut table = Table::default();
            for (name, right) in [
                ("", false),
                ("rule", false),
                ("kind", false),
                ("judged", true),
                ("broken", true),
                ("", true),
                ("", false),
            ] {
                table.column(name, right);
            }
            for rule in &listed {
                table.row(row(rule));
            }
            lines.extend(table.lines(self.paint, "    ", 60).0);
        }
        if quiet > 0 {
            let proven = report.rules.iter().filter(|r| is_quiet(r) && r.evidence == Evidence::Proven).count();
            let all = if quiet == report.rules.len() { "all ".to_string() } else { String::new() };
            let rules = counted(quiet as u64, "rule");
            let how = match proven {
                0 => String::new(),
                n if n == quiet => ", by the files' statistics alone".into(),
                n => format!(", {n} by the files' statistics alone"),
            };
            let line = format!("{} {all}{rules} passed{how}", self.paint.green("✓"));
            if !listed.is_empty() || self.verbose {
                lines.push(format!("    {line}"));
            }
        }
        lines
    }

    /// What is shown in full: what did something, or on request what is broken within what its `else` allows.
    fn is_told(&self, rule: &RuleResult) -> bool {
        rule.action == Effect::Block
            || rule.verdict == RuleVerdict::Violated && (self.verbose || rule.action != Effect::None)
    }

    /// A rule that was shown in full for an earlier batch: where, and the first row here.
    fn repeated(&self, rule: &RuleResult) -> String {
        let batch = self.shown.get(&key(rule)).map_or("", String::as_str);
        let first = rule.samples.first().and_then(|s| Some((s.row?, s.file.as_deref()?)));
        let first =
            first.map(|(row, file)| format!("; here first in row {} of {file}", grouped(row))).unwrap_or_default();
        let line = format!("{}: in full at {batch} above{first}", rule.rule);
        format!("    {}\n", self.paint.dim(&visible(&line)))
    }

    /// A rule in full: the place, the numbers, the author's words, the rows.
    fn rule(&mut self, batch: &str, report: &Report, rule: &RuleResult) -> String {
        self.shown.entry(key(rule)).or_insert_with(|| batch.to_string());
        let (word, severity) = match rule.action {
            Effect::Block => ("block", Severity::Error),
            Effect::Quarantine => ("quarantine", Severity::Warning),
            Effect::Warn => ("warn", Severity::Warning),
            Effect::None => ("note", Severity::Note),
        };
        let mut notes: Vec<(&str, String)> = Vec::new();
        notes.extend(rule.because.iter().map(|text| ("because", text.clone())));
        notes.extend(rule.fix.iter().map(|text| ("fix", text.clone())));
        notes.extend(report.owner.iter().map(|text| ("owner", text.clone())));
        let renderer = Renderer::new(self.sources, self.paint, self.prefix);
        let (message, label) = (message(rule), label(rule));
        let labels = span(self.sources, &rule.location).map(|span| vec![(span, label.as_str())]).unwrap_or_default();
        let text = renderer.excerpt(&Excerpt {
            heading: word,
            severity,
            message: &message,
            labels,
            notes,
            change: Vec::new(),
        });
        // The rows belong to the picture: between its frame and the empty line after it.
        let mut out = format!("{}\n", text.trim_end());
        out.push_str(&self.samples(rule, "    ", 10));
        out.push('\n');
        out
    }

    fn samples(&self, rule: &RuleResult, indent: &str, most: usize) -> String {
        let samples: Vec<&Sample> = rule.samples.iter().take(most).collect();
        if samples.is_empty() {
            return String::new();
        }
        let in_files = samples.iter().any(|s| s.row.is_some());
        let reasons = samples.iter().any(|s| s.reason.is_some());
        let mut names: Vec<&String> = Vec::new();
        for name in samples.iter().flat_map(|s| s.values.keys()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut table = Table::default();
        if in_files {
            table.column("row", true);
        }
        for name in &names {
            let number = |s: &&Sample| s.values.get(*name).is_none_or(|v| v.is_number() || v.is_null());
            table.column(visible(name), samples.iter().all(number));
        }
        if reasons {
            table.column("why", false);
        }
        if in_files {
            table.column("file", false);
        }
        for sample in &samples {
            let mut cells = Vec::new();
            if in_files {
                cells.push(sample.row.map(grouped).unwrap_or_default().into());
            }
            cells.extend(names.iter().map(|name| match (sample.values.get(*name), name.as_str()) {
                (Some(value), "value" | "limit") if !in_files => measured(value).unwrap_or_else(|| plain(value)).into(),
                (value, _) => cell(value),
            }));
            if reasons {
                cells.push(visible(sample.reason.as_deref().unwrap_or("")).into_owned().into());
            }
            if in_files {
                cells.push(Cell::dim(visible(sample.file.as_deref().unwrap_or(""))));
            }
            table.row(cells);
        }
        let (lines, left_out) = table.lines(self.paint, indent, 48);
        let mut out = lines.iter().fold(String::new(), |out, line| out + line + "\n");
        let more = rule.violations.saturating_sub(samples.len() as u64);
        let mut ends = Vec::new();
        if more > 0 {
            ends.push(format!("and {}", counted(more, if in_files { "more row" } else { "more group" })));
        }
        if !left_out.is_empty() {
            ends.push(format!("not shown: {}", left_out.join(", ")));
        }
        if !ends.is_empty() {
            let _ = writeln!(out, "{indent}{}", self.paint.dim(&ends.join("; ")));
        }
        out
    }

    fn next(&self, report: &Report, again: &str) -> String {
        let paint = self.paint;
        let published = match &report.promotion {
            Some(_) => format!("nothing of it was published or held back; {} is as it was", report.contract),
            None => "nothing was moved".into(),
        };
        let mut out = String::new();
        let _ = writeln!(out, "    {} {published}", paint.red("blocked:"));
        let step = "correct the data where it comes from, or the contract if it asks for too much; then";
        let _ = writeln!(out, "    {} {step}", paint.blue("next:"));
        let _ = writeln!(out, "          {}", paint.bold(again));
        let _ = writeln!(out, "          {}", paint.dim("with `--dry-run` it judges and moves nothing"));
        out
    }
}

/// Where a rule stands in the texts at hand.
pub(super) fn span(sources: &SourceMap, at: &Location) -> Option<Span> {
    let id = sources.find(&at.file)?;
    let file = sources.get(id);
    let start = file.offset(Place { line: at.line, column: at.column });
    let end = file.offset(Place { line: at.end_line, column: at.end_column });
    Some(Span::new(id, start, end.max(start)))
}

/// Nothing to say about it but that it passed.
pub(super) fn is_quiet(rule: &RuleResult) -> bool {
    rule.action == Effect::None && rule.verdict != RuleVerdict::Violated
}

type Key = (String, usize, usize, &'static str);

/// What a rule did, whichever batch it was.
fn key(rule: &RuleResult) -> Key {
    (rule.location.file.clone(), rule.location.line, rule.location.column, action_name(rule.action))
}

pub(super) fn action_name(action: Effect) -> &'static str {
    match action {
        Effect::None => "",
        Effect::Warn => "warn",
        Effect::Quarantine => "quarantine",
        Effect::Block => "block",
    }
}

fn row(rule: &RuleResult) -> Vec<Cell> {
    let (sign, color): (&str, fn(Paint, &str) -> String) = match (rule.verdict, rule.action) {
        (_, Effect::Block) => ("✗", Paint::red),
        (_, Effect::Quarantine | Effect::Warn) => ("!", Paint::yellow),
        (RuleVerdict::Passed, _) => ("✓", Paint::green),
        (RuleVerdict::Violated, _) => ("!", Paint::yellow),
        (RuleVerdict::NotEvaluated, _) => ("?", Paint::dim),
    };
    let whole = is_whole(rule);
    let numbers = rule.verdict != RuleVerdict::NotEvaluated && rule.checked > 0 && !whole;
    let number = |n: u64| if numbers { grouped(n) } else { String::new() };
    let share = if numbers && rule.violations > 0 { percent(rule.violations, rule.checked) } else { String::new() };
    let mut result = match rule.verdict {
        RuleVerdict::NotEvaluated => "not evaluated".to_string(),
        RuleVerdict::Violated if rule.action == Effect::None => "allowed".to_string(),
        _ => action_name(rule.action).to_string(),
    };
    if let (true, Some(against)) = (whole && rule.verdict != RuleVerdict::NotEvaluated, against(rule)) {
        let _ = write!(result, "{}{against}", if result.is_empty() { "" } else { ": " });
    }
    if rule.unknown > 0 {
        let _ = write!(result, "{}{} unknown", if result.is_empty() { "" } else { ", " }, grouped(rule.unknown));
    }
    if let (RuleVerdict::NotEvaluated, Some(reason)) = (rule.verdict, &rule.reason) {
        let _ = write!(result, ": {}", visible(reason));
    }
    vec![
        Cell { text: sign.into(), paint: color },
        visible(&rule.rule).into_owned().into(),
        Cell::dim(rule.kind.clone()),
        number(rule.checked).into(),
        number(rule.violations).into(),
        Cell::dim(share),
        Cell { text: result, paint: color },
    ]
}

/// What the rule did, with its numbers.
pub fn message(rule: &RuleResult) -> String {
    let name = format!("`{}`", rule.rule);
    let what = match rule.action {
        Effect::Block => "blocks the batch",
        Effect::Quarantine => "holds rows back",
        Effect::Warn => "warns",
        Effect::None => "is broken, within what its `else` allows",
    };
    if rule.verdict == RuleVerdict::NotEvaluated {
        return format!("{name} {what}: it could not be evaluated");
    }
    match against(rule) {
        Some(against) if is_whole(rule) => format!("{name} {what}: {against}"),
        _ if is_whole(rule) => format!("{name} {what}"),
        _ if rule.kind == "type" => format!("{name} {what}"),
        _ if rule.checked == 0 => format!("{name} {what}: {} break it", counted(rule.violations, "row")),
        _ => {
            let of = counted(rule.checked, if is_grouped(rule) { "group" } else { "row" });
            let verb = if rule.violations == 1 { "breaks" } else { "break" };
            let share = percent(rule.violations, rule.checked);
            format!("{name} {what}: {} of {of} {verb} it ({share})", grouped(rule.violations))
        }
    }
}

/// The batch's value and the limit, where the rule is one comparison.
pub(super) fn against(rule: &RuleResult) -> Option<String> {
    let show = |value: &Value| measured(value).unwrap_or_else(|| plain(value));
    match (&rule.value, &rule.limit) {
        (Some(value), Some(limit)) => Some(format!("{} against {}", show(value), show(limit))),
        (Some(value), None) => Some(format!("it is {}", show(value))),
        (None, _) => None,
    }
}

fn is_grouped(rule: &RuleResult) -> bool {
    rule.kind == "aggregate" && (rule.checked > 1 || rule.samples.iter().any(|s| s.row.is_none()))
}

/// Whether the rule is about the batch as a whole.
pub(super) fn is_whole(rule: &RuleResult) -> bool {
    rule.kind == "aggregate" && !is_grouped(rule)
}

/// Why the excerpt points at the rule.
pub(super) fn label(rule: &RuleResult) -> String {
    if let Some(reason) = &rule.reason {
        return reason.clone();
    }
    match rule.kind.as_str() {
        "row" | "mapping" => match rule.samples.iter().find_map(|s| s.reason.as_deref()) {
            Some(_) => "false for these rows, or cannot be computed".into(),
            None => "false for these rows".into(),
        },
        "key" | "unique" => "more than one row has the same value".into(),
        "reference" => "no row there has this value".into(),
        "type" => "the files hold something else".into(),
        "sql" => "these rows came back".into(),
        _ if is_grouped(rule) => "false for these groups".into(),
        _ => "false for this batch".into(),
    }
}

fn cell(value: Option<&Value>) -> Cell {
    match value {
        None => String::new().into(),
        Some(Value::Null) => Cell::dim("null"),
        Some(value) => plain(value).into(),
    }
}

/// A value on one line; text that would not be seen, or be taken for something else, in quotes.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let odd = text.is_empty() || text.trim() != text || text == "null";
            if odd { format!("\"{}\"", visible(text)) } else { visible(text).into_owned() }
        }
        other => visible(&other.to_string()).into_owned(),
    }
}

/// A word of a shell's command.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    if visible(word) == word {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    // What would act on the terminal, as bash and zsh read it back.
    let escaped = |c: char| match c {
        '\'' | '\\' => format!("\\{c}"),
        c if visible(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() => c.to_string(),
        c if c.is_ascii() => format!("\\x{:02x}", u32::from(c)),
        c => format!("\\U{:08x}", u32::from(c)),
    };
    format!("$'{}'", word.chars().map(escaped).collect::<String>())
}
