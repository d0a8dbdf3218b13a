//! `dqc.toml` as it may be shown: with `*` for every value that is not known to be harmless. What is wrong in it is shown
//! with the line that it stands in, and goes on to screens and logs; the line can hold a secret under a misspelt key, or
//! one whose closing quote is missing.

/// Keys whose values are no secrets, whatever table they stand in.
const HARMLESS: [&str; 16] = [
    "allow_http", "endpoint", "file", "format", "from", "host", "kind", "language", "name", "namespace", "path", "path_style",
    "port", "region", "tls", "to",
];

/// Tables in which every value is one, whatever its key, unless the key has one of these words in it.
const TABLES: [&str; 4] = ["project", "layers", "quarantine", "ledger"];
const SECRET: [&str; 6] = ["pass", "secret", "token", "key", "hook", "credential"];

/// The same text, byte for byte as long.
pub fn veiled(text: &str) -> String {
    let mut veil = Veil { bytes: text.as_bytes().to_vec(), at: 0, table: String::new(), key: String::new(), header: false };
    while veil.at < veil.bytes.len() {
        veil.line();
    }
    // Only whole values are covered, from quote to quote or to the line's end: what is left is text as before.
    String::from_utf8(veil.bytes).unwrap_or_else(|_| text.chars().map(|c| if c == '\n' { '\n' } else { '*' }).collect())
}

struct Veil {
    bytes: Vec<u8>,
    at: usize,
    table: String,
    /// The last one before an `=`.
    key: String,
    /// Whether the line begins with `[`.
    header: bool,
}

impl Veil {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn ahead(&self, text: &[u8]) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(text))
    }

    fn text(&self, from: usize, to: usize) -> String {
        String::from_utf8_lossy(self.bytes.get(from..to).unwrap_or_default()).trim().to_owned()
    }

    /// As far as `end` holds, and no further than the line.
    fn until(&mut self, end: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(|b| b != b'\n' && !end(b)) {
            self.at += 1;
        }
    }

    fn line(&mut self) {
        while self.peek().is_some_and(|b| b == b' ' || b == b'\t') {
            self.at += 1;
        }
        let from = self.at;
        self.key.clear();
        self.header = self.peek() == Some(b'[');
        if self.header {
            self.until(|b| matches!(b, b']' | b'=' | b'"' | b'\'' | b'#'));
            self.table = self.text(from, self.at).trim_start_matches('[').trim().to_owned();
        }
        self.entries();
        self.at += 1;
    }

    /// Keys and values to the end of the line, those of inline tables and lists too.
    fn entries(&mut self) {
        let mut from = self.at;
        while let Some(byte) = self.peek().filter(|b| *b != b'\n') {
            match byte {
                b'=' => {
                    let key = self.text(from, self.at);
                    self.key = key.rsplit('.').next().unwrap_or_default().trim_matches(['"', '\'', ' ']).to_owned();
                    self.at += 1;
                    self.value();
                    from = self.at;
                }
                b'{' | b'[' | b',' | b'}' | b']' => {
                    self.at += 1;
                    from = self.at;
                    // The next value of a list has the list's key.
                    if byte == b',' && !self.key.is_empty() && !self.is_key() {
                        self.value();
                    }
                }
                b'#' => self.cover_line(),
                b'"' | b'\'' if self.text(from, self.at).is_empty() && !self.is_key() => self.value(),
                _ => self.at += 1,
            }
        }
    }

    /// Whether what comes next is a name: it is followed by `=` or `.`, or by the `]` of a heading.
    fn is_key(&self) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let blank = |b: &u8| matches!(b, b' ' | b'\t');
        let rest = rest.get(rest.iter().take_while(|b| blank(b)).count()..).unwrap_or_default();
        let end = match rest.first() {
            Some(quote @ (b'"' | b'\'')) => rest.iter().skip(1).position(|b| b == quote || *b == b'\n').map(|end| end + 2),
            _ => rest.iter().position(|b| matches!(b, b'=' | b',' | b']' | b'}' | b'#' | b'\n' | b'"' | b'\'')),
        };
        let after = end.and_then(|end| rest.get(end..)).unwrap_or_default().iter().find(|b| !blank(b));
        match rest.first() {
            Some(b'"' | b'\'') => matches!(after, Some(b'=' | b'.')) || self.header && after == Some(&b']'),
            _ => after == Some(&b'='),
        }
    }

    fn value(&mut self) {
        while self.peek().is_some_and(|b| b == b' ' || b == b'\t' || b == b'[') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'{' | b'\n' | b'#') | None => {}
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote),
            Some(_) => {
                let from = self.at;
                self.until(|b| matches!(b, b',' | b'}' | b']' | b'#'));
                self.cover(from, self.at);
            }
        }
    }

    fn quoted(&mut self, quote: u8) {
        let long = [quote; 3];
        if self.ahead(&long) {
            let from = self.at + 3;
            self.at = from;
            while self.at < self.bytes.len() && !self.ahead(&long) {
                self.at += 1;
            }
            self.cover(from, self.at);
            self.at = (self.at + 3).min(self.bytes.len());
            return;
        }
        let from = self.at + 1;
        self.at = from;
        while let Some(byte) = self.peek().filter(|b| *b != b'\n' && *b != quote) {
            self.at += if byte == b'\\' && quote == b'"' { 2 } else { 1 };
        }
        self.at = self.at.min(self.bytes.len());
        if self.peek() == Some(quote) {
            self.cover(from, self.at);
            self.at += 1;
        } else {
            // Never closed: where it was meant to end nobody knows.
            self.at = from;
            self.cover_line();
        }
    }

    fn cover_line(&mut self) {
        let from = self.at;
        self.until(|_| false);
        self.fill(from, self.at);
    }

    fn cover(&mut self, from: usize, to: usize) {
        if !self.is_harmless(&self.text(from, to)) {
            self.fill(from, to);
        }
    }

    fn fill(&mut self, from: usize, to: usize) {
        let part = self.bytes.get_mut(from..to).unwrap_or_default();
        part.iter_mut().filter(|b| !matches!(**b, b'\n' | b'\r')).for_each(|b| *b = b'*');
    }

    fn is_harmless(&self, value: &str) -> bool {
        if value.starts_with("env:") || value.starts_with("file:") {
            return true;
        }
        let mut parts = self.table.split('.').map(str::trim);
        let table = match parts.next() {
            Some("env") => parts.nth(1),
            first => first,
        };
        // A user and a password in an address, or a token behind it.
        let address = value.contains("://") && value.contains(['@', '?', '#']);
        let key = self.key.to_lowercase();
        if SECRET.iter().any(|word| key.contains(word)) {
            return false;
        }
        let known = table.is_some_and(|t| TABLES.contains(&t)) || HARMLESS.contains(&self.key.as_str());
        known && !address
    }
}

