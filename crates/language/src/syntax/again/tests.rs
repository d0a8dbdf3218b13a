use super::*;

/// A random number's next one.
fn next(seed: &mut u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    (*seed >> 16) as usize
}

fn texts() -> Vec<String> {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let found = ["tests/corpus", "rules", "stdlib", "tests/format", "tests/compat"].iter().flat_map(|folder| {
        walkdir::WalkDir::new(root.join(folder)).sort_by_file_name().into_iter().filter_map(Result::ok)
    });
    let texts: Vec<String> = found
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "dq"))
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
        .collect();
    assert!(texts.len() > 50);
    // Several together have neighbours of every kind.
    texts.chunks(4).map(|some| some.join("\n")).collect()
}

fn edit(text: &str, seed: &mut u64) -> String {
    const TYPED: [&str; 22] = [
        "x", "\n", "\n\n", " ", "{", "}", "\"", "'", "(", ")", "//", "/*", "*/", "--", "\"\"\"", ":", ",", ";", "contract a.b @ 1.0.0 {\n", "\ntype T = ",
        "\n/// é", "`",
    ];
    let place = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let at = place(next(seed) % (text.len() + 1));
    let (before, behind) = text.split_at(at);
    match next(seed) % 4 {
        0 => {
            let until = place((at + next(seed) % 40).min(text.len())).max(at);
            format!("{before}{}", text.get(until..).unwrap_or(""))
        }
        1 => {
            // A line goes somewhere else.
            let line = behind.lines().next().unwrap_or("").to_owned();
            format!("{line}\n{before}{behind}")
        }
        _ => format!("{before}{}{behind}", TYPED[next(seed) % TYPED.len()]),
    }
}

#[test]
fn what_is_read_again_is_what_is_read_anew() {
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (rounds, mut seed) = (number("ROUNDS", 3), number("SEED", 20_261_127));
    let (mut partly, mut all) = (0, 0);
    for text in texts() {
        for _ in 0..rounds {
            let mut text = text.clone();
            let mut read = parse(FileId(3), &text);
            for _ in 0..4 {
                let new = edit(&text, &mut seed);
                all += 1;
                partly += usize::from(Change::between(&read.file, &text, &new).is_some_and(|c| c.kept > 0 || c.rest < read.file.items.len()));
                read = parse_again(read, &text, &new);
                let anew = parse(FileId(3), &new);
                let (a, b) = (format!("{:?}", read.file), format!("{:?}", anew.file));
                let at = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(60);
                let differs = [&a, &b].map(|tree| tree.chars().skip(at).take(300).collect::<String>());
                assert!(a == b, "{differs:#?} in the trees of\n{new}\nwhich was\n{text}");
                assert_eq!(read.diagnostics, anew.diagnostics, "in the findings of\n{new}\nwhich was\n{text}");
                text = new;
            }
        }
    }
    assert!(partly * 2 > all, "{partly} of {all} readings were partial");
}
