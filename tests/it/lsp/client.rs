//! An editor as far as a server sees it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    inbox: Receiver<Value>,
    here: PathBuf,
    ids: i64,
    /// What the editor holds, with its version.
    pub texts: BTreeMap<String, (i64, String)>,
    /// What was told last, by URI.
    pub told: BTreeMap<String, Value>,
    answers: BTreeMap<i64, Value>,
    /// Messages to the user.
    pub shown: Vec<String>,
    /// What the server says that it can do.
    pub offered: Value,
}

impl Client {
    pub fn start(here: &Path) -> Client {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dqc"))
            .arg("lsp")
            .current_dir(here)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
        let (tell, inbox) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut stdout) {
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        let here = here.canonicalize().expect("a folder");
        let mut client = Client {
            child,
            stdin,
            inbox,
            here,
            ids: 0,
            texts: BTreeMap::new(),
            told: BTreeMap::new(),
            answers: BTreeMap::new(),
            shown: Vec::new(),
            offered: Value::Null,
        };
        let capabilities = json!({
            "textDocument": {
                "completion": { "completionItem": { "snippetSupport": true } },
                "publishDiagnostics": { "relatedInformation": true },
                "documentSymbol": { "hierarchicalDocumentSymbolSupport": true },
            },
            "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } },
        });
        let root = client.uri("");
        let folders = json!([{ "uri": root.trim_end_matches('/'), "name": "here" }]);
        let answer = client.request("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities, "workspaceFolders": folders }));
        client.offered = answer["result"]["capabilities"].clone();
        client.notify("initialized", json!({}));
        client
    }

    pub fn uri(&self, file: &str) -> String {
        let path = self.here.join(file).to_string_lossy().into_owned();
        format!("file://{}", path.replace('%', "%25").replace(' ', "%20"))
    }

    pub fn file_of(&self, uri: &str) -> String {
        let here = format!("{}/", self.uri("").trim_end_matches('/'));
        match uri.strip_prefix(&here) {
            Some(file) => file.to_string(),
            None => format!("<std>/{}", uri.rsplit('/').next().unwrap_or(uri)),
        }
    }

    pub fn send_all(&mut self, messages: &[Value]) {
        let mut bytes = Vec::new();
        for message in messages {
            let text = message.to_string();
            bytes.extend(format!("Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes());
        }
        self.ids += i64::try_from(messages.len()).expect("a few messages");
        let stdin = self.stdin.as_mut().expect("the server listens");
        stdin.write_all(&bytes).and_then(|()| stdin.flush()).expect("the server listens");
    }

    pub fn next_id(&self) -> i64 {
        self.ids + 1
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        self.send_all(&[json!({ "jsonrpc": "2.0", "method": method, "params": params })]);
    }

    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id();
        self.send_all(&[json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })]);
        self.answer(id)
    }

    pub fn answer(&mut self, id: i64) -> Value {
        while !self.answers.contains_key(&id) {
            self.take();
        }
        self.answers.remove(&id).unwrap_or_default()
    }

    /// Reads one message.
    fn take(&mut self) {
        let message = self.inbox.recv_timeout(PATIENCE).expect("the server answers");
        match (message["method"].as_str(), message["id"].as_i64()) {
            (Some("textDocument/publishDiagnostics"), _) => {
                let uri = message["params"]["uri"].as_str().unwrap_or_default().to_string();
                self.told.insert(uri, message["params"].clone());
            }
            (Some("window/showMessage"), _) => self.shown.push(message["params"]["message"].as_str().unwrap_or("").to_string()),
            (Some(_), Some(id)) => self.send_all(&[json!({ "jsonrpc": "2.0", "id": id, "result": null })]),
            (Some(_), None) => {}
            (None, Some(id)) => drop(self.answers.insert(id, message)),
            (None, None) => {}
        }
    }

    pub fn open(&mut self, file: &str, text: &str) -> String {
        let uri = self.uri(file);
        self.texts.insert(file.to_string(), (1, text.to_string()));
        let document = json!({ "uri": uri, "languageId": "dq", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
        self.wait_for(file, 1);
        uri
    }

    /// Until the version's findings are told.
    fn wait_for(&mut self, file: &str, version: i64) {
        let uri = self.uri(file);
        while self.told.get(&uri).is_none_or(|t| t["version"].as_i64() != Some(version)) {
            self.take();
        }
        self.settle();
    }

    /// Until everything that was sent is done: findings are told before the next request that comes later.
    pub fn settle(&mut self) {
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(30));
            self.request("workspace/symbol", json!({ "query": "nothing is called that" }));
        }
    }

