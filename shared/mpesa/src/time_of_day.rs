//! Daraja's clock: East Africa Time, three hours ahead of UTC all year.

use base64::{Engine, engine::general_purpose::STANDARD};
use descrow_domain::Timestamp;
use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::BorrowedFormatItem,
    macros::{format_description, offset},
};

const EAT: UtcOffset = offset!(+3);
const COMPACT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]");
const DOTTED: &[BorrowedFormatItem<'_>] = format_description!("[day].[month].[year] [hour]:[minute]:[second]");

/// `yyyyMMddHHmmss` in Nairobi, as requests and [`password`] need it.
pub fn eat_timestamp(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(at.seconds())
        .ok()
        .and_then(|t| t.to_offset(EAT).format(COMPACT).ok())
        .unwrap_or_else(|| "19700101030000".to_owned())
}

/// `base64(shortcode + passkey + timestamp)` (DARAJA.md §3.1).
pub fn password(shortcode: &str, passkey: &str, timestamp: &str) -> String {
    STANDARD.encode(format!("{shortcode}{passkey}{timestamp}"))
}

/// Reads `yyyyMMddHHmmss`.
pub(crate) fn parse_compact(text: &str) -> Option<Timestamp> {
    instant(PrimitiveDateTime::parse(text, COMPACT).ok()?)
}

/// Reads `dd.MM.yyyy HH:mm:ss`.
pub(crate) fn parse_dotted(text: &str) -> Option<Timestamp> {
    instant(PrimitiveDateTime::parse(text, DOTTED).ok()?)
}

fn instant(local: PrimitiveDateTime) -> Option<Timestamp> {
    local.assume_offset(EAT).unix_timestamp().checked_mul(1000).map(Timestamp)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_portals_own_sample_gives_the_password() {
        let passkey = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919";
        assert_eq!(
            password("174379", passkey, "20210628092408"),
            "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIwMjEwNjI4MDkyNDA4"
        );
    }

    #[test]
    fn a_timestamp_is_nairobi_time() {
        // 2021-06-28 06:24:08 UTC
        assert_eq!(eat_timestamp(Timestamp(1_624_861_448_999)), "20210628092408");
    }

    proptest! {
        #[test]
        fn a_timestamp_reads_back(seconds in 0i64..250_000_000_000) {
            let at = Timestamp(seconds * 1000);
            prop_assert_eq!(parse_compact(&eat_timestamp(at)), Some(at));
        }
    }
}
