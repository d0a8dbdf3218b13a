//! Contracts: head, parts, columns.

use super::super::ast::{
    Column, ColumnItem, ColumnMod, Columns, Contract, OtherColumns, Part, Percent, References, Refined, Text,
};
use super::super::errors;
use super::super::grammar::{Pair, Rule};
use super::super::locate::Kind;
use super::Builder;
use crate::source::Span;

impl<'t> Builder<'t> {
    /// Also of `only_contract`, whose keyword is misspelt.
    pub fn contract(&mut self, pair: Pair<'t>) -> Contract {
        let span = self.span(&pair);
        let mut head = Span { end: span.start, ..span };
        let mut dataset = self.empty_path(head);
        let mut version = None;
        let mut at = None;
        let mut children = Vec::new();
        for p in pair.into_inner() {
            let here = self.span(&p);
            match p.as_rule() {
                Rule::kw_contract => head = here,
                Rule::dpath if dataset.text().is_empty() => {
                    dataset = self.path(&p);
                    head = head.to(dataset.span);
                }
                Rule::at_sign | Rule::slip_version_word => at = Some((here, p.as_rule())),
                Rule::version | Rule::slip_version if children.is_empty() => {
                    version = Some(self.version(&p));
                    head = head.to(here);
                }
                Rule::EOI => {}
                _ => children.push(p),
            }
        }
        let version = match (version, at) {
            (Some(version), Some((_, Rule::at_sign))) => version,
            (Some(version), at) => {
                self.push(errors::missing_at(version.span, at.map(|(span, _)| span)));
                version
            }
            (None, at) => {
                let place = at.map_or(head, |(span, _)| span).after();
                self.push(errors::missing_version(place, at.is_some()));
                Text { value: "1.0.0".into(), span: place }
            }
        };
        let what = format!("the contract of `{}`", dataset.text());
        let block = self.block(children, &what, span);
        let parts = self.parts(block.children);
        self.end(block.end);
        Contract { dataset, version, parts, doc: self.doc(span.start), span, head }
    }

    fn version(&mut self, pair: &Pair<'t>) -> Text {
        let span = self.span(pair);
        let mut value = pair.as_str().to_string();
        if pair.as_rule() == Rule::slip_version {
            let plain = value.trim_matches('"').trim_start_matches(['v', 'V']);
            let numbers: Vec<&str> = plain.split('.').collect();
            let whole = !numbers.is_empty()
                && numbers.len() <= 3
                && numbers.iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
            let ours = whole.then(|| {
                let mut numbers = numbers;
                numbers.resize(3, "0");
                numbers.join(".")
            });
            self.push(errors::bad_version(span, pair.as_str(), ours.clone()));
            value = ours.unwrap_or_else(|| "1.0.0".into());
        }
        Text { value, span }
    }

    fn parts(&mut self, children: Vec<Pair<'t>>) -> Vec<Part> {
        let mut parts = Vec::new();
        for group in self.groups(children.into_iter()) {
            let span = self.group_span(&group);
            if group.broken {
                self.broken(&group, Kind::Part);
                if group.head.as_rule() == Rule::junk_part {
                    parts.extend(self.misspelt_part(group.head));
                    parts.push(Part::Junk(span));
                    continue;
                }
            }
            parts.extend(self.part(group.head));
        }
        parts
    }

    pub fn part(&mut self, pair: Pair<'t>) -> Option<Part> {
        let span = self.span(&pair);
        Some(match pair.as_rule() {
            Rule::columns => Part::Columns(self.columns(pair)),
            Rule::rules => Part::Rules(self.rules(pair), span),
            Rule::sla => Part::Sla(self.sla(pair), span),
            Rule::m_nulls => Part::Nulls(self.nulls(pair)),
            Rule::m_else => Part::Else(self.else_(pair)),
            rule => {
                let mut inner = pair.into_inner();
                let word = inner.next()?;
                let mut text = None;
                let mut list = Vec::new();
                let (mut percent, mut keep) = (None, None);
                for p in inner {
                    match p.as_rule() {
                        Rule::slip_colon => self.colon(&p, word.as_str()),
                        Rule::string => text = Some(self.string(&p)),
                        Rule::slip_text => {
                            let at = self.span(&p);
                            let value = p.into_inner().next().map(|s| self.string(&s).value).unwrap_or_default();
                            self.push(errors::wrong_sign(at, self.slice(at), &value));
                            list.push(super::Name { text: value, span: at });
                        }
                        Rule::name => list.push(self.name(&p)),
                        Rule::names => list = self.names(p),
                        Rule::percent => percent = Some(Percent { value: self.percent(&p), span: self.span(&p) }),
                        Rule::duration => keep = Some(self.duration(p)),
                        _ => {}
                    }
                }
                match rule {
                    Rule::owner => Part::Owner(text?),
                    Rule::zone => Part::Zone(text?),
                    Rule::location => Part::At(text?),
                    Rule::part_tags => Part::Tags(list),
                    Rule::format => Part::Format(list.pop()?),
                    Rule::cap => Part::Cap { percent: percent?, keep, span },
                    _ => return None,
                }
            }
        })
    }

