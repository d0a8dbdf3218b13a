//! A message as e-mail: text and HTML beside each other, threaded, and marked as sent by a program.

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor};
use maud::{DOCTYPE, html};

use super::message::{Kind, Message};
use super::post::{NotSent, PATIENCE, no_connection};
use super::{news, safe};

/// `[channels.NAME]` with `kind = "mail"`, its password read.
#[derive(Clone)]
pub struct Server {
    pub host: String,
    pub port: Option<u16>,
    pub from: String,
    /// With commas.
    pub to: String,
    pub user: Option<String>,
    pub password: Option<String>,
    /// `starttls tls none`
    pub tls: String,
}

/// Longer subjects are cut by those who show them.
const SUBJECT: usize = 150;

/// `sent`: what its `Date` says, in microseconds since 1970 in UTC.
///
/// # Errors
/// An address of the settings is none.
pub fn build(message: &Message, server: &Server, sent: i64) -> Result<Mail, NotSent> {
    let address = |text: &str| {
        text.trim().parse::<Mailbox>().map_err(|_| NotSent::Unset("`from` or `to` holds no mail address".to_owned()))
    };
    let from = address(&server.from)?;
    let host = from.email.domain().to_owned();
    let id = |id: &str| format!("<{id}@{host}>");
    let sent = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(sent).unwrap_or(0));
    let mut mail = Mail::builder()
        .from(from.clone())
        .date(sent)
        .subject(safe::line(&format!("{} {}", message.kind.sign(), message.subject), SUBJECT))
        .message_id(Some(id(&message.id)));
    for to in server.to.split(',').filter(|t| !t.trim().is_empty()) {
        mail = mail.to(address(to)?);
    }
    if message.number() > 1 {
        let before = id(&format!("{}.{}", message.thread, message.number() - 1));
        let root = id(&message.root());
        let references = if root == before { root } else { format!("{root} {before}") };
        mail = mail.in_reply_to(before).references(references);
    }
    // Who has a question asks the owner.
    if let Some(owner) = message.owner.as_ref().and_then(|owner| owner.trim().parse::<Mailbox>().ok()) {
        mail = mail.reply_to(owner);
    }
    // RFC 2919: what folders and filters go by. RFC 3834: nobody's holiday notice answers.
    let list = format!("<{}.dqc.{host}>", label(&message.contract));
    for (name, value) in
        [("List-Id", list.as_str()), ("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")]
    {
        let name = HeaderName::new_from_ascii(name.to_owned());
        let name = name.map_err(|_| NotSent::Unset("a header is not as mail takes it".to_owned()))?;
        mail = mail.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    let parts = MultiPart::alternative_plain_html(news::plain(message), page(message));
    mail.multipart(parts).map_err(|_| NotSent::Unset("`to` holds no mail address".to_owned()))
}

/// A dataset's name as part of a domain's.
fn label(dataset: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    dataset.chars().map(plain).collect()
}

fn page(message: &Message) -> String {
    let color = match message.kind {
        Kind::Blocked | Kind::Refused | Kind::SlaMissed => "#b3261e",
        Kind::Quarantined | Kind::Warned => "#8a5a00",
        Kind::Recovered | Kind::Retried => "#1b6e3c",
    };
    let code = "font-family:monospace;white-space:pre-wrap;background:#f4f4f4;padding:8px";
    html! {
        (DOCTYPE)
        html { body style="font-family:sans-serif;font-size:14px;color:#222" {
            h2 style={ "color:" (color) ";font-size:17px" } { (message.kind.sign()) " " (safe::line(&message.subject, SUBJECT)) }
            table style="border-spacing:0" {
                @for (name, text) in news::facts(message) {
                    tr { td style="color:#666;padding:1px 12px 1px 0;vertical-align:top" { (name) } td { (text) } }
                }
            }
            @for rule in &message.rules {
                @let part = news::part(rule);
                h3 style="font-size:14px;margin:18px 0 4px" { (part.heading) }
                table style="border-spacing:0" {
                    @for (name, text) in &part.lines {
                        tr { td style="color:#666;padding:1px 12px 1px 0;vertical-align:top" { (name) } td { (text) } }
                    }
                }
                @if !part.samples.is_empty() { div style=(code) { (part.samples.join("\n")) } }
            }
            @if message.more_rules > 0 { p { "and " (super::message::counted(message.more_rules, "more rule")) } }
            @if let Some(next) = &message.next { p { (safe::lines(next, 800)) } }
            @if let Some(again) = &message.again { div style=(code) { (safe::line(again, 800)) } }
            p style="color:#666;font-size:12px" { "dqc " (message.dqc) " as of " (message.as_of) }
        } }
    }
    .into_string()
}

/// Hands a mail over to the server.
pub async fn send(message: &Message, server: &Server, sent: i64) -> Result<(), NotSent> {
    let mail = build(message, server, sent)?;
    let parameters = || {
        TlsParameters::new(server.host.clone())
            .map_err(|_| NotSent::Unset("the certificates of this machine cannot be read".to_owned()))
    };
    let (tls, port) = match server.tls.as_str() {
        "none" => (Tls::None, 25),
        "tls" => (Tls::Wrapper(parameters()?), 465),
        _ => (Tls::Required(parameters()?), 587),
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.as_str())
        .port(server.port.unwrap_or(port))
        .tls(tls)
        .timeout(Some(PATIENCE));
    if let Some(user) = &server.user {
        let password = server.password.clone().unwrap_or_default();
        transport = transport.credentials(Credentials::new(user.clone(), password));
    }
    let sending = transport.build::<Tokio1Executor>();
    match tokio::time::timeout(PATIENCE, sending.send(mail)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) if e.is_permanent() => Err(NotSent::Never(e.status().map_or(550, u16::from))),
        Ok(Err(e)) if e.is_timeout() => Err(NotSent::Later("no answer in time")),
        Ok(Err(e)) if e.is_transient() => Err(NotSent::Later("the server is in trouble")),
        Ok(Err(e)) => Err(no_connection(&e)),
        Err(_) => Err(NotSent::Later("no answer in time")),
    }
}
