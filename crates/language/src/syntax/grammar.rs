//! What is made of `grammar/dq.pest`: its rules, pest's own reading of it, and the faster one of [`super::matcher`].

use std::sync::LazyLock;

use pest::error::Error;
use pest::iterators::Pairs as Theirs;
use pest_vm::Vm;

pub(crate) use super::matcher::{Pair, Pairs};

include!(concat!(env!("OUT_DIR"), "/rule.rs"));

impl Rule {
    pub fn named(name: &str) -> Option<Rule> {
        Rule::NAMED.iter().find(|(of, _)| *of == name).map(|(_, rule)| *rule)
    }

    pub fn all_names() -> impl Iterator<Item = &'static str> {
        Rule::NAMED.iter().map(|(name, _)| *name)
    }

    pub fn name(self) -> &'static str {
        Rule::NAMED.get(self as usize).map_or("", |(name, _)| name)
    }
}

/// What pest itself reads, slowly: asked where an item breaks off, and held against the matcher by its tests. It walks
/// the grammar instead of being compiled from it, as that parser would be a sixteenth of the program.
pub(crate) fn pest(rule: Rule, text: &str) -> Result<Theirs<'_, &str>, Box<Error<&str>>> {
    static VM: LazyLock<Vm> = LazyLock::new(|| {
        let read = pest_meta::parse_and_optimize(include_str!("../../grammar/dq.pest"));
        // build.rs has read the same text.
        Vm::new(read.map(|(_, rules)| rules).unwrap_or_default())
    });
    VM.parse(rule.name(), text).map_err(Box::new)
}
