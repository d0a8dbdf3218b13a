//! Service levels and calendars.

use crate::hir::{self, Act, Contract, Grain, Sla, SlaWhat};
use crate::resolve::{Decl, Space, fold, same};
use crate::source::Span;
use crate::syntax::ast;

use super::rules::modifiers::Modifiers;
use super::scope::{Scope, Zone};
use super::templates::Holes;
use super::{Checker, errors, literals};

/// What a calendar can start from.
const BASES: [&str; 10] =
    ["days", "weekdays", "weekends", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl<'a> Checker<'a> {
    pub fn calendar(&mut self, c: &'a ast::Calendar) -> Option<hir::Calendar> {
        let known = self.is_calendar(&c.base, c.span.file, Some(&c.name)) && self.has_a_first_day(c);
        let mut except = Vec::with_capacity(c.except.len());
        for text in &c.except {
            match literals::date(&text.value) {
                Some(day) => except.push(day),
                None => self.report(errors::unreadable(text.span, &text.value, &hir::Type::Date)),
            }
        }
        known.then(|| hir::Calendar { name: c.name.text.clone(), base: c.base.text.clone(), except, span: c.span })
    }

    /// A calendar's base, and the base of that, end with days of the week.
    fn has_a_first_day(&mut self, c: &ast::Calendar) -> bool {
        let mut seen = vec![fold(&c.name.text)];
        let mut base = c.base.clone();
        let mut file = c.span.file;
        loop {
            let path = ast::Path { names: vec![base.clone()], span: base.span };
            let Some(Decl::Calendar(next)) = self.names.find(file, Space::Calendar, &path).first().map(|f| f.decl) else {
                return true;
            };
            if seen.contains(&fold(&next.name.text)) {
                self.report(errors::goes_round("calendar", &c.name.text, c.base.span, next.name.span));
                return false;
            }
            seen.push(fold(&next.name.text));
            (base, file) = (next.base.clone(), next.span.file);
        }
    }

    fn is_calendar(&mut self, name: &ast::Name, file: crate::source::FileId, own: Option<&ast::Name>) -> bool {
        let known = BASES.contains(&name.text.to_lowercase().as_str());
        let itself = own.is_some_and(|own| same(&own.text, &name.text));
        let path = ast::Path { names: vec![name.clone()], span: name.span };
        if known || !itself && !self.names.find(file, Space::Calendar, &path).is_empty() {
            return true;
        }
        let mut names = self.names.in_scope(file, Space::Calendar);
        names.retain(|n| own.is_none_or(|own| fold(n) != fold(&own.text)));
        names.extend(BASES.iter().map(|b| (*b).to_owned()));
        self.report(errors::unknown_calendar(name, &names));
        false
    }

    pub fn sla(&mut self, items: &'a [ast::SlaItem], scope: &Scope, out: &mut Contract) {
        let entries = || items.iter().filter_map(|i| if let ast::SlaItem::Entry(e) = i { Some(e) } else { None });
        let names: Vec<&ast::Name> = entries().map(|e| &e.name).collect();
        let junk = items.iter().any(|i| matches!(i, ast::SlaItem::Junk(_)));
        for (i, entry) in entries().enumerate() {
            if let Some(first) = names[..i].iter().find(|n| same(&n.text, &entry.name.text)) {
                self.report(errors::twice("service level", &entry.name.text, entry.name.span, &first.text, first.span));
            }
            let errors = self.errors;
            let mods = self.each_modifier_stands_once(&entry.mods);
            self.only_what_fits_a_service_level(&mods);
            let severity = self.severity(&mods);
            let what = self.service_level(entry, scope, &names, junk);
            let holes = Holes { columns: None, groups: &[], renamed: &[] };
            let because = mods.because.map(|t| self.template(t, &holes));
            let fix = mods.fix.map(|t| self.template(t, &holes));
            if let Some(what) = what.filter(|_| self.errors == errors) {
                out.sla.push(Sla {
                    name: entry.name.text.clone(),
                    what,
                    severity,
                    because,
                    fix,
                    tags: mods.tags.iter().map(|n| n.text.clone()).collect(),
                    doc: entry.doc.clone(),
                    span: entry.span,
                });
            }
        }
    }

    fn service_level(
        &mut self,
        entry: &'a ast::SlaEntry,
        scope: &Scope,
        names: &[&ast::Name],
        junk: bool,
    ) -> Option<SlaWhat> {
        match &entry.what {
            ast::SlaWhat::Condition(e) => {
                let condition = self.condition(e, &mut scope.clone(), "a service level");
                if condition.ty.is_error() {
                    return None;
                }
                if condition.grain == Grain::Row {
                    self.report(errors::sla_of_rows(condition.span));
                    return None;
                }
                Some(SlaWhat::Condition(condition))
            }
            ast::SlaWhat::Arrives { by, by_span, zone, on, day_before, span } => {
                let Some(micros) = literals::time_of_day(*by) else {
                    self.report(errors::no_such_time(*by_span));
                    return None;
                };
                let zone = self.deadline_zone(zone.as_ref(), scope, *span)?;
                for name in on {
                    self.is_calendar(name, entry.span.file, None);
                }
                let by = u32::try_from(micros / 1_000_000).unwrap_or(0);
                let on = on.iter().map(|n| n.text.clone()).collect();
                Some(SlaWhat::Arrives { by, zone, on, day_before: *day_before })
            }
            ast::SlaWhat::Budget { of, at_most, last, unit, .. } => {
                if !names.iter().any(|n| same(&n.text, &of.text)) {
                    if !junk {
                        self.report(errors::unknown_name(of, "service level", names.iter().map(|n| n.text.as_str()), "this contract"));
                    }
                    return None;
                }
                Some(SlaWhat::Budget { of: of.text.clone(), at_most: *at_most, last: *last, unit: *unit })
            }
        }
    }

    fn deadline_zone(&mut self, written: Option<&ast::Text>, scope: &Scope, span: Span) -> Option<String> {
        match (written, &scope.zone) {
            (Some(text), _) => {
                if text.value.parse::<chrono_tz::Tz>().is_err() {
                    self.report(errors::unknown_zone(text));
                    return None;
                }
                Some(text.value.clone())
            }
            (None, Zone::Known(zone)) => Some(zone.clone()),
            (None, _) => {
                self.need_zone(scope, span, "a deadline");
                None
            }
        }
    }

    fn only_what_fits_a_service_level(&mut self, mods: &Modifiers<'_>) {
        let found = [
            ("when", mods.when.map(|(_, span)| span)),
            ("for each", mods.for_each.map(|(_, _, span)| span)),
            ("over", mods.over.map(|(_, span)| span)),
            ("nulls", mods.nulls.map(|p| p.span)),
            ("if not evaluated", mods.not_evaluated.map(|(_, span)| span)),
        ];
        for (word, span) in found {
            if let Some(span) = span {
                let help = "A service level takes `else warn`, `because`, `fix` and `tags`.";
                self.report(errors::not_for_this_kind(word, span, "a service level", help));
            }
        }
    }

    fn severity(&mut self, mods: &Modifiers<'_>) -> Act {
        let Some(written) = mods.actions else { return Act::Block };
        match written.actions.as_slice() {
            [action] if action.act != Act::Quarantine && action.above.is_none() => action.act,
            _ => {
                self.report(errors::sla_action(written.span));
                Act::Block
            }
        }
    }
}
