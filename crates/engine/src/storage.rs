//! The stores behind URLs, as one environment reaches them: local disk and S3.

mod credentials;
pub mod durable;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::ObjectStore;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use url::Url;

use crate::fault::{Fault, FaultKind};
use crate::project::{Project, Secret};

/// How an environment's storage is reached. Not `Debug`: the options can hold secrets.
/// Clones share their connections.
#[derive(Clone, Default)]
pub struct Storage {
    /// `[storage.s3]`, by the names that the AWS environment variables have without their prefix: `region`, `endpoint`, …
    s3: BTreeMap<String, String>,
    /// By scheme and host, so that a bucket's connections are shared.
    roots: Arc<Mutex<BTreeMap<String, Arc<dyn ObjectStore>>>>,
    /// A setting of the environment under which commits to S3 are not safe, and what it says.
    unsafe_s3: Option<(&'static str, String)>,
}

impl Storage {
    pub fn new(s3: BTreeMap<String, String>) -> Self {
        Self { s3, ..Self::default() }
    }

    /// As if the environment had this setting, under which commits to S3 are not safe.
    pub fn with_unsafe_setting(mut self, name: &'static str, value: &str) -> Self {
        self.unsafe_s3 = Some((name, value.to_owned()));
        self
    }

    /// That of a project's environment; its secrets are read here.
    pub fn of(project: &Project) -> Result<Self, Fault> {
        let s3 = &project.config.s3;
        let mut settings = BTreeMap::new();
        let mut set = |name: &str, value: Option<String>| {
            settings.extend(value.map(|value| (name.to_owned(), value)));
        };
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|s| s.resolve(&project.root)).transpose();
        set("region", s3.region.clone());
        set("endpoint", s3.endpoint.clone());
        set("allow_http", s3.allow_http.then(|| "true".to_owned()));
        set("virtual_hosted_style_request", s3.path_style.then(|| "false".to_owned()));
        set("access_key_id", secret(&s3.access_key_id)?);
        set("secret_access_key", secret(&s3.secret_access_key)?);
        set("session_token", secret(&s3.session_token)?);
        set("server_side_encryption", s3.encryption.clone());
        set("sse_kms_key_id", s3.kms_key.clone());
        let mut storage = Self::new(settings);
        storage.unsafe_s3 = unsafe_setting();
        Ok(storage)
    }

    /// Refuses to commit where two writers could both believe that theirs is the next version.
    pub fn commits_safely(&self, url: &Url) -> Result<(), Fault> {
        match &self.unsafe_s3 {
            Some((name, value)) if url.scheme() != "file" => Err(Fault::usage(format!(
                "tables in `{}` cannot be written safely: `{name}` is `{value}`",
                root_of(url)
            ))
            .with_help(
                "dqc commits by conditional requests of S3 itself, which writers under another lock do not see; unset it, \
                 and let nobody else write these tables",
            )),
            _ => Ok(()),
        }
    }

    /// Uses `store` for every URL that starts with the scheme and host of `url`.
    pub fn register(&self, url: &Url, store: Arc<dyn ObjectStore>) {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner).insert(root_of(url), store);
    }

    /// The store whose paths are the URL's path: a bucket, or the local disk from `/`.
    pub fn root(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, Fault> {
        let key = root_of(url);
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = roots.get(&key) {
            return Ok(store.clone());
        }
        let store: Arc<dyn ObjectStore> = match url.scheme() {
            "file" => Arc::new(durable::Durable::new(LocalFileSystem::new())),
            "s3" | "s3a" => Arc::new(self.bucket(url)?),
            other => {
                return Err(Fault::usage(format!("storage of the kind `{other}:` is not known"))
                    .with_help("a path, or a URL that starts with `s3://`"));
            }
        };
        roots.insert(key, store.clone());
        Ok(store)
    }

    fn bucket(&self, url: &Url) -> Result<AmazonS3, Fault> {
        let bucket = url.host_str().unwrap_or_default();
        let named = credentials::named(&self.s3)?;
        let mut builder = of_environment().with_bucket_name(bucket);
        for (name, value) in &self.s3 {
            let key: AmazonS3ConfigKey = name.parse().map_err(|_| {
                Fault::usage(format!("`{name}` is no setting of `[storage.s3]`"))
                    .with_help("`region`, `endpoint`, `access_key_id`, `virtual_hosted_style_request`, `allow_http`, …")
            })?;
            builder = builder.with_config(key, value);
        }
        match named {
            Some(named) => builder = builder.with_credentials(named),
            None => credentials::exist(bucket)?,
        }
        builder.build().map_err(|e| fault(&e, &format!("the bucket `{bucket}` could not be set up")))
    }
}

