//! A proxy in front of an S3 server, which loses a request or its answer; and every request of a command lost once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dqc::promote::Stop;
use dqc::storage::Storage;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::Notify;
use url::Url;

use crate::promote::faults::{each, share};
use crate::promote::lake::Lake;
use crate::promote::scenarios::{self, Scenario};
use crate::promote::scripted::{How, Point, Scripted};
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
    /// What is to be deleted in bulk.
    pub deletes: Vec<String>,
}

impl Request {
    fn reads(&self) -> bool {
        self.method == "GET" || self.method == "HEAD"
    }

    fn is_commit(&self) -> bool {
        self.method == "PUT" && self.path.contains("_delta_log") && self.path.ends_with(".json")
    }
}

/// The status and the body of an answer that the server is not asked for.
pub type Answer = fn(&Request, usize) -> Option<(&'static str, String)>;

/// A refusal as S3 words it.
pub fn refusal(code: &str) -> String {
    format!("<Error><Code>{code}</Code></Error>")
}

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
    let asked = if method == "POST" && query.contains("delete") { String::from_utf8_lossy(&body) } else { Default::default() };
    let deletes = asked.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned())).collect();
    let request = Request { method, path: path.to_owned(), query: query.to_owned(), copies, encryption, deletes };
    let (number, answer) = {
        let mut seen = state.seen.lock().ok()?;
        let answer = (state.answer)(&request, seen.len());
        seen.push(request);
        (seen.len() - 1, answer)
    };
    if let Some((status, body)) = answer {
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
    if let Some(share) = share() {
        let changes = [
            (false, How::Error),
            (false, How::Hang),
            (false, How::Crash),
            (true, How::Error),
            (true, How::Lost),
            (true, How::Hang),
            (true, How::Crash),
        ];
        // Before and after are one where nothing changes, and one way is as good as another: the scripted store tries them all.
        let reads = [(false, How::Error), (true, How::Lost), (true, How::Hang), (true, How::Crash)];
        let ways = |at: usize, r: &Request| match r.reads() {
            true if share.changes_only => &[][..],
            true => &reads[at % 4..=at % 4],
            false => &changes[..],
        };
        let of = |(at, r)| ways(at, r).iter().map(move |(after, how)| point(at, *after, *how));
        return share.of(seen.iter().enumerate().flat_map(of)).collect();
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

fn in_memory() -> Storage {
    Scripted::storage(&Arc::new(InMemory::new()), None).0
}

/// Everything below a place, as another storage has it.
async fn carry(base: &str, from: &Storage, to: &Storage) {
    let url = Url::parse(base).expect("a URL");
    let (from, to) = (from.root(&url).expect("a store"), to.root(&url).expect("a store"));
    let below = Path::from_url_path(url.path()).expect("a path");
    let carried = from.list(Some(&below)).try_for_each_concurrent(8, async |file| {
        let bytes = from.get(&file.location).await?.bytes().await?;
        to.put(&file.location, bytes.into()).await.map(|_| ())
    });
    carried.await.expect("everything is there");
}

async fn remove(base: &str, storage: &Storage) {
    let url = Url::parse(base).expect("a URL");
    let store = storage.root(&url).expect("a store");
    let files = store.list(Some(&Path::from_url_path(url.path()).expect("a path"))).map_ok(|file| file.location).boxed();
    store.delete_stream(files).try_collect::<Vec<_>>().await.expect("removed");
}

/// The lake is prepared, and looked at, in memory: only what is tried goes to the server, where `again` the command is repeated.
async fn tried(server: &Server, scenario: &Scenario, number: usize, point: Point, again: bool) {
    let at = format!("{}: {point:?}", scenario.name);
    let base = format!("s3://lake/{}-{number}", scenario.name);
    let (before, clean) = (in_memory(), server.storage());
    scenario.prepare(&Lake::at(&base, before.clone())).await;
    carry(&base, &before, &clean).await;
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
    let mut seen = in_memory();
    carry(&base, &clean, &seen).await;
    scenario.check_between(&Lake::at(&base, seen.clone()), &at).await;
    if again {
        let faults = scenario.act(&Lake::at(&base, clean.clone()), &Stop::default()).await;
        assert!(faults.is_empty(), "{at}: {faults:?}");
        seen = in_memory();
        carry(&base, &clean, &seen).await;
    }
    scenario.check_end(&Lake::at(&base, seen), &at).await;
    remove(&base, &clean).await;
}

async fn enumerate(server: &Server, turn: usize, scenario: &Scenario) -> usize {
    let base = format!("s3://lake/{}-whole", scenario.name);
    let (before, after) = (in_memory(), in_memory());
    scenario.prepare(&Lake::at(&base, before.clone())).await;
    carry(&base, &before, &server.storage()).await;
    let proxy = Proxy::start(server, None);
    let faults = scenario.act(&Lake::at(&base, server.storage_at(&proxy.url)), &Stop::default()).await;
    assert!(faults.is_empty(), "{}: {faults:?}", scenario.name);
    let seen = proxy.seen();
    if scenario.name == "copy" {
        assert!(seen.iter().any(|r| r.copies), "files are copied by the server");
    }
    carry(&base, &server.storage(), &after).await;
    scenario.check_end(&Lake::at(&base, after), scenario.name).await;
    remove(&base, &server.storage()).await;
    let points = points(scenario.name, turn, &seen);
    let count = points.len();
    // Between changes the server is as it was, and so is what the command does again.
    let again = |point: Point| seen.get(point.at).is_none_or(|r| !r.reads());
    let failed = each(points, 4, |number, point| tried(server, scenario, number, point, again(point))).await;
    let changes = seen.iter().filter(|r| !r.reads()).count();
    println!("{}: {} requests, {changes} of them change something; {count} points of failure tried", scenario.name, seen.len());
    assert!(failed.is_empty(), "{}: {failed:?}", scenario.name);
    count
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
