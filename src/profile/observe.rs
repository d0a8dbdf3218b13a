//! One scan over all columns: what their values are like.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::Array as _;
use futures::StreamExt;

use super::Given;
use super::shape::Shapes;
use crate::diagnostics::paint::visible;
use crate::engine::sources::schema::{readable, type_of};
use crate::engine::sources::{NotOpened, Opened, Session, open};
use crate::engine::tables::of_files;
use crate::engine::types::value_at;
use crate::eval::value::{exact, is_nan, order};
use crate::fault::Fault;
use crate::hir::{Type, Value};

/// So many different values of a column are kept.
pub const SOME: usize = 1000;
/// So many different values of a column are told apart by hashes, to find keys and what refers to them.
const MANY: usize = 4_000_000;
/// So many rows, the first, are kept to look for keys of several columns.
pub const FIRST: usize = 20_000;

pub struct Observed {
    pub dataset: String,
    /// As people know it.
    pub shown: String,
    pub rows: u64,
    pub files: usize,
    pub columns: Vec<Column>,
    /// Names of columns that no contract can write: something in them would act instead of being seen.
    pub left_out: Vec<String>,
}

pub struct Column {
    pub name: String,
    pub ty: Type,
    /// In the names of folders, not in the files.
    pub folder: bool,
    pub nulls: u64,
    pub nans: u64,
    pub low: Option<Value>,
    pub high: Option<Value>,
    /// Different values and how often they occur; `None` where there are more than [`SOME`].
    pub values: Option<HashMap<u64, (Value, u64)>>,
    /// Hashes of all values while none came twice.
    pub distinct: Option<HashSet<u64>>,
    /// Hashes of some values.
    pub some: HashSet<u64>,
    /// The hash of each of the first rows' values.
    pub first: Vec<u64>,
    pub shapes: Shapes,
}

impl Column {
    fn new(name: String, ty: Type, folder: bool) -> Self {
        Self {
            name,
            ty,
            folder,
            nulls: 0,
            nans: 0,
            low: None,
            high: None,
            values: Some(HashMap::new()),
            distinct: Some(HashSet::new()),
            some: HashSet::new(),
            first: Vec::new(),
            shapes: Shapes::default(),
        }
    }

    fn take(&mut self, value: Value) {
        let code = code_of(&value);
        if self.first.len() < FIRST {
            self.first.push(code);
        }
        match &value {
            Value::Null => {
                self.nulls += 1;
                return;
            }
            other if is_nan(other) => {
                self.nans += 1;
                return;
            }
            Value::String(text) => self.shapes.take(text),
            Value::Array(_) | Value::Map(_) | Value::Struct(_) | Value::Binary(_) => {
                (self.values, self.distinct) = (None, None);
                return;
            }
            _ => {}
        }
        if self.low.as_ref().is_none_or(|low| order(&value, low).is_lt()) {
            self.low = Some(value.clone());
        }
        if self.high.as_ref().is_none_or(|high| order(&value, high).is_gt()) {
            self.high = Some(value.clone());
        }
        if let Some(distinct) = &mut self.distinct
            && (!distinct.insert(code) || distinct.len() > MANY)
        {
            self.distinct = None;
        }
        if self.some.len() < SOME {
            self.some.insert(code);
        }
        if let Some(values) = &mut self.values {
            values.entry(code).or_insert((value, 0)).1 += 1;
            if values.len() > SOME {
                self.values = None;
            }
        }
    }

    /// Whether rows can be told apart by it.
    pub fn tells_apart(&self) -> bool {
        matches!(
            self.ty,
            Type::String
                | Type::TinyInt
                | Type::SmallInt
                | Type::Int
                | Type::BigInt
                | Type::Date
                | Type::Timestamp
                | Type::TimestampNtz
                | Type::Decimal { scale: 0, .. }
        )
    }

    pub fn is_unique(&self) -> bool {
        self.distinct.as_ref().is_some_and(|d| d.len() > 1)
    }
}

/// A hash by which equal values are equal, whatever their numbers' types.
fn code_of(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match (value, exact(value)) {
        (_, Some((unscaled, 0))) => unscaled.hash(&mut hasher),
        (Value::String(text), _) => text.hash(&mut hasher),
        (other, _) => format!("{other:?}").hash(&mut hasher),
    }
    hasher.finish()
}

/// Reads all of the data once.
pub async fn observe(session: &Session, given: &Given) -> Result<Observed, Fault> {
    let unreadable = || Fault::storage(format!("`{}` cannot be read", given.shown));
    let opened = match open(session, &given.input).await {
        Ok(opened) => Arc::new(opened),
        Err(NotOpened::Fault(fault)) => return Err(fault),
        Err(NotOpened::Broken(reason)) => return Err(Fault::storage(reason)),
    };
    let (mut columns, left_out): (Vec<Column>, Vec<Column>) =
        columns(&opened, given)?.into_iter().partition(|c| visible(&c.name) == c.name);
    if columns.is_empty() {
        return Err(Fault::usage(format!("`{}` has no columns", given.shown)));
    }
    let declared: Vec<(String, Type)> = columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
    let wanted: Vec<usize> = (0..declared.len()).collect();
    let scan = of_files(Arc::clone(&opened), declared, 1, None);
    let mut rows = 0;
    for (plan, make) in scan(&wanted)? {
        let parts = plan.properties().partitioning.partition_count();
        for part in 0..parts {
            let mut stream = plan.execute(part, session.task()).map_err(|_| unreadable())?;
            while let Some(batch) = stream.next().await {
                let batch = make(&batch.map_err(|_| unreadable())?)?;
                rows += batch.num_rows() as u64;
                for (column, array) in columns.iter_mut().zip(batch.columns()) {
                    for row in 0..array.len() {
                        column.take(value_at(array, row, &column.ty));
                    }
                }
            }
        }
    }
    Ok(Observed {
        dataset: given.dataset.clone(),
        shown: given.shown.clone(),
        rows,
        files: opened.files.len(),
        columns,
        left_out: left_out.into_iter().map(|c| c.name).collect(),
    })
}

/// The columns of all files, each in a type in which every file can be read, then those in the names of folders.
fn columns(opened: &Opened, given: &Given) -> Result<Vec<Column>, Fault> {
    let mut found: Vec<Column> = Vec::new();
    for file in &opened.files {
        for field in file.schema.fields() {
            let Some(ty) = type_of(field.data_type()).filter(|ty| *ty != Type::Null) else { continue };
            // A type for which contracts have no word.
            if matches!(ty, Type::Time) {
                continue;
            }
            let same = |c: &&mut Column| c.name.to_lowercase() == field.name().to_lowercase();
            match found.iter_mut().find(same) {
                None => found.push(Column::new(field.name().clone(), ty, false)),
                Some(known) if readable(&ty, &known.ty) => {}
                Some(known) if readable(&known.ty, &ty) => known.ty = ty,
                Some(known) => {
                    let message = format!("the files of `{}` disagree: `{}` is {} and {ty}", given.shown, visible(&known.name), known.ty);
                    return Err(Fault::usage(message).with_help("profile the files apart, or mend those that differ"));
                }
            }
        }
    }
    for (key, _) in opened.files.iter().flat_map(|file| &file.input.partition) {
        if !found.iter().any(|c| c.name.to_lowercase() == key.to_lowercase()) {
            found.push(Column::new(key.clone(), Type::String, true));
        }
    }
    Ok(found)
}
