//! `dqc receipt`: what was published, by whom and from which files; and whether it is there still.

use std::fmt::Write as _;

use crate::cli::lakes::Lakes;
use crate::cli::reports::Format;
use crate::cli::run::runtime;
use crate::cli::{Context, Exit, Outcome};
use crate::diagnostics::paint::{Paint, visible};
use crate::diagnostics::suggest;
use crate::fault::Fault;
use crate::lake::receipt::{self, Published, Verified};
use crate::project::folder_url;
use crate::report::numbers::{bytes, counted, grouped};
use crate::report::table::{Cell, Table};

/// Prove that a table holds what was judged
#[derive(clap::Subcommand)]
pub enum Command {
    /// Compare every file of a table, byte for byte, with what was judged and published
    ///
    /// The log of a table keeps the SHA-256 of every file that dqc published. A file that is gone, was changed, or was
    /// written by somebody else is named. Exit code 1 tells of such files.
    Verify(Args),
    /// The receipts of a table: each batch with its contract, counts, files, and who promoted it when
    List(Args),
}

#[derive(clap::Args)]
pub struct Args {
    /// A dataset, as `silver.orders`, or the path or URL of a table
    #[arg(value_name = "TABLE")]
    table: String,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub fn run(context: &Context, command: Command) -> Outcome {
    let lakes = match Lakes::open(context)? {
        Ok(lakes) => lakes,
        Err(exit) => return Ok(exit),
    };
    let (Command::Verify(args) | Command::List(args)) = &command;
    let url = place(&lakes, &args.table)?;
    let missing = || Fault::usage(format!("there is no table at `{}`", args.table)).with_help("a dataset of the project, or a Delta table's path");
    match command {
        Command::Verify(_) => {
            let found = runtime()?.block_on(receipt::verify(&url, &lakes.storage))?.ok_or_else(missing)?;
            context.print(&if args.format == Format::Json { verified_json(&found) } else { verified(context.out, &found) });
            Ok(if found.broken.is_empty() { Exit::Clean } else { Exit::Findings })
        }
        Command::List(_) => {
            let found = runtime()?.block_on(receipt::list(&url, &lakes.storage))?.ok_or_else(missing)?;
            match args.format {
                Format::Json => found.iter().for_each(|one| context.print_json(&format!("{}\n", serde_json::json!(one)))),
                _ => context.print(&listed(context.out, &found)),
            }
            Ok(Exit::Clean)
        }
    }
}

fn place(lakes: &Lakes, name: &str) -> Result<String, Fault> {
    let lake = lakes.lake()?;
    if let Some(place) = lake.places.get(name) {
        return Ok(place.url.clone());
    }
    let local = lakes.project.root.join(name);
    let beside = std::env::current_dir().map(|here| here.join(name)).unwrap_or_else(|_| local.clone());
    if name.contains("://") || beside.is_dir() {
        return Ok(folder_url(beside.parent().unwrap_or(&local), &if name.contains("://") { name.to_string() } else { beside.to_string_lossy().into_owned() }));
    }
    let fault = Fault::usage(format!("`{name}` is no dataset of the project and no folder"));
    Err(match suggest::nearest_help(name, lake.places.keys().map(String::as_str)) {
        Some(near) => fault.with_help(near),
        None => fault,
    })
}

fn verified_json(found: &Verified) -> String {
    let broken: Vec<_> = found.broken.iter().map(|(file, why)| serde_json::json!({"file": file, "reason": why})).collect();
    let line = serde_json::json!({"version": found.version, "intact": found.intact, "bytes": found.bytes, "broken": broken});
    format!("{line}\n")
}

fn verified(paint: Paint, found: &Verified) -> String {
    let intact = format!("{}, {}, as they were judged", counted(found.intact as u64, "file"), bytes(found.bytes));
    let mut out = format!("version {}: {}\n", found.version, if found.broken.is_empty() { paint.green(&intact) } else { intact });
    for (file, why) in &found.broken {
        let _ = writeln!(out, "  {} {}", paint.red(&visible(file)), why);
    }
    out
}

fn listed(paint: Paint, found: &[Published]) -> String {
    let mut table = Table::default();
    for (name, right) in
        [("version", true), ("when", false), ("batch", false), ("contract", false), ("accepted", true), ("held", true), ("files", true), ("by", false)]
    {
        table.column(name, right);
    }
    for one in found {
        table.row(vec![
            Cell::from(one.version.to_string()),
            Cell::dim(one.at.clone().unwrap_or_default()),
            Cell::from(visible(&one.batch).into_owned()),
            Cell::from(one.contract_version.clone()),
            Cell::from(grouped(one.accepted)),
            Cell::from(grouped(one.held)),
            Cell::from(grouped(one.files.len() as u64)),
            Cell::dim(visible(&one.by).into_owned()),
        ]);
    }
    format!("{}\n", table.lines(paint, "", 40).0.join("\n"))
}
