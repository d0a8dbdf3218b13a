//! One case of a run file:
//!
//! ```text
//! === what it shows
//! --- contract
//! contract silver.orders @ 1.0.0 { … }
//! --- rows part-0.parquet
//! | id: bigint | amount: double |
//! | 1          | null           |
//! --- dataset silver.customers
//! | id: bigint |
//! --- table
//! | id: bigint |
//! --- history usual_volume
//! | batch: string  | value: double |
//! | day=2026-01-01 | 100           |
//! --- expect
//! …
//! ```
//!
//! Rows of a file that ends in `.csv` or `.jsonl` are its text as it is; in `.arrow` they are written as Arrow IPC. The
//! history of a rule is what published batches left for it; of `drift` it is their values, one a row. Groups have a
//! column `group`, a JSON array.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use dqc::diagnostics::Severity;
use dqc::engine::drift::Distribution;
use dqc::fault::Fault;
use dqc::ir::{Format, Input, InputFile, Place, Plan, lower};
use dqc::run::history::{History, Past, date_of, meanings_of, of_the_past};
use dqc::run::{HeldRow, Job, Report, RuleResult, RuleVerdict, Sink, judge};
use dqc::source::SourceFile;

use super::table::{Table, lines, texts};

pub struct Case {
    pub title: String,
    /// Everything before the expectation, as written.
    pub head: String,
    pub expected: String,
}

pub fn cases(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for part in text.split("\n=== ") {
        let part = part.strip_prefix("=== ").unwrap_or(part);
        let (title, rest) = part.split_once('\n').unwrap_or((part, ""));
        let (head, expected) = rest.split_once("--- expect\n").unwrap_or((rest, ""));
        let expected = format!("{}\n", expected.trim_end());
        cases.push(Case { title: title.to_string(), head: head.to_string(), expected });
    }
    cases
}

/// Keeps what it is given.
#[derive(Default)]
struct Rows {
    accepted: Mutex<BTreeMap<usize, Vec<String>>>,
    held: Mutex<BTreeMap<usize, Vec<String>>>,
}

#[async_trait::async_trait]
impl Sink for Rows {
    async fn begin(&self, _: SchemaRef, _: SchemaRef, _: usize) -> Result<(), Fault> {
        self.accepted.lock().unwrap().clear();
        self.held.lock().unwrap().clear();
        Ok(())
    }

    async fn accept(&self, partition: usize, rows: RecordBatch) -> Result<(), Fault> {
        self.accepted.lock().unwrap().entry(partition).or_default().extend(lines(&rows));
        Ok(())
    }

    async fn hold(&self, partition: usize, rows: RecordBatch, marks: Vec<HeldRow>) -> Result<(), Fault> {
        assert_eq!(rows.num_rows(), marks.len());
        let mut held = self.held.lock().unwrap();
        for (line, mark) in lines(&rows).iter().zip(marks) {
            let reasons: Vec<String> = mark.reasons.iter().map(|(rule, why)| format!("[{rule}] {why}")).collect();
            let place = format!("{}:{}", mark.file, mark.row);
            held.entry(partition).or_default().push(format!("{place} {line}\n    {}", reasons.join("; ")));
        }
        Ok(())
    }
}

impl Case {
    pub fn written(&self, came: &str) -> String {
        format!("=== {}\n{}--- expect\n{}\n", self.title, self.head, came)
    }

