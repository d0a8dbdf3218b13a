//! Tables that this program must not write: what they promise would be broken by a writer that does not know it.

use std::collections::HashMap;

use deltalake::kernel::StructType;
use serde_json::Value;

use crate::fault::Fault;

/// Features that change nothing for a writer of whole files.
const HARMLESS: [&str; 9] = [
    "appendOnly",
    "invariants",
    "timestampNtz",
    "changeDataFeed",
    "checkConstraints",
    "generatedColumns",
    "columnMapping",
    "deletionVectors",
    "checkpointProtection",
];

/// The property by which a table forgets transactions.
const RETENTION: &str = "delta.setTransactionRetentionDuration";

/// Refuses a table whose log says that a writer has more to do than to add and remove files.
///
/// `protocol`: the log's action as JSON; `configuration`: the table's properties.
pub fn check(
    table: &str,
    protocol: &Value,
    configuration: &HashMap<String, String>,
    schema: &StructType,
) -> Result<(), Fault> {
    let refused = |why: String| Fault::usage(format!("the table `{table}` cannot be written safely: {why}"));
    let version = |key: &str| protocol.get(key).and_then(Value::as_i64).unwrap_or(0);
    let (reader, writer) = (version("minReaderVersion"), version("minWriterVersion"));
    if reader > 3 || writer > 7 {
        return Err(refused(format!("it asks for readers of version {reader} and writers of version {writer}"))
            .with_help("versions up to 3 and 7 are known"));
    }
    if let Some((key, _)) =
        configuration.iter().find(|(key, value)| key.starts_with("delta.coordinatedCommits.") && !value.is_empty())
    {
        return Err(refused(format!("a service coordinates its commits (`{key}`)"))
            .with_help("promote into a table of its own, which others only read"));
    }
    let features = ["readerFeatures", "writerFeatures"];
    let named = features.iter().filter_map(|key| protocol.get(*key)?.as_array()).flatten().filter_map(Value::as_str);
    if let Some(feature) = named.into_iter().find(|feature| !HARMLESS.contains(feature)) {
        return Err(refused(format!("its feature `{feature}` asks more of a writer than is known here"))
            .with_help("promote into a table of its own, or drop the feature"));
    }
    if let Some(kept) = configuration.get(RETENTION) {
        return Err(refused(format!("it forgets after `{kept}` which batches it has (`{RETENTION}`)"))
            .with_help("unset the property: a batch that is forgotten would be published a second time"));
    }
    if let Some(key) = configuration.keys().find(|key| key.starts_with("delta.constraints.")) {
        return Err(refused(format!("it has the constraint `{key}`, which only its own engine checks"))
            .with_help("write the constraint as a rule of the contract, and drop it from the table"));
    }
    for field in schema.fields() {
        let held_to = |key: &&String| {
            ["delta.invariants", "delta.generationExpression"].contains(&key.as_str()) || key.starts_with("delta.identity")
        };
        if let Some(key) = field.metadata().keys().find(held_to) {
            return Err(refused(format!("its column `{}` is computed or held to `{key}`", field.name()))
                .with_help("write it as a rule or a mapping of the contract, and drop it from the table"));
        }
    }
    Ok(())
}

/// Whether rows may only be added.
pub fn is_append_only(configuration: &HashMap<String, String>) -> bool {
    configuration.get("delta.appendOnly").is_some_and(|value| value == "true")
}
