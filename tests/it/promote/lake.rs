//! A lake in a temporary folder or a bucket, and a judge for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use dqc::fault::Fault;
use dqc::hir::{BatchBy, Expr, ExprKind, Grain, OtherColumns, Promotion, Type, Write};
use dqc::ir::{Format, Place, Plan, PlanColumn};
use dqc::lake::delta::Table;
use dqc::lake::receipt::{self, Verified};
use dqc::lake::store::Store;
use dqc::promote::forget::{Forget, Forgotten, forget};
use dqc::promote::retry::retry;
use dqc::promote::{self, Event, Options, Outcome, Stop, Summary};
use dqc::run::{BatchVerdict, HeldRow, Job, Report, RowCounts, Sink};
use dqc::storage::Storage;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

pub struct Lake {
    folder: Option<tempfile::TempDir>,
    base: String,
    pub storage: Storage,
    /// Amounts below are held back.
    least: i64,
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
        columns: vec![column("amount", false)],
        other: OtherColumns::Ignored,
        beside: Vec::new(),
            source_zone: None,
            rules: Vec::new(),
        quarantine_cap: None,
        write: Some(promotion.write.clone()),
        location: Default::default(),
        source_location: Default::default(),
    };
    Task { promotion, plan }
}

fn column(name: &str, key: bool) -> PlanColumn {
    PlanColumn { name: name.into(), ty: Type::BigInt, nullable: false, key, privacy: Default::default(), was: None, value: None }
}

impl Task {
    pub fn with_key(mut self, name: &str) -> Self {
        self.plan.columns.retain(|c| c.name != name);
        self.plan.columns.push(column(name, true));
        self
    }

    /// Every column is taken as it is, so that files can be copied.
    pub fn as_it_is(mut self) -> Self {
        for column in &mut self.plan.columns {
            column.value = Some(Expr {
                kind: ExprKind::Column(column.name.clone()),
                ty: column.ty.clone(),
                nullable: column.nullable,
                grain: Grain::Row,
                span: Default::default(),
            });
        }
        self
    }
}

