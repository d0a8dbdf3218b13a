//! Findings for a terminal: message, excerpt of the source, what to do, and what the fix would change.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::rc::Rc;

use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind, Source};

use super::paint::{Paint, same_length, visible, visible_lines};
use super::{Diagnostic, Edit, Fix, Severity};
use crate::source::{FileId, SourceFile, SourceMap, Span};

/// Shows findings of one compilation.
pub struct Renderer<'a> {
    sources: &'a SourceMap,
    paint: Paint,
    prefix: &'a str,
    /// Texts as ariadne wants them, each read once for all findings.
    drawn: RefCell<HashMap<FileId, Rc<Source<String>>>>,
}

/// What an excerpt points at; `Diagnostic` without its code.
pub struct Excerpt<'a> {
    /// `error[DQ0201]`
    pub heading: &'a str,
    pub severity: Severity,
    pub message: &'a str,
    /// The first is what it is about.
    pub labels: Vec<(Span, &'a str)>,
    /// Below the excerpt: a word such as `help`, and text.
    pub notes: Vec<(&'a str, String)>,
    /// Lines before and after a fix.
    pub change: Vec<Changed>,
}

/// A line that a fix takes away (its number as it is) or puts in (its number as it will be).
pub struct Changed {
    pub added: bool,
    pub line: usize,
    pub text: String,
}

impl<'a> Renderer<'a> {
    /// `prefix` is put before paths, so that they can be opened from where the reader is: `rules/flights/`.
    pub fn new(sources: &'a SourceMap, paint: Paint, prefix: &'a str) -> Self {
        Self { sources, paint, prefix, drawn: RefCell::default() }
    }
}

impl Renderer<'_> {
    /// One finding, with an empty line after it.
    pub fn finding(&self, finding: &Diagnostic) -> String {
        let heading = format!("{}[{}]", finding.severity.name(), finding.code.name());
        let primary = std::iter::once(&finding.primary);
        let mut notes: Vec<(&str, String)> = Vec::new();
        notes.extend(finding.help.iter().map(|help| ("help", help.clone())));
        notes.extend(finding.notes.iter().map(|note| ("note", note.clone())));
        notes.extend(finding.fix.iter().map(|fix| ("fix", fix.title.clone())));
        self.excerpt(&Excerpt {
            heading: &heading,
            severity: finding.severity,
            message: &finding.message,
            labels: primary.chain(&finding.secondary).map(|l| (l.span, l.text.as_str())).collect(),
            notes,
            change: finding.fix.as_ref().map_or_else(Vec::new, |fix| self.preview(fix)),
        })
    }

    /// The drawing of the source is ariadne's; what stands below it is ours, in the same frame.
    pub fn excerpt(&self, what: &Excerpt<'_>) -> String {
        let mut out = String::new();
        let heading = self.severity(what.severity, what.heading);
        let message = visible_lines(short(what.message));
        let _ = writeln!(out, "{heading}{} {}", self.paint.dim(":"), self.paint.bold(&message));
        let drawing = what.labels.first().and_then(|(primary, _)| self.drawing(what, *primary));
        let margin = match (drawing, what.labels.first()) {
            (Some(drawing), _) => self.open_frame(&drawing, &mut out),
            (None, Some((primary, label))) => {
                let file = self.sources.get(primary.file);
                let mut name = format!("   ╭─[ {}{}", self.prefix_of(file), visible(&file.path));
                if !file.text.is_empty() {
                    let place = file.place(primary.start as usize);
                    let _ = write!(name, ":{}:{}", place.line, place.column);
                }
                let _ = writeln!(out, "{}", self.paint.dim(&(name + " ]")));
                if !file.text.is_empty() && !label.is_empty() {
                    let _ = writeln!(out, "   {} {}", self.paint.dim("│"), visible_lines(short(label)));
                }
                3
            }
            (None, None) => 0,
        };
        self.notes(&mut out, margin, &what.notes);
        self.change(&mut out, margin, &what.change);
        let end = if margin > 0 { format!("{}╯", "─".repeat(margin)) } else { String::new() };
        let _ = writeln!(out, "{}\n", self.paint.dim(&end));
        out
    }

    /// `None` where there is no text to show, or too much of it.
    fn drawing(&self, what: &Excerpt<'_>, primary: Span) -> Option<String> {
        if self.sources.get(primary.file).text.is_empty() || !self.is_near(primary) {
            return None;
        }
        let color = match what.severity {
            Severity::Error => Color::Red,
            Severity::Warning => Color::Yellow,
            Severity::Note => Color::Cyan,
        };
        let mut labels = what.labels.clone();
        // All of a line up to a label is drawn.
        labels.retain(|(span, _)| self.is_near(*span));
        let files = Files::new(self, &labels);
        let (own, _) = files.area(primary, self);
        // ariadne opens a new section wherever a label stands above the one before it.
        labels.sort_by_key(|(span, _)| (span.file != primary.file, files.area(*span, self).0 != own, *span));
        let config = Config::default()
            .with_index_type(IndexType::Byte)
            .with_char_set(CharSet::Unicode)
            .with_color(self.paint.color)
            .with_cross_gap(false);
        let mut report = Report::build(ReportKind::Error, files.area(primary, self)).with_config(config);
        for (i, (span, text)) in labels.iter().enumerate() {
            let is_primary = *span == primary && what.labels.first().is_some_and(|(_, t)| t == text);
            let mut label = Label::new(files.area(*span, self))
                .with_color(if is_primary { color } else { Color::Cyan })
                .with_priority(if is_primary { 1 } else { 0 })
                .with_order(i32::try_from(i).unwrap_or(i32::MAX));
            if !text.is_empty() {
                label = label.with_message(visible(short(text)));
            }
            report.add_label(label);
        }
        let mut bytes = Vec::new();
        report.finish().write_for_stdout(files, &mut bytes).ok()?;
        String::from_utf8(bytes).ok()
    }

    /// Whether it stands not too far in its line.
    fn is_near(&self, span: Span) -> bool {
        let (file, area) = self.area(span);
        let before = self.sources.get(file).text.get(..area.start).unwrap_or("");
        before.len() - before.rfind('\n').map_or(0, |i| i + 1) <= 10 * LONGEST
    }

    /// The span in its file, cut to the beginning of its first line: what is longer is seen as well by that.
    fn area(&self, span: Span) -> (FileId, Range<usize>) {
        let text = &self.sources.get(span.file).text;
        let start = boundary(text, span.start as usize);
        let end = boundary(text, (span.end as usize).min(start + LONGEST)).max(start);
        let first = text.get(start..end).and_then(|s| s.split('\n').next()).map_or(0, |s| s.trim_end().len());
        (span.file, start..start + first)
    }

    /// The drawing without ariadne's header and closing line; gives the width of its margin.
    fn open_frame(&self, drawing: &str, out: &mut String) -> usize {
        let mut lines: Vec<&str> = drawing.lines().skip(1).collect();
        let margin = lines.pop().map_or(4, |last| last.matches('─').count());
        for line in lines {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        margin
    }

    fn notes(&self, out: &mut String, margin: usize, notes: &[(&str, String)]) {
        let bar = if margin > 0 { format!("{:margin$}{} ", "", self.paint.dim("│")) } else { "  ".into() };
        if !notes.is_empty() && margin > 0 {
            let _ = writeln!(out, "{}", bar.trim_end());
        }
        for (word, text) in notes {
            let indent = margin + 4 + word.len();
            for (i, line) in self.paint.wrap(&visible_lines(short(text)), indent).iter().enumerate() {
                let head = if i == 0 { self.paint.blue(&format!("{word}:")) } else { " ".repeat(word.len() + 1) };
                let _ = writeln!(out, "{bar}{head} {line}");
            }
        }
    }

    fn change(&self, out: &mut String, margin: usize, lines: &[Changed]) {
        if !lines.is_empty() {
            let _ = writeln!(out, "{:margin$}{}", "", self.paint.dim("│"));
        }
        let width = margin.saturating_sub(1);
        for Changed { added, line, text } in lines {
            let shown = format!("{line:>width$} {} {}", if *added { '+' } else { '-' }, visible(text));
            let _ = writeln!(out, "{}", if *added { self.paint.green(&shown) } else { self.paint.red(&shown) });
        }
    }

    fn severity(&self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Error => self.paint.red(text),
            Severity::Warning => self.paint.yellow(text),
            Severity::Note => self.paint.blue(text),
        }
    }

    /// The lines before and after, where they are few.
    fn preview(&self, fix: &Fix) -> Vec<Changed> {
        const SHOWN: usize = 6;
        let Some(first) = fix.edits.first() else { return Vec::new() };
        let file = self.sources.get(first.span.file);
        let edits: Vec<_> = fix.edits.iter().filter(|e| e.span.file == first.span.file).collect();
        // The lines that the edits touch; all others stay as they are.
        let start = edits.iter().map(|e| e.span.start).min().unwrap_or(0) as usize;
        let end = edits.iter().map(|e| e.span.end).max().unwrap_or(0) as usize;
        let start = file.text.get(..start).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
        let end = file.text.get(end..).and_then(|t| t.find('\n')).map_or(file.text.len(), |i| end + i + 1);
        let Some(before) = file.text.get(start..end).filter(|t| t.len() <= SHOWN * LONGEST) else { return Vec::new() };
        let above = file.place(start).line - 1;
        let moved = |offset: u32| offset - u32::try_from(start).unwrap_or(0);
        let edits: Vec<Edit> = edits
            .iter()
            .map(|e| Edit { span: Span { start: moved(e.span.start), end: moved(e.span.end), ..e.span }, text: e.text.clone() })
            .collect();
        let Some(after) = super::fix::apply(before, &edits.iter().collect::<Vec<_>>()) else { return Vec::new() };
        let diff = similar::TextDiff::from_lines(before, after.as_str());
        let changes = diff.iter_all_changes().filter_map(|change| {
            let (added, index) = match change.tag() {
                similar::ChangeTag::Equal => return None,
                similar::ChangeTag::Delete => (false, change.old_index()),
                similar::ChangeTag::Insert => (true, change.new_index()),
            };
            Some(Changed { added, line: above + index? + 1, text: change.value().trim_end().replace('\t', "    ") })
        });
        let changes: Vec<Changed> = changes.take(SHOWN + 1).collect();
        let shown = changes.len() <= SHOWN && changes.iter().all(|c| c.text.len() <= LONGEST);
        if shown { changes } else { Vec::new() }
    }
}

