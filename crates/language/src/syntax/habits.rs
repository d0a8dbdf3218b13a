//! Words and signs of other languages, and of speech, where a rule, a column or a service level gave up.

use super::build::Builder;
use super::errors::habits as told;
use super::locate::{Kind, word, word_len};
use super::trivia::string_end;
use crate::diagnostics::Diagnostic;
use crate::source::Span;

impl Builder<'_> {
    /// `at`: where the item that fills `span` cannot be read any further.
    pub(super) fn habit_at(&self, span: Span, at: usize, kind: Kind) -> Option<Diagnostic> {
        let rest = self.text_between(at, span.end as usize)?;
        let before = self.text_between(span.start as usize, at)?;
        let place = Place { start: span.start as usize, at, code: before.trim_end(), rest, word: word(rest) };
        match kind {
            Kind::Column => self.of_name(&place).or_else(|| self.of_column(&place)),
            Kind::Rule => self.of_name(&place).or_else(|| self.of_list(&place)).or_else(|| self.of_rule(&place)),
            Kind::Entry => self.of_deadline(&place).or_else(|| self.of_list(&place)),
            _ => None,
        }
    }

    /// Names that are not plain.
    fn of_name(&self, p: &Place) -> Option<Diagnostic> {
        if p.code.is_empty() && p.rest.starts_with(['"', '\'']) {
            let len = string_end(p.rest, 0);
            let name = p.rest.get(1..len.checked_sub(1)?)?;
            p.rest.get(len..)?.trim_start().strip_prefix(':')?;
            let here = self.range(p.at, p.at + len);
            return Some(if is_plain(name) { told::quoted_name(here, name) } else { told::odd_name(here, name) });
        }
        let line = self.text_between(p.start, p.at + p.rest.len())?;
        let end = line.find(':').filter(|end| p.at <= p.start + end)?;
        let name = line.get(..end)?.trim_end();
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.');
        let odd = name.contains('-') || name.contains(' ') || name.starts_with(|c: char| c.is_ascii_digit());
        let word_first = matches!(word(name), "rule" | "check" | "constraint" | "column" | "rules" | "if");
        (odd && !word_first && name.chars().all(fits) && name.matches(' ').count() < 3)
            .then(|| told::odd_name(self.range(p.start, p.start + name.len()), name))
    }

    fn of_list(&self, p: &Place) -> Option<Diagnostic> {
        if p.ends_with("in") && p.rest.starts_with('[') {
            let close = p.rest.find(']').map(|i| self.range(p.at + i, p.at + i + 1));
            return Some(told::brackets(self.range(p.at, p.at + 1), close));
        }
        if p.ends_with("in") && p.rest.starts_with(['"', '\'']) {
            let mut end = string_end(p.rest, 0);
            while let Some(next) = p.rest.get(end..).and_then(|t| t.trim_start().strip_prefix(',')) {
                let next = next.trim_start();
                if !next.starts_with(['"', '\'']) {
                    break;
                }
                end = p.rest.len() - next.len() + string_end(next, 0);
            }
            return Some(told::bare_list(self.range(p.at, p.at + string_end(p.rest, 0)), self.range(p.at + end, p.at + end)));
        }
        None
    }

    fn of_rule(&self, p: &Place) -> Option<Diagnostic> {
        let one = |len: usize| self.range(p.at, p.at + len);
        let here = one(p.word.len());
        let condition = p.code.split_once(':').map_or(p.code, |(_, c)| c.trim_start());
        let rest_of_line = p.rest.lines().next().unwrap_or("").trim_end();
        if let Some(sign) = p.rest.chars().next().filter(|c| matches!(c, '$' | '€' | '£')) {
            return Some(told::currency(one(sign.len_utf8()), sign.encode_utf8(&mut [0; 4])));
        }
        if p.word == "when" && condition.is_empty() && p.code.ends_with(':') {
            return Some(told::when_first(here));
        }
        if p.rest.starts_with(',') {
            let limit = last_between(p.code)?;
            return (!limit.is_empty() && !has_word(limit, "and")).then(|| told::between_comma(one(1)));
        }
        if p.rest.is_empty()
            && let Some((_, target)) = condition.rsplit_once("references ")
            && let [layer, dataset, column] = target.trim().split('.').collect::<Vec<_>>()[..]
            && [layer, dataset, column].into_iter().all(is_plain)
        {
            return Some(told::reference_with_dot(self.back(p, column.len() + 1), column));
        }
        if p.rest.is_empty() {
            let limits = last_between(p.code)?;
            let (low, high) = limits.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
            let end = p.start + p.code.len();
            return Some(told::between_parens(self.range(end - limits.len(), end), low.trim(), high.trim()));
        }
        let implied = |condition: &str, held: &str| format!("{} when {}", held.trim(), condition.trim());
        if p.ends_with("if") {
            let (when, then) = rest_of_line.split_once(" then ").unwrap_or((rest_of_line, "…"));
            return Some(told::implication(self.back(p, 2), "if", &implied(when, then)));
        }
        if p.ends_with("date") && p.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let len = p.rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(p.rest.len());
            return Some(told::date_without_quotes(one(len), p.rest.get(..len)?));
        }
        if p.ends_with("unique") && condition.eq_ignore_ascii_case("unique") && !p.word.is_empty() {
            return Some(told::unique_bare(here, p.word));
        }
        if p.ends_with("null") && condition.eq_ignore_ascii_case("not null") && !p.word.is_empty() {
            return Some(told::not_null_before(self.back(p, condition.len()), here, p.word));
        }
        if condition.eq_ignore_ascii_case("where") {
            return Some(told::where_in_rule(self.back(p, 5), false));
        }
        if condition.eq_ignore_ascii_case("select") {
            return Some(told::select_in_rule(self.back(p, 6)));
        }
        if condition.eq_ignore_ascii_case("every") || condition.eq_ignore_ascii_case("all") {
            return Some(told::every_reference(self.back(p, condition.len())));
        }
        match p.word.to_ascii_lowercase().as_str() {
            "unique" | "distinct" => {
                let column = condition.strip_suffix(" is").unwrap_or(condition).trim();
                is_plain(column).then(|| told::unique_behind(here, column))
            }
            "implies" | "then" => {
                let held = rest_of_line.get(p.word.len()..)?;
                Some(told::implication(here, p.word, &implied(condition, held)))
            }
            "group" => {
                let by = rest_of_line.get(p.word.len()..)?.trim_start();
                let by = by.strip_prefix("by").or_else(|| by.strip_prefix("BY"))?.trim_start();
                let column = word(by);
                let all = (by == column && !column.is_empty()).then(|| one(rest_of_line.len()));
                Some(told::group_by(here, column, all))
            }
            "where" => Some(told::where_in_rule(here, true)),
            "on" | "severity" | "action" => Some(told::on_violation(here)),
            "percent" | "pct" if p.code.ends_with(|c: char| c.is_ascii_digit()) => {
                let blank = self.range(p.start + p.code.len(), p.at + p.word.len());
                Some(told::percent_word(blank, p.word))
            }
            _ => None,
        }
    }

    fn of_column(&self, p: &Place) -> Option<Diagnostic> {
        let here = self.range(p.at, p.at + p.word.len());
        let with_blank = self.range(p.start + p.code.len(), p.at + p.word.len());
        if p.rest.starts_with('<') && p.ends_with("list") {
            return Some(told::list_type(self.back(p, 4)));
        }
        if p.rest.starts_with(['"', '\'']) && p.code.ends_with("enum(") {
            let end = p.start + p.code.len() - 1;
            return Some(told::enumeration(self.range(end - 4, end), "string in "));
        }
        if let Some(finding) = self.of_list(p) {
            return Some(finding);
        }
        if p.rest.starts_with(['<', '>', '=']) && p.code.contains(':') && !has_word(p.code, "where") {
            return Some(told::bare_condition(self.range(p.at, p.at + 1)));
        }
        match p.word.to_ascii_lowercase().as_str() {
            "nullable" | "optional" => Some(told::nullable(here, p.word, with_blank)),
            "enum" => Some(told::enumeration(here, "in ")),
            "pii" | "sensitive" | "private" | "confidential" => Some(told::personal(here, p.word)),
            "foreign" => {
                let key = p.rest.get(p.word.len()..)?.trim_start();
                let key = if key.get(..3)?.eq_ignore_ascii_case("key") { &key[3..] } else { key };
                let blank = key.len() - key.trim_start().len();
                Some(told::foreign_key(self.range(p.at, p.at + p.rest.len() - key.len() + blank)))
            }
            lengths @ ("max_length" | "maxlength" | "min_length" | "minlength" | "length") => {
                let number = p.rest.get(p.word.len()..)?.trim_start_matches([' ', '=', '(']);
                let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
                let sign = if lengths.starts_with("min") { ">=" } else { "<=" };
                let end = p.at + p.rest.len() - number.len() + digits;
                let written = format!("where length(it) {sign} {}", number.get(..digits)?);
                let plain = digits > 0 && !number.get(digits..)?.starts_with(')');
                Some(told::length_of_text(here, p.word, plain.then(|| (self.range(p.at, end), written))))
            }
            _ => None,
        }
    }

    fn of_deadline(&self, p: &Place) -> Option<Diagnostic> {
        let one = |len: usize| self.range(p.at, p.at + len);
        if p.ends_with("by") && p.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let condition = p.code.split_once(':').map_or(p.code, |(_, c)| c.trim_start());
            if condition.eq_ignore_ascii_case("by") {
                return Some(told::by_without_arrives(self.back(p, 2)));
            }
            let len = p.rest.find(char::is_whitespace).unwrap_or(p.rest.len());
            return Some(told::clock(one(len), time_of_day(p.rest.get(..len)?).as_deref()));
        }
        if p.ends_with("in") && p.word.starts_with(|c: char| c.is_alphabetic()) {
            let fits = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '/' | '+' | '-'));
            let len = p.rest.find(fits).unwrap_or(p.rest.len()).max(word_len(p.rest));
            return Some(told::zone_without_quotes(one(len), p.rest.get(..len)?));
        }
        if matches!(p.word, "to" | "through" | "until") && p.code.ends_with("day") {
            let from = word_before(p.code);
            let to = word(p.rest.get(p.word.len()..)?.trim_start());
            let start = p.start + p.code.len() - from.len();
            let end = p.at + p.rest.find(to)? + to.len();
            let weekdays = from.eq_ignore_ascii_case("monday") && to.eq_ignore_ascii_case("friday");
            return Some(told::days_from_to(self.range(start, end), weekdays));
        }
        None
    }

    /// The last bytes before the place, blanks left aside.
    fn back(&self, p: &Place, len: usize) -> Span {
        let end = p.start + p.code.len();
        self.range(end.saturating_sub(len), end)
    }
}

