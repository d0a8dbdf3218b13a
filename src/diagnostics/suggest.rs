//! The nearest name.
