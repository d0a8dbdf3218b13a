//! A message as an incoming webhook of Slack takes it: Block Kit, within its limits.

use serde_json::{Value, json};

use super::message::Message;
use super::{news, safe};

/// Slack's limits: characters of a header and of a section's text, and blocks of a message.
const HEADER: usize = 150;
const SECTION: usize = 3000;
const BLOCKS: usize = 50;
/// Of all texts together; above about 13,000 Slack refuses the message, which it does not document.
const TOTAL: usize = 9_500;

/// The body of the request.
pub fn payload(message: &Message) -> Value {
    let subject = format!("{} {}", message.kind.sign(), safe::line(&message.subject, HEADER - 2));
    let mut blocks = vec![json!({"type": "header", "text": {"type": "plain_text", "text": safe::plain(&subject), "emoji": false}})];
    let facts: Vec<String> =
        news::facts(message).iter().map(|(name, text)| format!("*{name}*  {}", safe::mrkdwn(text))).collect();
    blocks.push(section(&facts.join("\n")));
    let mut left = TOTAL - 2 * HEADER - size(&blocks);
    let mut tail = Vec::new();
    if let Some(next) = &message.next {
        tail.push(section(&safe::mrkdwn(&safe::lines(next, 600))));
    }
    if let Some(again) = &message.again {
        tail.push(section(&format!("```{}```", safe::mrkdwn(&safe::line(again, 800)))));
    }
    let version = safe::mrkdwn(&safe::line(&format!("dqc {} as of {}", message.dqc, message.as_of), 200));
    tail.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": version, "verbatim": true}]}));
    left = left.saturating_sub(size(&tail));
    let mut shown = 0;
    for rule in &message.rules {
        let rule = section(&rule_text(rule));
        let own = size(std::slice::from_ref(&rule));
        if own > left || blocks.len() + tail.len() + 2 > BLOCKS {
            break;
        }
        left -= own;
        blocks.push(rule);
        shown += 1;
    }
    let more = message.more_rules + (message.rules.len() - shown) as u64;
    if more > 0 {
        blocks.push(section(&format!("and {}", super::message::counted(more, "more rule"))));
    }
    blocks.extend(tail);
    // What a notification on a phone shows.
    json!({"text": safe::mrkdwn(&subject), "blocks": blocks})
}

fn rule_text(rule: &super::message::Rule) -> String {
    let part = news::part(rule);
    let mut text = format!("*{}*", safe::mrkdwn(&part.heading));
    for (name, line) in part.lines {
        text.push_str(&format!("\n_{name}_  {}", safe::mrkdwn(&line)));
    }
    if !part.samples.is_empty() {
        let samples: Vec<String> = part.samples.iter().map(|s| safe::mrkdwn(s)).collect();
        text.push_str(&format!("\n```{}```", samples.join("\n")));
    }
    text
}

/// `verbatim`: nothing in it becomes a link, a channel or a person.
fn section(text: &str) -> Value {
    let text = if text.chars().count() > SECTION { cut(text) } else { text.to_owned() };
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

/// Cut at a line, so that no escape is cut in two; an opened code block is closed.
fn cut(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if out.chars().count() + line.chars().count() + 8 > SECTION {
            break;
        }
        out.push_str(line);
        out.push('\n');
    }
    if out.matches("```").count() % 2 == 1 {
        out.push_str("```");
    }
    out.push('…');
    out
}

/// Characters of the texts in blocks.
fn size(blocks: &[Value]) -> usize {
    fn of(value: &Value) -> usize {
        match value {
            Value::String(text) => text.chars().count(),
            Value::Array(items) => items.iter().map(of).sum(),
            Value::Object(entries) => entries.values().map(of).sum(),
            _ => 0,
        }
    }
    blocks.iter().map(of).sum()
}
