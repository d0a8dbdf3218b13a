//! Rules decided from statistics and dictionaries come out as rules decided from rows, whatever the files look like.
//! `ROUNDS=1000 SEED=7` runs more of them.

mod generate;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use dqc::fault::Fault;
use dqc::ir::{Format, Input, InputFile, Place, Plan, lower};
use dqc::run::{Evidence, Job, Report, judge};
use dqc::source::SourceFile;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use generate::Random;

#[test]
fn proofs_say_what_rows_say() {
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(usual);
    let (rounds, seed) = (number("ROUNDS", 60), number("SEED", 1));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut judged = 0;
    for round in 0..rounds {
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(round));
        let case = generate::case(&mut random);
        let folder = tempfile::tempdir().expect("a folder");
        let files = case.files.iter().enumerate().map(|(i, file)| {
            let name = format!("part-{i}.parquet");
            write(&folder.path().join(&name), &file.batch, Some(file.properties.clone()));
            name
        });
        let files: Vec<String> = files.collect();
        let told = format!("round {round} of seed {seed}\n{}", case.contract);
        // What the checker already sees through is no case.
        let Some(plan) = plan(&case.contract) else { continue };
        judged += 1;
        let [proven, scanned] =
            [true, false].map(|proofs| runtime.block_on(report(&plan, folder.path(), &files, proofs, None)));
        assert_eq!(said(&proven), said(&scanned), "{told}");
        seen.extend(proven.rules.iter().map(|r| format!("{:?} {:?}", r.evidence, r.verdict)));
        assert!(scanned.rules.iter().all(|r| r.kind == "type" || r.evidence == Evidence::Scanned), "{told}");
    }
    assert!(judged * 2 > rounds, "only {judged} of {rounds} contracts compile");
    // A prover that proves nothing would say the same too.
    for wanted in ["Proven Passed", "Proven NotEvaluated", "Mixed Passed", "Mixed Violated", "Scanned Violated"] {
        assert!(seen.contains(wanted), "not one rule was {wanted}");
    }
}

/// Where a row group proves nothing, only those of its pages are read that may break a rule; a value that a filter has
/// not breaks none.
#[test]
fn pages_and_filters_spare_rows() {
    const ROWS: i64 = 40_000;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let column = |value: &dyn Fn(i64) -> Option<i64>| -> ArrayRef {
        std::sync::Arc::new((0..ROWS).map(value).collect::<Int64Array>())
    };
    // One page has a row that breaks `rising`, another one a null; 7 is in no row of `even`, but between any two.
    let n = column(&|row| match row {
        25_500 => Some(-1),
        700 => None,
        _ => Some(row),
    });
    let even = column(&|row| Some(row * 7_919 % 5_000 * 2));
    let batch = RecordBatch::try_from_iter_with_nullable([("n", n, true), ("even", even, true)]).expect("a batch");
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_data_page_row_count_limit(1_000)
        .set_write_batch_size(1_000)
        .set_bloom_filter_enabled(true);
    write(&folder.path().join("t.parquet"), &batch, Some(properties.build()));
    let contract = "contract silver.t @ 1.0.0 {\n    owner \"a@example.org\"\n    nulls pass\n    columns {\n        n: bigint?\n        \
                    even: bigint?\n    }\n    rules {\n        rising: n >= 0\n        seven: even <> 7\n        odd: even not in (1, 3, 5)\n        \
                    some: n <> 4 when even = 9\n    }\n}\n";
    let plan = plan(contract).expect("a contract that compiles");
    let files = ["t.parquet".to_string()];
    let [proven, scanned] = [true, false].map(|proofs| runtime.block_on(report(&plan, folder.path(), &files, proofs, None)));
    assert_eq!(said(&proven), said(&scanned));
    let rule = |name: &str| proven.rules.iter().find(|r| r.rule == name).expect("the rule");
    let rising = rule("rising");
    assert_eq!((rising.violations, rising.unknown, rising.checked, rising.evidence), (1, 1, ROWS as u64 - 1, Evidence::Mixed));
    assert_eq!(rising.samples.iter().filter_map(|s| s.row).collect::<Vec<_>>(), [25_501]);
    for name in ["seven", "odd", "some"] {
        assert_eq!(rule(name).evidence, Evidence::Proven, "{name}");
    }
    assert!(proven.bytes_read * 4 < scanned.bytes_read, "{} of {}", proven.bytes_read, scanned.bytes_read);
}

