//! Whom to tell what: one message for each cause, repeats folded, recoveries announced.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::message::Kind;
use super::outbox::{Outbox, Thread, thread_of};
use super::words::{self, Letterhead};
use crate::fault::Fault;
use crate::hir::{Act, Among, ExprKind, Promotion, Rows, Rule, RuleKind};
use crate::ir::Plan;
use crate::ledger::BatchEntry;
use crate::run::{BatchVerdict, Effect};
use crate::sla::{Level, Report as Levels, Severity, Status};
use crate::source::SourceMap;

/// What every message of a command says.
pub use words::head;

/// The voice of one command.
pub struct Crier<'a> {
    pub outbox: &'a Outbox,
    pub head: Letterhead,
    pub sources: &'a SourceMap,
    /// All of the project, with the plans of those that this command runs.
    pub promotions: &'a [Promotion],
    pub plans: Vec<&'a Plan>,
    /// Channels that know of a dataset's trouble in this command.
    troubled: RefCell<BTreeMap<String, BTreeSet<String>>>,
}

impl<'a> Crier<'a> {
    pub fn new(
        outbox: &'a Outbox,
        head: Letterhead,
        sources: &'a SourceMap,
        promotions: &'a [Promotion],
        plans: Vec<&'a Plan>,
    ) -> Self {
        Self { outbox, head, sources, promotions, plans, troubled: RefCell::default() }
    }

    /// Puts into the outbox what has to be said of a batch.
    pub async fn batch(&self, entry: &BatchEntry<'_>) -> Result<(), Fault> {
        let Some(promotion) = self.promotions.iter().find(|p| p.name() == entry.promotion) else { return Ok(()) };
        let plan = self.plans.iter().find(|p| p.promotion.as_deref() == Some(entry.promotion));
        let Some(plan) = plan.filter(|_| !promotion.notify.is_empty()) else { return Ok(()) };
        let mut thread = thread_of(&["batch", entry.promotion, entry.batch]);
        let mut before = self.outbox.thread(&thread).await?;
        if entry.retry && before.as_ref().is_some_and(|t| t.kind.is_trouble()) {
            // The trouble goes on: it is of other rows than those that came out.
            thread = thread_of(&["retry", entry.promotion, entry.batch]);
            before = self.outbox.thread(&thread).await?;
        }
        let trouble = before.as_ref().filter(|t| t.kind.is_trouble());
        let (kind, act) = match news(entry) {
            Some(news) => news,
            None if trouble.is_some() => (Kind::Recovered, Act::Block),
            None => return Ok(()),
        };
        let mut channels: BTreeSet<String> = listeners(promotion, act);
        let recovered = !kind.is_trouble() && trouble.is_some();
        if let Some(thread) = before.as_ref().filter(|_| recovered || entry.retry) {
            // Whoever knows of the trouble hears of its end.
            channels.extend(thread.told.iter().cloned());
        }
        let kind = if recovered { Kind::Recovered } else { kind };
        if kind.is_trouble() {
            let knowing = self.caused_above(entry, plan);
            channels.retain(|c| !knowing.contains(c));
            self.troubled.borrow_mut().entry(entry.dataset.to_owned()).or_default().extend(channels.iter().cloned());
        }
        let cause = cause(entry, kind);
        if channels.is_empty() || before.as_ref().is_some_and(|t| t.kind == kind && t.cause == cause) {
            return Ok(());
        }
        let since = trouble.map(|t| t.since.as_str());
        let mut message = words::of_batch(&self.head, entry, plan, self.sources, kind, since, &thread);
        let channels: Vec<String> = channels.into_iter().collect();
        self.outbox.put(&mut message, &cause, &channels, before.as_ref()).await
    }

    /// Channels that were told of what blocks this batch: every rule that blocks it reads a dataset that is in
    /// trouble itself.
    fn caused_above(&self, entry: &BatchEntry<'_>, plan: &Plan) -> BTreeSet<String> {
        let troubled = self.troubled.borrow();
        let blocking = entry.report.into_iter().flat_map(|r| &r.rules).filter(|r| r.action == Effect::Block);
        let mut knowing: Option<BTreeSet<String>> = None;
        for result in blocking {
            let planned = plan.rules.iter().find(|r| r.rule.name == result.rule);
            let read = planned.map(|r| reads(&r.rule)).unwrap_or_default();
            let told: BTreeSet<String> = read.iter().filter_map(|d| troubled.get(d)).flatten().cloned().collect();
            knowing = Some(match knowing {
                None => told,
                Some(known) => known.intersection(&told).cloned().collect(),
            });
        }
        knowing.unwrap_or_default()
    }

    /// Puts into the outbox what has to be said of service levels.
    pub async fn levels(&self, levels: &Levels) -> Result<(), Fault> {
        for level in &levels.service_levels {
            self.level(level, &levels.service_levels).await?;
        }
        Ok(())
    }

