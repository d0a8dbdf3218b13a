//! How much is done to answer questions about one set of rules: it grows with their number, not with the number of ways
//! in which they can be put together.

use std::cell::Cell;

/// Statements that may be looked at: so many, and so many for each rule.
const MOST: (usize, usize) = (60_000_000, 10_000);

/// What is left of it.
#[derive(Debug)]
pub struct Effort(Cell<usize>);

impl Effort {
    pub fn of(rules: usize) -> Self {
        Self(Cell::new(MOST.0.saturating_add(MOST.1.saturating_mul(rules))))
    }

    #[inline]
    pub fn spend(&self, statements: usize) {
        self.0.set(self.0.get().saturating_sub(statements));
    }

    #[inline]
    pub fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}
