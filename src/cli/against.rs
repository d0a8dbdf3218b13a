//! `dqc check --against`: what has changed since an earlier state of the project, and whom it breaks.

use super::Context;
use super::findings::counted;
use super::revision::Earlier;
use crate::Compilation;
use crate::compat::{self, Effect};
use crate::diagnostics::{Diagnostic, Severity, Sink};
use crate::fault::Fault;
use crate::hir::{Checked, Contract, Type};
use crate::project::{CONFIG_FILE, Project, Sources};
use crate::source::{SourceFile, Span};
use crate::syntax::ast::Item;

/// Adds to `now` what has changed since `revision`; says on stderr what the comparison came to.
pub fn compare(context: &Context, project: &Project, revision: &str, now: &mut Compilation) -> Result<(), Fault> {
    let earlier = Earlier::load(project, revision)?;
    // What does not compile has lost rules, which would look like changes.
    if now.diagnostics.iter().any(is_error) {
        context.log(&format!("not compared with {revision}: the errors come first"));
        return Ok(());
    }
    let (files, unreadable) = earlier.sources.into_parts();
    if files.is_empty() {
        context.log(&format!("{revision} holds no `.dq` file of this project: there is nothing to compare with"));
        return Ok(());
    }
    let mut before = crate::compile(files, &earlier.layers);
    before.diagnostics.extend(Sources::findings(&unreadable, &before.sources));
    let (whole, odd) = parted(&before, &now.checked);
    let before = Checked { contracts: whole, ..std::mem::take(&mut before.checked) };
    // Without its text, which may hold what is not to be shown.
    let elsewhere = Span::new(now.sources.add(SourceFile::new(CONFIG_FILE, "")), 0, 0);
    let comparison = compat::compare(&before, &now.checked, context.now(), elsewhere);
    context.log(&summary(revision, &before, &now.checked, &comparison, odd.len()));
    let mut sink = Sink::default();
    sink.extend(std::mem::take(&mut now.diagnostics));
    sink.extend(comparison.diagnostics());
    sink.extend(odd);
    now.diagnostics = sink.into_sorted();
    Ok(())
}

fn is_error(finding: &Diagnostic) -> bool {
    finding.severity == Severity::Error
}

/// The contracts of the earlier state that are whole, and a finding for each of today's that stood there in pieces.
fn parted(before: &Compilation, now: &Checked) -> (Vec<Contract>, Vec<Diagnostic>) {
    let broken: Vec<&Diagnostic> = before.diagnostics.iter().filter(|d| is_error(d)).collect();
    // What others are made of: a contract elsewhere may have lost what it took from there.
    let shared = broken.iter().find(|d| {
        let file = before.files.iter().find(|f| f.id == d.primary.span.file);
        file.is_some_and(|f| {
            f.items.iter().any(|i| matches!(i, Item::Type(_) | Item::Fn(_) | Item::Rules(_) | Item::Calendar(_) | Item::Junk(_)))
                && !f.items.iter().any(|i| matches!(i, Item::Contract(_)))
        })
    });
    let why = |dataset: &str| -> Option<&&Diagnostic> {
        let contract = before.checked.contract(dataset);
        let of_file = contract.and_then(|c| broken.iter().find(|d| d.primary.span.file == c.file));
        let unknown = || contract.is_some_and(|c| c.columns.iter().any(|column| has_unknown(&column.ty)));
        // Its text may be so broken that no contract came of it.
        let named = || broken.iter().find(|d| before.sources.get(d.primary.span.file).text.contains(dataset));
        match contract {
            Some(_) => of_file.or(shared).or_else(|| unknown().then(|| broken.first()).flatten()),
            None => named(),
        }
    };
    let mut odd = Vec::new();
    for contract in &now.contracts {
        if let Some(finding) = why(&contract.dataset) {
            let at = before.sources.get(finding.primary.span.file);
            let line = at.place(finding.primary.span.start as usize).line;
            odd.push(compat::not_compared(contract, &at.path, line, &finding.message));
        }
    }
    let whole = before.checked.contracts.iter().filter(|c| why(&c.dataset).is_none()).cloned().collect();
    (whole, odd)
}

fn has_unknown(ty: &Type) -> bool {
    match ty {
        Type::Error => true,
        Type::Array { item, .. } => has_unknown(item),
        Type::Map { key, value, .. } => has_unknown(key) || has_unknown(value),
        Type::Struct(fields) => fields.iter().any(|f| has_unknown(&f.ty)),
        _ => false,
    }
}

fn summary(revision: &str, before: &Checked, now: &Checked, comparison: &compat::Comparison, odd: usize) -> String {
    let both = now.contracts.iter().filter(|c| before.contract(&c.dataset).is_some()).count();
    let new = now.contracts.len() - both - odd;
    let count = |effect: Effect| comparison.changes.iter().filter(|c| c.effect == effect).count();
    let mut parts = vec![
        (count(Effect::BreaksProducers), "breaks producers", "break producers"),
        (count(Effect::BreaksConsumers), "breaks consumers", "break consumers"),
        (count(Effect::Undecided), "is undecided", "are undecided"),
    ];
    parts.retain(|(n, ..)| *n > 0);
    let said: Vec<String> =
        parts.iter().map(|(n, one, many)| format!("{n} {}", if *n == 1 { one } else { many })).collect();
    let changes = match comparison.changes.len() {
        0 => "no change".to_owned(),
        n if said.is_empty() => format!("{}, none of which breaks anybody", counted(n, "change")),
        n => format!("{}, of which {}", counted(n, "change"), said.join(", ")),
    };
    let more = [(new, "new"), (odd, "not to be compared")].into_iter().filter(|(n, _)| *n > 0);
    let more: String = more.map(|(n, what)| format!(", {n} {what}")).collect();
    format!("against {revision}: {} compared{more}; {changes}", counted(both, "contract"))
}
