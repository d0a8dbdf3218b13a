//! Finding a project, reading `dqc.toml`, and finding and reading `.dq` files.

use std::fs;
use std::path::Path;

use dqc::diagnostics::Diagnostic;
use dqc::project::{Format, Loader, OpenError, Project, Secret, Sources, Unreadable, read_config};
use dqc::source::{SourceFile, SourceMap};

fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
    fs::write(path, text).expect("a file can be written");
}

fn project(toml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "dqc.toml", toml);
    folder
}

/// `line:column code message (label)`
fn found(toml: &str, env: Option<&str>) -> Vec<String> {
    let file = SourceFile::new("dqc.toml", toml);
    let line = |d: &Diagnostic| {
        let place = file.place(d.primary.span.start as usize);
        format!("{}:{} {} {} ({})", place.line, place.column, d.code.name(), d.message, d.primary.text)
    };
    read_config(Default::default(), toml, env).1.iter().map(line).collect()
}

const SHOP: &str = r#"
[project]
name     = "shop"
language = 1

[layers]
silver = "lake/silver"
bronze = { path = "lake/bronze", format = "parquet" }
gold   = "s3://acme-gold/tables/"

[quarantine]
path = "lake/quarantine"

[ledger]
path = "../ledger"

[env.prod.layers]
bronze = "s3://acme-bronze"
silver = { path = "s3://acme silver", format = "csv" }

[env.prod.storage.s3]
region        = "sa-east-1"
access_key_id = "env:KEY"

[channels.data_team]
kind    = "slack"
webhook = "env:SLACK_WEBHOOK"
"#;

#[test]
fn layers_keep_their_order_and_an_environment_lays_over() {
    let folder = project(SHOP);
    let plain = Project::open(folder.path(), None).expect("a project");
    assert_eq!(plain.layers(), ["silver", "bronze", "gold"]);
    let prod = Project::open(folder.path(), Some("prod")).expect("a project");
    assert_eq!(prod.layers(), ["silver", "bronze", "gold"]);
    assert_eq!(prod.config.s3.region.as_deref(), Some("sa-east-1"));
    assert_eq!(prod.config.s3.access_key_id, Some(Secret::Env("KEY".into())));
    assert_eq!(plain.config.s3.region, None);
    assert_eq!(plain.config.channels.len(), 1);
    let bronze = prod.place("bronze.orders", None, None).expect("a place");
    assert_eq!((bronze.url.as_str(), bronze.format), ("s3://acme-bronze/orders/", Format::Parquet));
}

#[test]
fn places_are_absolute_urls() {
    let folder = project(SHOP);
    let root = folder.path().canonicalize().expect("a folder");
    let root = root.display();
    let project = Project::open(folder.path(), None).expect("a project");
    let url = |dataset, at, format| project.place(dataset, at, format).map(|p| p.url).expect("a place");
    assert_eq!(url("silver.orders", None, None), format!("file://{root}/lake/silver/orders/"));
    assert_eq!(url("silver.orders", Some("old/a b/"), Some("csv")), format!("file://{root}/lake/silver/old/a%20b/"));
    assert_eq!(url("silver.orders", Some("s3://other/x"), None), "s3://other/x/");
    assert_eq!(url("silver.orders", Some("/data/x"), None), "file:///data/x/");
    assert_eq!(url("gold.sales", None, None), "s3://acme-gold/tables/sales/");
    assert_eq!(project.quarantine("silver.orders").expect("a place").format, Format::Delta);
    let above = std::path::Path::new(&root.to_string()).parent().expect("a folder above").display().to_string();
    assert_eq!(project.ledger().expect("a ledger"), format!("file://{above}/ledger/"));
    let fault = project.place("sliver.orders", None, None).expect_err("no such layer");
    assert_eq!(fault.help.as_deref(), Some("the nearest is `silver`"));
    let fault = project.place("silver.orders", None, Some("parket")).expect_err("no such format");
    assert_eq!(fault.help.as_deref(), Some("the nearest is `parquet`"));
}

