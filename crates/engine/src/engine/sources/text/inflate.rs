//! Unpacks gzip and zstd, by the file's ending.

use std::io::Write;

pub enum Inflate {
    Plain(Vec<u8>),
    Gzip(Box<flate2::write::MultiGzDecoder<Vec<u8>>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Vec<u8>>>),
}

impl Inflate {
    pub fn new(path: &str) -> Option<Self> {
        let path = path.to_ascii_lowercase();
        Some(if path.ends_with(".gz") {
            Inflate::Gzip(Box::new(flate2::write::MultiGzDecoder::new(Vec::new())))
        } else if path.ends_with(".zst") {
            Inflate::Zstd(Box::new(zstd::stream::write::Decoder::new(Vec::new()).ok()?))
        } else {
            Inflate::Plain(Vec::new())
        })
    }

    /// What a piece unpacks to; `None` where it is broken.
    pub fn push(&mut self, chunk: &[u8]) -> Option<&[u8]> {
        match self {
            Inflate::Plain(out) => {
                out.extend_from_slice(chunk);
                Some(out)
            }
            Inflate::Gzip(decoder) => {
                decoder.write_all(chunk).ok()?;
                Some(decoder.get_ref())
            }
            Inflate::Zstd(decoder) => {
                decoder.write_all(chunk).ok()?;
                Some(decoder.get_ref())
            }
        }
    }

    /// Forgets what was given out.
    pub fn clear(&mut self) {
        match self {
            Inflate::Plain(out) => out.clear(),
            Inflate::Gzip(decoder) => decoder.get_mut().clear(),
            Inflate::Zstd(decoder) => decoder.get_mut().clear(),
        }
    }

    /// The rest; `None` where the end is missing.
    pub fn finish(&mut self) -> Option<&[u8]> {
        match self {
            Inflate::Plain(out) => Some(out),
            Inflate::Gzip(decoder) => {
                decoder.try_finish().ok()?;
                Some(decoder.get_ref())
            }
            Inflate::Zstd(decoder) => {
                decoder.flush().ok()?;
                Some(decoder.get_ref())
            }
        }
    }
}
