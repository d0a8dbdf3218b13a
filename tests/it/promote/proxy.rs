//! A proxy in front of an S3 server, which loses a request or its answer; and every request of a command lost once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dqc::promote::Stop;
use tokio::sync::Notify;

use crate::promote::faults::all_points;
use crate::promote::lake::Lake;
use crate::promote::scenarios::{self, Scenario};
use crate::promote::scripted::{How, Point};
use crate::promote::server::Server;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    path: String,
    pub query: String,
    /// Whether the server is asked to copy what it has.
    pub copies: bool,
    /// How the server is asked to encrypt it.
    pub encryption: String,
}

impl Request {
    fn is_commit(&self) -> bool {
        self.method == "PUT" && self.path.contains("_delta_log") && self.path.ends_with(".json")
    }
}

/// The status and the code of an answer that the server is not asked for.
pub type Answer = fn(&Request, usize) -> Option<(&'static str, &'static str)>;

pub struct Proxy {
    pub url: String,
    state: Arc<State>,
}

struct State {
    server: u16,
    point: Option<Point>,
    answer: Answer,
    /// In the order in which they came.
    seen: Mutex<Vec<Request>>,
    reached: Notify,
    gone: Mutex<bool>,
}

impl Proxy {
    fn start(server: &Server, point: Option<Point>) -> Self {
        Self::with(server, point, |_, _| None)
    }

    /// One that gives some of the answers itself.
    pub fn answering(server: &Server, answer: Answer) -> Self {
        Self::with(server, None, answer)
    }

    fn with(server: &Server, point: Option<Point>, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = State { server: server.port, point, answer, seen: Mutex::default(), reached: Notify::new(), gone: Mutex::new(false) };
        let state = Arc::new(state);
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                if *shared.gone.lock().expect("no panic") {
                    return;
                }
                let shared = shared.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { url, state }
    }

