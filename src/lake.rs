//! Storage: where datasets live, which files make a batch, how rows become visible.
