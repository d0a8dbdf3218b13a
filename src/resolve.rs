//! Names of items to items: datasets, types, functions, rule sets, imports.
