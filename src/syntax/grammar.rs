//! What is made of `grammar/dq.pest`: its rules, pest's own parser, and the faster one of [`super::matcher`].

#[derive(pest_derive::Parser)]
#[grammar = "grammar/dq.pest"]
pub(crate) struct Grammar;

pub(crate) use super::matcher::{Pair, Pairs};
