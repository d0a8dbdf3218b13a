//! Comma-separated values that a spreadsheet takes as text, whatever a stranger has written into them.

/// One line of RFC 4180.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// A spreadsheet takes a cell that begins like this for a formula, and runs it.
fn cell(text: &str) -> String {
    let begins = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%', '＝', '＋', '－', '＠']);
    let number = text.parse::<f64>().is_ok_and(f64::is_finite);
    let text = if begins && !number { format!("'{text}") } else { text.to_string() };
    let text: String = text.chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect();
    if text.contains([',', '"', '\n', '\r', '\t', ';', '\'']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn nothing_is_a_formula() {
        for evil in ["=1+1", "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            let out = line([evil]);
            assert!(out.starts_with('\'') || out.starts_with("\"'"), "{out:?}");
        }
        assert_eq!(line(["-5", "+3.25", "a,b", "say \"x\"", ""]), "-5,+3.25,\"a,b\",\"say \"\"x\"\"\",\r\n");
    }
}
