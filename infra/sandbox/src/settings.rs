//! How the simulated world behaves when nothing special is asked of it.

use serde::{Deserialize, Serialize};

use crate::{Answer, DuplicateStyle};

/// What a phone does with a prompt by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// The answer; `None` waits for somebody to answer by hand.
    pub answer: Option<Answer>,
    /// How long the customer takes, in milliseconds.
    #[serde(default)]
    pub after_ms: u64,
}

/// The settings, changeable while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// Within this time the same amount to the same phone ends in code 17. Safaricom: two minutes.
    pub repeat_window_ms: u64,
    /// After this time an unanswered prompt ends in code 1037. Seen: 26 s.
    pub prompt_timeout_ms: u64,
    /// How long a callback or result takes to leave.
    pub callback_delay_ms: u64,
    /// How long a token lives.
    pub token_lifetime_s: u32,
    /// Whether callback URLs must be https.
    pub https_only: bool,
    /// Whether callback URLs must not contain Safaricom's forbidden words.
    pub forbidden_words: bool,
    /// Whether callbacks go to other hosts than this one. Off, they are recorded as undeliverable.
    pub deliver_anywhere: bool,
    /// What phones do that have no policy of their own.
    pub policy: Policy,
    /// How duplicates of payouts are refused.
    pub duplicate_style: DuplicateStyle,
    /// What a phone's wallet holds when it is first seen, in shillings.
    pub wallet: u64,
    /// What the payout shortcode's utility account holds at the start, in shillings.
    pub float: u64,
    /// The token that the Kubo node wants with each command (`API.Authorizations`); `None` obeys everybody, as a node does
    /// that was told nothing.
    pub kubo_token: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            repeat_window_ms: 120_000,
            prompt_timeout_ms: 26_000,
            callback_delay_ms: 200,
            token_lifetime_s: 3599,
            https_only: true,
            forbidden_words: true,
            deliver_anywhere: false,
            policy: Policy { answer: None, after_ms: 0 },
            duplicate_style: DuplicateStyle::Error,
            wallet: 300_000,
            float: 10_000_000,
            kubo_token: None,
        }
    }
}
