//! Service levels: whether what a contract promises of its dataset is met, pending or missed. What is judged are
//! three clocks, and they are kept apart: event time, in the data (`age(max(created_at))`); arrival, when a batch's
//! files came; promotion, when it was published, which is what a deadline asks for.
//!
//! The reckoning is pure, the clock is an argument; only [`watch`] looks into the lake.

pub mod arrivals;
pub mod budget;
pub mod deadlines;
pub mod upstream;
#[cfg(feature = "engine")]
pub mod conditions;
#[cfg(feature = "engine")]
pub mod watch;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ir::Location;

/// Three things: a deadline that has not come is not met yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Met,
    Pending,
    Missed,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Met => "met",
            Status::Pending => "pending",
            Status::Missed => "missed",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A condition over the table: freshness, volume.
    Condition,
    Deadline,
    Budget,
}

/// What a miss does, as the contract's `else` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Warn,
    /// Ends the command with 12; nothing is held back for it.
    Block,
}

/// One service level of one contract, as it stands at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    pub contract: String,
    pub version: String,
    pub owner: Option<String>,
    pub name: String,
    pub kind: Kind,
    pub status: Status,
    pub severity: Severity,
    /// In one sentence; `None` where it is met.
    pub reason: Option<String>,
    /// Of a deadline: the latest that is due, else the next. RFC 3339.
    pub due: Option<String>,
    /// Until it is missed; below 0 since when. `None` where time does not change it.
    pub remaining_seconds: Option<i64>,
    /// The newest event in the data, of a condition on an age.
    pub event_time: Option<String>,
    /// The condition's two sides.
    pub value: Option<Value>,
    pub limit: Option<Value>,
    /// Of a budget: misses counted, allowed, and among how many deadlines.
    pub missed: Option<u64>,
    pub allowed: Option<u64>,
    pub window: Option<u64>,
    /// Of a deadline, oldest first; the last is the next to come.
    pub deadlines: Vec<deadlines::Asked>,
    /// The dataset above it whose lateness is the cause of this one's.
    pub waits_for: Option<String>,
    pub because: Option<String>,
    pub fix: Option<String>,
    pub location: Location,
}

/// All service levels that were asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this program.
    pub dqc: String,
    /// RFC 3339.
    pub as_of: String,
    /// The worst of them.
    pub status: Status,
    pub service_levels: Vec<Level>,
}

impl Report {
    pub fn new(as_of: i64, service_levels: Vec<Level>) -> Self {
        let status = service_levels.iter().map(|l| l.status).max().unwrap_or(Status::Met);
        Self { dqc: env!("CARGO_PKG_VERSION").to_owned(), as_of: rfc3339(as_of), status, service_levels }
    }

    /// How many are missed of those that end a command with 12.
    pub fn broken(&self) -> usize {
        self.service_levels.iter().filter(|l| l.is_broken()).count()
    }
}

impl Level {
    pub fn is_broken(&self) -> bool {
        self.status == Status::Missed && self.severity == Severity::Block
    }
}

/// Microseconds since 1970 in UTC, as RFC 3339 to the second.
pub fn rfc3339(micros: i64) -> String {
    let at = chrono::DateTime::<chrono::Utc>::from_timestamp(micros.div_euclid(1_000_000), 0);
    at.map_or_else(|| micros.to_string(), |t| t.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}
