//! A time on the command line: how long ago, or when.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// Reads `90s`, `10m`, `1h30m`, `2d`: so long ago; `2026-01-02T15:04:05Z`: at that time; and `2026-01-02 15:04`,
/// `2026-01-02` or `15:04`: at that time here.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    read(text, &Zoned::now()).ok_or_else(|| {
        "write how long ago, such as 10m or 2d, or when, such as 15:04, 2026-01-02 or 2026-01-02T15:04:05Z".to_owned()
    })
}

fn read(text: &str, now: &Zoned) -> Option<Timestamp> {
    let here = |at: DateTime, zone: &TimeZone| zone.to_timestamp(at).ok();
    let zone = now.time_zone();
    if let Ok(span) = text.parse::<Span>() {
        return now.checked_sub(span.abs()).ok().map(|at| at.timestamp());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(date) = text.parse::<DateTime>() {
        return here(date, zone);
    }
    if let Ok(date) = text.parse::<Date>() {
        return here(date.to_datetime(Time::midnight()), zone);
    }
    // A number alone would be an hour, and whoever writes one means something else.
    text.parse::<Time>().ok().filter(|_| text.contains(':')).and_then(|time| here(now.date().to_datetime(time), zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Zoned = "2026-03-10T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
        for (text, at) in [
            ("90s", Some("2026-03-10T10:58:30Z")),
            ("10m", Some("2026-03-10T10:50:00Z")),
            ("1h30m", Some("2026-03-10T09:30:00Z")),
            ("2d", Some("2026-03-08T11:00:00Z")),
            ("2026-03-09T15:04:05.5Z", Some("2026-03-09T15:04:05.5Z")),
            ("2026-03-09T15:04:05+02:00", Some("2026-03-09T13:04:05Z")),
            ("2026-03-09 15:04", Some("2026-03-09T14:04:00Z")),
            ("2026-03-09", Some("2026-03-08T23:00:00Z")),
            ("09:30", Some("2026-03-10T08:30:00Z")),
            ("10", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(read(text, &now), at.map(|at| at.parse().unwrap()), "{text}");
        }
    }
}
