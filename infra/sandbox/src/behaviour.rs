//! Misbehaviours: what real integrations met and got wrong (DARAJA.md §13), to be played on demand.

use serde::{Deserialize, Serialize};

/// An operation that somebody asks of the simulated world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `GET /oauth/v1/generate`
    Oauth,
    /// `POST /mpesa/stkpush/v1/processrequest`, and its callback.
    StkPush,
    /// `POST /mpesa/stkpushquery/v1/query`
    StkQuery,
    /// `POST /mpesa/b2c/v3/paymentrequest`, and its result.
    B2c,
    /// `POST /mpesa/transactionstatus/v1/query`, and its result.
    TransactionStatus,
    /// Pinning a file.
    Pin,
    /// Asking whether a file is pinned.
    PinList,
    /// Reading a file through the gateway.
    Gateway,
    /// Asking for exchange rates.
    Rates,
}

/// How a second B2C request under the same `OriginatorConversationID` is refused; all three are reported (DARAJA.md §5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateStyle {
    /// HTTP 500, `500.002.1001`, and a message that says so.
    #[default]
    Error,
    /// HTTP 200, `ResponseCode` "1".
    ResponseCode,
    /// Accepted, then a result with code 15.
    Result,
}

/// One misbehaviour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Behaviour {
    /// The firewall answers with HTML; nothing was processed.
    Html {
        /// 403 or 503.
        status: u16,
    },
    /// The answer takes its time.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// No answer at all: the connection is dropped after a while. Nothing was processed.
    Hang {
        /// Milliseconds.
        ms: u64,
    },
    /// The request is processed, and its answer is lost.
    LoseAnswer,
    /// This answer, whatever was asked; nothing was processed.
    Answer {
        /// HTTP status.
        status: u16,
        /// The body as it is.
        body: String,
    },
    /// This error in the service's shape; nothing was processed.
    Error {
        /// HTTP status.
        status: u16,
        /// `errorCode`, where the service has such.
        code: String,
        /// `errorMessage`
        message: String,
    },
    /// The caller's token is refused although it is valid, or its key where there is no token.
    TokenRefused,
    /// OAuth writes `expires_in` as a number.
    NumericExpiry,
    /// OAuth refuses with HTTP 400 and no body.
    EmptyRefusal,
    /// The query answers with this result code instead of the true one.
    QueryCode {
        /// `ResultCode`
        code: String,
    },
    /// "The transaction does not Exist" until the push is that old. Lasts, whatever `times` says, until then.
    QueryBlind {
        /// Milliseconds since the push.
        ms: u64,
    },
    /// The customer pays at once, and the callback arrives before the push is answered.
    CallbackFirst,
    /// The callback is sent twice.
    CallbackTwice,
    /// The callback is never sent.
    CallbackNever,
    /// The callback is sent late.
    CallbackLate {
        /// Milliseconds.
        ms: u64,
    },
    /// The callback claims another amount than was paid.
    CallbackAmount {
        /// As a JSON number, `1.00`.
        amount: String,
    },
    /// The callback claims another result code.
    CallbackCode {
        /// Written as a number where it is one, as a string otherwise (`SFC_IC0003`).
        code: String,
    },
    /// The callback names a `CheckoutRequestID` that nobody knows.
    CallbackForeignId,
    /// The payer's number in the callback is masked, and a string.
    CallbackMaskedPhone,
    /// This metadata item has no `Value`.
    CallbackWithoutValue {
        /// `Amount`, `MpesaReceiptNumber`, …
        name: String,
    },
    /// There is no item `Balance`.
    CallbackWithoutBalance,
    /// Failures carry `"CallbackMetadata": null`.
    CallbackNullMetadata,
    /// Numbers are written as strings.
    CallbackStrings,
    /// A timeout notice precedes the result.
    TimeoutFirst,
    /// A timeout notice instead of the result, although the money moved.
    TimeoutOnly,
    /// `ResultParameter` and `ReferenceItem` are single objects.
    SingleParameter,
    /// Keys repeat in `ResultParameter`, and one has no value.
    RepeatedKeys,
    /// The payout ends with this result code, and no money moves (unless it is 0).
    PayoutCode {
        /// `ResultCode`
        code: String,
    },
    /// How a duplicate is refused this time.
    DuplicateAs {
        /// The way.
        style: DuplicateStyle,
    },
    /// The pin is answered with another file's CID.
    WrongCid,
    /// A gateway or node returns other bytes.
    Corrupt,
    /// A gateway or node says that it has not the content.
    Missing,
}

/// When a behaviour has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the request is looked at.
    Before,
    /// When OAuth writes its answer.
    Oauth,
    /// When a query is answered.
    Query,
    /// When a push is taken.
    Push,
    /// When a callback or result is sent.
    Callback,
    /// When a payout is decided.
    Payout,
    /// When a duplicate payout is refused.
    Duplicate,
    /// When a pin is answered.
    Naming,
    /// When content is read.
    Reading,
}

