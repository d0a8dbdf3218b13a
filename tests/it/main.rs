//! The one integration binary; see `tests/README.md`.

mod project;
mod render;
mod tidy;

/// The folder of `Cargo.toml`.
fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}
