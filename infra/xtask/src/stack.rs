//! `stack.json`: all that a client, a test or a developer needs to know of the running stack.

use std::{collections::BTreeMap, fs, io};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;

/// The running stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stack {
    pub(crate) api_url: String,
    pub(crate) ws_url: String,
    pub(crate) aws_endpoint: String,
    pub(crate) region: String,
    /// Of an administrator of the local AWS.
    pub(crate) aws_credentials: AwsCredentials,
    /// Name of the CloudFormation stack.
    #[serde(rename = "stackName")]
    pub(crate) name: String,
    pub(crate) chain_url: String,
    pub(crate) contract_address: String,
    pub(crate) daraja_url: String,
    /// Absent with a real Daraja.
    pub(crate) daraja_control_url: Option<String>,
    pub(crate) ipfs_url: String,
    pub(crate) auth_domain: String,
    /// Development accounts: `buyer`, `seller`, `admin`, `second-admin`.
    pub(crate) accounts: BTreeMap<String, Account>,
    /// Table names by what is in them: `orders`, …
    pub(crate) tables: BTreeMap<String, String>,
    /// Queue URLs: `mpesa-callbacks`, …, and their dead-letter queues `mpesa-callbacks-dlq`, …
    pub(crate) queues: BTreeMap<String, String>,
    /// Physical names of the functions: `auth`, …
    pub(crate) functions: BTreeMap<String, String>,
    /// Where the functions' logs are.
    pub(crate) logs: String,
    /// Process ids of the parts.
    pub(crate) pids: BTreeMap<String, i32>,
    pub(crate) fingerprint: Fingerprint,
}

/// What was deployed; another `up` compares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    /// Of functions, template and sandbox.
    pub(crate) code: String,
    /// Of the real endpoints in place of simulated parts, and of the credentials for them.
    pub(crate) world: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AwsCredentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

/// A demo account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    pub(crate) address: String,
    /// sr25519 secret URI.
    pub(crate) secret_uri: String,
}

impl Stack {
    /// The stack that was deployed last into this folder, if it was not taken down.
    pub(crate) fn read(layout: &Layout) -> anyhow::Result<Option<Self>> {
        let file = layout.stack_file();
        match fs::read(&file) {
            // One of another version of this program is of no use, and is replaced.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    /// Writes it whole or not at all: others wait for this file.
    pub(crate) fn write(&self, layout: &Layout) -> anyhow::Result<()> {
        let new = layout.dir().join("stack.json.new");
        fs::write(&new, serde_json::to_vec_pretty(self)?)?;
        fs::rename(new, layout.stack_file())?;
        Ok(())
    }

    pub(crate) fn forget(layout: &Layout) -> anyhow::Result<()> {
        match fs::remove_file(layout.stack_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// The demo accounts: the chain's well-known development accounts, which have funds on it.
pub(crate) fn demo_accounts() -> BTreeMap<String, Account> {
    [
        ("buyer", "//Bob", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"),
        ("seller", "//Charlie", "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"),
        ("admin", "//Dave", "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy"),
        ("second-admin", "//Eve", "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw"),
    ]
    .into_iter()
    .map(|(role, secret_uri, address)| {
        (role.to_owned(), Account { address: address.to_owned(), secret_uri: secret_uri.to_owned() })
    })
    .collect()
}