impl Behaviour {
    pub(crate) fn stage(&self) -> Stage {
        match self {
            Self::Html { .. }
            | Self::Slow { .. }
            | Self::Hang { .. }
            | Self::LoseAnswer
            | Self::Answer { .. }
            | Self::Error { .. }
            | Self::TokenRefused => Stage::Before,
            Self::NumericExpiry | Self::EmptyRefusal => Stage::Oauth,
            Self::QueryCode { .. } | Self::QueryBlind { .. } => Stage::Query,
            Self::CallbackFirst => Stage::Push,
            Self::PayoutCode { .. } => Stage::Payout,
            Self::DuplicateAs { .. } => Stage::Duplicate,
            Self::WrongCid => Stage::Naming,
            Self::Corrupt | Self::Missing => Stage::Reading,
            _ => Stage::Callback,
        }
    }
}

/// A behaviour with what it applies to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The operation; any where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The phone; any where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// How often it happens; 0 is for ever.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens.
    #[serde(flatten)]
    pub behaviour: Behaviour,
}

fn once() -> u32 {
    1
}

impl Rule {
    /// `behaviour`, once, whatever operation and phone come first.
    pub fn once(behaviour: Behaviour) -> Self {
        Self { operation: None, phone: None, times: 1, behaviour }
    }

    /// The same for one operation only.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// The same for one phone only.
    #[must_use]
    pub fn for_phone(mut self, phone: &str) -> Self {
        self.phone = Some(phone.to_owned());
        self
    }

    /// The same for ever.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = 0;
        self
    }

    fn matches(&self, stage: Stage, operation: Operation, phone: Option<&str>) -> bool {
        self.behaviour.stage() == stage
            && self.operation.is_none_or(|o| o == operation)
            && self.phone.as_deref().is_none_or(|p| Some(p) == phone)
    }
}

/// The rules in force, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<Rule>);

impl Rules {
    pub(crate) fn add(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    pub(crate) fn list(&self) -> &[Rule] {
        &self.0
    }

    /// The oldest rule that matches, used up by one. A queue of rules thus plays a script.
    pub(crate) fn take(&mut self, stage: Stage, operation: Operation, phone: Option<&str>) -> Option<Behaviour> {
        let index = self.0.iter().position(|rule| rule.matches(stage, operation, phone))?;
        self.use_up(index)
    }

    /// Every rule that matches, each used up by one: a callback can be late, twice and wrong at once.
    pub(crate) fn take_all(&mut self, stage: Stage, operation: Operation, phone: Option<&str>) -> Vec<Behaviour> {
        let matching: Vec<usize> =
            (0..self.0.len()).filter(|i| self.0.get(*i).is_some_and(|r| r.matches(stage, operation, phone))).collect();
        // From the end, so that the indexes before stay right.
        let mut taken: Vec<Behaviour> = matching.into_iter().rev().filter_map(|index| self.use_up(index)).collect();
        taken.reverse();
        taken
    }

    /// The first matching rule without using it up.
    pub(crate) fn peek(&self, stage: Stage, operation: Operation, phone: Option<&str>) -> Option<&Behaviour> {
        self.0.iter().find(|rule| rule.matches(stage, operation, phone)).map(|rule| &rule.behaviour)
    }

    fn use_up(&mut self, index: usize) -> Option<Behaviour> {
        let rule = self.0.get_mut(index)?;
        match rule.times {
            0 => Some(rule.behaviour.clone()),
            1 => Some(self.0.remove(index).behaviour),
            _ => {
                rule.times -= 1;
                Some(rule.behaviour.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Behaviour {
        Behaviour::QueryCode { code: text.into() }
    }

    #[test]
    fn a_queue_of_rules_plays_a_script() {
        let mut rules = Rules::default();
        rules.add(Rule { times: 2, ..Rule::once(code("4999")) });
        rules.add(Rule::once(code("1037")).for_phone("254700000001"));
        rules.add(Rule::once(code("0")).always());
        let mut ask = |phone| rules.take(Stage::Query, Operation::StkQuery, Some(phone));
        let played: Vec<_> = (0..5).map(|_| ask("254700000001")).collect();
        let expected = ["4999", "4999", "1037", "0", "0"].map(|c| Some(code(c)));
        assert_eq!(played, expected);
        assert_eq!(rules.take(Stage::Callback, Operation::StkPush, None), None);
    }

    #[test]
    fn a_callback_can_misbehave_in_several_ways_at_once() {
        let mut rules = Rules::default();
        rules.add(Rule::once(Behaviour::CallbackTwice));
        rules.add(Rule::once(Behaviour::CallbackLate { ms: 5 }).on(Operation::B2c));
        rules.add(Rule::once(Behaviour::CallbackMaskedPhone));
        let taken = rules.take_all(Stage::Callback, Operation::StkPush, Some("254700000001"));
        assert_eq!(taken, [Behaviour::CallbackTwice, Behaviour::CallbackMaskedPhone]);
        assert_eq!(rules.list().len(), 1);
    }

    #[test]
    fn a_rule_reads_from_json_with_one_time_as_default() {
        let rule: Rule = serde_json::from_str(r#"{"kind":"html","status":403,"operation":"b2c"}"#).unwrap();
        assert_eq!(rule, Rule::once(Behaviour::Html { status: 403 }).on(Operation::B2c));
    }
}
