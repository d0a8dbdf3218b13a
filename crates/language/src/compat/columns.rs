//! Columns that come, go, change their name, their type or their rights.

use std::cmp::Ordering;

use super::{Change, Pair, errors};
use crate::check::facts::keeps_value;
use crate::hir::{Contract, OtherColumns};

pub fn compare(pair: &Pair, before: &Contract, changes: &mut Vec<Change>) {
    let (old, new) = (pair.before, pair.contract);
    for column in &new.columns {
        match old.column(&column.name) {
            None if column.nullable => changes.push(errors::column_added(new, column)),
            None => changes.push(errors::required_column_added(new, column)),
            Some(was) if was.ty != column.ty => {
                if !keeps_value(&was.ty, &column.ty) {
                    changes.push(errors::type_refuses(new, column, &was.ty));
                }
                if !keeps_value(&column.ty, &was.ty) {
                    changes.push(errors::type_surprises(new, column, &was.ty));
                }
            }
            Some(_) => {}
        }
        let renamed =
            column.was.as_deref().filter(|was| before.column(was).is_some() && before.column(&column.name).is_none());
        if let Some(was) = renamed {
            changes.extend(errors::column_renamed(new, column, was));
        }
        if old.column(&column.name).is_some() {
            let was = pair.old.privacy(&before.dataset, renamed.unwrap_or(&column.name));
            let now = pair.new.privacy(&new.dataset, &column.name);
            match now.cmp(&was) {
                Ordering::Greater => changes.push(errors::more_private(new, column, was, now)),
                Ordering::Less => changes.push(errors::less_private(new, column, was, now)),
                Ordering::Equal => {}
            }
        }
    }
    for column in old.columns.iter().filter(|c| new.column(&c.name).is_none()) {
        changes.push(errors::column_gone(old, new, &column.name));
        if new.other == OtherColumns::Forbidden {
            changes.push(errors::column_now_forbidden(old, new, &column.name));
        }
    }
    if old.other != new.other && new.other == OtherColumns::Forbidden {
        changes.push(errors::others_forbidden(new));
    }
    if old.other != new.other && old.other == OtherColumns::Kept {
        changes.push(errors::others_not_kept(new));
    }
}
