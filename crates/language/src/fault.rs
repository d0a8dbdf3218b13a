//! Why a command could not do its work, in our words. An engine's own text never gets in: it can carry row values.

/// What kind of failure it is; decides the exit code and whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The command line or `dqc.toml` is wrong.
    Usage,
    /// The contract does not compile.
    Contract,
    /// Storage or network failed for now.
    Storage,
    /// Somebody else committed first.
    Conflict,
    /// The outcome of a commit is unknown; running again finds out.
    Unknown,
    /// Credentials or permission.
    Permission,
    /// A fault of dqc itself.
    Internal,
    /// Stopped by a signal of this number.
    Stopped(i32),
}

impl FaultKind {
    pub fn exit_code(self) -> i32 {
        match self {
            FaultKind::Usage => 2,
            FaultKind::Contract => 3,
            FaultKind::Storage => 20,
            FaultKind::Conflict => 21,
            FaultKind::Unknown => 22,
            FaultKind::Permission => 30,
            FaultKind::Internal => 70,
            FaultKind::Stopped(signal) => 128 + signal,
        }
    }
}

/// A failure: what happened to what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// One sentence without a full stop that names the thing.
    pub message: String,
    pub help: Option<String>,
}

impl Fault {
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Usage, message)
    }

    pub fn storage(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Storage, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Internal, message)
    }

    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

thread_local! {
    static CONTAINED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether a panic of this thread just now is dealt with by whoever waits for it, and nothing to be told.
pub fn is_contained() -> bool {
    CONTAINED.with(std::cell::Cell::get)
}

/// A future of a library that panics on some broken files instead of failing: that ends it, with `None`.
pub fn contained<'f, T>(work: impl Future<Output = T> + Send + 'f) -> impl Future<Output = Option<T>> + Send + 'f {
    let mut work = Box::pin(work);
    std::future::poll_fn(move |context| {
        CONTAINED.with(|c| c.set(true));
        // After a panic it is not polled again.
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work.as_mut().poll(context)));
        CONTAINED.with(|c| c.set(false));
        polled.map_or(std::task::Poll::Ready(None), |polled| polled.map(Some))
    })
}
