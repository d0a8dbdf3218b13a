//! Storage: where datasets live, which files make a batch, how rows become visible.
//!
//! Everything that is written is staged first, in files that no reader's log names, and one entry of the
//! target's Delta log makes all of a batch visible (G1). That entry is the only point of decision: it
//! carries which files of the batch it publishes (so that a batch is published at most once), where the
//! rows held back are staged (so that quarantine follows from it, whenever a crash comes between the two),
//! and the report. What was not decided there did not happen.

pub mod batch;
pub mod delta;
pub mod merge;
pub mod quarantine;
pub mod receipt;
pub mod rows;
pub mod schema;
pub mod stage;
pub mod store;
