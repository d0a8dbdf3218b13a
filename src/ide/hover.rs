//! What a name is: as declared, in words, and what was last measured of it.

use crate::check::infer::calls::signature;
use crate::hir::{self, Privacy, Type};
use crate::resolve::{Decl, fold};
use crate::source::{FileId, Span};
use crate::suite::judge::show;
use crate::suite::words::sentences;

use super::index::{Symbol, span_of};
use super::tokens::is_keyword;
use super::words::{Kind, words};
use super::{View, aggregates, vocabulary};

/// What is shown: the declaration in the language, then Markdown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hover {
    pub span: Span,
    pub code: String,
    pub doc: String,
    /// Each under its heading.
    pub facts: Vec<(String, String)>,
}

impl Hover {
    fn fact(&mut self, head: &str, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.facts.push((head.to_owned(), text));
        }
    }
}

impl View<'_> {
    pub fn hover(&self, file: FileId, offset: usize) -> Option<Hover> {
        let Some(found) = self.at(file, offset) else { return self.hover_word(file, offset) };
        let mut hover = Hover { span: found.span, ..Hover::default() };
        match &found.symbol {
            Symbol::Column { dataset, column } => self.hover_column(dataset, column, &mut hover)?,
            Symbol::Rule { dataset, rule } => self.hover_rule(dataset, rule, &mut hover)?,
            Symbol::Dataset(name) => self.hover_dataset(name, &mut hover)?,
            Symbol::Declared(name) => self.hover_declared(*name, &mut hover)?,
            Symbol::Local(name) => hover.code = self.line_of(*name),
            Symbol::Builtin(name) => {
                let a = aggregates::find(name)?;
                hover.code = a.signature();
                a.doc.clone_into(&mut hover.doc);
            }
            Symbol::Layer(name) => {
                let place = self.setting.layers.iter().position(|l| fold(l) == *name)?;
                hover.doc = format!("Layer `{name}`, number {} of {} from upstream down.", place + 1, self.setting.layers.len());
            }
            Symbol::Channel(name) => {
                let known = self.setting.channels.iter().any(|c| fold(c) == *name);
                hover.doc = format!("Channel `{name}` {} dqc.toml.", if known { "of" } else { "is not in" });
            }
            Symbol::Module(path) => hover.doc = format!("Module `{path}`."),
            Symbol::Tag(name) => hover.doc = format!("Tag `{name}`."),
        }
        Some(hover)
    }

    fn hover_word(&self, file: FileId, offset: usize) -> Option<Hover> {
        let text = self.source(file).text.as_str();
        let all = words(text);
        let i = all.iter().position(|w| w.kind == Kind::Word && w.start <= offset && offset <= w.end)?;
        let w = all.get(i)?;
        let before = i.checked_sub(1).and_then(|i| all.get(i));
        if !is_keyword(text, w, before, all.get(i + 1)) {
            return None;
        }
        let term = vocabulary::explain(&w.text(text).to_ascii_lowercase())?;
        let span = Span::new(file, w.start, w.end);
        Some(Hover { span, doc: format!("`{}`: {}", term.word, term.doc), ..Hover::default() })
    }

    /// The source, its lines after the first moved left as far as the first one stands.
    pub(super) fn excerpt(&self, span: Span) -> String {
        let source = self.source(span.file);
        let before = source.text.get(..span.start as usize).unwrap_or("");
        let line = before.rsplit('\n').next().unwrap_or("");
        let indent = line.len() - line.trim_start().len();
        let dedent = |l: &str| {
            let own = l.len() - l.trim_start().len();
            l.get(own.min(indent)..).unwrap_or("").to_owned()
        };
        let mut lines = source.slice(span).lines();
        let first = lines.next().unwrap_or("").to_owned();
        std::iter::once(first).chain(lines.map(dedent)).collect::<Vec<_>>().join("\n")
    }

    fn line_of(&self, span: Span) -> String {
        let source = self.source(span.file);
        source.line(source.place(span.start as usize).line).trim().to_owned()
    }

    fn hover_column(&self, dataset: &str, column: &str, hover: &mut Hover) -> Option<()> {
        let written = self.column(dataset, column)?;
        let declared = self.source(written.span.file).slice(written.refined.span);
        hover.code = format!("{}: {declared}", written.name.text);
        hover.doc = written.doc.clone();
        let contract = self.contract(dataset)?;
        hover.fact("column of", contract.dataset.text());
        if let Some(checked) = self.checked_contract(dataset).and_then(|c| c.columns.iter().find(|c| c.span == written.name.span)) {
            hover.fact("type", kind_of_column(checked));
        }
        let checked = self.checked_contract(dataset);
        let judging: Vec<&hir::Rule> = checked.iter().flat_map(|c| &c.rules).filter(|r| reads(r, column)).collect();
        if !judging.is_empty() {
            hover.fact("judged by", if judging.len() == 1 { "one rule".to_owned() } else { format!("{} rules", judging.len()) });
        }
        // What was measured of it, where a ledger says so.
        let claims = checked.iter().flat_map(|c| &c.rules).filter(|r| r.name.split_once('.').is_some_and(|(first, _)| fold(first) == column));
        for rule in claims.chain(judging) {
            if let Some(last) = self.past.rule(dataset, &rule.name) {
                hover.fact(&format!("`{}`", rule.name), last.in_words());
            }
        }
        Some(())
    }

    fn hover_rule(&self, dataset: &str, rule: &str, hover: &mut Hover) -> Option<()> {
        let written = self.rule(dataset, rule)?;
        hover.code = self.excerpt(written.definition().whole);
        if let Some((contract, rule)) = self.checked_rule(dataset, rule) {
            hover.doc = rule.doc.clone();
            for (head, text) in sentences(contract, rule) {
                hover.fact(head, text);
            }
        }
        if let Some(last) = self.past.rule(dataset, rule) {
            hover.fact("last verdict", last.in_words());
        }
        Some(())
    }

    /// Of a promotion into the dataset, too.
    pub(super) fn checked_rule(&self, dataset: &str, rule: &str) -> Option<(&hir::Contract, &hir::Rule)> {
        let contract = self.checked_contract(dataset)?;
        let promoted = self.checked.promotion_to(&contract.dataset);
        let mut all = contract.rules.iter().chain(promoted.iter().flat_map(|p| &p.rules));
        let wanted = fold(rule);
        all.find(|r| fold(&r.name) == wanted).map(|r| (contract, r))
    }

    fn hover_dataset(&self, name: &str, hover: &mut Hover) -> Option<()> {
        let contract = self.contract(name)?;
        hover.code = self.source(contract.span.file).slice(contract.head).to_owned();
        hover.doc = contract.doc.clone();
        if let Some(checked) = self.checked_contract(name) {
            hover.fact("owner", checked.owner.clone().unwrap_or_default());
            let key: Vec<&str> = checked.key().map(|c| c.name.as_str()).collect();
            hover.fact("key", key.join(", "));
            let rules = self.rules(name).len();
            hover.fact("holds", format!("{} columns, {rules} rules", checked.columns.len()));
            if let Some(p) = self.checked.promotion_to(&checked.dataset) {
                hover.fact("filled from", p.from.clone());
            }
        }
        if let Some(batch) = self.past.batch(name) {
            hover.fact("last batch", batch.in_words());
        }
        Some(())
    }

    fn hover_declared(&self, name: Span, hover: &mut Hover) -> Option<()> {
        let all = self.overloads(name);
        let mut code = Vec::new();
        for decl in &all {
            code.push(match decl {
                Decl::Fn(d) if d.body.is_none() => format!("extern fn {}", signature(d)),
                other => self.excerpt(span_of(*other)?),
            });
        }
        hover.code = code.join("\n");
        hover.doc = match all.first()? {
            Decl::Fn(d) => d.doc.clone(),
            Decl::Type(d) => d.doc.clone(),
            Decl::Rules(d) => d.doc.clone(),
            Decl::Calendar(d) => d.doc.clone(),
            Decl::Broken => String::new(),
        };
        if self.is_library(name.file) {
            hover.fact("from", "the standard library");
        }
        Some(())
    }
}

