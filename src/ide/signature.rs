//! The call around an offset: what it takes, and which argument is being written.

use crate::check::infer::calls;
use crate::resolve::{Decl, Space};
use crate::source::FileId;
use crate::syntax::ast;

use super::words::{Kind, Word, words};
use super::{View, aggregates};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub label: String,
    /// Parts of the label.
    pub parameters: Vec<String>,
    pub doc: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    pub all: Vec<Signature>,
    /// The one that fits the number of arguments written so far.
    pub active: usize,
    /// From 0.
    pub argument: usize,
}

impl View<'_> {
    pub fn signatures(&self, file: FileId, offset: usize) -> Option<Signatures> {
        let text = self.source(file).text.as_str();
        let all = words(text);
        let (path, argument) = call_around(text, &all, offset)?;
        let mut found: Vec<Signature> = self
            .names
            .find(file, Space::Fn, &path)
            .iter()
            .filter_map(|f| if let Decl::Fn(d) = f.decl { Some(d) } else { None })
            .map(of_function)
            .collect();
        let name = path.text();
        if found.is_empty() {
            if let Some(a) = aggregates::find(&name) {
                let parameters = a.parameters.iter().map(|p| (*p).to_owned()).collect();
                found.push(Signature { label: a.signature(), parameters, doc: a.doc.to_owned() });
            } else if let Some(Decl::Rules(d)) = self.names.find(file, Space::Rules, &path).first().map(|f| f.decl) {
                let slice = |p: &ast::Param| format!("{}: {}", p.name.text, self.source(p.ty.span.file).slice(p.ty.span));
                let parameters: Vec<String> = d.params.iter().map(slice).collect();
                found.push(Signature { label: format!("{}({})", d.name.text, parameters.join(", ")), parameters, doc: d.doc.clone() });
            } else {
                let span = path.span;
                let names = vec![ast::Name { text: crate::stdlib::canonical(&name), span }];
                let other = self.names.find(file, Space::Fn, &ast::Path { names, span });
                found.extend(other.iter().filter_map(|f| if let Decl::Fn(d) = f.decl { Some(of_function(d)) } else { None }));
            }
        }
        if found.is_empty() {
            return None;
        }
        let active = found.iter().position(|s| s.parameters.len() > argument).unwrap_or(0);
        Some(Signatures { all: found, active, argument })
    }
}

fn of_function(d: &ast::FnDecl) -> Signature {
    let label = calls::signature(d);
    let inside = label.find('(').zip(label.rfind("): ")).and_then(|(a, b)| label.get(a + 1..b)).unwrap_or("");
    let parameters = parts(inside);
    Signature { parameters, doc: d.doc.clone(), label }
}

/// Between the commas that stand in no brackets.
fn parts(list: &str) -> Vec<String> {
    let (mut depth, mut found, mut part) = (0usize, Vec::new(), String::new());
    for c in list.chars() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(std::mem::take(&mut part).trim().to_owned());
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    if !part.trim().is_empty() {
        found.push(part.trim().to_owned());
    }
    found
}

/// The function whose parentheses are open, and how many commas stand before the offset.
fn call_around(text: &str, all: &[Word], offset: usize) -> Option<(ast::Path, usize)> {
    let started = all.partition_point(|w| w.start < offset);
    let (mut depth, mut commas) = (0usize, 0);
    for i in (0..started).rev() {
        let w = all.get(i)?;
        if w.kind != Kind::Sign {
            continue;
        }
        match w.text(text) {
            ")" | "]" if w.end <= offset => depth += 1,
            "(" | "[" if depth > 0 => depth -= 1,
            "," if depth == 0 => commas += 1,
            "{" | "}" => return None,
            "(" => {
                let mut names = Vec::new();
                let mut at = i;
                while let Some(name) = at.checked_sub(1).and_then(|j| all.get(j)).filter(|n| n.is_name()) {
                    let span = crate::source::Span::new(FileId(0), name.start, name.end);
                    names.push(ast::Name { text: name.text(text).trim_matches('`').to_owned(), span });
                    let dot = at.checked_sub(2).and_then(|j| all.get(j)).filter(|d| d.is(text, "."));
                    if dot.is_none() {
                        break;
                    }
                    at -= 2;
                }
                names.reverse();
                let span = names.first()?.span;
                return Some((ast::Path { names, span }, commas));
            }
            _ => {}
        }
    }
    None
}
