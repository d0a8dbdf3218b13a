//! What a command tells to others than its user: messages, lineage, metrics. None of it changes what the command ends
//! with, and all of it together delays the end by seconds.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::Compilation;
use crate::channel::courier::{Courier, LAST_WAIT};
use crate::channel::crier::{self, Crier};
use crate::channel::lineage::Lineage;
use crate::channel::otlp;
use crate::channel::outbox::Outbox;
use crate::cli::Context;
use crate::fault::{Fault, FaultKind};
use crate::hir::Promotion;
use crate::ir::{Place, Plan};
use crate::ledger::{BatchEntry, Ledger, now};
use crate::project::{Project, errors};
use crate::promote::{self, Event, Lake, Outcome, Summary, What};
use crate::report::metrics::Metrics;
use crate::sla;
use crate::sla::watch::Watch;

/// Channels that a promotion notifies stand in `dqc.toml`; found out before anything is judged.
pub fn channels_exist<'p>(project: &Project, promotions: impl IntoIterator<Item = &'p Promotion>) -> Result<(), Fault> {
    let known: Vec<String> = project.config.channels.iter().map(|c| c.name.clone()).collect();
    for promotion in promotions {
        for notify in promotion.notify.iter().filter(|n| !known.contains(&n.channel)) {
            return Err(errors::no_such_channel(&promotion.name(), &notify.channel, &known));
        }
    }
    Ok(())
}

/// The ears and voices of one command.
pub struct Tidings<'a> {
    project: &'a Project,
    places: &'a BTreeMap<String, Place>,
    plans: Vec<&'a Plan>,
    courier: Option<Courier>,
    lineage: Option<Lineage>,
    metrics: Metrics,
    /// Microseconds since 1970.
    began: i64,
    command: &'static str,
}

/// So long lineage and metrics may hold up the end.
const SHORT_WAIT: Duration = Duration::from_secs(3);

impl<'a> Tidings<'a> {
    pub fn start(
        command: &'static str,
        project: &'a Project,
        lake: &'a Lake<'a>,
        plans: Vec<&'a Plan>,
        outbox: &Arc<Outbox>,
        quiet: bool,
    ) -> Self {
        let channels = &project.config.channels;
        let courier = (!quiet && !channels.is_empty()).then(|| Courier::start(outbox.clone(), channels, &project.root));
        let parent = std::env::var("OPENLINEAGE_PARENT_ID").ok();
        let lineage = if quiet || command != "run" { None } else { Lineage::start(project, parent) };
        let mut metrics = Metrics::new();
        for plan in &plans {
            let layer = plan.dataset.split('.').next().unwrap_or_default();
            metrics.add("dqc_batches_held", &[("contract", &plan.dataset), ("layer", layer)], 0.0);
        }
        Self { project, places: &lake.places, plans, courier, lineage, metrics, began: now(), command }
    }

    fn plan(&self, promotion: &str) -> Option<&'a Plan> {
        self.plans.iter().copied().find(|p| p.promotion.as_deref() == Some(promotion))
    }

    pub fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Judging { promotion, batch, .. } => {
                let plan = self.plan(promotion);
                if let (Some(lineage), Some(plan)) = (&mut self.lineage, plan) {
                    lineage.tell(plan, batch, self.places, crate::report::openlineage::Stage::Start);
                }
            }
            Event::Batch(outcome) => self.batch(outcome),
            Event::Notice(_) => {}
        }
        if let Some(courier) = &self.courier {
            courier.wake();
        }
    }

    fn batch(&mut self, outcome: &Outcome) {
        let (result, why) = match &outcome.what {
            What::Published(_) | What::Recovered(_) => ("published", None),
            What::Passed => return,
            What::Blocked => ("blocked", Some("the batch violates its contract".to_owned())),
            What::Refused(why) => ("refused", Some(format!("the batch is refused: {why}"))),
            What::Failed(fault) => ("failed", Some(fault.message.clone())),
        };
        let report = outcome.report.as_ref();
        self.metrics.batch(&outcome.dataset, result, report, now() as f64 / 1e6);
        let plan = self.plan(&outcome.promotion);
        if let (Some(lineage), Some(plan)) = (&mut self.lineage, plan) {
            lineage.done(plan, &outcome.batch, self.places, report, why.as_deref());
        }
    }

    pub fn levels(&mut self, levels: &sla::Report) {
        levels.service_levels.iter().for_each(|level| self.metrics.level(level));
    }

    /// Sends what is still to be sent; gives lines for people about what did not work.
    pub async fn finish(mut self, fault: Option<FaultKind>) -> Vec<String> {
        // Whoever stopped the command does not want to wait.
        let stopped = matches!(fault, Some(FaultKind::Stopped(_)));
        let wait = |usual: Duration| if stopped { usual.min(Duration::from_secs(1)) } else { usual };
        let mut notices = Vec::new();
        let (deliveries, lineage) = tokio::join!(
            async {
                match self.courier.take() {
                    Some(courier) => courier.finish(wait(LAST_WAIT)).await,
                    None => BTreeMap::new(),
                }
            },
            async {
                match self.lineage.take() {
                    Some(lineage) => lineage.finish(wait(SHORT_WAIT)).await,
                    None => Vec::new(),
                }
            },
        );
        for (channel, delivery) in &deliveries {
            self.metrics.set("dqc_outbox_waiting", &[("channel", channel)], delivery.waiting as f64);
            if let Some(why) = delivery.why.as_ref().filter(|_| delivery.waiting > 0) {
                let waiting = crate::report::numbers::counted(delivery.waiting as u64, "message");
                notices.push(format!("{waiting} for `{channel}` in the outbox, for the next run to send: {why}"));
            }
        }
        notices.extend(lineage);
        let ended = now();
        let took = (ended - self.began) as f64 / 1e6;
        self.metrics.command(self.command, ended as f64 / 1e6, took, fault.is_none());
        let nanos = |micros: i64| micros.saturating_mul(1000);
        notices.extend(otlp::publish(self.metrics, self.project, nanos(self.began), nanos(ended)).await);
        notices
    }
}

