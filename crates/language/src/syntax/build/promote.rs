//! Promotions.

use super::super::ast::{BatchBy, Mapping, Promote, PromoteItem, Write};
use super::super::errors;
use super::super::grammar::{Pair, Rule};
use super::super::locate::Kind;
use super::{Builder, rules::act};
use crate::source::Span;

impl<'t> Builder<'t> {
    /// Also of `only_promote`, whose keyword is misspelt.
    pub fn promote(&mut self, pair: Pair<'t>) -> Promote {
        let span = self.span(&pair);
        let mut head = Span { end: span.start, ..span };
        let mut paths = Vec::new();
        let mut children = Vec::new();
        for p in pair.into_inner() {
            let here = self.span(&p);
            match p.as_rule() {
                Rule::kw_promote => head = here,
                Rule::dpath => {
                    head = head.to(here);
                    paths.push(self.path(&p));
                }
                Rule::slip_to => self.push(errors::wrong_sign(here, p.as_str(), "to")),
                Rule::kw_to | Rule::EOI => {}
                _ => children.push(p),
            }
        }
        let mut paths = paths.into_iter();
        let from = paths.next().unwrap_or_else(|| self.empty_path(head));
        let to = paths.next().unwrap_or_else(|| self.empty_path(head));
        let block = self.block(children, &format!("the promotion to `{}`", to.text()), span);
        let mut items = Vec::new();
        for group in self.groups(block.children.into_iter()) {
            let span = self.group_span(&group);
            if group.broken {
                self.broken(&group, Kind::PromotePart);
                if group.head.as_rule() == Rule::junk_part {
                    items.push(PromoteItem::Junk(span));
                    continue;
                }
            }
            items.push(self.promote_item(group.head).unwrap_or(PromoteItem::Junk(span)));
        }
        self.end(block.end);
        Promote { from, to, items, doc: self.doc(span.start), span, head }
    }

    fn promote_item(&mut self, pair: Pair<'t>) -> Option<PromoteItem> {
        let span = self.span(&pair);
        Some(match pair.as_rule() {
            Rule::rules => PromoteItem::Rules(self.rules(pair), span),
            Rule::withmap => PromoteItem::With { maps: self.maps(pair), span },
            rule => {
                let mut inner = pair.into_inner();
                let word = inner.next()?;
                let (mut by, mut settled, mut write) = (None, None, None);
                let (mut channel, mut on) = (None, Vec::new());
                for p in inner {
                    match p.as_rule() {
                        Rule::slip_colon => self.colon(&p, word.as_str()),
                        Rule::string => by = Some(BatchBy::Folder(self.string(&p))),
                        Rule::kw_file => by = Some(BatchBy::File),
                        Rule::kw_version => by = Some(BatchBy::Version),
                        Rule::duration => settled = Some(self.duration(p)),
                        Rule::kw_append => write = Some(Write::Append),
                        Rule::kw_replace => write = Some(Write::Replace),
                        Rule::kw_merge => write = Some(Write::Merge(None)),
                        Rule::expr => write = Some(Write::Merge(Some(self.expr(p)))),
                        Rule::name => channel = Some(self.name(&p)),
                        rule => {
                            let at = self.span(&p);
                            on.extend(act(rule).map(|act| (act, at)));
                        }
                    }
                }
                match rule {
                    Rule::batches => PromoteItem::Batches { by: by?, settled, span },
                    Rule::write => PromoteItem::Write(write?, span),
                    Rule::notify => PromoteItem::Notify { channel: channel?, on, span },
                    _ => return None,
                }
            }
        })
    }

    fn maps(&mut self, pair: Pair<'t>) -> Vec<Mapping> {
        let span = self.span(&pair);
        let block = self.block(pair.into_inner().collect(), "the mapping", span);
        let mut maps = Vec::new();
        for group in self.groups(block.children.into_iter()) {
            let span = self.group_span(&group);
            if group.broken {
                self.broken(&group, Kind::Map);
                if let Some(column) = self.junk_name(span) {
                    maps.push(Mapping { column, value: self.error_expr(span), span });
                }
                continue;
            }
            maps.extend(self.map(group.head));
        }
        self.end(block.end);
        maps
    }

    fn map(&mut self, pair: Pair<'t>) -> Option<Mapping> {
        let span = self.span(&pair);
        let (mut column, mut value) = (None, None);
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::anyname => column = Some(self.name(&p)),
                Rule::slip_assign => {
                    let at = self.span(&p);
                    self.push(errors::wrong_sign(at, "=", ":"));
                }
                Rule::expr => value = Some(self.expr(p)),
                _ => {}
            }
        }
        Some(Mapping { column: column?, value: value?, span })
    }
}
