//! The order of promotions.

use std::collections::HashMap;

use crate::hir::Promotion;
use crate::resolve::fold;
use crate::source::Span;

use super::{Checker, errors};

impl<'a> Checker<'a> {
    /// Each promotion after those into what it reads. A circle is reported, once, at the promotion that closes it.
    pub fn upstream_first(&mut self, promotions: Vec<Promotion>, reads: &HashMap<String, Vec<(String, Span)>>) -> Vec<Promotion> {
        let by_target: HashMap<String, usize> =
            promotions.iter().enumerate().map(|(i, p)| (fold(&p.to), i)).collect();
        let needs: Vec<Vec<usize>> = promotions
            .iter()
            .map(|p| {
                let read = reads.get(&fold(&p.to)).into_iter().flatten().map(|(d, _)| fold(d));
                std::iter::once(fold(&p.from))
                    .chain(read)
                    .filter(|d| *d != fold(&p.to))
                    .filter_map(|d| by_target.get(&d).copied())
                    .collect()
            })
            .collect();
        let mut state = vec![Visit::Not; promotions.len()];
        let mut order = Vec::with_capacity(promotions.len());
        for start in 0..promotions.len() {
            // (promotion, how many of its needs were looked at)
            let mut path = vec![(start, 0)];
            if state[start] != Visit::Not {
                continue;
            }
            state[start] = Visit::Open;
            while let Some((at, next)) = path.last_mut() {
                let at = *at;
                match needs[at].get(*next) {
                    Some(&need) => {
                        *next += 1;
                        match state[need] {
                            Visit::Not => {
                                state[need] = Visit::Open;
                                path.push((need, 0));
                            }
                            Visit::Open => {
                                let from = path.iter().position(|(i, _)| *i == need).unwrap_or(0);
                                let mut circle: Vec<&str> =
                                    path[from..].iter().rev().map(|(i, _)| promotions[*i].to.as_str()).collect();
                                circle.push(circle.first().copied().unwrap_or(""));
                                let d = errors::circle_of_promotions(promotions[at].head, &circle);
                                self.report(d);
                            }
                            Visit::Done => {}
                        }
                    }
                    None => {
                        state[at] = Visit::Done;
                        order.push(at);
                        path.pop();
                    }
                }
            }
        }
        let mut slots: Vec<Option<Promotion>> = promotions.into_iter().map(Some).collect();
        order.into_iter().filter_map(|i| slots[i].take()).collect()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Not,
    Open,
    Done,
}
