//! The parser that pest makes of `grammar/dq.pest`.

#[derive(pest_derive::Parser)]
#[grammar = "grammar/dq.pest"]
pub(crate) struct Grammar;

pub(crate) type Pair<'t> = pest::iterators::Pair<'t, Rule>;
pub(crate) type Pairs<'t> = pest::iterators::Pairs<'t, Rule>;
