//! Types, and types with a condition.

use super::super::ast::{Refined, Refinement, Ty, TyKind};
use super::super::errors;
use super::super::grammar::{Pair, Rule};
use super::{Builder, MAX_DEPTH, unquote};
use crate::source::Span;

impl<'t> Builder<'t> {
    pub fn ty(&mut self, pair: Pair<'t>) -> Ty {
        self.ty_at(pair, 0)
    }

    pub fn error_ty(&self, span: Span) -> Ty {
        Ty { kind: TyKind::Error, optional: false, span }
    }

    fn ty_at(&mut self, pair: Pair<'t>, depth: usize) -> Ty {
        let span = self.span(&pair);
        if depth > MAX_DEPTH / 4 {
            if !std::mem::replace(&mut self.too_deep, true) {
                self.push(errors::too_deep(span));
            }
            return self.error_ty(span);
        }
        let mut ty = self.error_ty(span);
        for p in pair.into_inner() {
            let at = self.span(&p);
            match p.as_rule() {
                Rule::type_name => {
                    ty.kind = TyKind::Named(self.path(&p));
                }
                Rule::t_array => {
                    let item = p.into_inner().find(|p| p.as_rule() == Rule::ty);
                    ty.kind = item.map_or(TyKind::Error, |p| TyKind::Array(Box::new(self.ty_at(p, depth + 1))));
                }
                Rule::t_map => {
                    let mut types = p.into_inner().filter(|p| p.as_rule() == Rule::ty);
                    if let (Some(k), Some(v)) = (types.next(), types.next()) {
                        ty.kind = TyKind::Map(Box::new(self.ty_at(k, depth + 1)), Box::new(self.ty_at(v, depth + 1)));
                    }
                }
                Rule::t_struct => ty.kind = self.fields(p, depth),
                Rule::t_decimal => {
                    let mut sizes = [0, 0];
                    for (size, p) in sizes.iter_mut().zip(p.into_inner().filter(|p| p.as_rule() == Rule::digits)) {
                        *size = self.number(&p);
                    }
                    ty.kind = TyKind::Decimal { precision: sizes[0], scale: sizes[1] };
                }
                Rule::slip_sized => ty.kind = self.sized(p, at),
                Rule::slip_brackets => {
                    let whole = span.to(at);
                    let item = self.range(span.start as usize, at.start as usize);
                    let ours = format!("array<{}>", self.slice(item).trim());
                    self.push(errors::sized_type(
                        item.to(at),
                        self.slice(item.to(at)),
                        &ours,
                        "an array is written `array<…>`",
                    ));
                    let inner =
                        Ty { kind: std::mem::replace(&mut ty.kind, TyKind::Error), optional: false, span: item };
                    ty = Ty { kind: TyKind::Array(Box::new(inner)), optional: false, span: whole };
                }
                Rule::opt => ty.optional = true,
                _ => {}
            }
        }
        ty
    }

    fn fields(&mut self, pair: Pair<'t>, depth: usize) -> TyKind {
        let mut fields = Vec::new();
        for field in pair.into_inner().filter(|p| p.as_rule() == Rule::field) {
            let at = self.span(&field);
            let (mut name, mut ty) = (self.empty_name(at), self.error_ty(at));
            for p in field.into_inner() {
                match p.as_rule() {
                    Rule::anyname => name = self.name(&p),
                    Rule::ty => ty = self.ty_at(p, depth + 1),
                    _ => {}
                }
            }
            fields.push((name, ty));
        }
        TyKind::Struct(fields)
    }

    /// A type with a size in parentheses, as SQL has many.
    fn sized(&mut self, pair: Pair<'t>, span: Span) -> TyKind {
        let text = pair.as_str();
        let mut word = "";
        let mut sizes = Vec::new();
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::plain => word = p.as_str(),
                _ => sizes.push(self.number(&p)),
            }
        }
        let named =
            |name: &str| TyKind::Named(super::Path { names: vec![super::Name { text: name.to_string(), span }], span });
        let first = sizes.first().copied().unwrap_or(0);
        let (ours, because): (String, &str) = match unquote(word).to_ascii_lowercase().as_str() {
            "varchar" | "char" | "nvarchar" | "nchar" | "varchar2" | "character" | "text" | "string" | "bpchar" => {
                let followed = self.text.get(span.end as usize..).unwrap_or("").trim_start_matches([' ', '\t', '?']);
                let bounded = sizes.len() == 1
                    && !followed.starts_with("where")
                    && !followed.starts_with("in ")
                    && !followed.starts_with("in(");
                let optional = self.text.get(span.end as usize..).is_some_and(|t| t.starts_with('?'));
                let ours = if bounded && !optional {
                    format!("string where length(it) <= {first}")
                } else {
                    "string".to_string()
                };
                self.push(errors::sized_type(span, text, &ours, "text is `string`; its length is a condition"));
                return named("string");
            }
            "numeric" | "number" | "dec" => {
                let scale = sizes.get(1).copied().unwrap_or(0);
                self.push(errors::sized_type(
                    span,
                    text,
                    &format!("decimal({first}, {scale})"),
                    "exact numbers are `decimal(precision, scale)`",
                ));
                return TyKind::Decimal { precision: first, scale };
            }
            "tinyint" | "smallint" | "int" | "bigint" | "date" | "timestamp" | "timestamp_ntz" | "boolean"
            | "binary" | "double" => (word.to_ascii_lowercase(), "this type takes no size"),
            "integer" => ("int".into(), "whole numbers are `int` or `bigint`"),
            "float" | "real" => ("double".into(), "this type takes no size"),
            "datetime" | "datetime2" | "timestamptz" => ("timestamp".into(), "an instant is `timestamp`"),
            "varbinary" | "blob" | "bytea" => ("binary".into(), "bytes are `binary`"),
            "bit" | "bool" => ("boolean".into(), "true or false is `boolean`"),
            _ => {
                self.push(errors::unknown_sized_type(span, text));
                return TyKind::Error;
            }
        };
        self.push(errors::sized_type(span, text, &ours, because));
        named(&ours)
    }

    pub fn refined(&mut self, pair: Pair<'t>) -> Refined {
        let span = self.span(&pair);
        let mut refined = Refined { ty: self.error_ty(span), condition: None, span };
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::ty => refined.ty = self.ty(p),
                Rule::expr => refined.condition = Some(Refinement::Where(self.expr(p))),
                Rule::in_list => {
                    let at = self.span(&p);
                    refined.condition = Some(Refinement::In(self.expr_list(p), at));
                }
                _ => {}
            }
        }
        refined
    }
}
