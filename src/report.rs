//! What came of a batch, for people and for programs.

pub mod html;
pub mod json;
pub mod judged;
pub mod junit;
pub mod metrics;
pub mod numbers;
pub mod openlineage;
pub mod table;
pub mod text;
