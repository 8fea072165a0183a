//! What can go wrong with the chain. A refusal by the contract is no error of the chain: it is [`Refusal`].

use std::fmt;

use descrow_platform::deadline::DeadlinePassed;

use crate::solidity::AbiError;

/// The chain could not be asked, or said something that is not understood.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// No answer in time. Whether a submission arrived is unknown.
    #[error("the chain did not answer in time")]
    Deadline(#[from] DeadlinePassed),
    /// The URL is neither `wss://` nor on this machine.
    #[error("the chain's URL is not secure")]
    InsecureUrl,
    /// The node could not be reached, or answered with an error. Worth another try.
    #[error("the chain could not be asked: {0}")]
    Rpc(String),
    /// There is no such block (yet).
    #[error("the chain has no block {0}")]
    NoSuchBlock(u64),
    /// An answer does not have the shape its metadata promises, or the chain lacks what is needed of it.
    #[error("the chain is not understood: {0}")]
    Unexpected(String),
    /// The contract's bytes do not have the shape its ABI promises.
    #[error(transparent)]
    Abi(#[from] AbiError),
}

impl From<subxt::rpcs::Error> for ChainError {
    fn from(error: subxt::rpcs::Error) -> Self {
        match error {
            subxt::rpcs::Error::InsecureUrl(_) => Self::InsecureUrl,
            other => Self::Rpc(other.to_string()),
        }
    }
}

impl From<subxt::Error> for ChainError {
    fn from(error: subxt::Error) -> Self {
        Self::Rpc(error.to_string())
    }
}

/// Any of subxt's many error types.
pub(crate) fn subxt_error<E: Into<subxt::Error>>(error: E) -> ChainError {
    error.into().into()
}

/// The contract refused a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Name of the contract's error, such as `WrongStatus`; stable.
    pub name: String,
    /// Its arguments as text; may be empty. Holds nothing personal: the contract knows nothing personal.
    pub detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() { f.write_str(&self.name) } else { write!(f, "{}({})", self.name, self.detail) }
    }
}

/// Why a dry-run gave no result.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// The contract would refuse the message.
    #[error("the contract refuses: {0}")]
    Refused(Refusal),
    /// The chain would not execute it at all: no funds, no such contract, an unmapped account.
    #[error("the runtime refuses: {0}")]
    NotExecutable(String),
    /// The question could not be asked.
    #[error(transparent)]
    Chain(#[from] ChainError),
}
