//! Rows by batch, as bars: one glance tells which batch is the odd one.

use maud::{Markup, html};

use crate::diagnostics::paint::visible;
use crate::report::judged::Judged;
use crate::report::numbers::{counted, grouped};
use crate::run::Report;

/// Units of the drawing; the page scales it.
const HEIGHT: f64 = 90.0;
const WIDTH: f64 = 24.0;
const GAP: f64 = 6.0;

/// A figure for each promotion with several batches: accepted rows, those held back and those of blocked batches.
pub fn by_batch(judged: &[Judged]) -> Markup {
    let mut promotions: Vec<&str> = Vec::new();
    for batch in judged.iter().filter(|batch| batch.report.is_some()) {
        if !promotions.contains(&batch.of.as_str()) {
            promotions.push(&batch.of);
        }
    }
    html! {
        @for promotion in promotions {
            @let batches: Vec<(&Judged, &Report)> = judged.iter().filter(|batch| batch.of == promotion)
                .filter_map(|batch| Some((batch, batch.report.as_ref()?))).collect();
            @if batches.len() > 1 { (figure(promotion, &batches)) }
        }
    }
}

fn figure(promotion: &str, batches: &[(&Judged, &Report)]) -> Markup {
    let most = batches.iter().map(|(_, report)| report.rows.input).max().unwrap_or(0).max(1);
    let width = batches.len() as f64 * (WIDTH + GAP) + GAP;
    let tall = |rows: u64| rows as f64 / most as f64 * HEIGHT;
    html! {
        figure {
            figcaption {
                (visible(promotion)) ": rows by batch, at most " (grouped(most)) " "
                span.key.accepted { "accepted" } " " span.key.held { "held back" } " " span.key.blocked { "held up" }
            }
            svg role="img" aria-label={ "Rows by batch of " (visible(promotion)) } viewBox=(format!("0 0 {width} {}", HEIGHT + 2.0))
                style=(format!("max-width: {}rem", width / 12.0)) {
                @for (i, (batch, report)) in batches.iter().enumerate() {
                    @let x = GAP + i as f64 * (WIDTH + GAP);
                    @let held = if report.rows.quarantined > 0 { tall(report.rows.quarantined).max(2.0) } else { 0.0 };
                    @let all = tall(report.rows.input).max(1.0);
                    g {
                        title { (visible(&batch.title)) ": " (counted(report.rows.input, "row")) ", " (batch.words) }
                        @if batch.is_blocked() {
                            rect.blocked x=(x) y=(1.0 + HEIGHT - all) width=(WIDTH) height=(all) {}
                        } @else {
                            rect.accepted x=(x) y=(1.0 + HEIGHT - all) width=(WIDTH) height=(all) {}
                            @if held > 0.0 { rect.held x=(x) y=(1.0 + HEIGHT - all) width=(WIDTH) height=(held.min(all)) {} }
                        }
                    }
                }
            }
        }
    }
}