impl Lake {
    /// In a temporary folder.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let base = format!("file://{}", folder.path().display());
        Self { folder: Some(folder), base, storage: Storage::default(), least: 0 }
    }

    /// In a bucket.
    pub fn at(base: &str, storage: Storage) -> Self {
        Self { folder: None, base: base.to_owned(), storage, least: 0 }
    }

    /// The same lake under a contract that holds back amounts below `least`.
    pub fn holding_below(&self, least: i64) -> Self {
        Self { folder: None, base: self.base.clone(), storage: self.storage.clone(), least }
    }

    /// On the local disk.
    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.as_ref().expect("a local lake").path().join(below)
    }

    fn url(&self, below: &str) -> String {
        format!("{}/{below}", self.base).trim_end_matches('/').to_owned() + "/"
    }

    fn object(&self, below: &str) -> (Arc<dyn ObjectStore>, object_store::path::Path) {
        let url = url::Url::parse(&format!("{}/{below}", self.base)).expect("a URL");
        let path = object_store::path::Path::from_url_path(url.path()).expect("a path");
        (self.storage.root(&url).expect("a store"), path)
    }

    pub async fn write(&self, below: &str, bytes: &[u8]) {
        let (store, path) = self.object(below);
        store.put(&path, bytes.to_vec().into()).await.expect("a file written");
    }

    pub async fn put(&self, below: &str, amounts: &[i64]) {
        self.put_column(below, Arc::new(Int64Array::from(amounts.to_vec()))).await;
    }

    pub async fn put_text(&self, below: &str, amounts: &[&str]) {
        self.put_column(below, Arc::new(StringArray::from(amounts.to_vec()))).await;
    }

    async fn put_column(&self, below: &str, amounts: ArrayRef) {
        let rows = RecordBatch::try_from_iter([("amount", amounts)]).expect("rows");
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).expect("a writer");
        writer.write(&rows).expect("rows written");
        writer.close().expect("a file");
        self.write(below, &bytes).await;
    }

    async fn list(&self, below: &str) -> Vec<String> {
        let listed = Store::open(&self.url(below), &self.storage).expect("a store").list().await.expect("a listing");
        listed.into_iter().map(|f| f.path).collect()
    }

    pub async fn remove(&self, below: &str) {
        let paths = self.list(below).await;
        Store::open(&self.url(below), &self.storage).expect("a store").discard(paths).await;
    }

    /// Whether there is a table.
    pub async fn exists(&self, below: &str) -> bool {
        Table::open(&self.url(below), &self.storage).await.expect("a readable log").is_some()
    }

    /// Everything that lies in the lake, but for the accounts of runs and their logs.
    pub async fn all_files(&self) -> Vec<String> {
        let mut files = self.list("").await;
        files.retain(|f| !f.starts_with("ledger/"));
        files
    }

    /// Parquet files, whether or not a log names them.
    pub async fn files(&self, below: &str) -> Vec<String> {
        let mut files = self.list(below).await;
        files.retain(|f| f.ends_with(".parquet") && !f.contains("_delta_log"));
        files
    }

    async fn read(&self, below: &str) -> Vec<RecordBatch> {
        let Some(table) = Table::open(&self.url(below), &self.storage).await.expect("a readable log") else {
            return Vec::new();
        };
        let mut rows = Vec::new();
        for file in table.files().expect("files") {
            rows.extend(read(&table.store, &file.path).await.expect("parquet"));
        }
        rows
    }

    /// The amounts of a table, sorted.
    pub async fn rows(&self, below: &str) -> Vec<i64> {
        let mut amounts = Vec::new();
        for rows in self.read(below).await {
            // What came as text is held as text.
            let whole = cast(&rows["amount"], &DataType::Int64).expect("whole numbers");
            amounts.extend(whole.as_primitive::<Int64Type>().iter().flatten());
        }
        amounts.sort_unstable();
        amounts
    }

    /// The amounts in parquet files, whether or not a log names them; sorted.
    pub async fn amounts_in_files(&self, below: &str) -> Vec<i64> {
        let store = Store::open(&self.url(below), &self.storage).expect("a store");
        let mut amounts = Vec::new();
        for path in self.files(below).await {
            for rows in read(&store, &path).await.expect("parquet") {
                amounts.extend(rows["amount"].as_primitive::<Int64Type>().iter().flatten());
            }
        }
        amounts.sort_unstable();
        amounts
    }

    pub async fn verify(&self, below: &str) -> Verified {
        receipt::verify(&self.url(below), &self.storage).await.expect("a readable table").expect("a table")
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

    fn places(&self, tasks: &[&Task]) -> promote::Lake<'_> {
        let place = |dataset: &str| {
            let format = if dataset.starts_with("bronze") { Format::Parquet } else { Format::Delta };
            Place { url: self.url(&dataset.replace('.', "/")), format }
        };
        let datasets = tasks.iter().flat_map(|t| [&t.promotion.from, &t.promotion.to]);
        promote::Lake {
            storage: &self.storage,
            places: datasets.clone().map(|d| (d.clone(), place(d))).collect::<BTreeMap<_, _>>(),
            quarantine: datasets
                .map(|d| (d.clone(), self.url(&format!("quarantine/{}", d.replace('.', "/")))))
                .collect(),
            ledger: self.url("ledger"),
            mirrors: BTreeMap::new(),
        }
    }

    async fn start(
        &self,
        tasks: &[&Task],
        dry_run: bool,
        stop: &Stop,
        meddle: Option<&(dyn Fn() + Sync)>,
    ) -> (Vec<Outcome>, Summary) {
        let lake = self.places(tasks);
        let options = Options { dry_run, ..options(stop) };
        let tasks: Vec<promote::Task> =
            tasks.iter().map(|t| promote::Task { promotion: &t.promotion, plan: &t.plan }).collect();
        let mut outcomes = Vec::new();
        let mut tell = |event: Event<'_>| {
            if let Event::Batch(outcome) = event {
                outcomes.push(outcome.clone());
            }
        };
        let judge = Amounts { storage: &self.storage, least: self.least, meddle };
        let summary = promote::run(&tasks, &lake, &options, &judge, &mut tell).await;
        (outcomes, summary)
    }

    /// Judges what is held back again.
    pub async fn retry(&self, task: &Task, stop: &Stop) -> Summary {
        let judge = Amounts { storage: &self.storage, least: self.least, meddle: None };
        let tasks = [promote::Task { promotion: &task.promotion, plan: &task.plan }];
        retry(&tasks, &self.places(&[task]), &options(stop), &judge, &mut |_| {}).await
    }

    /// Forgets the rows held back of this amount.
    pub async fn forget(&self, task: &Task, amount: i64) -> Result<Forgotten, Fault> {
        let wanted = [("amount".to_owned(), amount.to_string())];
        let which = Forget::Where(&wanted);
        forget(&promote::Task { promotion: &task.promotion, plan: &task.plan }, &self.places(&[task]), &which).await
    }
}

fn options(stop: &Stop) -> Options<'_> {
    let as_of = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    Options {
        as_of: as_of.as_micros() as i64,
        batch: None,
        dry_run: false,
        memory: None,
        samples: 3,
        pictures: false,
        who: "somebody@somewhere".into(),
        progress: None,
        stop,
        witness: None,
    }
}

/// Holds back amounts below the least, blocks above 1000.
struct Amounts<'a> {
    storage: &'a Storage,
    least: i64,
    meddle: Option<&'a (dyn Fn() + Sync)>,
}

#[async_trait::async_trait(?Send)]
impl promote::Judge for Amounts<'_> {
    async fn judge(&self, job: &Job<'_>, sink: Arc<dyn Sink>) -> Result<Report, Fault> {
        let mut counts = RowCounts::default();
        let mut blocked = false;
        let mut begun = false;
        let store = Store::open(&job.input.place.url, self.storage)?;
        for file in &job.input.files {
            for rows in read(&store, &file.path).await.ok_or_else(|| Fault::storage("unreadable"))? {
                let amounts = cast(&rows["amount"], &DataType::Int64).expect("whole numbers");
                let accepted = RecordBatch::try_from_iter([("amount", amounts.clone())]).expect("rows");
                if !begun {
                    sink.begin(accepted.schema(), rows.schema(), 1).await?;
                    begun = true;
                }
                let amounts = amounts.as_primitive::<Int64Type>();
                blocked |= amounts.iter().flatten().any(|a| a > 1000);
                let bad: BooleanArray = amounts.iter().map(|a| a.map(|a| a < self.least)).collect();
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
            datasets: Vec::new(),
            recorded: Vec::new(),
            pictures: None,
            rules: Vec::new(),
        })
    }
}

async fn read(store: &Store, path: &str) -> Option<Vec<RecordBatch>> {
    let bytes = store.read(path).await.ok()?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).ok()?.build().ok()?;
    reader.collect::<Result<_, _>>().ok()
}
