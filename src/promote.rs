//! From a verdict to an outcome: promoted or blocked, each batch once.
