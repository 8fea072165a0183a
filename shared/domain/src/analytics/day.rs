//! Days, as the counters have them: in UTC.

use std::{fmt, str::FromStr};

use time::{Date, OffsetDateTime, format_description::StaticFormatDescription, macros::format_description};

use crate::Timestamp;

/// The last second that has a day of four digits' year.
const LAST_SECOND: i64 = 253_402_300_799;
/// How many days one answer may cover.
pub const DAYS_MAX: usize = 92;

const FORMAT: StaticFormatDescription = format_description!("[year]-[month]-[day]");

/// A day in UTC, from 1970 to 9999. Its text is `2026-11-22`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

/// Not a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2026-11-22")]
pub struct InvalidDay;

impl Day {
    /// The day that an instant is in.
    pub fn of(at: Timestamp) -> Self {
        let seconds = at.seconds().clamp(0, LAST_SECOND);
        Self(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH).date())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let date = Date::parse(text, &FORMAT).map_err(|_| InvalidDay)?;
        if (1970..=9999).contains(&date.year()) && text.len() == 10 { Ok(Self(date)) } else { Err(InvalidDay) }
    }
}

/// Days that follow one another, at least one and at most [`DAYS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    first: Day,
    last: Day,
}

/// Two days that are no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDays {
    /// The range ends before it begins.
    #[error("must not be before the first day")]
    Backwards,
    /// The range is too long.
    #[error("must be at most {DAYS_MAX} days in all")]
    TooMany,
}

impl Days {
    /// From `first` to `last`, both included.
    ///
    /// # Errors
    /// [`InvalidDays`].
    pub fn new(first: Day, last: Day) -> Result<Self, InvalidDays> {
        let further = usize::try_from((last.0 - first.0).whole_days()).map_err(|_| InvalidDays::Backwards)?;
        if further < DAYS_MAX { Ok(Self { first, last }) } else { Err(InvalidDays::TooMany) }
    }

    /// The `count` days that end with `last`; one at least and [`DAYS_MAX`] at most.
    pub fn ending(last: Day, count: usize) -> Self {
        let mut first = last;
        for _ in 1..count.min(DAYS_MAX) {
            first = first.0.previous_day().map_or(first, Day);
        }
        Self { first, last }
    }

    /// The first day.
    pub fn first(self) -> Day {
        self.first
    }

    /// The last day.
    pub fn last(self) -> Day {
        self.last
    }

    /// Every day, the first first.
    pub fn iter(self) -> impl Iterator<Item = Day> {
        std::iter::successors(Some(self.first), |day| day.0.next_day().map(Day))
            .take_while(move |day| *day <= self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_in_utc() {
        for (millis, day) in [
            (0, "1970-01-01"),
            (-1, "1970-01-01"),
            (1_795_391_999_999, "2026-11-22"),
            (1_795_392_000_000, "2026-11-23"),
        ] {
            assert_eq!(Day::of(Timestamp(millis)).to_string(), day, "{millis}");
        }
        assert_eq!(Day::of(Timestamp(i64::MAX)).to_string(), "9999-12-31");
    }

    #[test]
    fn a_day_is_read_as_it_is_written_and_nothing_else_is() {
        assert_eq!("2024-02-29".parse::<Day>().unwrap().to_string(), "2024-02-29");
        for text in
            ["", "2023-02-29", "2026-1-2", "2026-11-22T00:00", "22.11.2026", "1969-12-31", "+2026-11-2", "-026-11-22"]
        {
            assert_eq!(text.parse::<Day>(), Err(InvalidDay), "{text}");
        }
    }

    #[test]
    fn days_are_a_range_of_bounded_length() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let days = Days::new(day("2026-02-27"), day("2026-03-01")).unwrap();
        let all: Vec<_> = days.iter().map(|day| day.to_string()).collect();
        assert_eq!(all, ["2026-02-27", "2026-02-28", "2026-03-01"]);
        assert_eq!(Days::new(day("2026-03-01"), day("2026-02-28")), Err(InvalidDays::Backwards));
        assert_eq!(Days::new(day("2026-01-01"), day("2026-04-02")).map(|days| days.iter().count()), Ok(DAYS_MAX));
        assert_eq!(Days::new(day("2026-01-01"), day("2026-04-03")), Err(InvalidDays::TooMany));
        assert_eq!(Days::ending(day("2026-03-01"), 3), days);
        assert_eq!(Days::ending(day("2026-03-01"), 0), Days::ending(day("2026-03-01"), 1));
        assert_eq!(Days::ending(day("2026-03-01"), 1_000).iter().count(), DAYS_MAX);
    }
}
