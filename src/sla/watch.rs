//! Looks into tables, ledger and folders for what service levels ask.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::arrivals::Arrival;
use super::budget::{self, Budget};
use super::deadlines::{self, Asked};
use super::{Kind, Level, Report, Severity, Status, conditions, rfc3339, upstream};
use crate::check::known::deadlines::Deadline;
use crate::fault::Fault;
use crate::hir::{Act, BatchBy, Checked, Contract, Sla, SlaWhat};
use crate::ir::{Place, lower};
use crate::lake::batch;
use crate::lake::store::Store;
use crate::ledger::{Booked, Ledger, SlaEntry, SlaStates};
use crate::source::SourceMap;
use crate::storage::Storage;

/// Where to look, and when.
pub struct Watch<'a> {
    pub checked: &'a Checked,
    pub sources: &'a SourceMap,
    /// Of every dataset of the project.
    pub places: &'a BTreeMap<String, Place>,
    pub storage: &'a Storage,
    pub ledger: &'a Ledger<'a>,
    /// The clock: microseconds since 1970 in UTC.
    pub as_of: i64,
    pub memory: Option<usize>,
}

impl Watch<'_> {
    /// Judges the service levels of these datasets.
    ///
    /// # Errors
    /// A table, the ledger or a folder cannot be read: then nothing is known, and nothing is said to be missed.
    pub async fn judge(&self, datasets: &BTreeSet<&str>) -> Result<Report, Fault> {
        let mut levels = Vec::new();
        let states = self.ledger.sla_states().await?;
        for contract in self.checked.contracts.iter().filter(|c| datasets.contains(c.dataset.as_str())) {
            levels.extend(self.contract(contract, &states).await?);
        }
        let above = |dataset: &str| self.checked.promotion_to(dataset).map(|p| p.from.as_str());
        upstream::find_causes(&mut levels, above);
        Ok(Report::new(self.as_of, levels))
    }

    /// Datasets above these whose service levels may be the cause of theirs.
    pub fn with_upstream<'c>(&'c self, datasets: &BTreeSet<&'c str>) -> BTreeSet<&'c str> {
        let mut all = datasets.clone();
        let mut waiting: Vec<&str> = all.iter().copied().collect();
        while let Some(dataset) = waiting.pop() {
            if let Some(promotion) = self.checked.promotion_to(dataset)
                && all.insert(promotion.from.as_str())
            {
                waiting.push(promotion.from.as_str());
            }
        }
        all
    }

    async fn contract(&self, contract: &Contract, states: &SlaStates) -> Result<Vec<Level>, Fault> {
        if contract.sla.is_empty() {
            return Ok(Vec::new());
        }
        let mut levels: Vec<Level> = contract.sla.iter().map(|sla| self.level(contract, sla)).collect();
        if contract.sla.iter().any(|s| matches!(s.what, SlaWhat::Condition(_))) {
            let found = conditions::judge(self, contract).await?;
            for (level, found) in levels.iter_mut().filter(|l| l.kind == Kind::Condition).zip(found) {
                found.tell(level);
            }
        }
        if contract.sla.iter().any(|s| matches!(s.what, SlaWhat::Arrives { .. })) {
            let (arrivals, since) = self.arrivals(contract).await?;
            for (sla, level) in contract.sla.iter().zip(&mut levels) {
                if let Some(deadline) = Deadline::of(sla, &self.checked.calendars) {
                    self.deadline(contract, sla, &deadline, &arrivals, since, level);
                }
            }
        }
        for i in 0..contract.sla.len() {
            if let Some(SlaWhat::Budget { of, at_most, last, unit }) = contract.sla.get(i).map(|s| &s.what) {
                let named = |s: &&Sla| crate::resolve::fold(&s.name) == crate::resolve::fold(of);
                let Some(at) = contract.sla.iter().position(|s| named(&s)) else { continue };
                let budget = match levels.get(at).map(|l| (l.kind, &l.deadlines)) {
                    Some((Kind::Deadline, asked)) => {
                        budget::of_deadlines(asked, self.as_of, *at_most, *last, *unit)
                    }
                    Some((Kind::Condition, _)) => {
                        let days = self.days(contract, levels.get(at), states);
                        budget::of_days(&days, self.as_of, *at_most, *last, *unit)
                    }
                    _ => continue,
                };
                if let Some(level) = levels.get_mut(i) {
                    spend(level, of, budget);
                }
            }
        }
        for (sla, level) in contract.sla.iter().zip(&mut levels) {
            speak(sla, level);
            // Shown are those that one can still do something about; the budget has counted the others.
            let extra = level.deadlines.len().saturating_sub(deadlines::USUAL + 1);
            level.deadlines.drain(..extra);
        }
        Ok(levels)
    }

    fn level(&self, contract: &Contract, sla: &Sla) -> Level {
        Level {
            contract: contract.dataset.clone(),
            version: contract.version.clone(),
            owner: contract.owner.clone(),
            name: sla.name.clone(),
            kind: match sla.what {
                SlaWhat::Condition(_) => Kind::Condition,
                SlaWhat::Arrives { .. } => Kind::Deadline,
                SlaWhat::Budget { .. } => Kind::Budget,
            },
            status: Status::Pending,
            severity: if sla.severity == Act::Warn { Severity::Warn } else { Severity::Block },
            reason: None,
            due: None,
            remaining_seconds: None,
            event_time: None,
            value: None,
            limit: None,
            missed: None,
            allowed: None,
            window: None,
            deadlines: Vec::new(),
            waits_for: None,
            because: None,
            fix: None,
            location: lower::location(sla.span, self.sources),
        }
    }

    fn deadline(
        &self,
        contract: &Contract,
        sla: &Sla,
        deadline: &Deadline<'_>,
        arrivals: &[Arrival],
        since: Option<i64>,
        level: &mut Level,
    ) {
        let budgets = contract.sla.iter().filter_map(|s| match &s.what {
            SlaWhat::Budget { of, last, unit, .. } if crate::resolve::fold(of) == crate::resolve::fold(&sla.name) => {
                Some(budget::reach(*last, *unit))
            }
            _ => None,
        });
        let window = budgets.max().unwrap_or(0).max(deadlines::USUAL);
        let asked = deadlines::judge(deadline, arrivals, self.as_of, since, window);
        level.status = deadlines::status(&asked, self.as_of);
        let past = asked.iter().rfind(|a| a.due_at <= self.as_of);
        let worst = asked.iter().find(|a| a.is_open()).or(past.filter(|a| a.status == Status::Missed));
        let next = asked.iter().find(|a| a.due_at > self.as_of);
        let counted = match level.status {
            Status::Missed => worst,
            _ => next.or(past),
        };
        level.due = counted.map(|a| a.due.clone());
        level.remaining_seconds = counted.map(|a| remaining(a, self.as_of));
        level.reason = worst.filter(|_| level.status == Status::Missed).map(|a| reason(a, self.as_of));
        level.deadlines = asked;
    }

    /// What came of a dataset's batches, and when something of it was published for the first time.
    async fn arrivals(&self, contract: &Contract) -> Result<(Vec<Arrival>, Option<i64>), Fault> {
        let dataset = contract.dataset.as_str();
        let Some(promotion) = self.checked.promotion_to(dataset) else {
            // Nobody promotes it: it is there when its files have come.
            let by = self.checked.promotions.iter().find(|p| p.from == dataset).map(|p| p.batches.clone());
            let found = self.listed(dataset, &by.unwrap_or(BatchBy::Whole)).await?;
            let arrivals: Vec<Arrival> = found
                .into_iter()
                .map(|(batch, at)| Arrival {
                    batch,
                    arrived_at: Some(at),
                    published_at: Some(at),
                    ..Arrival::default()
                })
                .collect();
            let since = arrivals.iter().filter_map(|a| a.published_at).min();
            return Ok((arrivals, since));
        };
        let booked = self.ledger.booked(dataset).await?;
        let mut arrivals = Vec::new();
        for (batch, at) in self.listed(&promotion.from, &promotion.batches).await.unwrap_or_default() {
            arrivals.push(Arrival { batch, arrived_at: Some(at), ..Arrival::default() });
        }
        let rules = match booked.iter().any(|b| !b.published) {
            true => self.ledger.blocking_rules(dataset).await?,
            false => BTreeMap::new(),
        };
        for entry in &booked {
            arrivals.push(self.arrival(dataset, entry, &rules).await?);
        }
        let since = arrivals.iter().filter_map(|a| a.published_at).min();
        Ok((arrivals, since))
    }

    async fn arrival(
        &self,
        dataset: &str,
        entry: &Booked,
        rules: &BTreeMap<String, Vec<String>>,
    ) -> Result<Arrival, Fault> {
        let mut arrival =
            Arrival { batch: entry.batch.clone(), arrived_at: entry.arrived_at, ..Arrival::default() };
        if entry.published {
            // Books that were finished later do not make the batch late.
            let committed = match entry.target_version.filter(|_| entry.recovered) {
                Some(version) => self.committed_at(dataset, version).await?,
                None => None,
            };
            arrival.published_at = Some(committed.unwrap_or(entry.finished_at));
        } else {
            arrival.blocked_at = Some(entry.finished_at);
            arrival.blocked_by = entry.reason.clone().or_else(|| {
                let rules = rules.get(&entry.batch)?;
                Some(rules.iter().map(|r| format!("`{r}`")).collect::<Vec<_>>().join(", "))
            });
        }
        Ok(arrival)
    }

    /// When a version of a dataset's table was committed; `None` where its log is cleaned by now.
    async fn committed_at(&self, dataset: &str, version: i64) -> Result<Option<i64>, Fault> {
        let Some(place) = self.places.get(dataset) else { return Ok(None) };
        let store = Store::open(&place.url, self.storage)?;
        let path = format!("_delta_log/{version:020}.json");
        if store.stat(&path).await?.is_none() {
            return Ok(None);
        }
        let bytes = store.read(&path).await?;
        let entries = bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        let stamp = entries.into_iter().find_map(|e| e.get("commitInfo")?.get("timestamp")?.as_i64());
        Ok(stamp.map(|millis| millis.saturating_mul(1000)))
    }

    /// The batches that lie in a dataset's place, each with when the newest of its files came.
    async fn listed(&self, dataset: &str, by: &BatchBy) -> Result<Vec<(String, i64)>, Fault> {
        let Some(place) = self.places.get(dataset) else { return Ok(Vec::new()) };
        let found = batch::find(by, place, self.storage, None, self.as_of).await?;
        let newest = |b: &batch::Batch| b.input.files.iter().map(|f| f.modified).max();
        Ok(found.batches.iter().filter_map(|b| Some((b.name.clone(), newest(b)?))).collect())
    }

    /// The days on which a condition was judged, by the ledger and now; each with whether it was missed.
    fn days(&self, contract: &Contract, level: Option<&Level>, states: &SlaStates) -> Vec<(i64, bool)> {
        let Some(level) = level else { return Vec::new() };
        let mut days: BTreeMap<i64, bool> = BTreeMap::new();
        for ((dataset, name, period), state) in states {
            let day = crate::eval::time::date(period).map(crate::eval::zone::midnight);
            if let Some(day) = day.filter(|_| *dataset == contract.dataset && *name == level.name) {
                *days.entry(day).or_default() |= state.missed_ever;
            }
        }
        let today = self.as_of.div_euclid(crate::eval::zone::DAY) * crate::eval::zone::DAY;
        *days.entry(today).or_default() |= level.status == Status::Missed;
        days.into_iter().collect()
    }

    /// Writes what is new into the ledger: another state than before, another deadline, another day.
    pub async fn book(&self, report: &Report) -> Result<(), Fault> {
        let states = self.ledger.sla_states().await?;
        let mut entries = Vec::new();
        for level in &report.service_levels {
            for entry in entries_of(level, self.as_of) {
                let key = (entry.dataset.clone(), entry.name.clone(), entry.period.clone());
                if states.get(&key).is_none_or(|known| known.status != entry.status) {
                    entries.push(entry);
                }
            }
        }
        self.ledger.write_sla(&entries).await
    }
}

