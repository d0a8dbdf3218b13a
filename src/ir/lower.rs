//! Checked program to plans.
