//! All that the findings of this stage say.

use crate::check::facts::number::Number;
use crate::diagnostics::suggest;
use crate::diagnostics::{Code, Diagnostic, Edit};
use crate::hir::{
    Above, Act, Action, AggregateFn, Column, Contract, Expr, ExprKind, Privacy, Promotion, Rule, RuleKind, Sla, Value,
};
use crate::source::Span;

/// `rule `x`` or, for what a column claims, `` `amount.required` ``.
fn named(rule: &Rule) -> String {
    match rule.name.split_once('.') {
        Some((column, "required")) => format!("`{column}` is never null"),
        Some(_) => format!("`{}`", rule.name),
        None => format!("rule `{}`", rule.name),
    }
}

fn names(rules: &[&Rule]) -> String {
    suggest::list(rules.iter().map(|r| r.name.as_str()))
}

/// Where a rule is read: its condition, unless that stands in a rule set elsewhere.
fn place(rule: &Rule) -> Span {
    let (outer, inner) = (rule.span, rule.condition_span);
    let inside =
        outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end && inner.start < inner.end;
    if inside { inner } else { outer }
}

fn because_of(mut finding: Diagnostic, rules: &[&Rule], text: impl Fn(&Rule) -> String) -> Diagnostic {
    for rule in rules {
        finding = finding.with_secondary(place(rule), text(rule));
    }
    finding
}

fn asks(rule: &Rule) -> String {
    match rule.name.split_once('.') {
        Some((column, "required")) => format!("`{column}` may not be null"),
        Some(_) => format!("`{}` says this", rule.name),
        None => format!("rule `{}` says this", rule.name),
    }
}

pub fn never_holds(rule: &Rule, conditional: bool, others: &[&Rule]) -> Diagnostic {
    let (message, label) = match (others, conditional) {
        ([], false) => {
            (format!("nothing can satisfy {}", named(rule)), "this is never true, whatever the data holds".to_owned())
        }
        ([], true) => (
            format!("no row that meets its `when` can satisfy {}", named(rule)),
            "this is never true where `when` is met".to_owned(),
        ),
        _ => {
            let message = format!("no row can satisfy {} and {}", named(rule), names(others));
            (message, "this is never true for the values that the column may have".to_owned())
        }
    };
    let help = if others.is_empty() {
        "look at its limits: they leave no value between them; to forbid rows on purpose, write `false when …`"
    } else {
        "change the limits here, or what the column says of its values"
    };
    let finding = Diagnostic::new(Code::DQ0501, message, place(rule), label);
    let finding = match percent_meant(rule).filter(|_| others.is_empty()) {
        Some((literal, number)) => finding
            .with_help(format!("`share` lies between 0 and 1, and a percentage has its sign: `{number}%`"))
            .with_replacement(format!("write `{number}%`"), literal, format!("{number}%")),
        None => finding.with_help(help),
    };
    because_of(finding, others, asks)
}

/// `share(x) >= 95`: the number that lacks its `%`.
fn percent_meant(rule: &Rule) -> Option<(Span, i64)> {
    let RuleKind::Aggregate { condition, .. } = &rule.kind else { return None };
    let ExprKind::Binary { op, left, right } = &condition.kind else { return None };
    let number = |e: &Expr| {
        let mut found = None;
        e.any(&mut |e| {
            if let ExprKind::Literal(value) = &e.kind {
                found = Number::of(value).filter(|n| n.is_whole()).map(|n| (e.span, n.floor()));
            }
            found.is_some()
        });
        found
    };
    let is_share = |e: &Expr| {
        e.any(&mut |e| matches!(&e.kind, ExprKind::Aggregate(a) if a.function == AggregateFn::Share))
    };
    let side = if is_share(left) { right } else { left };
    let (span, n) = number(side).filter(|_| op.is_comparison() && is_share(left) != is_share(right))?;
    (2..=100).contains(&n).then(|| Some((span, i64::try_from(n).ok()?))).flatten()
}

pub fn contradict(rule: &Rule, others: &[&Rule], claims: &[&Rule]) -> Diagnostic {
    let message = match others {
        [other] => format!("no row can satisfy both `{}` and `{}`", rule.name, other.name),
        _ => {
            let all = suggest::list(std::iter::once(rule).chain(others.iter().copied()).map(|r| r.name.as_str()));
            format!("no row can satisfy {all} together")
        }
    };
    let label = match &rule.when {
        None => "every row breaks this rule or the other",
        Some(_) => "every row that meets this rule's `when` breaks it or the other",
    };
    let finding = Diagnostic::new(Code::DQ0502, message, place(rule), label)
        .with_help("keep the one that is right, or say with `when` which rows each of them is for");
    because_of(because_of(finding, others, asks), claims, asks)
}

