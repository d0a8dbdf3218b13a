//! Expressions: the grammar's flat run of operands and operators, sorted by precedence.

use std::iter::Peekable;

use super::super::ast::{BinaryOp, Call, Expr, ExprKind, Literal, Name, Ty, TyKind};
use super::super::errors;
use super::super::grammar::{Pair, Pairs, Rule};
use super::tails::{is_keyword, is_tail};
use super::{Builder, MAX_DEPTH};
use crate::source::Span;

pub(super) type Run<'t> = Peekable<Pairs<'t>>;

/// As many `and`s or `or`s are one behind the other; more become a balanced tree, which means the same.
const LEFT_DEEP: usize = 24;

impl<'t> Builder<'t> {
    pub fn expr(&mut self, pair: Pair<'t>) -> Expr {
        self.expr_at(pair, 0)
    }

    pub fn error_expr(&self, span: Span) -> Expr {
        Expr { kind: ExprKind::Error, span }
    }

    fn too_deep(&mut self, span: Span) -> Expr {
        if !std::mem::replace(&mut self.too_deep, true) {
            self.push(errors::too_deep(span));
        }
        self.error_expr(span)
    }

    pub(super) fn expr_at(&mut self, pair: Pair<'t>, depth: usize) -> Expr {
        let span = self.span(&pair);
        if depth >= MAX_DEPTH {
            return self.too_deep(span);
        }
        if depth == 0 {
            self.too_deep = false;
        }
        let mut run = pair.into_inner().peekable();
        let (mut ors, mut or_spans) = (Vec::new(), Vec::new());
        let (mut ands, mut and_spans) = (Vec::new(), Vec::new());
        loop {
            let mut term = self.term(&mut run, span, depth);
            if ors.is_empty() && ands.is_empty() && !self.barred && run.peek().is_none() {
                return term;
            }
            // `a > 0 and b = 1 || c = 2`: bars that mean "or" bind like it.
            let mut later = Vec::new();
            if std::mem::take(&mut self.barred) {
                while let ExprKind::Binary { op: BinaryOp::Or, op_span, left, right } = term.kind {
                    later.push((op_span, *right));
                    term = *left;
                    if self.slice(op_span) != "||" || !matches!(term.kind, ExprKind::Binary { op: BinaryOp::Or, .. }) {
                        break;
                    }
                }
            }
            ands.push(term);
            for (at, right) in later.into_iter().rev() {
                ors.push(fold(BinaryOp::And, std::mem::take(&mut ands), &std::mem::take(&mut and_spans)));
                or_spans.push(at);
                ands.push(right);
            }
            let Some(op) = run.next() else { break };
            let at = self.span(&op);
            match op.as_rule() {
                Rule::kw_or => {
                    ors.push(fold(BinaryOp::And, std::mem::take(&mut ands), &std::mem::take(&mut and_spans)));
                    or_spans.push(at);
                }
                rule => {
                    if rule == Rule::slip_and {
                        self.push(errors::foreign_operator(at, "&&", "and"));
                    }
                    and_spans.push(at);
                }
            }
        }
        ors.push(fold(BinaryOp::And, ands, &and_spans));
        fold(BinaryOp::Or, ors, &or_spans)
    }

    /// `not`s, arithmetic, and what compares it.
    fn term(&mut self, run: &mut Run<'t>, whole: Span, depth: usize) -> Expr {
        let mut nots = Vec::new();
        while let Some(p) = run.next_if(|p| matches!(p.as_rule(), Rule::kw_not | Rule::slip_not)) {
            let at = self.span(&p);
            if p.as_rule() == Rule::slip_not {
                self.push(errors::foreign_operator(at, "!", "not"));
            }
            nots.push(at);
        }
        if depth + nots.len() >= MAX_DEPTH {
            while run.next_if(|p| !matches!(p.as_rule(), Rule::kw_and | Rule::kw_or | Rule::slip_and)).is_some() {}
            return self.too_deep(whole);
        }
        let depth = depth + nots.len();
        let mut value = self.arith(run, whole, depth);
        let mut compared = 0;
        let mut chain = 0;
        while let Some(p) = run.next_if(|p| is_tail(p.as_rule())) {
            chain += 1;
            if depth + chain >= MAX_DEPTH {
                value = self.too_deep(whole);
                continue;
            }
            value = self.tail(value, p, &mut compared, depth + chain);
        }
        for at in nots.into_iter().rev() {
            let span = at.to(value.span);
            value = Expr { kind: ExprKind::Not(Box::new(value)), span };
        }
        value
    }

