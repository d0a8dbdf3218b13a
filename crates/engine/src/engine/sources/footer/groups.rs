//! Where a footer's row groups begin and end, in Thrift's compact protocol. What ends early or has no meaning is `None`.

/// Kinds of values.
const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
const UUID: u8 = 13;

/// The fields that hold a footer's row groups, and a row group's number.
const GROUPS: u8 = 4;
const NUMBER: u8 = 7;

/// Values within values.
const DEPTH: u8 = 32;

/// The row groups of a footer.
pub struct Groups<'a> {
    /// What comes before their list.
    pub head: &'a [u8],
    pub count: usize,
    rest: Walk<'a>,
    /// Whether they say their numbers; all must or none.
    pub numbered: Option<bool>,
}

impl<'a> Groups<'a> {
    pub fn of(footer: &'a [u8]) -> Option<Self> {
        let mut rest = Walk(footer);
        let mut number = 0u8;
        loop {
            let (step, kind) = rest.field()?;
            // Numbers that are not told by steps are in no footer.
            number = number.checked_add(step).filter(|_| step > 0)?;
            if number == GROUPS && kind == LIST {
                let head = &footer[..footer.len() - rest.0.len()];
                let (kind, count) = rest.list()?;
                return (kind == STRUCT).then_some(Self { head, count, rest, numbered: None });
            }
            rest.value(kind, DEPTH)?;
        }
    }

    /// The bytes of the next row groups.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let from = self.rest.0;
        for _ in 0..count {
            let numbered = self.rest.group()?;
            self.numbered = Some(*self.numbered.get_or_insert(numbered)).filter(|all| *all == numbered);
            self.numbered?;
        }
        Some(&from[..from.len() - self.rest.0.len()])
    }

    /// What is left: row groups that were not taken, and what follows them.
    pub fn rest(&self) -> &'a [u8] {
        self.rest.0
    }
}

/// A list of row groups, without them.
pub fn list_of(count: usize) -> Vec<u8> {
    let mut list = vec![0xf0 | STRUCT];
    let mut left = count;
    while left >= 0x80 {
        list.push(left as u8 | 0x80);
        left >>= 7;
    }
    list.push(left as u8);
    list
}

/// What is left to be read.
struct Walk<'a>(&'a [u8]);

impl Walk<'_> {
    #[inline(always)]
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    #[inline(always)]
    fn bytes(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    #[inline(always)]
    fn number(&mut self) -> Option<()> {
        let last = self.0.iter().position(|byte| *byte < 0x80)?;
        self.bytes(last + 1)
    }

    #[inline(always)]
    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        for shift in (0..u32::BITS).step_by(7) {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(length);
            }
        }
        None
    }

    /// By how much the number of a struct's next field is greater, and of what kind it is.
    #[inline(always)]
    fn field(&mut self) -> Option<(u8, u8)> {
        let byte = self.byte()?;
        Some((byte >> 4, byte & 0xf))
    }

    /// The kind of a list's items, and how many there are.
    #[inline(always)]
    fn list(&mut self) -> Option<(u8, usize)> {
        let byte = self.byte()?;
        let count = if byte >> 4 == 15 { self.length()? } else { usize::from(byte >> 4) };
        Some((byte & 0xf, count))
    }

    /// Passes over a row group; whether it says its number.
    fn group(&mut self) -> Option<bool> {
        let (mut number, mut says) = (0u8, false);
        loop {
            let (step, kind) = self.field()?;
            if kind == STOP {
                return Some(says);
            }
            number = number.checked_add(step).filter(|_| step > 0)?;
            says |= number == NUMBER;
            self.value(kind, DEPTH)?;
        }
    }

    /// Passes over a value.
    #[inline(always)]
    fn value(&mut self, kind: u8, depth: u8) -> Option<()> {
        match kind {
            I32 | I64 | I16 => self.number(),
            BINARY => {
                let length = self.length()?;
                self.bytes(length)
            }
            TRUE | FALSE => Some(()),
            STRUCT => self.fields(depth.checked_sub(1)?),
            LIST | SET => self.items(depth.checked_sub(1)?),
            BYTE => self.bytes(1),
            DOUBLE => self.bytes(8),
            UUID => self.bytes(16),
            MAP => self.entries(depth.checked_sub(1)?),
            _ => None,
        }
    }

    fn fields(&mut self, depth: u8) -> Option<()> {
        loop {
            match self.field()? {
                (_, STOP) => return Some(()),
                // A number of its own.
                (0, _) => return None,
                (_, kind) => self.value(kind, depth)?,
            }
        }
    }

    fn items(&mut self, depth: u8) -> Option<()> {
        let (kind, count) = self.list()?;
        for _ in 0..count {
            match kind {
                TRUE | FALSE => self.bytes(1)?,
                kind => self.value(kind, depth)?,
            }
        }
        Some(())
    }

    fn entries(&mut self, depth: u8) -> Option<()> {
        let count = self.length()?;
        let kinds = if count > 0 { self.byte()? } else { 0 };
        for _ in 0..count {
            self.value(kinds >> 4, depth)?;
            self.value(kinds & 0xf, depth)?;
        }
        Some(())
    }
}
