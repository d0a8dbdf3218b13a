//! When a dataset's batches came and were published, and which day a batch is of.

use chrono::NaiveDate;

/// One batch that came, or one publication of it. Instants are microseconds since 1970 in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    pub batch: String,
    /// When the newest of its files came.
    pub arrived_at: Option<i64>,
    /// When it was published; a backfill's is not that of its day.
    pub published_at: Option<i64>,
    /// Since when it is held at the gate, where it was last blocked, and by what.
    pub blocked_at: Option<i64>,
    pub blocked_by: Option<String>,
}

/// The day that a batch's name tells: `ingest_date=2026-11-21`, `year=2026/month=11/day=21`, `orders_20261121.csv`.
pub fn day_of(batch: &str) -> Option<NaiveDate> {
    let last = batch.rsplit('/').next().unwrap_or(batch);
    let value = last.split_once('=').map_or(last, |(_, value)| value);
    written_in(value).or_else(|| in_parts(batch))
}

/// The first date in a text, with hyphens or without, that no other digit touches.
fn written_in(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).filter(|&i| digit(i) && !(i > 0 && digit(i - 1))).find_map(|i| {
        [(10, "%Y-%m-%d"), (10, "%Y_%m_%d"), (8, "%Y%m%d")].into_iter().find_map(|(length, form)| {
            let slice = text.get(i..i + length)?;
            let date = NaiveDate::parse_from_str(slice, form).ok()?;
            (!digit(i + length) && date.format(form).to_string() == slice).then_some(date)
        })
    })
}

fn in_parts(batch: &str) -> Option<NaiveDate> {
    let part = |key: &str| {
        let mut values = batch.split('/').filter_map(|p| p.split_once('='));
        values.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    };
    NaiveDate::from_ymd_opt(part("year")?.parse().ok()?, part("month")?.parse().ok()?, part("day")?.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_day() {
        let day = |name: &str| day_of(name).map(|d| d.to_string());
        for name in [
            "ingest_date=2026-11-21",
            "region=S/day=20261121",
            "year=2026/month=11/day=21",
            "exports/orders_2026-11-21.csv",
            "orders-20261121-v2.parquet",
            "day=2026_11_21",
        ] {
            assert_eq!(day(name).as_deref(), Some("2026-11-21"), "{name}");
        }
        for name in ["all", "month=2013-03", "id=120261121", "day=2026-13-01", "x=2026-11-211", "month=3", ""] {
            assert_eq!(day(name), None, "{name}");
        }
    }
}
