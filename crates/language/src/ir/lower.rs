//! Contracts and promotions become plans.

use sha2::{Digest, Sha256};

use super::{Beside, Location, Plan, PlanColumn, PlanRule, SourceColumn, Stage};
use crate::hir::{
    Action, Act, Among, Checked, Column, Contract, Expr, ExprKind, Mapping, Nulls, Over, Promotion, Rule, RuleKind,
    Type, queries,
};
use crate::source::{SourceMap, Span};

/// Judges data against a contract as it is: every column is the files' own.
pub fn audit(checked: &Checked, sources: &SourceMap, dataset: &str) -> Option<Plan> {
    let contract = checked.contract(dataset)?;
    let mut plan = plan(contract, contract, sources);
    plan.columns = contract.columns.iter().map(|c| column(c, Some(own(c)))).collect();
    inherit(&mut plan, checked);
    plan.rules = contract.rules.iter().map(|r| planned(r, sources)).collect();
    plan.beside = beside(checked, &plan.rules);
    plan.digest = digest(&serde_json::to_vec(contract).ok()?);
    Some(plan)
}

/// Judges what a promotion would put into its target.
pub fn promotion(checked: &Checked, sources: &SourceMap, promotion: &Promotion) -> Option<Plan> {
    let (from, to) = (checked.contract(&promotion.from)?, checked.contract(&promotion.to)?);
    let mut plan = plan(to, from, sources);
    plan.promotion = Some(promotion.name());
    plan.write = Some(promotion.write.clone());
    let mapping = |c: &Column| promotion.mappings.iter().find(|m| m.column == c.name);
    plan.columns = to.columns.iter().map(|c| column(c, mapping(c).map(|m| m.value.without_spans()))).collect();
    inherit(&mut plan, checked);
    let mut rules: Vec<PlanRule> = to.rules.iter().chain(&promotion.rules).map(|r| planned(r, sources)).collect();
    for target in &to.columns {
        let Some(mapping) = mapping(target) else { continue };
        let judged = |r: &PlanRule| matches!(&r.rule.kind, RuleKind::Mapping { column } if column == &target.name);
        if can_fail(&mapping.value, &target.ty) && !rules.iter().any(judged) {
            let at = rules.iter().position(|r| belongs(&r.rule, &target.name)).unwrap_or(0);
            rules.insert(at, planned(&cast_rule(mapping, target), sources));
        }
    }
    plan.rules = rules;
    plan.beside = beside(checked, &plan.rules);
    plan.digest = digest(&serde_json::to_vec(&(from, to, promotion)).ok()?);
    Some(plan)
}

/// Columns are as private as what they come from, and those of the source as what is made of them: its rows are shown when
/// they are held back.
fn inherit(plan: &mut Plan, checked: &Checked) {
    for column in &mut plan.columns {
        column.privacy = checked.privacy(&plan.dataset, &column.name);
    }
    for source in &mut plan.source {
        source.privacy = checked.privacy(&plan.source_dataset, &source.name);
        let reads = |value: &Expr| value.columns().contains(&source.name.as_str());
        let made = plan.columns.iter().filter(|target| target.ty != Type::Boolean && target.value.as_ref().is_some_and(reads));
        let most = made.map(|target| target.privacy).max().unwrap_or_default();
        source.privacy = source.privacy.max(most);
    }
}

fn plan(contract: &Contract, source: &Contract, sources: &SourceMap) -> Plan {
    Plan {
        dataset: contract.dataset.clone(),
        version: contract.version.clone(),
        digest: String::new(),
        owner: contract.owner.clone(),
        promotion: None,
        source: source.columns.iter().map(source_column).collect(),
        source_dataset: source.dataset.clone(),
        source_zone: source.zone.clone(),
        source_other: source.other,
        columns: Vec::new(),
        other: contract.other,
        beside: Vec::new(),
        rules: Vec::new(),
        quarantine_cap: contract.quarantine_cap,
        write: None,
        location: location(contract.head, sources),
        source_location: location(source.head, sources),
    }
}

/// The other datasets that rules read: those of aggregates, and those that rules in SQL name.
fn beside(checked: &Checked, rules: &[PlanRule]) -> Vec<Beside> {
    let mut read = std::collections::BTreeSet::new();
    for planned in rules {
        match &planned.rule.kind {
            RuleKind::NoRows { sql } => read.extend(queries::named(sql, checked).map(|c| c.dataset.clone())),
            RuleKind::Aggregate { condition, .. } | RuleKind::Row { condition } => self::read(condition, &mut read),
            _ => {}
        }
        if let Some(Among::Dataset { dataset, .. }) = planned.rule.for_each.as_ref().and_then(|e| e.among.as_ref()) {
            read.insert(dataset.clone());
        }
    }
    let named = |c: &&Contract| read.contains(&c.dataset);
    let inherited = |dataset: &str, c: SourceColumn| SourceColumn { privacy: checked.privacy(dataset, &c.name), ..c };
    let columns = |c: &Contract| c.columns.iter().map(source_column).map(|column| inherited(&c.dataset, column)).collect();
    let of = |c: &Contract| Beside { dataset: c.dataset.clone(), columns: columns(c) };
    checked.contracts.iter().filter(named).map(of).collect()
}

