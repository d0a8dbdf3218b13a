//! Rules in SQL: the rows that their queries find.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::StreamExt;

use super::scan::Batch;
use super::routed::Routed;
use super::{Job, Sample};
use crate::engine::show;
use crate::engine::sources::layout::as_type;
use crate::engine::sources::schema::type_of;
use crate::engine::sources::{NotOpened, Session, open_declared};
use crate::engine::tables::{self, Failed, Rows, Scan, of_files};
use crate::sql::{self, Named, Tables};
use crate::engine::types::value_at;
use crate::fault::Fault;
use crate::hir::{Privacy, RuleKind, Type};
use crate::ir::{Input, Plan, SourceColumn};

/// What came of a query.
#[derive(Clone, Debug, Default)]
pub struct Queried {
    pub rows: u64,
    /// Why it could not be computed to its end.
    pub reason: Option<String>,
    pub samples: Vec<Sample>,
}

/// The rules in SQL of a plan, each over the rows that were left to be published.
pub async fn judge(
    session: &Session,
    job: &Job<'_>,
    plan: &Arc<Plan>,
    batch: &Batch<'_>,
    routed: &Routed,
    unjudged: &mut BTreeMap<usize, String>,
) -> Result<BTreeMap<usize, Queried>, NotOpened> {
    let mut found = BTreeMap::new();
    for (position, planned) in plan.rules.iter().enumerate() {
        let RuleKind::NoRows { sql } = &planned.rule.kind else { continue };
        let known: BTreeSet<String> = plan.beside.iter().map(|b| b.dataset.to_lowercase()).collect();
        let Ok(reads) = sql::reads(sql, &known) else {
            unjudged.insert(position, NOT_PLANNED.to_string());
            continue;
        };
        let tables = match tables_of(session, job, plan, batch, routed, &reads).await? {
            Ok(tables) => tables,
            Err(missing) => {
                unjudged.insert(position, format!("there is no {missing} yet"));
                continue;
            }
        };
        let context = session.context();
        let Ok(query) = sql::plan(&context, sql, &tables) else {
            unjudged.insert(position, NOT_PLANNED.to_string());
            continue;
        };
        let privacy = privacy(&context, plan, &query);
        found.insert(position, run(session, &context, query, privacy, job.samples).await?);
    }
    Ok(found)
}

const NOT_PLANNED: &str = "the query cannot be planned: `dqc check` says why";

async fn tables_of(
    session: &Session,
    job: &Job<'_>,
    plan: &Arc<Plan>,
    batch: &Batch<'_>,
    routed: &Routed,
    reads: &BTreeSet<String>,
) -> Result<Result<Tables, String>, NotOpened> {
    let own: Vec<(String, Type)> = plan.columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
    let mut tables = Tables::new();
    for name in reads {
        let (columns, provider): (_, Arc<dyn TableProvider>) = match name.as_str() {
            "batch" | "input" => {
                let scan = routed.scan(batch, name == "input")?;
                (own.clone(), Arc::new(Rows::new(&own, scan)))
            }
            "table" => {
                let scan = table(session, job, &own, batch, routed).await?;
                (own.clone(), Arc::new(Rows::new(&own, scan)))
            }
            other => {
                let Some(beside) = plan.beside.iter().find(|b| b.dataset.to_lowercase() == other) else { continue };
                let columns: Vec<(String, Type)> = beside.columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
                let Some(input) = job.datasets.get(&beside.dataset) else { return Ok(Err(beside.dataset.clone())) };
                let scan = files(session, &beside.dataset, input, &beside.columns).await?;
                let provider: Arc<dyn TableProvider> = match scan {
                    Some(scan) => Arc::new(Rows::new(&columns, scan)),
                    None => Arc::new(EmptyTable::new(tables::schema(&columns))),
                };
                (columns, provider)
            }
        };
        tables.insert(name.clone(), Named { columns, provider });
    }
    Ok(Ok(tables))
}

async fn files(
    session: &Session,
    dataset: &str,
    input: &Input,
    columns: &[SourceColumn],
) -> Result<Option<Scan>, Fault> {
    if input.files.is_empty() {
        return Ok(None);
    }
    let opened = match open_declared(session, input, columns).await {
        Ok(opened) => opened,
        Err(NotOpened::Fault(fault)) => return Err(fault),
        Err(NotOpened::Broken(reason)) => return Err(Fault::storage(format!("{reason}, a file of {dataset}"))),
    };
    let columns = columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
    Ok(Some(of_files(Arc::new(opened), columns, session.partitions, None)))
}

/// The target as it would be: what stays of it, and the rows that would be published.
async fn table(
    session: &Session,
    job: &Job<'_>,
    own: &[(String, Type)],
    batch: &Batch<'_>,
    routed: &Routed,
) -> Result<Scan, NotOpened> {
    let published = routed.scan(batch, false)?;
    let Some(input) = job.table.filter(|t| !t.files.is_empty()) else { return Ok(published) };
    let opened = match open_declared(session, input, &[]).await {
        Ok(opened) => Arc::new(opened),
        Err(NotOpened::Fault(fault)) => return Err(fault.into()),
        Err(NotOpened::Broken(reason)) => return Err(Fault::storage(format!("{reason}, a file of the target")).into()),
    };
    let stays = of_files(opened, own.to_vec(), session.partitions, routed.merged.as_ref().map(|m| m.stays()));
    Ok(Arc::new(move |wanted| {
        let mut parts = stays(wanted)?;
        parts.extend(published(wanted)?);
        Ok(parts)
    }))
}

