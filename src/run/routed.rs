//! The rows of a batch once it is settled which of them are held back: read again by what judges them as a whole.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::StreamExt;

use super::scan::Batch;
use super::{Job, prepare};
use crate::engine::audit::{self, Pass};
use crate::engine::compile::Judgement;
use crate::engine::keys;
use crate::engine::references::KeySet;
use crate::engine::sink::Discard;
use crate::engine::sources::Session;
use crate::engine::sources::layout::Reader;
use crate::engine::tables::{Keep, Make, Scan, batch_of, filter};
use crate::engine::types::arrow_type;
use crate::engine::unique::Mode;
use crate::fault::Fault;
use crate::hir::{ExprKind, Type, Write};
use crate::ir::{Plan, SourceColumn};

/// What decides the way of every row.
pub struct Routed {
    pub plan: Arc<Plan>,
    pub as_of: i64,
    pub unjudged: BTreeMap<usize, String>,
    pub holds: Vec<bool>,
    /// For each reference of the judgement.
    pub keys: Vec<Option<Arc<KeySet>>>,
    /// For each unique rule, with the rows that break it.
    pub modes: Vec<Mode>,
    pub partitions: usize,
    /// Where the batch is merged into the target.
    pub merged: Option<Arc<Merged>>,
}

impl Routed {
    /// The judged columns of the rows that would be published; of `all` rows those that arrived.
    pub fn scan(&self, batch: &Batch<'_>, all: bool) -> Result<Scan, Fault> {
        self.scan_named(batch, all, false)
    }

    /// With the `names` of the rows as a last column.
    pub fn scan_named(&self, batch: &Batch<'_>, all: bool, names_too: bool) -> Result<Scan, Fault> {
        let (opened, layouts) = (Arc::clone(batch.opened), batch.layouts.to_vec());
        let (plan, as_of, unjudged) = (Arc::clone(&self.plan), self.as_of, self.unjudged.clone());
        let (keys, modes, partitions) = (self.keys.clone(), self.modes.clone(), self.partitions);
        let holds = if all { vec![false; self.holds.len()] } else { self.holds.clone() };
        let keep = if all { None } else { self.merged.as_ref().map(|m| m.wins()) };
        Ok(Arc::new(move |wanted| {
            let mut judgement = Judgement::new(&plan, as_of, false, &unjudged)?;
            judgement.metrics.clear();
            let mut names: Vec<(String, Type)> = wanted
                .iter()
                .filter_map(|i| plan.columns.get(*i))
                .map(|c| (c.name.clone(), c.ty.clone()))
                .collect();
            let asked = names.len();
            names.extend(keep.iter().flat_map(|k: &Keep| k.columns.iter().cloned()));
            judgement.select(&plan, names.iter().map(|(name, _)| name.as_str()))?;
            let fields = |names: &[(String, Type)], row: bool| {
                let fields = names.iter().map(|(name, ty)| Field::new(name, arrow_type(ty), true));
                let row = row.then(|| Field::new("row", DataType::UInt64, false));
                Arc::new(Schema::new(fields.chain(row).collect::<Vec<_>>()))
            };
            let (schema, outer) = (fields(&names, false), fields(&names[..asked], names_too));
            let inputs: HashSet<usize> = judgement.program.inputs().collect();
            let read: Vec<bool> = (0..plan.source.len()).map(|i| inputs.contains(&i)).collect();
            let pass = Arc::new(Pass {
                plan: Arc::clone(&plan),
                judgement: Arc::new(judgement),
                holds: holds.clone(),
                keys: keys.clone(),
                modes: modes.clone(),
                sink: Some(Arc::new(Discard)),
                watch: None,
                extra: Vec::new(),
                accepted: schema,
                held: Arc::new(Schema::new(plan.source.iter().map(|c| Field::new(&c.name, arrow_type(&c.ty), true)).collect::<Vec<_>>())),
                samples: 0,
                files: Vec::new(),
                read: AtomicU64::new(0),
                left: Default::default(),
                fault: Default::default(),
            });
            let mut plans = Vec::new();
            for layout in &layouts {
                let (reader, columns) = Reader::new(&opened, layout, &plan.source, &read);
                let parts = opened.divide(layout, partitions);
                if parts.is_empty() {
                    continue;
                }
                let scan = opened.scan(layout, &columns, &parts)?;
                let (pass, keep, outer) = (Arc::clone(&pass), keep.clone(), Arc::clone(&outer));
                let make: Make = Arc::new(move |batch| {
                    let Some((rows, named)) = audit::accepted(&pass, &reader, batch)? else {
                        return Ok(RecordBatch::new_empty(Arc::clone(&outer)));
                    };
                    let (mut arrays, count) = (rows.columns().to_vec(), rows.num_rows());
                    let keys = arrays.split_off(asked);
                    if names_too {
                        arrays.push(Arc::new(named));
                    }
                    let made = batch_of(&outer, arrays, count)?;
                    match &keep {
                        None => Ok(made),
                        Some(keep) => filter(&made, &(keep.rows)(&keys, count)),
                    }
                });
                plans.push((scan, make));
            }
            Ok(plans)
        }))
    }

