//! Native functions: their signatures stand in `stdlib/native.dq`, which also says how they are read.

use crate::diagnostics::Diagnostic;
use crate::hir::{Expr, ExprKind, Type};
use crate::resolve::{Decl, Space, fold};
use crate::source::Span;
use crate::stdlib;
use crate::syntax::ast;

use super::super::scope::{self, Scope, Zone};
use super::super::types;
use super::super::{Checker, coerce, errors};
use super::{aggregates, calls};

/// What a single capital letter in a signature stands for in one call.
type Variables = Vec<(char, Type)>;

impl<'a> Checker<'a> {
    /// A call that the checker makes itself, of a function that the library is known to have.
    pub fn call_native(&mut self, name: &str, args: Vec<Expr>, span: Span, s: &Scope) -> Expr {
        let path = ast::Path { names: vec![ast::Name { text: name.to_owned(), span }], span };
        self.native(&path, name, args, span, s)
    }

    /// `name.length()`, as methods are called elsewhere.
    fn method(&self, path: &ast::Path, known: &[String], alone: bool, call: Span, s: &Scope) -> Option<Diagnostic> {
        let (function, value) = path.names.split_last().filter(|(_, value)| value.first().is_some_and(|v| s.column(&v.text).is_some()))?;
        let canonical = stdlib::canonical(&fold(&function.text));
        let ours = known.iter().find(|k| **k == canonical || k.eq_ignore_ascii_case(&function.text))?;
        let value: Vec<&str> = value.iter().map(|n| n.text.as_str()).collect();
        let opened = Span { end: path.span.end + 1, ..path.span };
        let written = (self.text(opened).ends_with('(') && opened.end <= call.end).then_some(opened);
        Some(errors::method(path, ours, &value.join("."), alone, written))
    }

    pub fn native(&mut self, path: &ast::Path, name: &str, args: Vec<Expr>, span: Span, s: &Scope) -> Expr {
        if args.iter().any(|a| a.ty.is_error()) {
            return scope::error(span);
        }
        let mut decls = self.externs(path, s);
        if decls.is_empty() {
            let canonical = stdlib::canonical(name);
            let names = vec![ast::Name { text: canonical, span: path.span }];
            decls = self.externs(&ast::Path { names, span: path.span }, s);
        }
        if decls.is_empty() {
            let mut known = self.names.in_scope(s.file, Space::Fn);
            known.extend(aggregates::NAMES.iter().map(|n| (*n).to_owned()));
            if let Some(method) = self.method(path, &known, args.is_empty(), span, s) {
                self.report(method);
                return scope::error(span);
            }
            let elsewhere = self.names.elsewhere(Space::Fn, name);
            self.report(errors::unknown_function(path, &known, elsewhere));
            return scope::error(span);
        }
        let signatures = || decls.iter().map(|d| calls::signature(d)).collect::<Vec<_>>();
        let mut best: Option<(u32, &'a ast::FnDecl, Variables)> = None;
        for decl in decls.iter().filter(|d| takes(d, args.len())) {
            if let Some((cost, variables)) = self.matching(decl, &args)
                && best.as_ref().is_none_or(|(found, _, _)| cost == 0 && *found > 0)
            {
                best = Some((cost, decl, variables));
            }
        }
        if let Some((_, decl, variables)) = best {
            return self.apply(decl, &variables, args, span, s);
        }
        let fitting: Vec<_> = decls.iter().filter(|d| takes(d, args.len())).copied().collect();
        match fitting.as_slice() {
            [] => self.report(errors::argument_count(span, name, args.len(), &signatures(), None)),
            [decl, ..] => {
                let (arg, param) = self.first_wrong(decl, &args);
                let text = self.text(arg.span);
                let wanted = self.wanted(decl, param);
                self.report(errors::argument_types(arg.span, name, param, &wanted, &arg.ty, text, &signatures()));
            }
        }
        scope::error(span)
    }

    fn externs(&self, path: &ast::Path, s: &Scope) -> Vec<&'a ast::FnDecl> {
        let found = self.names.find(s.file, Space::Fn, path).iter();
        found
            .filter_map(|f| match f.decl {
                Decl::Fn(decl) if decl.body.is_none() => Some(decl),
                _ => None,
            })
            .collect()
    }

