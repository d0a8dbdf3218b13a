//! CSV as RFC 4180 has it, and as it is found: any of four separators, lines that end with or without a carriage return,
//! a byte order mark, quotes inside of cells. An empty cell is null, an empty one in quotes is an empty text.

use super::spool::Spool;
use crate::engine::sources::NotOpened;

/// A quote that is not closed within so many bytes stands where none belongs.
const LONGEST: usize = 1 << 20;

/// One record as it was read.
pub enum Record<'r> {
    Header(Vec<String>),
    Cells(Vec<Option<&'r str>>),
    Corrupt { why: &'static str, text: &'r [u8] },
}

/// Writes a record; the header begins the file.
pub fn take(record: Record<'_>, spool: &mut Option<Spool>) -> Result<(), NotOpened> {
    match (record, spool) {
        (Record::Header(names), spool) => {
            *spool = Some(Spool::new(&names)?);
            Ok(())
        }
        (Record::Cells(cells), Some(spool)) => spool.row(cells.into_iter()),
        (Record::Corrupt { why, text }, Some(spool)) => spool.corrupt(why, text),
        (_, None) => Ok(()),
    }
}

type Emit<'e> = &'e mut dyn FnMut(Record<'_>) -> Result<(), NotOpened>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first character of a cell.
    Start,
    Plain,
    Quoted,
    /// After a quote inside of a quoted cell: its end, or the first of two.
    Quote,
}

pub struct Reader {
    separator: Option<u8>,
    /// What came before the separator was known.
    head: Vec<u8>,
    at: At,
    /// The cells of the record, one after the other, and where each ends and whether it is in quotes.
    buffer: Vec<u8>,
    ends: Vec<(usize, bool)>,
    quoted: bool,
    raw: Vec<u8>,
    names: Option<usize>,
}

impl Reader {
    pub fn new(tabs: bool) -> Self {
        Self {
            separator: tabs.then_some(b'\t'),
            head: Vec::new(),
            at: At::Start,
            buffer: Vec::new(),
            ends: Vec::new(),
            quoted: false,
            raw: Vec::new(),
            names: None,
        }
    }

    pub fn push(&mut self, chunk: &[u8], emit: Emit<'_>) -> Result<(), NotOpened> {
        if self.names.is_some() {
            return self.bytes(chunk, emit);
        }
        // The header tells the separator.
        self.head.extend_from_slice(chunk);
        if self.head.contains(&b'\n') || self.head.len() > LONGEST { self.begin(emit) } else { Ok(()) }
    }

    fn begin(&mut self, emit: Emit<'_>) -> Result<(), NotOpened> {
        let head = std::mem::take(&mut self.head);
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
        let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
        self.separator.get_or_insert_with(|| separator(line));
        self.names = Some(0);
        self.bytes(head, emit)
    }

    fn bytes(&mut self, bytes: &[u8], emit: Emit<'_>) -> Result<(), NotOpened> {
        let separator = self.separator.unwrap_or(b',');
        for (i, &byte) in bytes.iter().enumerate() {
            self.raw.push(byte);
            match (self.at, byte) {
                (At::Start, b'"') => (self.at, self.quoted) = (At::Quoted, true),
                (At::Quoted, b'"') => self.at = At::Quote,
                (At::Quoted, _) if self.raw.len() > LONGEST => {
                    self.recover(emit)?;
                    return self.bytes(&bytes[i + 1..], emit);
                }
                (At::Quoted, _) => self.buffer.push(byte),
                (At::Quote, b'"') => {
                    self.buffer.push(b'"');
                    self.at = At::Quoted;
                }
                (_, b'\n') => {
                    self.cell();
                    self.record(emit)?;
                }
                (_, b) if b == separator => self.cell(),
                (_, b'\r') => self.at = if self.at == At::Start { At::Start } else { At::Plain },
                (_, _) => {
                    self.buffer.push(byte);
                    self.at = At::Plain;
                }
            }
        }
        Ok(())
    }

    fn cell(&mut self) {
        self.ends.push((self.buffer.len(), self.quoted));
        (self.at, self.quoted) = (At::Start, false);
    }

    fn record(&mut self, emit: Emit<'_>) -> Result<(), NotOpened> {
        let blank = self.buffer.is_empty() && matches!(self.ends.as_slice(), [(0, false)]);
        let done = if blank { Ok(()) } else { self.emit(emit) };
        self.buffer.clear();
        self.ends.clear();
        self.raw.clear();
        done
    }