    pub(super) fn arith(&mut self, run: &mut Run<'t>, whole: Span, depth: usize) -> Expr {
        // Operands and operators of one precedence, left to right: sums of products.
        let mut sum: Option<(Expr, BinaryOp, Span)> = None;
        let mut product = self.factor(run, whole, depth);
        let mut chain = 0;
        while let Some(p) = run.next_if(|p| p.as_rule() == Rule::arith_op) {
            chain += 1;
            let at = self.span(&p);
            let op = arith_op(p.as_str());
            if p.as_str() == "--" {
                self.push(errors::double_minus(at));
            }
            let right = self.factor(run, whole, depth + 1);
            if depth + chain / 2 >= MAX_DEPTH {
                (sum, product) = (None, self.too_deep(whole));
                continue;
            }
            if matches!(op, BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder) {
                product = binary(op, at, product, right);
            } else {
                let left = match sum.take() {
                    Some((left, op, at)) => binary(op, at, left, product),
                    None => product,
                };
                sum = Some((left, op, at));
                product = right;
            }
        }
        match sum {
            Some((left, op, at)) => binary(op, at, left, product),
            None => product,
        }
    }

    /// Signs, an operand, and what selects within it.
    fn factor(&mut self, run: &mut Run<'t>, whole: Span, depth: usize) -> Expr {
        let mut minus = Vec::new();
        while let Some(p) = run.next_if(|p| p.as_rule() == Rule::sign) {
            let at = self.span(&p);
            match p.as_str() {
                "-" => minus.push(at),
                "+" => {}
                _ => {
                    self.push(errors::double_minus(at));
                    minus.extend([at, at]);
                }
            }
        }
        let depth = depth + minus.len();
        let Some(first) = run.next() else { return self.error_expr(whole) };
        if depth >= MAX_DEPTH {
            minus.clear();
        }
        let mut value = if depth >= MAX_DEPTH { self.too_deep(whole) } else { self.primary(first, depth) };
        if let Some(p) = run.next_if(|p| p.as_rule() == Rule::slip_remainder) {
            let before = self.slice(value.span).trim_end_matches('%').to_string();
            self.push(errors::percent_of(value.span, &before));
            let at = self.span(&p);
            let right = self.factor(&mut p.into_inner().peekable(), whole, depth + 1);
            value.kind = ExprKind::Literal(Literal::Number(before));
            value = binary(BinaryOp::Remainder, Span { end: at.start, ..at }, value, right);
        }
        let mut chain = 0;
        while let Some(p) = run.next_if(|p| matches!(p.as_rule(), Rule::index | Rule::pgcast | Rule::select)) {
            chain += 1;
            if depth + chain >= MAX_DEPTH {
                value = self.too_deep(whole);
                continue;
            }
            value = self.postfix(value, p, depth + chain);
        }
        for at in minus.into_iter().rev() {
            let span = at.to(value.span);
            value = Expr { kind: ExprKind::Negate(Box::new(value)), span };
        }
        value
    }

    fn postfix(&mut self, value: Expr, pair: Pair<'t>, depth: usize) -> Expr {
        let span = value.span.to(self.span(&pair));
        let rule = pair.as_rule();
        let Some(inner) = pair.into_inner().find(|p| !is_keyword(p.as_rule())) else { return value };
        let kind = match rule {
            Rule::index => ExprKind::Index(Box::new(value), Box::new(self.expr_at(inner, depth + 1))),
            Rule::pgcast => ExprKind::Cast { value: Box::new(value), ty: self.ty(inner), attempt: false },
            _ => ExprKind::Field(Box::new(value), self.name(&inner)),
        };
        Expr { kind, span }
    }

    pub(super) fn exprs(&mut self, pairs: impl Iterator<Item = Pair<'t>>, depth: usize) -> Vec<Expr> {
        let mut exprs = Vec::new();
        for p in pairs {
            if p.as_rule() == Rule::expr {
                exprs.push(self.expr_at(p, depth));
            }
        }
        exprs
    }

    pub fn expr_list(&mut self, pair: Pair<'t>) -> Vec<Expr> {
        self.exprs(pair.into_inner(), 0)
    }

