//! What a result code of an STK push means (DARAJA.md §4, §10).

use std::time::Duration;

use crate::ResultCode;

/// How old a prompt must be before a *query* that reports a failure is believed: queries are known to say 1037 seconds
/// before the customer answers (DARAJA.md §4, seen at +14 s). The upper end of the 90-120 s found in production.
pub const QUERY_GRACE: Duration = Duration::from_secs(120);

const DAY: Duration = Duration::from_secs(86_400);

/// What became of an STK push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StkOutcome {
    /// The customer paid. A callback that says so must be confirmed by query first; the query is trusted.
    Paid,
    /// Not decided yet: ask again.
    Pending,
    /// Final: nothing was paid by this push.
    Failed(StkFailure),
    /// Final: nothing was paid, and nobody can pay before our configuration is mended. Raise an alarm.
    Misconfigured(ResultCode),
    /// A code that nobody documented, or one to be confirmed by query first. Ask again, then a human; never failed.
    Unknown(ResultCode),
}

/// Why nothing was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StkFailure {
    /// A stable word for rows and the API.
    pub reason: &'static str,
    /// How long after this outcome the customer may be asked again; `None` when asking again cannot help.
    pub new_push_after: Option<Duration>,
}

impl StkOutcome {
    /// The outcome that a callback reports. Callbacks come after the fact: their failures are final.
    pub fn of_callback(code: &ResultCode) -> Self {
        match code.as_str() {
            // The prompt could not be sent, or so the gateway says: the table wants this confirmed by query first.
            "1025" | "9999" => Self::Unknown(code.clone()),
            _ => Self::of_final(code),
        }
    }

    /// The outcome that a query reports for a prompt sent `age` ago. A failure reported too early is still pending.
    pub fn of_query(code: &ResultCode, age: Duration) -> Self {
        match Self::of_final(code) {
            Self::Failed(_) | Self::Misconfigured(_) if age < QUERY_GRACE => Self::Pending,
            outcome => outcome,
        }
    }

    fn of_final(code: &ResultCode) -> Self {
        let failed = |reason, new_push_after| Self::Failed(StkFailure { reason, new_push_after });
        let after = |seconds| Some(Duration::from_secs(seconds));
        match code.as_str() {
            "0" => Self::Paid,
            "4999" => Self::Pending,
            "1" => failed("insufficient_funds", after(0)),
            "2" => failed("below_minimum", None),
            "3" => failed("above_maximum", None),
            "4" => failed("daily_limit", Some(DAY)),
            "8" => failed("receiver_ceiling", None),
            // The same amount to the same customer within two minutes; the cooldown starts at the earlier push.
            "17" => failed("repeated_too_soon", after(120)),
            "26" => failed("system_busy", after(60)),
            "1001" => failed("subscriber_busy", after(180)),
            "1019" => failed("expired", after(0)),
            "1025" | "9999" => failed("prompt_not_sent", after(60)),
            "1032" => failed("cancelled", after(0)),
            "1037" => failed("no_response", after(0)),
            "2001" => failed("wrong_pin", after(0)),
            "8006" => failed("credential_locked", after(DAY.as_secs())),
            "E3008" => failed("payer_not_permitted", None),
            "2002" | "2028" | "2029" | "SFC_IC0003" => Self::Misconfigured(code.clone()),
            _ => Self::Unknown(code.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> ResultCode {
        text.parse().unwrap()
    }

    /// The table of DARAJA.md §10: code, reason, seconds until a new push.
    const FAILURES: [(&str, &str, Option<u64>); 14] = [
        ("1", "insufficient_funds", Some(0)),
        ("2", "below_minimum", None),
        ("3", "above_maximum", None),
        ("4", "daily_limit", Some(86_400)),
        ("8", "receiver_ceiling", None),
        ("17", "repeated_too_soon", Some(120)),
        ("26", "system_busy", Some(60)),
        ("1001", "subscriber_busy", Some(180)),
        ("1019", "expired", Some(0)),
        ("1032", "cancelled", Some(0)),
        ("1037", "no_response", Some(0)),
        ("2001", "wrong_pin", Some(0)),
        ("8006", "credential_locked", Some(86_400)),
        ("E3008", "payer_not_permitted", None),
    ];

    #[test]
    fn every_documented_failure_is_final_from_the_callback() {
        for (text, reason, seconds) in FAILURES {
            let expected = StkOutcome::Failed(StkFailure { reason, new_push_after: seconds.map(Duration::from_secs) });
            assert_eq!(StkOutcome::of_callback(&code(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_failure_told_by_query_counts_after_the_grace_window_only() {
        for (text, ..) in FAILURES {
            let early = StkOutcome::of_query(&code(text), Duration::from_secs(119));
            assert_eq!(early, StkOutcome::Pending, "{text}");
            let late = StkOutcome::of_query(&code(text), QUERY_GRACE);
            assert_eq!(late, StkOutcome::of_callback(&code(text)), "{text}");
        }
    }

    #[test]
    fn success_and_pending_need_no_grace() {
        assert_eq!(StkOutcome::of_query(&code("0"), Duration::ZERO), StkOutcome::Paid);
        assert_eq!(StkOutcome::of_query(&code("4999"), Duration::from_secs(9999)), StkOutcome::Pending);
        assert_eq!(StkOutcome::of_callback(&code("0")), StkOutcome::Paid);
    }

    #[test]
    fn a_prompt_reported_as_unsent_is_confirmed_by_query_first() {
        for text in ["1025", "9999"] {
            assert_eq!(StkOutcome::of_callback(&code(text)), StkOutcome::Unknown(code(text)));
            assert!(matches!(StkOutcome::of_query(&code(text), QUERY_GRACE), StkOutcome::Failed(_)));
        }
    }

    #[test]
    fn our_own_mistakes_are_told_apart() {
        for text in ["2002", "2028", "2029", "SFC_IC0003"] {
            assert_eq!(StkOutcome::of_callback(&code(text)), StkOutcome::Misconfigured(code(text)));
        }
    }

    proptest! {
        #[test]
        fn an_unknown_code_is_never_failed(text in "[A-Za-z0-9_]{1,12}") {
            let known = FAILURES.iter().any(|(c, ..)| *c == text)
                || ["0", "4999", "1025", "9999", "2002", "2028", "2029", "SFC_IC0003"].contains(&text.as_str());
            if !known {
                prop_assert_eq!(StkOutcome::of_callback(&code(&text)), StkOutcome::Unknown(code(&text)));
                prop_assert_eq!(StkOutcome::of_query(&code(&text), QUERY_GRACE), StkOutcome::Unknown(code(&text)));
            }
        }
    }
}