/// Beyond two hundred thousand rows a key is a bit or a hash.
#[test]
fn large_batches_find_every_duplicate() {
    const ROWS: i64 = 210_000;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    // Two pairs, one of them far apart; a null is equal to nothing.
    let number = |row: i64| match row {
        9 => Some(7),
        200_000 => Some(1),
        5 | 6 => None,
        _ => Some(row),
    };
    let numbers: ArrayRef = std::sync::Arc::new((0..ROWS).map(number).collect::<Int64Array>());
    let texts = (0..ROWS).map(|row| number(row).map(|n| format!("key {n}")));
    let texts: ArrayRef = std::sync::Arc::new(texts.collect::<StringArray>());
    let batch = RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("t", texts, true)]).expect("a batch");
    let without = WriterProperties::builder()
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .set_max_row_group_row_count(Some(50_000))
        .build();
    write(&folder.path().join("with.parquet"), &batch, None);
    write(&folder.path().join("without.parquet"), &batch, Some(without));
    let contract = |rule: &str| {
        format!(
            "contract silver.t @ 1.0.0 {{\n    owner \"a@example.org\"\n    columns {{\n        n: bigint?\n        t: string?\n    }}\n    \
             rules {{\n        one: {rule}\n    }}\n}}\n"
        )
    };
    for rule in ["unique (n)", "unique (t)", "unique (n, t)"] {
        let plan = plan(&contract(rule)).expect("a contract that compiles");
        for (file, memory) in [("with.parquet", None), ("without.parquet", None), ("without.parquet", Some(1 << 20))] {
            let report = runtime.block_on(report(&plan, folder.path(), &[file.to_string()], true, memory));
            let one = report.rules.iter().find(|r| r.rule == "one").expect("the rule");
            let rows: Vec<u64> = one.samples.iter().filter_map(|s| s.row).collect();
            assert_eq!((one.violations, one.checked), (4, ROWS as u64 - 2), "{rule} {file} {memory:?}");
            assert_eq!(rows, [2, 8, 10, 200_001], "{rule} {file} {memory:?}");
        }
    }
}

/// A large batch is judged before it is written: each row is given out once, those that share a key to be held.
#[test]
fn large_batches_are_written_once() {
    const ROWS: i64 = 210_000;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let numbers = (0..ROWS).map(|row| if row == 200_000 { 1 } else { row }).collect::<Int64Array>();
    let numbers: ArrayRef = std::sync::Arc::new(numbers);
    let batch = RecordBatch::try_from_iter([("n", numbers)]).expect("a batch");
    write(&folder.path().join("t.parquet"), &batch, None);
    let contract = |rule: &str| {
        format!(
            "contract silver.t @ 1.0.0 {{\n    owner \"a@example.org\"\n    else quarantine\n    columns {{ n: bigint }}\n    rules {{\n        \
             one: unique (n){rule}\n        low: n < 209_990\n    }}\n}}\n"
        )
    };
    for (rule, proofs, held) in [("", true, 12), ("", false, 12), (" else block above 3 rows", true, 10)] {
        let plan = plan(&contract(rule)).expect("a contract that compiles");
        let sink = std::sync::Arc::new(Counted::default());
        let batch = input(folder.path(), &["t.parquet".to_string()]);
        let datasets = BTreeMap::new();
        let report = runtime.block_on(judge(&job(&plan, &batch, &datasets, proofs, None), Some(sink.clone()))).expect("a report");
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        assert_eq!((of(&sink.accepted), of(&sink.held)), (ROWS as u64 - held, held), "{rule}");
        assert_eq!((of(&sink.begun), report.rows.quarantined), (1, held), "{rule}");
    }
}

#[derive(Default)]
struct Counted {
    begun: AtomicU64,
    accepted: AtomicU64,
    held: AtomicU64,
}

