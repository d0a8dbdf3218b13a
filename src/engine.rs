//! Plans become DataFusion plans.
