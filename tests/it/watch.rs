//! `dqc watch` beside somebody who edits.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(folder: &Path) -> Watch {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dqc"))
            .arg("watch")
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Watch { child, lines }
    }

    /// Until a line says so.
    fn wait(&self, wanted: &str) {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("nobody says {wanted:?}"));
            if line.contains(wanted) {
                return;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_change_is_seen_and_nothing_else() {
    let here = tempfile::tempdir().expect("a temporary folder");
    let put = |name: &str, text: &str| {
        let path = here.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    let contract = |name: &str, rule: &str| format!("contract silver.{name} @ 1.0.0 {{\n    columns {{ id: bigint key }}\n    rules {{ r: {rule} }}\n}}\n");
    put("dqc.toml", "[project]\nname = \"w\"\nlanguage = 1\n\n[layers]\nsilver = \"lake/silver\"\n");
    put("a.dq", &contract("a", "id > 0"));
    let watch = Watch::start(here.path());
    watch.wait("in 1 file");
    put("a.dq", &contract("a", "idd > 0"));
    watch.wait("DQ0201");
    // Data is not read, and says nothing.
    watch.wait("tells more about a finding");
    put("lake/silver/a/part.parquet", "x");
    put("notes.txt", "x");
    assert!(watch.lines.recv_timeout(Duration::from_millis(400)).is_err(), "something is said though nothing is new");
    // A file in a folder that was not there.
    put("deep/er/b.dq", &contract("b", "id > 0"));
    put("a.dq", &contract("a", "id > 1"));
    watch.wait("in 2 files");
    // As editors save: beside, then renamed over the old one.
    put("deep/er/.b.tmp", &contract("b", "nowhere > 0"));
    std::fs::rename(here.path().join("deep/er/.b.tmp"), here.path().join("deep/er/b.dq")).expect("renamed");
    watch.wait("nowhere");
    put("dqc.toml", "[project]\nname = \"w\"\nlanguage = 1\n\n[layers]\ngold = \"lake/gold\"\n");
    watch.wait("DQ0607");
    std::fs::remove_file(here.path().join("a.dq")).expect("removed");
    watch.wait("in 1 file");
}
