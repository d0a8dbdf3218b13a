//! A lake in a temporary folder, and a judge for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use dqc::fault::Fault;
use dqc::hir::{BatchBy, OtherColumns, Promotion, Write};
use dqc::ir::{Format, Place, Plan};
use dqc::lake::delta::Table;
use dqc::lake::store::Storage;
use dqc::promote::{self, Event, Options, Outcome, Stop, Summary};
use dqc::run::{BatchVerdict, HeldRow, Job, Report, RowCounts, Sink};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

pub struct Lake {
    folder: tempfile::TempDir,
    pub storage: Storage,
}

pub struct Task {
    pub promotion: Promotion,
    pub plan: Plan,
}

pub fn by_month(write: Write) -> Task {
    promotion("bronze.orders", "silver.orders", BatchBy::Folder("month".into()), write)
}

pub fn promotion(from: &str, to: &str, batches: BatchBy, write: Write) -> Task {
    let promotion = Promotion {
        from: from.into(),
        to: to.into(),
        batches,
        settled: None,
        mappings: Vec::new(),
        write,
        notify: Vec::new(),
        rules: Vec::new(),
        doc: String::new(),
        span: Default::default(),
        head: Default::default(),
    };
    let plan = Plan {
        dataset: to.into(),
        version: "1.0.0".into(),
        digest: "d".repeat(64),
        owner: None,
        promotion: Some(promotion.name()),
        source: Vec::new(),
        source_dataset: from.into(),
        source_other: OtherColumns::Ignored,
        columns: Vec::new(),
        other: OtherColumns::Ignored,
        rules: Vec::new(),
        quarantine_cap: None,
    };
    Task { promotion, plan }
}

impl Lake {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), storage: Storage::default() }
    }

    /// The same folder behind another store.
    pub fn with_storage(self, storage: Storage) -> Self {
        Self { storage, ..self }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn url(&self, below: &str) -> String {
        format!("file://{}/", self.path(below).display())
    }

    pub fn write(&self, below: &str, bytes: &[u8]) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, bytes).expect("a file");
    }

    pub fn put(&self, below: &str, amounts: &[i64]) {
        self.put_column(below, Arc::new(Int64Array::from(amounts.to_vec())));
    }

    pub fn put_text(&self, below: &str, amounts: &[&str]) {
        self.put_column(below, Arc::new(StringArray::from(amounts.to_vec())));
    }

    fn put_column(&self, below: &str, amounts: ArrayRef) {
        let rows = RecordBatch::try_from_iter([("amount", amounts)]).expect("rows");
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).expect("a writer");
        writer.write(&rows).expect("rows written");
        writer.close().expect("a file");
        self.write(below, &bytes);
    }

    pub fn remove(&self, below: &str) {
        std::fs::remove_dir_all(self.path(below)).expect("a folder");
    }

    /// Parquet files, whether or not a log names them.
    pub fn files(&self, below: &str) -> Vec<String> {
        let all = walkdir::WalkDir::new(self.path(below)).into_iter().flatten();
        let names = all.map(|e| e.path().display().to_string()).filter(|p| p.ends_with(".parquet"));
        names.filter(|p| !p.contains("_delta_log")).collect()
    }

    async fn read(&self, below: &str) -> Vec<RecordBatch> {
        let Some(table) = Table::open(&self.url(below), &self.storage).await.expect("a readable log") else {
            return Vec::new();
        };
        let files = table.files().expect("files");
        files.iter().flat_map(|f| read(&self.path(below).join(&f.path)).expect("parquet")).collect()
    }

    /// The amounts of a table, sorted.
    pub async fn rows(&self, below: &str) -> Vec<i64> {
        let mut amounts = Vec::new();
        for rows in self.read(below).await {
            amounts.extend(rows["amount"].as_primitive::<Int64Type>().iter().flatten());
        }
        amounts.sort_unstable();
        amounts
    }

    pub async fn columns(&self, below: &str) -> Vec<String> {
        let table = Table::open(&self.url(below), &self.storage).await.expect("a readable log").expect("a table");
        table.columns().expect("columns").iter().map(|c| c.name().to_owned()).collect()
    }

    /// Rows of a ledger's table; `filter`: `column = true` or nothing.
    pub async fn ledger(&self, table: &str, filter: &str) -> usize {
        let rows = self.read(&format!("ledger/{table}")).await;
        let column = filter.strip_suffix(" = true");
        rows.iter().map(|r| column.map_or(r.num_rows(), |c| r[c].as_boolean().true_count())).sum()
    }

    pub async fn run(&self, task: &Task) -> (Vec<Outcome>, Summary) {
        self.run_all(&[task]).await
    }

    pub async fn run_all(&self, tasks: &[&Task]) -> (Vec<Outcome>, Summary) {
        self.start(tasks, false, &Stop::default(), None).await
    }

    pub async fn run_with(
        &self,
        task: &Task,
        dry_run: bool,
        stop: &Stop,
        meddle: Option<&(dyn Fn() + Sync)>,
    ) -> (Vec<Outcome>, Summary) {
        self.start(&[task], dry_run, stop, meddle).await
    }

    async fn start(
        &self,
        tasks: &[&Task],
        dry_run: bool,
        stop: &Stop,
        meddle: Option<&(dyn Fn() + Sync)>,
    ) -> (Vec<Outcome>, Summary) {
        let place = |dataset: &str| {
            let format = if dataset.starts_with("bronze") { Format::Parquet } else { Format::Delta };
            Place { url: self.url(&dataset.replace('.', "/")), format }
        };
        let datasets = tasks.iter().flat_map(|t| [&t.promotion.from, &t.promotion.to]);
        let lake = promote::Lake {
            storage: &self.storage,
            places: datasets.clone().map(|d| (d.clone(), place(d))).collect::<BTreeMap<_, _>>(),
            quarantine: datasets
                .map(|d| (d.clone(), self.url(&format!("quarantine/{}", d.replace('.', "/")))))
                .collect(),
            ledger: self.url("ledger"),
        };
        let as_of = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
        let options = Options {
            as_of: as_of.as_micros() as i64,
            batch: None,
            dry_run,
            memory: None,
            samples: 3,
            progress: None,
            stop,
        };
        let tasks: Vec<promote::Task> =
            tasks.iter().map(|t| promote::Task { promotion: &t.promotion, plan: &t.plan }).collect();
        let mut outcomes = Vec::new();
        let mut tell = |event: Event<'_>| {
            if let Event::Batch(outcome) = event {
                outcomes.push(outcome.clone());
            }
        };
        let summary = promote::run(&tasks, &lake, &options, &Amounts { meddle }, &mut tell).await;
        (outcomes, summary)
    }
}

