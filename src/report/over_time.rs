//! Violations over time, as the script of the charts draws them.

use serde_json::{Value, json};

use super::past::{Batch, Past, Verdict, is_whole};

/// Rules in one chart: those that broke most.
const LINES: usize = 6;

/// What stands under a batch: the value of its folder, else the day of the run.
pub fn label(batch: &str, as_of: i64) -> String {
    if is_whole(batch) {
        let day = chrono::DateTime::from_timestamp_micros(as_of).map(|at| at.format("%Y-%m-%d").to_string());
        return day.unwrap_or_default();
    }
    let last = batch.rsplit('/').next().unwrap_or(batch);
    last.split_once('=').map_or(last, |(_, value)| value).to_owned()
}

/// The share of rows that broke each rule, batch by batch; of rules on a whole batch there is none. `None` where fewer
/// than two batches are known or nothing was ever broken.
pub fn violations(past: &Past, dataset: &str, batches: &[&Batch], names: &[String]) -> Option<Value> {
    if batches.len() < 2 {
        return None;
    }
    let mut found: Vec<(f64, &str, Vec<Option<f64>>)> = Vec::new();
    for (_, rule) in past.verdicts.keys().filter(|(of, _)| of == dataset) {
        let verdicts = past.last_verdicts(dataset, rule);
        let share = |batch: &&Batch| {
            let same = |v: &&&Verdict| v.batch == batch.batch && (v.as_of == batch.as_of || !is_whole(&v.batch));
            let found = verdicts.iter().rfind(|v| same(v)).filter(|v| v.checked > 1);
            found.map(|v| v.violations as f64 * 100.0 / v.checked as f64)
        };
        let values: Vec<Option<f64>> = batches.iter().map(share).collect();
        let most = values.iter().flatten().copied().fold(0.0, f64::max);
        if most > 0.0 {
            found.push((most, rule, values));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let line = |(i, (_, rule, values)): (usize, &(f64, &str, Vec<Option<f64>>))| {
        json!({"label": rule, "colour": format!("line-{}", i + 1), "values": values})
    };
    let lines: Vec<Value> = found.iter().take(LINES).enumerate().map(line).collect();
    (!lines.is_empty()).then(|| json!({"kind": "lines", "unit": "%", "names": names, "series": lines}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_on_rows_have_a_line_and_those_on_batches_none() {
        let mut past = Past::default();
        let batch = |name: &str| Batch { batch: name.into(), published: true, as_of: 1, ..Batch::default() };
        let batches = [batch("day=1"), batch("day=2")];
        let verdict = |name: &str, checked, violations| Verdict { batch: name.into(), checked, violations, as_of: 1, ..Verdict::default() };
        past.verdicts.insert(("a.b".into(), "row".into()), vec![verdict("day=1", 200, 1), verdict("day=2", 100, 0)]);
        past.verdicts.insert(("a.b".into(), "sum".into()), vec![verdict("day=1", 1, 1), verdict("day=2", 1, 1)]);
        past.verdicts.insert(("a.c".into(), "row".into()), vec![verdict("day=1", 2, 1)]);
        let shown: Vec<&Batch> = batches.iter().collect();
        let names: Vec<String> = batches.iter().map(|b| label(&b.batch, b.as_of)).collect();
        let chart = violations(&past, "a.b", &shown, &names).expect("a chart");
        assert_eq!(chart["names"], json!(["1", "2"]));
        assert_eq!(chart["series"], json!([{"label": "row", "colour": "line-1", "values": [0.5, 0.0]}]));
        assert_eq!(violations(&past, "a.b", &shown[..1], &names[..1]), None);
        assert_eq!(label("all", 86_400_000_000), "1970-01-02");
    }
}
