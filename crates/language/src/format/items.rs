//! Items, blocks and what stands in them.

use std::ops::Range;

use super::layout::{COLUMNS, Line, RULES, Row, WIDTH, indent, width, write};
use super::tokens::{Token, comment, lines, tokens, within};
use crate::source::FileId;
use crate::syntax::build::Builder;
use crate::syntax::grammar::{Pair, Rule};
use crate::syntax::matcher;
use crate::syntax::recover::Group;

/// The text in the one style; `None` if it cannot be read at all.
pub(super) fn print(text: &str) -> Option<String> {
    let file = matcher::parse(Rule::file, text).ok()??.next()?;
    let mut printer = Printer { builder: Builder::new(FileId(0), text), text };
    let mut lines = Vec::new();
    let mut at = 0;
    let mut previous = None;
    for item in file.into_inner() {
        let rule = item.as_rule();
        if matches!(rule, Rule::EOI | Rule::slip_separator) {
            continue;
        }
        let span = printer.builder.span(&item).range();
        let broken = matches!(rule, Rule::junk_top | Rule::slip_close) || is_broken(item.clone());
        let end = if broken { item.as_str().trim_end().len() + span.start } else { span.end };
        let before = lines.len();
        printer.gap(at, span.start, &mut lines);
        let large = |rule| matches!(rule, Rule::contract | Rule::promote | Rule::test | Rule::rulesdecl);
        if previous.is_some_and(large) || large(rule) && previous.is_some() {
            lines.insert(
                before + usize::from(matches!(lines.get(before), Some(Line::Plain(_))) && printer.note_at(at)),
                Line::Blank,
            );
        }
        if broken {
            printer.verbatim(span.start..end, &mut lines);
        } else {
            printer.item(item, &mut lines);
        }
        at = end;
        previous = Some(rule);
    }
    printer.gap(at, text.len(), &mut lines);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    write(lines, 0, RULES, &mut out);
    Some(out)
}

/// Whether a brace is missing somewhere, so that indentation means more than structure.
fn is_broken(pair: Pair) -> bool {
    matches!(pair.as_rule(), Rule::no_open | Rule::no_close | Rule::no_close_top | Rule::open_junk)
        || pair.into_inner().any(is_broken)
}

struct Printer<'t> {
    builder: Builder<'t>,
    text: &'t str,
}

impl<'t> Printer<'t> {
    fn slice(&self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or("")
    }

    fn one_line(&self, range: Range<usize>) -> bool {
        !self.slice(range).contains('\n')
    }

    /// The comments that start in a range.
    fn comments(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let all = &self.builder.comments;
        let start = all.partition_point(|c| c.start < range.start);
        all.iter().skip(start).take_while(|c| c.start < range.end).cloned().collect()
    }

    /// Whether a comment follows on the same line.
    fn note_at(&self, at: usize) -> bool {
        self.comments(at..self.text.len()).first().is_some_and(|c| self.one_line(at..c.start))
    }

    /// Comments and blank lines between two things; a comment on the line of the first is set behind it.
    fn gap(&self, from: usize, to: usize, out: &mut Vec<Line>) {
        let mut at = from;
        for found in self.comments(from..to) {
            let text = comment(self.slice(found.clone()));
            let between = self.slice(at..found.start);
            if at == from && !between.contains('\n') && from > 0 && attach(out, &text) {
                at = found.end;
                continue;
            }
            if between.matches('\n').count() > 1 {
                out.push(Line::Blank);
            }
            out.push(Line::Plain(text));
            at = found.end;
        }
        if self.slice(at..to).matches('\n').count() > 1 {
            out.push(Line::Blank);
        }
    }

    /// A range as it is, from the start of its line if nothing else stands there.
    fn verbatim(&self, range: Range<usize>, out: &mut Vec<Line>) {
        let line = self.slice(0..range.start).rfind('\n').map_or(0, |i| i + 1);
        let start = if self.slice(line..range.start).trim().is_empty() { line } else { range.start };
        out.push(Line::Verbatim(self.slice(start..range.end).to_string()));
    }

