//! Comma-separated values that a spreadsheet takes as text, whatever a stranger has written into them.

use crate::diagnostics::paint::visible;

/// One line of RFC 4180.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// Whether it neither acts on a terminal nor on the order of its neighbours.
fn is_seen(c: char) -> bool {
    visible(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8()
}

/// A spreadsheet takes a cell that begins like this for a formula, and runs it.
fn cell(text: &str) -> String {
    // First what would not be seen, so that a formula does not stand behind it.
    let text: String = text.chars().filter(|c| matches!(c, '\n' | '\t') || is_seen(*c)).collect();
    let begins = text.starts_with(['=', '+', '-', '@', '\t', '\n', '|', '%', '＝', '＋', '－', '＠']);
    let number = text.parse::<f64>().is_ok_and(f64::is_finite);
    let text = if begins && !number { format!("'{text}") } else { text };
    if text.contains([',', '"', '\n', '\r', '\t', ';', '\'']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn nothing_is_a_formula() {
        for evil in ["=1+1", "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "\u{1b}=1", "\u{202e}=1"] {
            let out = line([evil]);
            assert!(out.starts_with('\'') || out.starts_with("\"'"), "{out:?}");
        }
        assert_eq!(line(["-5", "+3.25", "a,b", "say \"x\"", ""]), "-5,+3.25,\"a,b\",\"say \"\"x\"\"\",\r\n");
    }
}
