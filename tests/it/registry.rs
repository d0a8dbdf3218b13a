//! The engine's own functions: each is in the library, under any of its names, or left out with a reason.

use std::fmt::Write as _;

use datafusion::execution::SessionStateDefaults;

use crate::stdlib::{is_known, left_out};

#[test]
fn every_function_of_the_engine_is_known_or_left_out() {
    let scalars = SessionStateDefaults::default_scalar_functions();
    let aggregates = SessionStateDefaults::default_aggregate_functions();
    let named = scalars.iter().map(|f| (f.name().to_owned(), f.aliases().to_vec()));
    let named: Vec<_> = named.chain(aggregates.iter().map(|f| (f.name().to_owned(), f.aliases().to_vec()))).collect();
    assert!(named.len() > 200, "too few to tell: {}", named.len());
    let out: Vec<&str> = left_out().into_iter().flat_map(|(names, _)| names).collect();
    let mut faults = String::new();
    for (name, aliases) in named {
        let names = || std::iter::once(&name).chain(&aliases);
        if !names().any(|name| is_known(name)) && !names().any(|name| out.contains(&name.as_str())) {
            let _ = writeln!(faults, "  {name} {aliases:?}");
        }
    }
    assert!(faults.is_empty(), "\nNeither in the library nor in stdlib/left_out.txt:\n{faults}");
}