    fn tokens(&self, pair: &Pair<'t>) -> Vec<Token<'t>> {
        let mut found = tokens(self.text, &self.builder.comments, pair.clone());
        let end = self.builder.span(pair).range().end;
        found.retain(|t| t.start < end);
        found
    }

    fn joined(&self, pair: &Pair<'t>) -> Vec<String> {
        lines(self.text, &self.tokens(pair))
    }

    /// The author's lines, the first at the block's indentation and the others deeper.
    fn plain(&self, lines: Vec<String>, out: &mut Vec<Line>) {
        for (i, line) in lines.into_iter().enumerate() {
            out.push(if i == 0 { Line::Plain(line) } else { Line::Deeper(1, line) });
        }
    }

    fn item(&mut self, pair: Pair<'t>, out: &mut Vec<Line>) {
        match pair.as_rule() {
            Rule::contract | Rule::promote | Rule::test => self.braced(pair, out),
            Rule::rulesdecl => self.braced(pair, out),
            _ => self.plain(self.joined(&pair), out),
        }
    }

    /// Something with a head and a block.
    fn braced(&mut self, pair: Pair<'t>, out: &mut Vec<Line>) {
        let span = self.builder.span(&pair).range();
        let rule = pair.as_rule();
        let children: Vec<Pair> = pair.clone().into_inner().collect();
        let Some(open) = children.iter().position(|p| p.as_rule() == Rule::l_brace) else {
            return self.plain(self.joined(&pair), out);
        };
        let brace = children.get(open).map_or(span.end, |p| p.start());
        let all = self.tokens(&pair);
        let mut head = lines(self.text, within(&all, span.start..brace));
        if head.iter().any(|l| l.contains("//")) {
            return self.verbatim(span, out);
        }
        let head = head.drain(..).map(|l| l.trim_end().to_string()).collect::<Vec<_>>().join(" ");
        let body: Vec<Pair> = children.into_iter().skip(open + 1).filter(|p| p.as_rule() != Rule::close).collect();
        let close = span.end.saturating_sub(1);
        let groups = self.builder.groups(body.into_iter());
        if groups.is_empty() && self.comments(brace..close).is_empty() {
            out.push(Line::Plain(format!("{head} {{}}")));
            return;
        }
        if let Some(line) = self.on_one_line(&head, rule, &groups, brace..close) {
            out.push(Line::Plain(line));
            return;
        }
        out.push(Line::Plain(format!("{head} {{")));
        let mut inner = Vec::new();
        let mut at = brace + 1;
        let mut notes = vec![Line::Plain(String::new())];
        for group in groups {
            let lines = if at == brace + 1 { &mut notes } else { &mut inner };
            let before = lines.len();
            self.gap(at, group.start, lines);
            if at == brace + 1 {
                // The note behind the brace belongs to the head.
                if let Some(Line::Plain(note)) = notes.first()
                    && !note.is_empty()
                    && let Some(Line::Plain(head)) = out.last_mut()
                {
                    head.push_str("  ");
                    head.push_str(note.trim());
                }
                inner.extend(notes.drain(..).skip(before.min(1)));
            }
            at = group.end;
            self.group(group, &mut inner);
        }
        self.gap(at, close, &mut inner);
        let style = if rule == Rule::columns { COLUMNS } else { RULES };
        align_parts(&mut inner);
        out.push(Line::Block(inner, style));
        out.push(Line::Plain("}".into()));
    }

    /// A block of one short thing that its author wrote on one line stays there.
    fn on_one_line(&mut self, head: &str, rule: Rule, groups: &[Group<'t>], inside: Range<usize>) -> Option<String> {
        let inner = matches!(rule, Rule::rules | Rule::columns | Rule::sla | Rule::withmap);
        if !inner || groups.len() != 1 || !self.one_line(inside.clone()) || !self.comments(inside).is_empty() {
            return None;
        }
        let group = groups.first().filter(|g| !g.broken)?;
        let mut lines = Vec::new();
        self.group(Group { head: group.head.clone(), ..*group }, &mut lines);
        match lines.as_slice() {
            [Line::Row(row)] if row.below.is_empty() => {
                let tail = if row.tail.is_empty() { String::new() } else { format!("  {}", row.tail) };
                Some(format!("{head} {{ {} {}{tail} }}", row.head, row.body)).filter(|l| width(l) <= WIDTH)
            }
            _ => None,
        }
    }

    fn group(&mut self, group: Group<'t>, out: &mut Vec<Line>) {
        if group.broken {
            return self.verbatim(group.start..group.end, out);
        }
        let commented = !self.comments(group.start..group.end).is_empty();
        match group.head.as_rule() {
            Rule::columns | Rule::rules | Rule::sla | Rule::withmap => self.braced(group.head, out),
            Rule::given | Rule::history => self.table(group.head, out),
            Rule::column if !commented => self.column(group.head, out),
            Rule::rule_item | Rule::entry if !commented => self.rule(group.head, out),
            Rule::map if !commented => self.map(group.head, out),
            Rule::slip_table_clause => self.verbatim(group.start..group.end, out),
            _ => self.plain(self.joined(&group.head), out),
        }
    }

    fn map(&self, pair: Pair<'t>, out: &mut Vec<Line>) {
        let mut lines = self.joined(&pair).into_iter();
        let first = lines.next().unwrap_or_default();
        let name = pair.clone().into_inner().next().map_or("", |p| p.as_str());
        match first.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')) {
            Some(body) => out.push(Line::Row(Row {
                head: format!("{name}:"),
                body: body.trim_start().to_string(),
                below: lines.collect(),
                ..Default::default()
            })),
            None => self.plain(std::iter::once(first).chain(lines).collect(), out),
        }
    }

    fn rule(&self, pair: Pair<'t>, out: &mut Vec<Line>) {
        let mut row = Row::default();
        let mut mods = Vec::new();
        let mut cond = Vec::new();
        for p in pair.clone().into_inner() {
            match p.as_rule() {
                Rule::rule_name => row.head = format!("{}:", p.as_str().trim_end()),
                Rule::head_colon => {}
                rule => match rank(rule) {
                    Some(rank) => mods.push((rank, lines_of(self.joined(&p)))),
                    None => cond.extend(self.joined(&p)),
                },
            }
        }
        // `(a, b) references …` and the like are several pairs of one condition.
        mods.sort_by_key(|(rank, _)| *rank);
        let mut lines = cond.into_iter();
        row.body = lines.next().unwrap_or_default();
        row.below = lines.collect();
        let several = !row.below.is_empty() || row.body.contains('\n') || mods.iter().any(|(_, l)| l.len() > 1);
        let early = |rank: u8| rank < 4;
        let words = |mods: &[(u8, Vec<String>)]| mods.iter().map(|(_, l)| l.join(" ")).collect::<Vec<_>>();
        let split = mods.partition_point(|(rank, _)| early(*rank));
        let (first, last) = mods.split_at(split);
        let total =
            width(&row.head) + width(&row.body) + mods.iter().map(|(_, l)| width(&l.join(" ")) + 1).sum::<usize>() + 10;
        let speaks = mods.iter().any(|(rank, _)| matches!(rank, 6 | 7));
        if !several && !speaks && total <= WIDTH {
            for word in words(first) {
                row.body.push(' ');
                row.body.push_str(&word);
            }
            row.tail = words(last).join(" ");
            out.push(Line::Row(row));
            return;
        }
        let head =
            width(&row.head) + width(&row.body) + first.iter().map(|(_, l)| width(&l.join(" ")) + 1).sum::<usize>();
        let below = if !several && head <= WIDTH - 10 {
            for word in words(first) {
                row.body.push(' ');
                row.body.push_str(&word);
            }
            last
        } else {
            &mods
        };
        row.below.extend(aligned(below));
        out.push(Line::Row(row));
    }

    fn column(&self, pair: Pair<'t>, out: &mut Vec<Line>) {
        let mut row = Row::default();
        let mut mods = Vec::new();
        let mut several = false;
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::anyname => row.head = format!("{}:", p.as_str().trim_end()),
                Rule::head_colon => {}
                Rule::refined => {
                    let mut lines = self.joined(&p).into_iter();
                    row.body = lines.next().unwrap_or_default();
                    row.below = lines.collect();
                    several = !row.below.is_empty() || row.body.contains('\n');
                }
                rule => {
                    let lines = lines_of(self.joined(&p));
                    several |= lines.len() > 1;
                    mods.push((column_rank(rule), lines));
                }
            }
        }
        mods.sort_by_key(|(rank, _)| *rank);
        let mut tail = String::new();
        let split = mods.partition_point(|(rank, _)| *rank < 6);
        let (properties, modifiers) = mods.split_at(split);
        for (_, lines) in properties {
            tail.push_str(if tail.is_empty() { "" } else { " " });
            tail.push_str(&lines.join(" "));
        }
        let speaks = modifiers.iter().any(|(rank, _)| matches!(rank, 7 | 8));
        let total = width(&row.head)
            + width(&row.body)
            + width(&tail)
            + modifiers.iter().map(|(_, l)| width(&l.join(" ")) + 2).sum::<usize>()
            + 10;
        if several || speaks || total > WIDTH {
            if several {
                row.below.extend(aligned(&mods));
            } else {
                row.tail = tail;
                row.below.extend(aligned(modifiers));
            }
        } else {
            for (_, lines) in modifiers {
                tail.push_str(if tail.is_empty() { "" } else { "  " });
                tail.push_str(&lines.join(" "));
            }
            row.tail = tail;
        }
        out.push(Line::Row(row));
    }

    /// Rows of a test, their cells below each other.
    fn table(&mut self, pair: Pair<'t>, out: &mut Vec<Line>) {
        let span = self.builder.span(&pair).range();
        let Some(table) = pair.clone().into_inner().find(|p| p.as_rule() == Rule::table) else { return };
        let brace = pair
            .clone()
            .into_inner()
            .find(|p| p.as_rule() == Rule::l_brace)
            .map_or(span.start, |p| p.start());
        let rows: Vec<Pair> = table.into_inner().collect();
        if rows.iter().any(|r| r.as_rule() != Rule::row) || rows.is_empty() {
            return self.verbatim(span, out);
        }
        let all = self.tokens(&pair);
        let head = lines(self.text, within(&all, span.start..brace)).join(" ");
        let cells: Vec<Vec<&str>> =
            rows.iter().map(|r| r.clone().into_inner().map(|c| c.as_str().trim()).collect()).collect();
        let mut widths: Vec<usize> = Vec::new();
        for row in &cells {
            for (i, cell) in row.iter().enumerate() {
                match widths.get_mut(i) {
                    Some(w) => *w = (*w).max(width(cell)),
                    None => widths.push(width(cell)),
                }
            }
        }
        out.push(Line::Plain(format!("{head} {{")));
        let mut inner = Vec::new();
        let mut at = brace + 1;
        for (row, cells) in rows.iter().zip(&cells) {
            let start = row.start() + row.as_str().len() - row.as_str().trim_start().len();
            let mut notes = vec![];
            self.gap(at, start, if inner.is_empty() { &mut notes } else { &mut inner });
            inner.append(&mut notes);
            let mut line = String::from("|");
            for (i, cell) in cells.iter().enumerate() {
                let to = widths.get(i).copied().unwrap_or(0);
                line.push_str(&format!(" {cell}{} |", " ".repeat(to.saturating_sub(width(cell)))));
            }
            inner.push(Line::Plain(line));
            let last = row.clone().into_inner().last().map_or(start, |c| c.end());
            at = last + 1;
        }
        self.gap(at, span.end.saturating_sub(1), &mut inner);
        inner.retain(|l| !matches!(l, Line::Blank));
        out.push(Line::Block(inner, RULES));
        out.push(Line::Plain("}".into()));
    }
}

