//! Ways through an expression.

use super::{Expr, ExprKind, Span};

impl Expr {
    /// Calls with each expression right below this one, in the order of the text.
    pub fn each_child<'e>(&'e self, f: &mut dyn FnMut(&'e Expr)) {
        use ExprKind::*;
        match &self.kind {
            Error | Literal(_) | Column(_) | Variable(_) => {}
            Field(e, _) | Not(e) | Negate(e) | IsNull(e) | IsTrue(e) | IsFalse(e) => f(e),
            Cast { value, .. } | Matches { value, .. } => f(value),
            Index(a, b) | IsDistinct(a, b) => [a, b].into_iter().for_each(|e| f(e)),
            Binary { left, right, .. } => [left, right].into_iter().for_each(|e| f(e)),
            In { value, list } => std::iter::once(&**value).chain(list).for_each(f),
            Like { value, pattern, .. } => [value, pattern].into_iter().for_each(|e| f(e)),
            Case { arms, otherwise } => {
                arms.iter().flat_map(|(when, then)| [when, then]).chain(otherwise.as_deref()).for_each(f);
            }
            Call { args, .. } => args.iter().for_each(f),
            Quantified { source, body, .. } => [source, body].into_iter().for_each(|e| f(e)),
            Aggregate(a) => a.args.iter().chain(a.filter.as_deref()).for_each(f),
            History { metric: e, .. } | Drift { value: e, .. } => f(e),
        }
    }

    /// The expressions right below this one, in the order of the text.
    pub fn children(&self) -> Vec<&Expr> {
        let mut found = Vec::new();
        self.each_child(&mut |e| found.push(e));
        found
    }

    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        use ExprKind::*;
        match &mut self.kind {
            Error | Literal(_) | Column(_) | Variable(_) => Vec::new(),
            Field(e, _) | Not(e) | Negate(e) | IsNull(e) | IsTrue(e) | IsFalse(e) => vec![e],
            Cast { value, .. } | Matches { value, .. } => vec![value],
            Index(a, b) | IsDistinct(a, b) => vec![a, b],
            Binary { left, right, .. } => vec![left, right],
            In { value, list } => std::iter::once(&mut **value).chain(list).collect(),
            Like { value, pattern, .. } => vec![value, pattern],
            Case { arms, otherwise } => {
                arms.iter_mut().flat_map(|(when, then)| [when, then]).chain(otherwise.as_deref_mut()).collect()
            }
            Call { args, .. } => args.iter_mut().collect(),
            Quantified { source, body, .. } => vec![source, body],
            Aggregate(a) => a.args.iter_mut().chain(a.filter.as_deref_mut()).collect(),
            History { metric: e, .. } | Drift { value: e, .. } => vec![e],
        }
    }

    /// Whether `test` is true of this expression or of one below it.
    pub fn any(&self, test: &mut dyn FnMut(&Expr) -> bool) -> bool {
        let mut found = test(self);
        self.each_child(&mut |e| found = found || e.any(test));
        found
    }

    /// The same expression with every span empty, so that two of them can be compared.
    pub fn without_spans(&self) -> Expr {
        fn clear(e: &mut Expr) {
            e.span = Span::default();
            e.children_mut().into_iter().for_each(clear);
        }
        let mut e = self.clone();
        clear(&mut e);
        e
    }

    /// The expressions right below this one that are over the same rows: none of an aggregate's.
    pub fn operands(&self) -> Vec<&Expr> {
        if matches!(self.kind, ExprKind::Aggregate(_)) { Vec::new() } else { self.children() }
    }

    /// As [`Expr::operands`], without a list of them.
    pub fn each_operand<'e>(&'e self, f: &mut dyn FnMut(&'e Expr)) {
        if !matches!(self.kind, ExprKind::Aggregate(_)) {
            self.each_child(f);
        }
    }

    /// As [`Expr::operands`], to change them.
    pub fn operands_mut(&mut self) -> Vec<&mut Expr> {
        if matches!(self.kind, ExprKind::Aggregate(_)) { Vec::new() } else { self.children_mut() }
    }

    /// Calls with every expression within, from outside in, itself first. What stands inside an aggregate is not
    /// visited: it is of other rows.
    pub fn visit<'a>(&'a self, f: &mut impl FnMut(&'a Expr)) {
        f(self);
        for operand in self.operands() {
            operand.visit(f);
        }
    }

    /// The columns that it reads of its own rows, in the order of the text, each once.
    pub fn columns(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        self.visit(&mut |e| {
            if let ExprKind::Column(name) = &e.kind
                && !found.contains(&name.as_str())
            {
                found.push(name);
            }
        });
        found
    }
}
