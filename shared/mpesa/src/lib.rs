//! Safaricom's Daraja API: the client, the callbacks, and what its answers and result codes mean.
//!
//! Three laws shape this crate. **Unknown is not failed**: an answer that was lost, a code nobody documented and a timeout
//! notice all leave the payment open. **Daraja's JSON is approximate**: numbers come as strings and strings as numbers, lists
//! as single objects, values are missing or masked; nothing here fails on that. **What Daraja returns is personal**: a
//! checkout id contains the payer's number, so ids, receipts and bodies have masked `Debug` and no `Display`.

mod amount;
mod answer;
mod callback;
mod callback_url;
mod client;
mod identifiers;
mod message;
mod payout_outcome;
mod request;
mod result;
mod settings;
mod stk_outcome;
mod time_of_day;
mod token;
mod token_source;
mod tolerant;

pub use amount::KesCents;
pub use answer::{Fault, Reply, Silence, Throttle, Verdict, classify};
pub use callback::{Callback, StkCallback, Unreadable};
pub use callback_url::{CallbackSecret, CallbackUrl, CallbackUrls, RuleBroken};
pub use client::{CallError, Daraja, PayoutAccepted, PushAccepted};
pub use identifiers::{CheckoutRequestId, ConversationId, MerchantRequestId, Receipt, ResultCode};
pub use message::{CallbackKind, CallbackMessage};
pub use payout_outcome::{PayoutFailure, PayoutOutcome};
pub use request::{
    AccountReference, AmountOutOfRange, InvalidReference, Payout, StatusQuery, StkPush, TransactionDesc,
};
pub use result::{ResultCallback, TransactionStatus};
pub use settings::{B2cSettings, ClientSettings, StkSettings};
pub use stk_outcome::{QUERY_GRACE, StkFailure, StkOutcome};
pub use time_of_day::{eat_timestamp, password};
pub use token::{AccessToken, MemoryTokens, StoredToken, TokenFuture, TokenStore, TokenStoreError};
