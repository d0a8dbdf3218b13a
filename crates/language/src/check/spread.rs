//! The pieces of a project side by side: each contract, promotion and test is checked by itself.

use std::collections::HashSet;

use rayon::prelude::*;

use super::Checker;
use crate::diagnostics::{Diagnostic, Sink};

/// So few pieces are checked one after the other.
const FEW: usize = 16;

/// What came of one piece.
pub struct Made<R> {
    pub made: R,
    pub found: Vec<Diagnostic>,
    /// What is found in it depends on what was found before it.
    pub bound: bool,
}

impl<'a> Checker<'a> {
    /// What `each` makes of every item, in their order.
    ///
    /// A finding can depend on those before it, as when a function is reported at its first use alone: where one does,
    /// all is done once more in order.
    pub fn spread<T: Sync, R: Send>(
        &mut self,
        items: &[T],
        each: &(impl Fn(&mut Checker<'a>, &T) -> R + Sync),
    ) -> Vec<Made<R>> {
        if items.len() >= FEW {
            let size = items.len().div_ceil(4 * rayon::current_num_threads()).max(FEW / 2);
            let prototype = &*self;
            let parts: Vec<(Vec<Made<R>>, usize, usize)> = items
                .par_chunks(size)
                .map(|chunk| {
                    let mut checker = prototype.beside();
                    let made = chunk.iter().map(|item| checker.one(item, each)).collect();
                    (made, checker.errors, checker.broken.len())
                })
                .collect();
            let by_itself = |(made, _, broken): &(Vec<Made<R>>, usize, usize)| {
                *broken == self.broken.len() && made.iter().all(|m| !m.bound)
            };
            if parts.iter().all(by_itself) {
                let mut all = Vec::with_capacity(items.len());
                for (made, errors, _) in parts {
                    all.extend(made);
                    self.errors += errors;
                }
                return all;
            }
        }
        items.iter().map(|item| self.one(item, each)).collect()
    }

    fn one<T, R>(&mut self, item: &T, each: &impl Fn(&mut Checker<'a>, &T) -> R) -> Made<R> {
        self.budget = 0;
        self.bound = false;
        let outside = std::mem::take(&mut self.sink);
        let made = each(self, item);
        let found = std::mem::replace(&mut self.sink, outside).into_found();
        Made { made, found, bound: self.bound }
    }

    /// One that knows the same and has found nothing yet.
    fn beside(&self) -> Checker<'a> {
        Checker {
            names: self.names,
            sources: self.sources,
            layers: self.layers,
            sink: Sink::default(),
            errors: 0,
            schemas: self.schemas.clone(),
            expansions: Vec::new(),
            by_itself: 0,
            broken: self.broken.clone(),
            open_types: Vec::new(),
            depth: 0,
            too_deep: self.too_deep,
            too_large: self.too_large,
            variables: Vec::new(),
            budget: 0,
            zones_offered: HashSet::new(),
            nulls_asked: HashSet::new(),
            bound: false,
            in_order: false,
            layouts: self.layouts,
            reads: Vec::new(),
        }
    }
}