fn remaining(asked: &Asked, as_of: i64) -> i64 {
    // What came late is late by so much for good.
    let until = asked.published.filter(|at| *at > asked.due_at).unwrap_or(as_of);
    (asked.due_at - until).div_euclid(1_000_000)
}

fn reason(asked: &Asked, as_of: i64) -> String {
    let what = asked.reason.as_deref().unwrap_or("it is missed");
    let since = match asked.published {
        Some(_) => String::new(),
        None => format!(", {} after it was due", deadlines::span(as_of - asked.due_at)),
    };
    format!("the batch of {}: {what}{since}", asked.day)
}

fn spend(level: &mut Level, of: &str, budget: Budget) {
    level.status = budget.status();
    level.missed = Some(budget.missed);
    level.allowed = Some(budget.allowed);
    level.window = Some(budget.window);
    if level.status == Status::Missed {
        let Budget { missed, allowed, window } = budget;
        level.reason = Some(format!("`{of}` was missed {missed} times of {window}, and at most {allowed} are allowed"));
    }
}

/// The author's words for a miss.
fn speak(sla: &Sla, level: &mut Level) {
    if level.status != Status::Missed {
        return;
    }
    let batch = level.deadlines.iter().rev().find(|a| a.status == Status::Missed);
    let batch = batch.map(|a| a.batch.clone().unwrap_or_else(|| a.day.to_string()));
    let plain = |value: &Option<Value>| {
        value.as_ref().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
    };
    let (value, limit, missed) = (plain(&level.value), plain(&level.limit), level.missed);
    let fill = |name: &str| match name {
        "value" => value.clone(),
        "limit" => limit.clone(),
        "violations" => missed.map(|m| m.to_string()),
        "batch" => batch.clone(),
        _ => None,
    };
    level.because = sla.because.as_ref().map(|t| t.fill(fill));
    level.fix = sla.fix.as_ref().map(|t| t.fill(fill));
}

