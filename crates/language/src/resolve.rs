//! Which names there are: datasets for the whole project, declarations by module, what `use` brings in. Names are
//! found whatever their case.

pub mod errors;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use rustc_hash::FxHashMap;

use crate::diagnostics::Sink;
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::ast;

/// The four kinds of declarations; each has its own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    Type,
    Fn,
    Rules,
    Calendar,
}

const SPACES: [Space; 4] = [Space::Type, Space::Fn, Space::Rules, Space::Calendar];

impl Space {
    /// In a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Space::Type => "type",
            Space::Fn => "function",
            Space::Rules => "rule set",
            Space::Calendar => "calendar",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Decl<'a> {
    Type(&'a ast::TypeDecl),
    Fn(&'a ast::FnDecl),
    Rules(&'a ast::RulesDecl),
    Calendar(&'a ast::Calendar),
    /// Its text could not be read, which has been reported; whatever uses it is left alone.
    Broken,
}

#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub decl: Decl<'a>,
    pub span: Span,
}

type Table<'a> = FxHashMap<(Space, String), Vec<Found<'a>>>;

#[derive(Default)]
struct Module<'a> {
    path: String,
    declared: Table<'a>,
    used: Table<'a>,
}

#[derive(Clone, Copy, Debug)]
pub struct Dataset<'a> {
    /// `None`: its text could not be read.
    pub contract: Option<&'a ast::Contract>,
    pub span: Span,
}

/// All names of a compilation.
pub struct Names<'a> {
    /// By [`FileId`].
    modules: Vec<Module<'a>>,
    by_path: HashMap<String, usize>,
    std: Table<'a>,
    /// By name in lower case.
    pub datasets: BTreeMap<String, Dataset<'a>>,
}

pub use crate::stdlib::PREFIX as STD_PREFIX;

/// The form in which names are compared.
pub fn fold(name: &str) -> String {
    folded(name).into_owned()
}

/// The same, lent where the name has that form already.
#[inline]
pub fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        Cow::Borrowed(name)
    } else if name.is_ascii() {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Owned(name.to_lowercase())
    }
}

/// Whether two names are the same.
#[inline]
pub fn same(a: &str, b: &str) -> bool {
    a == b || a.eq_ignore_ascii_case(b) || !(a.is_ascii() && b.is_ascii()) && fold(a) == fold(b)
}

/// `shared/money.dq` is `shared.money`.
fn module_path(path: &str) -> String {
    let path = path.strip_suffix(".dq").unwrap_or(path);
    match path.strip_prefix(STD_PREFIX) {
        Some(rest) => format!("std.{}", fold(&rest.replace('/', "."))),
        None => fold(&path.replace('/', ".")),
    }
}

impl<'a> Names<'a> {
    /// `files` in the order of their ids.
    pub fn collect(files: &'a [ast::File], sources: &SourceMap, sink: &mut Sink) -> Self {
        let mut names = Names {
            modules: Vec::with_capacity(files.len()),
            by_path: HashMap::new(),
            std: Table::default(),
            datasets: BTreeMap::new(),
        };
        for file in files {
            names.collect_file(file, sources, sink);
        }
        for file in files {
            names.resolve_uses(file, sink);
        }
        names
    }

    fn collect_file(&mut self, file: &'a ast::File, sources: &SourceMap, sink: &mut Sink) {
        let source = sources.get(file.id);
        let is_std = source.path.starts_with(STD_PREFIX);
        let mut module = Module { path: module_path(&source.path), ..Module::default() };
        for item in &file.items {
            let (space, name, span, decl) = match item {
                ast::Item::Type(d) => (Space::Type, d.name.text.clone(), d.name.span, Decl::Type(d)),
                ast::Item::Fn(d) => (Space::Fn, d.name.text(), d.name.span, Decl::Fn(d)),
                ast::Item::Rules(d) => (Space::Rules, d.name.text.clone(), d.name.span, Decl::Rules(d)),
                ast::Item::Calendar(d) => (Space::Calendar, d.name.text.clone(), d.name.span, Decl::Calendar(d)),
                ast::Item::Contract(c) => {
                    self.add_dataset(&c.dataset.text(), Dataset { contract: Some(c), span: c.dataset.span }, sink);
                    continue;
                }
                ast::Item::Junk(_) | ast::Item::Use(_) | ast::Item::Promote(_) | ast::Item::Test(_) => continue,
            };
            let found = Found { decl, span };
            if is_std {
                self.std.entry((space, fold(&name))).or_default().push(found);
            }
            let entry = module.declared.entry((space, fold(&name))).or_default();
            let overload = is_extern(&decl) && entry.iter().all(|f| is_extern(&f.decl));
            if let (Some(first), false) = (entry.first(), overload) {
                let other = declared_name(std::slice::from_ref(first)).unwrap_or_else(|| name.clone());
                sink.push(if other == name {
                    errors::declared_twice(space.noun(), &name, span, first.span)
                } else {
                    errors::differs_by_case(space.noun(), &name, span, &other, first.span)
                });
            } else {
                entry.push(found);
            }
        }
        for path in &file.broken {
            self.add_broken(&mut module, path);
        }
        self.by_path.insert(module.path.clone(), self.modules.len());
        self.modules.push(module);
    }

