//! Rules in words, as they are written, with what they said.

use maud::{Markup, html};

use super::lineage::expressions;
use super::{Material, anchor, past, prose};
use crate::diagnostics::paint::visible;
use crate::hir::{Contract, ExprKind, Privacy, Promotion, Rule, RuleKind};
use crate::report::html::code::{Literals, excerpt};
use crate::suite::words::sentences;

/// The written rules, then what columns claim.
pub fn section(material: &Material<'_>, contract: &Contract, promotion: Option<&Promotion>) -> Markup {
    let (claims, written): (Vec<&Rule>, Vec<&Rule>) = contract.rules.iter().partition(|rule| claimed(contract, rule).is_some());
    let promoted: Vec<&Rule> = promotion.iter().flat_map(|p| &p.rules).collect();
    html! {
        section {
            h2 #rules { "Rules" }
            @if written.is_empty() && promoted.is_empty() { p { "None beside what its columns claim." } }
            @for rule in &written { (article(material, contract, rule)) }
            @if !promoted.is_empty() {
                h3.of { "Asked of what is promoted into it" }
                @for rule in &promoted { (article(material, contract, rule)) }
            }
            @if !claims.is_empty() { (table(material, contract, &claims)) }
        }
    }
}

/// The column that claims it: `id.required`.
pub fn claimed<'c>(contract: &'c Contract, rule: &Rule) -> Option<&'c str> {
    let (column, _) = rule.name.rsplit_once('.')?;
    contract.column(column).map(|column| column.name.as_str())
}

fn article(material: &Material<'_>, contract: &Contract, rule: &Rule) -> Markup {
    let literals = if is_personal(contract, rule) { Literals::Hidden } else { Literals::Shown };
    html! {
        article.plain id=(anchor("rule", &rule.name)) {
            h3 { (visible(&rule.name)) }
            (prose(&rule.doc))
            @if let Some(text) = excerpt(material.sources, rule.span, literals) { pre tabindex="0" { code { (text) } } }
            dl { @for (head, words) in words(contract, rule) { dt { (head) } dd { (visible(&words)) } } }
            @if let Some(said) = material.past.and_then(|past| past::of_rule(past, &contract.dataset, &rule.name)) { (said) }
        }
    }
}

/// As `dqc explain` says it, without what the page says already; rows made up for personal columns are left out.
fn words(contract: &Contract, rule: &Rule) -> Vec<(&'static str, String)> {
    let personal = is_personal(contract, rule);
    let kept = |head: &str| !matches!(head, "owner" | "tags") && !(personal && matches!(head, "passes" | "breaks"));
    sentences(contract, rule).into_iter().filter(|(head, _)| kept(head)).collect()
}

fn table(material: &Material<'_>, contract: &Contract, claims: &[&Rule]) -> Markup {
    html! {
        details {
            summary { (claims.len()) " more that its columns claim" }
            div.wide tabindex="0" { table {
                thead { tr {
                    th scope="col" { "rule" } th scope="col" { "kind" } th scope="col" { "where it is broken" }
                    @if material.past.is_some() { th scope="col" { "last" } }
                } }
                tbody { @for rule in claims {
                    @let broken = sentences(contract, rule).into_iter().find(|(head, _)| *head == "broken").map(|(_, words)| words);
                    tr id=(anchor("rule", &rule.name)) {
                        th scope="row" { (visible(&rule.name)) }
                        td { (rule.kind.name()) }
                        td { (broken.unwrap_or_default()) }
                        @if let Some(past) = material.past { td { (past::last_of_rule(past, &contract.dataset, &rule.name).unwrap_or_default()) } }
                    }
                } }
            } }
        }
    }
}

/// Whether it reads a column whose values not everybody may see.
fn is_personal(contract: &Contract, rule: &Rule) -> bool {
    let hidden = |name: &str| contract.column(name).is_some_and(|column| column.privacy != Privacy::Public);
    let named = match &rule.kind {
        RuleKind::NoRows { sql } => {
            let sql = sql.to_lowercase();
            contract.columns.iter().any(|c| c.privacy != Privacy::Public && sql.contains(&c.name.to_lowercase()))
        }
        RuleKind::References { columns, .. } => columns.iter().any(|name| hidden(name)),
        RuleKind::Type { column } | RuleKind::Mapping { column } => hidden(column),
        RuleKind::Row { .. } | RuleKind::Unique { .. } | RuleKind::Aggregate { .. } => false,
    };
    let read = &mut |e: &crate::hir::Expr| matches!(&e.kind, ExprKind::Column(name) if hidden(name));
    named || expressions(rule).into_iter().any(|expr| expr.any(read))
}
