//! Whether there are credentials for S3 at all. Without any, the library below asks the service of cloud machines for them,
//! again and again for minutes where there is no such service.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::setting;
use crate::fault::{Fault, FaultKind};

/// Any of these begins a way to credentials, or says that none are needed.
const WAYS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
];
/// The service of cloud machines.
const METADATA: &str = "169.254.169.254:80";
/// It is on the machine's own network; longer than this it never takes.
const NEAR: Duration = Duration::from_secs(1);

/// # Errors
/// There is no way to credentials.
pub fn exist(bucket: &str) -> Result<(), Fault> {
    let disabled = setting("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if WAYS.iter().any(|name| setting(name).is_some()) || (!disabled && metadata_answers()) {
        return Ok(());
    }
    let mut help = format!(
        "looked for: `access_key_id` in `[storage.s3]`, {}, and the service of cloud machines",
        WAYS.iter().take(4).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    );
    if setting("AWS_PROFILE").is_some() {
        help.push_str("; profiles are not read: `eval \"$(aws configure export-credentials --format env)\"` makes variables of one");
    }
    Err(Fault::new(FaultKind::Permission, format!("there are no credentials for the bucket `{bucket}`")).with_help(help))
}

fn metadata_answers() -> bool {
    let address = match setting("AWS_METADATA_ENDPOINT") {
        Some(url) => url::Url::parse(&url).ok().and_then(|url| url.socket_addrs(|| Some(80)).ok()?.into_iter().next()),
        None => METADATA.to_socket_addrs().ok().and_then(|mut all| all.next()),
    };
    address.is_some_and(|address: SocketAddr| TcpStream::connect_timeout(&address, NEAR).is_ok())
}
