//! Rules, their modifiers, service levels.

use super::super::ast::{
    Above, Act, Among, Cond, Else, ElseAction, Expr, ExprKind, Include, Keep, Name, NullPolicy, OverWhat,
    Rule as RuleNode, RuleItem, RuleMod, SlaEntry, SlaItem, SlaWhat, Text, TimeOfDay,
};
use super::super::errors;
use super::super::grammar::{Pair, Rule};
use super::super::locate::{self, Kind};
use super::{Builder, literal::unit};
use crate::diagnostics::suggest::nearest;
use crate::diagnostics::{Code, Diagnostic};
use crate::source::Span;

impl<'t> Builder<'t> {
    pub fn rules(&mut self, pair: Pair<'t>) -> Vec<RuleItem> {
        let span = self.span(&pair);
        let block = self.block(pair.into_inner().collect(), "the rules", span);
        let items = self.rule_items(block.children);
        self.end(block.end);
        items
    }

    pub(super) fn rule_items(&mut self, children: Vec<Pair<'t>>) -> Vec<RuleItem> {
        let mut items = Vec::new();
        for group in self.groups(children.into_iter()) {
            let span = self.group_span(&group);
            let rule = group.head.as_rule();
            if group.broken {
                self.broken(&group, Kind::Rule);
                let name = match rule {
                    Rule::rule_item | Rule::slip_rule => self.silently(|b| b.rule(group.head)).map(|r| r.name),
                    _ => self.junk_name(span),
                };
                items.push(name.map_or(RuleItem::Junk(span), |name| {
                    let cond = Cond::Expr(self.error_expr(span));
                    RuleItem::Rule(RuleNode { name, cond, mods: Vec::new(), doc: self.doc(span.start), span })
                }));
                continue;
            }
            let item = match rule {
                Rule::rule_item | Rule::slip_rule => self.rule(group.head).and_then(|rule| match self.act_as_rule(&rule) {
                    Some(finding) => {
                        self.push(finding);
                        None
                    }
                    None => Some(RuleItem::Rule(rule)),
                }),
                Rule::include => self.include(group.head).map(RuleItem::Include),
                Rule::slip_anonymous => {
                    let before = self.found.len();
                    let mut rule = self.anonymous(group.head);
                    if let Some((name, sign)) = self.name_before_equals(span, before) {
                        self.found.truncate(before);
                        self.push(errors::habits::equals_for_colon(sign, self.slice(name)));
                        rule.name = Name { text: self.slice(name).to_owned(), span: name };
                        rule.cond = Cond::Expr(self.error_expr(span));
                    } else {
                        let name = rule_name(&rule.cond);
                        self.push(errors::no_rule_name(Span { end: span.start, ..span }, span, &name));
                        rule.name.text = name;
                    }
                    Some(RuleItem::Rule(rule))
                }
                Rule::slip_check_rule => {
                    self.check_rule(group.head);
                    None
                }
                _ => None,
            };
            items.push(item.unwrap_or(RuleItem::Junk(span)));
        }
        items
    }

    /// `name = amount > 0`: what looks like a chain of comparisons, of which findings from `before` on tell, is a name and
    /// a condition. The name, and the sign with the blank before it.
    fn name_before_equals(&self, span: Span, before: usize) -> Option<(Span, Span)> {
        let text = self.slice(span);
        let name = locate::word(text);
        let rest = text.get(name.len()..)?;
        let sign = rest.trim_start_matches([' ', '\t']);
        let chained = self.found.get(before..)?.iter().any(|d| d.code == Code::DQ0111);
        if name.is_empty() || !chained || !sign.starts_with('=') || sign.starts_with("==") {
            return None;
        }
        let start = span.start as usize;
        let end = start + name.len();
        Some((self.range(start, end), self.range(end, start + text.len() - sign.len() + 1)))
    }

    /// `severity: warn` behind a rule, as if it were one.
    fn act_as_rule(&self, rule: &RuleNode) -> Option<Diagnostic> {
        let Cond::Expr(Expr { kind: ExprKind::Path(path), span: value }) = &rule.cond else { return None };
        let word = path.names.first().filter(|_| path.names.len() == 1)?.text.to_lowercase();
        let says = matches!(rule.name.text.to_lowercase().as_str(), "action" | "level" | "on_violation" | "severity");
        let written = matches!(word.as_str(), "block" | "quarantine" | "warn").then(|| (rule.name.span.to(*value), word.as_str()));
        let other = matches!(word.as_str(), "critical" | "error" | "fail" | "high" | "low" | "medium" | "warning");
        (says && (other || written.is_some())).then(|| errors::habits::act_as_rule(rule.name.span, &rule.name.text, written))
    }

