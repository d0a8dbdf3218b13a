//! Metrics go out: into a file for Prometheus' textfile collector, and to an OTLP/HTTP receiver.

use std::io::Write as _;
use std::path::Path;

use super::post::Client;
use crate::project::Project;
use crate::report::metrics::Metrics;

/// Writes and sends what `[metrics]` asks for, and says what did not work. `began` and `ended`: nanoseconds since 1970.
pub async fn publish(metrics: Metrics, project: &Project, began: i64, ended: i64) -> Vec<String> {
    let wanted = &project.config.metrics;
    let mut notices = Vec::new();
    if let Some(address) = &wanted.otlp {
        let body = metrics.otlp(began, ended, project.config.name.as_deref()).to_string();
        let headers = wanted.headers.as_ref().map(|h| h.resolve(&project.root)).transpose();
        let sent = match (address.resolve(&project.root), headers) {
            (Ok(url), Ok(headers)) => {
                let url = format!("{}/v1/metrics", url.trim_end_matches('/'));
                let headers = pairs(&headers.unwrap_or_default());
                Client::new().json(&url, body, &headers).await.map_err(|why| why.words())
            }
            (Err(fault), _) | (_, Err(fault)) => Err(fault.message),
        };
        if let Err(why) = sent {
            notices.push(format!("metrics are not sent: {why}"));
        }
    }
    if let Some(path) = &wanted.file
        && write(&project.root.join(path), metrics).is_err()
    {
        notices.push("metrics are not written: the file of `[metrics]` cannot be".to_owned());
    }
    notices
}

/// `name=value,name=value`, values percent-encoded, as the environment variable has them.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), decoded(value.trim()))).collect()
}

fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = match tail {
            [high, low, ..] if *first == b'%' => char::from(*high).to_digit(16).zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        out.push(pair.and_then(|(h, l)| u8::try_from(h * 16 + l).ok()).unwrap_or(*first));
        rest = if pair.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Under a lock, so that two commands at once both count; then in one step, so that no reader sees half a file.
fn write(path: &Path, metrics: Metrics) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let lock = std::fs::OpenOptions::new().create(true).append(true).open(folder.join(format!(".{name}.lock")))?;
    lock.lock()?;
    let before = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(e),
    };
    let temporary = folder.join(format!(".{name}.new"));
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(metrics.over(&before).prometheus().as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}
