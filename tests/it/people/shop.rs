//! A small project in a temporary folder: orders with personal and secret columns, promoted day by day.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;

pub struct Shop {
    folder: tempfile::TempDir,
    /// Set for every command.
    pub env: Vec<(String, String)>,
}

/// One order: amount, e-mail, token.
pub type Order<'a> = (i64, &'a str, &'a str);

pub const GOOD: &[Order<'static>] = &[(5, "ada@example.com", "t-1"), (7, "bob@example.com", "t-2")];
pub const BAD: &[Order<'static>] = &[(5, "ada@example.com", "t-1"), (-7, "bob@example.com", "t-2")];

const CONTRACTS: &str = r#"
contract bronze.orders @ 1.0.0 {
    columns {
        id: bigint  amount: bigint  email: string personal  token: string secret
        at: timestamp?  note: string?
    }
}

/// One row per order.
contract silver.orders @ 1.2.0 {
    owner "finance-data@acme.example"
    zone  "UTC"
    nulls pass
    columns {
        id: bigint key
        amount: bigint
        email: string personal
        token: string secret
        at: timestamp?
        note: string?
    }
    rules {
        /// Every order costs something.
        positive: amount > 0
            because "Order {id} of {email} costs {amount}."
            fix     "Ask the till for that day's export again."
        short_note: length(note) < 100 else warn
    }
SLA
}

promote bronze.orders to silver.orders {
    batches by folder "day"
    write replace
    notify team on block, warn
}
"#;

impl Shop {
    /// `more`: what stands in `dqc.toml` beside layers and ledger; `sla`: the entries of the service levels.
    pub fn new(more: &str, sla: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shop = Self { folder, env: Vec::new() };
        let toml = format!(
            "[project]\nname = \"shop\"\n[layers]\nbronze = {{ path = \"lake/bronze\", format = \"parquet\" }}\n\
             silver = \"lake/silver\"\ngold = \"lake/gold\"\n[quarantine]\npath = \"lake/quarantine\"\n[ledger]\n\
             path = \"lake/_dqc\"\n{more}"
        );
        shop.write("dqc.toml", &toml);
        let sla = if sla.is_empty() { String::new() } else { format!("    sla {{\n{sla}\n    }}") };
        shop.write("orders.dq", &CONTRACTS.replace("SLA", &sla));
        shop
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub fn read(&self, below: &str) -> String {
        std::fs::read_to_string(self.path(below)).unwrap_or_default()
    }

    pub fn day(&self, day: &str, orders: &[Order<'_>]) {
        self.day_at(day, orders, None);
    }

    /// The orders of a day, all of one instant.
    pub fn day_at(&self, day: &str, orders: &[Order<'_>], at: Option<&str>) {
        let first = day.bytes().map(i64::from).sum::<i64>() * 1000;
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((first..).take(orders.len())));
        let amounts: ArrayRef = Arc::new(Int64Array::from_iter_values(orders.iter().map(|o| o.0)));
        let text = |of: fn(&Order<'_>) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(orders.iter().map(of)))
        };
        let micros = at.map(|at| chrono::DateTime::parse_from_rfc3339(at).expect("an instant").timestamp_micros());
        let instants = TimestampMicrosecondArray::from(vec![micros; orders.len()]).with_timezone("UTC");
        let rows = RecordBatch::try_from_iter([
            ("id", ids),
            ("amount", amounts),
            ("email", text(|o| o.1.to_owned())),
            ("token", text(|o| o.2.to_owned())),
            ("at", Arc::new(instants) as ArrayRef),
            ("note", Arc::new(StringArray::from(vec![None::<&str>; orders.len()])) as ArrayRef),
        ])
        .expect("rows");
        self.parquet(&format!("lake/bronze/orders/day={day}/a.parquet"), &rows);
    }

    pub fn parquet(&self, below: &str, rows: &RecordBatch) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let file = std::fs::File::create(path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, rows.schema(), None).expect("a writer");
        writer.write(rows).expect("rows written");
        writer.close().expect("a file");
    }

    pub fn dqc(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program starts")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
        command.args(args).arg("--project").arg(self.folder.path()).env_remove("DQC_ENV").env_remove("RUST_BACKTRACE");
        command.envs(self.env.iter().cloned());
        command
    }

    /// Messages that wait.
    pub fn pending(&self) -> Vec<serde_json::Value> {
        let files = walk(&self.path("lake/_dqc/outbox/pending"));
        files.iter().filter_map(|p| serde_json::from_str(&std::fs::read_to_string(p).ok()?).ok()).collect()
    }
}

/// Every file below a folder.
pub fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    entries.filter(|e| e.file_type().is_file()).map(|e| e.into_path()).collect()
}

pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("exit {:?}\n{}\n{}", output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A day from today on, in UTC: `-1` is yesterday.
pub fn day(from_today: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    let days = i64::try_from(now / 86_400).expect("a day") + from_today;
    let date = chrono::DateTime::from_timestamp(days * 86_400, 0).expect("a day");
    date.date_naive().to_string()
}
