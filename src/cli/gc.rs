//! `dqc gc`: removes what nobody needs any more.

use crate::cli::lakes::Lakes;
use crate::cli::run::runtime;
use crate::cli::{Context, Exit, Outcome};
use crate::diagnostics::paint::visible;
use crate::promote::gc::{Horizon, collect};
use crate::report::numbers::{bytes, counted};

const HOUR: i64 = 3_600_000_000;

/// Remove what nobody needs any more
///
/// Files that no table's log names, left by runs that were killed or taken out by `replace` and `merge`; rows in quarantine
/// whose contract says `keep 90 days` and whose time is up; and the many small files of the ledger, which become few.
/// Files younger than the horizon may belong to a run that goes on, or to a reader of an earlier version, and stay.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc gc --dry-run
  dqc gc --older-than 30d")]
pub struct Args {
    /// How old a file must be, as `36h` or `7d`; at least an hour
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = age)]
    older_than: i64,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// Microseconds.
fn age(text: &str) -> Result<i64, String> {
    let wrong = || "write it as `36h` or `7d`".to_string();
    let (number, factor) = match (text.strip_suffix('h'), text.strip_suffix('d')) {
        (Some(hours), _) => (hours, HOUR),
        (_, Some(days)) => (days, 24 * HOUR),
        _ => return Err(wrong()),
    };
    let micros = number.trim().parse::<i64>().ok().and_then(|n| n.checked_mul(factor)).ok_or_else(wrong)?;
    if micros < HOUR {
        return Err("a run that goes on needs its files: at least `1h`".into());
    }
    Ok(micros)
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let lakes = match Lakes::open(context)? {
        Ok(lakes) => lakes,
        Err(exit) => return Ok(exit),
    };
    let planned = lakes.planned(&[])?;
    let lake = lakes.lake()?;
    let horizon = Horizon { as_of: context.now(), older_than: args.older_than, dry_run: args.dry_run };
    let named = args.dry_run || context.global.verbose;
    let mut tell = |what: &str, file: &str, size: u64| {
        if named {
            context.print(&format!("{what}: {}  {}\n", visible(file), bytes(size)));
        }
    };
    let done = runtime()?.block_on(collect(&planned.tasks(), &lake, &horizon, &|d| lakes.keep(d), &mut tell))?;
    let verb = if args.dry_run { "would be removed" } else { "removed" };
    let mut text = format!("{} {verb}, {}", counted(done.files, "file"), bytes(done.bytes));
    if done.rows > 0 {
        let verb = if args.dry_run { "would be forgotten" } else { "forgotten" };
        text.push_str(&format!("; {} in quarantine {verb}, as their contracts say", counted(done.rows, "row")));
    }
    if done.compacted > 0 {
        text.push_str(&format!("; {} of the ledger put together", counted(done.compacted, "file")));
    }
    context.print(&format!("{text}\n"));
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    use super::{HOUR, age};

    #[test]
    fn ages_are_read() {
        assert_eq!((age("36h"), age("7d")), (Ok(36 * HOUR), Ok(168 * HOUR)));
        assert!(age("0h").is_err() && age("7").is_err() && age("d").is_err() && age("99999999999999d").is_err());
    }
}