    async fn level(&self, level: &Level, all: &[Level]) -> Result<(), Fault> {
        let channels = self.listeners_of(level);
        if channels.is_empty() {
            return Ok(());
        }
        let thread = thread_of(&["sla", &level.contract, &level.name]);
        let before = self.outbox.thread(&thread).await?;
        let cause = cause_of(level);
        let came = |t: &Thread| cause.strip_suffix(LATE).is_some_and(|due| t.cause == format!("{due}{OPEN}"));
        let kind = match (level.status, &before) {
            (Status::Missed, Some(t)) if t.cause == cause => return Ok(()),
            (Status::Missed, Some(t)) if t.kind == Kind::SlaMissed && came(t) => Kind::Recovered,
            (Status::Missed, _) => Kind::SlaMissed,
            (_, Some(t)) if t.kind == Kind::SlaMissed => Kind::Recovered,
            _ => return Ok(()),
        };
        if kind == Kind::SlaMissed && self.is_told_above(level, all, &channels) {
            return Ok(());
        }
        let mut told = channels;
        if kind == Kind::Recovered {
            told.extend(before.iter().flat_map(|t| t.told.iter().cloned()));
        }
        let held = all.iter().filter(|l| l.waits_for.as_deref() == Some(level.contract.as_str()));
        let held: BTreeSet<String> = held.map(|l| format!("{}.{}", l.contract, l.name)).collect();
        let since = before.as_ref().filter(|t| t.kind == Kind::SlaMissed).map(|t| t.since.as_str());
        let mut message =
            words::of_level(&self.head, level, kind, since, held.into_iter().collect(), &thread);
        let told: Vec<String> = told.into_iter().collect();
        self.outbox.put(&mut message, &cause, &told, before.as_ref()).await
    }

    /// Whether all of these channels hear of the dataset that this one waits for.
    fn is_told_above(&self, level: &Level, all: &[Level], channels: &BTreeSet<String>) -> bool {
        let Some(cause) = &level.waits_for else { return false };
        let upper = all.iter().filter(|l| l.contract == *cause && l.status == Status::Missed && l.waits_for.is_none());
        let heard: BTreeSet<String> = upper.flat_map(|l| self.listeners_of(l)).collect();
        channels.is_subset(&heard)
    }

    /// Those who are notified of the promotion into the dataset; of one that lands from outside, out of it.
    fn listeners_of(&self, level: &Level) -> BTreeSet<String> {
        let act = if level.severity == Severity::Warn { Act::Warn } else { Act::Block };
        let mut into = self.promotions.iter().filter(|p| p.to == level.contract).peekable();
        if into.peek().is_some() {
            return into.flat_map(|p| listeners(p, act)).collect();
        }
        self.promotions.iter().filter(|p| p.from == level.contract).flat_map(|p| listeners(p, act)).collect()
    }
}

fn listeners(promotion: &Promotion, act: Act) -> BTreeSet<String> {
    promotion.notify.iter().filter(|n| n.on.contains(&act)).map(|n| n.channel.clone()).collect()
}

/// What a batch gives cause to say, and to whom.
fn news(entry: &BatchEntry<'_>) -> Option<(Kind, Act)> {
    let Some(report) = entry.report else { return entry.reason.map(|_| (Kind::Refused, Act::Block)) };
    if entry.retry {
        return Some((Kind::Retried, Act::Quarantine));
    }
    if !entry.published {
        return (report.verdict == BatchVerdict::Blocked).then_some((Kind::Blocked, Act::Block));
    }
    let any = |effect: Effect| report.rules.iter().any(|r| r.action == effect);
    if any(Effect::Quarantine) && report.rows.quarantined > 0 {
        return Some((Kind::Quarantined, Act::Quarantine));
    }
    any(Effect::Warn).then_some((Kind::Warned, Act::Warn))
}

/// What makes a batch's message another than the last: its files or contract, and the rules that block it.
fn cause(entry: &BatchEntry<'_>, kind: Kind) -> String {
    let mut parts = vec![entry.attempt.to_owned(), entry.identity.to_owned()];
    parts.extend(entry.reason.map(str::to_owned));
    // Each time that rows come out is news of its own.
    parts.extend(entry.version.filter(|_| entry.retry).map(|(table, version)| format!("{table}/{version}")));
    if kind.is_trouble() {
        let blocking = entry.report.into_iter().flat_map(|r| &r.rules).filter(|r| r.action == Effect::Block);
        parts.extend(blocking.map(|r| r.rule.clone()));
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    thread_of(&parts)
}

const OPEN: &str = "/open";
const LATE: &str = "/late";

fn cause_of(level: &Level) -> String {
    let open = level.deadlines.iter().find(|a| a.is_open());
    let late = level.deadlines.iter().rev().find(|a| a.status == Status::Missed);
    match (level.status, open, late) {
        (Status::Missed, Some(asked), _) => format!("{}{OPEN}", asked.due),
        (Status::Missed, None, Some(asked)) => format!("{}{LATE}", asked.due),
        (Status::Missed, None, None) => "missed".to_owned(),
        _ => "met".to_owned(),
    }
}

/// Other datasets that a rule reads.
fn reads(rule: &Rule) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match &rule.kind {
        RuleKind::References { dataset, .. } => drop(found.insert(dataset.clone())),
        RuleKind::Row { condition } | RuleKind::Aggregate { condition, .. } => condition.visit(&mut |e| {
            if let ExprKind::Aggregate(a) = &e.kind
                && let Rows::Dataset(dataset) = &a.rows
            {
                found.insert(dataset.clone());
            }
        }),
        _ => {}
    }
    if let Some(Among::Dataset { dataset, .. }) = rule.for_each.as_ref().and_then(|e| e.among.as_ref()) {
        found.insert(dataset.clone());
    }
    found
}
