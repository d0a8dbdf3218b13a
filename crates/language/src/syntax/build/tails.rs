//! What follows a value and makes a condition of it: comparisons, `between`, `in`, `like`, `is`, `within`.

use super::super::ast::{BinaryOp, Expr, ExprKind, IsWhat, Spread, Window, WindowOf};
use super::super::errors;
use super::super::grammar::{Pair, Rule};
use super::expr::{Run, binary};
use super::{Builder, literal::unit};
use crate::diagnostics::{Code, Edit};
use crate::source::Span;

impl<'t> Builder<'t> {
    pub(super) fn tail(&mut self, value: Expr, pair: Pair<'t>, compared: &mut usize, depth: usize) -> Expr {
        let span = value.span.to(self.span(&pair));
        let rule = pair.as_rule();
        let at = self.span(&pair);
        let is = matches!(rule, Rule::is_tail | Rule::slip_notnull | Rule::slip_isnull);
        if *compared > 0 && !is && rule != Rule::t_cmp {
            self.push(errors::chained(at, None));
            return self.error_expr(span);
        }
        let chain = *compared;
        *compared += usize::from(!is);
        let negated = pair.clone().into_inner().next().is_some_and(|p| p.as_rule() == Rule::kw_not);
        let mut run = pair.into_inner().peekable();
        let value = Box::new(value);
        let kind = match rule {
            Rule::t_cmp => return self.compare(*value, &mut run, span, chain, depth),
            Rule::t_between => {
                skip_keywords(&mut run);
                let low = Box::new(self.arith(&mut run, span, depth + 1));
                skip_keywords(&mut run);
                let high = Box::new(self.arith(&mut run, span, depth + 1));
                ExprKind::Between { negated, value, low, high }
            }
            Rule::t_in => {
                skip_keywords(&mut run);
                if let Some(select) = run.next_if(|p| p.as_rule() == Rule::slip_select) {
                    let help = subquery_help(self.slice(value.span), select.as_str());
                    let at = self.span(&select);
                    self.push(errors::subquery(at, &help));
                    ExprKind::Error
                } else {
                    ExprKind::In { negated, value, list: self.exprs(run, depth + 1) }
                }
            }
            Rule::t_like => {
                let insensitive = run.clone().any(|p| p.as_rule() == Rule::kw_ilike);
                skip_keywords(&mut run);
                let pattern = Box::new(self.arith(&mut run, span, depth + 1));
                skip_keywords(&mut run);
                let escape = run.next().map(|p| self.string(&p));
                ExprKind::Like { negated, insensitive, value, pattern, escape }
            }
            Rule::t_matches => {
                let mut pattern = self.empty_text(at);
                for p in run {
                    match p.as_rule() {
                        Rule::slip_rlike => {
                            let at = self.span(&p);
                            self.push(errors::foreign_operator(at, p.as_str(), "matches"));
                        }
                        Rule::string => pattern = self.string(&p),
                        _ => {}
                    }
                }
                ExprKind::Matches { negated, value, pattern }
            }
            Rule::t_within => return self.within_history(*value, run, span),
            Rule::slip_notnull | Rule::slip_isnull => {
                let not = rule == Rule::slip_notnull;
                self.push(errors::foreign_operator(at, self.slice(at), if not { "is not null" } else { "is null" }));
                ExprKind::Is { negated: not, value, what: IsWhat::Null }
            }
            _ => {
                let negated = run.clone().any(|p| p.as_rule() == Rule::kw_not);
                let mut what = IsWhat::Null;
                while let Some(p) = run.next() {
                    match p.as_rule() {
                        Rule::kw_true => what = IsWhat::True,
                        Rule::kw_false => what = IsWhat::False,
                        Rule::kw_from => what = IsWhat::DistinctFrom(Box::new(self.arith(&mut run, span, depth + 1))),
                        _ => {}
                    }
                }
                ExprKind::Is { negated, value, what }
            }
        };
        Expr { kind, span }
    }

    fn compare(&mut self, left: Expr, run: &mut Run<'t>, span: Span, chain: usize, depth: usize) -> Expr {
        let Some(cmp) = run.next() else { return self.error_expr(span) };
        let op_span = self.span(&cmp);
        let (op, foreign) = comparison(cmp.as_str());
        if foreign {
            self.push(errors::foreign_operator(op_span, cmp.as_str(), op.text()));
        }
        let right = self.arith(run, span, depth + 1);
        let tolerance = run.next_if(|p| p.as_rule() == Rule::tolerance);
        if chain > 0 {
            return self.chained(left, op, op_span, right, chain);
        }
        if let Some(inner) = tolerance.and_then(|t| t.into_inner().find(|p| !is_keyword(p.as_rule()))) {
            let tolerance = Box::new(self.primary(inner, depth + 1));
            return Expr { kind: ExprKind::Near { op, left: Box::new(left), right: Box::new(right), tolerance }, span };
        }
        binary(op, op_span, left, right)
    }