/// Another lock than S3's own conditional requests, or none at all.
fn unsafe_setting() -> Option<(&'static str, String)> {
    let set = |name: &'static str| setting(name).map(|value| (name, value));
    set("AWS_S3_LOCKING_PROVIDER").or_else(|| {
        set("AWS_CONDITIONAL_PUT").filter(|(_, value)| !value.eq_ignore_ascii_case("etag"))
    })
}

/// The settings that S3 knows of the environment, but for empty ones, by which pipelines unset what they inherit.
fn of_environment() -> AmazonS3Builder {
    #[allow(clippy::disallowed_methods)]
    let all = std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    all.filter(|(key, value)| key.starts_with("AWS_") && !value.is_empty()).fold(AmazonS3Builder::new(), |builder, (key, value)| {
        match key.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            Ok(key) => builder.with_config(key, value),
            Err(_) => builder,
        }
    })
}

/// Of the environment, if it is there and not empty.
fn setting(name: &str) -> Option<String> {
    // The faces hand no environment down to here; the settings of storage are read where storage is.
    #[allow(clippy::disallowed_methods)]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn root_of(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

/// The kind of a failure below, and `doing` as what is said of it: the text below can hold values and secrets.
pub fn fault(error: &(dyn std::error::Error + 'static), doing: &str) -> Fault {
    let (kind, why) = kind_of(error);
    let message = match why {
        Some(why) => format!("{doing}: {why}"),
        None => doing.to_owned(),
    };
    let fault = Fault::new(kind, message);
    match kind {
        FaultKind::Permission => fault.with_help("see that the account which runs dqc may read and write there"),
        FaultKind::Storage => fault.with_help("running the same command again is safe"),
        _ => fault,
    }
}

/// Looks through an error and what caused it for the first that tells more than "storage".
fn kind_of(error: &(dyn std::error::Error + 'static)) -> (FaultKind, Option<&'static str>) {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<object_store::Error>() {
            match error {
                object_store::Error::PermissionDenied { source, .. } => {
                    return (FaultKind::Permission, Some(denied(&source.to_string())));
                }
                object_store::Error::Unauthenticated { .. } => {
                    return (FaultKind::Permission, Some("the credentials are not accepted"));
                }
                object_store::Error::NotFound { .. } => return (FaultKind::Storage, Some("it is not there")),
                _ => {}
            }
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind as K;
            match error.kind() {
                K::PermissionDenied | K::ReadOnlyFilesystem => {
                    return (FaultKind::Permission, Some("permission denied"));
                }
                K::StorageFull | K::QuotaExceeded => return (FaultKind::Storage, Some("the disk is full")),
                K::NotFound => return (FaultKind::Storage, Some("it is not there")),
                K::TimedOut => return (FaultKind::Storage, Some("no answer in time")),
                K::ConnectionRefused | K::ConnectionReset | K::ConnectionAborted => {
                    return (FaultKind::Storage, Some("no connection"));
                }
                _ => {}
            }
        }
        if let Some(refusal) = refused(&error.to_string()) {
            return refusal;
        }
        cause = error.source();
    }
    (FaultKind::Storage, None)
}

/// Why a server denies a request, by the code in its answer.
fn denied(answer: &str) -> &'static str {
    let says = |codes: &[&str]| codes.iter().any(|code| answer.contains(&format!("<Code>{code}</Code>")));
    if says(&["RequestTimeTooSkewed", "RequestExpired"]) {
        "this machine's clock and the storage's differ too much"
    } else if says(&["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"]) {
        "the credentials are not accepted"
    } else {
        "permission denied"
    }
}

/// What the answer of a server says, which some requests, such as listings, pass on as nothing but text.
fn refused(text: &str) -> Option<(FaultKind, Option<&'static str>)> {
    // Deletes are asked for in bulk, and a key's refusal stands in an answer that is well otherwise.
    if text.contains("DeleteObjects request failed for key ") {
        let (_, code) = text.rsplit_once("(code: ")?;
        let denied = matches!(code, "AccessDenied)" | "AllAccessDisabled)" | "AccountProblem)" | "NotSignedUp)");
        return denied.then_some((FaultKind::Permission, Some("permission denied")));
    }
    let (_, answer) = text.split_once("non-2xx status code: ")?;
    let expired = answer.contains("<Code>ExpiredToken</Code>") || answer.contains("<Code>InvalidToken</Code>");
    match answer.get(..3)? {
        "403" => Some((FaultKind::Permission, Some(denied(answer)))),
        "401" => Some((FaultKind::Permission, Some("the credentials are not accepted"))),
        "400" if expired => Some((FaultKind::Permission, Some("the credentials are not accepted"))),
        "404" => Some((FaultKind::Storage, Some("it is not there"))),
        _ => None,
    }
}
