//! What a judgement will read, from the files' footers and dictionaries alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Evidence, Job, constants, judge, schema, spared};
use crate::engine::compile::Judgement;
use crate::engine::prove::{Course, Wants};
use crate::engine::sources::layout::{Found, layouts};
use crate::engine::sources::{NotOpened, Session, open};
use crate::fault::Fault;
use crate::hir::{RuleKind, Rows};
use crate::ir::{Plan, Stage};

/// The JSON form is what `dqc plan --format json` prints. Rules that compare with values which are not known yet are taken
/// to look at every row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    pub contract: String,
    pub version: String,
    pub input: Size,
    /// Read from the files' dictionaries to prove.
    pub proof_bytes: u64,
    /// Passes over the input, in their order. Another one follows only where rows break a rule in a way that changes
    /// which rows the others judge, or where keys repeat.
    pub passes: Vec<Reading>,
    /// Read of other datasets before.
    pub datasets: Vec<Reading>,
    pub rules: Vec<RuleForecast>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    pub files: u64,
    pub rows: u64,
    /// As stored.
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The dataset.
    pub of: String,
    pub columns: Vec<String>,
    pub rows: u64,
    /// As stored: of these columns in the row groups that are read.
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleForecast {
    pub rule: String,
    pub kind: String,
    pub evidence: Evidence,
    /// Rows for which nothing need be read.
    pub proven_rows: u64,
    /// Why it will not be judged.
    pub reason: Option<String>,
}

/// Opens the files of the job's input, and says what [`super::judge`] will do with them.
pub async fn forecast(job: &Job<'_>) -> Result<Forecast, Fault> {
    let session = Session::new(job.memory, job.storage)?;
    let plan = job.plan;
    let (input, spared) = spared::split(job, plan, false)?;
    let opened = opened(open(&session, &input).await)?.with(spared);
    let layouts = layouts(&opened, &plan.source);
    let all: BTreeSet<usize> = (0..plan.source.len()).collect();
    let mut forecast = Forecast {
        contract: plan.dataset.clone(),
        version: plan.version.clone(),
        input: Size {
            files: job.input.files.len() as u64,
            rows: opened.rows(),
            bytes: opened.size(),
        },
        proof_bytes: 0,
        passes: Vec::new(),
        datasets: Vec::new(),
        rules: Vec::new(),
    };
    let broken = schema::broken(plan, &schema::problems(plan, &opened, &layouts));
    let forbidden = schema::forbidden(plan, &layouts);
    if !forbidden.is_empty() || broken.iter().any(Option::is_some) {
        let other = || "the files' columns are not those of the contract".to_string();
        let rule = |(i, planned): (usize, &crate::ir::PlanRule)| RuleForecast {
            rule: planned.rule.name.clone(),
            kind: planned.rule.kind.name().to_string(),
            evidence: Evidence::Proven,
            proven_rows: 0,
            reason: broken.get(i).cloned().flatten().or_else(|| (planned.stage != Stage::Schema).then(other)),
        };
        forecast.rules = plan.rules.iter().enumerate().map(rule).collect();
        return Ok(forecast);
    }
    // Rules that compare with values which a pass of its own must find: nothing is known of them yet.
    let waiting = constants::waiting(plan);
    let skip: BTreeMap<usize, String> = waiting.keys().map(|rule| (*rule, String::new())).collect();
    let judgement = Judgement::new(plan, job.as_of, false, &skip)?;
    let keys = judgement.references.iter().any(|reference| match &plan.rules[reference.rule].rule.kind {
        RuleKind::References { dataset, .. } => job.datasets.contains_key(dataset),
        _ => false,
    });
    let columns = keys || !waiting.is_empty() || judge::needs_columns(&judgement);
    let wants = if columns { Wants::Columns } else { Wants::Verdicts };
    let course = match job.proofs {
        true => Course::proven(&opened, &layouts, plan, &judgement, wants).await?,
        false => Course::of_all(&opened, &layouts, &judgement),
    };
    forecast.proof_bytes = course.bytes;

    let mut reading = |inputs_of: &dyn Fn(&[bool]) -> BTreeSet<usize>, every: bool| {
        let mut reading = Reading { of: plan.source_dataset.clone(), columns: Vec::new(), rows: 0, bytes: 0 };
        let mut named: BTreeSet<usize> = BTreeSet::new();
        for work in course.works.iter().filter(|work| work.read || every) {
            let layout = &layouts[work.layout];
            let inputs = inputs_of(&work.open);
            let at = inputs.iter().filter_map(|i| match layout.columns.get(*i) {
                Some(Found::At(position)) => Some(*position),
                _ => None,
            });
            reading.bytes += opened.bytes(&work.pieces(), &at.collect::<Vec<_>>());
            reading.rows += work.groups.iter().map(|g| g.rows).sum::<u64>();
            named.extend(inputs);
        }
        reading.columns = named.iter().filter_map(|i| Some(plan.source.get(*i)?.name.clone())).collect();
        if reading.rows > 0 {
            forecast.passes.push(reading);
        }
    };
    let of_names = |names: &BTreeSet<String>| -> BTreeSet<usize> {
        all.iter().copied().filter(|i| names.contains(&plan.source[*i].name)).collect()
    };
    if waiting.values().any(|aggregates| aggregates.iter().any(|a| !matches!(a.rows, Rows::Dataset(_) | Rows::Table))) {
        let names: BTreeSet<String> = waiting.values().flatten().flat_map(constants::names).collect();
        let inputs = of_names(&names);
        reading(&|_| inputs.clone(), true);
    }
    let late: BTreeSet<String> = waiting.keys().flat_map(|rule| constants::names_of_rule(plan, *rule)).collect();
    let late = of_names(&late);
    reading(&|open| judgement.inputs(open).union(&late).copied().collect(), false);

    for dataset in plan.datasets() {
        let Some(input) = job.datasets.get(&dataset) else { continue };
        forecast.datasets.push(of_dataset(&session, plan, &dataset, input).await?);
    }
    for (name, _) in schema::remarks(plan, &layouts) {
        let remark = RuleForecast {
            rule: name.to_string(),
            kind: "type".to_string(),
            evidence: Evidence::Proven,
            proven_rows: 0,
            reason: None,
        };
        forecast.rules.push(remark);
    }
    let mut rows: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for (i, check) in judgement.checks.iter().enumerate() {
        rows.insert(check.rule, course.rows(i));
    }
    for (i, planned) in plan.rules.iter().enumerate() {
        let (proven_rows, scanned) = rows.get(&i).copied().unwrap_or((0, forecast.input.rows));
        let evidence = match (&planned.rule.kind, proven_rows, scanned) {
            (RuleKind::Type { .. }, ..) => Evidence::Proven,
            (_, 0, _) => Evidence::Scanned,
            (_, _, 0) => Evidence::Proven,
            _ => Evidence::Mixed,
        };
        let missing = match &planned.rule.kind {
            RuleKind::References { dataset, .. } if !job.datasets.contains_key(dataset) => {
                Some(format!("there is no {dataset} yet"))
            }
            _ => None,
        };
        forecast.rules.push(RuleForecast {
            rule: planned.rule.name.clone(),
            kind: planned.rule.kind.name().to_string(),
            evidence,
            proven_rows,
            reason: missing,
        });
    }
    Ok(forecast)
}

