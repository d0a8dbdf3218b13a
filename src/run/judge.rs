//! The course of a judgement: schema, passes until the routing is the one that the verdict asks for, report.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow::datatypes::{DataType, Field, Schema};

use super::routed::{Merged, Routed};
use super::rules::{self, Findings};
use super::scan::{self, Batch};
use super::verdict::{Counts, holds, likely_holds};
use super::{
    BatchVerdict, Effect, Evidence, Job, Report, RowCounts, RuleVerdict, Seen, Sink, constants, lossy, over_table, pictures, prepare, queries,
    samples, schema, spared, texts,
};
use crate::engine::aggregates::{self, Metric};
use crate::engine::audit::{Extra, Pass, Tallies};
use crate::engine::compile::{Judgement, Unique};
use crate::engine::prove::{self, Course, Wants};
use crate::engine::references::{KeySet, Part};
use crate::engine::rows::RowId;
use crate::engine::show;
use crate::engine::sources::layout::{Layout, layouts};
use crate::engine::sources::{NotOpened, Session, open_declared};
use crate::engine::tables::Keep;
use crate::engine::types::arrow_type;
use crate::engine::unique::{Found, Mode, Packing};
use crate::fault::Fault;
use crate::hir::{OtherColumns, Over, RuleKind, Value};
use crate::ir::Plan;

/// Batches of at most so many rows keep every key of a `unique` at once.
const FEW_ROWS: u64 = 200_000;
/// A judgement settles in one pass a stage; more would be a fault of ours.
const MOST_PASSES: u64 = 8;

/// Judges a batch; with a sink, its rows are delivered too. Blocks, rather than fails, where the data is the cause.
pub async fn judge(job: &Job<'_>, sink: Option<Arc<dyn Sink>>) -> Result<Report, Fault> {
    let session = Session::new(job.memory, job.storage)?;
    let mut plan = job.plan.clone();
    let (input, spared) = spared::split(job, &plan, sink.is_some())?;
    let opened = match open_declared(&session, &input, &plan.source).await {
        Ok(opened) => Arc::new(opened.with(spared)),
        Err(NotOpened::Fault(fault)) => return Err(fault),
        Err(NotOpened::Broken(reason)) => return Ok(unreadable(job, reason)),
    };
    texts::prepare(&mut plan, &opened);
    let layouts = layouts(&opened, &plan.source);
    lossy::prepare(&mut plan, &layouts);
    let mut findings = Findings::new(&plan, opened.rows());
    findings.schema = schema::broken(&plan, &schema::problems(&plan, &opened, &layouts));
    findings.forbidden = schema::forbidden(&plan, &layouts);
    findings.notes = schema::notes(&plan, &opened, &layouts);
    findings.remarks = schema::remarks(&plan, &layouts);
    let mut report = empty(job);
    report.rows.input = opened.rows();
    if findings.schema.iter().all(Option::is_none) && findings.forbidden.is_empty() {
        let batch = Batch { opened: &opened, layouts: &layouts };
        match passes(job, &session, &mut plan, &batch, sink, &mut findings, &mut report).await {
            Ok(()) => findings.read = true,
            Err(NotOpened::Fault(fault)) => return Err(fault),
            Err(NotOpened::Broken(reason)) => return Ok(unreadable(job, reason)),
        }
        if job.pictures {
            report.pictures = Some(pictures::of(&session, job, &plan, &batch).await);
        }
        let first = findings.first(job.samples);
        findings.samples =
            samples::read(&session, &plan, job.as_of, &findings.unjudged, &opened, &layouts, &first).await?;
    }
    let held = findings.held();
    let mut recorded = Vec::new();
    report.rules = rules::results(&Job { plan: &plan, ..*job }, &findings, &mut recorded);
    report.recorded = recorded;
    conclude(&mut report, held);
    Ok(report)
}

