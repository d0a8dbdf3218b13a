//! Whether there is a whole way to credentials for S3. Where there is none, or half of one, the library below passes on to the
//! next, at last to the service of cloud machines, which it asks for minutes where there is no such service.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use object_store::aws::{AwsCredential, AwsCredentialProvider};
use object_store::StaticCredentialProvider;

use super::setting;
use crate::fault::{Fault, FaultKind};

const KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE: &str = "AWS_ROLE_ARN";
const TASK: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const POD: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const POD_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// The service of cloud machines.
const METADATA: &str = "169.254.169.254:80";
/// It is on the machine's own network; longer than this it never takes.
const NEAR: Duration = Duration::from_secs(1);

/// Those that `[storage.s3]` names, without anything of the environment: a key of the one and a session of the other
/// are refused. `None` where it names none.
///
/// # Errors
/// It names half of them.
pub fn named(s3: &BTreeMap<String, String>) -> Result<Option<AwsCredentialProvider>, Fault> {
    let of = |name: &str| s3.get(name).cloned();
    match (of("access_key_id"), of("secret_access_key")) {
        (None, None) => Ok(None),
        (Some(key_id), Some(secret_key)) => {
            let token = of("session_token");
            Ok(Some(std::sync::Arc::new(StaticCredentialProvider::new(AwsCredential { key_id, secret_key, token }))))
        }
        (Some(_), None) => Err(half("`access_key_id` in `[storage.s3]`", "`secret_access_key`")),
        (None, Some(_)) => Err(half("`secret_access_key` in `[storage.s3]`", "`access_key_id`")),
    }
}

/// # Errors
/// The environment shows no way to credentials, or half of one.
pub fn exist(bucket: &str) -> Result<(), Fault> {
    if setting("AWS_SKIP_SIGNATURE").is_some_and(|v| matches!(v.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "y" | "on")) {
        return Ok(());
    }
    if both(KEY, SECRET)? {
        return Ok(());
    }
    if both(TOKEN_FILE, ROLE)? {
        return readable(TOKEN_FILE);
    }
    if setting(TASK).is_some() {
        return Ok(());
    }
    // A token alone is what some machines set for programs that they do not run.
    if setting(POD).is_some() {
        both(POD, POD_TOKEN)?;
        return readable(POD_TOKEN);
    }
    let disabled = setting("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if !disabled && metadata_answers() {
        return Ok(());
    }
    let mut help = format!(
        "looked for: `access_key_id` in `[storage.s3]`, `{KEY}`, `{TOKEN_FILE}`, `{TASK}`, `{POD}`, and the service of cloud machines"
    );
    if setting("AWS_PROFILE").is_some() {
        help.push_str("; profiles are not read: `eval \"$(aws configure export-credentials --format env)\"` makes variables of one");
    }
    Err(Fault::new(FaultKind::Permission, format!("there are no credentials for the bucket `{bucket}`")).with_help(help))
}

/// Whether two settings that belong together are there.
fn both(first: &str, second: &str) -> Result<bool, Fault> {
    match (setting(first).is_some(), setting(second).is_some()) {
        (true, true) => Ok(true),
        (false, false) => Ok(false),
        (true, false) => Err(half(&format!("`{first}`"), &format!("`{second}`"))),
        (false, true) if first == TOKEN_FILE => Ok(false),
        (false, true) => Err(half(&format!("`{second}`"), &format!("`{first}`"))),
    }
}

fn half(there: &str, missing: &str) -> Fault {
    Fault::new(FaultKind::Permission, format!("the credentials for S3 are half set: {there} is there, and {missing} is not"))
        .with_help("set both, or neither for the next way to credentials to be tried")
}

fn readable(name: &str) -> Result<(), Fault> {
    let path = setting(name).unwrap_or_default();
    match std::fs::read(&path) {
        Ok(token) if !token.trim_ascii().is_empty() => Ok(()),
        Ok(_) => Err(Fault::new(FaultKind::Permission, format!("`{path}`, named by `{name}`, is empty"))),
        Err(_) => Err(Fault::new(FaultKind::Permission, format!("`{path}`, named by `{name}`, cannot be read"))
            .with_help("see that the file is there, and that the account which runs dqc may read it")),
    }
}

/// Whether the service speaks HTTP: some networks take every connection and never answer.
fn metadata_answers() -> bool {
    let address = match setting("AWS_METADATA_ENDPOINT") {
        Some(url) => url::Url::parse(&url).ok().and_then(|url| url.socket_addrs(|| Some(80)).ok()?.into_iter().next()),
        None => METADATA.to_socket_addrs().ok().and_then(|mut all| all.next()),
    };
    let answers = |address: SocketAddr| {
        let mut stream = TcpStream::connect_timeout(&address, NEAR)?;
        stream.set_read_timeout(Some(NEAR))?;
        write!(stream, "GET /latest/meta-data/ HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 5];
        stream.read_exact(&mut start)?;
        Ok::<_, std::io::Error>(start == *b"HTTP/")
    };
    address.is_some_and(|address| answers(address).unwrap_or(false))
}
