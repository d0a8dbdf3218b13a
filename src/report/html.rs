//! Reports as one page that needs nothing from elsewhere: verdicts, the rules that did something in their own words,
//! their rows, what to do. What comes from data or authors is text in it, never markup.

mod bars;
mod inside;
mod over_time;
mod rule;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::judged::Judged;
use super::numbers::{bytes, counted, grouped};
use super::page::{CHARTS, PLOT, PLOT_STYLE, STYLE};
use super::past::Past;
use super::text::{Tone, is_quiet};
use crate::diagnostics::paint::visible;
use crate::run::{Effect, Evidence, RowCounts, RuleResult};
use crate::source::SourceMap;

/// The whole page. `name`: the project; `past`: what the ledger tells of earlier batches.
pub fn document(sources: &SourceMap, name: &str, judged: &[Judged], past: Option<&Past>) -> String {
    let blocked = judged.iter().filter(|batch| batch.is_blocked()).count();
    let all = counted(judged.len() as u64, "batch");
    let title = match (judged.len(), blocked) {
        (0, _) => "nothing was pending".to_owned(),
        (_, 0) => format!("{all} judged, none held up"),
        _ => format!("{blocked} of {all} held up"),
    };
    let mut order: Vec<(usize, &Judged)> = judged.iter().enumerate().collect();
    order.sort_by_key(|(_, batch)| !batch.is_blocked());
    let rows = bars::by_batch(judged);
    let charts = over_time::charts(past, judged);
    let inside: Vec<Option<Markup>> =
        judged.iter().map(|batch| inside::section(batch, judged.len() == 1 || batch.is_blocked())).collect();
    let drawn = !rows.is_empty() || !charts.is_empty() || inside.iter().any(Option::is_some);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(policy(drawn));
                title { (name) ": " (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
                @if drawn { style { (PreEscaped(PLOT_STYLE)) } }
            }
            body {
                header {
                    p.project { (name) }
                    h1.bad[blocked > 0].good[blocked == 0] { (title) }
                    (figures(judged))
                }
                main {
                    @if !rows.is_empty() { div.pair { @for chart in &rows { (chart) } } }
                    @for chart in &charts { (chart) }
                    @if judged.len() > 1 { (contents(judged)) }
                    @for (number, batch) in order { (section(sources, number, batch, inside.get(number).and_then(Option::as_ref))) }
                }
                @if drawn { @for script in [PLOT, CHARTS] { script { (PreEscaped(script)) } } }
                footer { p { "dqc " (judged.iter().find_map(|b| b.report.as_ref()).map_or(env!("CARGO_PKG_VERSION"), |r| &r.dqc)) } }
            }
        }
    };
    page.into_string() + "\n"
}

/// Nothing is loaded from anywhere, and no script runs but ours, told by their hashes.
fn policy(charts: bool) -> String {
    let hash = |script: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)));
    let scripts = if charts { format!("{} {}", hash(PLOT), hash(CHARTS)) } else { "'none'".to_owned() };
    format!("default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {scripts}; base-uri 'none'; form-action 'none'")
}

/// The sums that a reader looks for first.
fn figures(judged: &[Judged]) -> Markup {
    let mut sum = RowCounts::default();
    let (mut rules, mut acted) = (0, 0);
    for report in judged.iter().filter_map(|batch| batch.report.as_ref()) {
        sum.input += report.rows.input;
        sum.accepted += report.rows.accepted;
        sum.quarantined += report.rows.quarantined;
        rules += report.rules.len() as u64;
        acted += report.rules.iter().filter(|rule| rule.action != Effect::None).count() as u64;
    }
    let tiles = [
        (sum.input, "rows read"),
        (sum.accepted, "accepted"),
        (sum.quarantined, "held back"),
        (rules, "verdicts of rules"),
        (acted, "of them with an effect"),
    ];
    html! { dl.figures { @for (number, words) in tiles { div { dt { (words) } dd { (grouped(number)) } } } } }
}

fn contents(judged: &[Judged]) -> Markup {
    html! {
        section {
            h2 { "Batches" }
            div.wide tabindex="0" { table {
                thead { tr {
                    th scope="col" { "batch" } th scope="col" { "promotion" } th scope="col" { "verdict" }
                    th.n scope="col" { "rows" } th.n scope="col" { "held back" }
                } }
                tbody { @for (number, batch) in judged.iter().enumerate() { tr {
                    td { a href={ "#batch-" (number) } { (visible(&batch.title)) } }
                    td { (visible(&batch.of)) }
                    td class=(tone(batch.tone)) { (batch.tone.sign()) " " (batch.words) }
                    td.n { @if let Some(report) = &batch.report { (grouped(report.rows.input)) } }
                    td.n { @if let Some(report) = &batch.report { (grouped(report.rows.quarantined)) } }
                } } }
            } }
        }
    }
}

fn section(sources: &SourceMap, number: usize, batch: &Judged, inside: Option<&Markup>) -> Markup {
    let told: Vec<&RuleResult> = {
        let mut told: Vec<_> = batch.rules().iter().filter(|rule| rule.action != Effect::None).collect();
        told.sort_by_key(|rule| match rule.action {
            Effect::Block => 0,
            Effect::Quarantine => 1,
            Effect::Warn | Effect::None => 2,
        });
        told
    };
    let (quiet, listed): (Vec<_>, Vec<_>) = batch.rules().iter().partition(|rule| is_quiet(rule));
    let proven = quiet.iter().filter(|rule| rule.evidence == Evidence::Proven).count();
    html! {
        section id={ "batch-" (number) } {
            h2 {
                (visible(&batch.title)) " " small { (visible(&batch.of)) } " "
                span.verdict class=(tone(batch.tone)) { (batch.tone.sign()) " " (batch.words) }
            }
            @if let Some(why) = &batch.trouble { p.bad { (visible(why)) } }
            @if let Some(report) = &batch.report {
                p {
                    (counted(report.rows.input, "row")) " read: " (grouped(report.rows.accepted)) " accepted, "
                    (grouped(report.rows.quarantined)) " held back, as of " time datetime=(report.as_of) { (report.as_of) } ". "
                    @if report.bytes_read == 0 { "No data was read." } @else { (bytes(report.bytes_read)) " were read." }
                }
                p.dim {
                    (visible(&report.contract)) " @ " (report.version)
                    @if let Some(owner) = &report.owner { ", owned by " (visible(owner)) }
                }
            }
            @if !listed.is_empty() { (rule::table(&listed)) }
            @if !quiet.is_empty() {
                details {
                    summary {
                        (counted(quiet.len() as u64, "rule")) " passed"
                        @if proven > 0 { ", " (proven) " by the files' statistics alone" }
                    }
                    (rule::table(&quiet))
                }
            }
            @for rule in told { (rule::article(sources, rule)) }
            @if let Some(inside) = inside { (inside) }
            @if batch.is_blocked() {
                p { strong { "Next: " } "correct the data where it comes from, or the contract if it asks for too much; then" }
                pre tabindex="0" { code { (visible(&batch.again)) } }
            }
        }
    }
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Odd => "odd",
        Tone::Open => "open",
        Tone::Bad => "bad",
    }
}
