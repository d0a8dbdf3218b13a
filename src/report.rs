//! What came of a batch, for people and for programs.

pub mod json;
pub mod numbers;
pub mod table;
pub mod text;
