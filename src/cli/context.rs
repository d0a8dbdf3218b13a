//! What every command shares: the global options, the terminal, the project.

use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::exit::Failure;
use crate::diagnostics::paint::{Paint, visible_json, visible_lines};
use crate::diagnostics::render::Renderer;
use crate::fault::Fault;
use crate::project::Project;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The project's folder, or one below it [default: found upward from here]
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// An environment of dqc.toml, as `prod` for `[env.prod]`
    #[arg(long, global = true, value_name = "NAME", env = "DQC_ENV", hide_env_values = true)]
    pub env: Option<String>,
    /// The clock: every age, deadline and date is reckoned from it [default: now]
    #[arg(long, global = true, value_name = "INSTANT", value_parser = parse_instant)]
    pub as_of: Option<i64>,
    /// How much memory may be held, as `4GB` [default: 60% of the machine's]
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<usize>,
    /// Whether to use colours; `auto` follows the terminal and NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = false)]
    pub color: When,
    /// Results only
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Everything, also what passed
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

/// Microseconds since 1970 in UTC of an RFC 3339 instant; a date alone is its first instant.
fn parse_instant(text: &str) -> Result<i64, String> {
    if let Ok(instant) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(instant.timestamp_micros());
    }
    let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
    date.map(|midnight| midnight.and_utc().timestamp_micros()).ok_or_else(|| {
        "write it as `2026-01-31T06:00:00Z`, or `2026-01-31` for the first instant of a day in UTC".into()
    })
}

/// Bytes: `4GB`, `512MB`, `1.5GiB`.
fn parse_size(text: &str) -> Result<usize, String> {
    let wrong = || "write it as `4GB` or `512MB`".to_string();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let bytes = number.parse::<f64>().map_err(|_| wrong())? * factor;
    if bytes < 16e6 {
        return Err("at least 16MB are needed".into());
    }
    Ok(bytes as usize)
}

pub struct Context {
    pub global: Global,
    /// For results.
    pub out: Paint,
    /// For progress and logs.
    pub err: Paint,
}

impl Context {
    pub fn new(global: Global) -> Self {
        let paint = |terminal: bool| Paint { color: colored(global.color, terminal), width: width() };
        let (out, err) = (paint(std::io::stdout().is_terminal()), paint(std::io::stderr().is_terminal()));
        Self { global, out, err }
    }

    /// Prints a result. A reader that has seen enough (`| head`) ends the program in peace.
    pub fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    }

    /// Prints JSON.
    pub fn print_json(&self, text: &str) {
        self.print(&visible_json(text));
    }

    /// A line for people beside the results.
    pub fn log(&self, line: &str) {
        self.log_painted(&visible_lines(line));
    }

    /// A line with our own colours, in which nothing else acts.
    pub fn log_painted(&self, line: &str) {
        if !self.global.quiet {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    pub fn failure(&self, failure: &Failure) {
        let text = match failure {
            Failure::Fault(fault) => fault_text(self.err, fault),
            Failure::Config(sources, found) => {
                let prefix = self.start().map_or_else(|_| String::new(), |root| prefix(&root));
                let renderer = Renderer::new(sources, self.err, &prefix);
                found.iter().map(|d| renderer.finding(d)).collect()
            }
        };
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    /// The project's folder: named, or found upward from where the program was started.
    pub fn start(&self) -> Result<PathBuf, Fault> {
        self.start_from(None)
    }

    /// As [`Context::start`], but with no project named, upward from `path`.
    pub fn start_from(&self, path: Option<&Path>) -> Result<PathBuf, Fault> {
        match (&self.global.project, path) {
            (Some(named), _) => Project::find(named),
            (None, Some(path)) if path.is_dir() => Project::find(path),
            (None, Some(path)) => {
                Project::find(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))
            }
            (None, None) => Project::find(Path::new(".")),
        }
    }

    pub fn project(&self) -> Result<Project, Failure> {
        self.project_from(None)
    }

    pub fn project_from(&self, path: Option<&Path>) -> Result<Project, Failure> {
        Ok(Project::open(&self.start_from(path)?, self.global.env.as_deref())?)
    }

    /// The clock, in microseconds since 1970 in UTC.
    pub fn now(&self) -> i64 {
        self.global.as_of.unwrap_or_else(|| chrono::Utc::now().timestamp_micros())
    }
}

pub fn fault_text(paint: Paint, fault: &Fault) -> String {
    let mut text = format!("{}{} {}\n", paint.red("error"), paint.dim(":"), paint.bold(&visible_lines(&fault.message)));
    for (i, line) in fault.help.iter().flat_map(|help| paint.wrap(&visible_lines(help), 8)).enumerate() {
        let head = if i == 0 { paint.blue("help:") } else { "     ".into() };
        text.push_str(&format!("  {head} {line}\n"));
    }
    text
}

/// `NO_COLOR` as on no-color.org: set and not empty.
fn colored(when: When, terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// Columns of the terminal, within what can be read; what goes into a file has a fixed width.
fn width() -> usize {
    let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    columns.unwrap_or(100).clamp(60, 140)
}

/// What to put before a path of the project so that it can be opened from here.
pub fn prefix(root: &Path) -> String {
    let Ok(here) = std::env::current_dir().and_then(|here| here.canonicalize()) else { return String::new() };
    if let Ok(below) = root.strip_prefix(&here) {
        let below = below.to_string_lossy();
        return if below.is_empty() { String::new() } else { format!("{below}/") };
    }
    match here.strip_prefix(root) {
        Ok(above) => "../".repeat(above.components().count()),
        Err(_) => format!("{}/", root.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_instants_are_read() {
        assert_eq!(parse_size("4GB"), Ok(4_000_000_000));
        assert_eq!(parse_size("1.5 GiB"), Ok(1_610_612_736));
        assert!(parse_size("4 apples").is_err() && parse_size("1KB").is_err() && parse_size("").is_err());
        assert_eq!(parse_instant("1970-01-02"), Ok(86_400_000_000));
        assert_eq!(parse_instant("1970-01-01T01:00:00+01:00"), Ok(0));
        assert!(parse_instant("yesterday").is_err());
    }
}
