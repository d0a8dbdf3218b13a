//! A batch and what became of it, kept for the reports that are written when all are judged.

use super::text::{Fate, Tone, words};
use crate::run::{Effect, Report, RuleResult};

pub struct Judged {
    /// What was judged, as `month=1`.
    pub title: String,
    /// The promotion, or the contract.
    pub of: String,
    pub tone: Tone,
    /// What became of it.
    pub words: String,
    /// Why there is no verdict, or why it was refused.
    pub trouble: Option<String>,
    /// What is missing where nothing was judged.
    pub report: Option<Report>,
    /// The command that does the same once more.
    pub again: String,
}

impl Judged {
    pub fn new(title: &str, of: &str, fate: &Fate<'_>, report: Option<&Report>, again: &str) -> Self {
        let (tone, words) = words(fate, report);
        let trouble = match fate {
            Fate::Refused(why) | Fate::Failed(why) => Some((*why).to_owned()),
            _ => None,
        };
        let (title, of, again) = (title.to_owned(), of.to_owned(), again.to_owned());
        Self { title, of, tone, words, trouble, report: report.cloned(), again }
    }

    pub(super) fn rules(&self) -> &[RuleResult] {
        self.report.as_ref().map_or(&[], |report| &report.rules)
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.trouble.is_some() || self.rules().iter().any(|rule| rule.action == Effect::Block)
    }
}