/// The nearest character boundary at or before an offset.
fn boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// No more of a line, a name or a message is shown.
const LONGEST: usize = 1_000;

/// A text, or the beginning of one that nobody reads to its end.
fn short(text: &str) -> &str {
    text.get(..boundary(text, LONGEST)).unwrap_or(text)
}

/// Labels that are further apart are shown as if they stood in two files: what lies between would be drawn as well.
const FAR: usize = 50_000;

/// The texts that a report points into.
struct Files(Vec<Lines>);

struct Lines {
    file: FileId,
    name: String,
    source: Rc<Source<String>>,
    /// Where they stand in the file.
    start: usize,
    end: usize,
    /// How much closer to the beginning they stand in `source`.
    moved: usize,
    /// Where what is not shown has been cut out, in the file, and how much.
    cuts: Vec<(usize, usize)>,
}

impl Files {
    fn new(renderer: &Renderer<'_>, labels: &[(Span, &str)]) -> Self {
        let mut areas: Vec<(FileId, Range<usize>)> = labels.iter().map(|(span, _)| renderer.area(*span)).collect();
        areas.sort_by_key(|(file, area)| (*file, area.start));
        let near = |a: &(FileId, Range<usize>), b: &(FileId, Range<usize>)| a.0 == b.0 && b.1.start < a.1.end + FAR;
        Self(areas.chunk_by(near).map(|areas| Lines::new(renderer, areas)).collect())
    }