    pub fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().expect("no panic").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        *self.state.gone.lock().expect("no panic") = true;
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

/// One request a connection: the client is told to open another for the next.
fn serve(mut client: TcpStream, state: &State) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let (mut head, mut length, mut copies, mut encryption) = (String::new(), 0, false, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "x-amz-copy-source" => copies = true,
            "x-amz-server-side-encryption" => encryption = value.trim().to_owned(),
            _ => {}
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let request = Request { method, path: path.to_owned(), query: query.to_owned(), copies, encryption };
    let (number, answer) = {
        let mut seen = state.seen.lock().ok()?;
        let answer = (state.answer)(&request, seen.len());
        seen.push(request);
        (seen.len() - 1, answer)
    };
    if let Some((status, code)) = answer {
        let body = format!("<Error><Code>{code}</Code></Error>");
        let length = body.len();
        write!(client, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").ok()?;
        return client.shutdown(Shutdown::Write).ok();
    }
    let point = state.point.filter(|point| point.at == number);
    let gone = *state.gone.lock().ok()?;
    if gone || point.is_some_and(|point| !point.after) {
        return struck(&mut client, state, point?.how);
    }
    let mut server = TcpStream::connect(("127.0.0.1", state.server)).ok()?;
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).ok()?;
    server.write_all(&body).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    if let Some(point) = point {
        return struck(&mut client, state, point.how);
    }
    client.write_all(&closing(answer)).ok()?;
    client.shutdown(Shutdown::Write).ok()
}

/// The answer with the word that the connection ends with it.
fn closing(answer: Vec<u8>) -> Vec<u8> {
    let Some(end) = answer.windows(2).position(|w| w == b"\r\n") else { return answer };
    let line = &answer[..end];
    let line = String::from_utf8_lossy(line).replacen("HTTP/1.0", "HTTP/1.1", 1);
    [line.as_bytes(), b"\r\nConnection: close", &answer[end..]].concat()
}

fn struck(client: &mut TcpStream, state: &State, how: How) -> Option<()> {
    match how {
        How::Error => {
            let answer = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            client.write_all(answer.as_bytes()).ok()?;
            client.shutdown(Shutdown::Write).ok()
        }
        // The connection breaks.
        How::Lost => client.shutdown(Shutdown::Both).ok(),
        How::Hang | How::Crash => {
            state.reached.notify_one();
            std::thread::sleep(Duration::from_secs(5));
            None
        }
    }
}

fn points(scenario: &str, turn: usize, seen: &[Request]) -> Vec<Point> {
    let point = |at, after, how| Point { at, after, how };
    let ways = |at| [(false, How::Error), (true, How::Error), (true, How::Lost), (false, How::Crash), (true, How::Crash), (true, How::Hang)].map(|(after, how)| point(at, after, how));
    if all_points() {
        return (0..seen.len()).flat_map(ways).collect();
    }
    // The answers to commits are lost, each in one of the ways: the copy's first ones, of the others one to the table or its
    // quarantine.
    let ways = [How::Lost, How::Error, How::Crash];
    let few = if scenario == "copy" { 4 } else { 1 };
    let tables = |r: &Request| r.is_commit() && (scenario == "copy" || r.path.contains("silver/orders/_delta_log"));
    let commits = seen.iter().enumerate().filter(|(_, r)| tables(r));
    let lost = commits.zip(ways.iter().cycle().skip(turn)).map(|((at, _), how)| point(at, true, *how));
    lost.take(few).collect()
}

async fn tried(server: &Server, scenario: &Scenario, number: usize, point: Point) {
    let at = format!("{}: {point:?}", scenario.name);
    let base = format!("s3://lake/{}-{number}", scenario.name);
    let clean = Lake::at(&base, server.storage());
    scenario.prepare(&clean).await;
    let proxy = Proxy::start(server, Some(point));
    let failing = Lake::at(&base, server.storage_at(&proxy.url));
    let stop = Stop::default();
    {
        let mut run = Box::pin(scenario.act(&failing, &stop));
        let faults = tokio::select! {
            faults = &mut run => faults,
            () = proxy.state.reached.notified() => {
                if point.how == How::Hang {
                    stop.ask(15);
                    let _ = tokio::time::timeout(Duration::from_millis(50), &mut run).await;
                }
                Vec::new()
            }
        };
        // A request that is lost once is asked again, or its outcome is found out.
        assert!(faults.is_empty() || point.how == How::Hang, "{at}: {faults:?}");
    }
    drop(proxy);
    scenario.check_between(&clean, &at).await;
    scenario.check_end(&clean, &at).await;
}

async fn enumerate(server: &Server, turn: usize, scenario: &Scenario) -> usize {
    let clean = Lake::at(&format!("s3://lake/{}-whole", scenario.name), server.storage());
    scenario.prepare(&clean).await;
    let proxy = Proxy::start(server, None);
    let through = Lake::at(&format!("s3://lake/{}-whole", scenario.name), server.storage_at(&proxy.url));
    let faults = scenario.act(&through, &Stop::default()).await;
    assert!(faults.is_empty(), "{}: {faults:?}", scenario.name);
    let seen = proxy.seen();
    if scenario.name == "copy" {
        assert!(seen.iter().any(|r| r.copies), "files are copied by the server");
    }
    scenario.check_end(&clean, scenario.name).await;
    let points = points(scenario.name, turn, &seen);
    for (number, point) in points.iter().enumerate() {
        tried(server, scenario, number, *point).await;
    }
    println!("{}: {} requests, {} points of failure tried", scenario.name, seen.len(), points.len());
    points.len()
}

/// Through HTTP, against a server that is started for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_requests_and_answers_lose_and_double_nothing() {
    let Some(server) = Server::moto() else { return };
    let mut count = 0;
    for (turn, scenario) in scenarios::all().iter().enumerate() {
        count += enumerate(server, turn, scenario).await;
    }
    println!("{count} points of failure tried through the proxy");
    assert!(count > 8, "{count} points only");
}
