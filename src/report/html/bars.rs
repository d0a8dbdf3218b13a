//! Rows by batch, as bars: one glance tells which batch is the odd one.

use maud::{Markup, html};

use super::chart::{Bar, rows};
use crate::report::judged::Judged;
use crate::report::numbers::counted;

/// A figure for each promotion with several batches.
pub fn by_batch(judged: &[Judged]) -> Markup {
    let mut promotions: Vec<&str> = Vec::new();
    for batch in judged.iter().filter(|batch| batch.report.is_some()) {
        if !promotions.contains(&batch.of.as_str()) {
            promotions.push(&batch.of);
        }
    }
    html! {
        @for promotion in promotions {
            @let bars: Vec<Bar> = judged.iter().filter(|batch| batch.of == promotion).filter_map(bar).collect();
            @if bars.len() > 1 { (rows(promotion, &bars)) }
        }
    }
}

fn bar(batch: &Judged) -> Option<Bar> {
    let rows = batch.report.as_ref()?.rows;
    let words = format!("{}: {}, {}", batch.title, counted(rows.input, "row"), batch.words);
    Some(Bar { words, input: rows.input, held: rows.quarantined, blocked: batch.is_blocked() })
}
