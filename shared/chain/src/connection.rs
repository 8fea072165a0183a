//! The connection to a node, by the JSON-RPC methods that every Substrate node has.

use std::{fmt, time::Duration};

use descrow_domain::{Account, Planck};
use descrow_platform::Deadline;
use subxt::{
    OnlineClient, PolkadotConfig,
    backend::LegacyBackend,
    client::OnlineClientAtBlock,
    config::{RpcConfigFor, substrate::H256},
    error::OnlineClientAtBlockError,
    rpcs::{RpcClient, client::RpcSubscription, methods::legacy::LegacyRpcMethods},
    utils::AccountId32,
};
use tokio::sync::Mutex;

use crate::{ChainError, error::subxt_error};

/// Codes of a node's answers to a submission (`sc-rpc-api`, `author` errors).
const INVALID_TRANSACTION: i32 = 1010;
const TEMPORARILY_BANNED: i32 = 1012;
const ALREADY_IMPORTED: i32 = 1013;
/// A connection that a frozen sandbox left half-open answers nothing: a longer wait would only eat the invocation.
const PROBE: Duration = Duration::from_secs(2);

/// Which block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockId {
    /// Its height.
    pub number: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// What the node did with a submitted extrinsic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submission {
    /// It is in the node's pool.
    Accepted,
    /// It was there already, or was in a block not long ago.
    AlreadyKnown,
    /// The runtime will not have it, with the reason: its nonce is used or too high, its mortality ended, no funds for fees.
    /// Says nothing about whether it is in a block already.
    Invalid(String),
}

/// A connection to a node, with the metadata of each spec version it met. Cheap to clone.
#[derive(Clone)]
pub struct Chain {
    client: OnlineClient<PolkadotConfig>,
    rpc: LegacyRpcMethods<RpcConfigFor<PolkadotConfig>>,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain")
    }
}

/// The chain's state at one block: several questions about it cost its runtime version once.
#[derive(Clone)]
pub struct At {
    pub(crate) client: OnlineClientAtBlock<PolkadotConfig>,
    /// Which block.
    pub block: BlockId,
}

/// Keeps a connection for as long as it works, over many invocations.
#[derive(Debug)]
pub struct Connector {
    url: String,
    /// Holds the metadata by spec version, so that a new connection does not fetch it again.
    config: PolkadotConfig,
    current: Mutex<Option<Chain>>,
}

impl Connector {
    /// For the node at `url`: `wss://…`, or `ws://` on this machine.
    pub fn new(url: impl Into<String>) -> Self {
        let config = PolkadotConfig::builder().use_historic_types(false).build();
        Self { url: url.into(), config, current: Mutex::default() }
    }

    /// The connection, renewed where it does not answer.
    ///
    /// # Errors
    /// [`ChainError`] when the node cannot be reached.
    pub async fn chain(&self, deadline: Deadline) -> Result<Chain, ChainError> {
        let mut current = self.current.lock().await;
        if let Some(chain) = current.as_ref()
            && chain.finalized_head(deadline.within(PROBE)).await.is_ok()
        {
            return Ok(chain.clone());
        }
        let chain = Chain::with_config(&self.url, self.config.clone(), deadline).await?;
        *current = Some(chain.clone());
        Ok(chain)
    }
}

impl Chain {
    /// Connects to the node at `url`: `wss://…`, or `ws://` on this machine.
    ///
    /// # Errors
    /// [`ChainError`] when the URL is not secure or the node cannot be reached.
    pub async fn connect(url: &str, deadline: Deadline) -> Result<Self, ChainError> {
        Self::with_config(url, PolkadotConfig::builder().use_historic_types(false).build(), deadline).await
    }

    async fn with_config(url: &str, config: PolkadotConfig, deadline: Deadline) -> Result<Self, ChainError> {
        deadline
            .bound(async {
                let rpc = RpcClient::from_url(url).await?;
                let backend = LegacyBackend::builder().build(rpc.clone());
                let client =
                    OnlineClient::from_backend_with_config(config, backend.into()).await.map_err(subxt_error)?;
                Ok(Self { client, rpc: LegacyRpcMethods::new(rpc) })
            })
            .await?
    }

