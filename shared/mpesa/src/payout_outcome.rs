//! What a result code of a B2C payment means (DARAJA.md §10).

use crate::ResultCode;

/// What became of a payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayoutOutcome {
    /// The money reached the receiver.
    Paid,
    /// Final: nothing moved under this originator id, which is burnt. A new attempt needs a new id.
    Failed(PayoutFailure),
    /// Final: nothing moved, because our initiator, shortcode or parameters are wrong. Stop the queue: repeated bad
    /// credentials lock the API user (code 8006).
    Misconfigured(ResultCode),
    /// A second request under the same originator id: the first one counts. Ask for its status.
    Duplicate,
    /// Not known whether money moved: ask for the status. Never a new id after this.
    Unknown(ResultCode),
}

/// Why nothing moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayoutFailure {
    /// A stable word for rows and the API.
    pub reason: &'static str,
    /// Whether the receiver must name another number; otherwise a later attempt to the same one may succeed.
    pub other_number: bool,
}

impl PayoutOutcome {
    /// The outcome that a result reports.
    pub fn of_result(code: &ResultCode) -> Self {
        let failed = |reason, other_number| Self::Failed(PayoutFailure { reason, other_number });
        match code.as_str() {
            "0" => Self::Paid,
            "1" => failed("insufficient_float", false),
            "2" => failed("below_minimum", false),
            "3" => failed("above_maximum", false),
            "4" => failed("receiver_daily_limit", false),
            "8" => failed("receiver_ceiling", false),
            "2040" => failed("receiver_not_registered", true),
            "SFC_IC0003" => failed("receiver_unknown", true),
            "15" => Self::Duplicate,
            "11" | "18" | "20" | "21" | "22" | "24" | "25" | "29" | "2001" | "2006" | "2028" | "8006" => {
                Self::Misconfigured(code.clone())
            }
            // 17 and 26 are internal trouble of M-Pesa's, 1000000xx of its gateway: the money may have moved.
            _ => Self::Unknown(code.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> PayoutOutcome {
        PayoutOutcome::of_result(&text.parse().unwrap())
    }

    #[test]
    fn every_documented_code_means_what_the_table_says() {
        assert_eq!(of("0"), PayoutOutcome::Paid);
        assert_eq!(of("15"), PayoutOutcome::Duplicate);
        for (text, reason, other_number) in [
            ("1", "insufficient_float", false),
            ("2", "below_minimum", false),
            ("3", "above_maximum", false),
            ("4", "receiver_daily_limit", false),
            ("8", "receiver_ceiling", false),
            ("2040", "receiver_not_registered", true),
            ("SFC_IC0003", "receiver_unknown", true),
        ] {
            assert_eq!(of(text), PayoutOutcome::Failed(PayoutFailure { reason, other_number }), "{text}");
        }
        for text in ["11", "18", "20", "21", "22", "24", "25", "29", "2001", "2006", "2028", "8006"] {
            assert_eq!(of(text), PayoutOutcome::Misconfigured(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn trouble_inside_m_pesa_is_unknown() {
        for text in ["17", "26", "100000000", "100000011", "R000002", "4711"] {
            assert_eq!(of(text), PayoutOutcome::Unknown(text.parse().unwrap()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn only_zero_is_paid(text in "[A-Za-z0-9_]{1,12}") {
            prop_assert_eq!(of(&text) == PayoutOutcome::Paid, text == "0");
        }
    }
}
