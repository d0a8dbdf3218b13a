//! The standard library: `.dq` files in the binary. `native.dq` declares what is computed in Rust and says how its
//! signatures are read; the others are written in the language.

pub mod samples;

use std::sync::OnceLock;

use crate::source::{FileId, SourceFile};
use crate::syntax::{self, Parse};

/// Before a library module's path in the names of files.
pub const PREFIX: &str = "<std>/";

/// Module path and text.
pub const FILES: &[(&str, &str)] = &[
    ("native", include_str!("../stdlib/native.dq")),
    ("text", include_str!("../stdlib/text.dq")),
    ("web", include_str!("../stdlib/web.dq")),
    ("keys", include_str!("../stdlib/keys.dq")),
    ("time", include_str!("../stdlib/time.dq")),
    ("geo", include_str!("../stdlib/geo.dq")),
    ("finance", include_str!("../stdlib/finance.dq")),
    ("br", include_str!("../stdlib/br.dq")),
];

/// The library read once: each file is the one of its place in a compilation's source map, before the project's.
pub fn files() -> &'static [(SourceFile, Parse)] {
    static READ: OnceLock<Vec<(SourceFile, Parse)>> = OnceLock::new();
    READ.get_or_init(|| {
        let read = |(id, (module, text)): (u32, &(&str, &str))| {
            (SourceFile::new(format!("{PREFIX}{module}.dq"), *text), syntax::parse(FileId(id), text))
        };
        (0..).zip(FILES).map(read).collect()
    })
}

/// Other names under which SQL knows a native function; a call is resolved to the one that is declared.
const ALIASES: &[(&str, &str)] = &[
    ("array_element", "element_at"),
    ("array_extract", "element_at"),
    ("array_has", "array_contains"),
    ("array_has_any", "arrays_overlap"),
    ("array_indexof", "array_position"),
    ("array_length", "size"),
    ("array_size", "size"),
    ("array_to_string", "array_join"),
    ("btrim", "trim"),
    ("cardinality", "size"),
    ("ceiling", "ceil"),
    ("char", "chr"),
    ("char_length", "length"),
    ("character_length", "length"),
    ("current_timestamp", "now"),
    ("date_diff", "datediff"),
    ("dateadd", "date_add"),
    ("datetrunc", "date_trunc"),
    ("dayofmonth", "day"),
    ("dow", "dayofweek"),
    ("doy", "dayofyear"),
    ("endswith", "ends_with"),
    ("ifnull", "coalesce"),
    ("instr", "strpos"),
    ("is_nan", "isnan"),
    ("lcase", "lower"),
    ("len", "length"),
    ("list_contains", "array_contains"),
    ("list_distinct", "array_distinct"),
    ("list_element", "element_at"),
    ("list_except", "array_except"),
    ("list_extract", "element_at"),
    ("list_has", "array_contains"),
    ("list_has_any", "arrays_overlap"),
    ("list_indexof", "array_position"),
    ("list_intersect", "array_intersect"),
    ("list_join", "array_join"),
    ("list_length", "size"),
    ("list_max", "array_max"),
    ("list_min", "array_min"),
    ("list_position", "array_position"),
    ("list_sort", "array_sort"),
    ("list_to_string", "array_join"),
    ("list_union", "array_union"),
    ("log", "ln"),
    ("nvl", "coalesce"),
    ("pow", "power"),
    ("rlike", "regexp_like"),
    ("sgn", "sign"),
    ("signum", "sign"),
    ("startswith", "starts_with"),
    ("string_to_array", "split"),
    ("string_to_list", "split"),
    ("substr", "substring"),
    ("substr_index", "substring_index"),
    ("today", "current_date"),
    ("ucase", "upper"),
    ("unix_seconds", "to_unixtime"),
    ("unix_timestamp", "to_unixtime"),
    ("weekofyear", "week"),
];

/// The name under which a function is declared, given in any case and under any of its names.
pub fn canonical(name: &str) -> String {
    let name = name.to_lowercase();
    match ALIASES.binary_search_by_key(&name.as_str(), |(alias, _)| alias) {
        Ok(i) => ALIASES.get(i).map_or(name, |(_, declared)| (*declared).to_owned()),
        Err(_) => name,
    }
}