    fn area(&self, span: Span, renderer: &Renderer<'_>) -> (usize, Range<usize>) {
        let (file, area) = renderer.area(span);
        let holds = |lines: &Lines| lines.file == file && lines.start <= area.start && area.end <= lines.end;
        let at = self.0.iter().rposition(holds).unwrap_or(0);
        let place = |offset: usize| match self.0.get(at) {
            Some(lines) => {
                let cut: usize = lines.cuts.iter().filter(|(from, _)| *from < offset).map(|(_, length)| length).sum();
                offset - lines.moved - cut
            }
            None => offset,
        };
        (at, place(area.start)..place(area.end))
    }
}

impl Lines {
    /// Of areas in one file.
    fn new(renderer: &Renderer<'_>, areas: &[(FileId, Range<usize>)]) -> Self {
        let id = areas.first().map(|(file, _)| *file).unwrap_or_default();
        let file: &SourceFile = renderer.sources.get(id);
        let text = file.text.as_str();
        let first = areas.iter().map(|(_, a)| a.start).min().unwrap_or(0);
        let last = areas.iter().map(|(_, a)| a.end).max().unwrap_or(0);
        let start = text.get(..first).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
        let end = text.get(last..).and_then(|t| t.find('\n')).map_or(text.len(), |i| last + i + 1);
        let name = format!("{}{}", renderer.prefix_of(file), visible(&file.path));
        let lines = text.get(start..end).unwrap_or("");
        if lines.split('\n').all(|line| line.len() <= 4 * LONGEST) {
            let mut drawn = renderer.drawn.borrow_mut();
            let source = Rc::clone(drawn.entry(id).or_insert_with(|| Rc::new(Source::from(drawable(text)))));
            return Self { file: id, name, source, start, end, moved: 0, cuts: Vec::new() };
        }
        // Lines above count, and are not shown.
        let above = file.place(start).line - 1;
        let (mut shown, mut cuts, mut at) = ("\n".repeat(above), Vec::new(), start);
        for line in lines.split_inclusive('\n') {
            let here = |a: &&(FileId, Range<usize>)| at <= a.1.start && a.1.start < at + line.len();
            let labelled = areas.iter().filter(here).map(|(_, a)| a.end - at).max();
            let keep = boundary(line, labelled.unwrap_or(0) + LONGEST);
            let long = keep + LONGEST < line.len();
            shown.push_str(line.get(..keep).filter(|_| long).unwrap_or(line));
            if long {
                shown.push_str("…\n");
                cuts.push((at + keep, line.len() - keep - "…\n".len()));
            }
            at += line.len();
        }
        let source = Rc::new(Source::from(drawable(&shown)));
        Self { file: id, name, source, start, end, moved: start - above, cuts }
    }
}

/// A last line without a break could not be pointed behind.
fn drawable(text: &str) -> String {
    let drawn = format!("{}\n", same_length(text).trim_end_matches('\n'));
    if drawn.len() <= text.len() { format!("{}\n", same_length(text)) } else { drawn }
}

impl Renderer<'_> {
    /// What is embedded has no place on the disk.
    fn prefix_of(&self, file: &SourceFile) -> &str {
        if file.path.starts_with('<') { "" } else { self.prefix }
    }
}

impl ariadne::Cache<usize> for Files {
    type Storage = String;

    fn fetch(&mut self, id: &usize) -> Result<&Source<String>, impl std::fmt::Debug> {
        self.0.get(*id).map(|lines| &*lines.source).ok_or("no such file")
    }

    fn display<'a>(&self, id: &'a usize) -> Option<impl std::fmt::Display + 'a> {
        self.0.get(*id).map(|lines| lines.name.clone())
    }
}
