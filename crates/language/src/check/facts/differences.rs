//! Orders of many terms, `a < b` and `b <= c + 3`, with limits of single ones: shortest ways instead of elimination, whose
//! work grows with every pair.

use super::effort::Effort;
use super::formula::{ById, Sum, TermId};
use super::linear::{Feasible, tighten};
use super::number::Number;

/// How far a value lies from one that it must not touch.
const APART: Number = Number::THOUSANDTH;

/// `to` is at most `from` and the distance, or less where strict.
struct Edge {
    from: usize,
    to: usize,
    distance: Far,
}

/// A distance, and how many times something must be left out of it, however little.
type Far = (Number, i128);

/// Whether values exist, and values; `Unknown` where a sum is more than a difference.
pub fn solve(
    sums: &[Sum],
    step: &dyn Fn(TermId) -> Option<Number>,
    effort: &Effort,
) -> (Feasible, Option<ById<Number>>) {
    let unknown = (Feasible::Unknown, None);
    // The first node stands for zero.
    let mut nodes: ById<usize> = ById::default();
    let mut edges = Vec::with_capacity(sums.len());
    for sum in sums {
        let Some(sum) = tighten(sum.clone(), step) else { return unknown };
        let (mut from, mut to) = (0, 0);
        for (term, factor) in &sum.parts {
            let next = nodes.len() + 1;
            let node = *nodes.entry(*term).or_insert(next);
            match *factor {
                Number::ONE if to == 0 => to = node,
                f if f == Number::ONE.negate() && from == 0 => from = node,
                _ => return unknown,
            }
        }
        edges.push(Edge { from, to, distance: (sum.limit, i128::from(sum.strict)) });
    }
    let mut places: Vec<Far> = vec![(Number::ZERO, 0); nodes.len() + 1];
    let mut settled = false;
    for round in 0..=places.len() {
        effort.spend(4 * edges.len());
        if effort.is_spent() {
            return unknown;
        }
        let mut moved = false;
        let mut pull = |edge: &Edge| {
            let (by, touches) = edge.distance;
            let (place, off) = places[edge.from];
            let nearest = (place.add(by)?, off + touches);
            let own = &mut places[edge.to];
            if nearest.0 < own.0 || nearest.0 == own.0 && nearest.1 > own.1 {
                *own = nearest;
                moved = true;
            }
            Some(())
        };
        // In turn from both ends: rules often stand in the order of what they compare.
        let pulled = if round % 2 == 0 { edges.iter().try_for_each(&mut pull) } else { edges.iter().rev().try_for_each(&mut pull) };
        if pulled.is_none() {
            return unknown;
        }
        if !moved {
            settled = true;
            break;
        }
    }
    // A way that comes back to where it began, and is shorter each time.
    if !settled {
        return (Feasible::No, None);
    }
    let value = |node: usize| {
        let value = |(place, off): Far| place.sub(APART.mul(Number::whole(off))?);
        value(places[node])?.sub(value(places[0])?)
    };
    let values: Option<ById<Number>> = nodes.iter().map(|(term, node)| Some((*term, value(*node)?))).collect();
    let holds = |sum: &Sum, values: &ById<Number>| {
        let total = sum.parts.iter().try_fold(Number::ZERO, |t, (term, f)| t.add(f.mul(*values.get(term)?)?));
        total.is_some_and(|t| t < sum.limit || !sum.strict && t == sum.limit)
    };
    let values = values.filter(|values| sums.iter().all(|sum| holds(sum, values)));
    (Feasible::Yes, Some(values.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(low: TermId, high: TermId, strict: bool) -> Sum {
        let parts = vec![(low, Number::ONE), (high, Number::ONE.negate())];
        Sum { parts, limit: Number::ZERO, strict }
    }

    #[test]
    fn finds_cycles_and_values() {
        let mut chain: Vec<Sum> = (0..50).map(|i| order(i, i + 1, true)).collect();
        for step in [None, Some(Number::ONE)] {
            let (feasible, values) = solve(&chain, &|_| step, &Effort::of(1));
            assert_eq!(feasible, Feasible::Yes);
            assert!(values.is_some_and(|v| (0..50).all(|i| v[&i] < v[&(i + 1)])));
        }
        chain.push(order(50, 0, false));
        for step in [None, Some(Number::ONE)] {
            assert_eq!(solve(&chain, &|_| step, &Effort::of(1)).0, Feasible::No);
        }
    }

    #[test]
    fn a_circle_of_equals_is_none() {
        let circle: Vec<Sum> = (0..50).map(|i| order(i, (i + 1) % 50, false)).collect();
        assert_eq!(solve(&circle, &|_| Some(Number::ONE), &Effort::of(1)).0, Feasible::Yes);
    }
}
