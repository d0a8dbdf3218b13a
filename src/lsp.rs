//! The language server: what an editor sends, answered by `ide`. The sole user of the protocol's types.
//!
//! One thread reads one message after another, so that every answer sees the text as it was when it was asked. Findings
//! are told when nothing else waits: of several keys struck at once only the last is checked.

mod abilities;
mod answers;
mod commands;
mod convert;
mod documents;
mod formatting;
mod home;
mod publish;
mod requests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::Serialize;

use crate::ide::Past;
use crate::project::Project;

use abilities::Abilities;
use documents::Document;
use home::Home;

/// What is remembered of a project's data.
pub type Remember = fn(&Project) -> Past;

/// What the server waits for.
enum News {
    Message(Message),
    /// What is remembered of the project in a folder: it is read beside, since it can lie far away.
    Past(PathBuf, Box<Past>),
}

/// Serves an editor over stdin and stdout until it is told to go; whether it went in order.
pub fn serve(remember: Remember) -> bool {
    let (connection, threads) = Connection::stdio();
    let (tell, inbox) = channel();
    let in_order = Server::start(&connection, remember, tell.clone()).is_some_and(|server| {
        let messages = connection.receiver.clone();
        // What has arrived can be seen before it is its turn: a request may be cancelled, a text changed again.
        std::thread::spawn(move || {
            // Nobody listens any more: the server has ended.
            let _ = messages.iter().try_for_each(|message| tell.send(News::Message(message)));
            let gone = Notification::new(GONE.to_owned(), ());
            let _ = tell.send(News::Message(gone.into()));
        });
        server.run(&inbox)
    });
    drop(connection);
    // The reader ends with the input; an error of it is one of the editor's going away.
    let _ = threads.join();
    in_order
}

/// The editor's end of the line is closed; no message of the protocol has this name.
const GONE: &str = "dqc/gone";

struct Server<'c> {
    connection: &'c Connection,
    abilities: Abilities,
    remember: Remember,
    tell: Sender<News>,
    /// Projects whose past is being read.
    remembering: BTreeSet<PathBuf>,
    /// By the project's folder, or the path of a file that belongs to none.
    homes: BTreeMap<PathBuf, Home>,
    /// What is open in the editor.
    documents: BTreeMap<PathBuf, Document>,
    /// Folders that the editor has open.
    folders: Vec<PathBuf>,
    requests: i32,
    shut_down: bool,
}

impl<'c> Server<'c> {
    fn start(connection: &'c Connection, remember: Remember, tell: Sender<News>) -> Option<Self> {
        let (id, params) = connection.initialize_start().ok()?;
        let params = serde_json::from_value(params).unwrap_or_default();
        let answer = serde_json::json!({
            "capabilities": abilities::offered(),
            "serverInfo": { "name": "dqc", "version": env!("CARGO_PKG_VERSION") },
        });
        connection.initialize_finish(id, answer).ok()?;
        let mut server = Server {
            connection,
            abilities: Abilities::of(&params),
            remember,
            tell,
            remembering: BTreeSet::new(),
            homes: BTreeMap::new(),
            documents: BTreeMap::new(),
            folders: abilities::folders(&params),
            requests: 0,
            shut_down: false,
        };
        server.guarded(|s| {
            s.watch_files();
            s.open_folders();
        });
        Some(server)
    }

    /// Until the editor says `exit`; true if it said `shutdown` before.
    fn run(mut self, inbox: &Receiver<News>) -> bool {
        let mut waiting: VecDeque<Message> = VecDeque::new();
        let mut pasts: Vec<(PathBuf, Past)> = Vec::new();
        loop {
            inbox.try_iter().for_each(|news| sort(news, &mut waiting, &mut pasts));
            for (root, past) in std::mem::take(&mut pasts) {
                self.guarded(|s| s.remembered(&root, past));
            }
            let message = match waiting.pop_front() {
                Some(message) => message,
                None if self.homes.values().any(|h| h.stale) => {
                    self.guarded(|s| {
                        s.publish(&mut || {
                            inbox.try_iter().for_each(|news| sort(news, &mut waiting, &mut pasts));
                            !waiting.is_empty()
                        });
                    });
                    continue;
                }
                None => match inbox.recv() {
                    Ok(news) => {
                        sort(news, &mut waiting, &mut pasts);
                        continue;
                    }
                    Err(_) => return self.shut_down,
                },
            };
            match message {
                Message::Notification(n) if n.method == "exit" || n.method == GONE => return self.shut_down,
                Message::Notification(n) => self.guarded(|s| s.notified(n)),
                Message::Request(request) => {
                    let response = self.respond(request, &waiting);
                    self.send(response.into());
                }
                Message::Response(_) => {}
            }
        }
    }

    fn respond(&mut self, request: Request, waiting: &VecDeque<Message>) -> Response {
        let id = request.id.clone();
        let refuse = |code: ErrorCode, why: &str| Response::new_err(id.clone(), code as i32, why.to_owned());
        if self.shut_down {
            return refuse(ErrorCode::InvalidRequest, "the server is shutting down");
        }
        if request.method == "shutdown" {
            self.shut_down = true;
            return Response::new_ok(id, ());
        }
        if waiting.iter().any(|m| cancels(m, &id)) {
            return refuse(ErrorCode::RequestCanceled, "cancelled");
        }
        let answered = catch_unwind(AssertUnwindSafe(|| self.answer(request)));
        answered.unwrap_or_else(|_| refuse(ErrorCode::InternalError, "dqc failed by a fault of its own; the next request is answered as usual"))
    }

    /// A fault in one message is none of the next.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            self.homes.values_mut().for_each(|h| h.stale = false);
            self.notify("window/logMessage", serde_json::json!({ "type": 1, "message": "dqc failed by a fault of its own" }));
        }
    }

    fn send(&self, message: Message) {
        // Nobody listens any more: the loop ends when it reads.
        let _ = self.connection.sender.send(message);
    }

    fn notify(&self, method: &str, params: impl Serialize) {
        self.send(Notification::new(method.to_owned(), params).into());
    }

    /// Asks the editor for something; what it answers is not waited for.
    fn ask(&mut self, method: &str, params: impl Serialize) {
        self.requests += 1;
        let id = RequestId::from(self.requests);
        self.send(Request::new(id, method.to_owned(), params).into());
    }
}

fn sort(news: News, waiting: &mut VecDeque<Message>, pasts: &mut Vec<(PathBuf, Past)>) {
    match news {
        News::Message(message) => waiting.push_back(message),
        News::Past(root, past) => pasts.push((root, *past)),
    }
}

fn cancels(message: &Message, id: &RequestId) -> bool {
    let Message::Notification(n) = message else { return false };
    n.method == "$/cancelRequest" && n.params.get("id").cloned().is_some_and(|v| serde_json::from_value::<RequestId>(v).is_ok_and(|c| c == *id))
}