    pub(super) fn primary(&mut self, pair: Pair<'t>, depth: usize) -> Expr {
        let span = self.span(&pair);
        let literal = |literal| ExprKind::Literal(literal);
        let kind = match pair.as_rule() {
            Rule::operand => return self.operand(pair, depth),
            Rule::number => literal(Literal::Number(pair.as_str().replace('_', ""))),
            Rule::string => literal(self.literal_string(&pair)),
            Rule::kw_null => literal(Literal::Null),
            Rule::kw_true => literal(Literal::Bool(true)),
            Rule::kw_false => literal(Literal::Bool(false)),
            Rule::percent => literal(Literal::Percent(self.percent(&pair))),
            Rule::duration => literal(Literal::Duration(self.duration(pair))),
            Rule::time => literal(Literal::Time(self.time(&pair))),
            Rule::typedlit => {
                let mut ty = self.empty_name(span);
                let mut value = self.empty_text(span);
                for p in pair.into_inner() {
                    match p.as_rule() {
                        Rule::typed_word => ty = self.name(&p),
                        _ => value = self.string(&p),
                    }
                }
                literal(Literal::Typed { ty, value })
            }
            Rule::paren => return self.paren(pair, depth),
            Rule::case => self.case(pair, span, depth),
            Rule::cast | Rule::try_cast => {
                let attempt = pair.as_rule() == Rule::try_cast;
                let mut value = self.error_expr(span);
                let mut ty = Ty { kind: TyKind::Error, optional: false, span };
                for p in pair.into_inner() {
                    match p.as_rule() {
                        Rule::expr => value = self.expr_at(p, depth + 1),
                        Rule::ty => ty = self.ty(p),
                        _ => {}
                    }
                }
                ExprKind::Cast { value: Box::new(value), ty, attempt }
            }
            Rule::quant => self.quantified(pair, span, depth),
            Rule::extract => {
                let mut part = self.empty_name(span);
                let mut value = self.error_expr(span);
                for p in pair.into_inner() {
                    match p.as_rule() {
                        Rule::plain => part = self.name(&p),
                        Rule::expr => value = self.expr_at(p, depth + 1),
                        _ => {}
                    }
                }
                ExprKind::Extract { part, value: Box::new(value) }
            }
            Rule::slip_exists => {
                self.push(errors::subquery(
                    span,
                    "that a row exists elsewhere is a rule `column references layer.dataset(column)`; \
                     what is left can be `no rows in sql \"\"\"select …\"\"\"`",
                ));
                ExprKind::Error
            }
            _ => ExprKind::Error,
        };
        Expr { kind, span }
    }

    fn operand(&mut self, pair: Pair<'t>, depth: usize) -> Expr {
        let mut span = self.span(&pair);
        let mut inner = pair.into_inner();
        let Some(path) = inner.next().map(|p| self.path(&p)) else { return self.error_expr(span) };
        let Some(args) = inner.next() else {
            let span = path.span;
            return Expr { kind: ExprKind::Path(path), span };
        };
        span = path.span.to(self.span(&args));
        let mut call = self.call(path, args, depth);
        for p in inner {
            match p.as_rule() {
                Rule::filter => {
                    span = span.to(self.span(&p));
                    call.filter = self.exprs(p.into_inner(), depth + 1).pop().map(Box::new);
                }
                _ => {
                    let at = self.span(&p);
                    self.push(errors::window_function(at));
                    return self.error_expr(span.to(at));
                }
            }
        }
        Expr { kind: ExprKind::Call(call), span }
    }

    fn call(&mut self, function: super::Path, args: Pair<'t>, depth: usize) -> Call {
        let mut call = Call { function, args: Vec::new(), star: false, distinct: false, over: None, filter: None };
        let mut over = false;
        for p in args.into_inner() {
            match p.as_rule() {
                Rule::star => call.star = true,
                Rule::kw_distinct => call.distinct = true,
                Rule::kw_over => over = true,
                Rule::window => {
                    let span = self.span(&p);
                    let window = self.window(p);
                    if over {
                        call.over = Some(window);
                    } else {
                        call.args.push(Expr { kind: ExprKind::Window(window), span });
                    }
                }
                Rule::expr => call.args.push(self.expr_at(p, depth + 1)),
                _ => {}
            }
        }
        call
    }

