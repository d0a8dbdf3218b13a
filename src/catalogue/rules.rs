//! A dataset's rules in words, with what came of them.

use maud::{Markup, html};

use crate::diagnostics::paint::visible;
use crate::hir::{Contract, Over, Privacy, Promotion, Rule, RuleKind, Template, queries};
use crate::report::numbers::{counted, grouped, percent};
use crate::report::page::{prose, words};
use crate::suite::words::{consequences, past};

use crate::report::past::Verdict;
use super::{Book, history, page_of, slug, state};

const UP: &str = "../";

/// Of a contract and of the promotion into it, whose rules come last. What columns ask by their types alone stands
/// with the columns.
pub fn section(book: &Book<'_>, contract: &Contract, promotion: Option<&Promotion>) -> Markup {
    let claim = |rule: &Rule| {
        let column = rule.name.split('.').next().and_then(|name| contract.column(name));
        column.is_some() && rule.because.is_none() && rule.fix.is_none() && rule.doc.is_empty()
    };
    let (claims, told): (Vec<_>, Vec<_>) = told(contract, promotion).into_iter().partition(|(rule, _)| claim(rule));
    html! {
        @if !told.is_empty() || !claims.is_empty() {
            section {
                h2 #rules { "Rules" }
                @for (rule, promoted) in told { (article(book, contract, rule, promoted)) }
                @if !claims.is_empty() { (table(book, contract, &claims)) }
            }
        }
    }
}

/// What columns ask, a line each.
fn table(book: &Book<'_>, contract: &Contract, claims: &[(&Rule, bool)]) -> Markup {
    html! {
        div.wide tabindex="0" role="group" aria-label="Rules of columns" { table.claims {
            caption { "What columns ask" }
            thead { tr {
                th scope="col" { "rule" } th scope="col" { "asks" } th scope="col" { "if it is broken" }
                @if book.of.past.is_some() { th scope="col" { "last" } }
            } }
            tbody { @for (rule, _) in claims {
                @let last = last(book, contract, rule);
                tr id={ "rule-" (slug(&rule.name)) } {
                    th scope="row" { (visible(&rule.name)) }
                    td { (statement(book, contract, rule)) }
                    td { (consequences(rule).join("; ")) }
                    @if book.of.past.is_some() { td { @if let Some(verdict) = last.last() { (outcome(verdict)) } } }
                }
            } }
        } }
    }
}

fn last<'b>(book: &'b Book<'_>, contract: &Contract, rule: &Rule) -> Vec<&'b Verdict> {
    book.of.past.map(|past| past.last_verdicts(&contract.dataset, &rule.name)).unwrap_or_default()
}

/// The rules that have an entry of their own, each with whether it is the promotion's.
pub fn told<'a>(contract: &'a Contract, promotion: Option<&'a Promotion>) -> Vec<(&'a Rule, bool)> {
    let own = contract.rules.iter().filter(|rule| !is_plain(rule)).map(|rule| (rule, false));
    own.chain(promotion.iter().flat_map(|p| &p.rules).map(|rule| (rule, true))).collect()
}

/// Whether a rule says no more than its column's type.
fn is_plain(rule: &Rule) -> bool {
    let required = rule.name.ends_with(".required") && rule.because.is_none() && rule.fix.is_none();
    matches!(rule.kind, RuleKind::Type { .. } | RuleKind::Mapping { .. }) || required
}

fn article(book: &Book<'_>, contract: &Contract, rule: &Rule, promoted: bool) -> Markup {
    let last = last(book, contract, rule);
    let text = |template: &Option<Template>| template.as_ref().map(|t| t.fill(|_| None));
    let included = book.written.included(rule);
    html! {
        article.rule id={ "rule-" (slug(&rule.name)) } {
            h3 { code { (visible(&rule.name)) } @for tag in &rule.tags { " " span.tag { (visible(tag)) } } }
            p.statement { (statement(book, contract, rule)) }
            @let looked_at = past(rule);
            @if !looked_at.is_empty() { p { "The past: " (looked_at.join("; ")) "." } }
            (prose(&rule.doc))
            @if let Some(included) = &included { (super::dataset::lead(&included.set.doc)) }
            p { "If it is broken: " (consequences(rule).join("; ")) "." @if promoted { " A rule of the promotion." } }
            dl.said {
                @if let Some(because) = text(&rule.because) { div { dt { "because" } dd { (words(&because)) } } }
                @if let Some(fix) = text(&rule.fix) { div { dt { "fix" } dd { (words(&fix)) } } }
            }
            @if let Some(verdict) = last.last() {
                p.last {
                    (history::spark(&last))
                    (outcome(verdict))
                    span.dim { "in the last batch, " (visible(&state::shown(book.of, &contract.dataset, &verdict.batch))) }
                }
            }
            @if !is_hidden(contract, rule) { details {
                summary { "As it is written, " (visible(&book.written.place(rule.span))) }
                (book.written.block(rule.span))
                @if let Some(included) = &included {
                    p.dim { "and in " (visible(&book.written.place(included.rule.span))) }
                    (book.written.block(included.rule.span))
                }
            } }
        }
    }
}

