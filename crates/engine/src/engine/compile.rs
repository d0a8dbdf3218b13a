//! A plan made ready to run over batches: every expression in one program, every rule with the nodes it needs.

use std::collections::{BTreeMap, BTreeSet};

use super::aggregates::Metric;
use super::expr::{Names, NodeId, Program};
use super::sources::text::CORRUPT;
use crate::fault::Fault;
use crate::hir::{
    Aggregate, AggregateFn, Expr, ExprKind, Nulls, Over, Privacy, Rule, RuleKind, Rows, TemplatePart, Type, Write,
};
use crate::ir::{Plan, PlanRule};

/// What a plan becomes.
pub struct Judgement {
    pub program: Program,
    pub checks: Vec<Check>,
    pub references: Vec<Reference>,
    pub uniques: Vec<Unique>,
    pub metrics: Vec<Metric>,
    /// For each rule of the plan: what its samples show.
    pub shown: Vec<Vec<Shown>>,
    /// The judged rows' columns, where they are to be written.
    pub columns: Vec<NodeId>,
}

/// A rule that is decided by the row alone.
pub struct Check {
    /// Its position in the plan.
    pub rule: usize,
    pub test: Test,
    pub when: Option<NodeId>,
    pub nulls_fail: bool,
    /// Checks of the mappings that it reads: it has nothing to say of a row that they hold back.
    pub after: Vec<usize>,
}

impl Check {
    /// All that it looks at.
    pub fn nodes(&self) -> Vec<NodeId> {
        let (Test::Condition(node) | Test::Mapped(node)) = self.test;
        [Some(node), self.when].into_iter().flatten().collect()
    }
}

pub enum Test {
    /// Broken where false.
    Condition(NodeId),
    /// Broken where it cannot be computed.
    Mapped(NodeId),
}

pub struct Reference {
    pub rule: usize,
    pub columns: Vec<NodeId>,
    pub when: Option<NodeId>,
}

pub struct Unique {
    pub rule: usize,
    pub by: Vec<NodeId>,
    pub when: Option<NodeId>,
    pub keep: Option<(bool, NodeId)>,
    /// Judged over the table too.
    pub table: bool,
}

/// A value that a sample shows.
#[derive(Clone, Debug)]
pub struct Shown {
    pub name: String,
    pub node: NodeId,
    pub privacy: Privacy,
    pub role: Role,
}

/// Why a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The rule reads it.
    Read,
    /// It names the row.
    Key,
    /// Only the author's message shows it.
    Message,
}

/// The columns of the judged rows, each the value of its mapping.
struct Judged<'a>(&'a Plan);

/// The columns of the files.
struct Source<'a>(&'a Plan);

impl Names for Source<'_> {
    fn column(&self, program: &mut Program, name: &str) -> Option<NodeId> {
        let position = self.0.source.iter().position(|c| c.name == name)?;
        Some(program.input(position, self.0.source[position].ty.clone()))
    }
}

impl Names for Judged<'_> {
    fn column(&self, program: &mut Program, name: &str) -> Option<NodeId> {
        let mapped = mapped(self.0, program, name)?.ok()?;
        Some(program.settled(mapped))
    }
}

/// The value of a column's mapping, which can fail.
fn mapped(plan: &Plan, program: &mut Program, name: &str) -> Option<Result<NodeId, Fault>> {
    if name == CORRUPT {
        // A line that is no row: what stands there says why.
        let text = Source(plan).column(program, name)?;
        return Some(Ok(program.failing(text)));
    }
    let column = plan.column(name)?;
    Some(match &column.value {
        Some(value) => program.add(value, &Source(plan)).map(|id| program.cast(id, column.ty.clone(), false)),
        None => Ok(program.null(column.ty.clone())),
    })
}

impl Judgement {
    /// Only aggregates of the whole batch, each of a rule.
    pub fn of_metrics(plan: &Plan, now: i64, wanted: &[(usize, Aggregate, Type)]) -> Result<Self, Fault> {
        let mut out = Self::empty(now);
        for (rule, aggregate, ty) in wanted {
            out.metric(plan, *rule, None, aggregate, ty)?;
        }
        for metric in &mut out.metrics {
            (metric.all, metric.table) = (true, false);
            metric.by.clear();
        }
        Ok(out)
    }

    fn empty(now: i64) -> Self {
        Self {
            program: Program::new(now),
            checks: Vec::new(),
            references: Vec::new(),
            uniques: Vec::new(),
            metrics: Vec::new(),
            shown: Vec::new(),
            columns: Vec::new(),
        }
    }

