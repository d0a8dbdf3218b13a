//! Text to tree. Parsing never fails: a broken item becomes junk and one finding.

pub mod ast;