/// Holds back negative amounts, blocks above 1000.
struct Amounts<'a> {
    meddle: Option<&'a (dyn Fn() + Sync)>,
}

#[async_trait::async_trait]
impl promote::Judge for Amounts<'_> {
    async fn judge(&self, job: &Job<'_>, sink: &dyn Sink) -> Result<Report, Fault> {
        let mut counts = RowCounts::default();
        let mut blocked = false;
        let mut begun = false;
        for file in &job.input.files {
            let url = job.input.place.url.strip_prefix("file://").expect("a local place");
            for rows in read(&Path::new(url).join(&file.path)).ok_or_else(|| Fault::storage("unreadable"))? {
                let amounts = cast(&rows["amount"], &DataType::Int64).expect("whole numbers");
                let accepted = RecordBatch::try_from_iter([("amount", amounts.clone())]).expect("rows");
                if !begun {
                    sink.begin(accepted.schema(), rows.schema(), 1).await?;
                    begun = true;
                }
                let amounts = amounts.as_primitive::<Int64Type>();
                blocked |= amounts.iter().flatten().any(|a| a > 1000);
                let bad: BooleanArray = amounts.iter().map(|a| a.map(|a| a < 0)).collect();
                let good = arrow::compute::not(&bad).expect("a mask");
                let accepted = filter_record_batch(&accepted, &good).expect("rows");
                let held = filter_record_batch(&rows, &bad).expect("rows");
                counts.input += rows.num_rows() as u64;
                counts.accepted += accepted.num_rows() as u64;
                counts.quarantined += held.num_rows() as u64;
                let marks = (0..amounts.len()).filter(|i| bad.value(*i)).map(|i| HeldRow {
                    file: file.path.as_str().into(),
                    row: i as u64 + 1,
                    reasons: vec![("amount.where".into(), "amount is below 0".into())],
                });
                sink.accept(0, accepted).await?;
                sink.hold(0, held, marks.collect()).await?;
            }
        }
        if let Some(meddle) = self.meddle {
            meddle();
            tokio::task::yield_now().await;
        }
        Ok(Report {
            dqc: "0".into(),
            contract: job.plan.dataset.clone(),
            version: job.plan.version.clone(),
            contract_sha256: job.plan.digest.clone(),
            promotion: job.plan.promotion.clone(),
            batch: job.batch.map(str::to_owned),
            owner: None,
            as_of: "2026-01-01T00:00:00Z".into(),
            verdict: if blocked { BatchVerdict::Blocked } else { BatchVerdict::Passed },
            promoted: false,
            rows: if blocked { RowCounts { input: counts.input, ..RowCounts::default() } } else { counts },
            passes: 1,
            bytes_read: 0,
            rules: Vec::new(),
        })
    }
}

fn read(path: &Path) -> Option<Vec<RecordBatch>> {
    let file = std::fs::File::open(path).ok()?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).ok()?.build().ok()?;
    reader.collect::<Result<_, _>>().ok()
}
