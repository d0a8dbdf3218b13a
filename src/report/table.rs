//! Aligned columns of text.

use unicode_width::UnicodeWidthStr;

use crate::diagnostics::paint::{Paint, cut};

/// Rows of cells under a header; columns of numbers stand to the right.
#[derive(Default)]
pub struct Table {
    header: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<Cell>>,
}

/// A text with the colour that it gets once it is padded.
pub struct Cell {
    pub text: String,
    pub paint: fn(Paint, &str) -> String,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, paint: |_, text| text.to_string() }
    }
}

impl Cell {
    pub fn dim(text: impl Into<String>) -> Self {
        Self { text: text.into(), paint: Paint::dim }
    }
}

impl Table {
    pub fn column(&mut self, name: impl Into<String>, right: bool) {
        self.header.push(name.into());
        self.right.push(right);
    }

    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The lines, each behind `indent`. Cells are cut to `widest` columns, and columns that do not fit into the
    /// terminal are left out; their names come back.
    pub fn lines(&self, paint: Paint, indent: &str, widest: usize) -> (Vec<String>, Vec<String>) {
        const GAP: usize = 2;
        let widths: Vec<usize> = (0..self.header.len()).map(|column| self.width(column).min(widest)).collect();
        let mut room = paint.width.saturating_sub(indent.width());
        let mut shown = 0;
        for width in &widths {
            if shown > 0 && *width > room {
                break;
            }
            room = room.saturating_sub(width + GAP);
            shown += 1;
        }
        let line = |cells: Vec<(String, fn(Paint, &str) -> String)>| {
            let mut line = String::new();
            for (i, (text, color)) in cells.into_iter().take(shown).enumerate() {
                let width = widths.get(i).copied().unwrap_or(0);
                let text = cut(&text, width).into_owned();
                let blank = " ".repeat(width.saturating_sub(text.width()));
                if i > 0 {
                    line.push_str(&" ".repeat(GAP));
                }
                if self.right.get(i) == Some(&true) {
                    line.push_str(&blank);
                    line.push_str(&color(paint, &text));
                } else {
                    line.push_str(&color(paint, &text));
                    line.push_str(&blank);
                }
            }
            format!("{indent}{}", line.trim_end())
        };
        let dim: fn(Paint, &str) -> String = Paint::dim;
        let mut lines = Vec::new();
        if self.header.iter().any(|name| !name.is_empty()) {
            lines.push(line(self.header.iter().map(|name| (name.clone(), dim)).collect()));
        }
        for row in &self.rows {
            lines.push(line(row.iter().map(|cell| (cell.text.clone(), cell.paint)).collect()));
        }
        (lines, self.header.iter().skip(shown).cloned().collect())
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.width());
        cells.chain(self.header.get(column).map(|name| name.width())).max().unwrap_or(0)
    }
}
