//! A message as text, for the channels that show text.

use super::message::{Kind, Message, Rule};
use super::safe;

/// So much of a single text is shown.
const MOST: usize = 400;

/// One part of a message: a heading and its lines.
pub struct Part {
    pub heading: String,
    pub lines: Vec<(&'static str, String)>,
    pub samples: Vec<String>,
}

/// The facts of a message in the order in which one wants to know them.
pub fn facts(message: &Message) -> Vec<(&'static str, String)> {
    let text = |name: &'static str, text: &Option<String>| text.as_ref().map(|t| (name, safe::line(t, MOST)));
    let rows = message.rows.map(|r| {
        let all = super::message::counted(r.input, "row");
        let text = match message.kind {
            Kind::Blocked | Kind::Refused => format!("{all} read, none of them published"),
            _ => format!("{all} read, {} published, {} in quarantine", r.accepted, r.quarantined),
        };
        ("rows", text)
    });
    [
        text("what", &Some(message.contract.clone())),
        text("batch", &message.batch),
        Some(("since", message.since.clone())),
        rows,
        text("why", &message.reason),
        text("because", &message.because),
        text("fix", &message.fix),
        (!message.holds_up.is_empty()).then(|| ("holds up", safe::line(&message.holds_up.join(", "), MOST))),
        text("owner", &message.owner),
        text("environment", &message.env),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A rule, for reading.
pub fn part(rule: &Rule) -> Part {
    let text = |name: &'static str, text: &Option<String>| text.as_ref().map(|t| (name, safe::line(t, MOST)));
    let lines = [
        Some(("rule", safe::line(&rule.words, MOST))),
        text("because", &rule.because),
        text("fix", &rule.fix),
        Some(("where", safe::line(&rule.place, MOST))),
    ];
    Part {
        heading: safe::line(&rule.found, MOST),
        lines: lines.into_iter().flatten().collect(),
        samples: rule.samples.iter().map(|s| safe::line(&s.line(), MOST)).collect(),
    }
}

/// The whole message as plain text.
pub fn plain(message: &Message) -> String {
    let mut out = format!("{}\n\n", safe::line(&message.subject, MOST));
    for (name, text) in facts(message) {
        out.push_str(&format!("{name:<12} {text}\n"));
    }
    for rule in &message.rules {
        let part = part(rule);
        out.push_str(&format!("\n{}\n", part.heading));
        for (name, text) in part.lines {
            out.push_str(&format!("  {name:<10} {text}\n"));
        }
        for sample in part.samples {
            out.push_str(&format!("    {sample}\n"));
        }
    }
    if message.more_rules > 0 {
        out.push_str(&format!("\nand {} more\n", super::message::counted(message.more_rules, "rule")));
    }
    if let Some(next) = &message.next {
        out.push_str(&format!("\n{}\n", safe::lines(next, MOST)));
    }
    if let Some(again) = &message.again {
        out.push_str(&format!("\n    {}\n", safe::line(again, MOST * 2)));
    }
    out
}
