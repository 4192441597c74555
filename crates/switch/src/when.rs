//! Times as people write and read them: `1h`, `2026-03-02`, `2026-03-02T14:05:00Z`. Always in UTC.

use toml::value::{Date, Datetime, Offset, Time};

/// A length of time: a whole number and its unit, `90s`, `10m`, `24h`, `30d`, `2w`; in milliseconds.
pub(crate) fn lasting(text: &str) -> Option<u64> {
    let at = text.find(|character: char| !character.is_ascii_digit())?;
    let (count, unit) = text.split_at(at);
    let unit = UNITS.iter().find(|(name, _)| *name == unit)?;
    count.parse::<u64>().ok()?.checked_mul(unit.1)
}

/// A date (its beginning), or a date with time and offset, as RFC 3339 has it; in Unix milliseconds.
pub(crate) fn moment(text: &str) -> Option<u64> {
    let written: Datetime = text.parse().ok()?;
    let date = written.date?;
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let of_day = match (written.time, written.offset) {
        (None, None) => 0,
        (Some(time), Some(offset)) => {
            let seconds = i64::from(time.hour) * 3600
                + i64::from(time.minute) * 60
                + i64::from(time.second.unwrap_or(0));
            let east = match offset {
                Offset::Z => 0,
                Offset::Custom { minutes } => i64::from(minutes),
            };
            seconds * 1000 + i64::from(time.nanosecond.unwrap_or(0) / 1_000_000) - east * 60_000
        }
        // A time without an offset is a different moment in every country.
        _ => return None,
    };
    u64::try_from(days * DAY_MS as i64 + of_day).ok()
}

/// A moment that is past: so long ago, or a date; in Unix milliseconds.
pub(crate) fn past(text: &str, now_ms: u64) -> Option<u64> {
    lasting(text)
        .map(|ms| now_ms.saturating_sub(ms))
        .or_else(|| moment(text))
}

/// A moment that is to come: so long from now, or a date; in Unix milliseconds.
pub(crate) fn future(text: &str, now_ms: u64) -> Option<u64> {
    lasting(text)
        .map(|ms| now_ms.saturating_add(ms))
        .or_else(|| moment(text))
}

/// A moment as RFC 3339 writes it, in UTC, with milliseconds: `2026-03-02T14:05:09.120Z`.
pub(crate) fn rfc3339(unix_ms: u64) -> String {
    let (date, time) = calendar(unix_ms);
    format!("{date}T{time}.{:03}Z", unix_ms % 1000)
}

/// A moment for a table, in UTC: `2026-03-02 14:05:09`.
pub(crate) fn in_table(unix_ms: u64) -> String {
    let (date, time) = calendar(unix_ms);
    format!("{date} {time}")
}

/// Milliseconds as seconds for people: `0.3 s`, `12 s`.
pub(crate) fn seconds(ms: u64) -> String {
    if ms < 10_000 {
        format!("{}.{} s", ms / 1000, ms % 1000 / 100)
    } else {
        format!("{} s", ms / 1000)
    }
}

const DAY_MS: u64 = 86_400_000;

const UNITS: [(&str, u64); 5] = [
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", DAY_MS),
    ("w", 7 * DAY_MS),
];

fn calendar(unix_ms: u64) -> (Date, Time) {
    let of_day = unix_ms % DAY_MS / 1000;
    let date = date_of(unix_ms / DAY_MS);
    let time = Time {
        hour: (of_day / 3600) as u8,
        minute: (of_day / 60 % 60) as u8,
        second: Some((of_day % 60) as u8),
        nanosecond: None,
    };
    (date, time)
}

/// Years are counted from March, so that the leap day is the last one; 400 years have 146,097 days.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_of(days_since_1970: u64) -> Date {
    let days = days_since_1970 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    Date {
        year: (year_of_era + era * 400 + u64::from(month <= 2)) as u16,
        month: month as u8,
        day: day as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_they_are_shown() {
        for (text, ms) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999),
            ("2026-03-02T14:05:09.120Z", 1_772_460_309_120),
            ("2100-03-01T00:00:00.000Z", 4_107_542_400_000),
        ] {
            assert_eq!(rfc3339(ms), text);
            assert_eq!(moment(text), Some(ms));
        }
        for day in (0..60_000u64).step_by(7) {
            assert_eq!(moment(&rfc3339(day * DAY_MS)), Some(day * DAY_MS));
        }
    }

    #[test]
    fn date_is_its_beginning_and_an_offset_counts() {
        assert_eq!(moment("2027-01-31"), moment("2027-01-31T00:00:00Z"));
        assert_eq!(
            moment("2027-01-31T02:00:00+02:00"),
            moment("2027-01-31T00:00:00Z")
        );
        assert_eq!(moment("2027-01-31T02:00:00"), None, "nobody knows when that is");
        assert_eq!(moment("tomorrow"), None);
    }

    #[test]
    fn lengths_count_from_now() {
        assert_eq!(past("1h", 4_000_000), Some(400_000));
        assert_eq!(past("90d", 5), Some(0));
        assert_eq!(future("2w", 5), Some(14 * DAY_MS + 5));
        for nonsense in ["", "h", "1", "1y", "-1h", "1.5h", "99999999999999999999d"] {
            assert_eq!(lasting(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn seconds_lose_their_fraction_where_it_no_longer_matters() {
        assert_eq!(seconds(340), "0.3 s");
        assert_eq!(seconds(9_999), "9.9 s");
        assert_eq!(seconds(61_500), "61 s");
    }
}
