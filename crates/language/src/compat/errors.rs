//! All that the comparison of two revisions says.

use chrono::NaiveDate;
use semver::Version;

use super::rows::shown;
use super::{Change, Effect, reach};
use crate::check::facts::witness::Row;
use crate::diagnostics::{Code, Diagnostic};
use crate::hir::{Above, Act, Checked, Column, Contract, Privacy, Promotion, Rule, Sla, Type};
use crate::source::Span;

fn change(contract: &Contract, effect: Effect, message: String, span: Span, label: impl Into<String>) -> Change {
    let (code, help) = match effect {
        Effect::Compatible => (Code::DQ0804, "nobody has to do anything"),
        Effect::Undecided => {
            (Code::DQ0803, "look at both by hand, and raise the first number of the version if somebody is broken")
        }
        Effect::BreaksConsumers => {
            (Code::DQ0802, "tell those who read the dataset, and raise the first number of the version")
        }
        Effect::BreaksProducers => {
            (Code::DQ0801, "tell those who deliver the data, and raise the first number of the version")
        }
    };
    let finding = Diagnostic::new(code, message, span, label).with_help(help);
    Change { dataset: contract.dataset.clone(), effect, example: None, finding }
}

/// Where a rule is read in its contract.
fn place(rule: &Rule) -> Span {
    let (outer, inner) = (rule.span, rule.condition_span);
    let inside =
        outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end && inner.start < inner.end;
    if inside { inner } else { outer }
}

/// The line that is nearest to where something stood that is gone, and a label that says so.
fn gone<'c, T>(
    contract: &Contract,
    before: &'c [T],
    name: impl Fn(&'c T) -> &'c str,
    was: &str,
    still_there: impl Fn(&str) -> Option<Span>,
    label: &str,
) -> (Span, String) {
    let at = before.iter().position(|b| name(b) == was).unwrap_or(before.len());
    let (above, below) = before.split_at(at);
    let stands = |b: &'c T| Some((name(b), still_there(name(b))?));
    if let Some((other, span)) = above.iter().rev().find_map(stands) {
        return (span, format!("behind `{other}` stood `{was}`: {label}"));
    }
    match below.iter().skip(1).find_map(stands) {
        Some((other, span)) => (span, format!("before `{other}` stood `{was}`: {label}")),
        None => (contract.head, label.to_owned()),
    }
}

/// Where a rule stood that is gone: at its column, if it was a claim of one.
fn rule_stood(before: &Contract, contract: &Contract, was: &Rule, label: &str) -> (Span, String) {
    if let Some(column) = was.name.split_once('.').and_then(|(column, _)| contract.column(column)) {
        return (column.span, label.to_owned());
    }
    let written = |name: &str| {
        let claim = name.split_once('.').is_some_and(|(column, _)| contract.column(column).is_some());
        contract.rules.iter().find(|r| r.name == name && !claim).map(|r| r.span)
    };
    gone(contract, &before.rules, |r| r.name.as_str(), &was.name, written, label)
}

/// Who in the project is broken by a change: by name, with the owner.
pub fn whom_it_reaches(change: &Change, revisions: [&Checked; 2]) -> Option<String> {
    let named = |found: reach::Reached<'_>| {
        let one = |(dataset, owner): (&str, Option<&str>)| match owner {
            Some(owner) => format!("`{dataset}` (owner \"{owner}\")"),
            None => format!("`{dataset}`"),
        };
        let names: Vec<String> = found.into_iter().map(one).collect();
        match names.split_last() {
            Some((last, [])) => Some(last.clone()),
            Some((last, front)) => Some(format!("{} and {last}", front.join(", "))),
            None => None,
        }
    };
    match change.effect {
        Effect::BreaksConsumers => Some(match named(reach::readers(revisions, &change.dataset)) {
            Some(names) => format!("in this project it is read by {names}"),
            None => "nothing else in this project reads it".to_owned(),
        }),
        Effect::BreaksProducers => Some(match named(reach::sources(revisions, &change.dataset)) {
            Some(names) => format!("in this project it is filled from {names}"),
            None => "no promotion of this project fills it".to_owned(),
        }),
        Effect::Compatible | Effect::Undecided => None,
    }
}

