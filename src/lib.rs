//! ```text
//! .dq text ─parse→ ast ─resolve→ hir ─check→ Checked ─lower→ ir::Plan ─plan→ physical plan ─run→ Report ─promote→ Outcome
//!           never fails  ids, names   types, grain, null,   no engine     one fused pass     verdicts,     commit or block
//!                                     satisfiability        type in it    per dataset        counts, rows
//! ```
//! The modules stand in the order of that figure; each uses only those above it. The first are packages of their own, so that
//! what every row and every contract meets is optimised, and the rest compiles fast: `crates/language` up to the plan,
//! `crates/engine` up to the pass.

#[cfg(feature = "engine")]
pub use dqc_engine::{engine, storage};
pub use dqc_language::{
    Compilation, check, check_trees, compat, compile, diagnostics, eval, fault, format, hir, ir, project, resolve, source, stdlib,
    suite, syntax,
};

#[cfg(feature = "engine")]
pub mod sql;
#[cfg(feature = "engine")]
pub mod run;
#[cfg(feature = "engine")]
pub mod profile;
#[cfg(feature = "engine")]
pub mod lake;
#[cfg(feature = "engine")]
pub mod ledger;
pub mod sla;
#[cfg(feature = "engine")]
pub mod promote;
pub mod report;
pub mod channel;
pub mod catalogue;
pub mod ide;
pub mod lsp;
pub mod cli;
