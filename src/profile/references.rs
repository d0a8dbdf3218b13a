//! Columns whose values are all keys of another dataset.

use super::observe::{Column, Observed};
use crate::hir::Type;

/// A column, by position, refers to a column of a dataset.
#[derive(Clone)]
pub struct Reference {
    pub column: usize,
    pub dataset: String,
    pub target: String,
}

/// For each dataset what it may refer to, as far as some of the values show.
pub fn find(all: &[Observed]) -> Vec<Vec<Reference>> {
    all.iter().enumerate().map(|(at, own)| of_one(all, at, own)).collect()
}

fn of_one(all: &[Observed], at: usize, own: &Observed) -> Vec<Reference> {
    let mut found = Vec::new();
    for (column, values) in own.columns.iter().enumerate() {
        let mut best: Option<(bool, usize, Reference)> = None;
        for (other, target) in all.iter().enumerate().filter(|(other, t)| *other != at && t.dataset != own.dataset) {
            for key in target.columns.iter().filter(|key| refers(values, key, &target.dataset)) {
                // Of two that hold the same values the later one refers to the earlier.
                let mutual = values.is_unique() && refers(key, values, &own.dataset);
                if mutual && other > at {
                    continue;
                }
                let same = key.name.eq_ignore_ascii_case(&values.name);
                let size = key.distinct.as_ref().map_or(0, |d| d.len());
                let better = best.as_ref().is_none_or(|(s, n, _)| (same, std::cmp::Reverse(size)) > (*s, std::cmp::Reverse(*n)));
                if better {
                    let reference = Reference { column, dataset: target.dataset.clone(), target: key.name.clone() };
                    best = Some((same, size, reference));
                }
            }
        }
        found.extend(best.map(|(_, _, reference)| reference));
    }
    found
}

/// Whether the values that were kept are all among the keys. Whole numbers are so by chance: their names must agree too.
fn refers(values: &Column, key: &Column, dataset: &str) -> bool {
    let Some(keys) = &key.distinct else { return false };
    let both = |is: fn(&Type) -> bool| is(&values.ty) && is(&key.ty);
    let alike = both(|ty| *ty == Type::String) || both(Type::is_integer) && named_alike(&values.name, &key.name, dataset);
    alike && values.some.len() > 1 && keys.len() > 1 && values.some.is_subset(keys)
}

/// `customer_id`, `customer` or `id` for `id` of `silver.customers`.
fn named_alike(column: &str, key: &str, dataset: &str) -> bool {
    let (column, key) = (column.to_lowercase(), key.to_lowercase());
    let table = dataset.rsplit('.').next().unwrap_or(dataset).to_lowercase();
    let one = table.strip_suffix("ies").map(|t| format!("{t}y")).or(table.strip_suffix('s').map(str::to_owned));
    column == key && key != "id" || [Some(table), one].into_iter().flatten().any(|t| column.starts_with(&t) || column.contains(&format!("_{t}")))
}
