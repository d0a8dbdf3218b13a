//! `tests/runs/*.dqt`: contracts, rows, and what comes of them. `UPDATE=1` writes what came.

mod case;
mod table;

use std::path::PathBuf;

use case::Case;

#[test]
fn runs_come_out_as_written() {
    let folder = super::root().join("tests/runs");
    let mut files: Vec<PathBuf> =
        walkdir::WalkDir::new(folder).into_iter().flatten().map(|e| e.into_path()).filter(|p| is_run(p)).collect();
    files.sort();
    assert!(!files.is_empty(), "there are no runs");
    let only = std::env::var("RUN").unwrap_or_default();
    let update = std::env::var_os("UPDATE").is_some();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().map(|n| n.to_string_lossy().to_string()).unwrap_or_default();
        let text = std::fs::read_to_string(&file).expect("a run that can be read");
        let mut new = String::new();
        for case in case::cases(&text) {
            let label = format!("{name}: {}", case.title);
            let came = if label.contains(&only) { runtime.block_on(came(&case)) } else { case.expected.clone() };
            if came != case.expected {
                wrong.push(format!("=== {label}\n--- expected\n{}\n--- came\n{came}", case.expected));
            }
            new.push_str(&case.written(&came));
        }
        if update && new != text {
            std::fs::write(&file, new).expect("a run that can be written");
        }
    }
    assert!(update || wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn is_run(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|e| e == "dqt")
}

async fn came(case: &Case) -> String {
    match case.run().await {
        Ok(text) => text,
        Err(problem) => format!("cannot run: {problem}\n"),
    }
}
