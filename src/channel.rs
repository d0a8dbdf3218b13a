//! Telling people: what a message says, how each channel shows it, and the outbox that makes sure it goes out.
//!
//! ```text
//! batch ─crier→ message ─outbox→ file beside the ledger ─courier→ Slack, mail, webhook
//!        whom, whether          written before the books  at least once, within seconds, never changing a verdict
//! ```

#[cfg(feature = "engine")]
pub mod courier;
#[cfg(feature = "engine")]
pub mod crier;
#[cfg(feature = "engine")]
pub mod lineage;
#[cfg(feature = "engine")]
pub mod mail;
pub mod message;
pub mod news;
#[cfg(feature = "engine")]
pub mod otlp;
#[cfg(feature = "engine")]
pub mod outbox;
#[cfg(feature = "engine")]
pub mod post;
pub mod safe;
pub mod slack;
#[cfg(feature = "engine")]
mod words;
