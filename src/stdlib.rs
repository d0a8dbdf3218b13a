//! The standard library: `.dq` files embedded in the binary, and the names of the native functions.
