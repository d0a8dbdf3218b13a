//! Example rows.
