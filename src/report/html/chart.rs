//! Charts as drawings in the page: they need no script, print, and follow light and dark.

use maud::{Markup, html};

use crate::diagnostics::paint::visible;
use crate::report::numbers::grouped;

/// Units of a drawing; the page scales it.
const HEIGHT: f64 = 90.0;
const WIDTH: f64 = 24.0;
const GAP: f64 = 6.0;

/// A batch's rows.
pub struct Bar {
    /// What is said of it, for who points at it or listens.
    pub words: String,
    pub input: u64,
    pub held: u64,
    pub blocked: bool,
}

/// Rows by batch: accepted, held back, and those of blocked batches.
pub fn rows(of: &str, bars: &[Bar]) -> Markup {
    let most = bars.iter().map(|bar| bar.input).max().unwrap_or(0).max(1);
    let width = bars.len() as f64 * (WIDTH + GAP) + GAP;
    let tall = |rows: u64| rows as f64 / most as f64 * HEIGHT;
    html! {
        figure {
            figcaption {
                (visible(of)) ": rows by batch, at most " (grouped(most)) " "
                span.key.accepted { "accepted" } " " span.key.held { "held back" } " " span.key.blocked { "held up" }
            }
            svg role="img" aria-label={ "Rows by batch of " (visible(of)) } viewBox=(format!("0 0 {width} {}", HEIGHT + 2.0))
                style=(format!("max-width: {}rem", width / 12.0)) {
                @for (i, bar) in bars.iter().enumerate() {
                    @let x = GAP + i as f64 * (WIDTH + GAP);
                    @let held = if bar.held > 0 { tall(bar.held).max(2.0) } else { 0.0 };
                    @let all = tall(bar.input).max(1.0);
                    g {
                        title { (visible(&bar.words)) }
                        @if bar.blocked {
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

/// What a rule found in a batch.
pub struct Point {
    pub words: String,
    pub violations: u64,
    /// `good`, `odd`, `bad` or `open`: the colour.
    pub tone: &'static str,
}

const STEP: f64 = 12.0;
const TALL: f64 = 30.0;

/// Violations over time: a bar a batch, the latest to the right; a batch without any stands as a dot on the line.
pub fn trend(of: &str, points: &[Point]) -> Markup {
    let most = points.iter().map(|point| point.violations).max().unwrap_or(0);
    let width = (points.len() as f64 * STEP).max(STEP * 6.0);
    // Of few against many both are seen: the root of the count is drawn.
    let tall = |count: u64| if most == 0 { 0.0 } else { ((count as f64 / most as f64).sqrt() * TALL).max(3.0) };
    html! {
        figure.trend {
            figcaption { "violations over " (points.len()) " batches, at most " (grouped(most)) }
            svg role="img" aria-label={ "Violations of " (visible(of)) " over time" }
                viewBox=(format!("0 0 {width} {}", TALL + 6.0)) style=(format!("width: {}rem", width / 14.0)) {
                line.base x1="0" x2=(width) y1=(TALL + 3.5) y2=(TALL + 3.5) {}
                @for (i, point) in points.iter().enumerate() {
                    @let x = i as f64 * STEP;
                    g class=(point.tone) {
                        title { (visible(&point.words)) }
                        @if point.violations > 0 {
                            @let all = tall(point.violations);
                            rect.now x=(x + 1.5) y=(TALL + 3.0 - all) width=(STEP - 3.0) height=(all) {}
                        } @else {
                            circle.now cx=(x + STEP / 2.0) cy=(TALL + 1.5) r="1.5" {}
                        }
                    }
                }
            }
        }
    }
}

/// A value of one group, and what it may be.
pub struct Segment {
    pub name: String,
    pub value: f64,
    /// As people read it.
    pub shown: String,
    pub broken: bool,
}

/// Values by group, against a limit where there is one, as lying bars.
pub fn segments(of: &str, limit: Option<(f64, String)>, groups: &[Segment]) -> Markup {
    const LINE: f64 = 18.0;
    const LEFT: f64 = 130.0;
    const ROOM: f64 = 260.0;
    let values = groups.iter().map(|group| group.value);
    let most = values.chain(limit.iter().map(|(value, _)| *value)).fold(0.0_f64, f64::max);
    let scale = |value: f64| if most > 0.0 { (value / most).clamp(0.0, 1.0) * ROOM } else { 0.0 };
    let height = groups.len() as f64 * LINE + 4.0;
    html! {
        @if groups.iter().all(|group| group.value >= 0.0) {
            figure.segments {
                figcaption { "by group" @if let Some((_, words)) = &limit { ", the line is the limit " (visible(words)) } }
                svg role="img" aria-label={ (visible(of)) " by group" } viewBox=(format!("0 0 {} {height}", LEFT + ROOM + 70.0))
                    style="max-width: 32rem" {
                    @for (i, group) in groups.iter().enumerate() {
                        @let y = i as f64 * LINE + 2.0;
                        g class=(if group.broken { "bad" } else { "good" }) {
                            title { (visible(&group.name)) ": " (visible(&group.shown)) }
                            text.name x=(LEFT - 6.0) y=(y + 12.5) text-anchor="end" { (short(&group.name)) }
                            rect.now x=(LEFT) y=(y + 2.0) width=(scale(group.value).max(1.0)) height=(LINE - 5.0) {}
                            text.value x=(LEFT + scale(group.value) + 5.0) y=(y + 12.5) { (visible(&group.shown)) }
                        }
                    }
                    @if let Some((value, _)) = &limit {
                        line.limit x1=(LEFT + scale(*value)) x2=(LEFT + scale(*value)) y1="0" y2=(height) {}
                    }
                }
            }
        }
    }
}

/// How many rows have which values.
pub fn bins(of: &str, bins: &[(String, u64)]) -> Markup {
    let most = bins.iter().map(|(_, rows)| *rows).max().unwrap_or(0).max(1);
    let width = bins.len() as f64 * (WIDTH + 1.0);
    html! {
        @if bins.len() > 1 {
            figure.segments {
                figcaption {
                    "what " (visible(of)) " compares, from " (visible(bins.first().map_or("", |bin| &bin.0))) " to " (visible(bins.last().map_or("", |bin| &bin.0)))
                    ", at most " (grouped(most)) " rows a bar"
                }
                svg role="img" aria-label={ "Distribution of what " (visible(of)) " compares" }
                    viewBox=(format!("0 0 {width} {}", HEIGHT + 2.0)) style="max-width: 28rem" {
                    @for (i, (name, rows)) in bins.iter().enumerate() {
                        @let all = (*rows as f64 / most as f64 * HEIGHT).max(if *rows > 0 { 1.0 } else { 0.0 });
                        g {
                            title { (visible(name)) ": " (grouped(*rows)) }
                            rect.accepted x=(i as f64 * (WIDTH + 1.0)) y=(1.0 + HEIGHT - all) width=(WIDTH) height=(all) {}
                        }
                    }
                }
            }
        }
    }
}

fn short(name: &str) -> String {
    crate::diagnostics::paint::cut(&visible(name), 18).into_owned()
}