    /// What the call costs in changes of its arguments, and what the signature's letters stand for; `None` where it
    /// does not take them.
    fn matching(&mut self, decl: &'a ast::FnDecl, args: &[Expr]) -> Option<(u32, Variables)> {
        let mut variables = Variables::new();
        let mut cost = 0;
        for (i, arg) in args.iter().enumerate() {
            cost += self.match_arg(&param(decl, i)?.ty, arg, &mut variables)?;
        }
        Some((cost, variables))
    }

    fn match_arg(&mut self, ty: &'a ast::Ty, arg: &Expr, variables: &mut Variables) -> Option<u32> {
        if arg.ty == Type::Null {
            return Some(0);
        }
        let Some(letter) = letter(ty) else {
            if matches!(ty.kind, ast::TyKind::Array(_) | ast::TyKind::Map(..)) {
                return self.match_type(ty, &arg.ty, variables);
            }
            let wanted = self.ty(ty, ty.span.file);
            return coerce::fits(arg, &wanted);
        };
        let bound = variables.iter().position(|(l, _)| *l == letter);
        let to = match bound.and_then(|i| variables.get(i)) {
            Some((_, found)) if coerce::fits(arg, found).is_some() => found.clone(),
            Some((_, found)) => coerce::common(found, &arg.ty)?,
            None => arg.ty.clone(),
        };
        let to = match letter {
            'N' if !to.is_numeric() => return None,
            'D' if to.is_floating() || !to.is_numeric() => return None,
            'D' => match to.as_decimal() {
                Some((precision, scale)) => coerce::decimal(i32::from(precision), i32::from(scale)),
                None => return None,
            },
            _ => to,
        };
        let cost = u32::from(to != arg.ty);
        match bound.and_then(|i| variables.get_mut(i)) {
            Some(slot) => slot.1 = to,
            None => variables.push((letter, to)),
        }
        Some(cost)
    }

    fn match_type(&mut self, ty: &'a ast::Ty, found: &Type, variables: &mut Variables) -> Option<u32> {
        if let Some(letter) = letter(ty) {
            match variables.iter_mut().find(|(l, _)| *l == letter) {
                Some(slot) => slot.1 = coerce::common(&slot.1, found)?,
                None => variables.push((letter, found.clone())),
            }
            return Some(0);
        }
        match (&ty.kind, found) {
            (ast::TyKind::Array(item), Type::Array { item: of, .. }) => self.match_type(item, of, variables),
            (ast::TyKind::Map(key, value), Type::Map { key: k, value: v, .. }) => {
                Some(self.match_type(key, k, variables)? + self.match_type(value, v, variables)?)
            }
            (ast::TyKind::Named(_) | ast::TyKind::Decimal { .. }, _) => {
                let wanted = self.ty(ty, ty.span.file);
                (wanted == *found).then_some(0)
            }
            _ => None,
        }
    }

    /// The signature's type with the letters filled in; `like` is the argument that stands there.
    fn filled(&mut self, ty: &'a ast::Ty, variables: &Variables, like: &Type) -> Type {
        if let Some(letter) = letter(ty) {
            return variables.iter().find(|(l, _)| *l == letter).map_or(Type::Null, |(_, t)| t.clone());
        }
        let nullable_of = |like: &Type| match like {
            Type::Array { nullable, .. } | Type::Map { nullable, .. } => *nullable,
            _ => true,
        };
        match &ty.kind {
            ast::TyKind::Array(item) => {
                let inner = if let Type::Array { item, .. } = like { (**item).clone() } else { Type::Null };
                Type::Array { item: Box::new(self.filled(item, variables, &inner)), nullable: nullable_of(like) }
            }
            ast::TyKind::Map(key, value) => {
                let (k, v) = (self.filled(key, variables, &Type::Null), self.filled(value, variables, &Type::Null));
                Type::Map { key: Box::new(k), value: Box::new(v), nullable: nullable_of(like) }
            }
            _ => self.ty(ty, ty.span.file),
        }
    }

