//! `stack.json`: where a running stack is.

use std::{collections::BTreeMap, io, path::Path};

use serde::Deserialize;

/// A running stack, as `cargo xtask up` describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stack {
    /// Base of the REST API, without a slash at its end.
    pub api_url: String,
    /// URL of the WebSocket API.
    pub ws_url: String,
    /// Endpoint of the local AWS.
    pub aws_endpoint: String,
    /// Region of the local AWS.
    pub region: String,
    /// An administrator of the local AWS. This client never uses it; tests do, to look at what is behind the API.
    pub aws_credentials: AwsCredentials,
    /// Name of the CloudFormation stack.
    pub stack_name: String,
    /// URL of the chain's node.
    pub chain_url: String,
    /// Address of the escrow contract.
    pub contract_address: String,
    /// Base of the control API of the simulated Daraja; absent with a real one.
    pub daraja_control_url: Option<String>,
    /// Base of the IPFS service.
    pub ipfs_url: String,
    /// The demo's accounts: `buyer`, `seller`, and two admins, `admin` and `second-admin`.
    pub accounts: BTreeMap<String, DemoAccount>,
    /// Table names by what is in them.
    pub tables: BTreeMap<String, String>,
    /// Queue URLs by what goes through them.
    pub queues: BTreeMap<String, String>,
    /// Physical names of the functions.
    pub functions: BTreeMap<String, String>,
    /// Folder of the functions' logs.
    pub logs: String,
}

/// Keys of the local AWS.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsCredentials {
    /// Access key.
    pub access_key_id: String,
    /// Secret key.
    pub secret_access_key: String,
}

/// An account of the demo.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoAccount {
    /// SS58 address.
    pub address: String,
    /// sr25519 secret URI.
    pub secret_uri: String,
}

/// There is no stack to talk to.
#[derive(Debug, thiserror::Error)]
pub enum NoStack {
    /// The file is not there or cannot be read.
    #[error("no stack is running: cannot read {path} ({source}); start one with `cargo xtask up`")]
    Missing {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The file is of another version of this program.
    #[error("{path} does not describe a stack ({source}); start one anew with `cargo xtask up`")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The stack has no such account.
    #[error("the stack has no account {0}")]
    NoAccount(String),
}

impl Stack {
    /// Reads the description of a stack.
    ///
    /// # Errors
    /// [`NoStack`].
    pub fn read(path: &Path) -> Result<Self, NoStack> {
        let shown = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| NoStack::Missing { path: shown.clone(), source })?;
        serde_json::from_slice(&bytes).map_err(|source| NoStack::Unreadable { path: shown, source })
    }

    /// The account of the demo with this role.
    ///
    /// # Errors
    /// [`NoStack::NoAccount`].
    pub fn account(&self, role: &str) -> Result<&DemoAccount, NoStack> {
        self.accounts.get(role).ok_or_else(|| NoStack::NoAccount(role.to_owned()))
    }
}
