//! What `because` and `fix` would show of values that not everybody may see.

use super::errors;
use crate::diagnostics::Diagnostic;
use crate::hir::{Contract, Privacy, TemplatePart};

pub fn show_no_private_values(contract: &Contract, found: &mut Vec<Diagnostic>) {
    for rule in &contract.rules {
        for (word, template) in [("because", &rule.because), ("fix", &rule.fix)] {
            for part in template.iter().flat_map(|t| &t.parts) {
                let TemplatePart::Hole(name) = part else { continue };
                let Some(column) = contract.column(name) else { continue };
                match column.privacy {
                    Privacy::Public => {}
                    Privacy::Personal => found.push(errors::shown_masked(rule, word, column)),
                    Privacy::Secret => found.push(errors::secret_shown(rule, word, column)),
                }
            }
        }
    }
}