    /// SQL's `constraint name check (condition)`.
    fn check_rule(&mut self, pair: Pair<'t>) {
        let span = self.span(&pair);
        let (mut name, mut condition) = (None, "");
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::name => name = Some(self.slice(self.span(&p))),
                _ => condition = self.slice(self.span(&p)),
            }
        }
        let made = name.map_or_else(|| word_of(condition), str::to_string);
        self.push(errors::check_as_rule(span, &made, condition));
    }

    fn include(&mut self, pair: Pair<'t>) -> Option<Include> {
        let span = self.span(&pair);
        let (mut set, mut args, mut alias) = (None, Vec::new(), None);
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::path => set = Some(self.path(&p)),
                Rule::expr => args.push(self.expr(p)),
                Rule::name => alias = Some(self.name(&p)),
                _ => {}
            }
        }
        Some(Include { set: set?, args, alias, span })
    }

    fn anonymous(&mut self, pair: Pair<'t>) -> RuleNode {
        let span = self.span(&pair);
        let name = self.empty_name(span);
        let mut rule = RuleNode {
            name,
            cond: Cond::Expr(self.error_expr(span)),
            mods: Vec::new(),
            doc: self.doc(span.start),
            span,
        };
        for p in pair.into_inner() {
            self.rule_piece(p, &mut rule);
        }
        rule
    }

    fn rule(&mut self, pair: Pair<'t>) -> Option<RuleNode> {
        let rule = self.anonymous(pair);
        (!rule.name.text.is_empty()).then_some(rule)
    }

    fn rule_piece(&mut self, p: Pair<'t>, rule: &mut RuleNode) {
        match p.as_rule() {
            Rule::rule_name => rule.name = self.name(&p),
            Rule::slip_leading => {
                let at = self.span(&p);
                self.push(errors::leading_word(at, p.as_str(), "a rule"));
            }
            Rule::slip_rule_head => {
                rule.name = self.name(&p);
                let at = rule.name.span;
                self.push(errors::missing_colon(at, self.slice(at), "a rule"));
            }
            Rule::expr => rule.cond = Cond::Expr(self.expr(p)),
            Rule::unique => rule.cond = self.unique(p),
            Rule::refs => rule.cond = self.refs(p),
            Rule::norows => {
                let span = self.span(&p);
                if let Some(sql) = p.into_inner().find(|p| p.as_rule() == Rule::string) {
                    rule.cond = Cond::NoRows { sql: self.string(&sql), span };
                }
            }
            _ => rule.mods.extend(self.rule_mod(p)),
        }
    }

    fn unique(&mut self, pair: Pair<'t>) -> Cond {
        let span = self.span(&pair);
        let (mut exprs, mut keep) = (Vec::new(), None);
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::expr => exprs.push(self.expr(p)),
                Rule::keep => {
                    let at = self.span(&p);
                    let mut last = false;
                    for q in p.into_inner() {
                        match q.as_rule() {
                            Rule::kw_last => last = true,
                            Rule::expr => keep = Some(Keep { last, by: Box::new(self.expr(q)), span: at }),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Cond::Unique { exprs, keep, span }
    }

    fn refs(&mut self, pair: Pair<'t>) -> Cond {
        let span = self.span(&pair);
        let mut columns = Vec::new();
        let mut target = None;
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::names => columns = self.names(p),
                Rule::path | Rule::dpath => {
                    let path = self.path(&p);
                    columns.push(Name { text: path.text(), span: path.span });
                }
                Rule::references => target = Some(self.references(p)),
                _ => {}
            }
        }
        match target {
            Some(target) => Cond::References { columns, target, span },
            None => Cond::Expr(self.error_expr(span)),
        }
    }

    pub fn rule_mod(&mut self, pair: Pair<'t>) -> Option<RuleMod> {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        Some(match rule {
            Rule::m_nulls => RuleMod::Nulls(self.nulls(pair)),
            Rule::m_else => RuleMod::Else(self.else_(pair)),
            Rule::m_because => RuleMod::Because(self.mod_text(pair), span),
            Rule::m_fix => RuleMod::Fix(self.mod_text(pair), span),
            Rule::m_tags => RuleMod::Tags(self.mod_names(pair), span),
            Rule::m_when => RuleMod::When(self.mod_pieces(pair).into_iter().find_map(|p| self.as_expr(p))?, span),
            Rule::m_for => {
                let (mut by, mut among) = (Vec::new(), None);
                for p in self.mod_pieces(pair) {
                    match p.as_rule() {
                        Rule::expr => by.push(self.expr(p)),
                        Rule::among => among = Some(self.among(p)),
                        Rule::slip_trailing => self.trailing(&p),
                        _ => {}
                    }
                }
                RuleMod::ForEach { by, among, span }
            }
            Rule::m_over => {
                let what = self.mod_pieces(pair).into_iter().find_map(|p| match p.as_rule() {
                    Rule::kw_table => Some(OverWhat::Table),
                    Rule::kw_input => Some(OverWhat::Input),
                    Rule::kw_batch => Some(OverWhat::Batch),
                    _ => None,
                });
                RuleMod::Over(what?, span)
            }
            Rule::unjudged => {
                RuleMod::NotEvaluated(self.mod_pieces(pair).into_iter().find_map(|p| act(p.as_rule()))?, span)
            }
            _ => return None,
        })
    }

    fn as_expr(&mut self, pair: Pair<'t>) -> Option<Expr> {
        (pair.as_rule() == Rule::expr).then(|| self.expr(pair))
    }

    /// What a modifier consists of, after its first word; a colon there is a finding.
    fn mod_pieces(&mut self, pair: Pair<'t>) -> Vec<Pair<'t>> {
        let word: String = pair.as_str().chars().take_while(|c| c.is_alphabetic()).collect();
        let mut pieces: Vec<Pair> = pair.into_inner().collect();
        pieces.retain(|p| {
            let colon = p.as_rule() == Rule::slip_colon;
            if colon {
                self.colon(p, &word);
            }
            !colon
        });
        pieces
    }

    pub fn mod_text(&mut self, pair: Pair<'t>) -> Text {
        let span = self.span(&pair);
        let string = self.mod_pieces(pair).into_iter().find(|p| p.as_rule() == Rule::string);
        match string {
            Some(p) => self.string(&p),
            None => self.empty_text(span),
        }
    }

    pub fn mod_names(&mut self, pair: Pair<'t>) -> Vec<Name> {
        let names = self.mod_pieces(pair).into_iter().find(|p| p.as_rule() == Rule::names);
        names.map(|p| self.names(p)).unwrap_or_default()
    }

    pub fn nulls(&mut self, pair: Pair<'t>) -> NullPolicy {
        let span = self.span(&pair);
        let pass = !self.mod_pieces(pair).iter().any(|p| p.as_rule() == Rule::kw_fail);
        NullPolicy { pass, span }
    }

    pub fn else_(&mut self, pair: Pair<'t>) -> Else {
        let span = self.span(&pair);
        let mut actions = Vec::new();
        for p in self.mod_pieces(pair) {
            match p.as_rule() {
                Rule::action => actions.push(self.action(p)),
                Rule::slip_trailing => self.trailing(&p),
                _ => {}
            }
        }
        Else { actions, span }
    }

    fn action(&mut self, pair: Pair<'t>) -> ElseAction {
        let span = self.span(&pair);
        let mut action = ElseAction { act: Act::Block, above: None, span };
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::slip_act => {
                    let at = self.span(&p);
                    let near = nearest(p.as_str(), ["warn", "quarantine", "block"]);
                    action.act = match near {
                        Some("warn") => Act::Warn,
                        Some("quarantine") => Act::Quarantine,
                        _ => Act::Block,
                    };
                    self.push(errors::unknown_action(at, p.as_str(), near));
                }
                Rule::above => action.above = self.above(p),
                rule => action.act = act(rule).unwrap_or(action.act),
            }
        }
        action
    }

    fn above(&mut self, pair: Pair<'t>) -> Option<Above> {
        let mut above = None;
        for p in pair.into_inner() {
            match (p.as_rule(), &mut above) {
                (Rule::percent, _) => above = Some(Above::Percent { percent: self.percent(&p), of_all_rows: false }),
                (Rule::digits, _) => above = Some(Above::Rows(self.number(&p))),
                (Rule::kw_groups, Some(Above::Rows(n))) => above = Some(Above::Groups(*n)),
                (Rule::kw_all, Some(Above::Percent { of_all_rows, .. })) => *of_all_rows = true,
                _ => {}
            }
        }
        above
    }

    fn among(&mut self, pair: Pair<'t>) -> Among {
        let span = self.span(&pair);
        let mut values = Vec::new();
        let mut dataset = None;
        let mut columns = Vec::new();
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::among_value => {
                    let at = self.span(&p);
                    let mut negative = false;
                    for q in p.into_inner() {
                        if q.as_rule() == Rule::sign {
                            negative = q.as_str() == "-";
                            continue;
                        }
                        let value = self.primary(q, 0);
                        let kind = if negative { ExprKind::Negate(Box::new(value)) } else { value.kind };
                        values.push(Expr { kind, span: at });
                    }
                }
                Rule::dpath => dataset = Some(self.path(&p)),
                Rule::names => columns = self.names(p),
                _ => {}
            }
        }
        match dataset {
            Some(dataset) => Among::Dataset(dataset, columns, span),
            None => Among::Values(values, span),
        }
    }

    pub fn sla(&mut self, pair: Pair<'t>) -> Vec<SlaItem> {
        let span = self.span(&pair);
        let block = self.block(pair.into_inner().collect(), "the service levels", span);
        let mut items = Vec::new();
        for group in self.groups(block.children.into_iter()) {
            let span = self.group_span(&group);
            if group.broken {
                self.broken(&group, Kind::Entry);
                let name = self.junk_name(span);
                items.push(name.map_or(SlaItem::Junk(span), |name| {
                    let what = SlaWhat::Condition(self.error_expr(span));
                    SlaItem::Entry(SlaEntry { name, what, mods: Vec::new(), doc: self.doc(span.start), span })
                }));
                continue;
            }
            let entry = self.entry(group.head);
            items.push(entry.map_or(SlaItem::Junk(span), SlaItem::Entry));
        }
        self.end(block.end);
        items
    }

    fn entry(&mut self, pair: Pair<'t>) -> Option<SlaEntry> {
        let span = self.span(&pair);
        let (mut name, mut what, mut mods) = (None, None, Vec::new());
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::rule_name => name = Some(self.name(&p)),
                Rule::expr => what = Some(SlaWhat::Condition(self.expr(p))),
                Rule::arrives => what = Some(self.arrives(p)),
                Rule::budget => what = Some(self.budget(p)),
                _ => mods.extend(self.rule_mod(p)),
            }
        }
        Some(SlaEntry { name: name?, what: what?, mods, doc: self.doc(span.start), span })
    }

    fn arrives(&mut self, pair: Pair<'t>) -> SlaWhat {
        let span = self.span(&pair);
        let mut by = TimeOfDay { hour: 0, minute: 0, second: 0 };
        let (mut by_span, mut zone, mut on, mut day_before) = (span, None, Vec::new(), false);
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::time => {
                    by_span = self.span(&p);
                    by = self.time(&p);
                }
                Rule::string => zone = Some(self.string(&p)),
                Rule::names => on = self.names(p),
                Rule::kw_before => day_before = true,
                _ => {}
            }
        }
        SlaWhat::Arrives { by, by_span, zone, on, day_before, span }
    }

    fn budget(&mut self, pair: Pair<'t>) -> SlaWhat {
        let span = self.span(&pair);
        let mut of = self.empty_name(span);
        let mut numbers = Vec::new();
        let mut per = None;
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::name => of = self.name(&p),
                Rule::digits => numbers.push(self.number(&p)),
                Rule::unit => per = Some(unit(p.as_str())),
                _ => {}
            }
        }
        let mut numbers = numbers.into_iter();
        let at_most = numbers.next().unwrap_or(0);
        SlaWhat::Budget { of, at_most, last: numbers.next().unwrap_or(0), unit: per, span }
    }
}