/// The verdict on the batch, by what came of the rules.
fn conclude(report: &mut Report, held: u64) {
    let blocked = report.rules.iter().any(|r| r.action == Effect::Block);
    let evaluated = report.rules.is_empty() || report.rules.iter().any(|r| r.verdict != RuleVerdict::NotEvaluated);
    report.verdict = match (blocked, evaluated) {
        (true, _) => BatchVerdict::Blocked,
        (false, true) => BatchVerdict::Passed,
        (false, false) => BatchVerdict::NotEvaluated,
    };
    if !blocked {
        report.rows.quarantined = held;
        report.rows.accepted = report.rows.input.saturating_sub(held);
    }
}

fn empty(job: &Job<'_>) -> Report {
    let plan = job.plan;
    Report {
        dqc: env!("CARGO_PKG_VERSION").to_string(),
        contract: plan.dataset.clone(),
        version: plan.version.clone(),
        contract_sha256: plan.digest.clone(),
        promotion: plan.promotion.clone(),
        batch: job.batch.map(str::to_string),
        owner: plan.owner.clone(),
        as_of: show::instant(job.as_of),
        verdict: BatchVerdict::NotEvaluated,
        promoted: false,
        rows: RowCounts::default(),
        passes: 0,
        bytes_read: 0,
        datasets: seen(job),
        rules: Vec::new(),
        recorded: Vec::new(),
        pictures: None,
    }
}

/// The other datasets that rules read.
fn seen(job: &Job<'_>) -> Vec<Seen> {
    let read = job.plan.datasets();
    let pinned = job.datasets.iter().filter(|(dataset, _)| read.contains(dataset));
    let seen = |(dataset, input): (&String, &crate::ir::Input)| Seen {
        dataset: dataset.clone(),
        version: input.version,
        files: input.files.len() as u64,
    };
    pinned.map(seen).collect()
}

/// A batch whose files are broken is blocked: what was not judged is never promoted.
fn unreadable(job: &Job<'_>, reason: String) -> Report {
    let mut report = empty(job);
    let mut findings = Findings::new(job.plan, 0);
    findings.unreadable = Some(reason);
    report.rules = rules::results(job, &findings, &mut Vec::new());
    conclude(&mut report, 0);
    report
}

/// What a pass takes for granted, and what its end may prove wrong.
struct Routing {
    /// For each rule of the plan.
    holds: Vec<bool>,
    /// For each unique rule.
    modes: Vec<Mode>,
}

/// As [`pass_over`], with what was kept of the values, of every so many row groups.
pub async fn tallies_over(
    session: &Session,
    plan: &Plan,
    judgement: Arc<Judgement>,
    batch: &Batch<'_>,
    every: usize,
) -> Result<Tallies, NotOpened> {
    let pass = Arc::new(counting(&Arc::new(plan.clone()), &judgement, Vec::new()));
    let mut course = Course::of_all(batch.opened, batch.layouts, &judgement);
    let mut number = 0;
    course.works.iter_mut().for_each(|work| {
        work.groups.retain(|_| {
            number += 1;
            (number - 1) % every == 0
        });
    });
    scan::run(session, batch, &pass, &course, None).await?;
    Ok(pass.tallies())
}

/// One pass for nothing but the aggregates of a judgement, and the bytes that it read.
pub async fn pass_over(
    session: &Session,
    plan: &Plan,
    judgement: Arc<Judgement>,
    batch: &Batch<'_>,
) -> Result<(Vec<Result<Value, String>>, u64), NotOpened> {
    let pass = Arc::new(counting(&Arc::new(plan.clone()), &judgement, Vec::new()));
    let course = Course::of_all(batch.opened, batch.layouts, &judgement);
    let bytes = scan::run(session, batch, &pass, &course, None).await?;
    let tallies = pass.tallies().metrics;
    let value = |(metric, tally): (&Metric, aggregates::Tally)| match tally.failed() {
        Some((_, reason)) => Err(reason.clone()),
        None => tally.value(metric, &judgement.program),
    };
    Ok((judgement.metrics.iter().zip(tallies).map(value).collect(), bytes))
}

