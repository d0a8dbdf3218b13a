//! Rows of a block, aligned within the sections that blank lines make.

/// As wide as a line may get before its modifiers move to lines of their own.
pub(super) const WIDTH: usize = 110;
/// What is wider than this does not push the columns of its neighbours to the right.
const WIDE: usize = 60;

/// `head  body  tail`, then what follows on lines of its own, indented once more.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub head: String,
    pub body: String,
    pub tail: String,
    pub below: Vec<String>,
    /// A comment that ends the first line.
    pub note: Option<String>,
}

#[derive(Debug)]
pub(super) enum Line {
    Blank,
    Row(Row),
    /// At the block's indentation.
    Plain(String),
    /// At this many steps more than the block's indentation.
    Deeper(usize, String),
    /// As it is, whatever the indentation.
    Verbatim(String),
    /// The lines of a block, indented once more.
    Block(Vec<Line>, Style),
}

/// What a block's rows have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Wider bodies do not count for the place of the tails.
    pub body: usize,
    /// Whether bodies without a tail count for it too.
    pub all: bool,
}

pub(super) const COLUMNS: Style = Style { body: 24, all: true };
pub(super) const RULES: Style = Style { body: WIDE, all: false };

pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

pub(super) fn indent(steps: usize) -> String {
    "    ".repeat(steps)
}

/// Writes lines at an indentation; a blank line neither starts nor ends a block, and none follows another.
pub(super) fn write(lines: Vec<Line>, steps: usize, style: Style, out: &mut String) {
    let mut section = Vec::new();
    let mut blank = false;
    let mut written = false;
    for line in lines {
        if matches!(line, Line::Blank) {
            flush(&mut section, steps, style, out);
            blank = written;
            continue;
        }
        if std::mem::take(&mut blank) {
            out.push('\n');
        }
        written = true;
        section.push(line);
    }
    flush(&mut section, steps, style, out);
}

fn flush(section: &mut Vec<Line>, steps: usize, style: Style, out: &mut String) {
    let rows = || {
        section.iter().filter_map(|line| match line {
            Line::Row(row) => Some(row),
            _ => None,
        })
    };
    let heads = rows().map(|r| width(&r.head)).max().unwrap_or(0);
    let counted = rows().filter(|r| style.all || !r.tail.is_empty());
    let bodies = counted.map(|r| width(&r.body)).filter(|w| *w <= style.body).max().unwrap_or(0);
    for line in std::mem::take(section) {
        match line {
            Line::Row(row) => write_row(&row, heads, bodies, steps, out),
            Line::Plain(text) => put(&text, steps, out),
            Line::Deeper(more, text) => put(&text, steps + more, out),
            Line::Verbatim(text) => {
                out.push_str(text.trim_end_matches('\n'));
                out.push('\n');
            }
            Line::Block(lines, style) => write(lines, steps + 1, style, out),
            Line::Blank => {}
        }
    }
}

fn write_row(row: &Row, heads: usize, bodies: usize, steps: usize, out: &mut String) {
    let mut line = pad(&row.head, heads);
    line.push(' ');
    line.push_str(&if row.tail.is_empty() { row.body.clone() } else { pad(&row.body, bodies) });
    if !row.tail.is_empty() {
        line.push_str("  ");
        line.push_str(&row.tail);
    }
    if let Some(note) = &row.note {
        line.push_str("  ");
        line.push_str(note);
    }
    put(&line, steps, out);
    for below in &row.below {
        put(below, steps + 1, out);
    }
}

fn put(text: &str, steps: usize, out: &mut String) {
    // Lines after the first are of a text or a comment, which are not ours to move.
    for (i, line) in text.split('\n').enumerate() {
        if i == 0 {
            out.push_str(&indent(steps));
        }
        out.push_str(if i == 0 { line.trim_end() } else { line });
        out.push('\n');
    }
}
