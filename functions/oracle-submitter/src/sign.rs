//! Signs commands and stores the signed bytes before anybody else sees them.

use descrow_chain::{At, Chain, DryRun, DryRunError, EscrowCall, Refusal};
use descrow_domain::{Timestamp, command::ChainCommand};
use descrow_platform::Deadline;
use descrow_store::{Signed, SignerStep};

use crate::{
    SubmitError, Submitter,
    nonce::{Count, next_nonce},
};

/// Blocks for which signed bytes can be included: long enough for a slow chain, short enough to sign anew soon.
const MORTALITY: u64 = 64;

/// What came of signing.
pub(crate) enum Signing {
    /// These bytes with this nonce are stored.
    Stored { bytes: Vec<u8>, nonce: u64 },
    /// Somebody else changed the rows; nothing is stored.
    Overtaken,
}

impl Submitter {
    /// Tries `call` at `at`: what it needs, or the contract's refusal.
    pub(crate) async fn try_out(
        &self,
        at: &At,
        call: &EscrowCall,
        deadline: Deadline,
    ) -> Result<Result<DryRun, Refusal>, SubmitError> {
        match self.contract.dry_run(at, call, &self.signer.account(), deadline).await {
            Ok(dry_run) => Ok(Ok(dry_run)),
            Err(DryRunError::Refused(refusal)) => Ok(Err(refusal)),
            Err(DryRunError::NotExecutable(reason)) => Err(SubmitError::NotExecutable(reason)),
            Err(DryRunError::Chain(error)) => Err(error.into()),
        }
    }

    /// Signs `call`, which carries out `commands`, and stores the bytes with each of them.
    pub(crate) async fn sign(
        &self,
        chain: &Chain,
        commands: &[ChainCommand],
        call: &EscrowCall,
        dry_run: &DryRun,
        deadline: Deadline,
    ) -> Result<Signing, SubmitError> {
        let now = Timestamp::now();
        let account = self.signer.account();
        let remembered = self.store.chain_state().signer(&account.to_string()).await?;
        let of_node = chain.next_nonce(&account, deadline).await?;
        let known =
            remembered.as_ref().map(|own| Count { next: own.next, counted: own.counted, agreed_at: own.agreed_at });
        let (nonce, count) = next_nonce(known, of_node, now);
        // Mortal from a final block: one that is given up later would take the extrinsic with it.
        let born = chain.at(chain.finalized_head(deadline).await?, deadline).await?;
        let signed = self.contract.sign(&born, call, dry_run, &self.signer, nonce, MORTALITY)?;
        let stored = Signed {
            hash: format!("0x{}", hex::encode(signed.hash)),
            bytes: format!("0x{}", hex::encode(&signed.bytes)),
            nonce,
            valid_until_block: signed.valid_until_block,
        };
        let name = account.to_string();
        let from = remembered.map(|signer| signer.next);
        let Count { next, counted, agreed_at } = count;
        let step = SignerStep { account: &name, from, next, counted, agreed_at };
        if self.store.chain_commands().mark_submitted(commands, &stored, step, now).await? {
            Ok(Signing::Stored { bytes: signed.bytes, nonce })
        } else {
            Ok(Signing::Overtaken)
        }
    }
}
