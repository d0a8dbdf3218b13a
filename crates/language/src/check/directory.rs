//! The checked contracts and promotions, found by their datasets.

use std::collections::HashMap;

use crate::hir::{Checked, Contract, Promotion};

#[derive(Default)]
pub struct Directory<'c> {
    contracts: HashMap<&'c str, &'c Contract>,
    /// By target.
    promotions: HashMap<&'c str, &'c Promotion>,
}

impl<'c> Directory<'c> {
    pub fn new(contracts: impl Iterator<Item = &'c Contract>, promotions: impl Iterator<Item = &'c Promotion>) -> Self {
        Self {
            contracts: contracts.map(|c| (c.dataset.as_str(), c)).collect(),
            promotions: promotions.map(|p| (p.to.as_str(), p)).collect(),
        }
    }

    pub fn of(checked: &'c Checked) -> Self {
        Self::new(checked.contracts.iter(), checked.promotions.iter())
    }

    pub fn contract(&self, dataset: &str) -> Option<&'c Contract> {
        self.contracts.get(dataset).copied()
    }

    /// The one promotion into a dataset.
    pub fn promotion_to(&self, dataset: &str) -> Option<&'c Promotion> {
        self.promotions.get(dataset).copied()
    }
}
