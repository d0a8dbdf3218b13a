//! Files that hold the same columns in the same types are scanned together. A layout says where each declared column
//! is found in its files, and which columns are extra.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::SchemaRef;

use super::{Opened, schema};
use crate::engine::expr::{Computed, Program};
use crate::engine::types::{array_of, arrow_type};
use crate::hir::{Type, Value};
use crate::ir::SourceColumn;

/// Files of one schema.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Positions in [`Opened::files`].
    pub files: Vec<usize>,
    pub schema: SchemaRef,
    /// For each declared column where it is found.
    pub columns: Vec<Found>,
    /// Positions in `schema` of the columns that are not declared.
    pub extra: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// At this position in the schema.
    At(usize),
    /// In the names of folders, as the file's partition entry of this name.
    Folder(String),
    Missing,
}

/// Groups files by what they hold.
pub fn layouts(opened: &Opened, declared: &[SourceColumn]) -> Vec<Layout> {
    let mut layouts: Vec<Layout> = Vec::new();
    for (i, file) in opened.files.iter().enumerate() {
        let folders: Vec<&String> = file.input.partition.iter().map(|(key, _)| key).collect();
        let columns: Vec<Found> = declared.iter().map(|c| find(&file.schema, &folders, &c.name)).collect();
        match layouts.iter_mut().find(|l| l.schema == file.schema && l.columns == columns) {
            Some(layout) => layout.files.push(i),
            None => {
                let extra = (0..file.schema.fields().len()).filter(|i| !columns.contains(&Found::At(*i))).collect();
                layouts.push(Layout { files: vec![i], schema: Arc::clone(&file.schema), columns, extra });
            }
        }
    }
    layouts
}

impl Layout {
    /// Where a declared column stands in `schema`, if it is a column of the files.
    pub fn position(&self, declared: usize) -> Option<usize> {
        match self.columns.get(declared)? {
            Found::At(position) => Some(*position),
            Found::Folder(_) | Found::Missing => None,
        }
    }
}

/// Names are found whatever their case; the exact one is preferred.
fn find(schema: &SchemaRef, folders: &[&String], name: &str) -> Found {
    let fields = schema.fields();
    let same = |n: &str| n.to_lowercase() == name.to_lowercase();
    let exact = fields.iter().position(|f| f.name() == name);
    if let Some(i) = exact.or_else(|| fields.iter().position(|f| same(f.name()))) {
        return Found::At(i);
    }
    folders.iter().find(|f| same(f)).map_or(Found::Missing, |f| Found::Folder((*f).clone()))
}

/// What is wrong with a declared column in a layout's files, in words that follow the column's name.
pub fn problem(opened: &Opened, layout: &Layout, position: usize, declared: &SourceColumn) -> Option<String> {
    let file = layout.files.first().and_then(|f| opened.files.get(*f)).map_or("", |f| f.input.path.as_str());
    match layout.columns.get(position)? {
        Found::Folder(_) => None,
        Found::Missing if declared.nullable => None,
        Found::Missing => Some(format!("is missing in `{file}`")),
        Found::At(i) => {
            let held = layout.schema.field(*i).data_type();
            let Some(ty) = schema::type_of(held) else {
                return Some(format!("in `{file}` has a type that contracts do not know"));
            };
            let wider = if schema::wider(&ty, &declared.ty) { ", which is wider than" } else { ", not" };
            (!schema::readable(&ty, &declared.ty)).then(|| format!("in `{file}` is {ty}{wider} {}", declared.ty))
        }
    }
}

/// Takes the declared columns out of the batches of a scan.
#[derive(Clone, Debug)]
pub struct Reader {
    /// For each declared column; `None` where nothing reads it.
    columns: Vec<Option<Take>>,
}

#[derive(Clone, Debug)]
enum Take {
    /// The scan's column of this position.
    Column(usize, Type),
    /// One constant a file, by the file's position in the input.
    Folder(Arc<Vec<Value>>, Type),
    Null(Type),
}

