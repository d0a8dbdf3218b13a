//! Hashes of keys, many: held in parts by their highest bits, so that each part is sorted alone, and written to a file
//! where the memory ends.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use rayon::prelude::*;

const PARTS: usize = 64;

/// Where hashes may be held.
#[derive(Clone)]
pub struct Space(pub Arc<dyn MemoryPool>);

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Space")
    }
}

/// What one partition holds.
struct Held {
    parts: Vec<Vec<u64>>,
    /// Where each part's written hashes lie: offset and number.
    written: Vec<Vec<(u64, usize)>>,
    file: Option<File>,
    end: u64,
    memory: MemoryReservation,
}

#[derive(Default)]
pub struct Hashes {
    held: Vec<Held>,
}

impl Held {
    fn new(space: &Space) -> Self {
        Self {
            parts: vec![Vec::new(); PARTS],
            written: vec![Vec::new(); PARTS],
            file: None,
            end: 0,
            memory: MemoryConsumer::new("unique").with_can_spill(true).register(&space.0),
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            // Without a name: it ends with the process.
            None => tempfile::tempfile()?,
        };
        for (part, written) in self.parts.iter_mut().zip(&mut self.written) {
            if part.is_empty() {
                continue;
            }
            let bytes: Vec<u8> = part.iter().flat_map(|hash| hash.to_le_bytes()).collect();
            file.write_all_at(&bytes, self.end)?;
            written.push((self.end, part.len()));
            self.end += bytes.len() as u64;
            *part = Vec::new();
        }
        self.file = Some(file);
        self.memory.free();
        Ok(())
    }

    fn read(&self, part: usize, into: &mut Vec<u64>) -> io::Result<()> {
        into.extend_from_slice(&self.parts[part]);
        let Some(file) = &self.file else { return Ok(()) };
        for &(offset, count) in &self.written[part] {
            let mut bytes = vec![0; count * 8];
            file.read_exact_at(&mut bytes, offset)?;
            into.extend(bytes.as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)));
        }
        Ok(())
    }
}

impl Hashes {
    /// Takes hashes; fails where neither memory nor disk has room.
    pub fn extend(&mut self, space: &Space, hashes: impl ExactSizeIterator<Item = u64>) -> io::Result<()> {
        if self.held.is_empty() {
            self.held.push(Held::new(space));
        }
        let held = &mut self.held[0];
        // A vector that grows may hold twice what is in it.
        if held.memory.try_grow(hashes.len() * 16).is_err() {
            held.write()?;
            // Less than a batch of room: what one batch takes is held all the same.
            let _ = held.memory.try_grow(hashes.len() * 16);
        }
        for hash in hashes {
            held.parts[(hash >> 58) as usize].push(hash);
        }
        Ok(())
    }

    pub fn merge(&mut self, other: Hashes) {
        self.held.extend(other.held);
    }

    /// The hashes that occur more than once.
    pub fn shared(self) -> io::Result<HashSet<u64>> {
        let of_part = |part: usize| {
            let mut all = Vec::new();
            for held in &self.held {
                held.read(part, &mut all)?;
            }
            all.sort_unstable();
            Ok(all.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0]).collect::<Vec<u64>>())
        };
        let found: io::Result<Vec<Vec<u64>>> = (0..PARTS).into_par_iter().map(of_part).collect();
        Ok(found?.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::FairSpillPool;

    use super::*;

    /// Numbers that look like hashes.
    fn hash(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn hashes_are_found_again_whether_in_memory_or_in_a_file() {
        for limit in [1 << 30, 1 << 14] {
            let space = Space(Arc::new(FairSpillPool::new(limit)));
            let (mut all, mut other) = (Hashes::default(), Hashes::default());
            for batch in 0..50u64 {
                all.extend(&space, (batch * 100..batch * 100 + 100).map(hash).collect::<Vec<_>>().into_iter()).unwrap();
            }
            other.extend(&space, vec![hash(7), hash(4_999), hash(5_000)].into_iter()).unwrap();
            all.merge(other);
            assert_eq!(all.held[0].file.is_some(), limit == 1 << 14);
            assert_eq!(all.shared().unwrap(), HashSet::from([hash(7), hash(4_999)]));
        }
    }
}