#[async_trait::async_trait]
impl dqc::run::Sink for Counted {
    async fn begin(&self, _: SchemaRef, _: SchemaRef, _: usize) -> Result<(), Fault> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.accepted.store(0, Ordering::Relaxed);
        self.held.store(0, Ordering::Relaxed);
        Ok(())
    }

    async fn accept(&self, _: usize, rows: RecordBatch) -> Result<(), Fault> {
        self.accepted.fetch_add(rows.num_rows() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn hold(&self, _: usize, rows: RecordBatch, marks: Vec<dqc::run::HeldRow>) -> Result<(), Fault> {
        assert_eq!(rows.num_rows(), marks.len());
        self.held.fetch_add(rows.num_rows() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Keys of a reference that take more memory than there is come in parts.
#[test]
fn references_are_judged_in_the_memory_there_is() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let texts = |rows: &dyn Fn(i64) -> Option<i64>| -> ArrayRef {
        std::sync::Arc::new((0..30_000).map(|row| rows(row).map(|n| format!("key {n}"))).collect::<StringArray>())
    };
    let orders = texts(&|row| match row {
        3 => Some(-1),
        4 => None,
        20_000 => Some(30_000),
        _ => Some(row),
    });
    let one = |array| RecordBatch::try_from_iter_with_nullable([("t", array, true)]).expect("a batch");
    write(&folder.path().join("orders.parquet"), &one(orders), None);
    write(&folder.path().join("keys.parquet"), &one(texts(&Some)), None);
    let contract = "contract silver.t @ 1.0.0 {\n    owner \"a@example.org\"\n    columns { t: string? }\n    rules {\n        \
                    known: (t) references silver.k(t)\n    }\n}\n\ncontract silver.k @ 1.0.0 {\n    owner \"a@example.org\"\n    \
                    columns { t: string unique }\n}\n";
    let plan = plan(contract).expect("a contract that compiles");
    let datasets = BTreeMap::from([("silver.k".to_string(), input(folder.path(), &["keys.parquet".to_string()]))]);
    for (memory, in_parts) in [(None, false), (Some(2 << 20), true)] {
        let batch = input(folder.path(), &["orders.parquet".to_string()]);
        let report = runtime.block_on(judged(&plan, &batch, &datasets, true, memory)).expect("a report");
        let known = report.rules.iter().find(|r| r.rule == "known").expect("the rule");
        let rows: Vec<u64> = known.samples.iter().filter_map(|s| s.row).collect();
        assert_eq!((known.violations, known.checked, rows), (2, 29_999, vec![4, 20_001]), "{memory:?}");
        assert_eq!(report.passes > 1, in_parts, "{memory:?}");
    }
    let batch = input(folder.path(), &["orders.parquet".to_string()]);
    let fault = runtime.block_on(judged(&plan, &batch, &datasets, true, Some(1 << 10))).expect_err("too little memory");
    assert!(fault.message.contains("silver.k") && fault.help.iter().any(|h| h.contains("--memory")), "{}", fault.message);
}

fn write(path: &Path, batch: &RecordBatch, properties: Option<WriterProperties>) {
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), properties).expect("a writer");
    writer.write(batch).expect("written rows");
    writer.close().expect("a closed file");
}

/// `None` for a contract that has errors.
fn plan(contract: &str) -> Option<Plan> {
    let compiled = dqc::compile(vec![SourceFile::new("proofs.dq", contract)], &crate::layers());
    let broken = compiled.diagnostics.iter().any(|d| d.severity == dqc::diagnostics::Severity::Error);
    if broken { None } else { lower::audit(&compiled.checked, &compiled.sources, "silver.t") }
}

async fn report(plan: &Plan, folder: &Path, files: &[String], proofs: bool, memory: Option<usize>) -> Report {
    let report = judged(plan, &input(folder, files), &BTreeMap::new(), proofs, memory).await;
    report.unwrap_or_else(|fault| panic!("{}", fault.message))
}

fn input(folder: &Path, files: &[String]) -> Input {
    let file = |path: &String| InputFile {
        path: path.clone(),
        size: std::fs::metadata(folder.join(path)).expect("a file").len(),
        e_tag: None,
        modified: 0,
        partition: Vec::new(),
        statistics: None,
    };
    let place = Place { url: format!("file://{}/", folder.display()), format: Format::Parquet };
    Input { place, files: files.iter().map(file).collect(), version: None }
}

async fn judged(
    plan: &Plan,
    input: &Input,
    datasets: &BTreeMap<String, Input>,
    proofs: bool,
    memory: Option<usize>,
) -> Result<Report, Fault> {
    judge(&job(plan, input, datasets, proofs, memory), None).await
}

fn job<'a>(
    plan: &'a Plan,
    input: &'a Input,
    datasets: &'a BTreeMap<String, Input>,
    proofs: bool,
    memory: Option<usize>,
) -> Job<'a> {
    static STORAGE: std::sync::LazyLock<dqc::storage::Storage> = std::sync::LazyLock::new(Default::default);
    Job {
        plan,
        storage: &STORAGE,
        input,
        datasets,
        table: None,
        history: None,
        batch: None,
        as_of: 1_767_312_000_000_000,
        memory,
        proofs,
        samples: 4,
        pictures: false,
        progress: None,
    }
}

/// All that does not depend on how a rule was decided.
fn said(report: &Report) -> Vec<String> {
    let rules = report.rules.iter().map(|r| {
        let samples = serde_json::to_string(&r.samples).expect("samples");
        let (rule, counts) = (&r.rule, (r.checked, r.violations, r.unknown));
        format!("{rule} {:?} {:?} {counts:?} {:?} {samples}", r.verdict, r.action, r.reason)
    });
    rules.chain([format!("{:?} {:?}", report.verdict, report.rows)]).collect()
}
