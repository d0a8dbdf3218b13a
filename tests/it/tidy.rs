//! The rules of the house, read off the source text: what may use what, where gates stand, how long files get.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use regex::Regex;

use crate::root;

struct Source {
    /// From the package's folder, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// Lines that are not comments alone, counted from 1.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, l)| (i + 1, l)).filter(|(_, l)| !l.trim_start().starts_with("//"))
    }

    /// `check` for `check.rs` and all below `check/` in a package's sources.
    fn module(&self) -> &str {
        let inside = self.path.split_once("src/").map_or(self.path.as_str(), |(_, inside)| inside);
        inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
    }
}

/// Text files below a folder, but for what builds and runs leave behind.
fn texts(folder: &str, wanted: impl Fn(&str) -> bool) -> Vec<Source> {
    const LEFT_BEHIND: &[&str] = &["target", ".git", "node_modules", "__pycache__", "lake", "lake-damaged"];
    let keep = |entry: &walkdir::DirEntry| !LEFT_BEHIND.contains(&entry.file_name().to_string_lossy().as_ref());
    let walk = walkdir::WalkDir::new(root().join(folder)).sort_by_file_name();
    let mut found = Vec::new();
    for entry in walk.into_iter().filter_entry(|e| e.path().ends_with("src/lake") || keep(e)).filter_map(Result::ok) {
        let path = entry.path().strip_prefix(root()).unwrap_or(entry.path()).to_string_lossy().replace('\\', "/");
        if !entry.file_type().is_file() || !wanted(&path) {
            continue;
        }
        if let Ok(text) = std::fs::read_to_string(entry.path()) {
            found.push(Source { path, text });
        }
    }
    found
}

fn rust(folder: &str) -> Vec<Source> {
    texts(folder, |path| path.ends_with(".rs"))
}

/// The sources of the three packages, from the top of the pipeline to its end.
const SOURCES: [&str; 3] = ["crates/language/src", "crates/engine/src", "src"];

/// What is compiled into the program.
fn sources() -> Vec<Source> {
    SOURCES.iter().flat_map(|folder| rust(folder)).collect()
}

fn demand(faults: &str, rule: &str) {
    assert!(faults.is_empty(), "\n{rule}:\n{faults}");
}

#[test]
fn a_module_uses_only_modules_above_it() {
    let lib: String =
        SOURCES.map(|folder| std::fs::read_to_string(root().join(folder).join("lib.rs")).expect("lib.rs")).concat();
    let declaration = Regex::new(r"(?m)^(?:pub(?:\(crate\))? )?mod (\w+);").expect("a regular expression");
    let order: Vec<&str> = declaration.captures_iter(&lib).filter_map(|c| c.get(1)).map(|m| m.as_str()).collect();
    let place = |module: &str| order.iter().position(|m| *m == module);
    let single = Regex::new(r"\bcrate::(\w+)").expect("a regular expression");
    let group = Regex::new(r"\bcrate::\{([^;]*)\};").expect("a regular expression");
    let mut faults = String::new();
    for source in sources() {
        let Some(own) = place(source.module()) else { continue };
        let code: String = source.code().map(|(_, line)| format!("{line}\n")).collect();
        let mut used: BTreeSet<String> = single.captures_iter(&code).map(|c| c[1].to_string()).collect();
        for list in group.captures_iter(&code) {
            used.extend(heads(&list[1]));
        }
        for module in used {
            if place(&module).is_some_and(|at| at > own) {
                let _ = writeln!(faults, "  {} uses crate::{module}", source.path);
            }
        }
    }
    demand(&faults, "lib.rs lists the modules from top to bottom, and a module uses only those above it");
}

/// The first names in `a::{b, c}, d::e`.
fn heads(list: &str) -> Vec<String> {
    let mut depth = 0usize;
    let mut found = vec![String::new()];
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => found.push(String::new()),
            _ => {}
        }
        if depth == 0 && let Some(last) = found.last_mut() {
            last.push(c);
        }
    }
    let head = |part: &String| part.trim_matches(|c: char| c == ',' || c.is_whitespace()).split("::").next().map(str::to_string);
    found.iter().filter_map(head).collect()
}