    /// `a < b < c`, understood as `a < b and b < c`.
    fn chained(&mut self, left: Expr, op: BinaryOp, op_span: Span, right: Expr, chain: usize) -> Expr {
        let middle = match &left.kind {
            ExprKind::Binary { op, right, .. } if op.is_comparison() => Some((**right).clone()),
            ExprKind::Binary { op: BinaryOp::And | BinaryOp::Or, right, .. } => match &right.kind {
                ExprKind::Binary { op, right, .. } if op.is_comparison() => Some((**right).clone()),
                _ => None,
            },
            _ => None,
        };
        let Some(middle) = middle else {
            self.push(errors::chained(op_span, None));
            return self.error_expr(left.span.to(right.span));
        };
        // `a > 0 || b = 1`: the bars are read as text's, and mean "or".
        if let ExprKind::Binary { op: BinaryOp::Concat, op_span: bars, left: first, right: second } = middle.kind.clone() {
            self.push(errors::bars_for_or(bars));
            self.barred = true;
            let left = ends_at(left, *first);
            return binary(BinaryOp::Or, bars, left, binary(op, op_span, *second, right));
        }
        let edit = (left.span.after(), format!(" and {}", self.slice(middle.span)));
        // One finding for a chain, however long.
        match self.found.iter_mut().rev().find(|d| d.code == Code::DQ0111).filter(|_| chain > 1) {
            Some(first) => {
                first.fix.iter_mut().for_each(|fix| fix.edits.push(Edit { span: edit.0, text: edit.1.clone() }))
            }
            None => self.push(errors::chained(op_span, Some(edit))),
        }
        let second = binary(op, op_span, middle, right);
        binary(BinaryOp::And, op_span, left, second)
    }

    fn within_history(&mut self, value: Expr, run: Run<'t>, span: Span) -> Expr {
        let mut spread = Spread::StdDev(0.0);
        let mut window = None;
        for p in run {
            match p.as_rule() {
                Rule::percent => spread = Spread::Percent(self.percent(&p)),
                Rule::number => spread = Spread::StdDev(p.as_str().replace('_', "").parse().unwrap_or(0.0)),
                Rule::window => window = Some(self.window(p)),
                _ => {}
            }
        }
        match window {
            Some(window) => Expr { kind: ExprKind::WithinHistory { value: Box::new(value), spread, window }, span },
            None => self.error_expr(span),
        }
    }

    pub fn window(&mut self, pair: Pair<'t>) -> Window {
        let span = self.span(&pair);
        let mut window = Window { count: 0, of: WindowOf::Batches, span };
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::digits => window.count = self.number(&p),
                Rule::unit => window.of = WindowOf::Time(unit(p.as_str())),
                Rule::slip_window => {
                    let at = self.span(&p);
                    self.push(errors::unknown_window(at, p.as_str()));
                }
                _ => {}
            }
        }
        window
    }
}

/// The comparison, or the last of several, with another right side.
fn ends_at(expr: Expr, end: Expr) -> Expr {
    match expr.kind {
        ExprKind::Binary { op, op_span, left, right } if op.is_comparison() => {
            drop(right);
            binary(op, op_span, *left, end)
        }
        ExprKind::Binary { op, op_span, left, right } => binary(op, op_span, *left, ends_at(*right, end)),
        _ => expr,
    }
}

pub(super) fn is_tail(rule: Rule) -> bool {
    use Rule::*;
    matches!(rule, t_cmp | is_tail | t_between | t_in | t_like | t_matches | t_within | slip_notnull | slip_isnull)
}

/// Words that carry no meaning of their own once the shape is known.
pub(super) fn is_keyword(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        kw_not
            | kw_in
            | kw_between
            | kw_and
            | kw_like
            | kw_ilike
            | kw_escape
            | kw_is
            | kw_null
            | kw_true
            | kw_false
            | kw_distinct
            | kw_from
            | kw_within
    )
}

fn skip_keywords(run: &mut Run) {
    while run
        .next_if(|p| {
            (is_keyword(p.as_rule()) || p.as_rule() == Rule::l_paren)
                && !matches!(p.as_rule(), Rule::kw_null | Rule::kw_true | Rule::kw_false)
        })
        .is_some()
    {}
}

/// The operator, and whether it is spelt as another language spells it.
fn comparison(text: &str) -> (BinaryOp, bool) {
    match text {
        "=" => (BinaryOp::Equal, false),
        "<>" => (BinaryOp::NotEqual, false),
        "<" => (BinaryOp::Less, false),
        "<=" => (BinaryOp::LessEqual, false),
        ">" => (BinaryOp::Greater, false),
        ">=" => (BinaryOp::GreaterEqual, false),
        "=<" | "≤" => (BinaryOp::LessEqual, true),
        "=>" | "≥" => (BinaryOp::GreaterEqual, true),
        "!=" | "≠" => (BinaryOp::NotEqual, true),
        _ => (BinaryOp::Equal, true),
    }
}

/// How a value that must stand in another dataset is checked.
fn subquery_help(value: &str, select: &str) -> String {
    let words: Vec<&str> = select.split_whitespace().collect();
    match words.as_slice() {
        [_, column, from, dataset] if from.eq_ignore_ascii_case("from") && dataset.contains('.') => {
            format!("write the rule as `{value} references {dataset}({column})`")
        }
        _ => format!("that a value exists elsewhere is a rule `{value} references layer.dataset(column)`"),
    }
}
