//! Sends signed bytes, which may be sent any number of times.

use std::time::Duration;

use descrow_chain::{Chain, Submission};
use descrow_domain::Timestamp;
use descrow_platform::Deadline;
use descrow_store::SignerStep;

use crate::{SubmitError, Submitter};

/// How often bytes are offered that the node will not have yet: the block that uses the nonce before theirs may be in the making.
const OFFERS: u32 = 8;
const BETWEEN_OFFERS: Duration = Duration::from_millis(400);

/// What the node did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It has the bytes, or their nonce is used: by them, or for good by others, which a final block will show.
    Taken,
    /// It will not have them.
    Refused(String),
}

impl Submitter {
    /// Offers `bytes`, signed with `nonce`, to the node.
    pub(crate) async fn send(
        &self,
        chain: &Chain,
        bytes: &[u8],
        nonce: u64,
        deadline: Deadline,
    ) -> Result<Sent, SubmitError> {
        let mut last = String::new();
        for offer in 1..=OFFERS {
            match chain.submit(bytes, deadline).await? {
                Submission::Accepted | Submission::AlreadyKnown => return Ok(Sent::Taken),
                Submission::Invalid(reason) => last = reason,
            }
            if chain.next_nonce(&self.signer.account(), deadline).await? > nonce {
                return Ok(Sent::Taken);
            }
            if offer < OFFERS && deadline.allows(BETWEEN_OFFERS * 4) {
                tokio::time::sleep(BETWEEN_OFFERS).await;
            } else {
                break;
            }
        }
        self.forget_nonces(chain, deadline).await?;
        Ok(Sent::Refused(last))
    }

    /// After a refusal nothing is known of the nonces that we signed with; the node's own count is right again.
    async fn forget_nonces(&self, chain: &Chain, deadline: Deadline) -> Result<(), SubmitError> {
        let account = self.signer.account();
        let known = self.store.chain_state().signer(&account.to_string()).await?.map(|signer| signer.next);
        let next = chain.next_nonce(&account, deadline).await?;
        if known.is_some_and(|known| known > next) {
            let (account, agreed_at) = (account.to_string(), Timestamp::now());
            let step = SignerStep { account: &account, from: known, next, counted: next, agreed_at };
            // Where another signer was at work, it knows better.
            self.store.chain_state().correct_signer(step).await?;
        }
        Ok(())
    }
}