/// Whether a rule lists what a personal or secret column may hold: values that no page tells.
fn is_hidden(contract: &Contract, rule: &Rule) -> bool {
    let column = rule.name.split('.').next().and_then(|name| contract.column(name));
    column.is_some_and(|c| c.privacy != Privacy::Public && c.values.is_some())
}

/// What a rule asks, in one sentence.
fn statement(book: &Book<'_>, contract: &Contract, rule: &Rule) -> Markup {
    let (column, claim) = rule.name.split_once('.').unwrap_or((&rule.name, ""));
    let of_column = contract.column(column).is_some();
    let included = book.written.included(rule);
    let condition = || match &included {
        Some(included) => book.written.inline(included.rule.cond.span()),
        None => book.written.inline(rule.condition_span),
    };
    let what = match &rule.kind {
        RuleKind::Type { column } => html! { "The files have " (name(column)) " in a type that can be read as it is declared" },
        RuleKind::Mapping { column } => html! { "The value of " (name(column)) " can be computed" },
        RuleKind::Row { .. } if of_column && claim == "required" => html! { (name(column)) " is never null" },
        RuleKind::Row { .. } if is_hidden(contract, rule) => html! { "Every " (name(column)) " is one of those that its contract lists" },
        RuleKind::Row { .. } if of_column && claim == "where" => html! { "Of every " (name(column)) ", " (condition()) },
        RuleKind::Row { .. } if of_column => {
            let decl = book.written.type_of(claim);
            let refinement = decl.and_then(|decl| book.written.refinement(decl));
            html! {
                "Every " (name(column)) " is a "
                @match decl.filter(|decl| book.written.is_own(decl)) {
                    Some(decl) => a href={ (UP) "types.html#type-" (slug(&decl.name.text)) } { (visible(claim)) },
                    None => (visible(claim)),
                }
                @if let Some(span) = refinement { ": " (book.written.inline(span)) }
            }
        }
        RuleKind::Row { .. } => html! { "In every row, " (condition()) },
        RuleKind::Unique { by, keep, key } => html! {
            @if *key { "No two rows of the table share the key " } @else { "No two rows share " }
            @for (i, e) in by.iter().enumerate() {
                @if i > 0 { ", " }
                @match &e.kind {
                    crate::hir::ExprKind::Column(column) => (name(column)),
                    _ => (book.written.inline(e.span)),
                }
            }
            @if let Some(keep) = keep {
                "; of those that do, the " @if keep.last { "last" } @else { "first" } " by " (book.written.inline(keep.by.span)) " stays"
            }
        },
        RuleKind::References { columns, dataset, target } => html! {
            (names(columns)) " stands in " a href={ (UP) (page_of(dataset)) } { (visible(dataset)) } " as " (names(target))
        },
        RuleKind::Aggregate { .. } => html! {
            @match &rule.for_each {
                Some(each) => {
                    "For each "
                    @for (i, (by, _)) in each.by.iter().enumerate() { @if i > 0 { ", " } (name(by)) }
                    " of "
                },
                None => "Over ",
            }
            "the batch" ", " (condition())
        },
        RuleKind::NoRows { sql } => html! {
            "This query"
            @for (i, read) in queries::named(sql, book.checked()).filter(|c| c.dataset != contract.dataset).enumerate() {
                (if i == 0 { ", which reads " } else { ", " }) a href={ (UP) (page_of(&read.dataset)) } { (visible(&read.dataset)) }
            }
            " finds no rows: " (condition())
        },
    };
    html! {
        (what)
        @if let Some(when) = rule.when.as_ref() {
            @if included.is_none() { ", where " (book.written.inline(when.span)) }
        }
        @match rule.over {
            Over::Batch => {},
            Over::Input => { " (over the rows as they arrived)" },
            Over::Table if matches!(rule.kind, RuleKind::Unique { key: true, .. }) => {},
            Over::Table => { " (over the table as it would be)" },
        }
        "."
    }
}

fn name(column: &str) -> Markup {
    html! { code { (visible(column)) } }
}

fn names(columns: &[String]) -> Markup {
    html! { @for (i, column) in columns.iter().enumerate() { @if i > 0 { ", " } (name(column)) } }
}

/// What came of it last.
fn outcome(verdict: &Verdict) -> Markup {
    let class = match (verdict.verdict.as_str(), verdict.action.as_str()) {
        (_, "block") => "bad",
        (_, "warn" | "quarantine") | ("violated", _) => "odd",
        ("not_evaluated", _) => "open",
        _ => "good",
    };
    html! {
        span class=(class) {
            @match verdict.verdict.as_str() {
                "violated" if verdict.checked > 1 => {
                    "broken by " (grouped(verdict.violations)) " of " (counted(verdict.checked, "row"))
                    " (" (percent(verdict.violations, verdict.checked)) ")"
                },
                "violated" => "broken",
                "not_evaluated" => "not evaluated",
                _ => "passed",
            }
            @match verdict.action.as_str() {
                "block" => ": blocked the batch",
                "quarantine" => ": rows were held back",
                "warn" => ": warned",
                _ => {},
            }
        }
    }
}
