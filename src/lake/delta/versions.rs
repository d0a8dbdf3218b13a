//! What each version of a table added, from its log: the batches of a source that is promoted version by version.

use deltalake::kernel::Add;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use super::Table;
use crate::fault::Fault;
use crate::ir::InputFile;
use crate::lake::store::percent_decoded;

/// Log entries that are fetched side by side.
const FETCHES: usize = 16;

/// What one version brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub number: i64,
    /// Sorted by path; files that only rearrange rows are left out.
    pub added: Vec<InputFile>,
    /// Whether rows that were there before are gone since.
    pub removes: bool,
}

impl Table {
    /// The versions that the log still tells of, in their order, but for those that change no rows; and whether its
    /// first entries were cleaned up.
    ///
    /// # Errors
    /// An entry of the log cannot be read.
    pub async fn versions(&self) -> Result<(Vec<Version>, bool), Fault> {
        let newest = self.version();
        let mut entries: Vec<(i64, String)> = Vec::new();
        for file in self.store.list_below("_delta_log").await? {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            let Some(number) = name.strip_suffix(".json").and_then(|n| n.parse::<i64>().ok()) else { continue };
            if number <= newest {
                entries.push((number, file.path));
            }
        }
        entries.sort();
        let cut = entries.first().is_some_and(|(number, _)| *number > 0);
        let read = entries.into_iter().map(|(number, path)| async move {
            let text = self.store.read(&path).await?;
            self.version_of(number, &text)
        });
        let versions: Vec<Version> = futures::stream::iter(read).buffered(FETCHES).try_collect().await?;
        Ok((versions.into_iter().filter(|v| v.removes || !v.added.is_empty()).collect(), cut))
    }

    fn version_of(&self, number: i64, text: &[u8]) -> Result<Version, Fault> {
        let unreadable = || Fault::storage(format!("version {number} of the table `{}` cannot be read", self.name));
        let mut version = Version { number, added: Vec::new(), removes: false };
        for line in text.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            let mut action: Value = serde_json::from_slice(line).map_err(|_| unreadable())?;
            if let Some(remove) = action.get("remove") {
                version.removes |= remove.get("dataChange").and_then(Value::as_bool).unwrap_or(true);
            }
            let Some(add) = action.get_mut("add") else { continue };
            let add: Add = serde_json::from_value(add.take()).map_err(|_| unreadable())?;
            if add.deletion_vector.is_some() {
                return Err(super::deletion_vectors(&self.name));
            }
            if add.data_change {
                let mut partition: Vec<(String, String)> =
                    add.partition_values.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
                partition.sort();
                version.added.push(InputFile {
                    path: percent_decoded(&add.path),
                    size: u64::try_from(add.size).unwrap_or(0),
                    e_tag: None,
                    modified: add.modification_time.saturating_mul(1000),
                    partition,
                    statistics: None,
                });
            }
        }
        version.added.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(version)
    }
}