async fn passes(
    job: &Job<'_>,
    session: &Session,
    plan: &mut Plan,
    batch: &Batch<'_>,
    sink: Option<Arc<dyn Sink>>,
    findings: &mut Findings,
    report: &mut Report,
) -> Result<(), NotOpened> {
    let watch = sink.clone().filter(|sink| !sink.takes_rows());
    let sink = sink.filter(|sink| sink.takes_rows());
    let settled = constants::settle(session, job, plan, batch).await?;
    report.passes += settled.passes;
    report.bytes_read += settled.bytes;
    findings.unjudged = settled.unjudged;
    let plan = &Arc::new(plan.clone());
    let job = &Job { plan, ..*job };
    let (opened, layouts) = (batch.opened, batch.layouts);
    let mut judgement = Judgement::new(plan, job.as_of, sink.is_some(), &findings.unjudged)?;
    if sink.is_some() {
        judgement.show(plan)?;
    }
    let judgement = Arc::new(judgement);
    let keys = references(session, job, plan, &judgement, batch, report).await?;
    for (reference, keys) in judgement.references.iter().zip(&keys) {
        if let (None, RuleKind::References { dataset, .. }) = (keys, &plan.rules[reference.rule].rule.kind) {
            findings.unjudged.insert(reference.rule, format!("there is no {dataset} yet"));
        }
    }
    for (rule, groups) in prepare::among(session, job).await? {
        match groups {
            Some(groups) => drop(findings.among.insert(rule, groups)),
            None => drop(findings.unjudged.insert(rule, "there is no dataset yet that names its groups".to_string())),
        }
    }
    let start = first_modes(session, plan, batch, &judgement);
    let mut routing = Routing {
        holds: plan.rules.iter().map(|r| likely_holds(&r.rule.actions)).collect(),
        modes: start.clone(),
    };
    let extra = extras(layouts);
    let (accepted, held) = schemas(plan, &extra);
    let course = match job.proofs {
        true => Course::proven(opened, layouts, plan, &judgement, wants(&judgement, &keys, sink.is_some())).await?,
        false => Course::of_all(opened, layouts, &judgement),
    };
    report.bytes_read += course.bytes;
    findings.evidence = evidence(plan, &judgement, &course);
    // Where proofs settle everything, nothing is read.
    let mut first = judged_first(job, plan, batch, &judgement, &course, sink.is_some(), &findings.unjudged)?;
    for round in 1.. {
        let (judgement, course, sink) = match &first {
            Some((judgement, course)) => (Arc::clone(judgement), course, None),
            None => (Arc::clone(&judgement), &course, sink.clone()),
        };
        report.passes += u64::from(course.works.iter().any(|work| work.read));
        if round > MOST_PASSES {
            return Err(Fault::internal("the routing of the rows does not settle").into());
        }
        let pass = Arc::new(Pass {
            plan: Arc::clone(plan),
            judgement: Arc::clone(&judgement),
            holds: routing.holds.clone(),
            keys: keys.clone(),
            modes: routing.modes.clone(),
            sink: sink.clone(),
            watch: watch.clone(),
            extra: extra.clone(),
            accepted: Arc::clone(&accepted),
            held: Arc::clone(&held),
            samples: job.samples,
            files: opened.files.iter().map(|f| Arc::from(f.input.path.as_str())).collect(),
            read: AtomicU64::new(0),
            left: Default::default(),
            fault: Default::default(),
        });
        let progress = if round == 1 { job.progress } else { None };
        report.bytes_read += scan::run(session, batch, &pass, course, progress).await?;
        let mut tallies = pass.tallies();
        let routed = |holds: &[bool], modes: Vec<Mode>, unjudged: &BTreeMap<usize, String>| Routed {
            plan: Arc::clone(plan),
            as_of: job.as_of,
            unjudged: unjudged.clone(),
            holds: holds.to_vec(),
            keys: keys.clone(),
            modes,
            partitions: session.partitions,
            merged: None,
        };
        let mut replaced = None;
        if judgement.uniques.iter().any(|u| u.table) {
            let before = routed(&routing.holds, routing.modes.clone(), &findings.unjudged);
            replaced = Merged::of(session, job, batch, &before).await?.map(|m| m.elsewhere());
        }
        let written = first.is_some() || sink.is_some();
        let again =
            revise(job, session, &judgement, &mut routing, &mut tallies, findings, written, &start, replaced).await?;
        if again && first.is_some() && writable(&judgement, &routing.modes) {
            first = None;
        } else if !again && first.take().is_some() {
            routing.modes = findings.duplicates.iter().map(|rows| Mode::Known { broken: Arc::clone(rows) }).collect();
        } else if !again {
            let modes = findings.duplicates.iter().map(|rows| Mode::Known { broken: Arc::clone(rows) }).collect();
            let mut routed = routed(&routing.holds, modes, &findings.unjudged);
            if plan.rules.iter().any(over_table::reads) {
                routed.merged = Merged::of(session, job, batch, &routed).await?.map(Arc::new);
            }
            over_table::metrics(session, job, &judgement, batch, &routed, &mut tallies.metrics).await?;
            findings.of_table = over_table::row_rules(session, job, batch, &routed, &mut tallies.rules).await?;
            findings.queries = queries::judge(session, job, plan, batch, &routed, &mut findings.unjudged).await?;
            findings.tallies = tallies;
            findings.judgement = Some(judgement);
            findings.holds = routing.holds;
            return Ok(());
        }
    }
    Ok(())
}

