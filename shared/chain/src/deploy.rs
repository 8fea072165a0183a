//! Deploying the reference contract: for the local stack, for tests, and once per real chain.

use std::time::Duration;

use descrow_platform::Deadline;

use crate::{
    Address, Chain, ChainError, DryRunError, OracleSigner, Submission, contract::sign, error::subxt_error, revive,
    solidity,
};

/// Blocks within which the deployment must happen.
const MORTALITY: u64 = 64;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// A contract that was deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Where it is.
    pub address: Address,
    /// A block before its first event: where a poller starts.
    pub from_block: u64,
}

/// Why nothing was deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The committed artefact has no code.
    #[error("the artefact has no bytecode")]
    Artifact,
    /// The chain does not take it.
    #[error(transparent)]
    DryRun(#[from] DryRunError),
    /// The node did not take the extrinsic.
    #[error("the node refused the deployment: {0}")]
    Submission(String),
}

impl From<ChainError> for DeployError {
    fn from(error: ChainError) -> Self {
        Self::DryRun(error.into())
    }
}

/// Deploys the contract of `infra/contract` and waits until it is final. The deployer becomes its admin, oracle and arbiter.
///
/// # Errors
/// [`DeployError`]; after a deadline the contract may be there all the same.
pub async fn deploy(chain: &Chain, deployer: &OracleSigner, deadline: Deadline) -> Result<Deployment, DeployError> {
    let account = deployer.account();
    let head = chain.finalized_head(deadline).await?;
    let at = chain.at(head, deadline).await?;
    // EVM code has its constructor's arguments behind it.
    let mut code = bytecode().ok_or(DeployError::Artifact)?;
    code.extend(solidity::encode_constructor(revive::value_per_planck(&at)?));
    let limits = revive::dry_run_deploy(&at, &account, &code, deadline).await?;
    let nonce = chain.next_nonce(&account, deadline).await?;
    let signed = sign(&at, &revive::deploy(&code, &limits), deployer, nonce, MORTALITY)?;
    if let Submission::Invalid(reason) = chain.submit(&signed.bytes, deadline).await? {
        return Err(DeployError::Submission(reason));
    }
    let mut number = head.number;
    loop {
        let newest = chain.finalized_head(deadline).await?.number;
        while number < newest {
            number += 1;
            if let Some(address) = instantiated(chain, number, &signed.hash, deadline).await? {
                return Ok(Deployment { address, from_block: number });
            }
        }
        if newest > signed.valid_until_block {
            return Err(DeployError::Submission("its mortality ended".into()));
        }
        deadline.bound(tokio::time::sleep(BETWEEN_LOOKS)).await.map_err(ChainError::from)?;
    }
}

/// The address of the contract that the extrinsic `hash` deployed in block `number`, if it did.
async fn instantiated(
    chain: &Chain,
    number: u64,
    hash: &[u8; 32],
    deadline: Deadline,
) -> Result<Option<Address>, DeployError> {
    let at = chain.at_number(number, deadline).await?;
    let extrinsics =
        deadline.bound(at.client.extrinsics().fetch()).await.map_err(ChainError::from)?.map_err(subxt_error)?;
    for extrinsic in extrinsics.iter() {
        let extrinsic = extrinsic.map_err(subxt_error)?;
        if extrinsic.hash().0 != *hash {
            continue;
        }
        let events = deadline.bound(extrinsic.events()).await.map_err(ChainError::from)?.map_err(subxt_error)?;
        return match revive::instantiated(&events)? {
            Some(address) => Ok(Some(address)),
            None => Err(DeployError::Submission("the extrinsic failed".into())),
        };
    }
    Ok(None)
}

fn bytecode() -> Option<Vec<u8>> {
    let artifact: serde_json::Value = serde_json::from_str(escrow_contract::ARTIFACT).ok()?;
    hex::decode(artifact.get("bytecode")?.as_str()?.strip_prefix("0x")?).ok()
}