pub(super) fn act(rule: Rule) -> Option<Act> {
    match rule {
        Rule::kw_warn => Some(Act::Warn),
        Rule::kw_quarantine => Some(Act::Quarantine),
        Rule::kw_block => Some(Act::Block),
        _ => None,
    }
}

/// A name for a rule that has none, after the first column that it speaks of.
fn rule_name(cond: &Cond) -> String {
    fn first(expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Path(path) => path.names.last().map(|n| n.text.clone()),
            ExprKind::Binary { left, .. } | ExprKind::Near { left, .. } => first(left),
            ExprKind::Not(value) | ExprKind::Negate(value) | ExprKind::Field(value, _) | ExprKind::Index(value, _) => {
                first(value)
            }
            ExprKind::Between { value, .. }
            | ExprKind::In { value, .. }
            | ExprKind::Like { value, .. }
            | ExprKind::Matches { value, .. }
            | ExprKind::Is { value, .. }
            | ExprKind::WithinHistory { value, .. } => first(value),
            ExprKind::Call(call) => {
                call.args.first().and_then(first).or_else(|| call.function.names.last().map(|n| n.text.clone()))
            }
            _ => None,
        }
    }
    let word = match cond {
        Cond::Expr(expr) => first(expr),
        Cond::Unique { exprs, .. } => exprs.first().and_then(first),
        Cond::References { columns, .. } => columns.first().map(|n| n.text.clone()),
        Cond::NoRows { .. } => None,
    };
    word.map_or_else(|| "my_rule".to_string(), |w| format!("{}_rule", plain(&w)))
}

fn word_of(condition: &str) -> String {
    let word: String =
        condition.chars().skip_while(|c| !c.is_alphabetic()).take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    format!("{}_rule", plain(&word))
}

fn plain(word: &str) -> String {
    let word: String = word.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if word.chars().next().is_some_and(char::is_alphabetic) { word } else { format!("my{word}") }
}