#[cfg(test)]
mod tests {
    use super::veiled;

    #[test]
    fn what_may_be_a_secret_is_covered() {
        for (text, shown) in [
            ("[layers]\nbronze = { path = \"lake\", format = \"csv\" }", "[layers]\nbronze = { path = \"lake\", format = \"csv\" }"),
            ("[layers]\ns = \"s3://k:p@b\"", "[layers]\ns = \"**********\""),
            ("[channels.a]\nkind = \"slakc\"\nwebhok = \"x-1\"", "[channels.a]\nkind = \"slakc\"\nwebhok = \"***\""),
            ("[channels.a]\ntoken = \"env:T\"", "[channels.a]\ntoken = \"env:T\""),
            ("[channels.a]\ntoken = \"never closed, kind = 1", "[channels.a]\ntoken = \"**********************"),
            ("[channels]\na = { kind = \"mail\", password = 'p\"q', user = \"u\" }", "[channels]\na = { kind = \"mail\", password = '***', user = \"*\" }"),
            ("[channels.a]\npassword = 1234 # or 5", "[channels.a]\npassword = ***********"),
            ("channels.a.token = \"a\\\"b\"\nname = \"x\"", "channels.a.token = \"****\"\nname = \"x\""),
            ("[channels.a]\ntoken = \"\"\"one\ntwo\"\"\"\nkind = \"none\"", "[channels.a]\ntoken = \"\"\"***\n***\"\"\"\nkind = \"none\""),
            ("[channels]\na = { kind = \"k\", url = \"abc\" }", "[channels]\na = { kind = \"k\", url = \"***\" }"),
            ("[channels.a]\ntoken = [\"a\", \"b\"]", "[channels.a]\ntoken = [\"*\", \"*\"]"),
            ("[ledger]\npath = \"lake\"\nPassword = \"x\"", "[ledger]\npath = \"lake\"\nPassword = \"*\""),
            ("[channels.a\ntoken = \"é\"", "[channels.a\ntoken = \"**\""),
            ("[channels.a token = \"abc\"", "[channels.a token = \"***\""),
            ("\"to ken\" = \"a\"", "\"to ken\" = \"*\""),
            ("[env.prod.layers]\nsilver = \"s3://b\"\n[env.prod.storage.s3]\nsecret = \"a\"", "[env.prod.layers]\nsilver = \"s3://b\"\n[env.prod.storage.s3]\nsecret = \"*\""),
        ] {
            assert_eq!(veiled(text), shown);
        }
        for text in ["token = \"\\", "a = \"\"\"", "[\"", "= \"x", "\"", "x = {", "x = [\"a\n\"b\"]"] {
            assert_eq!(veiled(text).len(), text.len());
        }
    }
}
