//! What came of a batch, for people and for programs.

#[cfg(feature = "engine")]
pub mod html;
#[cfg(feature = "engine")]
pub mod json;
#[cfg(feature = "engine")]
pub mod judged;
#[cfg(feature = "engine")]
pub mod junit;
#[cfg(feature = "engine")]
pub mod metrics;
pub mod numbers;
#[cfg(feature = "engine")]
pub mod openlineage;
pub mod over_time;
pub mod page;
pub mod past;
#[cfg(feature = "engine")]
pub mod table;
#[cfg(feature = "engine")]
pub mod text;
