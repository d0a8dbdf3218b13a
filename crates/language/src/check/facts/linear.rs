//! Sums of terms under limits: whether values exist, by eliminating one term after the other
//! (Fourier and Motzkin), with limits moved inwards where all terms are whole multiples of a step.

use rustc_hash::FxHashSet;

use super::effort::Effort;
use super::formula::{ById, Sum, TermId};
use super::number::Number;

/// More constraints than this are not followed.
const MOST: usize = 160;

/// The answer over all values that are numbers; `Unknown` where it would be too much work.
#[derive(Debug, PartialEq)]
pub enum Feasible {
    No,
    Yes,
    Unknown,
}

/// What has been eliminated, for finding values backwards.
type Trail = Vec<(TermId, Vec<Sum>)>;

/// `step` gives the grid of a term: 1 for integers, 0.01 for `decimal(12, 2)`.
pub fn eliminate(sums: &[Sum], step: &dyn Fn(TermId) -> Option<Number>, effort: &Effort) -> (Feasible, Trail) {
    let mut trail = Vec::new();
    let mut open: Vec<Sum> = Vec::new();
    if sums.len() > 4 * MOST {
        return (Feasible::Unknown, trail);
    }
    for sum in sums {
        match tighten(sum.clone(), step) {
            Some(sum) => open.push(sum),
            None => return (Feasible::Unknown, trail),
        }
    }
    loop {
        effort.spend(20 * open.len());
        let mut rest = Vec::with_capacity(open.len());
        let mut met: FxHashSet<Sum> = FxHashSet::default();
        for sum in open {
            if !sum.parts.is_empty() {
                if met.insert(sum.clone()) {
                    rest.push(sum);
                }
            } else if sum.limit.is_negative() || (sum.strict && sum.limit.is_zero()) {
                return (Feasible::No, trail);
            }
        }
        let Some(term) = cheapest(&rest) else { return (Feasible::Yes, trail) };
        let (with, without): (Vec<Sum>, Vec<Sum>) = rest.into_iter().partition(|s| factor(s, term).is_some());
        open = without;
        for upper in with.iter().filter(|s| factor(s, term).is_some_and(|f| !f.is_negative())) {
            for lower in with.iter().filter(|s| factor(s, term).is_some_and(Number::is_negative)) {
                let Some(joined) = join(upper, lower, term).and_then(|s| tighten(s, step)) else {
                    return (Feasible::Unknown, trail);
                };
                open.push(joined);
                if open.len() > MOST {
                    return (Feasible::Unknown, trail);
                }
            }
        }
        trail.push((term, with));
    }
}

/// Values for the eliminated terms; with `free` also for those that left no limit behind when others were eliminated.
/// `choose` picks one between two limits (`None`: no limit; with whether it is
/// excluded).
pub fn values(
    trail: &Trail,
    known: &mut ById<Number>,
    choose: &dyn Fn(TermId, Limit, Limit) -> Option<Number>,
    free: bool,
) -> Option<()> {
    for (term, sums) in trail.iter().rev() {
        let (mut low, mut high): (Limit, Limit) = (None, None);
        for sum in sums {
            let mut left = sum.limit;
            let mut own = Number::ZERO;
            for (t, f) in &sum.parts {
                if t == term {
                    own = *f;
                } else {
                    let value = match known.get(t) {
                        Some(value) => *value,
                        None if free => choose(*t, None, None)?,
                        None => return None,
                    };
                    known.insert(*t, value);
                    left = left.sub(f.mul(value)?)?;
                }
            }
            let limit = (left.div(own)?, sum.strict);
            let tighter = |old: Limit, upper: bool| match old {
                Some((v, s)) if v == limit.0 => Some((v, s || limit.1)),
                Some((v, s)) if (v < limit.0) == upper => Some((v, s)),
                _ => Some(limit),
            };
            if own.is_negative() {
                low = tighter(low, false);
            } else {
                high = tighter(high, true);
            }
        }
        known.insert(*term, choose(*term, low, high)?);
    }
    Some(())
}

/// A limit and whether it is excluded itself.
pub type Limit = Option<(Number, bool)>;

fn factor(sum: &Sum, term: TermId) -> Option<Number> {
    sum.parts.iter().find(|(t, _)| *t == term).map(|(_, f)| *f)
}