pub fn implied(rule: &Rule, others: &[&Rule]) -> Diagnostic {
    let message = format!("`{}` says nothing that {} not say already", rule.name, does(others));
    let finding = Diagnostic::new(Code::DQ0503, message, place(rule), "what gets past the other cannot break this")
        .with_help("remove it, or make it stricter than what is said already");
    because_of(finding, others, asks)
}

fn does(others: &[&Rule]) -> String {
    format!("{} {}", names(others), if others.len() == 1 { "does" } else { "do" })
}

pub fn written_twice(rule: &Rule, other: &Rule) -> Diagnostic {
    let message = format!("`{}` is the same rule as `{}`", rule.name, other.name);
    Diagnostic::new(Code::DQ0504, message, place(rule), "the same condition again")
        .with_secondary(place(other), "first written here")
        .with_help("keep one of the two")
}

pub fn always_holds(rule: &Rule) -> Diagnostic {
    let message = format!("nothing can break {}", named(rule));
    Diagnostic::new(Code::DQ0505, message, place(rule), "this is true of every value that the types allow")
        .with_help("remove it, or correct its limits")
}

pub fn when_never_met(rule: &Rule, when: &Expr, others: &[&Rule]) -> Diagnostic {
    let message = format!("no row meets the `when` of `{}`, so it is never judged", rule.name);
    let label = if others.is_empty() { "this is never true" } else { "this is never true beside what is said already" };
    let finding =
        Diagnostic::new(Code::DQ0506, message, when.span, label).with_help("correct the `when`, or remove the rule");
    because_of(finding, others, asks)
}

pub fn too_many_to_compare(contract: &Contract, rules: usize) -> Diagnostic {
    let message = format!("the rules of `{}` are too many to hold each against all others", contract.dataset);
    let label = format!("{rules} rules, many of them over the same columns");
    Diagnostic::new(Code::DQ0520, message, contract.head, label)
        .with_help("one `in`, `not in` or `between` says what many rules say; of those here, more may contradict or repeat others than is told")
}

pub fn when_always_met(rule: &Rule, when: &Expr, others: &[&Rule]) -> Diagnostic {
    let message = format!("every row meets the `when` of `{}`", rule.name);
    let finding = Diagnostic::new(Code::DQ0507, message, when.span, "this is true of every row")
        .with_help("leave the `when` out: the rule judges every row with or without it");
    let finding = because_of(finding, others, asks);
    // Between the condition and its `when` nothing fits but the word itself.
    let (from, to) = (rule.condition_span, when.span);
    if from.file == to.file && from.end <= to.start && to.start - from.end <= 7 {
        let edit = Edit { span: Span { file: from.file, start: from.end, end: to.end }, text: String::new() };
        return finding.with_fix("remove the `when`", vec![edit]);
    }
    finding
}

// --- thresholds

fn act(act: Act) -> &'static str {
    match act {
        Act::Warn => "warn",
        Act::Quarantine => "quarantine",
        Act::Block => "block",
    }
}

fn written(action: &Action) -> String {
    let above = match action.above {
        None => String::new(),
        Some(Above::Rows(n)) => format!(" above {n} rows"),
        Some(Above::Groups(n)) => format!(" above {n} groups"),
        Some(Above::Percent { percent, of_all_rows: false }) => format!(" above {percent}%"),
        Some(Above::Percent { percent, of_all_rows: true }) => format!(" above {percent}% of all rows"),
    };
    format!("{}{above}", act(action.act))
}

pub fn never_above(rule: &Rule, action: &Action) -> Diagnostic {
    let message = format!("`{}` of `{}` can never act: there are never more than 100%", written(action), rule.name);
    Diagnostic::new(Code::DQ0508, message, rule.span, "`above` means strictly more, and all rows are 100%")
        .with_help(format!("lower the threshold, or write `{}` alone to act on any violation", act(action.act)))
}

pub fn overtaken(rule: &Rule, action: &Action, later: &Action) -> Diagnostic {
    let message = format!("`{}` of `{}` can never act", written(action), rule.name);
    let label = format!("whenever it applies, `{}` applies too, and the last that applies wins", written(later));
    Diagnostic::new(Code::DQ0508, message, rule.span, label)
        .with_help("write the most lenient first, each with a higher threshold than the one before")
}

