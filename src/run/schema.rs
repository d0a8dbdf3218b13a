//! What is known before a row is read: whether the files have the columns, in types that can be read.

use crate::engine::sources::Opened;
use crate::engine::sources::layout::{Found, Layout, problem};
use crate::engine::sources::schema::type_of;
use crate::hir::{Field, OtherColumns, RuleKind, Type};
use crate::ir::{Plan, SourceColumn};

/// What a report calls columns that the contract does not name.
pub const OTHER_COLUMNS: &str = "other_columns";

/// For each source column what is wrong with it.
pub fn problems(plan: &Plan, opened: &Opened, layouts: &[Layout]) -> Vec<Option<String>> {
    let first = |i: usize, column| layouts.iter().find_map(|l| problem(opened, l, i, column));
    plan.source.iter().enumerate().map(|(i, column)| first(i, column)).collect()
}

/// For each rule of the plan the reason for which it is broken; only rules about types can be.
pub fn broken(plan: &Plan, problems: &[Option<String>]) -> Vec<Option<String>> {
    let rule = |kind: &RuleKind| {
        let RuleKind::Type { column } = kind else { return None };
        let column = plan.column(column)?;
        let Some(value) = &column.value else {
            let missing = format!("{} has no column that becomes `{}`", plan.source_dataset, column.name);
            return (!column.nullable).then_some(missing);
        };
        let position = |name: &str| plan.source.iter().position(|c| c.name == name);
        value.columns().into_iter().find_map(|name| {
            let problem = problems.get(position(name)?)?.as_ref()?;
            Some(format!("`{name}` {problem}"))
        })
    };
    plan.rules.iter().map(|planned| rule(&planned.rule.kind)).collect()
}

/// For each rule about a type that holds, what is worth knowing: a narrower column that is widened, one that is missing.
pub fn notes(plan: &Plan, opened: &Opened, layouts: &[Layout]) -> Vec<Option<String>> {
    let of_source = |i: usize, column: &SourceColumn| {
        layouts.iter().find_map(|layout| match layout.columns.get(i)? {
            Found::At(at) => {
                let held = type_of(layout.schema.field(*at).data_type())?;
                // What may be null is judged row by row.
                let named = plain(&held) != plain(&column.ty) && held != Type::Null && opened.text.is_none();
                named.then(|| format!("`{}` is {held} in the files and is widened to {}", column.name, column.ty))
            }
            Found::Missing if layouts.iter().all(|l| l.columns.get(i) == Some(&Found::Missing)) => {
                Some(format!("`{}` is missing in the files and null in every row", column.name))
            }
            Found::Missing => Some(format!("`{}` is missing in some of the files and null in their rows", column.name)),
            Found::Folder(_) => None,
        })
    };
    let rule = |kind: &RuleKind| {
        let RuleKind::Type { column } = kind else { return None };
        let value = plan.column(column)?.value.as_ref()?;
        let reads = value.columns();
        plan.source.iter().enumerate().filter(|(_, c)| reads.contains(&c.name.as_str())).find_map(|(i, c)| of_source(i, c))
    };
    plan.rules.iter().map(|planned| rule(&planned.rule.kind)).collect()
}

/// The type without what may be null in it.
fn plain(ty: &Type) -> Type {
    match ty {
        Type::Array { item, .. } => Type::Array { item: Box::new(plain(item)), nullable: true },
        Type::Map { key, value, .. } => {
            Type::Map { key: Box::new(plain(key)), value: Box::new(plain(value)), nullable: true }
        }
        Type::Struct(fields) => {
            let field = |f: &Field| Field { ty: plain(&f.ty), nullable: true, ..f.clone() };
            Type::Struct(fields.iter().map(field).collect())
        }
        other => other.clone(),
    }
}

/// What else the files' columns show: that they stand in another order, that some are left out.
pub fn remarks(plan: &Plan, layouts: &[Layout]) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let places = |l: &Layout| l.columns.iter().filter_map(|c| if let Found::At(i) = c { Some(*i) } else { None }).collect::<Vec<_>>();
    if let Some(layout) = layouts.iter().find(|l| !places(l).is_sorted()) {
        let names: Vec<&str> = layout.schema.fields().iter().map(|f| f.name().as_str()).collect();
        found.push(("column_order", format!("the files have the columns in another order: {}; they are found by name", names.join(", "))));
    }
    if plan.source_other == OtherColumns::Ignored {
        let mut names: Vec<String> = Vec::new();
        for layout in layouts {
            for &extra in &layout.extra {
                let name = format!("`{}`", layout.schema.field(extra).name());
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        if !names.is_empty() {
            found.push((OTHER_COLUMNS, format!("the files also have {}, which the contract leaves out", names.join(", "))));
        }
    }
    found
}

/// Columns that the source's contract forbids, each once, in the files' order.
pub fn forbidden(plan: &Plan, layouts: &[Layout]) -> Vec<String> {
    let mut found = Vec::new();
    if plan.source_other == OtherColumns::Forbidden {
        for layout in layouts {
            for &extra in &layout.extra {
                let name = layout.schema.field(extra).name();
                if !found.contains(name) {
                    found.push(name.clone());
                }
            }
        }
    }
    found
}
