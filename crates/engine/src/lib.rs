//! The engine: what reads the files of a batch, and judges them in one pass.
//!
//! The modules stand in the order of the figure in `src/lib.rs` of the program; each uses only those above it.

pub mod storage;
pub mod engine;

use dqc_language::{eval, fault, hir, ir, project, source};
