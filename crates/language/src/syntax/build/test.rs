//! Tests: tables and expectations.

use super::super::ast::{
    Expect, ExpectOutcome, ExpectWhat, Expr, ExprKind, Given, Literal, Name, Table, TableRow, Test,
};
use super::super::errors;
use super::super::grammar::{Pair, Rule};
use super::super::locate::Kind;
use super::{Builder, unquote};
use crate::source::Span;

impl<'t> Builder<'t> {
    pub fn test(&mut self, pair: Pair<'t>) -> Test {
        let span = self.span(&pair);
        let mut head = Span { end: span.start, ..span };
        let (mut title, mut dataset) = (None, None);
        let mut children = Vec::new();
        for p in pair.into_inner() {
            let here = self.span(&p);
            match p.as_rule() {
                Rule::kw_test => head = here,
                Rule::string if title.is_none() => title = Some(self.string(&p)),
                Rule::dpath if dataset.is_none() => {
                    head = head.to(here);
                    dataset = Some(self.path(&p));
                }
                Rule::kw_for | Rule::EOI => {}
                _ => children.push(p),
            }
        }
        let title = title.unwrap_or_else(|| self.empty_text(head));
        let dataset = dataset.unwrap_or_else(|| self.empty_path(head));
        let block = self.block(children, "the test", span);
        let mut test =
            Test { title, dataset, at: None, given: Vec::new(), history: None, expects: Vec::new(), span, head };
        for group in self.groups(block.children.into_iter()) {
            let at = self.group_span(&group);
            if group.broken {
                self.broken(&group, Kind::TestPart);
                continue;
            }
            match group.head.as_rule() {
                Rule::test_at => test.at = Some(self.mod_text(group.head)),
                Rule::history => test.history = self.table_of(group.head),
                Rule::given => {
                    let of =
                        group.head.clone().into_inner().find(|p| p.as_rule() == Rule::dpath).map(|p| self.path(&p));
                    if let Some(table) = self.table_of(group.head) {
                        test.given.push(Given { of, table, span: at });
                    }
                }
                Rule::expect => test.expects.extend(self.expect(group.head)),
                _ => {}
            }
        }
        self.end(block.end);
        test
    }

    fn table_of(&mut self, pair: Pair<'t>) -> Option<Table> {
        let span = self.span(&pair);
        let mut table = None;
        let block = self.block(pair.into_inner().collect(), "the rows", span);
        for p in block.children {
            if p.as_rule() == Rule::table {
                table = Some(self.table(p));
            }
        }
        self.end(block.end);
        table
    }

    fn table(&mut self, pair: Pair<'t>) -> Table {
        let span = self.span(&pair);
        let mut header: Option<Vec<Name>> = None;
        let mut rows = Vec::new();
        for row in pair.into_inner() {
            let at = self.row_span(self.span(&row));
            if row.as_rule() == Rule::junk_row {
                self.push(errors::broken_row(at));
                header.get_or_insert_default();
                continue;
            }
            let Some(header) = &header else {
                header = Some(self.header(row));
                continue;
            };
            let cells: Vec<Option<Expr>> = {
                let columns = header.len();
                let cells = row.into_inner().map(|cell| self.cell(cell)).collect::<Vec<_>>();
                if cells.len() != columns && columns > 0 {
                    self.push(errors::row_length(at, cells.len(), columns));
                    continue;
                }
                cells
            };
            rows.push(TableRow { cells, span: at });
        }
        Table { header: header.unwrap_or_default(), rows, span }
    }

    /// A row without the blanks around it.
    fn row_span(&self, span: Span) -> Span {
        let text = self.slice(span);
        let start = span.start as usize + text.len() - text.trim_start().len();
        let code = text.rfind('|').map_or_else(|| text.trim_end().len(), |i| i + 1);
        self.range(start, (span.start as usize + code).max(start))
    }

    fn header(&mut self, row: Pair<'t>) -> Vec<Name> {
        row.into_inner()
            .map(|cell| {
                let span = self.span(&cell);
                let text = self.slice(span);
                let start = span.start as usize + text.len() - text.trim_start().len();
                let name = text.trim();
                Name { text: unquote(name), span: self.range(start, start + name.len()) }
            })
            .collect()
    }

    fn cell(&mut self, cell: Pair<'t>) -> Option<Expr> {
        let value = cell.into_inner().next()?;
        let span = self.span(&value);
        if value.as_rule() == Rule::cell_text {
            self.push(errors::cell_value(span, self.slice(span).trim()));
            return Some(self.error_expr(span));
        }
        let mut negative = false;
        for p in value.into_inner() {
            let kind = match p.as_rule() {
                Rule::cell_minus => {
                    negative = true;
                    continue;
                }
                Rule::path => ExprKind::Path(self.path(&p)),
                Rule::cell_json => ExprKind::Literal(Literal::Json(p.as_str().to_string())),
                _ => self.primary(p, 0).kind,
            };
            if negative {
                return Some(Expr { kind: ExprKind::Negate(Box::new(Expr { kind, span })), span });
            }
            return Some(Expr { kind, span });
        }
        None
    }

    fn expect(&mut self, pair: Pair<'t>) -> Option<Expect> {
        let span = self.span(&pair);
        let mut rule = None;
        let mut what = None;
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::dpath => rule = Some(self.path(&p)),
                Rule::expect_rest => {
                    let row_rules_only = p.into_inner().any(|p| p.as_rule() == Rule::kw_row);
                    what = Some(ExpectWhat::EveryOther { row_rules_only });
                }
                Rule::outcome => {
                    let outcome = self.outcome(p);
                    what = rule.take().map(|rule| ExpectWhat::Rule { rule, outcome });
                }
                _ => {}
            }
        }
        Some(Expect { what: what?, span })
    }

    fn outcome(&mut self, pair: Pair<'t>) -> ExpectOutcome {
        let mut outcome = ExpectOutcome::Holds;
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::kw_breaks => outcome = ExpectOutcome::Breaks(Vec::new()),
                Rule::kw_evaluated => outcome = ExpectOutcome::NotEvaluated,
                Rule::kw_unknown => outcome = ExpectOutcome::Unknown(Vec::new()),
                Rule::rows_list => {
                    let mut rows = Vec::new();
                    for p in p.into_inner().filter(|p| p.as_rule() == Rule::digits) {
                        rows.push((self.number(&p), self.span(&p)));
                    }
                    outcome = match outcome {
                        ExpectOutcome::Unknown(_) => ExpectOutcome::Unknown(rows),
                        _ => ExpectOutcome::Breaks(rows),
                    };
                }
                _ => {}
            }
        }
        outcome
    }
}
