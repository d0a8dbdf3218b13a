//! Text from strangers, such as names and values, made harmless for where it is shown.

use crate::diagnostics::paint::visible;

/// One line, nothing in it that acts, and no longer than `most` characters.
pub fn line(text: &str, most: usize) -> String {
    let text = visible(text.trim());
    if text.chars().count() <= most {
        return text.into_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Several lines, each as [`line`].
pub fn lines(text: &str, most: usize) -> String {
    let joined = text.lines().map(|l| visible(l).into_owned()).collect::<Vec<_>>().join("\n");
    if joined.chars().count() <= most {
        return joined;
    }
    let mut cut: String = joined.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// For Slack's mrkdwn: no mention, no link, no way out of a code span.
pub fn mrkdwn(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Its look-alike does not format.
            '`' => out.push('\u{2cb}'),
            '*' => out.push('\u{2217}'),
            '~' => out.push('\u{223c}'),
            c => out.push(c),
        }
    }
    out
}

/// For Slack's plain text, which shows no mention and no link: without the signs that begin one elsewhere.
pub fn plain(text: &str) -> String {
    text.replace('<', "\u{2039}").replace('>', "\u{203a}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts() {
        assert_eq!(line(" a\r\nBcc: x\u{1b}[31m\u{202e} ", 80), "a\\r\\nBcc: x\\u{1b}[31m\\u{202e}");
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(lines("a\u{1b}b\nc", 80), "a\\u{1b}b\nc");
        assert_eq!(plain("<!here>"), "‹!here›");
        assert_eq!(mrkdwn("<!channel> & `x`"), "&lt;!channel&gt; &amp; \u{2cb}x\u{2cb}");
    }
}