    pub async fn run(&self) -> Result<String, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut contract = String::new();
        let mut files = Vec::new();
        let mut datasets: BTreeMap<String, Input> = BTreeMap::new();
        let mut table = None;
        let mut past = Vec::new();
        for section in format!("\n{}", self.head).split("\n--- ").skip(1) {
            let (name, body) = section.split_once('\n').unwrap_or((section, ""));
            let body: Vec<&str> = body.lines().collect();
            match name.split_once(' ').unwrap_or((name, "")) {
                ("contract", _) => contract = body.join("\n"),
                ("rows", file) => {
                    let path = if file.is_empty() { "part-0.parquet" } else { file };
                    files.push(write(&folder.path().join("batch"), path, &body)?);
                }
                ("dataset", dataset) => {
                    let place = folder.path().join(dataset);
                    let (dataset, file) = dataset.split_once(' ').unwrap_or((dataset, "part-0.parquet"));
                    let file = write(&place, file, &body)?;
                    datasets.insert(dataset.to_string(), input(&place, vec![file]));
                }
                ("table", _) => {
                    let place = folder.path().join("table");
                    let file = write(&place, "part-0.parquet", &body)?;
                    table = Some(input(&place, vec![file]));
                }
                ("history", rule) => past.push((rule.to_string(), texts(&body)?)),
                (other, _) => return Err(format!("`--- {other}` is not a section")),
            }
        }
        let plan = plan(&contract)?;
        let batch = input(&folder.path().join("batch"), files);
        let history = history(&plan, &past)?;
        let storage = dqc::storage::Storage::default();
        let job = Job {
            plan: &plan,
            storage: &storage,
            input: &batch,
            datasets: &datasets,
            table: table.as_ref(),
            history: Some(&history),
            batch: Some("day=2026-01-02"),
            // 2026-01-02T00:00:00Z
            as_of: 1_767_312_000_000_000,
            memory: None,
            proofs: true,
            samples: 3,
            pictures: false,
            progress: None,
        };
        let rows = Arc::new(Rows::default());
        let report = judge(&job, Some(Arc::<Rows>::clone(&rows))).await.map_err(|f| f.message)?;
        let audited = judge(&job, None).await.map_err(|f| f.message)?;
        let scanned = judge(&Job { proofs: false, ..job }, None).await.map_err(|f| f.message)?;
        let verdicts = |r: &Report| r.rules.iter().map(summary).collect::<Vec<_>>();
        if verdicts(&audited) != verdicts(&report) {
            return Err(format!("without a sink it is otherwise:\n{}", verdicts(&audited).join("")));
        }
        if verdicts(&audited) != verdicts(&scanned) || audited.rows != scanned.rows {
            return Err(format!("without proofs it is otherwise:\n{}", verdicts(&scanned).join("")));
        }
        Ok(told(&report, &rows))
    }
}

/// What was published before, rule by rule.
fn history(plan: &Plan, past: &[(String, Vec<BTreeMap<String, String>>)]) -> Result<History, String> {
    let mut history = History::default();
    let meanings = meanings_of(plan);
    for (rule, rows) in past {
        let at = plan.rules.iter().position(|r| &r.rule.name == rule).ok_or(format!("there is no rule `{rule}`"))?;
        let dqc::hir::RuleKind::Aggregate { condition, .. } = &plan.rules[at].rule.kind else {
            return Err(format!("`{rule}` has no history"));
        };
        let meaning = meanings[at].first().and_then(|m| m.first()).ok_or(format!("`{rule}` has no history"))?;
        let drifts = of_the_past(condition).first().is_some_and(|e| matches!(e.kind, dqc::hir::ExprKind::Drift { .. }));
        let mut distributions: BTreeMap<(String, String), Distribution> = BTreeMap::new();
        for row in rows {
            let cell = |name: &str| row.get(name).cloned().unwrap_or_default();
            let (batch, group, value) = (cell("batch"), cell("group"), cell("value"));
            if drifts {
                let number = value.parse::<f64>();
                let new = || if number.is_ok() { Distribution::of_numbers() } else { Distribution::of_texts() };
                let values = distributions.entry((batch, group)).or_insert_with(new);
                match number {
                    Ok(number) => values.number(number),
                    Err(_) => values.text(&value, 1),
                }
                continue;
            }
            let at = date_of(&batch).unwrap_or(0);
            history.add(meaning, &group, Past { batch, at, value: value.parse().ok(), distribution: None });
        }
        for ((batch, group), values) in distributions {
            let at = date_of(&batch).unwrap_or(0);
            history.add(meaning, &group, Past { batch, at, value: None, distribution: Some(values.to_text()) });
        }
    }
    Ok(history)
}

fn format(path: &str) -> Format {
    match path.rsplit('.').next() {
        Some("csv") => Format::Csv,
        Some("jsonl") => Format::Json,
        Some("arrow") => Format::Arrow,
        _ => Format::Parquet,
    }
}

