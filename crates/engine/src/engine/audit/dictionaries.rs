//! Checks of one column that a dictionary holds: each distinct value is judged once, however many rows have it.

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::concat;
use arrow::datatypes::Int32Type;

use super::worker::{Verdict, masks};
use crate::engine::compile::{Check, Judgement, Test};
use crate::engine::expr::{Computed, Frame};
use crate::engine::sources::layout::as_type;
use crate::hir::Type;

/// What a partition knows of the dictionaries that it met last.
#[derive(Default)]
pub struct Dictionaries {
    /// For each check the one column that it reads.
    columns: Vec<Option<usize>>,
    /// For each check.
    known: Vec<Option<Known>>,
}

struct Known {
    /// Held, so that no other dictionary can stand at its address.
    values: ArrayRef,
    /// Of each value, then of null.
    says: Vec<Says>,
    /// Whether no value breaks the check, and every one counts.
    sound: bool,
}

/// How a row with a value counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Sound,
    Broken,
    Unknown,
    /// `when` is not met.
    Excluded,
}

impl Dictionaries {
    pub fn new(judgement: &Judgement) -> Self {
        let column = |check: &Check| {
            let mut reads = judgement.program.inputs_of(check.nodes()).into_iter();
            let condition = matches!(check.test, Test::Condition(_));
            reads.next().filter(|_| condition && reads.next().is_none())
        };
        let columns: Vec<Option<usize>> = judgement.checks.iter().map(column).collect();
        Self { known: columns.iter().map(|_| None).collect(), columns }
    }

    /// The verdict on a batch; `None` where the check's column is in no dictionary.
    pub fn judge(&mut self, judgement: &Judgement, check: usize, inputs: &[Computed], rows: usize) -> Option<Verdict> {
        let input = (*self.columns.get(check)?)?;
        let column = inputs.get(input).filter(|c| !c.constant)?;
        let dictionary = column.values.as_dictionary_opt::<Int32Type>()?;
        let values = dictionary.values();
        let slot = self.known.get_mut(check)?;
        if !slot.as_ref().is_some_and(|known| same(&known.values, values)) {
            *slot = Some(Known::new(judgement, &judgement.checks[check], input, inputs.len(), values)?);
        }
        slot.as_ref().map(|known| known.verdict(dictionary, rows))
    }
}

/// Whether two dictionaries are one and the same in memory.
fn same(a: &ArrayRef, b: &ArrayRef) -> bool {
    match (a.as_string_opt::<i32>(), b.as_string_opt::<i32>()) {
        (Some(a), Some(b)) => {
            a.len() == b.len()
                && std::ptr::eq(a.value_data().as_ptr(), b.value_data().as_ptr())
                && std::ptr::eq(a.value_offsets().as_ptr(), b.value_offsets().as_ptr())
        }
        _ => false,
    }
}

impl Known {
    fn new(judgement: &Judgement, check: &Check, input: usize, inputs: usize, values: &ArrayRef) -> Option<Self> {
        // Without a null of its own, so that the last entry alone is null.
        if values.null_count() > 0 || values.as_string_opt::<i32>().is_none() {
            return None;
        }
        let entries = as_type(values, &Type::String);
        let entries = concat(&[&entries, &new_null_array(entries.data_type(), 1)]).ok()?;
        let rows = entries.len();
        let other = Computed { values: new_null_array(&arrow::datatypes::DataType::Null, 1), constant: true, errors: None };
        let mut columns = vec![other; inputs];
        columns[input] = Computed::new(entries);
        let mut frame = Frame::new(&judgement.program, rows, &columns);
        let masks = masks(&mut frame, check);
        let is = |mask: &Option<BooleanBuffer>, row: usize, without: bool| mask.as_ref().map_or(without, |m| m.value(row));
        let says: Vec<Says> = (0..rows)
            .map(|row| match (is(&masks.broken, row, false), is(&masks.unknown, row, false), is(&masks.judged, row, true)) {
                (true, ..) => Says::Broken,
                (_, true, _) => Says::Unknown,
                (.., false) => Says::Excluded,
                _ => Says::Sound,
            })
            .collect();
        let sound = says[..rows - 1].iter().all(|s| *s == Says::Sound);
        Some(Self { values: ArrayRef::clone(values), says, sound })
    }

    fn verdict(&self, column: &DictionaryArray<Int32Type>, rows: usize) -> Verdict {
        let nulls = column.null_count();
        let null = self.says[self.says.len() - 1];
        if self.sound && (nulls == 0 || null != Says::Broken) {
            let (rows, nulls) = (rows as u64, nulls as u64);
            let (checked, unknown) = match null {
                Says::Unknown => (rows - nulls, nulls),
                Says::Excluded => (rows - nulls, 0),
                _ => (rows, 0),
            };
            return Verdict { broken: None, checked, unknown };
        }
        let keys = column.keys();
        let last = self.says.len() - 1;
        let at = |row: usize| {
            let there = keys.is_valid(row);
            self.says[if there { usize::try_from(keys.value(row)).unwrap_or(last).min(last) } else { last }]
        };
        let (mut unknown, mut excluded) = (0, 0);
        let broken = BooleanBuffer::collect_bool(rows, |row| {
            let says = at(row);
            unknown += u64::from(says == Says::Unknown);
            excluded += u64::from(says == Says::Excluded);
            says == Says::Broken
        });
        Verdict { broken: Some(broken), checked: rows as u64 - unknown - excluded, unknown }
    }
}
