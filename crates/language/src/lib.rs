//! The language: from text to checked contracts, what they mean row by row, and plans without an engine.
//!
//! The modules stand in the order of the figure in `src/lib.rs` of the program; each uses only those above it.

pub mod source;
pub mod diagnostics;
pub mod fault;
pub mod syntax;
pub mod format;
pub mod stdlib;
pub mod project;
pub mod hir;
pub mod resolve;
pub mod eval;
pub mod check;
pub mod compat;
pub mod suite;
pub mod ir;

/// What became of the sources.
#[derive(Debug, Default)]
pub struct Compilation {
    pub sources: source::SourceMap,
    pub files: Vec<syntax::ast::File>,
    /// Sorted by file and place.
    pub diagnostics: Vec<diagnostics::Diagnostic>,
    pub checked: hir::Checked,
}

/// Compiles all texts of a project, with the standard library; `layers` are the names in `dqc.toml`, in their order.
pub fn compile(files: Vec<source::SourceFile>, layers: &[String]) -> Compilation {
    let mut sources = source::SourceMap::default();
    let mut sink = diagnostics::Sink::default();
    let library = stdlib::files();
    for (source, _) in library {
        sources.add(source.clone());
    }
    let own: Vec<source::FileId> = files.into_iter().map(|source| sources.add(source)).collect();
    let read = syntax::parse_all(own.iter().map(|id| (*id, sources.get(*id).text.as_str())).collect());
    let mut trees = Vec::new();
    for parse in library.iter().map(|(_, parse)| parse.clone()).chain(read) {
        sink.extend(parse.diagnostics);
        trees.push(parse.file);
    }
    let (checked, sink) = check_trees(&trees, &sources, layers, sink);
    Compilation { sources, files: trees, diagnostics: sink.into_sorted(), checked }
}

/// Checks what is parsed already, the library's files first; `sink` holds what parsing found.
pub fn check_trees(
    trees: &[syntax::ast::File],
    sources: &source::SourceMap,
    layers: &[String],
    mut sink: diagnostics::Sink,
) -> (hir::Checked, diagnostics::Sink) {
    let names = resolve::Names::collect(trees, sources, &mut sink);
    check::check(check::Texts { files: trees, names: &names, sources, layers }, sink)
}
