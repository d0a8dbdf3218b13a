//! What a column of the files cannot keep of its values in its declared type: instants that are too far away, and nulls
//! inside of a value whose type has none there.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, TimeUnit};

use super::{Computed, Program};
use crate::engine::sources::layout::as_type;
use crate::eval::Reason;
use crate::hir::Type;

/// Why an array, a map or a struct is not of its type.
pub const INSIDE: &str = "what is inside does not fit the type: a null, or a value out of range";

/// Whether a file's column may hold what its declared type cannot.
pub fn may_lose(file: &DataType, declared: &Type) -> bool {
    let inside = |field: &DataType, nulls: bool, ty: &Type, nullable: bool| (nulls && !nullable) || may_lose(field, ty);
    match (file, declared) {
        (DataType::Dictionary(_, values), ty) => may_lose(values, ty),
        (DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, _), Type::Timestamp | Type::TimestampNtz) => {
            true
        }
        (DataType::Date32, Type::TimestampNtz) => true,
        (
            DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _),
            Type::Array { item, nullable },
        ) => inside(f.data_type(), f.is_nullable(), item, *nullable),
        (DataType::Map(entries, _), Type::Map { key, value, nullable }) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                may_lose(pair[0].data_type(), key)
                    || inside(pair[1].data_type(), pair[1].is_nullable(), value, *nullable)
            }
            _ => false,
        },
        (DataType::Struct(fields), Type::Struct(declared)) => {
            fields.iter().zip(declared).any(|(f, d)| inside(f.data_type(), f.is_nullable(), &d.ty, d.nullable))
        }
        _ => false,
    }
}

/// The reason for which a value of the type can be lost.
pub fn reason(ty: &Type) -> Option<Reason> {
    match ty {
        Type::Timestamp | Type::TimestampNtz => Some(Reason::out_of(ty)),
        Type::Array { .. } | Type::Map { .. } | Type::Struct(_) => Some(Reason(INSIDE.into())),
        _ => None,
    }
}

/// A column of the files in its declared type.
pub fn read(program: &Program, column: &Computed, ty: &Type) -> Computed {
    let values = as_type(&column.values, ty);
    let Some(reason) = reason(ty).filter(|_| may_lose(column.values.data_type(), ty)) else {
        return Computed { values, ..column.clone() };
    };
    let Some(lost) = lost(Some(&column.values), &values, ty) else { return Computed { values, ..column.clone() } };
    let code = program.code(&reason.0);
    let error = |row: usize| match column.error(row) {
        0 if lost[row] => code,
        known => known,
    };
    let errors = (0..values.len()).map(error).collect();
    Computed { values, errors: Some(errors), constant: column.constant }
}

/// The rows in which something is lost; `None`: in none. `file`: the same values before, where they are at hand.
fn lost(file: Option<&ArrayRef>, read: &ArrayRef, ty: &Type) -> Option<Vec<bool>> {
    let mut rows = vec![false; read.len()];
    if let Some(file) = file.filter(|file| read.null_count() > file.null_count()) {
        (0..rows.len()).for_each(|row| rows[row] = read.is_null(row) && file.is_valid(row));
    }
    let mut spread = |inner: Option<Vec<bool>>, range: &dyn Fn(usize) -> std::ops::Range<usize>| {
        let Some(inner) = inner else { return };
        for row in (0..rows.len()).filter(|row| read.is_valid(*row)) {
            rows[row] |= inner[range(row)].contains(&true);
        }
    };
    match ty {
        Type::Array { item, nullable } => {
            let list = read.as_list::<i32>();
            let before =
                file.and_then(|f| f.as_list_opt::<i32>()).filter(|f| f.offsets() == list.offsets()).map(|f| f.values());
            let offsets = list.offsets();
            spread(inside(before, list.values(), item, *nullable), &|row| {
                offsets[row] as usize..offsets[row + 1] as usize
            });
        }
        Type::Map { value, nullable, .. } => {
            let map = read.as_map();
            let before = file.and_then(|f| f.as_map_opt()).filter(|f| f.offsets() == map.offsets()).map(|f| f.values());
            let offsets = map.offsets();
            spread(inside(before, map.values(), value, *nullable), &|row| {
                offsets[row] as usize..offsets[row + 1] as usize
            });
        }
        Type::Struct(fields) => {
            let (read, before) = (read.as_struct(), file.and_then(|f| f.as_struct_opt()));
            for (position, field) in fields.iter().enumerate() {
                let before = before.and_then(|b| b.columns().get(position));
                spread(inside(before, read.column(position), &field.ty, field.nullable), &|row| row..row + 1);
            }
        }
        _ => {}
    }
    rows.contains(&true).then_some(rows)
}

/// The same for values inside of others.
fn inside(file: Option<&ArrayRef>, read: &ArrayRef, ty: &Type, nullable: bool) -> Option<Vec<bool>> {
    let rows = lost(file, read, ty);
    if nullable || read.null_count() == 0 {
        return rows;
    }
    let mut rows = rows.unwrap_or_else(|| vec![false; read.len()]);
    (0..rows.len()).for_each(|row| rows[row] |= read.is_null(row));
    Some(rows)
}
