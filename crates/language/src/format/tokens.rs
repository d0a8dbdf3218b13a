//! The words and signs of a piece of text as the grammar cut them, and the blanks between them.

use std::ops::Range;

use crate::syntax::grammar::{Pair, Rule};

#[derive(Clone, Debug)]
pub(super) struct Token<'t> {
    /// `None`: a sign that is no rule of its own.
    pub rule: Option<Rule>,
    pub text: &'t str,
    pub start: usize,
}

impl Token<'_> {
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub fn is_comment(&self) -> bool {
        self.rule == Some(Rule::COMMENT)
    }

    /// As it is printed.
    fn printed(&self) -> String {
        match self.rule {
            Some(Rule::COMMENT) => comment(self.text),
            Some(Rule::cmp) => match self.text {
                "!=" | "≠" => "<>".into(),
                "==" => "=".into(),
                "=<" | "≤" => "<=".into(),
                "=>" | "≥" => ">=".into(),
                other => other.into(),
            },
            Some(Rule::slip_and) => "and".into(),
            Some(rule) if self.text.is_ascii() && format!("{rule:?}").starts_with("kw_") => {
                self.text.to_ascii_lowercase()
            }
            _ => self.text.into(),
        }
    }
}

/// A comment in the one style: `//` for SQL's `--`, nothing blank at the end.
pub(super) fn comment(text: &str) -> String {
    let text = text.trim_end();
    if text.starts_with("--") {
        return format!("//{}", text.trim_start_matches('-')).trim_end().to_string();
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// All tokens of a pair in the order of the text, with its comments.
pub(super) fn tokens<'t>(text: &'t str, comments: &[Range<usize>], pair: Pair<'t>) -> Vec<Token<'t>> {
    let (start, end) = (pair.start(), pair.end());
    let mut leaves = Vec::new();
    collect(pair, &mut leaves);
    let mut found = Vec::with_capacity(leaves.len() * 2);
    let mut at = start;
    for leaf in leaves {
        between(text, comments, at..leaf.start, &mut found);
        at = leaf.end();
        found.push(leaf);
    }
    between(text, comments, at..end, &mut found);
    found
}

fn collect<'t>(pair: Pair<'t>, leaves: &mut Vec<Token<'t>>) {
    let (rule, text, start) = (pair.as_rule(), pair.as_str(), pair.start());
    let mut inner = pair.into_inner().peekable();
    if inner.peek().is_none() {
        // A token may end in blanks that it looks past.
        let text = if rule == Rule::COMMENT { text } else { text.trim_end() };
        if !text.is_empty() {
            leaves.push(Token { rule: Some(rule), text, start });
        }
        return;
    }
    inner.for_each(|p| collect(p, leaves));
}

/// Comments and signs between two tokens.
fn between<'t>(text: &'t str, comments: &[Range<usize>], gap: Range<usize>, found: &mut Vec<Token<'t>>) {
    let mut at = gap.start;
    while at < gap.end {
        let Some(c) = text.get(at..gap.end).and_then(|t| t.chars().next()) else { return };
        let i = comments.partition_point(|k| k.start < at);
        if let Some(comment) = comments.get(i).filter(|k| k.start == at && k.end <= text.len()) {
            found.push(Token { rule: Some(Rule::COMMENT), text: text.get(comment.clone()).unwrap_or(""), start: at });
            at = comment.end;
            continue;
        }
        let len = if text.get(at..gap.end).is_some_and(|t| t.starts_with("::")) { 2 } else { c.len_utf8() };
        if !c.is_whitespace() && !matches!(c, '\u{FEFF}' | '\u{200B}') {
            found.push(Token { rule: None, text: text.get(at..at + len).unwrap_or(""), start: at });
        }
        at += len;
    }
}

/// The lines of a run of tokens: the author's line breaks, blanks as the style has them.
pub(super) fn lines(text: &str, tokens: &[Token]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut last: Option<&Token> = None;
    for token in tokens {
        if let Some(last) = last {
            let broken = text.get(last.end()..token.start).is_some_and(|t| t.contains('\n'));
            if broken || last.is_comment() && !last.text.starts_with("/*") {
                lines.push(std::mem::take(&mut line));
            } else if token.is_comment() && !token.text.starts_with("/*") {
                line.push_str("  ");
            } else if !glued(last, token) {
                line.push(' ');
            }
        }
        line.push_str(&token.printed());
        last = Some(token);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

fn glued(a: &Token, b: &Token) -> bool {
    use Rule::*;
    if a.is_comment() || b.is_comment() {
        return false;
    }
    if matches!(b.text, "," | ")" | "]" | ";" | "?" | "." | "::" | "}" | "[]")
        || matches!(a.text, "(" | "[" | "." | "::" | "{")
    {
        return true;
    }
    if matches!(b.rule, Some(colon | head_colon | slip_colon | l_angle | r_angle | opt))
        || b.rule.is_none() && b.text == ":"
    {
        return true;
    }
    match (a.rule, b.text) {
        (Some(l_angle), _) => true,
        (Some(sign), next) => !next.starts_with('-') && !next.starts_with('+'),
        (Some(slip_not), _) => true,
        (
            Some(
                path | dpath | name | anyname | plain | quant_word | kw_cast | kw_try_cast | kw_extract | kw_decimal
                | type_name,
            ),
            "(",
        ) => true,
        (_, "[") => true,
        _ => false,
    }
}

/// The tokens that stand within a range.
pub(super) fn within<'a, 't>(tokens: &'a [Token<'t>], range: Range<usize>) -> &'a [Token<'t>] {
    let start = tokens.partition_point(|t| t.start < range.start);
    let end = tokens.partition_point(|t| t.start < range.end);
    tokens.get(start..end.max(start)).unwrap_or(&[])
}
