//! Check digits and digests.

use base64::Engine;
use md5::Md5;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::eval::{Reason, Result};
use crate::hir::Value;

pub fn call(function: &str, args: &[Value]) -> Option<Result> {
    use Value::*;
    Some(match (function, args) {
        ("mod97", [String(s)]) => Ok(Int(mod97(s))),
        ("luhn", [String(s)]) => Ok(Bool(luhn(s))),
        ("weighted_sum", [String(s), String(weights)]) => weighted_sum(s, weights).map(Int),
        ("md5", [String(s)]) => Ok(String(hex(&Md5::digest(s.as_bytes())))),
        ("sha224", [String(s)]) => Ok(String(hex(&Sha224::digest(s.as_bytes())))),
        ("sha256", [String(s)]) => Ok(String(hex(&Sha256::digest(s.as_bytes())))),
        ("sha384", [String(s)]) => Ok(String(hex(&Sha384::digest(s.as_bytes())))),
        ("sha512", [String(s)]) => Ok(String(hex(&Sha512::digest(s.as_bytes())))),
        ("hex", [String(s)]) => Ok(String(hex(s.as_bytes()).to_uppercase())),
        ("hex", [Int(n)]) => Ok(String(format!("{n:X}"))),
        ("base64", [String(s)]) => Ok(String(base64::prelude::BASE64_STANDARD.encode(s))),
        ("unbase64", [String(s)]) => unbase64(s).map(String),
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unbase64(s: &str) -> Result<String> {
    let bytes = base64::prelude::BASE64_STANDARD.decode(s).map_err(|_| Reason::of("not Base64"))?;
    String::from_utf8(bytes).map_err(|_| Reason::of("not text in UTF-8"))
}

/// The remainder by 97 of digits and letters (ISO 7064); -1 if something else stands there.
pub fn mod97(s: &str) -> i64 {
    let mut remainder = 0;
    for c in s.chars() {
        match c.to_digit(36) {
            Some(digit) if digit < 10 => remainder = (remainder * 10 + i64::from(digit)) % 97,
            Some(letter) => remainder = (remainder * 100 + i64::from(letter)) % 97,
            None => return -1,
        }
    }
    remainder
}

/// ISO/IEC 7812-1, letters as two digits (ISO 6166).
pub fn luhn(s: &str) -> bool {
    let mut digits = Vec::new();
    for c in s.chars() {
        match c.to_digit(36) {
            Some(digit) if digit < 10 => digits.push(digit),
            Some(letter) => digits.extend([letter / 10, letter % 10]),
            None => return false,
        }
    }
    let doubled = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
    let sum: u32 = digits.iter().rev().enumerate().map(|(i, d)| if i % 2 == 1 { doubled(*d) } else { *d }).sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// Each character's distance from `0` times its weight.
pub fn weighted_sum(s: &str, weights: &str) -> Result<i64> {
    let mut sum = 0_i64;
    for (c, weight) in s.chars().zip(weights.split_ascii_whitespace()) {
        let weight: i64 = weight.parse().map_err(|_| Reason::of("the weights are not whole numbers"))?;
        let value = i64::from(u32::from(c)) - i64::from(u32::from('0'));
        sum = weight.checked_mul(value).and_then(|n| sum.checked_add(n)).ok_or(Reason::OVERFLOW)?;
    }
    Ok(sum)
}
