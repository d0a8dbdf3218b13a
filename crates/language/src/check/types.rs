//! Types as written become types as meant; a declared type brings its conditions along.

use crate::hir::{Field, Type};
use crate::resolve::{Decl, Space, folded};
use crate::source::{FileId, Span};
use crate::syntax::ast;

use super::infer::MAX_DEPTH;
use super::{Checker, errors};

/// A condition on `it` that a column or a declared type writes.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    pub refinement: &'a ast::Refinement,
    /// The declared type that writes it; `None`: the column itself.
    pub name: Option<&'a str>,
    /// Where the condition's names are looked up.
    pub file: FileId,
    pub declared: Span,
    /// From the column's value to the one that is judged.
    pub way: Vec<Step>,
}

/// Into a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Every element of an array.
    Each,
    Field(String),
}

/// A written type, resolved.
#[derive(Clone, Debug)]
pub struct Meant<'a> {
    pub ty: Type,
    pub nullable: bool,
    /// The innermost declared type first.
    pub claims: Vec<Claim<'a>>,
    pub type_name: Option<String>,
}

impl Meant<'_> {
    fn plain(ty: Type, nullable: bool) -> Self {
        Meant { ty, nullable, claims: Vec::new(), type_name: None }
    }
}

/// Spark's name of a base type; `decimal` alone is Spark's `decimal(10, 0)`.
pub fn base(name: &str) -> Option<Type> {
    Some(match name {
        "boolean" => Type::Boolean,
        "tinyint" => Type::TinyInt,
        "smallint" => Type::SmallInt,
        "int" => Type::Int,
        "bigint" => Type::BigInt,
        "float" => Type::Float,
        "double" => Type::Double,
        "decimal" => Type::Decimal { precision: 10, scale: 0 },
        "string" => Type::String,
        "binary" => Type::Binary,
        "date" => Type::Date,
        "timestamp" => Type::Timestamp,
        "timestamp_ntz" => Type::TimestampNtz,
        _ => return None,
    })
}

pub const BASE_NAMES: [&str; 16] = [
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "string", "binary", "date",
    "timestamp", "timestamp_ntz", "array", "map", "struct",
];

/// What other databases call it.
pub fn habit(name: &str) -> Option<&'static str> {
    Some(match name {
        "bool" | "bit" => "boolean",
        "byte" | "int8" => "tinyint",
        "short" | "int16" | "int2" => "smallint",
        "integer" | "int32" | "int4" | "mediumint" | "serial" => "int",
        "long" | "int64" | "bigserial" => "bigint",
        "real" | "float32" | "float4" => "float",
        "float64" | "float8" | "double_precision" => "double",
        "number" | "numeric" | "dec" | "money" => "decimal(38, 9)",
        "varchar" | "varchar2" | "nvarchar" | "char" | "nchar" | "character" | "text" | "str" | "clob" | "uuid"
        | "json" | "enum" => "string",
        "blob" | "bytes" | "bytea" | "varbinary" => "binary",
        "datetime" | "timestamptz" | "timestamp_tz" | "timestamp_ltz" | "instant" => "timestamp",
        "datetime2" | "smalldatetime" => "timestamp_ntz",
        _ => return None,
    })
}

