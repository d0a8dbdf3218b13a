//! A message as data: what every channel shows, what the outbox keeps and a webhook gets; `message.schema.json` beside
//! this file describes it. Personal values come masked, secret ones do not come at all.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A batch violates its contract and is held at the gate.
    Blocked,
    /// A batch could not be judged or taken, and is held at the gate.
    Refused,
    /// A batch is published, and some of its rows are in quarantine.
    Quarantined,
    /// A batch is published with warnings.
    Warned,
    /// What was blocked or missed is well again.
    Recovered,
    /// Rows came out of quarantine and are published.
    Retried,
    /// A service level is missed.
    SlaMissed,
}

impl Kind {
    /// Whether something is wrong until a recovery is told.
    pub fn is_trouble(self) -> bool {
        matches!(self, Kind::Blocked | Kind::Refused | Kind::SlaMissed)
    }

    pub fn sign(self) -> &'static str {
        match self {
            Kind::Blocked | Kind::Refused | Kind::SlaMissed => "✗",
            Kind::Quarantined | Kind::Warned => "!",
            Kind::Recovered | Kind::Retried => "✓",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The version of this program.
    pub dqc: String,
    /// The same each time that the message is sent: `THREAD.NUMBER`.
    pub id: String,
    /// All messages about one batch, or one service level.
    pub thread: String,
    pub kind: Kind,
    /// One sentence.
    pub subject: String,
    pub project: Option<String>,
    pub env: Option<String>,
    pub contract: String,
    pub version: String,
    pub owner: Option<String>,
    pub promotion: Option<String>,
    pub batch: Option<String>,
    /// When the trouble began. RFC 3339.
    pub since: String,
    /// The clock under which it was found. RFC 3339.
    pub as_of: String,
    pub rows: Option<Rows>,
    /// Those that had an effect, the gravest first.
    pub rules: Vec<Rule>,
    /// How many more had an effect than are listed.
    pub more_rules: u64,
    /// What is not said by rules: why a batch is refused, which deadline passed.
    pub reason: Option<String>,
    pub because: Option<String>,
    pub fix: Option<String>,
    /// What else is held up by this, and gets no message of its own.
    pub holds_up: Vec<String>,
    /// What to do.
    pub next: Option<String>,
    /// The command that shows it again, and moves nothing.
    pub again: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    pub input: u64,
    pub accepted: u64,
    pub quarantined: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub rule: String,
    /// `block quarantine warn`
    pub action: String,
    /// The author's words about the rule, else the rule as it is written.
    pub words: String,
    /// What came of it, with numbers.
    pub found: String,
    pub violations: u64,
    pub checked: u64,
    pub because: Option<String>,
    pub fix: Option<String>,
    /// `silver/orders.dq:12`
    pub place: String,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub file: Option<String>,
    pub row: Option<u64>,
    pub values: Map<String, Value>,
}

impl Sample {
    /// `row 881 of a.parquet: order_id 7, amount -3`
    pub fn line(&self) -> String {
        let place = match (self.row, &self.file) {
            (Some(row), Some(file)) => format!("row {row} of {file}: "),
            (Some(row), None) => format!("row {row}: "),
            _ => String::new(),
        };
        let shown = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let values: Vec<String> = self.values.iter().map(|(name, value)| format!("{name} {}", shown(value))).collect();
        format!("{place}{}", values.join(", "))
    }
}

impl Message {
    /// The first message of the thread.
    pub fn root(&self) -> String {
        format!("{}.1", self.thread)
    }

    pub fn number(&self) -> u64 {
        self.id.rsplit('.').next().and_then(|n| n.parse().ok()).unwrap_or(1)
    }
}

/// `12345 rows`, `1 row`
pub fn counted(number: u64, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