/// Whether a pass that holds back what may share a key will most likely hold back the right rows.
fn writable(judgement: &Judgement, modes: &[Mode]) -> bool {
    let found = modes.iter().any(|mode| matches!(mode, Mode::Keys { candidates: Some(_) }));
    found && judgement.uniques.iter().all(|unique| unique.keep.is_none() && !unique.table)
}

/// A large batch with keys is judged before it is written: else it would be written again where rows share a key. Nothing
/// where the first pass writes.
fn judged_first(
    job: &Job<'_>,
    plan: &Plan,
    batch: &Batch<'_>,
    judgement: &Judgement,
    course: &Course,
    write: bool,
    unjudged: &BTreeMap<usize, String>,
) -> Result<Option<(Arc<Judgement>, Course)>, Fault> {
    if !write || batch.opened.rows() <= FEW_ROWS || judgement.uniques.is_empty() {
        return Ok(None);
    }
    let alone = Judgement::new(plan, job.as_of, false, unjudged)?;
    Ok(Some((Arc::new(alone), course.clone())))
}

/// For each reference the keys of its dataset; `None` where there is no such dataset. Where keys come in parts, a pass for
/// each part finds the rows that lack theirs.
async fn references(
    session: &Session,
    job: &Job<'_>,
    plan: &Arc<Plan>,
    judgement: &Judgement,
    batch: &Batch<'_>,
    report: &mut Report,
) -> Result<Vec<Option<Arc<KeySet>>>, NotOpened> {
    let mut found = Vec::new();
    let prepared = prepare::keys(session, job, judgement).await?;
    for (reference, keys) in judgement.references.iter().zip(prepared) {
        let of = match keys {
            prepare::Keys::Missing => {
                found.push(None);
                continue;
            }
            prepare::Keys::All(keys) => {
                found.push(Some(keys));
                continue;
            }
            prepare::Keys::InParts(of) => of,
        };
        let others = (0..plan.rules.len()).filter(|rule| *rule != reference.rule).map(|rule| (rule, String::new()));
        let alone = Arc::new(Judgement::new(plan, job.as_of, false, &others.collect())?);
        let mut orphans: HashSet<RowId> = HashSet::new();
        for number in 0..of {
            let part = prepare::part_of_keys(session, job, judgement, reference, Some(Part { number, of })).await?;
            let part = part.ok_or_else(|| {
                Fault::usage("the keys of a reference need more memory than may be held")
                    .with_help("give more with `--memory`")
            })?;
            let pass = Arc::new(Pass { samples: usize::MAX, ..counting(plan, &alone, vec![Some(Arc::new(part))]) });
            report.bytes_read += scan::run(session, batch, &pass, &Course::of_all(batch.opened, batch.layouts, &alone), None).await?;
            report.passes += 1;
            let tallies = pass.tallies();
            orphans.extend(tallies.rules.get(reference.rule).into_iter().flat_map(|t| t.first.rows()));
        }
        found.push(Some(Arc::new(KeySet::of_orphans(orphans))));
    }
    Ok(found)
}