    pub fn change(&mut self, file: &str, old: &str, new: &str) {
        let (version, text) = self.texts.get(file).cloned().expect("an open file");
        let at = text.find(old).unwrap_or_else(|| panic!("{old:?} is not in {file}"));
        assert!(text[at + 1..].find(old).is_none() || old.is_empty(), "{old:?} stands twice in {file}");
        let range = json!({ "start": position(&text, at), "end": position(&text, at + old.len()) });
        let after = format!("{}{new}{}", &text[..at], &text[at + old.len()..]);
        self.texts.insert(file.to_string(), (version + 1, after));
        let params = json!({
            "textDocument": { "uri": self.uri(file), "version": version + 1 },
            "contentChanges": [{ "range": range, "text": new }],
        });
        self.notify("textDocument/didChange", params);
        self.wait_for(file, version + 1);
    }

    pub fn close(&mut self, file: &str) {
        self.texts.remove(file);
        self.notify("textDocument/didClose", json!({ "textDocument": { "uri": self.uri(file) } }));
        self.settle();
    }

    pub fn actions(&mut self, file: &str, at: &str) -> Value {
        let place = self.place(file, at)["position"].clone();
        let params = json!({
            "textDocument": { "uri": self.uri(file) },
            "range": { "start": place, "end": place },
            "context": { "diagnostics": [] },
        });
        self.request("textDocument/codeAction", params)
    }

    /// `piece of| text` as a place.
    pub fn place(&self, file: &str, at: &str) -> Value {
        let (before, after) = at.split_once('|').expect("`|` where the cursor is");
        let text = &self.texts.get(file).unwrap_or_else(|| panic!("{file} is not open")).1;
        let piece = format!("{before}{after}");
        let start = text.find(&piece).unwrap_or_else(|| panic!("{piece:?} is not in {file}:\n{text}"));
        json!({ "textDocument": { "uri": self.uri(file) }, "position": position(text, start + before.len()) })
    }

    /// Makes the changes of a workspace edit in the texts that are open.
    pub fn apply(&mut self, edit: &Value) {
        for (uri, edits) in edit["changes"].as_object().expect("changes") {
            let file = self.file_of(uri);
            let (version, text) = self.texts.get(&file).cloned().expect("an open file");
            let after = apply(&text, edits);
            self.texts.insert(file.clone(), (version + 1, after.clone()));
            let params = json!({ "textDocument": { "uri": uri, "version": version + 1 }, "contentChanges": [{ "text": after }] });
            self.notify("textDocument/didChange", params);
            self.wait_for(&file, version + 1);
        }
    }

    /// In order; the exit code.
    pub fn end(mut self) -> Option<i32> {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        self.stdin = None;
        self.child.wait().expect("the server ends").code()
    }

    /// Without a word.
    pub fn vanish(mut self) -> Option<i32> {
        self.stdin = None;
        self.child.wait().expect("the server ends").code()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            header => length = header.strip_prefix("Content-Length: ").map_or(length, |n| n.parse().expect("a length")),
        }
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Lines and UTF-16 units from 0, reckoned without the program's help.
pub fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    json!({ "line": line, "character": before[start..].encode_utf16().count() })
}

pub fn offset(text: &str, position: &Value) -> usize {
    let line = usize::try_from(position["line"].as_u64().expect("a line")).expect("a line");
    let start = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
    let mut units = position["character"].as_u64().expect("a column");
    for (i, c) in text[start..].char_indices() {
        if units == 0 {
            return start + i;
        }
        units -= c.len_utf16() as u64;
    }
    text.len()
}

pub fn apply(text: &str, edits: &Value) -> String {
    let mut edits: Vec<(usize, usize, &str)> = edits
        .as_array()
        .expect("edits")
        .iter()
        .map(|e| {
            let place = |end: &str| offset(text, &e["range"][end]);
            (place("start"), place("end"), e["newText"].as_str().expect("a text"))
        })
        .collect();
    edits.sort();
    let mut after = text.to_string();
    for (start, end, new) in edits.into_iter().rev() {
        after.replace_range(start..end, new);
    }
    after
}
