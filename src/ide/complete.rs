//! What can be written at an offset: what the place allows, with the names that it sees.

use std::ops::Range;

use crate::resolve::fold;
use crate::source::FileId;

use super::View;
use super::index::module_of;
use super::offers::Offers;
use super::place::{Block, Place};
use super::vocabulary as words;
use super::words::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    Keyword,
    Snippet,
    Column,
    Value,
    Function,
    Type,
    Layer,
    Dataset,
    Rule,
    Module,
    Variable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub label: String,
    pub kind: Offered,
    /// On the label's line: a type, a signature.
    pub detail: String,
    /// Markdown.
    pub doc: String,
    /// With `$1` and the like if `snippet`.
    pub insert: String,
    pub snippet: bool,
    pub replace: Range<usize>,
    /// The smaller, the nearer to the top.
    pub rank: u8,
}

impl View<'_> {
    pub fn complete(&self, file: FileId, offset: usize) -> Vec<Completion> {
        let text = self.source(file).text.as_str();
        let place = Place::at(text, offset);
        let mut offers = Offers::new(self, file, place.word.clone());
        if place.in_comment {
            return Vec::new();
        }
        match place.inside {
            Some(string) => self.in_text(&place, string.range(), offset, &mut offers),
            None => self.in_code(&place, &mut offers),
        }
        offers.into_found()
    }

    /// In a string: a value of an enumerated type, a hole of a message, a zone.
    fn in_text(&self, place: &Place<'_>, string: Range<usize>, offset: usize, offers: &mut Offers<'_, '_>) {
        let text = place.text.get(string.start..offset).unwrap_or("");
        let opening = text.len() - text.trim_start_matches('r').trim_start_matches(['"', '\'']).len();
        let close = place.text.get(offset..string.end).unwrap_or("");
        let end = offset + close.find(['"', '\'']).unwrap_or(0);
        match place.back(0) {
            "because" | "fix" => {
                let Some(hole) = text.rfind('{').filter(|i| !text.get(*i..).is_some_and(|t| t.contains('}'))) else { return };
                offers.replace = string.start + hole + 1..offset;
                place.dataset().iter().for_each(|d| offers.columns(d, false));
                place.parameters.iter().for_each(|p| offers.variable(p));
                for (hole, doc) in HOLES {
                    offers.keyword(hole, doc);
                }
            }
            "zone" | "in" if place.back(0) == "zone" || place.before.iter().any(|w| w.is(place.text, "arrives")) => {
                offers.replace = string.start + opening..end.max(offset);
                chrono_tz::TZ_VARIANTS.iter().for_each(|zone| offers.value(zone.name(), "IANA zone"));
            }
            _ => {
                offers.replace = string.start + opening..end.max(offset);
                self.values(place, false, offers);
            }
        }
    }

    fn in_code(&self, place: &Place<'_>, offers: &mut Offers<'_, '_>) {
        let text = place.text;
        if let Some(path) = place.qualifier() {
            return self.qualified(place, &path, offers);
        }
        match place.block() {
            None => self.at_top(place, offers),
            Some(Block::Other) => self.in_braces(place, offers),
            Some(Block::Contract(_)) => {
                if place.before.is_empty() || place.starts_line() {
                    offers.terms(&words::CONTRACT_PARTS);
                }
                self.after_word(place, offers);
            }
            Some(Block::Promote { .. }) => {
                if place.before.is_empty() || place.starts_line() {
                    offers.terms(&words::PROMOTION_PARTS);
                }
                self.in_promotion(place, offers);
            }
            Some(Block::Test(dataset)) => self.in_test(place, dataset, offers),
            Some(Block::Rows(of)) => self.in_rows(place, of.as_deref(), offers),
            Some(Block::History) => {}
            Some(Block::Columns) => self.in_columns(place, offers),
            Some(Block::With) => match place.head() {
                None => self.unmapped(place, offers),
                Some(_) => {
                    self.in_expression(place, offers);
                    if place.starts_line() {
                        self.unmapped(place, offers);
                    }
                }
            },
            Some(Block::Rules | Block::RuleSet) => match place.head() {
                Some(_) => {
                    if place.back(0) == ":" {
                        offers.terms(&words::RULE_STARTS);
                    }
                    self.in_expression(place, offers);
                    if place.starts_line() {
                        offers.snippet("include", "include ${1:rule_set}($0)", "The rules of a set, for these columns.");
                    }
                }
                None if place.before.first().is_some_and(|w| w.is(text, "include")) => {
                    if place.back(0) == "include" {
                        offers.rule_sets();
                    } else {
                        self.in_expression(place, offers);
                    }
                }
                None => {
                    offers.snippet("include", "include ${1:rule_set}($0)", "The rules of a set, for these columns.");
                    offers.snippet("rule", "${1:name}: $0", "A rule: a name, and a condition that must hold.");
                }
            },
            Some(Block::Sla) => match place.head() {
                Some(_) => {
                    if place.back(0) == ":" {
                        offers.terms(&words::SLA_STARTS);
                    }
                    if place.back(0) == "on" {
                        offers.calendars();
                    }
                    self.in_expression(place, offers);
                }
                None => {
                    for (name, body, doc) in [
                        ("fresh", "fresh: age(max(${1:created_at})) <= ${2:2 hours}", "How old the newest row may be."),
                        ("on_time", "on_time: arrives by ${1:06:00} in \"${2:UTC}\" on ${3:weekdays} for the day before", "By when the batch of a day is published."),
                        ("budget", "budget: ${1:on_time} missed at most ${2:1} of last ${3:30} deadlines", "How often it may be missed."),
                    ] {
                        offers.snippet(name, body, doc);
                    }
                }
            },
        }
    }

    fn at_top(&self, place: &Place<'_>, offers: &mut Offers<'_, '_>) {
        let (text, previous) = (place.text, place.back(0));
        let first = place.before.first().map_or("", |w| w.text(text));
        if place.starts_line() {
            offers.terms(&words::ITEMS);
        }
        match (first, previous) {
            ("contract" | "promote", "contract" | "promote" | "to") | ("test", "for") => offers.datasets(first == "contract"),
            ("promote", _) if !place.before.iter().any(|w| w.is(text, "to")) => offers.keyword("to", "The dataset that is filled."),
            ("test", _) if place.back_word(0).is_some_and(|w| w.kind == Kind::Text) => {
                offers.keyword("for", "The dataset that is tested.");
            }
            ("use", "use") => self.modules("", offers),
            ("calendar", "=") => offers.calendars(),
            ("calendar", _) => offers.keyword("except", "Days that do not count."),
            ("type", "=") => offers.types(),
            ("type" | "fn", ":" | "<") => offers.types(),
            ("type", _) if place.before.iter().any(|w| w.is(text, "where") || w.is(text, "in")) => {
                offers.variable("it");
                self.in_expression(place, offers);
            }
            ("type", _) if place.before.len() > 3 => offers.terms(&words::COLUMN_MODIFIERS[6..8]),
            ("fn", _) if place.before.iter().any(|w| w.is(text, "=")) => self.in_expression(place, offers),
            _ => {}
        }
    }

    /// `use shared.money.{…}`
    fn in_braces(&self, place: &Place<'_>, offers: &mut Offers<'_, '_>) {
        let before = place.text.get(..place.word.start).unwrap_or("");
        let line = before.rsplit('\n').next().unwrap_or("").trim_start();
        if let Some(path) = line.strip_prefix("use ").and_then(|l| l.split('{').next()) {
            offers.module_names(path.trim().trim_end_matches('.'));
        }
    }

    fn modules(&self, path: &str, offers: &mut Offers<'_, '_>) {
        let known = self.trees.iter().map(|t| module_of(&self.source(t.id).path));
        let start = if path.is_empty() { String::new() } else { format!("{}.", fold(path)) };
        for module in known {
            if let Some(next) = module.strip_prefix(&start).and_then(|rest| rest.split('.').next()) {
                offers.module(next);
            }
        }
        offers.module_names(path);
    }

    /// Behind a point: what stands in a layer, a module, a struct.
    fn qualified(&self, place: &Place<'_>, path: &str, offers: &mut Offers<'_, '_>) {
        if place.before.first().is_some_and(|w| w.is(place.text, "use")) && place.blocks.is_empty() {
            return self.modules(path, offers);
        }
        offers.in_layer(path);
        if let Some(dataset) = place.dataset() {
            offers.fields(dataset, path);
        }
        if let (Some(Block::Test(dataset)), "expect") = (place.block(), place.before.first().map_or("", |w| w.text(place.text))) {
            offers.claims(dataset, path);
        }
        offers.module_names(path);
    }

    fn in_columns(&self, place: &Place<'_>, offers: &mut Offers<'_, '_>) {
        let text = place.text;
        let Some(_) = place.head() else {
            if !self.after_word(place, offers) {
                offers.terms(&words::COLUMN_MODIFIERS[12..]);
                offers.snippet("column", "${1:name}: ${2:string}", "A column: its name and type.");
            }
            return;
        };
        if matches!(place.back(0), ":" | "<") || place.back(0) == "," && !place.before.iter().any(|w| w.is(text, "(")) {
            return offers.types();
        }
        let conditions = ["where", "in"].map(|word| place.before.iter().position(|w| w.is(text, word)));
        if self.reference(place, offers) || self.after_word(place, offers) {
            return;
        }
        if conditions.iter().any(Option::is_some) {
            offers.variable("it");
            self.in_expression(place, offers);
        }
        offers.terms(&words::COLUMN_MODIFIERS);
    }

    /// `references layer.dataset(columns)`, and the same behind `among` and `from`.
    fn reference(&self, place: &Place<'_>, offers: &mut Offers<'_, '_>) -> bool {
        let text = place.text;
        if matches!(place.back(0), "references" | "among") {
            offers.datasets(false);
            return true;
        }
        let Some(at) = place.before.iter().rposition(|w| w.is(text, "references") || w.is(text, "among")) else { return false };
        let rest = place.before.get(at + 1..).unwrap_or(&[]);
        let Some(open) = rest.iter().position(|w| w.is(text, "(")) else { return false };
        if rest.iter().any(|w| w.is(text, ")")) {
            return false;
        }
        let dataset: String = rest.iter().take(open).map(|w| w.text(text)).collect();
        offers.columns(&dataset, false);
        true
    }

    fn unmapped(&self, place: &Place<'_>, offers: &mut Offers<'_, '_>) {
        let target = place.blocks.iter().find_map(|b| if let Block::Promote { to, .. } = b { Some(to) } else { None });
        target.iter().for_each(|to| offers.columns(to, true));
    }

    fn in_promotion(&self, place: &Place<'_>, offers: &mut Offers<'_, '_>) {
        let first = place.before.first().map_or("", |w| w.text(place.text));
        match (first, place.back(0)) {
            ("batches", "by") => {
                offers.snippet("folder", "folder \"${0:ingest_date}\"", "One batch for each value of `key=value` folders.");
                offers.keyword("file", "Each file is a batch.");
                offers.keyword("version", "Each version of the source is a batch.");
            }
            ("batches", _) if place.before.len() > 2 => {
                offers.snippet("settled", "settled after ${0:10 minutes}", "A folder is judged once nothing has changed in it for so long.");
                self.after_word(place, offers);
            }
            ("notify", "notify") => self.setting.channels.iter().for_each(|c| offers.value(c, "channel of dqc.toml")),
            ("notify", "on" | ",") => offers.terms(&words::ACTIONS),
            ("notify", _) => offers.keyword("on", "What is told."),
            ("write", _) if place.before.iter().any(|w| w.is(place.text, "by")) => {
                place.dataset().iter().for_each(|d| offers.columns(d, false));
            }
            _ => drop(self.after_word(place, offers)),
        }
    }

    fn in_test(&self, place: &Place<'_>, dataset: &str, offers: &mut Offers<'_, '_>) {
        let text = place.text;
        let first = place.before.first().map_or("", |w| w.text(text));
        if place.starts_line() {
            offers.terms(&words::TEST_PARTS);
        }
        match (first, place.back(0)) {
            ("expect", "expect") => {
                offers.rules(dataset);
                offers.keyword("every other row rule holds", "All row rules that the test does not name hold.");
                offers.keyword("every other rule holds", "All rules that the test does not name hold.");
            }
            ("rows", "of") => offers.datasets(false),
            ("rows", "rows") => offers.keyword("of", "Rows of another dataset."),
            ("expect", _) if !place.starts_line() => {
                if !self.after_word(place, offers) {
                    offers.snippet("breaks", "breaks row ${0:1}", "These rows break the rule, and no others.");
                    offers.keyword("holds", "The rule is not broken.");
                    offers.snippet("is unknown", "is unknown for row ${0:1}", "For these rows, and no others, the condition is null, and passes.");
                    offers.keyword("is not evaluated", "There is nothing that the rule could judge.");
                }
            }
            _ => {}
        }
    }

    /// A table's header names columns; a cell holds a value of its column.
    fn in_rows(&self, place: &Place<'_>, of: Option<&str>, offers: &mut Offers<'_, '_>) {
        let tested = place.blocks.iter().find_map(|b| if let Block::Test(d) = b { Some(d.as_str()) } else { None });
        let Some(dataset) = of.or(tested) else { return };
        let text = place.text;
        let Some(header) = header(place) else { return offers.columns(dataset, false) };
        let cell = place.before.iter().filter(|w| w.is(text, "|")).count();
        if let Some(column) = cell.checked_sub(1).and_then(|i| header.get(i)) {
            offers.values_of(dataset, column, place.inside.is_none());
        }
    }

    fn in_expression(&self, place: &Place<'_>, offers: &mut Offers<'_, '_>) {
        if self.reference(place, offers) || self.after_word(place, offers) {
            return;
        }
        self.values(place, true, offers);
        if self.wants_value(place) {
            place.dataset().iter().for_each(|d| offers.columns(d, false));
            place.parameters.iter().for_each(|p| offers.variable(p));
            offers.functions();
            offers.aggregates();
            return;
        }
        if matches!(place.block(), Some(Block::Rules | Block::RuleSet | Block::Sla)) {
            offers.terms(&words::RULE_MODIFIERS);
        }
        offers.terms(&words::OPERATORS);
    }

    /// Whether a value can stand here, by what stands before.
    fn wants_value(&self, place: &Place<'_>) -> bool {
        const BEFORE_VALUES: [&str; 22] = [
            "and", "or", "not", "in", "between", "like", "ilike", "case", "when", "then", "else", "by", "each", "where", "from",
            "is", "escape", "distinct", "than", "of", "include", "unique",
        ];
        match place.back_word(0) {
            None => true,
            Some(w) => match w.kind {
                Kind::Sign => !matches!(w.text(place.text), ")" | "]" | "}" | "%" | "?"),
                Kind::Word => BEFORE_VALUES.contains(&w.text(place.text).to_ascii_lowercase().as_str()),
                _ => false,
            },
        }
    }

    /// The values of the column that is compared.
    fn values(&self, place: &Place<'_>, quoted: bool, offers: &mut Offers<'_, '_>) {
        let text = place.text;
        if let (Some(Block::Rows(of)), false) = (place.block(), quoted) {
            let of = of.clone();
            return self.in_rows(place, of.as_deref(), offers);
        }
        let Some(dataset) = place.dataset() else { return };
        let mut steps = 0;
        // Back over the values of a list, to the word that makes it one.
        while place.back_word(steps).is_some_and(|w| w.kind == Kind::Text || matches!(w.text(text), "," | "(")) {
            steps += 1;
        }
        if !matches!(place.back(steps), "=" | "<>" | "!=" | "in" | "==") {
            return;
        }
        steps += 1;
        if place.back(steps) == "not" {
            steps += 1;
        }
        if let Some(w) = place.back_word(steps).filter(|w| w.is_name()) {
            offers.values_of(dataset, w.text(text).trim_matches('`'), quoted);
        }
    }

    /// Words that can only follow the one before. Whether there are any.
    fn after_word(&self, place: &Place<'_>, offers: &mut Offers<'_, '_>) -> bool {
        let previous = place.back(0);
        let in_condition = matches!(place.block(), Some(Block::With));
        match previous {
            "else" | "," if !in_condition && self.in_actions(place) => {
                offers.terms(&words::ACTIONS);
                return true;
            }
            "warn" | "quarantine" | "block" if self.in_actions(place) => {
                offers.snippet("above", "above ${0:1%}", "Only above so many: a percentage, or `10 rows`.");
            }
            "last" => {
                offers.keyword("28 batches", "That many published batches.");
                offers.keyword("30 days", "So far back from the batch's own date.");
                return true;
            }
            "from" if place.before.iter().any(|w| w.is(place.text, "(")) => {
                for (word, doc) in FROM {
                    offers.keyword(word, doc);
                }
                offers.datasets(false);
                return true;
            }
            "evaluated" if place.block().is_some_and(|b| matches!(b, Block::Test(_))) => return true,
            _ => {}
        }
        let first = place.before.len() == 1 || !matches!(previous, "columns" | "quarantine" | "every" | "format" | "write" | "on");
        match words::AFTER.iter().find(|(word, _)| *word == previous).filter(|_| first || previous != "quarantine") {
            Some((_, next)) => {
                next.iter().for_each(|word| offers.keyword(word, ""));
                if previous == "on" {
                    offers.calendars();
                }
                true
            }
            None => false,
        }
    }

    /// Whether the last modifier is `else`, and not the one of a `case`.
    fn in_actions(&self, place: &Place<'_>) -> bool {
        let text = place.text;
        let Some(at) = place.before.iter().rposition(|w| w.is(text, "else")) else { return false };
        let case = place.before.iter().take(at).filter(|w| w.is(text, "case")).count();
        let ended = place.before.iter().take(at).filter(|w| w.is(text, "end")).count();
        let rest = place.before.get(at + 1..).unwrap_or(&[]);
        case == ended && !rest.iter().any(|w| matches!(w.text(text), "because" | "fix" | "tags" | "if" | "when" | "over"))
    }
}

const HOLES: [(&str, &str); 4] = [
    ("value", "What was measured."),
    ("limit", "What it was compared with."),
    ("violations", "How many rows or groups."),
    ("batch", "The batch's name."),
];

const FROM: [(&str, &str); 4] = [
    ("batch", "The rows that would be published."),
    ("input", "The batch as it arrived."),
    ("table", "The target as it would be after the promotion."),
    ("source", "The batch before the mapping."),
];

/// The columns in the first row of the table around, if the offset is below it.
fn header(place: &Place<'_>) -> Option<Vec<String>> {
    let before = place.text.get(..place.word.start)?;
    let open = before.rfind('{')?;
    let mut lines = before.get(open + 1..)?.lines().filter(|l| l.trim_start().starts_with('|'));
    let header = lines.next()?;
    lines.next()?;
    Some(header.trim().trim_matches('|').split('|').map(|c| c.trim().trim_matches('`').to_owned()).collect())
}
