//! Rules that look at a past of which nothing is kept, because it would tell what not everybody may see.

use super::errors;
use crate::diagnostics::Diagnostic;
use crate::hir::{Contract, Expr, ExprKind, Privacy, RuleKind, Rows, privacy};

pub fn is_kept(contract: &Contract, found: &mut Vec<Diagnostic>) {
    // Those of other datasets are not known here.
    let columns = |rows: &Rows, name: &str| match rows {
        Rows::Dataset(_) | Rows::Source => Privacy::Public,
        _ => contract.column(name).map(|c| c.privacy).unwrap_or_default(),
    };
    for rule in &contract.rules {
        let RuleKind::Aggregate { condition, .. } = &rule.kind else { continue };
        let mut parts: Vec<&Expr> = Vec::new();
        condition.visit(&mut |e| {
            if matches!(e.kind, ExprKind::History { .. } | ExprKind::Drift { .. }) {
                parts.push(e);
            }
        });
        let hidden = parts.into_iter().find_map(|e| privacy::never_kept(e, rule.for_each.as_ref(), &columns));
        if let Some((of, privacy)) = hidden {
            found.push(errors::past_not_kept(rule, of, privacy));
        }
    }
}
