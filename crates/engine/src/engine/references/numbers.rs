//! A set of whole numbers: a bit each, in pages that are there where a number is; in a hash set where they lie far apart.

use std::collections::{HashMap, HashSet};

use arrow::buffer::BooleanBuffer;

/// Words of a page, and the bits that tell their numbers.
const PAGE: usize = 1024;
const PAGE_BITS: u32 = 16;
/// So few pages are never too many.
const FEW_PAGES: usize = 256;

#[derive(Debug)]
pub enum Numbers {
    Paged { pages: HashMap<i64, Box<[u64]>, Build>, count: usize },
    /// The pages side by side, from that of the least number on.
    Dense { first: i64, pages: Vec<Option<Box<[u64]>>> },
    Apart(HashSet<i64, Build>),
}

impl Default for Numbers {
    fn default() -> Self {
        Numbers::Paged { pages: HashMap::default(), count: 0 }
    }
}

impl Numbers {
    pub fn extend(&mut self, numbers: impl Iterator<Item = i64>) {
        match self {
            Numbers::Apart(set) => set.extend(numbers),
            Numbers::Dense { .. } => {}
            Numbers::Paged { pages, count } => {
                for number in numbers {
                    let page = pages.entry(number >> PAGE_BITS).or_insert_with(|| vec![0; PAGE].into_boxed_slice());
                    let (word, bit) = place(number);
                    *count += usize::from(page[word] & bit == 0);
                    page[word] |= bit;
                }
                // A number in a hash set takes about sixteen bytes, a page eight thousand.
                if pages.len() > FEW_PAGES && pages.len() * 512 > *count {
                    let all = pages.drain().flat_map(|(page, words)| listed(page, words));
                    *self = Numbers::Apart(all.collect());
                }
            }
        }
    }

    /// Makes lookups fast, once all numbers are in.
    pub fn seal(&mut self) {
        let Numbers::Paged { pages, .. } = self else { return };
        let (Some(first), Some(last)) = (pages.keys().min().copied(), pages.keys().max().copied()) else { return };
        // A place for a page that is not there takes sixteen bytes.
        let Ok(span) = usize::try_from(last - first + 1) else { return };
        if span > pages.len() * 512 {
            return;
        }
        let pages = (first..=last).map(|page| pages.remove(&page)).collect();
        *self = Numbers::Dense { first, pages };
    }

    /// The positions whose number is in the set.
    pub fn contain(&self, numbers: &[i64]) -> BooleanBuffer {
        let in_page = |page: Option<&Box<[u64]>>, number: i64| {
            let (word, bit) = place(number);
            page.is_some_and(|words| words[word] & bit != 0)
        };
        BooleanBuffer::collect_bool(numbers.len(), |i| {
            let number = numbers[i];
            let page = number >> PAGE_BITS;
            match self {
                Numbers::Dense { first, pages } => {
                    let page = usize::try_from(page - first).ok().and_then(|p| pages.get(p)?.as_ref());
                    in_page(page, number)
                }
                Numbers::Paged { pages, .. } => in_page(pages.get(&page), number),
                Numbers::Apart(set) => set.contains(&number),
            }
        })
    }
}

impl Numbers {
    /// Bytes that are held, about.
    pub fn bytes(&self) -> usize {
        match self {
            Numbers::Paged { pages, .. } => pages.len() * (PAGE * 8 + 32),
            Numbers::Dense { pages, .. } => pages.iter().flatten().count() * PAGE * 8 + pages.len() * 16,
            Numbers::Apart(set) => set.capacity() * 9,
        }
    }
}

/// Where a number's bit is in its page.
fn place(number: i64) -> (usize, u64) {
    ((number >> 6) as usize % PAGE, 1 << (number & 63))
}

/// The numbers of a page.
fn listed(page: i64, words: Box<[u64]>) -> impl Iterator<Item = i64> {
    let bits = move |(word, bits): (usize, u64)| {
        (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| page << PAGE_BITS | (word as i64) << 6 | bit)
    };
    words.into_vec().into_iter().enumerate().flat_map(bits)
}

/// A multiplicative hash for numbers: they come from tables, not from attackers of the program.
pub type Build = std::hash::BuildHasherDefault<Mix>;

#[derive(Default)]
pub struct Mix(u64);

impl std::hash::Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u64(u64::from(*b)));
    }
    fn write_i64(&mut self, value: i64) {
        self.write_u64(value as u64);
    }
    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value ^ 0x9e37_79b9_7f4a_7c15) * u128::from(0xd6e8_feb8_6659_fd93_u64);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_however_they_lie() {
        let near: Vec<i64> = (-70_000..70_000).step_by(3).collect();
        let far: Vec<i64> = (-500..500).map(|n| n * 9_000_000_000_000_000).chain([i64::MIN, i64::MAX]).collect();
        for all in [near, far, vec![i64::MIN, 0, i64::MAX], Vec::new()] {
            let mut numbers = Numbers::default();
            all.chunks(100).for_each(|chunk| numbers.extend(chunk.iter().copied()));
            for sealed in [false, true] {
                if sealed {
                    numbers.seal();
                }
                assert_eq!(numbers.contain(&all).count_set_bits(), all.len());
                let others: Vec<i64> = all.iter().map(|n| n ^ 1).filter(|n| all.binary_search(n).is_err()).collect();
                assert_eq!(numbers.contain(&others).count_set_bits(), 0);
            }
        }
    }
}