/// The most private column that the query reads.
fn privacy(context: &SessionContext, plan: &Plan, query: &LogicalPlan) -> Privacy {
    let mut most = Privacy::Public;
    let Ok(optimised) = context.state().optimize(query) else { return Privacy::Secret };
    let mut scan = |table: &str, columns: Vec<String>| {
        let beside = plan.beside.iter().find(|b| b.dataset.to_lowercase() == table);
        for name in columns {
            let privacy = match beside {
                Some(beside) => beside.columns.iter().find(|c| c.name == name).map(|c| c.privacy),
                None => plan.column(&name).map(|c| c.privacy),
            };
            most = most.max(privacy.unwrap_or_default());
        }
    };
    let walked = optimised.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(read) = node {
            let schema = read.source.schema();
            let all = || (0..schema.fields().len()).collect();
            let positions = read.projection.clone().unwrap_or_else(all);
            let names = positions.into_iter().filter_map(|i| schema.fields().get(i).map(|f| f.name().clone()));
            let table = match read.table_name.schema() {
                Some(layer) if layer != "public" => format!("{layer}.{}", read.table_name.table()),
                _ => read.table_name.table().to_owned(),
            };
            scan(&table, names.collect());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if walked.is_ok() { most } else { Privacy::Secret }
}

async fn run(
    session: &Session,
    context: &SessionContext,
    query: LogicalPlan,
    privacy: Privacy,
    samples: usize,
) -> Result<Queried, NotOpened> {
    let ordered = matches!(query, LogicalPlan::Sort(_))
        || matches!(&query, LogicalPlan::Limit(l) if matches!(&*l.input, LogicalPlan::Sort(_)));
    let mut queried = Queried::default();
    let physical = match context.state().create_physical_plan(&query).await {
        Ok(physical) => physical,
        Err(e) => return stopped(&e).map(|reason| Queried { rows: 1, reason: Some(reason), ..queried }),
    };
    // Of rows in no order the least, so that a run shows the same ones each time.
    let mut least: BinaryHeap<Shown> = BinaryHeap::new();
    let mut first: Vec<Shown> = Vec::new();
    for partition in 0..physical.output_partitioning().partition_count() {
        let mut rows = match physical.execute(partition, session.task()) {
            Ok(rows) => rows,
            Err(e) => return stopped(&e).map(|reason| Queried { rows: 1, reason: Some(reason), ..queried }),
        };
        while let Some(batch) = rows.next().await {
            let batch = match batch {
                Ok(batch) => batch,
                Err(e) => {
                    queried.rows = queried.rows.max(1);
                    queried.reason = Some(stopped(&e)?);
                    return Ok(queried);
                }
            };
            queried.rows += batch.num_rows() as u64;
            if ordered && first.len() < samples {
                first.extend((0..batch.num_rows().min(samples - first.len())).map(|row| shown(&batch, row, privacy)));
            }
            if !ordered {
                for row in 0..batch.num_rows() {
                    least.push(shown(&batch, row, privacy));
                    if least.len() > samples {
                        least.pop();
                    }
                }
            }
        }
    }
    first.extend(least.into_sorted_vec());
    queried.samples = first.into_iter().map(|s| Sample { file: None, row: None, values: s.values, reason: None }).collect();
    Ok(queried)
}

/// A row as the report shows it, in the order of its text.
struct Shown {
    text: String,
    values: serde_json::Map<String, serde_json::Value>,
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Shown {}

impl PartialOrd for Shown {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Shown {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

fn shown(batch: &RecordBatch, row: usize, privacy: Privacy) -> Shown {
    let (mut values, mut key) = (serde_json::Map::new(), serde_json::Map::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let value = match type_of(field.data_type()) {
            Some(ty) => value_at(&as_type(column, &ty), row, &ty),
            None => crate::hir::Value::Null,
        };
        // Sorted by what is there, shown by what may be seen.
        if let Some(json) = show::json(&value, Privacy::Public) {
            key.insert(field.name().clone(), json);
        }
        if let Some(json) = show::json(&value, privacy) {
            values.insert(field.name().clone(), json);
        }
    }
    Shown { text: serde_json::Value::Object(key).to_string(), values }
}

/// Why a query ended early: because of the data, in our words, or because of the world.
fn stopped(error: &DataFusionError) -> Result<String, NotOpened> {
    Ok(match error.find_root() {
        DataFusionError::External(e) => match e.downcast_ref::<Failed>() {
            Some(Failed(fault)) => return Err(fault.clone().into()),
            None => "the query could not be computed".to_string(),
        },
        DataFusionError::ResourcesExhausted(_) => {
            let fault = Fault::usage("a rule in SQL needs more memory than it may have");
            return Err(fault.with_help("give more with `--memory`").into());
        }
        DataFusionError::ObjectStore(e) => return Err(crate::engine::sources::storage(e, "a file of a query").into()),
        DataFusionError::ArrowError(e, _) => match &**e {
            ArrowError::DivideByZero => "division by zero in the query".to_string(),
            ArrowError::ArithmeticOverflow(_) => "overflow in the query".to_string(),
            ArrowError::CastError(_) => "a value that the query casts cannot be cast".to_string(),
            ArrowError::ParseError(_) => "a text that the query reads cannot be read".to_string(),
            _ => "the query could not be computed".to_string(),
        },
        _ => "the query could not be computed".to_string(),
    })
}
