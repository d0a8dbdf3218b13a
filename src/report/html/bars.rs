//! Rows by batch, as bars: one glance tells which batch is the odd one.

use maud::{Markup, html};
use serde_json::json;

use crate::diagnostics::paint::visible;
use crate::report::judged::Judged;
use crate::report::numbers::grouped;
use crate::report::over_time::label;
use crate::report::page::data;
use crate::run::Report;

/// A figure for each promotion with several batches: accepted rows, those held back and those of blocked batches.
pub fn by_batch(judged: &[Judged]) -> Vec<Markup> {
    let mut promotions: Vec<&str> = Vec::new();
    for batch in judged.iter().filter(|batch| batch.report.is_some()) {
        if !promotions.contains(&batch.of.as_str()) {
            promotions.push(&batch.of);
        }
    }
    let of = |promotion: &&str| -> Vec<(&Judged, &Report)> {
        let batches = judged.iter().filter(|batch| batch.of == **promotion);
        batches.filter_map(|batch| Some((batch, batch.report.as_ref()?))).collect()
    };
    let several = promotions.iter().map(|promotion| (promotion, of(promotion))).filter(|(_, batches)| batches.len() > 1);
    several.map(|(promotion, batches)| figure(promotion, &batches)).collect()
}

fn figure(promotion: &str, batches: &[(&Judged, &Report)]) -> Markup {
    let most = batches.iter().map(|(_, report)| report.rows.input).max().unwrap_or(0);
    let names: Vec<String> = batches.iter().map(|(batch, _)| label(&batch.title, 0)).collect();
    let part = |of: &dyn Fn(&Judged, &Report) -> Option<u64>| -> Vec<Option<u64>> {
        batches.iter().map(|(batch, report)| of(batch, report)).collect()
    };
    let chart = json!({
        "kind": "bars", "unit": "rows", "names": names,
        "series": [
            {"label": "rows", "colour": "accepted", "values": part(&|batch, r| (!batch.is_blocked()).then_some(r.rows.input))},
            {"label": "of them held back", "colour": "held", "values": part(&|_, r| Some(r.rows.quarantined).filter(|n| *n > 0))},
            {"label": "held up", "colour": "blocked", "values": part(&|batch, r| batch.is_blocked().then_some(r.rows.input))},
        ],
    });
    html! {
        figure.chart role="img" aria-label={ "Rows by batch of " (visible(promotion)) "; the table of the batches holds the same" } {
            figcaption { (visible(promotion)) ": rows by batch, at most " (grouped(most)) }
            (data(&chart))
        }
    }
}
