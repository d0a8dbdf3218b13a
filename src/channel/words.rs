//! Reports and service levels become messages.

use super::message::{Kind, Message, Rows, Rule, Sample};
use crate::ir::Plan;
use crate::ledger::BatchEntry;
use crate::report::text;
use crate::run::{Effect, Report, RuleResult};
use crate::sla::{self, Level, Status, rfc3339};
use crate::source::SourceMap;

/// What every message of a command says.
#[derive(Clone, Debug, Default)]
pub struct Letterhead {
    pub project: Option<String>,
    pub env: Option<String>,
    /// The command, but for the dataset and the batch: `dqc run --project …`.
    pub again: String,
    /// RFC 3339.
    pub as_of: String,
}

/// So many rules are told in full.
const RULES: usize = 6;
const SAMPLES: usize = 3;

/// A message about a batch.
pub fn of_batch(
    head: &Letterhead,
    entry: &BatchEntry<'_>,
    plan: &Plan,
    sources: &SourceMap,
    kind: Kind,
    since: Option<&str>,
    thread: &str,
) -> Message {
    let mut rules: Vec<&RuleResult> = entry.report.into_iter().flat_map(|r| &r.rules).collect();
    rules.retain(|r| r.action != Effect::None);
    rules.sort_by_key(|r| std::cmp::Reverse(rank(r.action)));
    if matches!(kind, Kind::Recovered | Kind::Retried) {
        rules.clear();
    }
    let told: Vec<Rule> = rules.iter().take(RULES).map(|r| rule(r, plan, sources)).collect();
    let again = format!("{} {} --batch {}", head.again, entry.dataset, text::quoted(entry.batch));
    let (dataset, batch) = (entry.dataset, entry.batch);
    let (subject, next) = match kind {
        Kind::Blocked => (
            format!("{dataset}: batch {batch} is blocked{}", by(&rules)),
            Some("Nothing of it was published. Correct the data where it comes from, or the contract if it asks for too much, and run it again; it is judged anew."),
        ),
        Kind::Refused => (
            format!("{dataset}: batch {batch} is refused"),
            Some("Nothing of it was published. Once its cause is gone, run it again."),
        ),
        Kind::Quarantined => (
            format!("{dataset}: batch {batch} is published, with rows in quarantine"),
            Some("Its other rows are published. Correct the data where it comes from, or the contract; `dqc quarantine retry` judges what is held again."),
        ),
        Kind::Warned => (format!("{dataset}: batch {batch} is published, with warnings"), None),
        Kind::Retried => (retried(entry), None),
        Kind::Recovered | Kind::SlaMissed => (format!("{dataset}: batch {batch} is published after all"), None),
    };
    let trouble = kind.is_trouble();
    Message {
        dqc: env!("CARGO_PKG_VERSION").to_owned(),
        id: String::new(),
        thread: thread.to_owned(),
        kind,
        subject,
        project: head.project.clone(),
        env: head.env.clone(),
        contract: dataset.to_owned(),
        version: entry.contract_version.to_owned(),
        owner: plan.owner.clone(),
        promotion: Some(entry.promotion.to_owned()),
        batch: Some(batch.to_owned()),
        since: since.map_or_else(|| head.as_of.clone(), str::to_owned),
        as_of: head.as_of.clone(),
        rows: entry.report.map(rows),
        more_rules: (rules.len() - told.len()) as u64,
        rules: told,
        reason: entry.reason.map(str::to_owned),
        because: None,
        fix: None,
        holds_up: Vec::new(),
        next: next.map(str::to_owned),
        again: match kind {
            Kind::Quarantined => Some(again.replacen("dqc run", "dqc quarantine show", 1)),
            _ => trouble.then(|| format!("{again} --dry-run")),
        },
    }
}

/// What came out of quarantine, and what is in it still.
fn retried(entry: &BatchEntry<'_>) -> String {
    let rows = entry.report.map(rows).unwrap_or(Rows { input: 0, accepted: 0, quarantined: 0 });
    let out = super::message::counted(rows.accepted, "row");
    let rest = match rows.quarantined {
        0 => "none stays".to_owned(),
        1 => "1 stays".to_owned(),
        more => format!("{more} stay"),
    };
    format!("{}: {out} of batch {} came out of quarantine, {rest}", entry.dataset, entry.batch)
}

fn rank(action: Effect) -> u8 {
    match action {
        Effect::None => 0,
        Effect::Warn => 1,
        Effect::Quarantine => 2,
        Effect::Block => 3,
    }
}

fn by(rules: &[&RuleResult]) -> String {
    let mut names = rules.iter().filter(|r| r.action == Effect::Block).map(|r| format!("`{}`", r.rule));
    match (names.next(), names.count()) {
        (Some(first), 0) => format!(" by {first}"),
        (Some(first), more) => format!(" by {first} and {}", super::message::counted(more as u64, "other rule")),
        (None, _) => String::new(),
    }
}

