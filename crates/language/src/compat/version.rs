//! The version that is due (semantic versioning): what breaks somebody raises the first number, what can be used anew
//! the second; below 1.0.0 each one place further to the right.

use semver::Version;

use super::{Change, Effect, errors};
use crate::diagnostics::Diagnostic;
use crate::hir::Contract;

pub struct Due {
    was: Option<Version>,
    written: Option<Version>,
    least: Option<Version>,
    why: Effect,
}

pub fn due(before: &Contract, contract: &Contract, changes: &[Change]) -> Due {
    let (was, written) = (Version::parse(&before.version).ok(), Version::parse(&contract.version).ok());
    let why = changes.iter().map(|c| c.effect).filter(|e| *e != Effect::Undecided).max();
    let least = was.as_ref().zip(why).map(|(was, why)| next(was, why));
    Due { was, written, least, why: why.unwrap_or(Effect::Compatible) }
}

fn next(was: &Version, why: Effect) -> Version {
    let breaks = matches!(why, Effect::BreaksConsumers | Effect::BreaksProducers);
    match (was.major, breaks) {
        (0, true) => Version::new(0, was.minor + 1, 0),
        (0, false) => Version::new(0, was.minor, was.patch + 1),
        (major, true) => Version::new(major + 1, 0, 0),
        (major, false) => Version::new(major, was.minor + 1, 0),
    }
}

impl Due {
    pub fn is_enough(&self) -> bool {
        match (&self.written, &self.least) {
            (Some(written), Some(least)) => written >= least,
            _ => true,
        }
    }

    pub fn finding(&self, contract: &Contract) -> Option<Diagnostic> {
        let (was, written) = (self.was.as_ref()?, self.written.as_ref()?);
        if !self.is_enough() {
            return Some(errors::version_too_small(contract, was, self.least.as_ref()?, self.why));
        }
        (written < was).then(|| errors::version_backwards(contract, was))
    }
}