fn cap(contract: &Contract, percent: f64, message: &str, label: String) -> Diagnostic {
    let message = format!("`quarantine at most {percent}%` of `{}` can never act: {message}", contract.dataset);
    Diagnostic::new(Code::DQ0508, message, contract.head, label)
}

pub fn cap_of_everything(contract: &Contract, percent: f64) -> Diagnostic {
    cap(contract, percent, "never more than 100% are held back", "the contract's limit is all of its rows".to_owned())
        .with_help("lower the limit, or leave it out")
}

pub fn cap_without_quarantine(contract: &Contract, percent: f64) -> Diagnostic {
    cap(contract, percent, "no rule holds rows back", "no rule of this contract has `else quarantine`".to_owned())
        .with_help("write `else quarantine` at the rules that shall hold rows back, or leave the limit out")
}

pub fn cap_out_of_reach(contract: &Contract, percent: f64, most: f64, rules: &[&&Rule]) -> Diagnostic {
    let rules: Vec<&Rule> = rules.iter().map(|r| **r).collect();
    let label = format!("together its rules hold back at most {most}% before they block");
    let finding = cap(contract, percent, "the rules block the batch before", label)
        .with_help(format!("write a limit below {most}%, or leave it out"));
    because_of(finding, &rules, |rule| match rule.actions.iter().find(|a| a.act == Act::Block) {
        Some(action) => format!("`{}`", written(action)),
        None => asks(rule),
    })
}

// --- constants

/// As the language writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"")),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Decimal { unscaled, scale } => {
            let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(*scale) + 1);
            let (whole, rest) = digits.split_at(digits.len() - usize::from(*scale));
            let sign = if *unscaled < 0 { "-" } else { "" };
            if rest.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
        }
        Value::Double(v) => v.to_string(),
        other => format!("{other:?}"),
    }
}

pub fn not_among(rule: &Rule, included: bool, column: &Column, values: &[Value], constant: &Expr) -> Diagnostic {
    let crate::hir::ExprKind::Literal(value) = &constant.kind else {
        return Diagnostic::new(Code::DQ0509, "a value outside the column's list", rule.span, "");
    };
    let written = literal(value);
    let message = format!("`{}` is never `{written}`", column.name);
    let owner = column.type_name.as_deref().unwrap_or(&column.name);
    let label = format!("not one of the values of `{owner}`");
    let list: Vec<String> = values.iter().take(12).map(literal).collect();
    let more = if values.len() > 12 { format!(" and {} more", values.len() - 12) } else { String::new() };
    let span = if included { rule.span } else { constant.span };
    let finding =
        Diagnostic::new(Code::DQ0509, message, span, label).with_secondary(column.span, "the column is declared here");
    let texts = || values.iter().filter_map(|v| if let Value::String(t) = v { Some(t.as_str()) } else { None });
    let near = if let Value::String(text) = value { suggest::nearest(text, texts()) } else { None };
    match near {
        Some(near) => {
            let near = literal(&Value::String(near.to_owned()));
            let finding = finding.with_help(format!("the nearest is `{near}`; it is one of {}{more}", list.join(", ")));
            if included { finding } else { finding.with_replacement(format!("write {near}"), constant.span, near) }
        }
        None => finding.with_help(format!("it is one of {}{more}", list.join(", "))),
    }
}

pub fn matches_nothing(rule: &Rule, part: &Expr, included: bool) -> Diagnostic {
    let message = format!("no text matches the pattern in `{}`", rule.name);
    let span = if included { rule.span } else { part.span };
    Diagnostic::new(Code::DQ0510, message, span, "what this asks for cannot stand together in one text").with_help(
        "`matches` compares the whole text; `^` and `$` inside the pattern, or an empty `[…]`, leave nothing",
    )
}

// --- promotions

pub fn cannot_fill(promotion: &Promotion, rule: &Rule, source: &[&Rule]) -> Diagnostic {
    let message = format!("no row of `{}` can satisfy {} of `{}`", promotion.from, named(rule), promotion.to);
    let label = if source.is_empty() {
        "what is mapped here always breaks it".to_owned()
    } else {
        format!("by its contract, `{}` delivers only rows that break it", promotion.from)
    };
    let finding = Diagnostic::new(Code::DQ0511, message, promotion.head, label)
        .with_secondary(place(rule), "the target asks for this")
        .with_help("map the column so that the target's rule can hold, or correct one of the two contracts");
    because_of(finding, source, |r| format!("the source says `{}`", r.name))
}

