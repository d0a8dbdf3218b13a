//! The tree to the checked program.

pub mod facts;
pub mod known;
