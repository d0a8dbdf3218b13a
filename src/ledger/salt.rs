//! What stands before personal values when the ledger keeps their hashes: without it, whoever reads the tables could try all tax
//! numbers there are. Random, made once for a lake, in a file of its own that readers of the tables need not see.

use super::Ledger;
use crate::fault::Fault;
use crate::hir::{Privacy, RuleKind, Type};
use crate::ir::Plan;
use crate::lake::store::Store;

const NAME: &str = "salt";

impl Ledger<'_> {
    /// `make`: where there is none yet; else nothing was hashed so far, and it is empty.
    ///
    /// # Errors
    /// The ledger's place cannot be read or written.
    pub async fn salt(&self, make: bool) -> Result<String, Fault> {
        let store = Store::open(&self.url, self.storage)?;
        if make && store.stat(NAME).await?.is_none() {
            let random = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
            // Whoever comes first has made it for all.
            store.create(NAME, random.into_bytes()).await?;
        }
        match store.stat(NAME).await? {
            Some(_) => Ok(String::from_utf8_lossy(&store.read(NAME).await?).trim().to_owned()),
            None => Ok(String::new()),
        }
    }
}

/// Whether the ledger may come to keep a hash of a value: a condition on groups or on the past, and text of persons.
pub fn is_needed(plan: &Plan) -> bool {
    let personal = plan.columns.iter().any(|c| c.privacy == Privacy::Personal && c.ty == Type::String);
    personal && plan.rules.iter().any(|r| matches!(r.rule.kind, RuleKind::Aggregate { .. }))
}
