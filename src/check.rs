//! The tree to the checked program.