/// What is read of another dataset, for all rules together.
async fn of_dataset(session: &Session, plan: &Plan, dataset: &str, input: &crate::ir::Input) -> Result<Reading, Fault> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for planned in &plan.rules {
        if let RuleKind::References { dataset: of, target, .. } = &planned.rule.kind
            && of == dataset
        {
            names.extend(target.iter().cloned());
        }
    }
    for aggregate in constants::waiting(plan).values().flatten() {
        if matches!(&aggregate.rows, Rows::Dataset(of) if of == dataset) {
            names.extend(constants::names(aggregate));
        }
    }
    let opened = opened(open(session, input).await)?;
    let mut bytes = 0;
    for layout in crate::engine::sources::layout::layouts(&opened, &[]) {
        let wanted = |(_, f): &(usize, &std::sync::Arc<arrow::datatypes::Field>)| {
            names.iter().any(|n| n.to_lowercase() == f.name().to_lowercase())
        };
        let columns: Vec<usize> = layout.schema.fields().iter().enumerate().filter(wanted).map(|(i, _)| i).collect();
        let pieces: Vec<_> = opened.divide(&layout, 1).into_iter().flatten().collect();
        bytes += opened.bytes(&pieces, &columns);
    }
    Ok(Reading { of: dataset.to_string(), columns: names.into_iter().collect(), rows: opened.rows(), bytes })
}

fn opened<T>(opened: Result<T, NotOpened>) -> Result<T, Fault> {
    opened.map_err(|error| match error {
        NotOpened::Fault(fault) => fault,
        NotOpened::Broken(reason) => Fault::storage(reason),
    })
}
