//! What the text leaves unsaid: types that are inferred, and what null means where nobody wrote it.

use std::ops::Range;

use crate::hir::{Nulls, RuleKind};
use crate::source::{FileId, Span};
use crate::syntax::ast::{self, RuleMod};

use super::View;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub offset: usize,
    pub text: String,
    /// Why it says so.
    pub why: String,
}

impl View<'_> {
    pub fn hints(&self, file: FileId, within: Range<usize>) -> Vec<Hint> {
        let Some(tree) = self.tree(file) else { return Vec::new() };
        let mut found = Vec::new();
        for item in &tree.items {
            match item {
                ast::Item::Contract(c) => self.of_contract(c, &mut found),
                ast::Item::Promote(p) => self.of_promotion(p, &mut found),
                _ => {}
            }
        }
        found.retain(|h| within.start <= h.offset && h.offset <= within.end);
        found
    }

    fn of_contract(&self, c: &ast::Contract, found: &mut Vec<Hint>) {
        let dataset = c.dataset.text();
        let Some(checked) = self.checked_contract(&dataset).filter(|k| k.head == c.head) else { return };
        for part in &c.parts {
            match part {
                ast::Part::Columns(columns) => {
                    for item in &columns.items {
                        let ast::ColumnItem::Column(column) = item else { continue };
                        let Some(known) = checked.columns.iter().find(|k| k.span == column.name.span) else { continue };
                        if known.type_name.is_some() {
                            let text = format!(" = {}", known.ty);
                            let why = "What the declared type stands for.".to_owned();
                            found.push(Hint { offset: column.refined.ty.span.end as usize, text, why });
                        }
                    }
                }
                ast::Part::Rules(items, _) => self.of_rules(items, &dataset, found),
                _ => {}
            }
        }
    }

    fn of_rules(&self, items: &[ast::RuleItem], dataset: &str, found: &mut Vec<Hint>) {
        for item in items {
            let ast::RuleItem::Rule(rule) = item else { continue };
            let Some((_, known)) = self.checked_rule(dataset, &rule.name.text).filter(|(_, k)| k.span == rule.span) else {
                continue;
            };
            match &known.kind {
                RuleKind::Row { condition } if condition.nullable && !rule.mods.iter().any(|m| matches!(m, RuleMod::Nulls(_))) => {
                    let written = self.contract(dataset).is_some_and(|c| c.parts.iter().any(|p| matches!(p, ast::Part::Nulls(_))));
                    let text = if known.nulls == Nulls::Pass { " nulls pass" } else { " nulls fail" };
                    let why = if written { "The contract says so." } else { "Nobody says what null means here: as in SQL's CHECK, it passes." };
                    found.push(Hint { offset: early_end(rule) as usize, text: text.to_owned(), why: why.to_owned() });
                }
                RuleKind::Aggregate { value: Some(value), .. } if !matches!(value.ty, crate::hir::Type::Error) => {
                    let why = "The type of the measured value.".to_owned();
                    let span = value.span;
                    if inside(rule.span, span) && span.end > span.start {
                        found.push(Hint { offset: span.end as usize, text: format!(": {}", value.ty), why });
                    }
                }
                _ => {}
            }
        }
    }

    fn of_promotion(&self, p: &ast::Promote, found: &mut Vec<Hint>) {
        let dataset = p.to.text();
        let checked = self.checked.promotions.iter().find(|k| k.head == p.head);
        for item in &p.items {
            match item {
                ast::PromoteItem::With { maps, .. } => {
                    for map in maps {
                        let known = checked.and_then(|k| k.mappings.iter().find(|m| m.written && inside(map.span, m.value.span)));
                        if let Some(known) = known {
                            let null = if known.value.nullable { "?" } else { "" };
                            let text = format!(": {}{null}", known.value.ty);
                            found.push(Hint { offset: map.value.span.end as usize, text, why: "The type that the column takes.".to_owned() });
                        }
                    }
                }
                ast::PromoteItem::Rules(items, _) => self.of_rules(items, &dataset, found),
                _ => {}
            }
        }
    }
}

fn inside(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}

/// Where `nulls` would be written: behind the condition and what stands before it in the formatter's order.
fn early_end(rule: &ast::Rule) -> u32 {
    let mods = rule.mods.iter().filter_map(|m| match m {
        RuleMod::When(_, span) | RuleMod::ForEach { span, .. } | RuleMod::Over(_, span) => Some(span.end),
        _ => None,
    });
    mods.fold(rule.cond.span().end, u32::max)
}
