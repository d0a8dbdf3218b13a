//! Telling people, in the hands of the real binary: messages at real servers, service levels, metrics, lineage.

mod delivery;
mod grafana;
mod peer;
mod service_levels;
pub mod shop;