    /// `now`: the clock. `write`: whether rows are to be written, so that every column is needed. Rules to `skip` are
    /// not judged.
    pub fn new(plan: &Plan, now: i64, write: bool, skip: &BTreeMap<usize, String>) -> Result<Self, Fault> {
        let mut out = Self::empty(now);
        for (i, rule) in plan.rules.iter().enumerate() {
            if !skip.contains_key(&i) {
                out.rule(plan, i, rule)?;
            }
        }
        // Mappings go first: what they hold back, the others have nothing to say of.
        out.checks.sort_by_key(|check| matches!(check.test, Test::Condition(_)));
        let mappings: Vec<(usize, String)> = (out.checks.iter().enumerate())
            .filter_map(|(c, check)| match &plan.rules[check.rule].rule.kind {
                RuleKind::Mapping { column } => Some((c, column.clone())),
                _ => None,
            })
            .collect();
        for check in &mut out.checks {
            let reads = columns_of(&plan.rules[check.rule]);
            let fallible = matches!(check.test, Test::Condition(_));
            let concerns = |column: &String| fallible && reads.contains(column) || column == CORRUPT;
            let own = plan.rules[check.rule].rule.name == "lines.readable";
            check.after = mappings.iter().filter(|(_, column)| !own && concerns(column)).map(|(c, _)| *c).collect();
        }
        if write {
            out.select(plan, plan.columns.iter().map(|c| c.name.as_str()))?;
        }
        Ok(out)
    }

    /// The files' columns that must be read for the checks that are `open`, and for all that is no check.
    pub fn inputs(&self, open: &[bool]) -> BTreeSet<usize> {
        let checks = self.checks.iter().zip(open).filter(|(_, open)| **open).flat_map(|(check, _)| check.nodes());
        let references = self.references.iter().flat_map(|r| r.columns.iter().copied().chain(r.when));
        let uniques = self.uniques.iter().flat_map(|u| u.by.iter().copied().chain(u.when).chain(u.keep.map(|k| k.1)));
        let metrics = self.metrics.iter().flat_map(Metric::nodes);
        let shown = self.shown.iter().flatten().map(|shown| shown.node);
        let all = checks.chain(references).chain(uniques).chain(metrics).chain(self.columns.iter().copied()).chain(shown);
        self.program.inputs_of(all)
    }

    /// Adds columns of the judged rows to those that are given out.
    pub fn select<'n>(&mut self, plan: &Plan, names: impl Iterator<Item = &'n str>) -> Result<(), Fault> {
        for name in names {
            let node = Judged(plan).column(&mut self.program, name);
            self.columns.push(node.ok_or_else(|| Fault::internal("a column of the plan has no value"))?);
        }
        Ok(())
    }

    fn rule(&mut self, plan: &Plan, position: usize, planned: &PlanRule) -> Result<(), Fault> {
        let rule = &planned.rule;
        let names = Judged(plan);
        let program = &mut self.program;
        let when = rule.when.as_ref().map(|w| program.add(w, &names)).transpose()?;
        match &rule.kind {
            RuleKind::Type { .. } | RuleKind::NoRows { .. } => {}
            RuleKind::Mapping { column } => {
                let Some(node) = mapped(plan, program, column) else { return Ok(()) };
                let test = Test::Mapped(node?);
                self.checks.push(Check { rule: position, test, when, nulls_fail: false, after: Vec::new() });
            }
            RuleKind::Row { condition } => {
                let test = Test::Condition(program.add(condition, &names)?);
                let nulls_fail = rule.nulls == Nulls::Fail;
                self.checks.push(Check { rule: position, test, when, nulls_fail, after: Vec::new() });
            }
            RuleKind::References { columns, .. } => {
                let mut nodes = Vec::with_capacity(columns.len());
                for column in columns {
                    nodes.push(program.add(&column_expr(plan, column), &names)?);
                }
                self.references.push(Reference { rule: position, columns: nodes, when });
            }
            RuleKind::Unique { by, keep, key } => {
                let mut by = by.iter().map(|e| program.add(e, &names)).collect::<Result<Vec<_>, _>>()?;
                let merge_key = *key && matches!(plan.write, Some(Write::Merge { .. }));
                // Of rows that are merged the newest wins: only a tie breaks the key.
                if let (true, Some(Write::Merge { by: Some(newest) })) = (merge_key, &plan.write) {
                    by.push(program.add(newest, &names)?);
                }
                let keep = match keep {
                    Some(keep) => Some((keep.last, program.add(&keep.by, &names)?)),
                    None => None,
                };
                let table = !merge_key && (*key || rule.over == Over::Table);
                self.uniques.push(Unique { rule: position, by, when, keep, table });
            }
            RuleKind::Aggregate { condition, .. } => {
                for (aggregate, ty) in aggregates(condition) {
                    self.metric(plan, position, when, aggregate, ty)?;
                }
                for aggregate in distributions(condition) {
                    self.metric(plan, position, when, &aggregate, &Type::Double)?;
                }
            }
        }
        Ok(())
    }

    fn metric(
        &mut self,
        plan: &Plan,
        rule: usize,
        when: Option<NodeId>,
        aggregate: &Aggregate,
        ty: &Type,
    ) -> Result<(), Fault> {
        let planned = &plan.rules[rule].rule;
        let judged = Judged(plan);
        let source = Source(plan);
        let names: &dyn Names = if aggregate.rows == Rows::Source { &source } else { &judged };
        let program = &mut self.program;
        let args = aggregate.args.iter().map(|a| program.add(a, names)).collect::<Result<Vec<_>, _>>()?;
        let filter = aggregate.filter.as_ref().map(|f| program.add(f, names)).transpose()?;
        let own = matches!(aggregate.rows, Rows::Own);
        let mut by = Vec::new();
        if own && let Some(each) = &planned.for_each {
            for (_, e) in &each.by {
                by.push(program.add(e, &judged)?);
            }
        }
        self.metrics.push(Metric {
            rule,
            aggregate: aggregate.clone(),
            ty: ty.clone(),
            args,
            filter,
            when: if own { when } else { None },
            all: matches!(aggregate.rows, Rows::Input | Rows::Source) || (own && planned.over == Over::Input),
            table: matches!(aggregate.rows, Rows::Table) || (own && planned.over == Over::Table),
            by,
        });
        Ok(())
    }

    /// Works out what samples show; done only where a rule is broken, so that nothing is read for it otherwise.
    pub fn show(&mut self, plan: &Plan) -> Result<(), Fault> {
        for planned in &plan.rules {
            let mut shown: Vec<Shown> = Vec::new();
            if let RuleKind::Mapping { column } = &planned.rule.kind {
                let value = plan.column(column).and_then(|c| c.value.as_ref());
                let corrupt = || if column == CORRUPT { vec![CORRUPT] } else { Vec::new() };
                for name in value.map_or_else(corrupt, Expr::columns) {
                    let name = name.to_owned();
                    let Some(node) = Source(plan).column(&mut self.program, &name) else { continue };
                    let privacy = plan.source.iter().find(|c| c.name == name).map_or(Privacy::Public, |c| c.privacy);
                    let target = plan.column(column).map_or(Privacy::Public, |c| c.privacy);
                    shown.push(Shown { name, node, privacy: privacy.max(target), role: Role::Read });
                }
            }
            let read = columns_of(planned);
            let keys = plan.columns.iter().filter(|c| c.key).map(|c| (c.name.clone(), Role::Key));
            let holes = holes(&planned.rule).map(|name| (name, Role::Message));
            for (name, role) in read.into_iter().map(|n| (n, Role::Read)).chain(keys).chain(holes) {
                if shown.iter().any(|s| s.name == name) {
                    continue;
                }
                let privacy = plan.column(&name).map_or(Privacy::Public, |c| c.privacy);
                let Some(node) = Judged(plan).column(&mut self.program, &name) else { continue };
                shown.push(Shown { name, node, privacy, role });
            }
            self.shown.push(shown);
        }
        Ok(())
    }
}

