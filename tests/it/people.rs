//! Telling people, in the hands of the real binary: messages at real servers, service levels, metrics, lineage.

mod canaries;
mod delivery;
mod grafana;
mod ledger;
mod page;
pub mod peer;
mod privacy;
mod service_levels;
pub mod shop;
mod strangers;
