//! Row groups whose columns are passed on as they stand in their files.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::arrow::parquet_to_arrow_schema;

use super::Opened;
use super::layout::Layout;
use super::part::Part;
use crate::engine::prove::statistics::leaf;
use crate::engine::sink::{OfferedColumn, StoredColumn};
use crate::fault::Fault;

/// A row group: its file's position among the opened ones, and its number.
pub type GroupOf = (usize, usize);

/// What a scan has fetched of the files, by row groups.
#[derive(Default)]
pub struct Fetched(Mutex<HashMap<GroupOf, Vec<Part>>>);

impl Fetched {
    pub fn leave(&self, group: GroupOf, part: Part) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(group).or_default().push(part);
    }

    fn take(&self, group: GroupOf) -> Vec<Part> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&group).unwrap_or_default()
    }
}

/// The files of a layout, of which columns can be passed on.
pub struct Stored {
    opened: Arc<Opened>,
    layout: Layout,
    pub fetched: Arc<Fetched>,
    /// For each column of the accepted rows the declared column that it is, as it is.
    columns: Vec<Option<usize>>,
    /// For each file that was met, what [`Self::offered`] found.
    known: Mutex<HashMap<usize, Arc<Vec<Option<Place>>>>>,
}

/// Where a column lies in a file.
struct Place {
    leaf: usize,
    ty: arrow::datatypes::DataType,
}

impl Stored {
    pub fn new(opened: &Arc<Opened>, layout: &Layout, columns: Vec<Option<usize>>) -> Self {
        Self {
            opened: Arc::clone(opened),
            layout: layout.clone(),
            fetched: Arc::default(),
            columns,
            known: Mutex::default(),
        }
    }

    /// The row group that begins with a row of a file, and how many rows it has.
    pub fn group(&self, file: usize, row: i64) -> Option<(usize, usize)> {
        let mut first = 0;
        for (number, group) in self.opened.files.get(file)?.footer.row_groups().iter().enumerate() {
            if first == row && group.num_rows() > 0 {
                return Some((number, usize::try_from(group.num_rows()).ok()?));
            }
            first += group.num_rows();
        }
        None
    }

    /// For each column of the accepted rows how it stands in a row group.
    pub fn offered(&self, (file, group): GroupOf) -> Vec<Option<OfferedColumn>> {
        let group = self.opened.files[file].footer.row_group(group);
        let offer = |place: &Option<Place>| {
            let place = place.as_ref()?;
            Some(OfferedColumn { chunk: group.column(place.leaf).clone(), ty: place.ty.clone() })
        };
        self.places(file).iter().map(offer).collect()
    }

    fn places(&self, file: usize) -> Arc<Vec<Option<Place>>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(file).or_insert_with(|| Arc::new(self.find(file))))
    }

    fn find(&self, file: usize) -> Vec<Option<Place>> {
        let footer = &self.opened.files[file].footer;
        let schema = parquet_to_arrow_schema(footer.file_metadata().schema_descr(), None);
        let place = |column: &Option<usize>| {
            let schema = schema.as_ref().ok()?;
            let position = self.layout.position((*column)?)?;
            let root = schema.index_of(self.layout.schema.field(position).name()).ok()?;
            Some(Place { leaf: leaf(footer, root)?, ty: schema.field(root).data_type().clone() })
        };
        self.columns.iter().map(place).collect()
    }

    /// Lets go of what was fetched of a row group.
    pub fn forget(&self, group: GroupOf) {
        self.fetched.take(group);
    }

    /// Some columns of a row group; what the scan has not fetched is fetched.
    pub async fn take(&self, group: GroupOf, taken: &[bool]) -> Result<Vec<StoredColumn>, Fault> {
        let parts = self.fetched.take(group);
        let (file, number) = group;
        let places = self.places(file);
        let mut columns = Vec::new();
        for place in places.iter().zip(taken).filter(|(_, taken)| **taken).filter_map(|(place, _)| place.as_ref()) {
            let chunk = self.opened.files[file].footer.row_group(number).column(place.leaf).clone();
            let (start, length) = chunk.byte_range();
            let holds = |part: &&Part| part.start <= start && start + length <= part.start + part.bytes.len() as u64;
            let part = match parts.iter().find(holds) {
                Some(part) => part.clone(),
                None => {
                    let bytes = self.opened.ranges(file, vec![start..start + length]).await?.pop();
                    Part { start, bytes: bytes.ok_or_else(|| Fault::internal("a column was not fetched"))? }
                }
            };
            columns.push(StoredColumn { chunk, part: Arc::new(part) });
        }
        Ok(columns)
    }
}
