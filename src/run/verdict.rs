//! What follows from counts: which of a rule's actions apply.

use crate::hir::{Above, Act, Action};
use crate::run::Effect;

/// The counts that thresholds look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub violations: u64,
    /// Rows (or groups) judged.
    pub checked: u64,
    /// All rows of the input.
    pub all: u64,
}

/// Whether an action's threshold is passed; by strictly more.
pub fn applies(action: &Action, counts: Counts) -> bool {
    let percent = |percent: f64, of: u64| counts.violations as f64 * 100.0 > percent * of as f64;
    counts.violations > 0
        && match action.above {
            None => true,
            Some(Above::Rows(n) | Above::Groups(n)) => counts.violations > n,
            Some(Above::Percent { percent: p, of_all_rows }) => {
                percent(p, if of_all_rows { counts.all } else { counts.checked })
            }
        }
}

/// The action that takes effect: the last that applies.
pub fn effect(actions: &[Action], counts: Counts) -> Effect {
    actions.iter().rfind(|a| applies(a, counts)).map_or(Effect::None, |a| a.act.into())
}

/// Whether rows that break the rule are held back. Not where a stricter action blocks the whole batch: without
/// those rows later rules would break too, and the report would name consequences beside the cause.
pub fn holds(actions: &[Action], counts: Counts) -> bool {
    effect(actions, counts) == Effect::Quarantine
}

/// What [`holds`] will most likely be, before anything is counted.
pub fn likely_holds(actions: &[Action]) -> bool {
    actions.iter().any(|a| a.act == Act::Quarantine && a.above.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_passed_by_strictly_more() {
        let quarantine = Action { act: Act::Quarantine, above: None };
        let above = Above::Percent { percent: 1.0, of_all_rows: false };
        let actions = [quarantine, Action { act: Act::Block, above: Some(above) }];
        let counts = |violations| Counts { violations, checked: 1000, all: 2000 };
        assert_eq!(effect(&actions, counts(0)), Effect::None);
        assert_eq!(effect(&actions, counts(10)), Effect::Quarantine);
        assert_eq!(effect(&actions, counts(11)), Effect::Block);
        assert!(holds(&actions, counts(10)));
        assert!(!holds(&actions, counts(11)));
    }
}