/// What the ledger gets to know of a level: of a deadline one row for each, of others one for the day.
fn entries_of(level: &Level, as_of: i64) -> Vec<SlaEntry> {
    let severity = if level.severity == Severity::Warn { "warn" } else { "block" };
    let instant = |text: &Option<String>| crate::eval::time::timestamp(text.as_deref()?, crate::eval::zone::Zone::UTC);
    let whole = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok());
    let base = SlaEntry {
        dataset: level.contract.clone(),
        contract_version: level.version.clone(),
        name: level.name.clone(),
        kind: match level.kind {
            Kind::Condition => "condition",
            Kind::Deadline => "deadline",
            Kind::Budget => "budget",
        }
        .to_owned(),
        severity: severity.to_owned(),
        ..SlaEntry::default()
    };
    if level.kind == Kind::Deadline {
        let entry = |asked: &Asked| SlaEntry {
            period: asked.due.clone(),
            status: asked.status.word().to_owned(),
            batch: asked.batch.clone(),
            due_at: Some(asked.due_at),
            arrived_at: instant(&asked.arrived_at),
            published_at: asked.published,
            remaining_seconds: Some(remaining(asked, as_of)),
            reason: asked.reason.clone(),
            ..base.clone()
        };
        return level.deadlines.iter().map(entry).collect();
    }
    vec![SlaEntry {
        period: rfc3339(as_of).chars().take(10).collect(),
        status: level.status.word().to_owned(),
        event_at: instant(&level.event_time),
        remaining_seconds: level.remaining_seconds,
        missed: whole(level.missed),
        allowed: whole(level.allowed),
        deadlines: whole(level.window),
        reason: level.reason.clone(),
        ..base
    }]
}