    fn emit(&mut self, emit: Emit<'_>) -> Result<(), NotOpened> {
        let header = self.names == Some(0);
        let Ok(text) = std::str::from_utf8(&self.buffer) else {
            if header {
                let names = self.cells(&String::from_utf8_lossy(&self.buffer).replace(char::REPLACEMENT_CHARACTER, "?"));
                return self.header(names, emit);
            }
            return emit(Record::Corrupt { why: "not UTF-8", text: &self.raw });
        };
        if header {
            let names = self.cells(text);
            return self.header(names, emit);
        }
        if Some(self.ends.len()) != self.names {
            let few = self.names.is_some_and(|n| self.ends.len() < n);
            let why = if few { "fewer cells than the header has" } else { "more cells than the header has" };
            return emit(Record::Corrupt { why, text: &self.raw });
        }
        let mut from = 0;
        let cells = self.ends.iter().map(|(end, quoted)| {
            let cell = text.get(from..*end).unwrap_or_default();
            from = *end;
            (!cell.is_empty() || *quoted).then_some(cell)
        });
        emit(Record::Cells(cells.collect()))
    }

    fn cells(&self, text: &str) -> Vec<String> {
        let mut from = 0;
        let cell = |(end, _): &(usize, bool)| {
            let cell = text.get(from..*end).unwrap_or_default().trim().to_owned();
            from = *end;
            cell
        };
        self.ends.iter().map(cell).collect()
    }

    /// Names that are missing or stand twice get one of their own.
    fn header(&mut self, cells: Vec<String>, emit: Emit<'_>) -> Result<(), NotOpened> {
        let mut names: Vec<String> = Vec::with_capacity(cells.len());
        for (i, cell) in cells.into_iter().enumerate() {
            let name = if cell.is_empty() { format!("_c{i}") } else { cell };
            let mut own = name.clone();
            let mut number = 2;
            while names.contains(&own) {
                own = format!("{name}_{number}");
                number += 1;
            }
            names.push(own);
        }
        self.names = Some(names.len());
        emit(Record::Header(names))
    }

    /// A quote was not closed: its line is no row, and the next one is read anew.
    fn recover(&mut self, emit: Emit<'_>) -> Result<(), NotOpened> {
        let raw = std::mem::take(&mut self.raw);
        self.buffer.clear();
        self.ends.clear();
        (self.at, self.quoted) = (At::Start, false);
        let end = raw.iter().position(|b| *b == b'\n').map_or(raw.len(), |i| i + 1);
        let (line, rest) = raw.split_at(end);
        if self.names == Some(0) {
            self.names = Some(1);
            emit(Record::Header(vec!["_c0".to_owned()]))?;
        }
        emit(Record::Corrupt { why: "a quote is not closed", text: line })?;
        self.bytes(rest, emit)
    }

    pub fn finish(&mut self, emit: Emit<'_>) -> Result<(), NotOpened> {
        if self.names.is_none() {
            if self.head.is_empty() {
                return Ok(());
            }
            self.begin(emit)?;
        }
        while self.at == At::Quoted {
            self.recover(emit)?;
        }
        if !self.raw.is_empty() {
            self.cell();
            self.record(emit)?;
        }
        Ok(())
    }
}

/// The separator that stands most often in the header, outside of quotes.
fn separator(line: &[u8]) -> u8 {
    let count = |separator: u8| {
        let mut quoted = false;
        line.iter().filter(|b| {
            quoted ^= **b == b'"';
            !quoted && **b == separator
        }).count()
    };
    [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|s| count(*s)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of a text that comes in pieces of a few bytes.
    fn read(text: &[u8], piece: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut emit = |record: Record<'_>| {
            found.push(match record {
                Record::Header(names) => format!("# {}", names.join(",")),
                Record::Cells(cells) => cells.iter().map(|c| c.map_or("-".to_owned(), |c| format!("[{c}]"))).collect(),
                Record::Corrupt { why, text } => format!("! {why}: {}", String::from_utf8_lossy(text).trim_end()),
            });
            Ok(())
        };
        let mut reader = Reader::new(false);
        for chunk in text.chunks(piece) {
            assert!(reader.push(chunk, &mut emit).is_ok());
        }
        assert!(reader.finish(&mut emit).is_ok());
        found
    }

    #[test]
    fn cells_are_as_they_are_written() {
        for piece in [1, 3, 1000] {
            let text = b"\xef\xbb\xbfid;Stra\xc3\x9fe;id\r\n1;\"a \"\"b\"\"\nc\";\r\n\r\n2;x \"y\" z;\"\"\n3;4";
            let wanted = ["# id,Straße,id_2", "[1][a \"b\"\nc]-", "[2][x \"y\" z][]", "! fewer cells than the header has: 3;4"];
            assert_eq!(read(text, piece), wanted, "pieces of {piece}");
        }
    }

    #[test]
    fn a_bad_line_costs_no_other() {
        let text = b"a,b\n1,\"open\n2,x\n3,\xff\n4,y,z\n5,w\n";
        let wanted =
            ["# a,b", "! a quote is not closed: 1,\"open", "[2][x]", "! not UTF-8: 3,\u{fffd}", "! more cells than the header has: 4,y,z", "[5][w]"];
        assert_eq!(read(text, 4), wanted);
        assert_eq!(read(b"", 1), Vec::<String>::new());
        assert_eq!(read(b"a,b", 1), ["# a,b"]);
    }
}
