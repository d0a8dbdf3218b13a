//! All wording of the checker, by the hundreds of the codes.

mod names;
mod promotions;
mod rules;
mod tests;
mod types;

pub use names::*;
pub use promotions::*;
pub use rules::*;
pub use tests::*;
pub use types::*;

use crate::diagnostics::Diagnostic;
use crate::diagnostics::suggest::nearest;
use crate::source::Span;

/// A piece of the author's text in a sentence; what is long or spans lines is named otherwise.
fn quote(text: &str, otherwise: &str) -> String {
    if text.is_empty() || text.contains('\n') || text.chars().count() > 40 {
        otherwise.to_owned()
    } else {
        format!("`{text}`")
    }
}

/// Names the nearest of the known names and offers it.
fn with_nearest<'n>(d: Diagnostic, name: &str, span: Span, known: impl IntoIterator<Item = &'n str>, otherwise: String) -> Diagnostic {
    match nearest(name, known) {
        Some(near) => d.with_help(format!("The nearest is `{near}`.")).with_replacement(format!("write `{near}`"), span, near),
        None if otherwise.is_empty() => d,
        None => d.with_help(otherwise),
    }
}
