//! Plans become DataFusion plans: expressions a program of vectorised operators, a judgement one operator over one scan.

pub mod aggregates;
pub mod audit;
pub mod chunk;
pub mod compile;
pub mod drift;
pub mod expr;
pub mod keys;
pub mod prove;
pub mod references;
pub mod rows;
pub mod show;
pub mod sink;
pub mod sources;
pub mod tables;
pub mod types;
pub mod unique;