    /// The newest block that is final.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn finalized_head(&self, deadline: Deadline) -> Result<BlockId, ChainError> {
        deadline.bound(async { self.block_id(self.rpc.chain_get_finalized_head().await?).await }).await?
    }

    /// The newest block, which may yet be given up.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn best_head(&self, deadline: Deadline) -> Result<BlockId, ChainError> {
        deadline
            .bound(async {
                let hash = self.rpc.chain_get_block_hash(None).await?;
                self.block_id(hash.ok_or_else(|| ChainError::Unexpected("no best block".into()))?).await
            })
            .await?
    }

    /// The block of this hash and the one before it; `None` where the node does not know it (yet), or it has none before.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn block_with_parent(
        &self,
        hash: [u8; 32],
        deadline: Deadline,
    ) -> Result<Option<(BlockId, BlockId)>, ChainError> {
        let Some(header) = deadline.bound(self.rpc.chain_get_header(Some(H256(hash)))).await?? else {
            return Ok(None);
        };
        let parent = header.number.checked_sub(1).map(|number| BlockId { number, hash: header.parent_hash.0 });
        Ok(parent.map(|parent| (BlockId { number: header.number, hash }, parent)))
    }

    /// Hash of the chain's first block.
    pub fn genesis(&self) -> [u8; 32] {
        self.client.genesis_hash().0
    }

    async fn block_id(&self, hash: H256) -> Result<BlockId, ChainError> {
        let header = self.rpc.chain_get_header(Some(hash)).await?;
        let header = header.ok_or_else(|| ChainError::Unexpected("a head without a header".into()))?;
        Ok(BlockId { number: header.number, hash: hash.0 })
    }

    /// The state at `block`, with its metadata.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn at(&self, block: BlockId, deadline: Deadline) -> Result<At, ChainError> {
        let client = self.client.at_block_hash_and_number(H256(block.hash), block.number);
        Ok(At { client: deadline.bound(client).await?.map_err(subxt_error)?, block })
    }

    /// The state at block `number` of the best chain; for a finalised number, of the only one.
    ///
    /// # Errors
    /// [`ChainError::NoSuchBlock`] when the chain is not that long; other [`ChainError`]s.
    pub async fn at_number(&self, number: u64, deadline: Deadline) -> Result<At, ChainError> {
        match deadline.bound(self.client.at_block(number)).await? {
            Ok(client) => {
                let block = BlockId { number, hash: client.block_hash().0 };
                Ok(At { client, block })
            }
            Err(OnlineClientAtBlockError::BlockNotFound { .. }) => Err(ChainError::NoSuchBlock(number)),
            Err(error) => Err(subxt_error(error)),
        }
    }

    /// The nonce for the next extrinsic of `account`, with those that wait in the node's pool counted.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn next_nonce(&self, account: &Account, deadline: Deadline) -> Result<u64, ChainError> {
        let id = AccountId32(*account.as_bytes());
        Ok(deadline.bound(self.rpc.system_account_next_index(&id)).await??)
    }

    /// Hands a signed extrinsic to the node. It may be in a block later, or never: only an event in a finalised block says.
    ///
    /// # Errors
    /// [`ChainError`]; after [`ChainError::Deadline`] and [`ChainError::Rpc`] the node may have it all the same.
    pub async fn submit(&self, extrinsic: &[u8], deadline: Deadline) -> Result<Submission, ChainError> {
        match deadline.bound(self.rpc.author_submit_extrinsic(extrinsic)).await? {
            Ok(_hash) => Ok(Submission::Accepted),
            Err(subxt::rpcs::Error::User(error)) => match error.code {
                ALREADY_IMPORTED | TEMPORARILY_BANNED => Ok(Submission::AlreadyKnown),
                INVALID_TRANSACTION => {
                    let data = error.data.map(|data| data.get().to_owned()).unwrap_or_default();
                    Ok(Submission::Invalid(format!("{} {data}", error.message).trim().to_owned()))
                }
                _ => Err(ChainError::Rpc(error.to_string())),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// The heads that become final from now on.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn finalized_heads(&self, deadline: Deadline) -> Result<FinalizedHeads, ChainError> {
        Ok(FinalizedHeads { heads: deadline.bound(self.rpc.chain_subscribe_finalized_heads()).await?? })
    }
}

impl At {
    /// How many extrinsics of `account` are in the chain up to this block: its next nonce here.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn nonce(&self, account: &Account, deadline: Deadline) -> Result<u64, ChainError> {
        let id = AccountId32(*account.as_bytes());
        deadline.bound(self.client.transactions().account_nonce(&id)).await?.map_err(subxt_error)
    }

    /// What `account` may spend at this block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn free_balance(&self, account: &Account, deadline: Deadline) -> Result<Planck, ChainError> {
        #[derive(subxt::ext::scale_decode::DecodeAsType)]
        #[decode_as_type(crate_path = "subxt::ext::scale_decode")]
        struct Info {
            data: Balances,
        }
        #[derive(subxt::ext::scale_decode::DecodeAsType)]
        #[decode_as_type(crate_path = "subxt::ext::scale_decode")]
        struct Balances {
            free: u128,
        }
        let storage = self.client.storage();
        let entry = subxt::dynamic::storage::<([u8; 32],), Info>("System", "Account");
        match deadline.bound(storage.try_fetch(entry, (*account.as_bytes(),))).await?.map_err(subxt_error)? {
            Some(info) => {
                Ok(Planck(info.decode().map_err(|error| ChainError::Unexpected(error.to_string()))?.data.free))
            }
            None => Ok(Planck(0)),
        }
    }
}

/// A subscription to finalised heads. Heads may be skipped; the numbers rise.
pub struct FinalizedHeads {
    heads: RpcSubscription<<RpcConfigFor<PolkadotConfig> as subxt::rpcs::RpcConfig>::Header>,
}

impl FinalizedHeads {
    /// The number of the next head.
    ///
    /// # Errors
    /// [`ChainError::Deadline`] when none came, [`ChainError::Rpc`] when the connection ended.
    pub async fn next(&mut self, deadline: Deadline) -> Result<u64, ChainError> {
        match deadline.bound(self.heads.next()).await? {
            Some(head) => Ok(head?.number),
            None => Err(ChainError::Rpc("the subscription ended".into())),
        }
    }
}
