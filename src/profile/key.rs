//! Which columns tell rows apart.

use std::collections::HashSet;

use super::observe::{Column, Observed};

/// Columns that a key of several may be of, the first ones; a search among all would not end.
const AMONG: usize = 12;
/// Columns in such a key.
const MOST: usize = 4;
/// Fewer rows say nothing of a key of several columns.
const ROWS: usize = 50;

/// The one column that is the key, by position.
pub fn single(observed: &Observed) -> Option<usize> {
    let fits = |c: &Column| c.nulls == 0 && c.tells_apart() && c.is_unique() && !c.folder;
    let found: Vec<usize> = (0..observed.columns.len()).filter(|i| fits(&observed.columns[*i])).collect();
    let named = |i: &&usize| {
        let name = observed.columns[**i].name.to_lowercase();
        ["id", "key", "code", "no", "number"].iter().any(|w| name == *w || name.ends_with(&format!("_{w}"))) || name.ends_with("id")
    };
    found.iter().find(named).or(found.first()).copied()
}

/// Sets of columns that tell the first rows apart, the smallest sets first; whether all rows, is not said.
pub fn several(observed: &Observed) -> Vec<Vec<usize>> {
    let fits = |c: &Column| c.nulls == 0 && c.tells_apart() && c.some.len() > 1 && !c.folder;
    let among: Vec<usize> = (0..observed.columns.len()).filter(|i| fits(&observed.columns[*i])).take(AMONG).collect();
    let rows = among.first().map_or(0, |i| observed.columns[*i].first.len());
    if rows < ROWS {
        return Vec::new();
    }
    let mut found: Vec<Vec<usize>> = Vec::new();
    for size in 2..=MOST {
        let mut sets = Vec::new();
        choose(&among, size, &mut Vec::new(), &mut sets);
        for set in sets {
            if apart(observed, &set, rows) {
                found.push(set);
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}

fn choose(from: &[usize], size: usize, chosen: &mut Vec<usize>, into: &mut Vec<Vec<usize>>) {
    if chosen.len() == size {
        into.push(chosen.clone());
        return;
    }
    for (at, column) in from.iter().enumerate() {
        chosen.push(*column);
        choose(&from[at + 1..], size, chosen, into);
        chosen.pop();
    }
}

fn apart(observed: &Observed, set: &[usize], rows: usize) -> bool {
    let mut seen = HashSet::with_capacity(rows);
    (0..rows).all(|row| {
        let code = set.iter().fold(0u64, |all, i| {
            (all ^ observed.columns[*i].first[row]).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
        });
        seen.insert(code)
    })
}