impl<'a> Checker<'a> {
    /// The type of a column or a declared type, with its own condition and those of the types it names.
    pub fn refined(&mut self, refined: &'a ast::Refined, file: FileId) -> Meant<'a> {
        let mut meant = self.meant(&refined.ty, file);
        if let Some(refinement) = &refined.condition {
            meant.claims.push(Claim { refinement, name: None, file, declared: refined.span, way: Vec::new() });
        }
        meant
    }

    fn meant(&mut self, ty: &'a ast::Ty, file: FileId) -> Meant<'a> {
        let ast::TyKind::Named(path) = &ty.kind else {
            let mut meant = Meant::plain(self.ty(ty, file), ty.optional);
            if !meant.ty.is_error() {
                self.nested_claims(ty, file, &mut Vec::new(), &mut meant.claims);
            }
            return meant;
        };
        let name = path.joined();
        let name = folded(&name);
        if let Some(base) = base(&name) {
            return Meant::plain(base, ty.optional);
        }
        match self.names.find(file, Space::Type, path).first().map(|f| f.decl) {
            Some(Decl::Type(decl)) => {
                if self.broken.contains(&decl.name.span) {
                    return Meant::plain(Type::Error, ty.optional);
                }
                if self.open_types.contains(&decl.name.span) {
                    self.report(errors::goes_round("type", &decl.name.text, path.span, decl.name.span));
                    self.broken.insert(decl.name.span);
                    return Meant::plain(Type::Error, ty.optional);
                }
                if self.open_types.len() >= MAX_DEPTH {
                    self.bound = true;
                    if !std::mem::replace(&mut self.too_deep, true) {
                        self.report(errors::types_too_deep(path, MAX_DEPTH));
                    }
                    self.broken.insert(decl.name.span);
                    return Meant::plain(Type::Error, ty.optional);
                }
                self.open_types.push(decl.name.span);
                let mut meant = self.refined(&decl.refined, decl.name.span.file);
                self.open_types.pop();
                meant.claims.iter_mut().filter(|c| c.name.is_none()).for_each(|c| c.name = Some(&decl.name.text));
                meant.nullable |= ty.optional;
                meant.type_name = Some(decl.name.text.clone());
                meant
            }
            Some(_) => Meant::plain(Type::Error, ty.optional),
            None => {
                self.unknown_type(path, &name, file);
                Meant::plain(Type::Error, ty.optional)
            }
        }
    }

    /// What declared types inside an array or struct ask of their values.
    fn nested_claims(&mut self, ty: &'a ast::Ty, file: FileId, way: &mut Vec<Step>, found: &mut Vec<Claim<'a>>) {
        match &ty.kind {
            ast::TyKind::Named(_) if !way.is_empty() => {
                let claims = self.meant(ty, file).claims.into_iter();
                found.extend(claims.map(|c| Claim { way: way.iter().cloned().chain(c.way).collect(), ..c }));
            }
            ast::TyKind::Array(item) => {
                way.push(Step::Each);
                self.nested_claims(item, file, way, found);
                way.pop();
            }
            ast::TyKind::Struct(fields) => {
                for (name, ty) in fields {
                    way.push(Step::Field(name.text.clone()));
                    self.nested_claims(ty, file, way, found);
                    way.pop();
                }
            }
            _ => {}
        }
    }

    fn unknown_type(&mut self, path: &ast::Path, name: &str, file: FileId) {
        let known = self.names.in_scope(file, Space::Type);
        let elsewhere = self.names.elsewhere(Space::Type, name);
        self.report(match habit(name).filter(|_| elsewhere.is_none()) {
            Some(ours) => errors::sql_type(path, ours),
            None => errors::unknown_type(path, BASE_NAMES.iter().copied().chain(known.iter().map(String::as_str)), elsewhere),
        });
    }

    /// The type alone, as in a cast, a parameter or a nested place.
    pub fn ty(&mut self, ty: &'a ast::Ty, file: FileId) -> Type {
        match &ty.kind {
            ast::TyKind::Error => Type::Error,
            ast::TyKind::Named(path) => {
                let name = path.joined();
                match &*folded(&name) {
                    "interval" | "duration" => Type::Interval,
                    "time" => Type::Time,
                    _ => self.meant(ty, file).ty,
                }
            }
            ast::TyKind::Decimal { precision, scale } => {
                if *precision == 0 || *precision > 38 || scale > precision {
                    self.report(errors::decimal_out_of_range(ty.span, *precision, *scale));
                    return Type::Error;
                }
                Type::Decimal {
                    precision: u8::try_from(*precision).unwrap_or(38),
                    scale: u8::try_from(*scale).unwrap_or(38),
                }
            }
            ast::TyKind::Array(item) => {
                let nullable = item.optional;
                self.nested([item], file, |[item]| Type::Array { item: Box::new(item), nullable })
            }
            ast::TyKind::Map(key, value) => {
                let nullable = value.optional;
                let make = |[key, value]: [Type; 2]| Type::Map { key: Box::new(key), value: Box::new(value), nullable };
                self.nested([key, value], file, make)
            }
            ast::TyKind::Struct(fields) => self.struct_ty(fields, file),
        }
    }

    fn nested<const N: usize>(&mut self, of: [&'a ast::Ty; N], file: FileId, make: impl FnOnce([Type; N]) -> Type) -> Type {
        if !self.deeper(of.first().map(|t| t.span).unwrap_or_default()) {
            return Type::Error;
        }
        let types = of.map(|t| self.ty(t, file));
        self.depth -= 1;
        if types.iter().any(Type::is_error) { Type::Error } else { make(types) }
    }

    fn struct_ty(&mut self, fields: &'a [(ast::Name, ast::Ty)], file: FileId) -> Type {
        if !self.deeper(fields.first().map(|(n, _)| n.span).unwrap_or_default()) {
            return Type::Error;
        }
        let mut found: Vec<Field> = Vec::with_capacity(fields.len());
        let mut broken = false;
        for (i, (name, ty)) in fields.iter().enumerate() {
            if let Some((first, _)) = fields[..i].iter().find(|(n, _)| n.text.eq_ignore_ascii_case(&name.text)) {
                self.report(errors::twice("field", &name.text, name.span, &first.text, first.span));
                broken = true;
            }
            let nullable = ty.optional;
            let ty = self.ty(ty, file);
            broken |= ty.is_error();
            found.push(Field { name: name.text.clone(), ty, nullable });
        }
        self.depth -= 1;
        if broken { Type::Error } else { Type::Struct(found) }
    }
}