/// `string, never null, one of "a", "b"; shown masked`
fn kind_of_column(c: &hir::Column) -> String {
    let mut text = c.ty.to_string();
    if c.ty != Type::Error {
        text.push_str(if c.nullable { ", may be null" } else { ", never null" });
    }
    if c.key {
        text.push_str(", part of the key");
    }
    if let Some(values) = &c.values {
        let shown: Vec<String> = values.iter().take(12).map(show).collect();
        let more = if values.len() > 12 { ", …" } else { "" };
        text.push_str(&format!(", one of {}{more}", shown.join(", ")));
    }
    match c.privacy {
        Privacy::Public => {}
        Privacy::Personal => text.push_str("; personal: shown masked"),
        Privacy::Secret => text.push_str("; secret: never shown"),
    }
    text
}

/// Whether a rule that is no claim of the column reads it.
fn reads(rule: &hir::Rule, column: &str) -> bool {
    use hir::RuleKind::*;
    let mut roots: Vec<&hir::Expr> = rule.when.iter().collect();
    match &rule.kind {
        Row { condition } | Aggregate { condition, .. } => roots.push(condition),
        Unique { by, .. } => roots.extend(by),
        References { columns, .. } => return columns.iter().any(|c| fold(c) == column),
        Type { .. } | Mapping { .. } | NoRows { .. } => {}
    }
    let own = rule.name.split('.').next().is_some_and(|first| fold(first) == column);
    let named = &mut |e: &hir::Expr| matches!(&e.kind, hir::ExprKind::Column(name) if fold(name) == column);
    !own && roots.into_iter().any(|e| e.any(named))
}
