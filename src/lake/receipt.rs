//! Whether a table holds what was judged: the log keeps the SHA-256 of every file that was published.

use crate::fault::Fault;
use crate::lake::delta::Table;
use crate::lake::stage::SHA256;
use crate::storage::Storage;

/// What a table's files are found to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub version: i64,
    /// Files that are, byte for byte, what was published.
    pub intact: usize,
    pub bytes: u64,
    /// Paths of files that are not, and why.
    pub broken: Vec<(String, String)>,
}

/// Reads every file of a table; `None` where there is no table.
pub async fn verify(url: &str, storage: &Storage) -> Result<Option<Verified>, Fault> {
    let Some(table) = Table::open(url, storage).await? else {
        return Ok(None);
    };
    let mut found = Verified { version: table.version(), ..Verified::default() };
    for (path, tags) in table.tags()? {
        let why = match (tags.get(SHA256).cloned().flatten(), table.store.stat(&path).await?) {
            (_, None) => "is gone".to_owned(),
            (None, _) => "was written by somebody else".to_owned(),
            (Some(published), Some(file)) => {
                if table.store.digest(&path).await? == published {
                    found.intact += 1;
                    found.bytes += file.size;
                    continue;
                }
                "is not what was published".to_owned()
            }
        };
        found.broken.push((path, why));
    }
    Ok(Some(found))
}