// --- columns

pub fn column_added(contract: &Contract, column: &Column) -> Change {
    let message = format!("`{}` has a new column `{}`", contract.dataset, column.name);
    change(contract, Effect::Compatible, message, column.span, "it may be null, so that nobody has to deliver it")
}

pub fn required_column_added(contract: &Contract, column: &Column) -> Change {
    let message = format!("`{}` asks for a new column `{}`", contract.dataset, column.name);
    change(
        contract,
        Effect::BreaksProducers,
        message,
        column.span,
        "a batch without it was accepted before, and is blocked now",
    )
}

fn column_stood(before: &Contract, contract: &Contract, column: &str, label: &str) -> (Span, String) {
    let there = |name: &str| contract.column(name).map(|c| c.span);
    gone(contract, &before.columns, |c| c.name.as_str(), column, there, label)
}

pub fn column_gone(before: &Contract, contract: &Contract, column: &str) -> Change {
    let message = format!("`{}` has no column `{column}` any more", contract.dataset);
    let (span, label) = column_stood(before, contract, column, "what reads the column finds it no more");
    let mut change = change(contract, Effect::BreaksConsumers, message, span, label);
    change.finding.notes.push(format!("if it has a new name, write `was {column}` at the new column"));
    change
}

pub fn column_now_forbidden(before: &Contract, contract: &Contract, column: &str) -> Change {
    let message = format!("`{}` no longer takes batches that hold `{column}`", contract.dataset);
    let label = "`other columns forbidden` blocks a batch that still has the column";
    let (span, label) = column_stood(before, contract, column, label);
    change(contract, Effect::BreaksProducers, message, span, label)
}

pub fn column_renamed(contract: &Contract, column: &Column, was: &str) -> [Change; 2] {
    let message = format!("column `{was}` of `{}` is called `{}` now", contract.dataset, column.name);
    [
        change(
            contract,
            Effect::BreaksProducers,
            message.clone(),
            column.span,
            "a batch with the old name lacks this column",
        ),
        change(contract, Effect::BreaksConsumers, message, column.span, "what reads the old name finds it no more"),
    ]
}

pub fn type_refuses(contract: &Contract, column: &Column, was: &Type) -> Change {
    let message = format!("`{}` of `{}` was {was} and is {} now", column.name, contract.dataset, column.ty);
    let label = format!("not every {was} is a {}: what was accepted before can be refused", column.ty);
    change(contract, Effect::BreaksProducers, message, column.span, label)
}

pub fn type_surprises(contract: &Contract, column: &Column, was: &Type) -> Change {
    let message = format!("`{}` of `{}` was {was} and is {} now", column.name, contract.dataset, column.ty);
    let label = format!("who reads it as {was} meets values that {was} cannot hold");
    change(contract, Effect::BreaksConsumers, message, column.span, label)
}

fn private(privacy: Privacy) -> &'static str {
    match privacy {
        Privacy::Public => "neither personal nor secret",
        Privacy::Personal => "personal",
        Privacy::Secret => "secret",
    }
}

pub fn more_private(contract: &Contract, column: &Column, was: Privacy, now: Privacy) -> Change {
    let (name, dataset) = (&column.name, &contract.dataset);
    let message = format!("`{name}` of `{dataset}` was {} and is {} now", private(was), private(now));
    let label = "reports and messages show less of its values; the data stays as it was";
    change(contract, Effect::Compatible, message, column.span, label)
}

pub fn less_private(contract: &Contract, column: &Column, was: Privacy, now: Privacy) -> Change {
    let (name, dataset) = (&column.name, &contract.dataset);
    let message = format!("`{name}` of `{dataset}` was {} and is {} now", private(was), private(now));
    let label = "whoever sees a report or a message sees its values from now on";
    change(contract, Effect::Undecided, message, column.span, label)
}

