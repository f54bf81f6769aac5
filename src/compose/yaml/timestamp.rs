//! Timestamps as yaml.v3 takes them from plain scalars, written as Go prints a `time.Time`.
//!
//! Compose stringifies what it reads, so `RELEASED: 2024-01-01` reaches the container as
//! `2024-01-01 00:00:00 +0000 UTC`.

/// The printed form of the time that `text` is, if it is one.
///
/// The layouts are `2006-1-2`, `2006-1-2 15:4:5` and `2006-1-2T15:4:5Z07:00` (or `t`), each with an
/// optional fraction of a second.
pub(super) fn parse(text: &str) -> Option<String> {
    let mut rest = Rest(text);
    let year = rest.digits(4, 4)?;
    rest.literal('-')?;
    let month = rest.digits(1, 2).filter(|m| (1..=12).contains(m))?;
    rest.literal('-')?;
    let day = rest.digits(1, 2).filter(|d| (1..=days_in(year, month)).contains(d))?;
    let (mut clock, mut zone) = ("00:00:00".to_owned(), Zone::Utc);
    if !rest.0.is_empty() {
        let separator = rest.any(&['T', 't', ' '])?;
        clock = time_of_day(&mut rest)?;
        zone = if separator == ' ' { Zone::Utc } else { offset(&mut rest)? };
    }
    if !rest.0.is_empty() {
        return None;
    }
    let zone = match zone {
        Zone::Utc => "+0000 UTC".to_owned(),
        Zone::Offset { sign, hours, minutes } => {
            let offset = format!("{sign}{hours:02}{minutes:02}");
            format!("{offset} {offset}")
        }
    };
    Some(format!("{year:04}-{month:02}-{day:02} {clock} {zone}"))
}

/// Where a time stands.
enum Zone {
    Utc,
    Offset { sign: char, hours: u32, minutes: u32 },
}

/// `15:4:5` with an optional fraction, of which nine digits count and trailing zeros do not show.
fn time_of_day(rest: &mut Rest<'_>) -> Option<String> {
    let hour = rest.digits(1, 2).filter(|h| *h < 24)?;
    rest.literal(':')?;
    let minute = rest.digits(1, 2).filter(|m| *m < 60)?;
    rest.literal(':')?;
    let second = rest.digits(1, 2).filter(|s| *s < 60)?;
    let mut clock = format!("{hour:02}:{minute:02}:{second:02}");
    if let Some(fraction) = rest.0.strip_prefix(['.', ',']) {
        let digits = fraction.len() - fraction.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return None;
        }
        let shown = fraction[..digits.min(9)].trim_end_matches('0');
        if !shown.is_empty() {
            clock.push('.');
            clock.push_str(shown);
        }
        rest.0 = &fraction[digits..];
    }
    Some(clock)
}

/// `Z` or `±07:00`.
fn offset(rest: &mut Rest<'_>) -> Option<Zone> {
    let sign = rest.any(&['Z', '+', '-'])?;
    if sign == 'Z' {
        return Some(Zone::Utc);
    }
    let hours = rest.digits(2, 2).filter(|h| *h <= 24)?;
    rest.literal(':')?;
    let minutes = rest.digits(2, 2).filter(|m| *m < 60)?;
    Some(if hours == 0 && minutes == 0 { Zone::Utc } else { Zone::Offset { sign, hours, minutes } })
}

/// The days of a month of the Gregorian calendar.
fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The rest of a text that is still to be read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// Between `least` and `most` digits, as many as there are.
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        if count < least { None } else { digits.parse().ok() }
    }

    /// This character.
    fn literal(&mut self, c: char) -> Option<()> {
        self.0 = self.0.strip_prefix(c)?;
        Some(())
    }

    /// One of these characters.
    fn any(&mut self, of: &[char]) -> Option<char> {
        let c = self.0.chars().next().filter(|c| of.contains(c))?;
        self.0 = &self.0[c.len_utf8()..];
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_print_as_go_prints_them() {
        for (written, printed) in [
            ("2024-01-01", Some("2024-01-01 00:00:00 +0000 UTC")),
            ("2024-1-2", Some("2024-01-02 00:00:00 +0000 UTC")),
            ("2024-01-01T00:00:00Z", Some("2024-01-01 00:00:00 +0000 UTC")),
            ("2024-01-01t1:2:3.450Z", Some("2024-01-01 01:02:03.45 +0000 UTC")),
            ("2024-01-01T10:20:30+02:00", Some("2024-01-01 10:20:30 +0200 +0200")),
            ("2024-01-01 10:20:30", Some("2024-01-01 10:20:30 +0000 UTC")),
            ("2024-02-30", None),
            ("2023-02-29", None),
            ("2024-13-01", None),
            ("2024-01-01 10:20", None),
            ("2024-01-01T10:20:30", None),
            ("24-01-01", None),
            ("2024-01", None),
            ("2024-01-01x", None),
        ] {
            assert_eq!(parse(written).as_deref(), printed, "{written}");
        }
    }
}
