//! What came of a batch, for people and for programs.

pub mod json;
pub mod metrics;
pub mod numbers;
pub mod openlineage;
pub mod table;
pub mod text;
