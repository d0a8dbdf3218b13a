//! What a promotion did as OpenLineage events: START, then COMPLETE or FAIL, with the schema, the rules as assertions and
//! what came into the target. No value of the data is in them.

use serde_json::{Map, Value, json};

use crate::ir::{Place, Plan};
use crate::run::{Effect, Report, RuleVerdict};

const PRODUCER: &str = concat!("https://dqc.example/releases/", env!("CARGO_PKG_VERSION"));
const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// How far a batch is.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'a> {
    Start,
    /// Published, or judged as it would be.
    Complete(Option<&'a Report>),
    /// Not published, and why in one sentence of ours.
    Fail { report: Option<&'a Report>, why: &'a str },
}

/// What is the same in all events of a batch.
pub struct Job<'a> {
    pub namespace: &'a str,
    pub plan: &'a Plan,
    pub source: &'a Place,
    pub target: &'a Place,
    /// A UUID; the same for all events of a batch in one command.
    pub run_id: &'a str,
    /// `NAMESPACE/NAME/RUN` of whoever started this command, as `OPENLINEAGE_PARENT_ID` holds it.
    pub parent: Option<&'a str>,
}

/// One event; `at` in RFC 3339.
pub fn event(job: &Job<'_>, stage: Stage<'_>, at: &str) -> Value {
    let plan = job.plan;
    let (kind, report, why) = match stage {
        Stage::Start => ("START", None, None),
        Stage::Complete(report) => ("COMPLETE", report, None),
        Stage::Fail { report, why } => ("FAIL", report, Some(why)),
    };
    let mut run_facets = Map::new();
    run_facets.insert(
        "processing_engine".into(),
        facet("1-1-1", "ProcessingEngineRunFacet", json!({"version": env!("CARGO_PKG_VERSION"), "name": "dqc"})),
    );
    if let Some(parent) = job.parent.and_then(parent) {
        run_facets.insert("parent".into(), parent);
    }
    if let Some(why) = why {
        let error = json!({"message": why, "programmingLanguage": "dq"});
        run_facets.insert("errorMessage".into(), facet("1-0-1", "ErrorMessageRunFacet", error));
    }
    let columns = |columns: &mut dyn Iterator<Item = (&str, String)>| -> Value {
        let fields: Vec<Value> = columns.map(|(name, ty)| json!({"name": name, "type": ty})).collect();
        facet("1-1-1", "SchemaDatasetFacet", json!({"fields": fields}))
    };
    let source = columns(&mut plan.source.iter().map(|c| (c.name.as_str(), c.ty.to_string())));
    let target = columns(&mut plan.columns.iter().map(|c| (c.name.as_str(), c.ty.to_string())));
    let mut input = dataset(job.source, source);
    if let (Some(report), Some(input)) = (report, input.as_object_mut()) {
        let facets = json!({
            "dataQualityAssertions": facet(
                "1-0-1", "DataQualityAssertionsDatasetFacet", json!({"assertions": assertions(report, plan)})
            ),
            "dataQualityMetrics": facet(
                "1-0-2",
                "DataQualityMetricsInputDatasetFacet",
                json!({"rowCount": report.rows.input, "bytes": report.bytes_read, "columnMetrics": {}}),
            ),
        });
        input.insert("inputFacets".into(), facets);
    }
    let mut output = dataset(job.target, target);
    if let (Some(report), Some(output)) = (report.filter(|r| r.promoted), output.as_object_mut()) {
        let written = json!({"rowCount": report.rows.accepted});
        let statistics = facet("1-0-2", "OutputStatisticsOutputDatasetFacet", written);
        output.insert("outputFacets".into(), json!({"outputStatistics": statistics}));
    }
    json!({
        "eventType": kind,
        "eventTime": at,
        "run": {"runId": job.run_id, "facets": run_facets},
        "job": {
            "namespace": job.namespace,
            "name": plan.promotion.as_deref().unwrap_or(&plan.dataset).replace(' ', "_"),
            "facets": {"jobType": facet(
                "2-0-3",
                "JobTypeJobFacet",
                json!({"processingType": "BATCH", "integration": "DQC", "jobType": "PROMOTION"}),
            )},
        },
        "inputs": [input],
        "outputs": [output],
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
    })
}

fn facet(version: &str, name: &str, mut of: Value) -> Value {
    if let Some(entries) = of.as_object_mut() {
        entries.insert("_producer".into(), PRODUCER.into());
        let url = format!("https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}");
        entries.insert("_schemaURL".into(), url.into());
    }
    of
}

/// A dataset as lineage names it: `s3://bucket` and the key, `file` and the path.
fn dataset(place: &Place, schema: Value) -> Value {
    let (scheme, rest) = place.url.split_once("://").unwrap_or(("file", &place.url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    let (namespace, name) = match scheme {
        "file" => ("file".to_owned(), format!("/{path}")),
        scheme => (format!("{scheme}://{host}"), path.to_owned()),
    };
    json!({"namespace": namespace, "name": name, "facets": {"schema": schema}})
}

fn assertions(report: &Report, plan: &Plan) -> Vec<Value> {
    let rules = report.rules.iter().filter(|r| r.verdict != RuleVerdict::NotEvaluated);
    rules
        .map(|rule| {
            let severity = if rule.action == Effect::Block { "error" } else { "warn" };
            let mut one = json!({
                "assertion": rule.rule,
                "success": rule.verdict == RuleVerdict::Passed,
                "severity": severity,
            });
            let column = rule.rule.split('.').next().filter(|name| plan.column(name).is_some());
            if let (Some(column), Some(entries)) = (column, one.as_object_mut()) {
                entries.insert("column".into(), column.into());
            }
            one
        })
        .collect()
}

fn parent(text: &str) -> Option<Value> {
    // A job's name may hold slashes.
    let (rest, run) = text.rsplit_once('/')?;
    let (namespace, name) = rest.split_once('/')?;
    uuid::Uuid::parse_str(run).ok()?;
    let of = json!({"run": {"runId": run}, "job": {"namespace": namespace, "name": name}});
    Some(facet("1-0-1", "ParentRunFacet", of))
}
