//! Safaricom's Daraja API: the client, the callbacks, and what its answers and result codes mean.
//!
//! Three laws shape this crate. **Unknown is not failed**: an answer that was lost, a code nobody documented and a timeout
//! notice all leave the payment open. **Daraja's JSON is approximate**: numbers come as strings and strings as numbers, lists
//! as single objects, values are missing or masked; nothing here fails on that. **What Daraja returns is personal**: a
//! checkout id contains the payer's number, so ids, receipts and bodies have masked `Debug` and no `Display`.

mod amount;
mod callback;
mod identifiers;
mod message;
mod payout_outcome;
mod result;
mod stk_outcome;
mod time_of_day;
mod token;
mod tolerant;

pub use amount::KesCents;
pub use callback::{Callback, StkCallback, Unreadable};
pub use identifiers::{CheckoutRequestId, ConversationId, MerchantRequestId, Receipt, ResultCode};
pub use message::{CallbackKind, CallbackMessage};
pub use payout_outcome::{PayoutFailure, PayoutOutcome};
pub use result::{ResultCallback, TransactionStatus};
pub use stk_outcome::{QUERY_GRACE, StkFailure, StkOutcome};
pub use time_of_day::{eat_timestamp, password};
pub use token::{AccessToken, MemoryTokens, StoredToken, TokenFuture, TokenStore, TokenStoreError};