/// A pass that holds nothing back and writes nothing.
fn counting(plan: &Arc<Plan>, judgement: &Arc<Judgement>, keys: Vec<Option<Arc<KeySet>>>) -> Pass {
    let nothing = Arc::new(Schema::empty());
    Pass {
        plan: Arc::clone(plan),
        judgement: Arc::clone(judgement),
        holds: vec![false; plan.rules.len()],
        keys,
        modes: Vec::new(),
        sink: None,
        watch: None,
        extra: Vec::new(),
        accepted: Arc::clone(&nothing),
        held: nothing,
        samples: 0,
        files: Vec::new(),
        read: AtomicU64::new(0),
        left: Default::default(),
        fault: Default::default(),
    }
}

/// What the first pass does for each unique rule.
fn first_modes(session: &Session, plan: &Plan, batch: &Batch<'_>, judgement: &Judgement) -> Vec<Mode> {
    let rows = batch.opened.rows();
    let mode = |unique: &Unique| {
        if rows <= FEW_ROWS {
            return Mode::Keys { candidates: None };
        }
        let bounds = prove::bounds(batch.opened, batch.layouts, plan, judgement, &unique.by);
        // A bit a key takes no more than the hashes would.
        let most = rows.saturating_mul(64).min(session.memory as u64 * 2);
        match Packing::new(&bounds, most) {
            Some(packing) => Mode::Codes(Arc::new(packing)),
            None => Mode::Hash(session.space()),
        }
    };
    judgement.uniques.iter().map(mode).collect()
}

/// Whether the pass must be run again, because it took something for granted that turned out otherwise.
#[allow(clippy::too_many_arguments)]
async fn revise(
    job: &Job<'_>,
    session: &Session,
    judgement: &Judgement,
    routing: &mut Routing,
    tallies: &mut Tallies,
    findings: &mut Findings,
    write: bool,
    start: &[Mode],
    elsewhere: Option<Keep>,
) -> Result<bool, Fault> {
    let rules = &job.plan.rules;
    let counts = |checked: u64, violations: u64| Counts { violations, checked, all: tallies.rows };
    let mut wrong = false;
    let earlier = judgement.checks.iter().map(|c| c.rule).chain(judgement.references.iter().map(|r| r.rule));
    for rule in earlier {
        let tally = &tallies.rules[rule];
        let hold = holds(&rules[rule].rule.actions, counts(tally.checked, tally.violations));
        if tally.violations > 0 && hold != routing.holds[rule] {
            routing.holds[rule] = hold;
            wrong = true;
        }
    }
    if wrong {
        routing.modes = start.to_vec();
        return Ok(true);
    }
    let of_table = judgement.checks.iter().any(|check| rules[check.rule].rule.over == Over::Table);
    let depended_on = write || of_table || !judgement.metrics.is_empty();
    findings.duplicates = vec![Default::default(); judgement.uniques.len()];
    let uniques = std::mem::take(&mut tallies.uniques);
    for (i, (unique, mut kept)) in judgement.uniques.iter().zip(uniques).enumerate() {
        let judged = kept.judged;
        let mode = routing.modes[i].clone();
        if unique.table && !matches!(mode, Mode::Known { .. }) && let Some(table) = job.table {
            kept.merge(prepare::table_keys(session, job, table, unique, &mode, elsewhere.as_ref()).await?);
        }
        let rule = unique.rule;
        let found = kept.find(&mode, unique.keep.map(|(last, _)| last))?;
        tallies.rules[rule].checked = judged;
        let (rows, all) = match found {
            Found::Distinct => continue,
            Found::Strayed => {
                routing.modes[i] = Mode::Hash(session.space());
                wrong = true;
                continue;
            }
            Found::Candidates(candidates) => {
                routing.modes[i] = Mode::Keys { candidates: Some(Arc::new(candidates)) };
                wrong = true;
                continue;
            }
            Found::Broken { rows, all } => (rows, all),
        };
        tallies.rules[rule].violations = rows.len() as u64;
        let all_rows = Counts { violations: rows.len() as u64, checked: judged, all: tallies.rows };
        let hold = holds(&rules[rule].rule.actions, all_rows);
        // What the pass held back for this rule, against what it should have.
        let right = match &mode {
            Mode::Keys { candidates: None } | Mode::Codes(_) | Mode::Hash(_) => !hold,
            Mode::Keys { candidates: Some(_) } => hold == routing.holds[rule] && (!hold || all),
            Mode::Known { .. } => hold == routing.holds[rule],
        };
        let rows: Arc<std::collections::HashSet<RowId>> = Arc::new(rows);
        findings.duplicates[i] = Arc::clone(&rows);
        routing.holds[rule] = hold && !rows.is_empty();
        if !right && !rows.is_empty() && depended_on {
            routing.modes[i] = Mode::Known { broken: rows };
            wrong = true;
        }
    }
    Ok(wrong)
}

