//! Judges one batch against its plan: executes the engine's plan and says what came of every rule.

mod batch;
mod constants;
mod forecast;
pub mod history;
mod judge;
mod lossy;
mod over_table;
pub mod pictures;
mod prepare;
mod queries;
mod routed;
mod rules;
mod samples;
mod scan;
pub mod schema;
mod spared;
mod texts;
mod value;
mod verdict;

use serde::{Deserialize, Serialize};

pub use crate::engine::sink::{HeldRow, Sink};
use crate::hir::Act;
use crate::ir::Location;
pub use forecast::{Forecast, Reading, RuleForecast, forecast};
pub use judge::judge;

/// What came of a batch; the JSON form is the one that `cli` documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this program.
    pub dqc: String,
    pub contract: String,
    pub version: String,
    pub contract_sha256: String,
    pub promotion: Option<String>,
    pub batch: Option<String>,
    pub owner: Option<String>,
    /// RFC 3339.
    pub as_of: String,
    pub verdict: BatchVerdict,
    pub promoted: bool,
    pub rows: RowCounts,
    /// How often the batch's rows were read.
    pub passes: u64,
    /// From the batch's files.
    pub bytes_read: u64,
    /// Other datasets that rules read, at the versions seen when the run began.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub datasets: Vec<Seen>,
    pub rules: Vec<RuleResult>,
    /// What the batch leaves for the history of later ones; the ledger keeps it.
    #[serde(skip)]
    pub recorded: Vec<history::Recorded>,
    /// What a page draws, where one was asked for.
    #[serde(skip)]
    pub pictures: Option<pictures::Pictures>,
}

/// A dataset as a run saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub dataset: String,
    /// Of a Delta table.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<i64>,
    /// How many files it had.
    pub files: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchVerdict {
    Passed,
    Blocked,
    NotEvaluated,
}

impl BatchVerdict {
    pub fn word(self) -> &'static str {
        match self {
            BatchVerdict::Passed => "passed",
            BatchVerdict::Blocked => "blocked",
            BatchVerdict::NotEvaluated => "not_evaluated",
        }
    }
}

/// `accepted + quarantined = input` where the batch was not blocked; both are 0 where it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    pub input: u64,
    pub accepted: u64,
    pub quarantined: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleResult {
    pub rule: String,
    /// `row unique key reference aggregate type mapping sql`
    pub kind: String,
    pub verdict: RuleVerdict,
    /// The action that took effect.
    pub action: Effect,
    pub evidence: Evidence,
    /// Rows (or groups) that the rule judged.
    pub checked: u64,
    pub violations: u64,
    /// Rows whose condition was null under `nulls pass`.
    pub unknown: u64,
    /// The left side of a batch rule's comparison.
    pub value: Option<serde_json::Value>,
    pub limit: Option<serde_json::Value>,
    /// Why it is not evaluated, or could not be computed.
    pub reason: Option<String>,
    pub location: Location,
    pub samples: Vec<Sample>,
    /// The author's words, filled for the first sample.
    pub because: Option<String>,
    pub fix: Option<String>,
    /// The values of all groups, where a page was asked for and everybody may see them.
    #[serde(skip)]
    pub segments: Vec<pictures::Segment>,
    /// The same was said of the batch before: the books keep it, people are not told again.
    #[serde(skip)]
    pub told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleVerdict {
    Passed,
    Violated,
    NotEvaluated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    None,
    Warn,
    Quarantine,
    Block,
}

impl From<Act> for Effect {
    fn from(act: Act) -> Self {
        match act {
            Act::Warn => Effect::Warn,
            Act::Quarantine => Effect::Quarantine,
            Act::Block => Effect::Block,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    Scanned,
    Proven,
    Mixed,
}

/// A row (or group) that breaks a rule; personal values are masked, secret ones left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub file: Option<String>,
    /// Counts from 1 in the file.
    pub row: Option<u64>,
    pub values: serde_json::Map<String, serde_json::Value>,
    /// Why the condition could not be computed: `division by zero`, `not a bigint`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// What to judge.
pub struct Job<'a> {
    pub plan: &'a crate::ir::Plan,
    /// Where the files are read from.
    pub storage: &'a crate::storage::Storage,
    /// The batch's pinned files.
    pub input: &'a crate::ir::Input,
    /// Every dataset that a rule reads, pinned when the run began; one that does not exist yet is missing here.
    pub datasets: &'a std::collections::BTreeMap<String, crate::ir::Input>,
    /// The target as it stands, without what an earlier attempt of this batch wrote; `None` where it does not exist.
    pub table: Option<&'a crate::ir::Input>,
    /// What was published before; `None` where nobody keeps it.
    pub history: Option<&'a history::History>,
    /// Shown in the report and in messages.
    pub batch: Option<&'a str>,
    /// The clock: microseconds since 1970 in UTC.
    pub as_of: i64,
    /// Bytes that the engine may hold; `None`: a fraction of the machine's.
    pub memory: Option<usize>,
    /// Whether rules may be decided from statistics and dictionaries in place of rows.
    pub proofs: bool,
    /// Samples kept for a rule.
    pub samples: usize,
    /// Whether distributions and groups are looked at too, for a page.
    pub pictures: bool,
    /// Told how many more rows of the input were read.
    pub progress: Option<&'a (dyn Fn(u64) + Send + Sync)>,
}