struct Place<'t> {
    /// Of the item.
    start: usize,
    at: usize,
    /// What was read, without blanks at its end.
    code: &'t str,
    rest: &'t str,
    /// The word that `rest` starts with.
    word: &'t str,
}

impl Place<'_> {
    fn ends_with(&self, word: &str) -> bool {
        word_before(self.code).eq_ignore_ascii_case(word)
    }
}

fn word_before(code: &str) -> &str {
    code.get(code.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len()..).unwrap_or("")
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w.eq_ignore_ascii_case(word))
}

/// What follows the last `between`.
fn last_between(code: &str) -> Option<&str> {
    let lower = code.to_ascii_lowercase();
    let at = lower.rfind("between")?;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    (!code.get(..at)?.ends_with(word) && !code.get(at + 7..)?.starts_with(word)).then(|| code.get(at + 7..))?.map(str::trim)
}

/// `6am`, `6:30pm`, `18h`, `6` as `06:00`.
fn time_of_day(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let (clock, shift) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(false)),
        (_, Some(clock)) => (clock, Some(true)),
        _ => (lower.trim_end_matches('h'), None),
    };
    let (hour, minute) = clock.split_once([':', '.', 'h']).unwrap_or((clock, "0"));
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = match shift {
        None => hour,
        Some(_) if hour == 0 || hour > 12 => return None,
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    (hour < 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
}
