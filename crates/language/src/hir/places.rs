//! Every place in the text that a checked piece points at, to move them all when the text before them grows.

use super::{Aggregate, Among, Contract, Expr, ExprKind, ForEach, Promotion, Rule, RuleKind, Sla, SlaWhat, Span, Test, Write};

/// What is asked of each place.
pub type Visit<'v> = dyn FnMut(&mut Span) + 'v;

impl Expr {
    pub fn each_place(&mut self, f: &mut Visit<'_>) {
        f(&mut self.span);
        match &mut self.kind {
            // The way down that is taken most, without a list of children.
            ExprKind::Binary { left, right, .. } => {
                left.each_place(f);
                right.each_place(f);
            }
            ExprKind::Literal(_) | ExprKind::Column(_) => {}
            ExprKind::Aggregate(Aggregate { args, filter, .. }) => {
                args.iter_mut().chain(filter.as_deref_mut()).for_each(|e| e.each_place(f));
            }
            _ => self.children_mut().into_iter().for_each(|e| e.each_place(f)),
        }
    }
}

impl Rule {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        f(&mut self.span);
        f(&mut self.condition_span);
        self.when.iter_mut().for_each(|e| e.each_place(f));
        if let Some(ForEach { by, among }) = &mut self.for_each {
            by.iter_mut().for_each(|(_, e)| e.each_place(f));
            match among {
                None | Some(Among::Values(_) | Among::Dataset { .. }) => {}
            }
        }
        match &mut self.kind {
            RuleKind::Row { condition } => condition.each_place(f),
            RuleKind::Unique { by, keep, .. } => {
                by.iter_mut().for_each(|e| e.each_place(f));
                keep.iter_mut().for_each(|k| k.by.each_place(f));
            }
            RuleKind::Aggregate { condition, value, limit } => {
                condition.each_place(f);
                value.iter_mut().chain(limit).for_each(|e| e.each_place(f));
            }
            RuleKind::Type { .. } | RuleKind::Mapping { .. } | RuleKind::References { .. } | RuleKind::NoRows { .. } => {}
        }
    }
}

impl Sla {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        f(&mut self.span);
        match &mut self.what {
            SlaWhat::Condition(e) => e.each_place(f),
            SlaWhat::Arrives { .. } | SlaWhat::Budget { .. } => {}
        }
    }
}

impl Contract {
    pub fn each_place(&mut self, f: &mut Visit<'_>) {
        f(&mut self.span);
        f(&mut self.head);
        self.columns.iter_mut().for_each(|c| f(&mut c.span));
        self.rules.iter_mut().for_each(|r| r.each_place(f));
        self.sla.iter_mut().for_each(|s| s.each_place(f));
    }
}

impl Promotion {
    pub fn each_place(&mut self, f: &mut Visit<'_>) {
        f(&mut self.span);
        f(&mut self.head);
        self.mappings.iter_mut().for_each(|m| m.value.each_place(f));
        match &mut self.write {
            Write::Merge { by } => by.iter_mut().for_each(|e| e.each_place(f)),
            Write::Append | Write::Replace => {}
        }
        self.rules.iter_mut().for_each(|r| r.each_place(f));
    }
}

impl Test {
    pub fn each_place(&mut self, f: &mut Visit<'_>) {
        f(&mut self.span);
        f(&mut self.head);
        let given = self.given.iter_mut().map(|(_, table)| table);
        for table in std::iter::once(&mut self.rows).chain(given).chain(&mut self.history) {
            table.spans.iter_mut().for_each(&mut *f);
        }
        self.expects.iter_mut().for_each(|e| f(&mut e.span));
    }
}