/// The names in the author's messages.
fn holes(rule: &Rule) -> impl Iterator<Item = String> + '_ {
    let parts = rule.because.iter().chain(&rule.fix).flat_map(|template| &template.parts);
    parts.filter_map(|part| if let TemplatePart::Hole(name) = part { Some(name.clone()) } else { None })
}

fn column_expr(plan: &Plan, name: &str) -> Expr {
    let (ty, nullable) = plan.column(name).map_or((Type::Error, true), |c| (c.ty.clone(), c.nullable));
    Expr::column(name, ty, nullable, crate::source::Span::default())
}

/// The judged columns that a rule reads, in the order in which it names them.
pub fn columns_of(planned: &PlanRule) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |name: &str| {
        if !found.iter().any(|f| f == name) {
            found.push(name.to_string());
        }
    };
    let rule = &planned.rule;
    match &rule.kind {
        RuleKind::Row { condition } => condition.columns().into_iter().for_each(&mut add),
        RuleKind::References { columns, .. } => columns.iter().for_each(|c| add(c)),
        RuleKind::Unique { by, keep, .. } => {
            by.iter().chain(keep.as_ref().map(|k| &k.by)).flat_map(Expr::columns).for_each(&mut add);
        }
        RuleKind::Type { .. } | RuleKind::Mapping { .. } | RuleKind::Aggregate { .. } | RuleKind::NoRows { .. } => {}
    }
    rule.when.iter().flat_map(Expr::columns).for_each(add);
    found
}

/// The distinct aggregates in a condition, in order.
pub fn aggregates(expr: &Expr) -> Vec<(&Aggregate, &Type)> {
    let mut found: Vec<(&Aggregate, &Type)> = Vec::new();
    expr.visit(&mut |e| {
        if let ExprKind::Aggregate(aggregate) = &e.kind
            && !found.iter().any(|(a, _)| *a == aggregate)
        {
            found.push((aggregate, &e.ty));
        }
    });
    found
}

/// What the `drift` of a condition compares, as aggregates.
pub fn distributions(expr: &Expr) -> Vec<Aggregate> {
    let mut found: Vec<Aggregate> = Vec::new();
    expr.visit(&mut |e| {
        if let ExprKind::Drift { value, .. } = &e.kind {
            let aggregate = distribution(value);
            if !found.contains(&aggregate) {
                found.push(aggregate);
            }
        }
    });
    found
}

/// How the values of an expression are distributed.
pub fn distribution(value: &Expr) -> Aggregate {
    Aggregate {
        function: AggregateFn::Distribution,
        args: vec![value.clone()],
        distinct: false,
        filter: None,
        rows: Rows::Own,
    }
}
