//! Servers that messages are sent to: a scripted one of our own, and real ones in Python.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Once};

/// An HTTP server that gives the scripted answers one after the other, then the last one for ever.
pub struct Scripted {
    pub url: String,
    /// Headers and body of each request.
    pub seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Scripted {
    /// An answer is a status line's end and headers, `200 OK`, `429 Too Many\r\nRetry-After: 1`, with a body after an empty
    /// line; an empty one never comes.
    pub fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let answers: Vec<String> = answers.iter().map(|a| (*a).to_owned()).collect();
        let kept = seen.clone();
        std::thread::spawn(move || {
            for (i, stream) in listener.incoming().filter_map(Result::ok).enumerate() {
                let answer = answers.get(i).or(answers.last()).cloned().unwrap_or_default();
                let kept = kept.clone();
                std::thread::spawn(move || serve(stream, &answer, &kept));
            }
        });
        Self { url, seen }
    }

    pub fn count(&self) -> usize {
        self.seen.lock().expect("no panic").len()
    }

    pub fn bodies(&self) -> Vec<serde_json::Value> {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().map(|(_, body)| serde_json::from_str(body).expect("JSON")).collect()
    }
}

fn serve(stream: std::net::TcpStream, answer: &str, seen: &Mutex<Vec<(String, String)>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some((_, value)) = line.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() || head.is_empty() {
        return;
    }
    seen.lock().expect("no panic").push((head, String::from_utf8_lossy(&body).into_owned()));
    if answer.is_empty() {
        std::thread::sleep(std::time::Duration::from_secs(30));
        return;
    }
    let mut stream = stream;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, "ok"));
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
}

/// `peer.py serve`: an SMTP server, and one for Slack, webhooks, OTLP and lineage that checks what it gets.
pub struct Peer {
    child: Child,
    pub smtp: u16,
    pub http: u16,
    /// SMTP that wants TLS and a password; 0 without certificates.
    pub guarded: u16,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `None`, and a line about it, where there is no Python.
pub fn start(folder: &Path, certificates: Option<&Path>) -> Option<Peer> {
    let mut child = python()?
        .arg("serve")
        .arg(folder)
        .args(certificates)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the peer starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut line).expect("its ports");
    let ports: Vec<u16> = line.split_whitespace().filter_map(|p| p.parse().ok()).collect();
    let [smtp, http, ref guarded @ ..] = ports[..] else { panic!("the peer did not start: {line}") };
    Some(Peer { child, smtp, http, guarded: guarded.first().copied().unwrap_or(0) })
}

fn python() -> Option<Command> {
    static TOLD: Once = Once::new();
    let Some(python) = std::env::var_os("DQC_TEST_PYTHON") else {
        TOLD.call_once(|| {
            let _ = writeln!(std::io::stderr(), "skipped: servers for mail, Slack, OTLP and lineage; tests/run sets DQC_TEST_PYTHON");
        });
        return None;
    };
    let mut command = Command::new(python);
    command.arg(crate::root().join("tests/it/people/peer.py"));
    Some(command)
}
