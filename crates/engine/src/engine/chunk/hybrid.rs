//! Small numbers as parquet keeps levels and references into a dictionary: runs of one value, and values packed in bits.

/// A repeated value is told as a run from so many on.
const RUN: usize = 16;
/// Groups of eight whose number still takes one byte; others write no more at once either.
const GROUPS: usize = 63;

/// The first `count` numbers of so many bits; `None` where the bytes are no such runs.
pub fn decode(bytes: &[u8], width: u32, count: usize) -> Option<Vec<u32>> {
    let mut out = Vec::with_capacity(count);
    let mut at = 0;
    while out.len() < count {
        let header = number(bytes, &mut at)?;
        let (length, left) = (usize::try_from(header >> 1).ok().filter(|l| *l > 0)?, count - out.len());
        if header & 1 == 0 {
            let size = width.div_ceil(8) as usize;
            let value = bytes.get(at..at + size)?;
            at += size;
            let value = value.iter().rev().fold(0, |value, byte| (value << 8) | u32::from(*byte));
            out.resize(out.len() + length.min(left), value);
        } else {
            unpack(bytes.get(at..)?, width, length.checked_mul(8)?.min(left), &mut out)?;
            at = at.checked_add(length.checked_mul(width as usize)?)?;
        }
    }
    Some(out)
}

/// A number in groups of seven bits, the lowest first.
fn number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn unpack(bytes: &[u8], width: u32, count: usize, out: &mut Vec<u32>) -> Option<()> {
    let width = width as usize;
    if width > 32 || bytes.len() < (count * width).div_ceil(8) {
        return None;
    }
    let mask = (1u64 << width) - 1;
    let within = |word: u64, bit: usize| ((word >> (bit & 7)) & mask) as u32;
    // Where eight bytes can be read at once.
    let whole = match (bytes.len().checked_sub(8), width) {
        (Some(last), 1..) => (last * 8 / width + 1).min(count),
        _ => 0,
    };
    let word = |at: usize| bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
    out.extend((0..whole).map(|i| within(word(i * width >> 3), i * width)));
    out.extend((whole..count).map(|i| {
        let rest = &bytes[(i * width >> 3).min(bytes.len())..];
        let mut word = [0; 8];
        let known = rest.len().min(8);
        word[..known].copy_from_slice(&rest[..known]);
        within(u64::from_le_bytes(word), i * width)
    }));
    Some(())
}

/// Adds numbers of so many bits.
pub fn encode(values: &[u32], width: u32, out: &mut Vec<u8>) {
    out.reserve((values.len() * width as usize) / 8 + values.len() / (GROUPS * 8) + 16);
    let (mut packed, mut at) = (0, 0);
    while at + 8 <= values.len() {
        let block = &values[at..at + 8];
        let value = block[0];
        if block.iter().fold(0, |odd, v| odd | (v ^ value)) != 0 {
            at += 8;
            continue;
        }
        let end = at + 8 + values[at + 8..].iter().take_while(|v| **v == value).count();
        if end - at < RUN {
            at += 8;
            continue;
        }
        pack(&values[packed..at], width, out);
        run(value, end - at, width, out);
        (packed, at) = (end, end);
    }
    pack(&values[packed..], width, out);
}

/// Adds one value so many times.
pub fn run(value: u32, length: usize, width: u32, out: &mut Vec<u8>) {
    let mut header = (length as u64) << 1;
    while header >= 0x80 {
        out.push((header & 0x7f) as u8 | 0x80);
        header >>= 7;
    }
    out.push(header as u8);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

fn pack(values: &[u32], width: u32, out: &mut Vec<u8>) {
    for values in values.chunks(GROUPS * 8) {
        let groups = values.len().div_ceil(8);
        out.push((groups << 1) as u8 | 1);
        let end = out.len() + groups * width as usize;
        let (mut word, mut bits) = (0u64, 0);
        for value in values {
            word |= u64::from(*value) << bits;
            bits += width;
            if bits >= 32 {
                out.extend_from_slice(&(word as u32).to_le_bytes());
                word >>= 32;
                bits -= 32;
            }
        }
        out.extend_from_slice(&word.to_le_bytes()[..(bits as usize).div_ceil(8)]);
        out.resize(end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, always the same.
    fn numbers(count: usize, width: u32, seed: u64) -> Vec<u32> {
        let mut state = seed | 1;
        let mask = ((1u64 << width) - 1) as u32;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 32) as u32
        };
        let mut out = Vec::new();
        while out.len() < count {
            let (value, length) = (next() & mask, if next() % 3 == 0 { next() as usize % 70 } else { 1 });
            out.extend(std::iter::repeat_n(value, length.min(count - out.len())));
        }
        out
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for width in 1..=32 {
            for count in [0, 1, 7, 8, 9, 15, 16, 17, 503, 504, 505, 3_000] {
                let values = numbers(count, width, u64::from(width) * 31 + count as u64);
                let mut bytes = Vec::new();
                encode(&values, width, &mut bytes);
                assert_eq!(decode(&bytes, width, count).as_ref(), Some(&values), "{width} bits, {count} numbers");
            }
        }
    }

    #[test]
    fn no_bits_are_zeros() {
        assert_eq!(decode(&[20], 0, 10), Some(vec![0; 10]));
        assert_eq!(decode(&[5], 0, 10), Some(vec![0; 10]));
    }

    #[test]
    fn what_is_no_run_is_none() {
        assert_eq!(decode(&[], 1, 1), None);
        assert_eq!(decode(&[0, 0, 0, 0], 1, 1), None);
        assert_eq!(decode(&[0x80; 12], 1, 1), None);
    }
}
