//! One HTTP request, and what its answer means for the message. No text of a failure goes on: it can hold the address,
//! which is a secret.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

/// So long a request may take, from the name's look-up to the answer.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// Why something did not go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// Later it can: there was no connection, or the server is in trouble.
    Later(&'static str),
    /// Not before so long.
    After(Duration),
    /// The server takes no such thing; the number is its answer.
    Never(u16),
    /// It cannot even be tried: a setting is wrong or a secret missing. Ours to say, and without the secret.
    Unset(String),
}

impl NotSent {
    pub fn words(&self) -> String {
        match self {
            NotSent::Later(why) => (*why).to_owned(),
            NotSent::After(wait) => format!("the server asks to wait for {} s", wait.as_secs()),
            NotSent::Never(code) => format!("the server refuses, with {code}"),
            NotSent::Unset(why) => why.clone(),
        }
    }
}

/// For all requests of a command.
#[derive(Clone)]
pub struct Client(Option<reqwest::Client>);

impl Client {
    pub fn new() -> Self {
        let agent = concat!("dqc/", env!("CARGO_PKG_VERSION"));
        // A redirect would carry the token elsewhere.
        let builder = reqwest::Client::builder().user_agent(agent).redirect(reqwest::redirect::Policy::none());
        Self(builder.connect_timeout(PATIENCE).timeout(PATIENCE).build().ok())
    }

    /// Posts JSON; `headers` are names and values.
    pub async fn json(&self, url: &str, body: String, headers: &[(String, String)]) -> Result<(), NotSent> {
        let client = self.0.as_ref().ok_or(NotSent::Later("the network cannot be used"))?;
        let url = reqwest::Url::parse(url).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
        let url = url.ok_or_else(|| NotSent::Unset("its address is none".to_owned()))?;
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let wrong = || NotSent::Unset("a header is not as HTTP takes it".to_owned());
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
            value.set_sensitive(true);
            all.insert(name, value);
        }
        let request = client.post(url).headers(all).header(CONTENT_TYPE, "application/json").body(body);
        let answer = request.send().await.map_err(|e| match e.is_timeout() {
            true => NotSent::Later("no answer in time"),
            false => no_connection(&e),
        })?;
        let status = answer.status();
        let wait = || {
            let text = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
            let seconds = text.trim().parse::<u64>().ok().or_else(|| until(text))?;
            Some(Duration::from_secs(seconds.min(86_400)))
        };
        match status.as_u16() {
            200..300 => Ok(()),
            429 => Err(NotSent::After(wait().unwrap_or(Duration::from_secs(30)))),
            503 if wait().is_some() => Err(NotSent::After(wait().unwrap_or_default())),
            408 | 425 | 500.. => Err(NotSent::Later("the server is in trouble")),
            code => Err(NotSent::Never(code)),
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

/// TLS says what it does not like as an error of input, below the client's own errors.
pub fn no_connection(error: &(dyn std::error::Error + 'static)) -> NotSent {
    let below = std::iter::successors(Some(error), |error| error.source());
    let kinds = below.filter_map(|error| error.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    match kinds.into_iter().any(|kind| kind == std::io::ErrorKind::InvalidData) {
        true => NotSent::Later("TLS with the server fails: its certificate is not one that this machine trusts, or it does not speak TLS there"),
        false => NotSent::Later("no connection"),
    }
}

/// Seconds from now to an HTTP date.
fn until(text: &str) -> Option<u64> {
    let at = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?.timestamp();
    u64::try_from(at - crate::ledger::now().div_euclid(1_000_000)).ok()
}