    /// Reads the rows of a scan, some columns of them by their names.
    pub async fn each(
        &self,
        session: &Session,
        scan: &Scan,
        names: &[String],
        mut take: impl FnMut(&[ArrayRef], usize),
    ) -> Result<(), Fault> {
        let position = |name: &String| self.plan.columns.iter().position(|c| &c.name == name);
        let wanted: Vec<usize> = names.iter().filter_map(position).collect();
        let unreadable = |_| Fault::storage("the rows of the batch could not be read again");
        for (plan, make) in scan(&wanted)? {
            for partition in 0..plan.output_partitioning().partition_count() {
                let mut stream = plan.execute(partition, session.task()).map_err(unreadable)?;
                while let Some(batch) = stream.next().await {
                    let rows = make(&batch.map_err(unreadable)?)?;
                    take(rows.columns(), rows.num_rows());
                }
            }
        }
        Ok(())
    }
}

/// The key of a row and what decides between two of one key, as bytes that order as the values do.
type Newest = HashMap<Box<[u8]>, Box<[u8]>>;

/// Which rows of the target stay and which of the batch win, where the batch is merged into it.
pub struct Merged {
    key: Vec<(String, Type)>,
    by: Option<(String, Type)>,
    batch: Arc<Newest>,
    /// Keys for which the target has a row that is as new.
    lost: Arc<HashSet<Box<[u8]>>>,
}

impl Merged {
    /// `None` where nothing is merged, or every row of the batch remains.
    pub async fn of(
        session: &Session,
        job: &Job<'_>,
        batch: &Batch<'_>,
        routed: &Routed,
    ) -> Result<Option<Self>, Fault> {
        let plan = &routed.plan;
        let Some(Write::Merge { by }) = &plan.write else { return Ok(None) };
        if job.table.is_none() && by.is_none() {
            return Ok(None);
        }
        let named = |name: &str| plan.column(name).map(|c| (c.name.clone(), c.ty.clone()));
        let key: Vec<(String, Type)> = plan.columns.iter().filter(|c| c.key).filter_map(|c| named(&c.name)).collect();
        let by = by.as_ref().and_then(|by| if let ExprKind::Column(name) = &by.kind { named(name) } else { None });
        let mut merged = Self { key, by, batch: Arc::default(), lost: Arc::default() };
        let names: Vec<String> = merged.columns().into_iter().map(|(name, _)| name).collect();
        let mut newest = Newest::new();
        let scan = routed.scan(batch, false)?;
        routed
            .each(session, &scan, &names, |arrays, rows| {
                merged.rows_of(arrays, rows, |_, key, by| match newest.get_mut(key) {
                    Some(known) if known.as_ref() < by => *known = by.into(),
                    Some(_) => {}
                    None => drop(newest.insert(key.into(), by.into())),
                });
            })
            .await?;
        let mut lost = HashSet::new();
        if let (true, Some(table)) = (merged.by.is_some(), job.table) {
            let columns: Vec<SourceColumn> = merged.columns().into_iter().map(|(name, ty)| prepare::column(&name, ty)).collect();
            prepare::read(session, &plan.dataset, table, &columns, |arrays, rows, _| {
                merged.rows_of(arrays, rows.num_rows(), |_, key, by| {
                    // A row that is no newer changes nothing.
                    if newest.get(key).is_some_and(|new| new.as_ref() <= by) {
                        lost.insert(Box::from(key));
                    }
                });
            })
            .await?;
        }
        (merged.batch, merged.lost) = (Arc::new(newest), Arc::new(lost));
        Ok(Some(merged))
    }

    fn columns(&self) -> Vec<(String, Type)> {
        self.key.iter().chain(&self.by).cloned().collect()
    }

    fn rows_of(&self, arrays: &[ArrayRef], rows: usize, mut each: impl FnMut(usize, &[u8], &[u8])) {
        let (key, by) = arrays.split_at(self.key.len().min(arrays.len()));
        let (Some(keys), bys) = (keys::encode(key), keys::encode(by)) else { return };
        for row in 0..rows {
            let by = bys.as_ref().filter(|_| self.by.is_some()).map(|b| b.row(row));
            each(row, keys.row(row).data(), by.as_ref().map_or(&[], |b| b.data()));
        }
    }

    fn keep(&self, known: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Keep {
        Keep {
            columns: self.key.clone(),
            rows: Arc::new(move |arrays, rows| match keys::encode(arrays) {
                Some(keys) => BooleanBuffer::collect_bool(rows, |row| known(keys.row(row).data())),
                None => BooleanBuffer::new_set(rows),
            }),
        }
    }

    /// Rows of the target that the batch does not replace.
    pub fn stays(&self) -> Keep {
        let (batch, lost) = (Arc::clone(&self.batch), Arc::clone(&self.lost));
        self.keep(move |key| !batch.contains_key(key) || lost.contains(key))
    }

    /// Rows of the target whose keys the batch does not name: of a key that it names one row remains, whichever is newer.
    pub fn elsewhere(&self) -> Keep {
        let batch = Arc::clone(&self.batch);
        self.keep(move |key| !batch.contains_key(key))
    }

    /// Rows of the batch that are newer than the target's, and than the others of their key.
    pub fn wins(&self) -> Keep {
        let (batch, lost) = (Arc::clone(&self.batch), Arc::clone(&self.lost));
        let own = Self { key: self.key.clone(), by: self.by.clone(), batch: Arc::default(), lost: Arc::default() };
        Keep {
            columns: self.columns(),
            rows: Arc::new(move |arrays, rows| {
                let mut wins = BooleanBufferBuilder::new(rows);
                own.rows_of(arrays, rows, |_, key, by| {
                    wins.append(!lost.contains(key) && batch.get(key).is_none_or(|newest| newest.as_ref() <= by));
                });
                wins.append_n(rows - wins.len(), true);
                wins.finish()
            }),
        }
    }
}