fn source_column(c: &Column) -> SourceColumn {
    SourceColumn { name: c.name.clone(), ty: c.ty.clone(), nullable: c.nullable, privacy: c.privacy }
}

fn column(c: &Column, value: Option<Expr>) -> PlanColumn {
    PlanColumn {
        name: c.name.clone(),
        ty: c.ty.clone(),
        nullable: c.nullable,
        key: c.key,
        privacy: c.privacy,
        was: c.was.clone(),
        value,
    }
}

/// The files' column itself.
fn own(c: &Column) -> Expr {
    Expr::column(&c.name, c.ty.clone(), c.nullable, c.span)
}

fn planned(rule: &Rule, sources: &SourceMap) -> PlanRule {
    PlanRule { rule: bare(rule), stage: stage(&rule.kind), location: location(rule.span, sources) }
}

/// Without the places of its expressions, so that what means the same is the same.
fn bare(rule: &Rule) -> Rule {
    let mut rule = rule.clone();
    let own = match &mut rule.kind {
        RuleKind::Type { .. } | RuleKind::Mapping { .. } | RuleKind::References { .. } | RuleKind::NoRows { .. } => {
            Vec::new()
        }
        RuleKind::Row { condition } => vec![condition],
        RuleKind::Unique { by, keep, .. } => by.iter_mut().chain(keep.as_mut().map(|k| &mut k.by)).collect(),
        RuleKind::Aggregate { condition, value, limit } => {
            [Some(condition), value.as_mut(), limit.as_mut()].into_iter().flatten().collect()
        }
    };
    let groups = rule.for_each.iter_mut().flat_map(|each| each.by.iter_mut().map(|(_, e)| e));
    for expr in own.into_iter().chain(rule.when.as_mut()).chain(groups) {
        *expr = expr.without_spans();
    }
    rule
}

fn stage(kind: &RuleKind) -> Stage {
    match kind {
        RuleKind::Type { .. } => Stage::Schema,
        RuleKind::Mapping { .. } | RuleKind::Row { .. } => Stage::Row,
        RuleKind::References { .. } => Stage::References,
        RuleKind::Unique { .. } => Stage::Unique,
        RuleKind::Aggregate { .. } | RuleKind::NoRows { .. } => Stage::Batch,
    }
}

/// A place in the sources as plans and reports name it.
pub fn location(span: Span, sources: &SourceMap) -> Location {
    if span.file.0 as usize >= sources.iter().count() {
        return Location::default();
    }
    let file = sources.get(span.file);
    let (start, end) = (file.place(span.start as usize), file.place(span.end as usize));
    Location {
        file: file.path.clone(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}

fn belongs(rule: &Rule, column: &str) -> bool {
    rule.name.strip_prefix(column).is_some_and(|rest| rest.starts_with('.'))
}

/// Holds back the rows for which a column's mapping cannot be computed.
fn cast_rule(mapping: &Mapping, target: &Column) -> Rule {
    Rule {
        name: format!("{}.cast", target.name),
        kind: RuleKind::Mapping { column: target.name.clone() },
        when: None,
        for_each: None,
        over: Over::Batch,
        nulls: Nulls::Pass,
        actions: vec![Action { act: Act::Quarantine, above: None }],
        if_not_evaluated: None,
        because: None,
        fix: None,
        tags: Vec::new(),
        doc: String::new(),
        span: mapping.value.span,
        condition_span: mapping.value.span,
    }
}

/// Whether a mapping can fail for some row.
fn can_fail(value: &Expr, target: &Type) -> bool {
    &value.ty != target || !matches!(value.kind, ExprKind::Column(_) | ExprKind::Literal(_))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

impl Plan {
    /// Every dataset that a rule reads, sorted.
    pub fn datasets(&self) -> Vec<String> {
        let mut found = std::collections::BTreeSet::new();
        for planned in &self.rules {
            let rule = &planned.rule;
            match &rule.kind {
                RuleKind::References { dataset, .. } => {
                    found.insert(dataset.clone());
                }
                RuleKind::Aggregate { condition, .. } | RuleKind::Row { condition } => read(condition, &mut found),
                _ => {}
            }
            if let Some(Among::Dataset { dataset, .. }) = rule.for_each.as_ref().and_then(|e| e.among.as_ref()) {
                found.insert(dataset.clone());
            }
        }
        found.extend(self.beside.iter().map(|b| b.dataset.clone()));
        found.into_iter().collect()
    }
}

fn read(expr: &Expr, found: &mut std::collections::BTreeSet<String>) {
    expr.visit(&mut |e| {
        if let ExprKind::Aggregate(a) = &e.kind
            && let crate::hir::Rows::Dataset(dataset) = &a.rows
        {
            found.insert(dataset.clone());
        }
    });
}
