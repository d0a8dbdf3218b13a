//! The store behind a place: a local folder or an S3 bucket, behind the same names.

pub mod durable;
pub mod hashing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use url::Url;

use crate::fault::{Fault, FaultKind};
use crate::ir::InputFile;
use crate::project::{Project, Secret};

/// How an environment's storage is reached. Not `Debug`: the options can hold secrets.
#[derive(Default)]
pub struct Storage {
    /// `[storage.s3]`, by the names that the AWS environment variables have without their prefix: `region`, `endpoint`, …
    s3: BTreeMap<String, String>,
    /// By scheme and host, so that a bucket's connections are shared.
    roots: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>>,
}

impl Storage {
    pub fn new(s3: BTreeMap<String, String>) -> Self {
        Self { s3, roots: Mutex::default() }
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
        Ok(Self::new(settings))
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

    fn bucket(&self, url: &Url) -> Result<object_store::aws::AmazonS3, Fault> {
        let bucket = url.host_str().unwrap_or_default();
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        for (name, value) in &self.s3 {
            let key: AmazonS3ConfigKey = name.parse().map_err(|_| {
                Fault::usage(format!("`{name}` is no setting of `[storage.s3]`"))
                    .with_help("`region`, `endpoint`, `access_key_id`, `virtual_hosted_style_request`, `allow_http`, …")
            })?;
            builder = builder.with_config(key, value);
        }
        builder.build().map_err(|e| fault(&e, &format!("the bucket `{bucket}` could not be set up")))
    }
}

fn root_of(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

/// One place of an environment's storage.
#[derive(Clone)]
pub struct Store {
    pub url: Url,
    pub root: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Store {
    /// `url` ends with a slash, as in [`crate::ir::Place`].
    pub fn open(url: &str, storage: &Storage) -> Result<Self, Fault> {
        let slash = if url.ends_with('/') { "" } else { "/" };
        let url =
            Url::parse(&format!("{url}{slash}")).map_err(|_| Fault::usage(format!("`{url}` is no path and no URL")))?;
        let prefix = Path::from_url_path(url.path())
            .map_err(|_| Fault::usage(format!("`{url}` holds a name that storage cannot keep")))?;
        Ok(Self { root: storage.root(&url)?, url, prefix })
    }

    /// The store as seen from this place.
    pub fn folder(&self) -> Arc<dyn ObjectStore> {
        if self.prefix.as_ref().is_empty() {
            return self.root.clone();
        }
        Arc::new(object_store::prefix::PrefixStore::new(self.root.clone(), self.prefix.clone()))
    }

    fn path(&self, below: &str) -> Path {
        let mut path = self.prefix.clone();
        for part in below.split('/').filter(|part| !part.is_empty()) {
            path = match Path::parse(part) {
                Ok(parsed) => parsed.parts().fold(path, |path, part| path.join(part)),
                Err(_) => path.join(part),
            };
        }
        path
    }

    /// Every file below this place, sorted by path; none where there is nothing yet.
    pub async fn list(&self) -> Result<Vec<InputFile>, Fault> {
        self.list_below("").await
    }

    /// Every file below a folder of this place; paths are those below the place.
    pub async fn list_below(&self, folder: &str) -> Result<Vec<InputFile>, Fault> {
        let listing: Result<Vec<ObjectMeta>, _> = self.root.list(Some(&self.path(folder))).try_collect().await;
        let found = match listing {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(e) => return Err(fault(&e, &format!("the files of `{}` could not be listed", self.url))),
        };
        let mut files: Vec<InputFile> = found.into_iter().filter_map(|meta| self.file(meta)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    fn file(&self, meta: ObjectMeta) -> Option<InputFile> {
        let below: Vec<String> = meta.location.prefix_match(&self.prefix)?.map(|p| p.as_ref().to_owned()).collect();
        let path = below.join("/");
        Some(InputFile {
            partition: partition_of(&path),
            path,
            size: meta.size,
            e_tag: meta.e_tag,
            modified: meta.last_modified.timestamp_micros(),
        })
    }

    /// What storage says of one file now; `None` where it is gone.
    pub async fn stat(&self, path: &str) -> Result<Option<InputFile>, Fault> {
        match self.root.head(&self.path(path)).await {
            Ok(meta) => Ok(self.file(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(fault(&e, &format!("`{path}` below `{}` could not be looked up", self.url))),
        }
    }

    /// A small file's bytes.
    pub async fn read(&self, path: &str) -> Result<bytes::Bytes, Fault> {
        let failed = |e| fault(&e, &format!("`{path}` below `{}` could not be read", self.url));
        self.root.get(&self.path(path)).await.map_err(failed)?.bytes().await.map_err(failed)
    }

    pub async fn read_range(&self, path: &str, range: std::ops::Range<u64>) -> Result<bytes::Bytes, Fault> {
        let failed = |e| fault(&e, &format!("`{path}` below `{}` could not be read", self.url));
        self.root.get_range(&self.path(path), range).await.map_err(failed)
    }

    /// SHA-256 of a file's bytes, in hexadecimal.
    pub async fn digest(&self, path: &str) -> Result<String, Fault> {
        let failed = |e| fault(&e, &format!("`{path}` below `{}` could not be read", self.url));
        let mut bytes = self.root.get(&self.path(path)).await.map_err(failed)?.into_stream();
        let mut hash = Sha256::new();
        while let Some(chunk) = bytes.next().await {
            hash.update(chunk.map_err(failed)?);
        }
        Ok(hex(&hash.finalize()))
    }

    /// Removes files that nothing refers to; what cannot be removed stays, unseen.
    pub async fn discard(&self, paths: impl IntoIterator<Item = String>) {
        for path in paths {
            let _ = self.root.delete(&self.path(&path)).await;
        }
    }
}

/// `key=value` folders of a path, decoded.
pub fn partition_of(path: &str) -> Vec<(String, String)> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    parts
        .into_iter()
        .filter_map(|part| part.split_once('='))
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (percent_decoded(key), percent_decoded(value)))
        .collect()
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let pair = match tail {
            [high, low, ..] if *first == b'%' => {
                (*high as char).to_digit(16).zip((*low as char).to_digit(16)).map(|(h, l)| (h * 16 + l) as u8)
            }
            _ => None,
        };
        out.push(pair.unwrap_or(*first));
        rest = if pair.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
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
                object_store::Error::PermissionDenied { .. } => {
                    return (FaultKind::Permission, Some("permission denied"));
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
        cause = error.source();
    }
    (FaultKind::Storage, None)
}
