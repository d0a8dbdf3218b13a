//! What fills a dataset, and where it lives.

use super::{Change, Effect, Pair, batch, errors};
use crate::check::facts::{key, replace_columns};
use crate::hir::{BatchBy, Expr, Mapping, Promotion, Type, Write};
use crate::source::Span;

pub fn compare(pair: &Pair, changes: &mut Vec<Change>) {
    place(pair, changes);
    let (before, now) = (pair.old.promotion_to(&pair.contract.dataset), pair.new.promotion_to(&pair.contract.dataset));
    match (before, now) {
        (Some(was), Some(now)) => promotion(pair, was, now, changes),
        (Some(was), None) => changes.push(errors::promotion_gone(pair.contract, was)),
        (None, _) => {}
    }
}

fn place(pair: &Pair, changes: &mut Vec<Change>) {
    let said = |at: &Option<String>, format: &Option<String>| {
        let at = at.as_ref().map_or("at its usual place".to_owned(), |at| format!("at \"{at}\""));
        format.as_ref().map_or(at.clone(), |format| format!("{at} as {format}"))
    };
    let (old, new) = (pair.before, pair.contract);
    if (&old.at, &old.format) != (&new.at, &new.format) {
        // What no promotion fills is delivered by others.
        let delivered = pair.new.promotion_to(&new.dataset).is_none();
        changes.push(errors::lives_elsewhere(
            new,
            &said(&old.at, &old.format),
            &said(&new.at, &new.format),
            delivered,
        ));
    }
}

fn promotion(pair: &Pair, was: &Promotion, now: &Promotion, changes: &mut Vec<Change>) {
    let contract = pair.contract;
    if was.from != now.from {
        changes.push(errors::source_changed(contract, now, was));
        return;
    }
    let effect = match (&was.write, &now.write) {
        (Write::Merge { by: a }, Write::Merge { by: b }) if a.as_ref().map(key) != b.as_ref().map(key) => {
            Some(Effect::Undecided)
        }
        (a, b) if a.name() == b.name() => None,
        (Write::Append, _) => Some(Effect::BreaksConsumers),
        (_, Write::Append) => Some(Effect::BreaksProducers),
        _ => Some(Effect::Undecided),
    };
    changes.extend(effect.map(|effect| errors::write_changed(contract, now, was.write.name(), effect)));
    if was.batches != now.batches {
        changes.push(errors::batches_changed(contract, now, &batches(&was.batches), &batches(&now.batches)));
    }
    for mapping in &now.mappings {
        let Some(before) = was.mappings.iter().find(|m| m.column == mapping.column) else { continue };
        if key(&before.value) != key(&mapping.value) && !renamed(pair, now, before, mapping) {
            let span = Some(mapping.value.span).filter(|s| *s != Span::default() && mapping.written);
            changes.push(errors::mapping_changed(contract, &mapping.column, span.unwrap_or(now.head)));
        }
    }
    batch::compare_rules(pair, &was.rules, &now.rules, changes);
}

/// Whether the two differ only by names that the source has given its columns.
fn renamed(pair: &Pair, now: &Promotion, before: &Mapping, mapping: &Mapping) -> bool {
    let Some(source) = pair.new.contract(&now.from) else { return false };
    let new_name = |old: &str| source.columns.iter().find(|c| c.was.as_deref() == Some(old)).map(|c| c.name.clone());
    let replaced = replace_columns(&before.value, &|name| {
        let ty = source.columns.iter().find(|c| c.name == name).map_or(Type::Error, |c| c.ty.clone());
        Some(Expr::column(new_name(name).unwrap_or_else(|| name.to_owned()), ty, true, Span::default()))
    });
    replaced.is_some_and(|old| key(&old) == key(&mapping.value))
}

fn batches(by: &BatchBy) -> String {
    match by {
        BatchBy::Folder(name) => format!("folders of `{name}`"),
        BatchBy::File => "single files".to_owned(),
        BatchBy::Version => "versions of the source".to_owned(),
        BatchBy::Whole => "all of the source".to_owned(),
    }
}
