//! Rows by the value of a column that has few: how many there are of each, and how many of those break a rule.

use std::collections::HashMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int8Type, Int16Type, Int32Type, Int64Type};

use super::{Part, association};
use crate::engine::expr::Computed;
use crate::hir::Type;

/// Of more values a column would be a list, and no picture.
const MOST_VALUES: usize = 40;

/// The rows that break a rule, by the value of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Segments {
    pub column: String,
    /// Most broken rows first.
    pub parts: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// `None` is null.
    pub value: Option<String>,
    pub rows: u64,
    pub broken: u64,
}

impl Segments {
    /// From 0, where the rule is broken as often whatever the value, to 1.
    pub fn association(&self) -> f64 {
        association(self.parts.iter().map(|part| (part.rows, part.broken)))
    }
}

pub fn can_group(ty: &Type) -> bool {
    ty.is_integer() || matches!(ty, Type::Boolean | Type::String)
}

/// Counts by value, as long as there are few.
pub struct Groups {
    rules: usize,
    places: HashMap<String, usize>,
    null: Option<usize>,
    rows: Vec<u64>,
    /// By value, then by rule.
    broken: Vec<Vec<u64>>,
    too_many: bool,
}

impl Groups {
    pub fn new(rules: usize) -> Self {
        Self { rules, places: HashMap::new(), null: None, rows: Vec::new(), broken: Vec::new(), too_many: false }
    }

    pub fn add(&mut self, ty: &Type, values: &Computed, part: &Part<'_>) {
        if self.too_many {
            return;
        }
        let mut places = Vec::with_capacity(part.rows);
        let mut text = String::new();
        for row in 0..part.rows {
            let place = match read(ty, values, row, &mut text) {
                false => *self.null.get_or_insert(self.rows.len()),
                true => match self.places.get(&text) {
                    Some(place) => *place,
                    None => {
                        self.places.insert(text.clone(), self.rows.len());
                        self.rows.len()
                    }
                },
            };
            if place == self.rows.len() {
                self.rows.push(0);
                self.broken.push(vec![0; self.rules]);
            }
            self.rows[place] += 1;
            places.push(place);
            if self.rows.len() > MOST_VALUES {
                self.too_many = true;
                return;
            }
        }
        for (rule, rows) in part.broken.iter().enumerate() {
            for row in rows {
                self.broken[places[*row]][rule] += 1;
            }
        }
    }

    /// Of a rule; `None` where there are too many values, or only one.
    pub fn segments(&self, column: &str, rule: usize) -> Option<Segments> {
        if self.too_many || self.rows.len() < 2 {
            return None;
        }
        let named = self.places.iter().map(|(value, place)| (Some(value.clone()), *place));
        let all = named.chain(self.null.map(|place| (None, place)));
        let part = |(value, place): (Option<String>, usize)| Segment {
            value,
            rows: self.rows[place],
            broken: self.broken[place][rule],
        };
        let mut parts: Vec<Segment> = all.map(part).collect();
        parts.sort_by(|a, b| (b.broken, b.rows, &a.value).cmp(&(a.broken, a.rows, &b.value)));
        Some(Segments { column: column.to_string(), parts })
    }
}

/// Writes the row's value into `text`; false where there is none.
fn read(ty: &Type, values: &Computed, row: usize, text: &mut String) -> bool {
    let (array, at) = (&values.values, values.at(row));
    if values.error(row) != 0 || array.is_null(at) {
        return false;
    }
    text.clear();
    let number = match ty {
        Type::Boolean => {
            text.push_str(if array.as_boolean().value(at) { "true" } else { "false" });
            return true;
        }
        Type::String => {
            text.push_str(array.as_string_view().value(at));
            return true;
        }
        Type::TinyInt => i64::from(array.as_primitive::<Int8Type>().value(at)),
        Type::SmallInt => i64::from(array.as_primitive::<Int16Type>().value(at)),
        Type::Int => i64::from(array.as_primitive::<Int32Type>().value(at)),
        Type::BigInt => array.as_primitive::<Int64Type>().value(at),
        _ => return false,
    };
    text.push_str(&number.to_string());
    true
}