fn rows(report: &Report) -> Rows {
    Rows { input: report.rows.input, accepted: report.rows.accepted, quarantined: report.rows.quarantined }
}

fn rule(result: &RuleResult, plan: &Plan, sources: &SourceMap) -> Rule {
    let planned = plan.rules.iter().find(|r| r.rule.name == result.rule);
    let doc = planned.map(|r| r.rule.doc.trim()).filter(|doc| !doc.is_empty()).map(str::to_owned);
    Rule {
        rule: result.rule.clone(),
        action: match result.action {
            Effect::Block => "block",
            Effect::Quarantine => "quarantine",
            Effect::Warn => "warn",
            Effect::None => "none",
        }
        .to_owned(),
        words: doc.or_else(|| written(result, sources)).unwrap_or_else(|| result.rule.clone()),
        found: match &result.reason {
            Some(reason) => format!("{}: {reason}", text::message(result)),
            None => text::message(result),
        },
        violations: result.violations,
        checked: result.checked,
        because: result.because.clone(),
        fix: result.fix.clone(),
        place: format!("{}:{}", result.location.file, result.location.line),
        samples: result.samples.iter().take(SAMPLES).map(sample).collect(),
    }
}

fn sample(sample: &crate::run::Sample) -> Sample {
    Sample { file: sample.file.clone(), row: sample.row, values: sample.values.clone() }
}

/// The rule as its author wrote it, on one line.
fn written(result: &RuleResult, sources: &SourceMap) -> Option<String> {
    let at = &result.location;
    let file = sources.get(sources.find(&at.file)?);
    let offset = |line, column| file.offset(crate::source::Place { line, column });
    let text = file.text.get(offset(at.line, at.column)..offset(at.end_line, at.end_column))?;
    // What follows the condition is told by itself.
    let end = [" because ", "\nbecause ", " else ", " fix "].iter().filter_map(|w| text.find(w)).min();
    let words: Vec<&str> = text.get(..end.unwrap_or(text.len()))?.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A message about a service level.
pub fn of_level(
    head: &Letterhead,
    level: &Level,
    kind: Kind,
    since: Option<&str>,
    holds_up: Vec<String>,
    thread: &str,
) -> Message {
    let name = format!("{}.{}", level.contract, level.name);
    let late = level.deadlines.iter().rev().find(|a| a.status == Status::Missed);
    let subject = match kind {
        Kind::Recovered if level.status == Status::Missed => format!("{name}: what was missing has come, late"),
        Kind::Recovered => format!("{name} is met again"),
        _ => format!("{name} is missed"),
    };
    let reason = match (kind, late) {
        (Kind::Recovered, Some(asked)) if level.status == Status::Missed => {
            asked.reason.as_ref().map(|reason| format!("the batch of {} is {reason}", asked.day))
        }
        (Kind::Recovered, _) => None,
        _ => level.reason.clone(),
    };
    let due = level.due.clone().filter(|_| kind != Kind::Recovered);
    let command = head.again.replacen("dqc run", "dqc sla", 1);
    Message {
        dqc: env!("CARGO_PKG_VERSION").to_owned(),
        id: String::new(),
        thread: thread.to_owned(),
        kind,
        subject,
        project: head.project.clone(),
        env: head.env.clone(),
        contract: level.contract.clone(),
        version: level.version.clone(),
        owner: level.owner.clone(),
        promotion: None,
        batch: late.and_then(|a| a.batch.clone()),
        since: since.map(str::to_owned).or(due).unwrap_or_else(|| head.as_of.clone()),
        as_of: head.as_of.clone(),
        rows: None,
        rules: Vec::new(),
        more_rules: 0,
        reason,
        because: level.because.clone().filter(|_| kind != Kind::Recovered),
        fix: level.fix.clone().filter(|_| kind != Kind::Recovered),
        holds_up,
        next: (kind != Kind::Recovered).then(|| next(level.kind).to_owned()),
        again: (kind != Kind::Recovered).then(|| format!("{command} {}", level.contract)),
    }
}

fn next(kind: sla::Kind) -> &'static str {
    match kind {
        sla::Kind::Deadline => "Look at why the batch is late, and tell those who rely on it; late and good is published.",
        sla::Kind::Condition => "Look at what should have come and did not, and tell those who rely on it; nothing is held back for this.",
        sla::Kind::Budget => "Tell those who rely on it, and look at what the misses have in common, or at whether too much is promised.",
    }
}

pub fn head(project: Option<&str>, env: Option<&str>, again: &str, as_of: i64) -> Letterhead {
    Letterhead {
        project: project.map(str::to_owned),
        env: env.map(str::to_owned),
        again: again.to_owned(),
        as_of: rfc3339(as_of),
    }
}
