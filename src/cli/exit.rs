//! What the program ends with: one number for each outcome, and what to do about it.

use std::io::Write as _;

use crate::diagnostics::Diagnostic;
use crate::fault::{Fault, FaultKind};
use crate::project::OpenError;
use crate::source::SourceMap;

/// A fault of dqc itself.
pub const INTERNAL: i32 = 70;

/// How a command ended that did its work.
// Without the engine, some of it cannot happen.
#[allow(dead_code)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Clean,
    /// Errors were found, tests failed, files are badly formatted.
    Findings,
    /// The contract does not compile, so that nothing was judged.
    DoesNotCompile,
    Blocked,
    SlaMissed,
    /// Nothing was pending, and the caller wants to see it.
    NothingPending(u8),
    /// Some batches could not be judged or published; the worst of the reasons.
    Failed(FaultKind),
}

impl Exit {
    pub fn code(self) -> i32 {
        match self {
            Exit::Clean => 0,
            Exit::Findings => 1,
            Exit::DoesNotCompile => FaultKind::Contract.exit_code(),
            Exit::Blocked => 10,
            Exit::SlaMissed => 12,
            Exit::NothingPending(code) => i32::from(code),
            Exit::Failed(kind) => kind.exit_code(),
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    Fault(Fault),
    /// `dqc.toml` is wrong in these places.
    Config(SourceMap, Vec<Diagnostic>),
}

impl Failure {
    pub fn code(&self) -> i32 {
        match self {
            Failure::Fault(fault) => fault.kind.exit_code(),
            Failure::Config(..) => FaultKind::Usage.exit_code(),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Fault(fault)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Fault(fault) => Failure::Fault(fault),
            OpenError::Findings(sources, found) => Failure::Config(sources, found),
        }
    }
}

/// One row of the table of exit codes.
pub struct Meaning {
    pub code: i32,
    pub means: &'static str,
    /// Whether the same command can succeed later without anybody changing anything.
    pub retry: Option<bool>,
    pub next: &'static str,
}

/// All exit codes; `dqc explain exit N` and the documentation show them.
pub const MEANINGS: &[Meaning] = &[
    Meaning {
        code: 0,
        means: "clean; promoted, with warnings or quarantine that the contract allows; or nothing pending",
        retry: None,
        next: "Nothing to do.",
    },
    Meaning {
        code: 1,
        means: "`check` found errors, a test failed, or `fmt --check` found a file that is not formatted",
        retry: Some(false),
        next: "Read the findings; `dqc explain CODE` tells more about each. `dqc check --fix` applies the fixes that need no thought.",
    },
    Meaning {
        code: 2,
        means: "the command line or `dqc.toml` is wrong",
        retry: Some(false),
        next: "The message says what is not understood; `dqc COMMAND --help` shows what can be said.",
    },
    Meaning {
        code: 3,
        means: "the contract does not compile, so nothing was judged",
        retry: Some(false),
        next: "Run `dqc check`. Let it run before each merge, and this does not happen at night.",
    },
    Meaning {
        code: 10,
        means: "the batch violates its contract and is blocked; nothing of it was published",
        retry: Some(false),
        next: "The report names the rules, the rows and what their owners advise. Correct the data, or the contract, and run again.",
    },
    Meaning {
        code: 12,
        means: "a service level is missed; the data itself may have been promoted, late and good",
        retry: Some(false),
        next: "Tell those who rely on the data; look at why the batch came late.",
    },
    Meaning {
        code: 20,
        means: "storage or network failed for now",
        retry: Some(true),
        next: "Run again; nothing is half done.",
    },
    Meaning {
        code: 21,
        means: "somebody else committed first",
        retry: Some(true),
        next: "Run again; the batch is judged against the table as it is then.",
    },
    Meaning {
        code: 22,
        means: "the outcome of a commit is unknown",
        retry: Some(true),
        next: "Run again: it finds out whether the commit happened, and does not publish twice.",
    },
    Meaning {
        code: 30,
        means: "credentials or permission",
        retry: Some(false),
        next: "Give the named access, or the named secret, to whoever runs this.",
    },
    Meaning {
        code: 70,
        means: "a fault of dqc itself",
        retry: Some(false),
        next: "Report what the message names: the version and the place. It holds no data.",
    },
    Meaning { code: 130, means: "stopped by Ctrl-C; nothing is half done", retry: Some(true), next: "Run again." },
    Meaning {
        code: 143,
        means: "stopped by the scheduler or the system (SIGTERM); nothing is half done",
        retry: Some(true),
        next: "Run again.",
    },
];

/// Says where it happened, and nothing of what was being worked on: a panic's text can hold values of rows.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        if crate::fault::is_contained() {
            return;
        }
        let place = info.location().map_or("an unknown place".to_string(), |at| format!("{}:{}", at.file(), at.line()));
        let version = env!("CARGO_PKG_VERSION");
        let _ = writeln!(
            std::io::stderr(),
            "error: dqc has failed by a fault of its own; nothing is half done\n  report: dqc {version} at {place}, and the command that was run"
        );
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            let _ = writeln!(std::io::stderr(), "{}", std::backtrace::Backtrace::force_capture());
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHILD: &str = "DQC_TEST_PANICS";

    /// In a process of its own, as the hook is everybody's.
    #[test]
    fn a_panic_says_where_and_nothing_of_the_data() {
        let canary = "canary.person@private.example";
        if std::env::var_os(CHILD).is_some() {
            install_panic_hook();
            let mut contained = std::pin::pin!(crate::fault::contained::<()>(async { panic!("contained {canary}") }));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(contained.as_mut().poll(&mut context) == std::task::Poll::Ready(None));
            panic!("{canary} and {}", canary.to_uppercase());
        }
        let name = "cli::exit::tests::a_panic_says_where_and_nothing_of_the_data";
        let child = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, "1")
            .env("RUST_BACKTRACE", "full")
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
        assert!(!child.status.success() && said.matches("dqc has failed by a fault of its own").count() == 1, "{said}");
        assert!(said.contains("src/cli/exit.rs:"), "{said}");
        assert!(!said.to_lowercase().contains("canary.person"), "{said}");
    }

    #[test]
    fn every_outcome_has_its_row() {
        use FaultKind::*;
        let faults = [Usage, Contract, Storage, Conflict, Unknown, Permission, Internal, Stopped(2), Stopped(15)];
        let exits = [Exit::Clean, Exit::Findings, Exit::DoesNotCompile, Exit::Blocked, Exit::SlaMissed];
        for code in faults.iter().map(|f| f.exit_code()).chain(exits.iter().map(|e| e.code())) {
            assert!(MEANINGS.iter().any(|m| m.code == code), "{code}");
        }
    }
}
