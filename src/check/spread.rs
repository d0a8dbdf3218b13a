//! The pieces of a project side by side: each contract, promotion and test is checked by itself.

use std::collections::HashSet;

use rayon::prelude::*;

use super::Checker;
use crate::diagnostics::Sink;

/// So few pieces are checked one after the other.
const FEW: usize = 16;

impl<'a> Checker<'a> {
    /// What `each` makes of every item, in their order.
    ///
    /// A finding can depend on those before it, as when a function is reported at its first use alone: so where there are
    /// errors, all is done once more in order.
    pub fn spread<T: Sync, R: Send>(
        &mut self,
        items: &[T],
        each: impl Fn(&mut Checker<'a>, &T) -> R + Sync,
    ) -> Vec<R> {
        if items.len() >= FEW {
            let size = items.len().div_ceil(4 * rayon::current_num_threads()).max(FEW / 2);
            let prototype = &*self;
            let parts: Vec<(Vec<R>, Sink, usize)> = items
                .par_chunks(size)
                .map(|chunk| {
                    let mut checker = prototype.beside();
                    let made = chunk.iter().map(|item| each(&mut checker, item)).collect();
                    (made, checker.sink, checker.errors)
                })
                .collect();
            if parts.iter().all(|(.., errors)| *errors == 0) {
                let mut all = Vec::with_capacity(items.len());
                for (made, sink, _) in parts {
                    all.extend(made);
                    self.sink.append(sink);
                }
                return all;
            }
        }
        items.iter().map(|item| each(self, item)).collect()
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
            too_deep: false,
            variables: Vec::new(),
            budget: 0,
            zones_offered: HashSet::new(),
            nulls_asked: HashSet::new(),
            reads: Vec::new(),
        }
    }
}