/// Stands beside a run: writes messages before batches are booked, and judges service levels at its end.
pub struct Witness<'a> {
    pub crier: Crier<'a>,
    pub compilation: &'a Compilation,
    pub lake: &'a Lake<'a>,
    as_of: Cell<i64>,
    /// Whether the clock is given, and does not go on.
    given: bool,
    pub memory: Option<usize>,
    pub published: RefCell<BTreeSet<String>>,
    pub levels: RefCell<Option<sla::Report>>,
}

impl<'a> Witness<'a> {
    pub fn new(
        context: &Context,
        project: &Project,
        compilation: &'a Compilation,
        lake: &'a Lake<'a>,
        plans: Vec<&'a Plan>,
        outbox: &'a Outbox,
        again: &str,
    ) -> Self {
        let head = crier::head(project.config.name.as_deref(), project.env.as_deref(), again, context.now());
        Self {
            crier: Crier::new(outbox, head, &compilation.sources, &compilation.checked.promotions, plans),
            compilation,
            lake,
            as_of: Cell::new(context.now()),
            given: context.global.as_of.is_some(),
            memory: context.global.memory,
            published: RefCell::default(),
            levels: RefCell::default(),
        }
    }

    fn watch<'w>(&'w self, ledger: &'w Ledger<'w>) -> Watch<'w> {
        Watch {
            checked: &self.compilation.checked,
            sources: &self.compilation.sources,
            places: &self.lake.places,
            storage: self.lake.storage,
            ledger,
            as_of: self.as_of.get(),
            memory: self.memory,
        }
    }

    /// Judges the service levels of these datasets.
    pub async fn look(&self, datasets: &BTreeSet<&str>, ledger: &Ledger<'_>) -> Result<sla::Report, Fault> {
        let watch = self.watch(ledger);
        let mut levels = watch.judge(&watch.with_upstream(datasets)).await?.service_levels;
        // Others are looked at only for the cause.
        levels.retain(|l| datasets.contains(l.contract.as_str()));
        Ok(sla::Report::new(self.as_of.get(), levels))
    }

    /// Judges them, puts what is new into the outbox, and books it.
    pub async fn judge(&self, datasets: &BTreeSet<&str>, ledger: &Ledger<'_>) -> Result<sla::Report, Fault> {
        let levels = self.look(datasets, ledger).await?;
        self.crier.levels(&levels).await?;
        self.watch(ledger).book(&levels).await?;
        Ok(levels)
    }
}

#[async_trait::async_trait(?Send)]
impl promote::Witness for Witness<'_> {
    async fn batch(&self, entry: &BatchEntry<'_>) -> Result<(), Fault> {
        if entry.published {
            self.published.borrow_mut().insert(entry.dataset.to_owned());
        }
        self.crier.batch(entry).await
    }

    async fn end(&self, summary: &mut Summary, ledger: &Ledger<'_>) {
        let published = self.published.borrow().clone();
        let datasets: BTreeSet<&str> = published.iter().map(String::as_str).collect();
        let promised = self.compilation.checked.contracts.iter().any(|c| {
            datasets.contains(c.dataset.as_str()) && !c.sla.is_empty()
        });
        let stopped = summary.faults.iter().any(|f| matches!(f.kind, FaultKind::Stopped(_)));
        if !promised || stopped {
            return;
        }
        if !self.given {
            // What was published just now was not there yet when the run began.
            self.as_of.set(now());
        }
        match self.judge(&datasets, ledger).await {
            Ok(levels) => {
                summary.missed = levels.broken();
                self.levels.replace(Some(levels));
            }
            Err(fault) => summary.faults.push(fault),
        }
    }
}