pub fn others_forbidden(contract: &Contract) -> Change {
    let message = format!("`{}` forbids other columns now", contract.dataset);
    change(
        contract,
        Effect::BreaksProducers,
        message,
        contract.head,
        "a batch with more columns was accepted before, and is blocked now",
    )
}

pub fn others_not_kept(contract: &Contract) -> Change {
    let message = format!("`{}` keeps other columns no more", contract.dataset);
    change(
        contract,
        Effect::BreaksConsumers,
        message,
        contract.head,
        "what reads a column that is not declared finds it no more",
    )
}

// --- rows

fn with_example(mut change: Change, row: Row) -> Change {
    change.example = Some(row);
    change
}

pub fn rows_refused(contract: &Contract, rule: &Rule, row: Row) -> Change {
    let message = format!("`{}` of `{}` refuses rows that were accepted before", rule.name, contract.dataset);
    let label = format!("a row with {} is refused from now on", shown(&row));
    with_example(change(contract, Effect::BreaksProducers, message, place(rule), label), row)
}

pub fn rows_let_through(before: &Contract, contract: &Contract, was: &Rule, now: Option<&Rule>, row: Row) -> Change {
    let label = format!("a row with {} gets through from now on", shown(&row));
    let (message, (span, label)) = match now {
        Some(now) => (
            format!("`{}` of `{}` lets rows through that were refused before", was.name, contract.dataset),
            (place(now), label),
        ),
        None => (
            format!("`{}` lets rows through that its rule `{}` refused before", contract.dataset, was.name),
            rule_stood(before, contract, was, &label),
        ),
    };
    with_example(change(contract, Effect::BreaksConsumers, message, span, label), row)
}

pub fn rows_perhaps_refused(contract: &Contract, rule: &Rule) -> Change {
    let message = format!(
        "whether `{}` of `{}` refuses rows that were accepted before cannot be told",
        rule.name, contract.dataset
    );
    change(contract, Effect::Undecided, message, place(rule), "no such row was found, nor a proof that there is none")
}

pub fn rows_perhaps_let_through(before: &Contract, contract: &Contract, was: &Rule, now: Option<&Rule>) -> Change {
    let message =
        format!("whether `{}` lets rows through that `{}` refused before cannot be told", contract.dataset, was.name);
    let label = "no such row was found, nor a proof that there is none";
    let (span, label) = match now {
        Some(now) => (place(now), label.to_owned()),
        None => rule_stood(before, contract, was, label),
    };
    change(contract, Effect::Undecided, message, span, label)
}

// --- thresholds

fn word(act: Act) -> &'static str {
    match act {
        Act::Warn => "warn",
        Act::Quarantine => "quarantine",
        Act::Block => "block",
    }
}