    fn add_dataset(&mut self, name: &str, dataset: Dataset<'a>, sink: &mut Sink) {
        match self.datasets.get(&fold(name)) {
            Some(Dataset { contract: Some(first), span }) if first.dataset.text() != name => {
                sink.push(errors::differs_by_case("contract", name, dataset.span, &first.dataset.text(), *span));
            }
            Some(Dataset { contract: Some(_), span }) => {
                sink.push(errors::declared_twice("contract", name, dataset.span, *span));
            }
            _ => {
                self.datasets.insert(fold(name), dataset);
            }
        }
    }

    /// Remembers what broken items would have declared, so that its uses are not reported.
    fn add_broken(&mut self, module: &mut Module<'a>, path: &ast::Path) {
        let name = fold(&path.text());
        let found = Found { decl: Decl::Broken, span: path.span };
        if path.names.len() > 1 {
            self.datasets.entry(name).or_insert(Dataset { contract: None, span: path.span });
            return;
        }
        for space in SPACES {
            module.declared.entry((space, name.clone())).or_insert_with(|| vec![found]);
        }
    }

    fn resolve_uses(&mut self, file: &'a ast::File, sink: &mut Sink) {
        for item in &file.items {
            let ast::Item::Use(item) = item else { continue };
            let all = &item.module.names;
            let (path, wanted) = match (item.names.is_empty(), all.split_last()) {
                (true, Some((last, front))) => (front, std::slice::from_ref(last)),
                _ => (all.as_slice(), item.names.as_slice()),
            };
            let joined = join(path);
            let Some(&index) = self.by_path.get(&joined) else {
                if self.by_path.contains_key(&join(all)) {
                    sink.push(errors::use_needs_names(&item.module));
                } else if path.is_empty() {
                    sink.push(errors::use_names_nothing(item.module.span, &item.module.text()));
                } else {
                    let known = self.modules.iter().map(|m| m.path.as_str());
                    let span = path.first().zip(path.last()).map_or(item.span, |(a, b)| a.span.to(b.span));
                    sink.push(errors::unknown_module(&joined, span, known));
                }
                continue;
            };
            for name in wanted {
                let found: Vec<_> = SPACES
                    .into_iter()
                    .filter_map(|space| {
                        let key = (space, fold(&name.text));
                        self.modules[index].declared.get(&key).map(|found| (key, found.clone()))
                    })
                    .collect();
                if found.is_empty() {
                    let known = self.modules[index].declared.keys().map(|(_, name)| name.as_str());
                    sink.push(errors::not_in_module(name, &joined, known));
                }
                if let Some(module) = self.modules.get_mut(file.id.0 as usize) {
                    // A name that is not found has been reported here, and not again where it is used.
                    if found.is_empty() {
                        for space in SPACES {
                            let broken = Found { decl: Decl::Broken, span: name.span };
                            module.used.entry((space, fold(&name.text))).or_insert_with(|| vec![broken]);
                        }
                    }
                    module.used.extend(found);
                }
            }
        }
    }

    /// What `path` means in `file`: its own declarations first, then what it uses, then the library. Several only for
    /// overloads of a native function; empty where there is none.
    pub fn find(&self, file: FileId, space: Space, path: &ast::Path) -> &[Found<'a>] {
        let Some(module) = self.modules.get(file.0 as usize) else { return &[] };
        let key = (space, fold(&path.joined()));
        if let Some(found) = module.declared.get(&key).or_else(|| module.used.get(&key)).or_else(|| self.std.get(&key)) {
            return found;
        }
        let Some((last, front)) = path.names.split_last() else { return &[] };
        if front.is_empty() {
            return &[];
        }
        let module = self.by_path.get(&join(front)).and_then(|&i| self.modules.get(i));
        module.and_then(|m| m.declared.get(&(space, fold(&last.text)))).map_or(&[], Vec::as_slice)
    }

    /// Every name of the kind that can be written in `file` without its module, as declared.
    pub fn in_scope(&self, file: FileId, space: Space) -> Vec<String> {
        let Some(module) = self.modules.get(file.0 as usize) else { return Vec::new() };
        let tables = [&module.declared, &module.used, &self.std];
        let mut names: Vec<String> = tables
            .iter()
            .flat_map(|table| table.iter())
            .filter(|((s, _), _)| *s == space)
            .map(|((_, folded), found)| declared_name(found).unwrap_or_else(|| folded.clone()))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The module, other than those in scope, that declares `name`, for the advice to `use` it.
    pub fn elsewhere(&self, space: Space, name: &str) -> Option<&str> {
        let key = (space, fold(name));
        let mut modules: Vec<_> =
            self.modules.iter().filter(|m| m.declared.contains_key(&key)).map(|m| m.path.as_str()).collect();
        modules.sort_unstable();
        modules.first().copied()
    }
}

fn is_extern(decl: &Decl<'_>) -> bool {
    matches!(decl, Decl::Fn(f) if f.body.is_none())
}

fn declared_name(found: &[Found<'_>]) -> Option<String> {
    match found.first()?.decl {
        Decl::Type(d) => Some(d.name.text.clone()),
        Decl::Fn(d) => Some(d.name.text()),
        Decl::Rules(d) => Some(d.name.text.clone()),
        Decl::Calendar(d) => Some(d.name.text.clone()),
        Decl::Broken => None,
    }
}

fn join(names: &[ast::Name]) -> String {
    fold(&names.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join("."))
}