/// What is asked of rows beside the verdicts of the rules that rows decide.
fn wants(judgement: &Judgement, keys: &[Option<Arc<KeySet>>], write: bool) -> Wants {
    match (write, keys.iter().any(Option::is_some)) {
        (true, _) => Wants::Rows,
        (false, keys) if keys || needs_columns(judgement) => Wants::Columns,
        _ => Wants::Verdicts,
    }
}

/// Whether rules beside references look at every row.
pub fn needs_columns(judgement: &Judgement) -> bool {
    !judgement.uniques.is_empty() || judgement.metrics.iter().any(|metric| !metric.counts_rows())
}

/// For each rule, how it came to its verdict.
fn evidence(plan: &Plan, judgement: &Judgement, course: &Course) -> Vec<Evidence> {
    let mut evidence = vec![Evidence::Scanned; plan.rules.len()];
    for (i, check) in judgement.checks.iter().enumerate() {
        evidence[check.rule] = match course.rows(i) {
            (0, _) => Evidence::Scanned,
            (_, 0) => Evidence::Proven,
            _ => Evidence::Mixed,
        };
    }
    evidence
}

/// The columns that no contract declares, in the order in which files have them; of two types, as text.
fn extras(layouts: &[Layout]) -> Vec<Extra> {
    let mut found: Vec<Extra> = Vec::new();
    for layout in layouts {
        for &position in &layout.extra {
            let field = layout.schema.field(position);
            match found.iter_mut().find(|e| &e.name == field.name()) {
                Some(known) if &known.ty != field.data_type() => known.ty = DataType::Utf8View,
                Some(_) => {}
                None => found.push(Extra { name: field.name().clone(), ty: field.data_type().clone() }),
            }
        }
    }
    found
}

/// Of the accepted rows, and of the held ones.
fn schemas(plan: &Plan, extra: &[Extra]) -> (Arc<Schema>, Arc<Schema>) {
    let spare: Vec<Field> = extra.iter().map(|e| Field::new(&e.name, e.ty.clone(), true)).collect();
    let mut accepted: Vec<Field> =
        plan.columns.iter().map(|c| Field::new(&c.name, arrow_type(&c.ty), true)).collect();
    if plan.other == OtherColumns::Kept {
        accepted.extend(spare.iter().filter(|s| plan.column(s.name()).is_none()).cloned());
    }
    let mut held: Vec<Field> = plan.source.iter().map(|c| Field::new(&c.name, arrow_type(&c.ty), true)).collect();
    held.extend(spare);
    (Arc::new(Schema::new(accepted)), Arc::new(Schema::new(held)))
}