#[test]
fn everything_wrong_in_the_toml_is_found_at_once() {
    let toml = r#"[project]
nmae = "shop"
language = 7
[layers]
silver = 5
bronze = { path = "b", format = "parket" }
[quarantne]
path = "q"
[ledger]
[env.prod.layers]
bronz = "x"
[storage.s3]
secret_access_key = "wJalrXUtnFEMI"
[channels.team]
kind = "slak"
"#;
    assert_eq!(
        found(toml, Some("prod")),
        [
            "2:1 DQ0902 there is no key `nmae` in `[project]` (the nearest is `name`)",
            "3:12 DQ0903 this `dqc` does not speak version 7 of the language (it speaks version 1)",
            "5:10 DQ0903 `silver` takes a path or `{ path = \"…\", format = \"…\" }` (this is a whole number)",
            "6:33 DQ0903 `format` cannot be `parket` (not one that is known)",
            "7:2 DQ0902 there is no key `quarantne` at the top of `dqc.toml` (the nearest is `quarantine`)",
            "9:2 DQ0904 `[ledger]` needs `path` (`path` is missing)",
            "11:1 DQ0902 an environment places the layers of `[layers]`, and `bronz` is none of them (the nearest is `bronze`)",
            "13:21 DQ0905 `secret_access_key` is a secret and must not stand in `dqc.toml` (written out here)",
            "15:8 DQ0903 `kind` cannot be `slak` (not one that is known)",
        ]
    );
    assert_eq!(found(toml, None), found(toml, Some("prod")), "an environment that is not chosen is checked too");
    assert_eq!(found("[layers\n", None).len(), 1);
    assert_eq!(found("", None), [""; 0]);
}

#[test]
fn a_project_is_found_upward() {
    let folder = project("");
    write(folder.path(), "a/b/c.dq", "");
    let root = folder.path().canonicalize().expect("a folder");
    assert_eq!(Project::find(&folder.path().join("a/b")).expect("found"), root);
    let fault = Project::find(&folder.path().join("missing")).expect_err("no such folder");
    assert_eq!(fault.kind.exit_code(), 2);
    let empty = tempfile::tempdir().expect("a temporary folder");
    assert!(Project::find(empty.path()).is_err());
    match Project::open(empty.path(), None) {
        Err(OpenError::Fault(fault)) => assert!(fault.message.contains("no `dqc.toml`"), "{fault}"),
        other => panic!("{other:?}"),
    }
    match Project::open(project(SHOP).path(), Some("prd")) {
        Err(OpenError::Fault(fault)) => assert_eq!(fault.help.as_deref(), Some("the nearest is `prod`")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn dq_files_are_found_but_not_among_data() {
    let folder = project(SHOP);
    let root = folder.path();
    for path in ["z.dq", "a/orders.dq", "a/readme.md", "target/x.dq", ".git/x.dq", "lake/silver/x.dq", "lake/notes.dq"]
    {
        write(root, path, "");
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(root, root.join("a/round")).expect("a link can be made");
    let project = Project::open(root, None).expect("a project");
    assert_eq!(project.loader().list().expect("a list"), ["a/orders.dq", "lake/notes.dq", "z.dq"]);
}

#[test]
fn a_file_that_is_no_text_is_a_finding() {
    let folder = project("");
    let root = folder.path();
    write(root, "binary.dq", b"PAR1\0\0");
    write(root, "latin.dq", b"// caf\n// caf\xe9\n");
    write(root, "marked.dq", "\u{feff}// text");
    let file = fs::File::create(root.join("huge.dq")).expect("a file can be made");
    file.set_len(9 << 20).expect("a file can grow");
    let project = Project::open(root, None).expect("a project");
    let loader = project.loader();
    assert_eq!(loader.read("marked.dq").as_deref(), Ok("// text"));
    assert_eq!(loader.read("latin.dq"), Err(Unreadable::NotUtf8(2)));
    let (files, unreadable) = Sources::load(&loader).expect("sources").into_parts();
    let mut map = SourceMap::default();
    for file in files {
        map.add(file);
    }
    let messages: Vec<String> = Sources::findings(&unreadable, &map).into_iter().map(|d| d.message).collect();
    assert_eq!(
        messages,
        ["`binary.dq` is not a text file", "`huge.dq` is too large for a `.dq` file", "`latin.dq` is not UTF-8"]
    );
}
