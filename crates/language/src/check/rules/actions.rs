//! What a violation does, and from how many on.

use crate::hir::{Above, Act, Action, Over, RuleKind};
use crate::syntax::ast;

use super::super::{Checker, errors};
use super::RuleContext;
use super::modifiers::{Modifiers, kind_in_words};

impl<'a> Checker<'a> {
    /// `else …` by itself: from the most lenient to the strictest, shares at most 100%.
    pub fn actions(&mut self, written: &ast::Else) -> Option<Vec<Action>> {
        let mut found: Vec<Action> = Vec::with_capacity(written.actions.len());
        let mut fine = true;
        for (i, action) in written.actions.iter().enumerate() {
            if let Some(before) = i.checked_sub(1).and_then(|i| written.actions.get(i))
                && before.act >= action.act
            {
                self.report(errors::actions_out_of_order(action.span, action.act, before.span, before.act));
                fine = false;
            }
            let above = action.above.map(|above| match above {
                ast::Above::Rows(n) => Above::Rows(n),
                ast::Above::Groups(n) => Above::Groups(n),
                ast::Above::Percent { percent, of_all_rows } => Above::Percent { percent, of_all_rows },
            });
            if let Some(Above::Percent { percent, .. }) = above
                && !(0.0..=100.0).contains(&percent)
            {
                self.report(errors::percent_range(action.span));
                fine = false;
            }
            found.push(Action { act: action.act, above });
        }
        (fine && !found.is_empty()).then_some(found)
    }

    pub fn the_actions_can_be_taken(
        &mut self,
        rule: &'a ast::Rule,
        kind: &RuleKind,
        over: Over,
        mods: &Modifiers<'a>,
        context: &RuleContext,
    ) -> Vec<Action> {
        let grouped = mods.for_each.is_some();
        let rows = kind.points_at_rows() && !(over == Over::Table && matches!(kind, RuleKind::Row { .. }));
        let Some(written) = mods.actions else {
            return context.actions.iter().map(|a| inherited(*a, rows, grouped)).collect();
        };
        let Some(actions) = self.actions(written) else { return context.actions.clone() };
        for (action, at) in actions.iter().zip(&written.actions) {
            if action.act == Act::Quarantine && !rows {
                self.report(errors::cannot_quarantine(at.span, kind_in_words(kind), rule.cond.span()));
                continue;
            }
            match action.above {
                Some(Above::Groups(_)) if !grouped => self.report(errors::no_groups(at.span)),
                Some(Above::Rows(_)) if grouped => self.report(errors::rows_of_groups(at.span)),
                Some(Above::Rows(_) | Above::Percent { .. }) if !rows && !grouped && !matches!(kind, RuleKind::Row { .. } | RuleKind::NoRows { .. }) => {
                    self.report(errors::one_verdict(at.span, kind_in_words(kind)));
                }
                _ => {}
            }
        }
        actions
    }
}

/// The contract's action for a rule that may not be able to take it: what cannot hold rows back holds all of them, and
/// a threshold that counts what the rule has not got is always passed.
fn inherited(action: Action, rows: bool, grouped: bool) -> Action {
    let act = if action.act == Act::Quarantine && !rows { Act::Block } else { action.act };
    let above = action.above.filter(|above| match above {
        Above::Rows(_) => rows,
        Above::Groups(_) => grouped,
        Above::Percent { .. } => rows || grouped,
    });
    Action { act, above }
}