    pub fn columns(&mut self, pair: Pair<'t>) -> Columns {
        let span = self.span(&pair);
        let block = self.block(pair.into_inner().collect(), "the columns", span);
        let mut columns = Columns { items: Vec::new(), other: None, span };
        for group in self.groups(block.children.into_iter()) {
            let span = self.group_span(&group);
            let rule = group.head.as_rule();
            if group.broken {
                self.broken(&group, Kind::Column);
            }
            match rule {
                Rule::other => {
                    let which = group.head.into_inner().last().map(|p| p.as_rule());
                    let which = match which {
                        Some(Rule::kw_forbidden) => OtherColumns::Forbidden,
                        Some(Rule::kw_kept) => OtherColumns::Kept,
                        _ => OtherColumns::Ignored,
                    };
                    columns.other = Some((which, span));
                }
                Rule::column | Rule::slip_column if group.broken => {
                    let name = self.silently(|b| b.column(group.head)).map(|c| c.name);
                    match name {
                        Some(name) => columns.items.push(ColumnItem::Column(self.broken_column(name, span))),
                        None => columns.items.push(ColumnItem::Junk(span)),
                    }
                }
                Rule::column | Rule::slip_column => match self.column(group.head) {
                    Some(column) => columns.items.push(ColumnItem::Column(column)),
                    None => columns.items.push(ColumnItem::Junk(span)),
                },
                Rule::slip_table_clause => {
                    self.push(errors::table_clause(span, self.slice(span)));
                    columns.items.push(ColumnItem::Junk(span));
                }
                _ => match self.junk_name(span) {
                    Some(name) => columns.items.push(ColumnItem::Column(self.broken_column(name, span))),
                    None => columns.items.push(ColumnItem::Junk(span)),
                },
            }
        }
        self.end(block.end);
        columns
    }

    /// A column of which only the name could be read.
    fn broken_column(&self, name: super::Name, span: Span) -> Column {
        let refined = Refined { ty: self.error_ty(span), condition: None, span };
        Column { name, refined, mods: Vec::new(), doc: self.doc(span.start), span }
    }

    fn column(&mut self, pair: Pair<'t>) -> Option<Column> {
        let span = self.span(&pair);
        let (mut name, mut refined, mut mods) = (None, None, Vec::new());
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::anyname => name = Some(self.name(&p)),
                Rule::slip_head => {
                    let head = self.name(&p);
                    self.push(errors::missing_colon(head.span, self.slice(head.span), "a column"));
                    name = Some(head);
                }
                Rule::refined => refined = Some(self.refined(p)),
                Rule::head_colon => {}
                Rule::slip_leading => {
                    let at = self.span(&p);
                    self.push(errors::leading_word(at, p.as_str(), "a column"));
                }
                _ => mods.extend(self.column_mod(p, refined.as_ref())),
            }
        }
        Some(Column { name: name?, refined: refined?, mods, doc: self.doc(span.start), span })
    }

    fn column_mod(&mut self, pair: Pair<'t>, refined: Option<&Refined>) -> Option<ColumnMod> {
        let span = self.span(&pair);
        Some(match pair.as_rule() {
            Rule::kw_key => ColumnMod::Key(span),
            Rule::kw_unique => ColumnMod::Unique(span),
            Rule::kw_personal => ColumnMod::Personal(span),
            Rule::kw_secret => ColumnMod::Secret(span),
            Rule::references => ColumnMod::References(self.references(pair)),
            Rule::was => ColumnMod::Was(pair.into_inner().find(|p| p.as_rule() == Rule::name).map(|p| self.name(&p))?),
            Rule::m_else => ColumnMod::Else(self.else_(pair)),
            Rule::m_because => ColumnMod::Because(self.mod_text(pair)),
            Rule::m_fix => ColumnMod::Fix(self.mod_text(pair)),
            Rule::m_tags => ColumnMod::Tags(self.mod_names(pair)),
            Rule::slip_notnull => {
                self.push(errors::not_null(span));
                return None;
            }
            Rule::slip_null => {
                let at = refined.map_or(span, |r| r.ty.span.after());
                self.push(errors::may_be_null(span, at));
                return None;
            }
            Rule::slip_primary => {
                self.push(errors::primary_key(span));
                ColumnMod::Key(span)
            }
            Rule::slip_default => {
                self.push(errors::default_value(span));
                return None;
            }
            Rule::slip_check => {
                let condition =
                    pair.into_inner().find(|p| p.as_rule() == Rule::expr).map_or("", |p| self.slice(self.span(&p)));
                self.push(errors::check_on_column(span, condition));
                return None;
            }
            _ => return None,
        })
    }

    pub fn references(&mut self, pair: Pair<'t>) -> References {
        let span = self.span(&pair);
        let mut references = References { dataset: self.empty_path(span), columns: Vec::new(), span };
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::dpath => references.dataset = self.path(&p),
                Rule::names => references.columns = self.names(p),
                _ => {}
            }
        }
        references
    }
}