/// The term whose elimination makes the fewest new sums.
fn cheapest(sums: &[Sum]) -> Option<TermId> {
    let mut count: ById<(usize, usize)> = ById::default();
    for (term, factor) in sums.iter().flat_map(|s| &s.parts) {
        let (up, down) = count.entry(*term).or_default();
        *(if factor.is_negative() { down } else { up }) += 1;
    }
    count.into_iter().min_by_key(|(t, (u, d))| (u * d, *t)).map(|(t, _)| t)
}

/// The two sums added so that `term` falls out.
fn join(upper: &Sum, lower: &Sum, term: TermId) -> Option<Sum> {
    let scale_lower = factor(upper, term)?;
    let scale_upper = factor(lower, term)?.negate();
    let mut parts: Vec<(TermId, Number)> = Vec::new();
    for (sum, scale) in [(upper, scale_upper), (lower, scale_lower)] {
        for (t, f) in sum.parts.iter().filter(|(t, _)| *t != term) {
            let f = f.mul(scale)?;
            match parts.iter_mut().find(|(other, _)| other == t) {
                Some((_, old)) => *old = old.add(f)?,
                None => parts.push((*t, f)),
            }
        }
    }
    parts.retain(|(_, f)| !f.is_zero());
    parts.sort_by_key(|(t, _)| *t);
    let limit = upper.limit.mul(scale_upper)?.add(lower.limit.mul(scale_lower)?)?;
    Some(Sum { parts, limit, strict: upper.strict || lower.strict })
}

/// Divides by the first factor's size; moves the limit to the next multiple that the sum can be.
pub fn tighten(mut sum: Sum, step: &dyn Fn(TermId) -> Option<Number>) -> Option<Sum> {
    let Some((_, first)) = sum.parts.first() else { return Some(sum) };
    let size = if first.is_negative() { first.negate() } else { *first };
    for (_, factor) in &mut sum.parts {
        *factor = factor.div(size)?;
    }
    sum.limit = sum.limit.div(size)?;
    if let Some(grid) = common_step(&sum.parts, step) {
        let steps = sum.limit.div(grid)?;
        let steps = if sum.strict && steps.is_whole() { steps.floor().checked_sub(1)? } else { steps.floor() };
        sum.limit = grid.mul(Number::whole(steps))?;
        sum.strict = false;
    }
    Some(sum)
}

/// The largest number of which every part is a whole multiple.
fn common_step(parts: &[(TermId, Number)], step: &dyn Fn(TermId) -> Option<Number>) -> Option<Number> {
    let mut common: Option<Number> = None;
    for (term, factor) in parts {
        let mut b = step(*term)?.mul(*factor)?;
        if b.is_negative() {
            b = b.negate();
        }
        let mut a = common.unwrap_or(b);
        while !b.is_zero() {
            let quotient = Number::whole(a.div(b)?.floor());
            (a, b) = (b, a.sub(quotient.mul(b)?)?);
        }
        common = Some(a);
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(parts: &[(TermId, i128)], limit: i128, strict: bool) -> Sum {
        let parts = parts.iter().map(|(t, f)| (*t, Number::whole(*f))).collect();
        Sum { parts, limit: Number::whole(limit), strict }
    }

    #[test]
    fn finds_cycles_of_orders() {
        let cycle = vec![
            sum(&[(0, 1), (1, -1)], 0, false),
            sum(&[(1, 1), (2, -1)], 0, false),
            sum(&[(0, -1), (2, 1)], 0, true),
        ];
        let effort = Effort::of(1);
        assert_eq!(eliminate(&cycle, &|_| None, &effort).0, Feasible::No);
        assert_eq!(eliminate(&cycle[..2], &|_| None, &effort).0, Feasible::Yes);
    }

    #[test]
    fn knows_that_integers_leave_gaps() {
        // 1 < x < 2; and 2x - 2y = 1
        let gap = vec![sum(&[(0, 1)], 2, true), sum(&[(0, -1)], -1, true)];
        let effort = Effort::of(1);
        assert_eq!(eliminate(&gap, &|_| Some(Number::ONE), &effort).0, Feasible::No);
        assert_eq!(eliminate(&gap, &|_| None, &effort).0, Feasible::Yes);
        let parity = vec![sum(&[(0, 2), (1, -2)], 1, false), sum(&[(0, -2), (1, 2)], -1, false)];
        assert_eq!(eliminate(&parity, &|_| Some(Number::ONE), &effort).0, Feasible::No);
    }
}
