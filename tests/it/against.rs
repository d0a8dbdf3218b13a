//! `dqc check --against`, with git and with folders, as it is typed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const CONFIG: &str = "[project]\nname = \"shop\"\nlanguage = 1\n\n[layers]\nbronze = { path = \"lake/bronze\", format = \"parquet\" }\nsilver = \"lake/silver\"\n";
const MONEY: &str = "type Money = decimal(12, 2) where it >= 0\n";
const ORDERS: &str = "use shared.money.{Money}\n\ncontract silver.orders @ 1.0.0 {\n    nulls pass\n    columns {\n        id:     bigint key\n        amount: Money\n    }\n    rules { small: amount < 100 }\n}\n";

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
    fs::write(path, text).expect("a file can be written");
}

fn project(root: &Path) {
    put(&root.join("dqc.toml"), CONFIG);
    put(&root.join("shared/money.dq"), MONEY);
    put(&root.join("silver/orders.dq"), ORDERS);
}

fn git(here: &Path, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(here)
        .output()
        .expect("git starts");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn commit(here: &Path) {
    git(here, &["add", "-A"]);
    git(here, &["commit", "-q", "--allow-empty", "-m", "state"]);
}

/// Standard output, then standard error.
fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn against(here: &Path, revision: &str) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dqc"))
        .args(["check", "--against", revision])
        .current_dir(here)
        .output()
        .expect("the program starts");
    let (out, err) = said(&output);
    (output.status.code(), out, err)
}

fn hold(found: &(Option<i32>, String, String), code: i32, words: &[&str]) {
    let all = format!("{}{}", found.1, found.2);
    assert_eq!(found.0, Some(code), "{all}");
    for word in words {
        assert!(all.contains(word), "`{word}` is missing in:\n{all}");
    }
}

#[test]
fn revisions_and_folders_are_compared_alike() {
    let here = tempfile::tempdir().expect("a temporary folder");
    // The project lies below the repository's folder.
    let (now, old) = (here.path().join("contracts"), here.path().join("released"));
    project(&now);
    project(&old);
    git(here.path(), &["init", "-q"]);
    commit(here.path());
    for revision in ["HEAD", "../released"] {
        hold(&against(&now, revision), 0, &["1 contract compared; no change"]);
    }
    // A file that moves is no change; what a shared type says is one of the contracts that use it.
    fs::rename(now.join("silver/orders.dq"), now.join("silver/sales.dq")).expect("a file can be moved");
    put(&now.join("shared/money.dq"), "type Money = decimal(12, 2) where it >= 10\n");
    put(&now.join("bronze/new.dq"), "contract bronze.new @ 1.0.0 {\n    columns { id: string }\n}\n");
    for revision in ["HEAD", "../released"] {
        let words = ["silver/sales.dq", "needs version 2.0.0", "refuses rows that were accepted before", "1 new; 1 change"];
        hold(&against(&now, revision), 1, &words);
    }
    // A contract that is gone has no place of its own.
    fs::remove_file(now.join("silver/sales.dq")).expect("a file can be removed");
    hold(&against(&now, "HEAD"), 0, &["the contract of `silver.orders` is gone", "dqc.toml"]);
    // Without any file left there still is something to say.
    fs::remove_dir_all(now.join("shared")).expect("a folder can be removed");
    fs::remove_dir_all(now.join("bronze")).expect("a folder can be removed");
    hold(&against(&now, "HEAD"), 0, &["the contract of `silver.orders` is gone"]);
}

#[test]
fn an_earlier_state_may_be_broken_empty_or_not_there() {
    let here = tempfile::tempdir().expect("a temporary folder");
    let here = here.path();
    git(here, &["init", "-q"]);
    put(&here.join("README.md"), "nothing yet\n");
    commit(here);
    git(here, &["tag", "empty"]);
    project(here);
    put(&here.join("shared/money.dq"), "type Money = decimal(12, 2 where it >= 0\n");
    commit(here);
    git(here, &["tag", "broken"]);
    put(&here.join("shared/money.dq"), MONEY);
    put(&here.join("silver/orders.dq"), &ORDERS.replace("rules {", "rules { small : : amount"));
    commit(here);
    git(here, &["tag", "broken_rule"]);
    put(&here.join("silver/orders.dq"), "\u{0}\u{1}");
    commit(here);
    git(here, &["tag", "binary"]);
    put(&here.join("silver/orders.dq"), ORDERS);
    hold(&against(here, "empty"), 0, &["empty holds no `.dq` file of this project"]);
    let cannot = "`silver.orders` cannot be compared with its earlier revision";
    hold(&against(here, "broken"), 0, &[cannot, "there, shared/money.dq:1:", "1 not to be compared"]);
    hold(&against(here, "broken_rule"), 0, &[cannot, "there, silver/orders.dq:"]);
    hold(&against(here, "nowhere"), 2, &["git knows no revision `nowhere`, and there is no such folder"]);
    hold(&against(here, "/no/such/folder"), 2, &["there is no folder"]);
    // What does not compile today is mended first.
    put(&here.join("silver/orders.dq"), &ORDERS.replace("amount < 100", "amont < 100"));
    hold(&against(here, "broken"), 1, &["DQ0201", "not compared with broken: the errors come first"]);
}