impl Reader {
    /// A reader of the `wanted` declared columns; gives the positions in the layout's schema to be scanned.
    pub fn new(opened: &Opened, layout: &Layout, declared: &[SourceColumn], wanted: &[bool]) -> (Self, Vec<usize>) {
        let mut scanned = Vec::new();
        let mut columns = Vec::with_capacity(declared.len());
        for (i, column) in declared.iter().enumerate() {
            if !wanted.get(i).copied().unwrap_or(false) {
                columns.push(None);
                continue;
            }
            columns.push(Some(match &layout.columns[i] {
                Found::At(position) => {
                    scanned.push(*position);
                    Take::Column(scanned.len() - 1, column.ty.clone())
                }
                Found::Folder(key) => {
                    let value = |file: &super::SourceFile| {
                        let text = file.input.partition.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
                        folder_value(text, &column.ty)
                    };
                    Take::Folder(Arc::new(opened.files.iter().map(value).collect()), column.ty.clone())
                }
                Found::Missing => Take::Null(column.ty.clone()),
            }));
        }
        (Self { columns }, scanned)
    }

    /// The value that the folders of `file` give a declared column.
    pub fn of_folder(opened: &Opened, layout: &Layout, declared: &[SourceColumn], column: usize, file: usize) -> Computed {
        let ty = &declared[column].ty;
        let value = match &layout.columns[column] {
            Found::Folder(key) => {
                let text = opened.files[file].input.partition.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
                folder_value(text, ty)
            }
            _ => Value::Null,
        };
        Computed { values: array_of(ty, &[value]), constant: true, errors: None }
    }

    /// The declared columns of a batch of `file`; those that nothing reads are null.
    pub fn read(&self, batch: &RecordBatch, file: usize) -> Vec<Computed> {
        self.take(batch, file, as_type)
    }

    /// The same, but columns as the scan gives them: a frame brings into their type what it looks into.
    pub fn read_as_scanned(&self, batch: &RecordBatch, file: usize) -> Vec<Computed> {
        self.take(batch, file, |column, _| Arc::clone(column))
    }

    fn take(&self, batch: &RecordBatch, file: usize, column: impl Fn(&ArrayRef, &Type) -> ArrayRef) -> Vec<Computed> {
        let constant = |values: ArrayRef| Computed { values, constant: true, errors: None };
        let read = |take: &Option<Take>| match take {
            None => constant(new_null_array(&arrow::datatypes::DataType::Null, 1)),
            Some(Take::Column(i, ty)) => Computed::new(column(batch.column(*i), ty)),
            Some(Take::Folder(values, ty)) => {
                constant(array_of(ty, std::slice::from_ref(values.get(file).unwrap_or(&Value::Null))))
            }
            Some(Take::Null(ty)) => constant(new_null_array(&arrow_type(ty), 1)),
        };
        self.columns.iter().map(read).collect()
    }
}

/// The value of a `key=value` folder; Hive writes null as `__HIVE_DEFAULT_PARTITION__`.
fn folder_value(text: Option<&str>, ty: &Type) -> Value {
    match text {
        None | Some("__HIVE_DEFAULT_PARTITION__") => Value::Null,
        Some(text) => {
            let text = Computed {
                values: array_of(&Type::String, &[Value::String(text.to_string())]),
                constant: true,
                errors: None,
            };
            let cast = Program::new(0).cast_now(text, &Type::String, ty);
            crate::engine::types::value_at(&cast.values, 0, ty)
        }
    }
}

/// The column in the physical type of its declared one; the schema has been checked, so that nothing is lost.
pub fn as_type(column: &ArrayRef, ty: &Type) -> ArrayRef {
    let target = arrow_type(ty);
    if column.data_type() == &target {
        return Arc::clone(column);
    }
    // Texts are read as the language reads them.
    if column.data_type() == &arrow::datatypes::DataType::Utf8View {
        return Program::new(0).cast_now(Computed::new(Arc::clone(column)), &Type::String, ty).values;
    }
    let options = CastOptions { safe: true, ..CastOptions::default() };
    cast_with_options(column, &target, &options).unwrap_or_else(|_| new_null_array(&target, column.len()))
}
