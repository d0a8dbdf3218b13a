//! Numbers as people read them.

/// `1,234,567`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `12,345 rows`, `1 row`
pub fn counted(number: u64, word: &str) -> String {
    let ending = match word {
        _ if number == 1 => "",
        word if word.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{} {word}{ending}", grouped(number))
}

/// A share, with as many digits as it takes to see that it is neither none nor all: `0.04%`, `<0.01%`, `12.5%`.
pub fn percent(part: u64, of: u64) -> String {
    if part == 0 || of == 0 {
        return "0%".into();
    }
    let share = part as f64 * 100.0 / of as f64;
    match share {
        _ if part == of => "100%".into(),
        s if s < 0.01 => "<0.01%".into(),
        s if s < 1.0 => format!("{s:.2}%"),
        s if s < 99.9 => format!("{s:.1}%"),
        _ => ">99.9%".into(),
    }
}

/// A measured value against a limit, with the digits that matter: `8,274`, `0.8955`, `71.3`.
pub fn measured(value: &serde_json::Value) -> Option<String> {
    if let Some(whole) = value.as_u64() {
        return Some(grouped(whole));
    }
    let number = value.as_f64()?;
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return Some(if number >= 0.0 { grouped(number as u64) } else { format!("{number:.0}") });
    }
    let digits = 4 - (number.abs().log10().floor() as i32 + 1).clamp(-8, 4);
    let text = format!("{number:.*}", usize::try_from(digits).unwrap_or(0));
    Some(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text })
}

/// `1.2 MB`, in powers of 1000.
pub fn bytes(number: u64) -> String {
    let mut value = number as f64;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if value < 999.5 || unit == "TB" {
            return if unit == "bytes" { format!("{number} bytes") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    String::new()
}

/// The time between two instants given in microseconds, as one does not mind reading it: `3.2 s`, `4 min 10 s`.
pub fn duration(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        0 => format!("{} ms", micros / 1000),
        1..=59 => format!("{:.1} s", micros as f64 / 1e6),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [(0, 5), (5, 5), (1, 100_000), (4, 10_000), (1, 8), (99_999, 100_000)].map(|(a, b)| percent(a, b)),
            ["0%", "100%", "<0.01%", "0.04%", "12.5%", ">99.9%"]
        );
        let values = [8274.0, 0.895496668, 71.30470, 1.0, 0.0000123456, 123456.789].map(|v| measured(&v.into()));
        assert_eq!(values.map(Option::unwrap_or_default), ["8,274", "0.8955", "71.3", "1", "0.00001235", "123457"]);
        assert_eq!(counted(2, "batch"), "2 batches");
        assert_eq!([12, 999, 1000, 1_234_567].map(bytes), ["12 bytes", "999 bytes", "1.0 kB", "1.2 MB"]);
        assert_eq!([1_500, 3_200_000, 250_000_000].map(duration), ["1 ms", "3.2 s", "4 min 10 s"]);
    }
}