#[test]
fn a_dependency_has_its_one_place() {
    // Crate, and the beginnings of the paths that may name it.
    const PLACES: &[(&str, &[&str])] = &[
        ("ariadne", &["crates/language/src/diagnostics/render.rs"]),
        ("object_store", &["crates/engine/src/storage.rs", "crates/engine/src/storage/", "src/lake.rs", "src/lake/", "crates/engine/src/engine/sources"]),
        ("deltalake", &["src/lake.rs", "src/lake/", "crates/engine/src/engine/sources.rs"]),
        ("pest", &["crates/language/src/syntax.rs", "crates/language/src/syntax/", "crates/language/src/format.rs", "crates/language/src/format/"]),
        ("pest_derive", &["crates/language/src/syntax.rs", "crates/language/src/syntax/"]),
        ("clap", &["src/cli.rs", "src/cli/"]),
        ("lsp_server", &["src/lsp.rs", "src/lsp/"]),
        ("lsp_types", &["src/lsp.rs", "src/lsp/"]),
        ("indicatif", &["src/cli.rs", "src/cli/"]),
    ];
    let mut faults = String::new();
    let sources = sources();
    for (name, places) in PLACES {
        let mention = Regex::new(&format!(r"(^|[^\w:]){name}::|\buse {name}\b")).expect("a regular expression");
        for source in &sources {
            if places.iter().any(|p| source.path.starts_with(p)) {
                continue;
            }
            if let Some((line, _)) = source.code().find(|(_, line)| mention.is_match(line)) {
                let _ = writeln!(faults, "  {}:{line} uses {name}", source.path);
            }
        }
    }
    demand(&faults, "These crates are used in their own places only");
}

#[test]
fn features_gate_whole_modules() {
    let gate = Regex::new(r"cfg(_attr)?!?\(.*feature").expect("a regular expression");
    let module = Regex::new(r"^\s*(pub(\(\w+\))? )?(mod \w+|use dqc_engine::\{[\w, ]+\});").expect("a regular expression");
    let mut faults = String::new();
    for source in sources().into_iter().chain(rust("tests")).filter(|s| !s.path.ends_with("tidy.rs")) {
        let lines: Vec<(usize, &str)> = source.code().collect();
        for (i, (number, line)) in lines.iter().enumerate() {
            let gated = lines[i + 1..].iter().map(|(_, l)| *l).find(|l| !l.trim_start().starts_with("#["));
            if gate.is_match(line) && !gated.is_some_and(|l| module.is_match(l)) {
                let _ = writeln!(faults, "  {}:{number}", source.path);
            }
        }
    }
    demand(&faults, "A feature may gate only a `mod x;` line, or that of the engine's modules");
}

#[test]
fn files_are_short() {
    let mut faults = String::new();
    for source in sources().iter().chain(&rust("tests")) {
        let lines = source.text.lines().count();
        if lines > 800 {
            let _ = writeln!(faults, "  {}: {lines} lines", source.path);
        }
        if source.path.ends_with("/mod.rs") {
            let _ = writeln!(faults, "  {}: name it after its folder", source.path);
        }
    }
    demand(&faults, "A file over 800 lines is two files");
}

#[test]
fn nothing_is_left_open() {
    let open = Regex::new(r"\b(todo|unimplemented|dbg)!\(|\bFIXME\b|#\[ignore").expect("a regular expression");
    let mut faults = String::new();
    for source in sources().iter().chain(&rust("tests")).filter(|s| !s.path.ends_with("tidy.rs")) {
        for (number, _) in source.text.lines().enumerate().filter(|(_, line)| open.is_match(line)) {
            let _ = writeln!(faults, "  {}:{}", source.path, number + 1);
        }
    }
    demand(&faults, "Left open");
}

#[test]
fn every_page_belongs_to_a_code() {
    let mut faults = String::new();
    for page in texts("crates/language/src/diagnostics/codes", |p| p.ends_with(".md")) {
        let name = Path::new(&page.path).file_stem().unwrap_or_default().to_string_lossy().to_string();
        if dqc::diagnostics::Code::find(&name).is_none() {
            let _ = writeln!(faults, "  {}", page.path);
        }
    }
    demand(&faults, "Pages of codes that are not in the registry");
}

#[test]
fn no_file_names_a_machine() {
    let absolute = Regex::new(r#"(^|[\s"'`=(])/(root|home|work|tmp|Users)/"#).expect("a regular expression");
    let mut faults = String::new();
    for text in texts("", |p| !p.ends_with(".lock") && !p.starts_with("tests/corpus/")) {
        for (number, _) in text.text.lines().enumerate().filter(|(_, line)| absolute.is_match(line)) {
            let _ = writeln!(faults, "  {}:{}", text.path, number + 1);
        }
    }
    demand(&faults, "Absolute paths of a machine");
}

#[test]
fn the_top_level_is_as_agreed() {
    const FOLDERS: &[&str] =
        &["src", "crates", "grammar", "stdlib", "rules", "editors", "integrations", "benches", "tests", "target"];
    let mut faults = String::new();
    for entry in std::fs::read_dir(root()).expect("the package's folder").filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().to_string();
        let folder = entry.file_type().is_ok_and(|t| t.is_dir());
        if folder && !name.starts_with('.') && !FOLDERS.contains(&name.as_str()) {
            let _ = writeln!(faults, "  {name}/");
        }
    }
    demand(&faults, "Documentation and code have their folders already; these are new");
}