    fn apply(&mut self, decl: &'a ast::FnDecl, variables: &Variables, args: Vec<Expr>, span: Span, s: &Scope) -> Expr {
        let mut typed = Vec::with_capacity(args.len() + 1);
        let (mut strict_null, mut all_null, mut all_optional) = (false, true, true);
        for (i, arg) in args.into_iter().enumerate() {
            let Some(param) = param(decl, i) else { return scope::error(span) };
            let wanted = self.filled(&param.ty, variables, &arg.ty.clone());
            let arg = match self.convert(arg, &wanted, s) {
                Ok(arg) => arg,
                // To an equal shape with other nullness inside.
                Err(arg) if coerce::common(&arg.ty, &wanted).is_some() => arg,
                Err(_) => return scope::error(span),
            };
            if arg.ty.is_error() {
                return scope::error(span);
            }
            strict_null |= arg.nullable && !param.ty.optional;
            all_null &= arg.nullable;
            all_optional &= param.ty.optional;
            typed.push(arg);
        }
        let Some(grain) = self.combine(&typed.iter().collect::<Vec<_>>(), span) else { return scope::error(span) };
        if let Some(zone) = decl.params.last().filter(|p| p.name.text == "zone") {
            if zone.ty.optional && matches!(s.zone, Zone::Missing { .. }) {
                typed.push(scope::literal(crate::hir::Value::Null, Type::String, span));
            } else {
                let what = format!("`{}`", decl.name.text());
                match self.need_zone(s, span, &what) {
                    Some(zone) => typed.push(zone),
                    None => return scope::error(span),
                }
            }
        }
        let like = typed.first().map_or(Type::Null, |a| a.ty.clone());
        let ty = self.filled(&decl.result, variables, &like);
        let optional = decl.result.optional && !(all_optional && !typed.is_empty());
        let nullable = strict_null || optional || (all_optional && all_null && decl.result.optional);
        Expr { kind: ExprKind::Call { function: decl.name.text().to_lowercase(), args: typed }, ty, nullable, grain, span }
    }

    /// The first argument that no signature takes at its place.
    fn first_wrong<'e>(&mut self, decl: &'a ast::FnDecl, args: &'e [Expr]) -> (&'e Expr, usize) {
        let mut variables = Variables::new();
        for (i, arg) in args.iter().enumerate() {
            let fits = param(decl, i).and_then(|p| self.match_arg(&p.ty, arg, &mut variables)).is_some();
            if !fits {
                return (arg, i);
            }
        }
        (&args[0], 0)
    }

    fn wanted(&mut self, decl: &'a ast::FnDecl, i: usize) -> String {
        let Some(param) = param(decl, i) else { return "another value".to_owned() };
        match letter(&param.ty) {
            Some('N') => "a number".to_owned(),
            Some('D') => "an exact number".to_owned(),
            Some(_) => "a value of the same type as the others".to_owned(),
            None => match &param.ty.kind {
                ast::TyKind::Array(_) => "an array".to_owned(),
                ast::TyKind::Map(..) => "a map".to_owned(),
                _ => format!("`{}`", self.ty(&param.ty, param.ty.span.file)),
            },
        }
    }
}

/// The parameters that an author writes, and whether the last may be repeated.
fn written_params(decl: &ast::FnDecl) -> (&[ast::Param], bool) {
    let params = match decl.params.split_last() {
        Some((last, front)) if last.name.text == "zone" => front,
        _ => decl.params.as_slice(),
    };
    (params, params.last().is_some_and(|p| p.name.text == "rest"))
}

fn takes(decl: &ast::FnDecl, count: usize) -> bool {
    let (params, rest) = written_params(decl);
    if rest { count + 1 >= params.len() && count > 0 } else { count == params.len() }
}

fn param(decl: &ast::FnDecl, i: usize) -> Option<&ast::Param> {
    let (params, rest) = written_params(decl);
    params.get(i).or_else(|| params.last().filter(|_| rest))
}

/// A single capital letter in a signature stands for a type.
fn letter(ty: &ast::Ty) -> Option<char> {
    let ast::TyKind::Named(path) = &ty.kind else { return None };
    let text = path.names.first().map(|n| n.text.as_str()).filter(|_| path.names.len() == 1)?;
    let mut chars = text.chars();
    let letter = chars.next().filter(char::is_ascii_uppercase)?;
    (chars.next().is_none() && types::base(text).is_none()).then_some(letter)
}