/// The short words at the start of a contract's parts, padded to one width; so those of blocks on one line that follow
/// each other.
fn align_parts(lines: &mut [Line]) {
    const WORDS: [&str; 6] = ["owner", "tags", "zone", "nulls", "at", "format"];
    let part = |line: &Line| match line {
        Line::Plain(text) => text.split_once(' ').and_then(|(w, _)| WORDS.contains(&w).then(|| width(w))),
        _ => None,
    };
    let widest = lines.iter().filter_map(part).max().unwrap_or(0);
    lines.iter_mut().filter(|line| part(line).is_some()).for_each(|line| pad_word(line, widest));
    let block = |line: &Line| match line {
        Line::Plain(text) if text.ends_with(" }") => text.split_once(" { ").map(|(w, _)| width(w)),
        _ => None,
    };
    for run in lines.chunk_by_mut(|a, b| block(a).is_some() && block(b).is_some()) {
        let widest = run.iter().filter_map(block).max().unwrap_or(0);
        run.iter_mut().filter(|line| block(line).is_some()).for_each(|line| pad_word(line, widest));
    }
}

fn pad_word(line: &mut Line, to: usize) {
    if let Line::Plain(text) = line
        && let Some((word, rest)) = text.split_once(' ')
    {
        *text = format!("{word}{} {}", " ".repeat(to.saturating_sub(width(word))), rest.trim_start());
    }
}