    fn paren(&mut self, pair: Pair<'t>, depth: usize) -> Expr {
        let span = self.span(&pair);
        let mut exprs = Vec::new();
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::expr => exprs.push(self.expr_at(p, depth + 1)),
                Rule::slip_select => {
                    let at = self.span(&p);
                    self.push(errors::subquery(
                        at,
                        "an aggregate of another dataset is written `(max(x) from layer.dataset where …)`",
                    ));
                    return self.error_expr(span);
                }
                Rule::from_tail => {
                    let value = Box::new(exprs.pop().unwrap_or(Expr { kind: ExprKind::Error, span }));
                    let mut source = self.empty_path(span);
                    let mut condition = None;
                    for q in p.into_inner() {
                        match q.as_rule() {
                            Rule::dpath => source = self.path(&q),
                            Rule::expr => condition = Some(Box::new(self.expr_at(q, depth + 1))),
                            _ => {}
                        }
                    }
                    return Expr { kind: ExprKind::From { value, source, condition }, span };
                }
                _ => {}
            }
        }
        if exprs.len() > 1 {
            return Expr { kind: ExprKind::Tuple(exprs), span };
        }
        match exprs.pop() {
            Some(expr) => Expr { span, ..expr },
            None => self.error_expr(span),
        }
    }

    fn case(&mut self, pair: Pair<'t>, span: Span, depth: usize) -> ExprKind {
        let mut operand = None;
        let mut arms: Vec<(Expr, Expr)> = Vec::new();
        let mut otherwise = None;
        let mut when = None;
        let mut place = Rule::kw_case;
        let mut word = span;
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::expr => {
                    let expr = self.expr_at(p, depth + 1);
                    match place {
                        Rule::kw_case => operand = Some(Box::new(expr)),
                        Rule::kw_when => when = Some(expr),
                        Rule::kw_then => arms.extend(when.take().map(|w| (w, expr))),
                        _ => otherwise = Some(Box::new(expr)),
                    }
                }
                Rule::no_end => {
                    let last =
                        otherwise.as_ref().map(|e| e.span).or(arms.last().map(|(_, then)| then.span)).unwrap_or(span);
                    let compared = |e: &Expr| matches!(&e.kind, ExprKind::Binary { op, .. } if op.is_comparison());
                    let value = otherwise.as_deref().or(arms.last().map(|(_, then)| then));
                    self.push(errors::case_without_end(word, last.after(), !value.is_some_and(compared)));
                    return ExprKind::Error;
                }
                rule => {
                    if rule == Rule::kw_case {
                        word = self.span(&p);
                    }
                    place = rule;
                }
            }
        }
        ExprKind::Case { operand, arms, otherwise }
    }

    fn quantified(&mut self, pair: Pair<'t>, span: Span, depth: usize) -> ExprKind {
        let mut every = true;
        let mut variable: Name = self.empty_name(span);
        let mut source = self.error_expr(span);
        let mut body = self.error_expr(span);
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::quant_word => every = p.as_str() == "every",
                Rule::name => variable = self.name(&p),
                Rule::quant_source => source = self.quant_source(p, depth + 1),
                Rule::expr => body = self.expr_at(p, depth + 1),
                _ => {}
            }
        }
        ExprKind::Quantified { every, variable, source: Box::new(source), body: Box::new(body) }
    }

    fn quant_source(&mut self, pair: Pair<'t>, depth: usize) -> Expr {
        let whole = self.span(&pair);
        let mut value = self.error_expr(whole);
        for p in pair.into_inner() {
            let span = self.span(&p);
            match p.as_rule() {
                Rule::path => value = Expr { kind: ExprKind::Path(self.path(&p)), span },
                Rule::args => {
                    if let ExprKind::Path(path) = value.kind {
                        let span = value.span.to(span);
                        value = Expr { kind: ExprKind::Call(self.call(path, p, depth)), span };
                    }
                }
                Rule::paren => value = self.paren(p, depth),
                _ => value = self.postfix(value, p, depth),
            }
        }
        value
    }
}

pub(super) fn binary(op: BinaryOp, op_span: Span, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Expr { kind: ExprKind::Binary { op, op_span, left: Box::new(left), right: Box::new(right) }, span }
}

/// Joins operands by an operator for which the grouping means nothing.
fn fold(op: BinaryOp, mut operands: Vec<Expr>, spans: &[Span]) -> Expr {
    if operands.len() > LEFT_DEEP {
        let right = operands.split_off(operands.len() / 2);
        let (before, after) = spans.split_at(operands.len() - 1);
        let (at, after) = after.split_first().map_or((Span::default(), after), |(a, rest)| (*a, rest));
        return binary(op, at, fold(op, operands, before), fold(op, right, after));
    }
    let mut operands = operands.into_iter();
    let first = operands.next().unwrap_or(Expr { kind: ExprKind::Error, span: Span::default() });
    operands.zip(spans).fold(first, |left, (right, at)| binary(op, *at, left, right))
}

fn arith_op(text: &str) -> BinaryOp {
    match text {
        "+" => BinaryOp::Add,
        "||" => BinaryOp::Concat,
        "*" => BinaryOp::Multiply,
        "/" => BinaryOp::Divide,
        "%" => BinaryOp::Remainder,
        _ => BinaryOp::Subtract,
    }
}
