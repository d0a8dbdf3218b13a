//! Runs `test` blocks without an engine.
