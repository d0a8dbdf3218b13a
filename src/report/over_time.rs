//! Violations over time, as the script of the charts draws them.

use serde_json::{Value, json};

use super::past::{Batch, Past, Verdict, is_whole};

/// Rules in one chart: those that broke most.
const LINES: usize = 6;
/// Rules over a whole batch that have a chart.
const VALUES: usize = 24;

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
            let found = of_batch(&verdicts, batch).filter(|v| v.checked > 1);
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

/// What each rule over a whole batch measured, batch by batch, with what it was held against: a chart a rule, those first
/// that were ever broken. Rules over groups have none.
pub fn values(past: &Past, dataset: &str, batches: &[&Batch], names: &[String]) -> Vec<(String, Value)> {
    let mut found: Vec<(bool, String, Value)> = Vec::new();
    for (_, rule) in past.verdicts.keys().filter(|(of, _)| of == dataset) {
        let verdicts = past.last_verdicts(dataset, rule);
        let shown: Vec<Option<&Verdict>> = batches.iter().map(|b| of_batch(&verdicts, b).filter(|v| v.checked <= 1)).collect();
        let of = |side: fn(&Verdict) -> Option<f64>| -> Vec<Option<f64>> { shown.iter().map(|v| v.and_then(side)).collect() };
        let (values, limits) = (of(|v| v.value), of(|v| v.limit));
        if values.iter().flatten().count() < 2 {
            continue;
        }
        let broken = shown.iter().flatten().any(|v| v.violations > 0);
        let mut series = vec![json!({"label": "measured", "colour": "line-2", "values": values})];
        if limits.iter().any(Option::is_some) {
            series.push(json!({"label": "limit", "colour": "line-1", "values": limits}));
        }
        let chart = json!({"kind": "lines", "unit": "", "height": 150, "names": names, "series": series});
        found.push((broken, rule.clone(), chart));
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    found.into_iter().take(VALUES).map(|(_, rule, chart)| (rule, chart)).collect()
}

fn of_batch<'v>(verdicts: &[&'v Verdict], batch: &Batch) -> Option<&'v Verdict> {
    let same = |v: &&&Verdict| v.batch == batch.batch && (v.as_of == batch.as_of || !is_whole(&v.batch));
    verdicts.iter().rfind(same).copied()
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
        past.verdicts.insert(("a.b".into(), "sum".into()), vec![
            Verdict { value: Some(7.5), limit: Some(8.0), ..verdict("day=1", 1, 0) },
            Verdict { value: Some(9.0), limit: Some(8.0), ..verdict("day=2", 1, 1) },
        ]);
        let [(rule, chart)] = values(&past, "a.b", &shown, &names).try_into().expect("one chart");
        assert_eq!((rule.as_str(), &chart["series"][0]["values"], &chart["series"][1]["values"]), ("sum", &json!([7.5, 9.0]), &json!([8.0, 8.0])));
        assert_eq!(label("all", 86_400_000_000), "1970-01-02");
    }
}