pub fn already_guaranteed(promotion: &Promotion, rule: &Rule, source: &str, rules: &[&Rule]) -> Diagnostic {
    let message = format!("rows from `{source}` cannot break `{}` of `{}`", rule.name, promotion.to);
    let label = format!("the contract of `{source}` sees to it already");
    let finding = Diagnostic::new(Code::DQ0512, message, place(rule), label)
        .with_help("keep it where this dataset has another source or is audited by itself; else it can go");
    because_of(finding, rules, |r| format!("`{}` of `{source}` says this", r.name))
}

pub fn against_the_layers(promotion: &Promotion, layers: &[String]) -> Diagnostic {
    let message = format!("`{}` is promoted back to an earlier layer", promotion.from);
    let label = format!("the layers are {} in this order", suggest::list(layers.iter().map(String::as_str)));
    Diagnostic::new(Code::DQ0513, message, promotion.head, label)
        .with_help("exchange the two datasets, or correct the order of `[layers]` in `dqc.toml`")
}

pub fn refers_to_a_later_layer(rule: &Rule, dataset: &str, other: &str) -> Diagnostic {
    let message = format!("`{dataset}` refers to `{other}`, which stands in a later layer");
    Diagnostic::new(Code::DQ0513, message, place(rule), "what is here is judged before that can be there")
        .with_help("refer to a dataset of the same layer or an earlier one")
}

pub fn skips_layers(promotion: &Promotion, skipped: &[String]) -> Diagnostic {
    let skipped = suggest::list(skipped.iter().map(String::as_str));
    let message = format!("the promotion from `{}` to `{}` leaves out {skipped}", promotion.from, promotion.to);
    Diagnostic::new(Code::DQ0514, message, promotion.head, format!("between the two layers stands {skipped}"))
        .with_help("promote through the layer between, if its rules are meant for this data too")
}

// --- deadlines

pub fn due_before_upstream(
    own: &Sla,
    upstream: &Sla,
    source: &str,
    day: &str,
    (ours, theirs): (&str, &str),
    only: Option<usize>,
) -> Diagnostic {
    let message = format!("`{}` is due before its source `{source}` has to be there", own.name);
    let often = match only {
        None => "every day".to_owned(),
        Some(days) => format!("{days} days of three years, where the clocks of the two zones change"),
    };
    let label = format!("the batch of {day} is due here at {ours}, upstream only at {theirs}");
    Diagnostic::new(Code::DQ0515, message, own.span, label)
        .with_secondary(upstream.span, format!("`{source}` keeps its promise until here"))
        .with_note(format!("so on {often}; both times on the clock of this deadline's zone"))
        .with_help("set this deadline later, or the one upstream earlier")
}

pub fn budget_never_missed(sla: &Sla, at_most: u64, deadlines: u64) -> Diagnostic {
    let message = format!("the budget `{}` can never be used up", sla.name);
    let label = format!("{at_most} may be missed, and there are at most {deadlines} deadlines");
    Diagnostic::new(Code::DQ0516, message, sla.span, label).with_help("allow fewer misses than there are deadlines")
}

// --- messages

pub fn shown_masked(rule: &Rule, word: &str, column: &Column) -> Diagnostic {
    let message =
        format!("`{word}` of `{}` shows `{}`, which is personal: it comes out masked", rule.name, column.name);
    Diagnostic::new(Code::DQ0517, message, rule.span, format!("`{{{}}}` is shown as `***`", column.name))
        .with_secondary(column.span, "`personal` is said here")
        .with_help("show the key instead, so that whoever may see the row can find it")
}

pub fn secret_shown(rule: &Rule, word: &str, column: &Column) -> Diagnostic {
    let message = format!("`{word}` of `{}` would show `{}`, which is secret", rule.name, column.name);
    Diagnostic::new(Code::DQ0518, message, rule.span, format!("`{{{}}}` stands in this text", column.name))
        .with_secondary(column.span, "`secret` is said here")
        .with_help("take it out of the text: a secret is shown nowhere")
}

pub fn past_not_kept(rule: &Rule, of: &Expr, privacy: Privacy) -> Diagnostic {
    let (word, why) = match privacy {
        Privacy::Secret => ("secret", "of a secret nothing is kept"),
        Privacy::Personal | Privacy::Public => ("personal", "over few rows it tells a person's value, so nothing is kept of it"),
    };
    let message = format!("`{}` looks at a past that is not kept: what it compares is {word}", rule.name);
    Diagnostic::new(Code::DQ0519, message, of.span, why)
        .with_help("compare what tells no single value: `count(*)`, `share(…)`, `count(distinct …)`")
        .with_note("without a past the rule is never evaluated")
}