/// Sets a note behind the last line that was printed.
fn attach(out: &mut [Line], note: &str) -> bool {
    match out.last_mut() {
        Some(Line::Row(row)) if row.below.is_empty() => row.note = Some(note.to_string()),
        Some(Line::Row(row)) => {
            if let Some(last) = row.below.last_mut() {
                last.push_str("  ");
                last.push_str(note);
            }
        }
        Some(Line::Plain(text) | Line::Deeper(_, text) | Line::Verbatim(text)) => {
            text.push_str("  ");
            text.push_str(note);
        }
        _ => return false,
    }
    true
}

fn lines_of(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|l| l.trim_end().to_string()).collect()
}

/// Modifiers on lines of their own, their values below each other.
fn aligned(mods: &[(u8, Vec<String>)]) -> Vec<String> {
    const WORDS: [&str; 7] = ["when", "over", "nulls", "else", "because", "fix", "tags"];
    let split = |line: &str| -> Option<(String, String)> {
        let (word, rest) = line.split_once(' ')?;
        WORDS.contains(&word).then(|| (word.to_string(), rest.trim_start().to_string()))
    };
    let first = |lines: &[String]| lines.first().and_then(|l| split(l));
    let widest = mods.iter().filter_map(|(_, l)| first(l)).map(|(w, _)| width(&w)).max().unwrap_or(0);
    let mut out = Vec::new();
    for (_, lines) in mods {
        for (i, line) in lines.iter().enumerate() {
            out.push(match (i, split(line)) {
                (0, Some((word, rest))) => format!("{word}{} {rest}", " ".repeat(widest.saturating_sub(width(&word)))),
                (0, None) => line.clone(),
                _ => format!("{}{line}", indent(1)),
            });
        }
    }
    out
}

/// The place of a rule's modifier.
fn rank(rule: Rule) -> Option<u8> {
    Some(match rule {
        Rule::m_when => 0,
        Rule::m_for => 1,
        Rule::m_over => 2,
        Rule::m_nulls => 3,
        Rule::m_else => 4,
        Rule::unjudged => 5,
        Rule::m_because => 6,
        Rule::m_fix => 7,
        Rule::m_tags => 8,
        _ => return None,
    })
}

fn column_rank(rule: Rule) -> u8 {
    match rule {
        Rule::kw_key | Rule::slip_primary => 0,
        Rule::references => 1,
        Rule::kw_unique => 2,
        Rule::kw_personal => 3,
        Rule::kw_secret => 4,
        Rule::m_else => 6,
        Rule::m_because => 7,
        Rule::m_fix => 8,
        Rule::m_tags => 9,
        _ => 5,
    }
}