fn actions(rule: &Rule) -> String {
    let one = |a: &crate::hir::Action| {
        let act = word(a.act);
        match a.above {
            None => act.to_owned(),
            Some(Above::Rows(n)) => format!("{act} above {n} rows"),
            Some(Above::Groups(n)) => format!("{act} above {n} groups"),
            Some(Above::Percent { percent, of_all_rows }) => {
                format!("{act} above {percent}%{}", if of_all_rows { " of all rows" } else { "" })
            }
        }
    };
    rule.actions.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn acted(contract: &Contract, rule: &Rule, was: &Rule, effect: Effect, label: &str) -> Change {
    let message = format!(
        "`{}` of `{}` had `else {}` and has `else {}` now",
        rule.name,
        contract.dataset,
        actions(was),
        actions(rule)
    );
    change(contract, effect, message, rule.span, label)
}

pub fn acts_sooner(contract: &Contract, rule: &Rule, was: &Rule) -> Change {
    acted(
        contract,
        rule,
        was,
        Effect::BreaksProducers,
        "a batch whose violations were borne before is refused now, or loses rows",
    )
}

pub fn acts_later(contract: &Contract, rule: &Rule, was: &Rule) -> Change {
    acted(contract, rule, was, Effect::BreaksConsumers, "violations that were held back before are published now")
}

pub fn acts_otherwise(contract: &Contract, rule: &Rule, was: &Rule) -> Change {
    acted(contract, rule, was, Effect::Undecided, "the two thresholds count differently")
}

// --- rules about batches

fn value(example: Option<String>) -> String {
    example.map_or_else(String::new, |v| format!(", such as one whose value is {v},"))
}

pub fn rule_added(contract: &Contract, rule: &Rule, example: Option<String>) -> Change {
    let message = format!("`{}` is a new rule of `{}`", rule.name, contract.dataset);
    let label = format!("a batch that breaks it{} was accepted before, and is refused now", value(example));
    change(contract, Effect::BreaksProducers, message, place(rule), label)
}

pub fn rule_gone(before: &Contract, contract: &Contract, was: &Rule) -> Change {
    let message = format!("`{}` has no rule `{}` any more", contract.dataset, was.name);
    let (span, label) = rule_stood(before, contract, was, "what it refused before gets through now");
    change(contract, Effect::BreaksConsumers, message, span, label)
}

pub fn rule_stricter(contract: &Contract, rule: &Rule, example: Option<String>) -> Change {
    let message = format!("`{}` of `{}` is stricter than before", rule.name, contract.dataset);
    let label = format!("a batch{} can be refused that was accepted before", value(example));
    change(contract, Effect::BreaksProducers, message, place(rule), label)
}

pub fn rule_laxer(contract: &Contract, rule: &Rule, example: Option<String>) -> Change {
    let message = format!("`{}` of `{}` is laxer than before", rule.name, contract.dataset);
    let label = format!("a batch{} can get through that was refused before", value(example));
    change(contract, Effect::BreaksConsumers, message, place(rule), label)
}

pub fn perhaps_changed(contract: &Contract, rule: &Rule) -> Change {
    let message =
        format!("whether `{}` of `{}` is stricter or laxer than before cannot be told", rule.name, contract.dataset);
    change(contract, Effect::Undecided, message, place(rule), "it reads otherwise than before")
}

pub fn cap_lower(contract: &Contract, was: Option<f64>, cap: f64) -> Change {
    let before = was.map_or("all".to_owned(), |w| format!("{w}%"));
    let message = format!("`{}` held back {before} of a batch at most and holds back {cap}% now", contract.dataset);
    change(
        contract,
        Effect::BreaksProducers,
        message,
        contract.head,
        "a batch with more bad rows than that is blocked as a whole",
    )
}

pub fn cap_higher(contract: &Contract, was: f64, cap: Option<f64>) -> Change {
    let after = cap.map_or("any share".to_owned(), |c| format!("{c}%"));
    let message = format!("`{}` held back {was}% of a batch at most and holds back {after} now", contract.dataset);
    change(
        contract,
        Effect::BreaksConsumers,
        message,
        contract.head,
        "a batch that was blocked before is published without its bad rows",
    )
}

pub fn if_not_evaluated(contract: &Contract, rule: &Rule, was: Option<Act>, blocks: bool) -> Change {
    let written = |act: Option<Act>| match act {
        Some(act) => format!("`if not evaluated {}`", word(act)),
        None => "no `if not evaluated`".to_owned(),
    };
    let message = format!(
        "`{}` of `{}` had {} and has {} now",
        rule.name,
        contract.dataset,
        written(was),
        written(rule.if_not_evaluated)
    );
    let (effect, label) = match blocks {
        true => (Effect::BreaksProducers, "such a batch was let through before, and is refused now"),
        false => (Effect::BreaksConsumers, "such a batch was refused before, and is published now"),
    };
    change(contract, effect, message, rule.span, label)
}

// --- promotions, and where a dataset lives

pub fn lives_elsewhere(contract: &Contract, was: &str, now: &str, read_only: bool) -> Change {
    let message = format!("`{}` lived {was} and lives {now} now", contract.dataset);
    let (effect, label) = match read_only {
        true => (Effect::BreaksProducers, "what is still delivered as before is not found"),
        false => (Effect::BreaksConsumers, "what reads it where it was finds nothing new there"),
    };
    change(contract, effect, message, contract.head, label)
}

pub fn promotion_gone(contract: &Contract, was: &Promotion) -> Change {
    let message = format!("nothing fills `{}` any more", contract.dataset);
    let label = format!("it was promoted from `{}`, and that promotion is gone", was.from);
    change(contract, Effect::BreaksConsumers, message, contract.head, label)
}

pub fn source_changed(contract: &Contract, now: &Promotion, was: &Promotion) -> Change {
    let message = format!("`{}` was filled from `{}` and is filled from `{}` now", contract.dataset, was.from, now.from);
    change(contract, Effect::Undecided, message, now.head, "whether the rows are the same cannot be told")
}

pub fn write_changed(contract: &Contract, now: &Promotion, was: &str, effect: Effect) -> Change {
    let message = match now.write.name() {
        name if name == was => format!("`{}` is merged by another value than before", contract.dataset),
        name => format!("`{}` was filled by `write {was}` and is filled by `write {name}` now", contract.dataset),
    };
    let label = match effect {
        Effect::BreaksProducers => "a batch that changes afterwards took the place of its rows before, and is blocked now",
        Effect::BreaksConsumers => "rows that stayed once they were published can change or go now",
        Effect::Compatible | Effect::Undecided => "which rows a batch replaces is decided otherwise",
    };
    change(contract, effect, message, now.head, label)
}

pub fn batches_changed(contract: &Contract, now: &Promotion, was: &str, by: &str) -> Change {
    let message = format!("batches of `{}` were {was} and are {by} now", contract.dataset);
    change(
        contract,
        Effect::BreaksProducers,
        message,
        now.head,
        "what is delivered as before is cut otherwise, or not found",
    )
}

pub fn mapping_changed(contract: &Contract, column: &str, span: Span) -> Change {
    let message = format!("`{column}` of `{}` is computed otherwise than before", contract.dataset);
    change(contract, Effect::Undecided, message, span, "whether its values mean the same cannot be told")
}

// --- promises

pub fn promise_added(contract: &Contract, sla: &Sla) -> Change {
    let message = format!("`{}` is a new promise of `{}`", sla.name, contract.dataset);
    change(contract, Effect::BreaksProducers, message, sla.span, "whoever delivers has to keep it from now on")
}

pub fn promise_gone(before: &Contract, contract: &Contract, was: &Sla) -> Change {
    let message = format!("`{}` does not promise `{}` any more", contract.dataset, was.name);
    let there = |name: &str| contract.sla.iter().find(|s| s.name == name).map(|s| s.span);
    let label = "who relies on it has nothing to rely on";
    let (span, label) = gone(contract, &before.sla, |s| s.name.as_str(), &was.name, there, label);
    change(contract, Effect::BreaksConsumers, message, span, label)
}

pub fn deadline_earlier(contract: &Contract, sla: &Sla, day: NaiveDate, was: Option<String>, now: &str) -> Change {
    let message = format!("`{}` of `{}` is due earlier than before", sla.name, contract.dataset);
    let label = match was {
        Some(was) => format!("the batch of {day} was due at {was} and is due at {now} now"),
        None => format!("the batch of {day} had no deadline and is due at {now} now"),
    };
    change(contract, Effect::BreaksProducers, message, sla.span, label)
}

pub fn deadline_later(contract: &Contract, sla: &Sla, day: NaiveDate, was: &str, now: Option<String>) -> Change {
    let message = format!("`{}` of `{}` is due later than before", sla.name, contract.dataset);
    let label = match now {
        Some(now) => format!("the batch of {day} was due at {was} and is due at {now} now"),
        None => format!("the batch of {day} was due at {was} and has no deadline now"),
    };
    change(contract, Effect::BreaksConsumers, message, sla.span, label)
}

pub fn promise_stricter(contract: &Contract, sla: &Sla) -> Change {
    let message = format!("`{}` of `{}` promises more than before", sla.name, contract.dataset);
    change(contract, Effect::BreaksProducers, message, sla.span, "data that kept the promise before can miss it now")
}

pub fn promise_laxer(contract: &Contract, sla: &Sla) -> Change {
    let message = format!("`{}` of `{}` promises less than before", sla.name, contract.dataset);
    change(contract, Effect::BreaksConsumers, message, sla.span, "data that missed the promise before can keep it now")
}

pub fn promise_perhaps_changed(contract: &Contract, sla: &Sla) -> Change {
    let message =
        format!("whether `{}` of `{}` promises more or less than before cannot be told", sla.name, contract.dataset);
    change(contract, Effect::Undecided, message, sla.span, "it reads otherwise than before")
}

pub fn budget_smaller(contract: &Contract, sla: &Sla, was: u64, now: u64) -> Change {
    let message = format!("`{}` of `{}` allowed {was} misses and allows {now} now", sla.name, contract.dataset);
    change(
        contract,
        Effect::BreaksProducers,
        message,
        sla.span,
        "what was within the budget before can be beyond it now",
    )
}

pub fn budget_larger(contract: &Contract, sla: &Sla, was: u64, now: u64) -> Change {
    let message = format!("`{}` of `{}` allowed {was} misses and allows {now} now", sla.name, contract.dataset);
    change(contract, Effect::BreaksConsumers, message, sla.span, "readers may have to bear more of them")
}

// --- contracts and versions

pub fn contract_gone(was: &Contract, at: Span) -> Change {
    let message = format!("the contract of `{}` is gone", was.dataset);
    let mut change = change(was, Effect::BreaksConsumers, message, at, "no file of the project holds it any more");
    change.finding.help =
        Some("tell those who deliver and those who read the dataset; nothing judges it from now on".to_owned());
    change
}

pub fn not_compared(contract: &Contract, file: &str, line: usize, fault: &str) -> Diagnostic {
    let message = format!("`{}` cannot be compared with its earlier revision", contract.dataset);
    Diagnostic::new(Code::DQ0803, message, contract.head, "what stood here then does not compile")
        .with_note(format!("there, {file}:{line}: {fault}"))
        .with_help("name a revision that compiles, or look at both by hand")
}

/// The version at the end of `contract silver.orders @ 2.1.0`.
fn version_span(contract: &Contract) -> Span {
    let start = contract.head.end.saturating_sub(u32::try_from(contract.version.len()).unwrap_or(0));
    Span { start: start.max(contract.head.start), ..contract.head }
}

pub fn version_too_small(contract: &Contract, was: &Version, least: &Version, why: Effect) -> Diagnostic {
    let message = format!("`{}` needs version {least}, not {}", contract.dataset, contract.version);
    let label = match why {
        Effect::BreaksProducers => format!("a batch that {was} accepted can be refused now"),
        Effect::BreaksConsumers => format!("who reads {was} can meet what it never held"),
        Effect::Compatible | Effect::Undecided => format!("there is more than in {was}"),
    };
    let span = version_span(contract);
    Diagnostic::new(Code::DQ0805, message, span, label)
        .with_help("the findings beside this one say what has changed; take it back, or raise the version")
        .with_replacement(format!("write {least}"), span, least.to_string())
}

pub fn version_backwards(contract: &Contract, was: &Version) -> Diagnostic {
    let message = format!("the version of `{}` goes back from {was} to {}", contract.dataset, contract.version);
    let span = version_span(contract);
    Diagnostic::new(Code::DQ0805, message, span, "a version stands for one state of a contract for ever")
        .with_help("keep the version, or raise it")
        .with_replacement(format!("write {was}"), span, was.to_string())
}
