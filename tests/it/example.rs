//! The example project as text: nothing is found in it, and its tests of rules hold.

use std::fmt::Write as _;

use dqc::project::{Project, Sources};

use crate::root;

#[test]
fn the_example_compiles_and_its_tests_hold() {
    let folder = root().join("rules/flights");
    let project = Project::open(&folder, None).expect("dqc.toml is right");
    let (files, unreadable) = Sources::load(&project.loader()).expect("the project's files").into_parts();
    assert!(unreadable.is_empty(), "{unreadable:?}");
    let compilation = dqc::compile(files, &project.layers());
    let outcomes = dqc::suite::run(&compilation.checked);
    assert!(outcomes.len() >= 5, "the example has tests of its trickier rules");
    let mut found = String::new();
    for d in compilation.diagnostics.iter().chain(outcomes.iter().flat_map(|o| &o.findings)) {
        let source = compilation.sources.get(d.primary.span.file);
        let line = source.place(d.primary.span.start as usize).line;
        let _ = writeln!(found, "{}:{line}: {} {}", source.path, d.code.name(), d.message);
    }
    assert!(found.is_empty(), "\n{found}");
}