fn write(folder: &Path, path: &str, body: &[&str]) -> Result<InputFile, String> {
    let to = folder.join(path);
    let size = match format(path) {
        Format::Csv | Format::Json => {
            std::fs::create_dir_all(to.parent().ok_or("no folder")?).map_err(|e| e.to_string())?;
            // As the text has it, but for the blank line that ends the section.
            let text = body.join("\n");
            std::fs::write(&to, text.trim_end_matches('\n').to_string() + "\n").map_err(|e| e.to_string())?;
            std::fs::metadata(&to).map_err(|e| e.to_string())?.len()
        }
        Format::Arrow => Table::parse(body)?.write_arrow(&to)?,
        _ => Table::parse(body)?.write(&to)?,
    };
    let folders = path.split('/').filter_map(|part| part.split_once('='));
    let partition = folders.map(|(k, v)| (k.to_string(), v.to_string())).collect();
    Ok(InputFile { path: path.to_string(), size, e_tag: None, modified: 0, partition, statistics: None })
}

fn input(folder: &Path, files: Vec<InputFile>) -> Input {
    let format = files.first().map_or(Format::Parquet, |f| format(&f.path));
    let place = Place { url: format!("file://{}/", folder.display()), format };
    Input { place, files, version: None }
}

fn plan(contract: &str) -> Result<Plan, String> {
    let compiled = dqc::compile(vec![SourceFile::new("run.dq", contract)], &crate::layers());
    let errors = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let errors: Vec<String> = errors.map(|d| format!("{}: {}", d.message, d.primary.text)).collect();
    if !errors.is_empty() {
        return Err(errors.join("\n"));
    }
    let checked = &compiled.checked;
    let plan = match checked.promotions.first() {
        Some(promotion) => lower::promotion(checked, &compiled.sources, promotion),
        None => {
            let first = checked.contracts.iter().min_by_key(|c| c.span.start).ok_or("no contract")?;
            lower::audit(checked, &compiled.sources, &first.dataset)
        }
    };
    plan.ok_or_else(|| "no plan".to_string())
}

fn told(report: &Report, rows: &Rows) -> String {
    let mut text = String::new();
    let verdict = serde_json::to_value(report.verdict).unwrap();
    let counts = &report.rows;
    let _ = writeln!(
        text,
        "{}: {} rows, {} accepted, {} quarantined, {} passes",
        verdict.as_str().unwrap(),
        counts.input,
        counts.accepted,
        counts.quarantined,
        report.passes
    );
    for seen in &report.datasets {
        let _ = writeln!(text, "read beside it: {}, {} files", seen.dataset, seen.files);
    }
    report.rules.iter().for_each(|rule| text.push_str(&summary(rule)));
    if report.verdict != dqc::run::BatchVerdict::Blocked {
        let mut section = |name: &str, rows: &Mutex<BTreeMap<usize, Vec<String>>>| {
            let rows = rows.lock().unwrap();
            if rows.values().any(|r| !r.is_empty()) {
                let _ = writeln!(text, "{name}");
            }
            rows.values().flatten().for_each(|row| {
                let _ = writeln!(text, "  {row}");
            });
        };
        section("accepted", &rows.accepted);
        section("held", &rows.held);
    }
    text
}

/// A rule's result; types that are as they should be go without saying.
fn summary(rule: &RuleResult) -> String {
    if rule.kind == "type" && rule.verdict == RuleVerdict::Passed && rule.reason.is_none() {
        return String::new();
    }
    let name = |v: serde_json::Value| v.as_str().unwrap_or("").to_string();
    let mut text = format!(
        "{} ({}): {}, {}; checked {}, violations {}, unknown {}\n",
        rule.rule,
        rule.kind,
        name(serde_json::to_value(rule.verdict).unwrap()),
        name(serde_json::to_value(rule.action).unwrap()),
        rule.checked,
        rule.violations,
        rule.unknown,
    );
    if let Some(value) = &rule.value {
        let limit = rule.limit.as_ref().map_or(String::new(), |l| format!(", limit {l}"));
        let _ = writeln!(text, "  value {value}{limit}");
    }
    for (name, words) in [("reason", &rule.reason), ("because", &rule.because), ("fix", &rule.fix)] {
        if let Some(words) = words {
            let _ = writeln!(text, "  {name}: {words}");
        }
    }
    for sample in &rule.samples {
        let place = match (&sample.file, sample.row) {
            (Some(file), Some(row)) => format!("{file}:{row} "),
            _ => String::new(),
        };
        let values = serde_json::Value::Object(sample.values.clone());
        let reason = sample.reason.as_ref().map_or(String::new(), |r| format!(" ({r})"));
        let _ = writeln!(text, "  {place}{values}{reason}");
    }
    text
}
