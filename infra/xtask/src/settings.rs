//! What the template's parameters and secrets are on this machine.

use std::{collections::BTreeMap, env, fs, fs::File, io::Read as _};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{
    cli,
    layout::Layout,
    outside,
    outside::{Contract, Simulated},
    stack,
};

/// The domain that wallets sign in to.
pub(crate) const AUTH_DOMAIN: &str = "descrow.localhost";

/// An account at Daraja.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DarajaAccount {
    consumer_key: String,
    consumer_secret: String,
    shortcode: String,
    passkey: String,
    b2c_shortcode: String,
    initiator_name: String,
    security_credential: String,
}

/// The world the functions will talk to.
pub(crate) struct World {
    pub(crate) daraja: Daraja,
    pub(crate) ipfs: Ipfs,
    pub(crate) chain: Chain,
}

pub(crate) struct Daraja {
    pub(crate) url: String,
    /// Of the simulated one.
    pub(crate) control_url: Option<String>,
    account: DarajaAccount,
}

pub(crate) struct Ipfs {
    pub(crate) url: String,
    jwt: String,
}

pub(crate) struct Chain {
    pub(crate) url: String,
    pub(crate) contract: Contract,
    oracle_seed: String,
}

impl Daraja {
    fn new(options: &cli::Up, sandbox: Option<&Simulated>) -> anyhow::Result<Self> {
        if let (Some(url), Some(file)) = (&options.daraja_url, &options.daraja_credentials) {
            let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            // The parser's message could quote the file, which holds secrets.
            let account = serde_json::from_slice(&text)
                .ok()
                .with_context(|| format!("{} is not what --help describes", file.display()))?;
            return Ok(Self { url: url.clone(), control_url: None, account });
        }
        let Simulated { urls, credentials } = sandbox.context("there is no Daraja")?;
        let (url, control_url) = (urls.daraja.clone(), Some(urls.control.clone()));
        Ok(Self { url, control_url, account: credentials.daraja.clone() })
    }
}

impl Ipfs {
    fn new(options: &cli::Up, sandbox: Option<&Simulated>) -> anyhow::Result<Self> {
        if let Some(url) = &options.ipfs_url {
            let jwt = env::var("IPFS_JWT").context("--ipfs-url needs IPFS_JWT in the environment")?;
            return Ok(Self { url: url.clone(), jwt });
        }
        let Simulated { urls, credentials } = sandbox.context("there is no IPFS")?;
        Ok(Self { url: urls.ipfs.clone(), jwt: credentials.ipfs_jwt.clone() })
    }
}

impl Chain {
    /// `local` is the URL of the local chain, and the contract on it.
    fn new(options: &cli::Up, local: Option<(String, Contract)>) -> anyhow::Result<Self> {
        if let (Some(url), Some(contract)) = (&options.chain_url, &options.contract) {
            let oracle_seed = env::var("ORACLE_SEED").context("--chain-url needs ORACLE_SEED in the environment")?;
            return Ok(Self {
                url: url.clone(),
                contract: Contract { address: contract.clone(), from_block: None },
                oracle_seed,
            });
        }
        let (url, contract) = local.context("there is no chain")?;
        Ok(Self { url, contract, oracle_seed: outside::LOCAL_ORACLE.to_owned() })
    }
}

impl World {
    /// Real endpoints where `options` name them, the local ones elsewhere.
    pub(crate) fn new(
        options: &cli::Up,
        sandbox: Option<&Simulated>,
        local_chain: Option<(String, Contract)>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            daraja: Daraja::new(options, sandbox)?,
            ipfs: Ipfs::new(options, sandbox)?,
            chain: Chain::new(options, local_chain)?,
        })
    }
}

/// The template's secrets, by name, each a JSON object.
pub(crate) fn secrets(world: &World) -> anyhow::Result<BTreeMap<&'static str, BTreeMap<&'static str, String>>> {
    let daraja = &world.daraja.account;
    Ok([
        ("descrow/auth", vec![("jwt_secret", format!("local:{}", random()?)), ("cursor_secret", random()?)]),
        (
            "descrow/mpesa",
            vec![
                ("consumer_key", daraja.consumer_key.clone()),
                ("consumer_secret", daraja.consumer_secret.clone()),
                ("passkey", daraja.passkey.clone()),
                ("security_credential", daraja.security_credential.clone()),
                ("callback_secret", random()?),
            ],
        ),
        ("descrow/chain", vec![("oracle_seed", world.chain.oracle_seed.clone())]),
        ("descrow/ipfs", vec![("jwt", world.ipfs.jwt.clone())]),
    ]
    .into_iter()
    .map(|(name, pairs)| (name, pairs.into_iter().collect()))
    .collect())
}

/// The template's parameters. `authority` is the local AWS's host and port.
pub(crate) fn parameters(world: &World, authority: &str) -> BTreeMap<&'static str, String> {
    let admin = stack::demo_accounts().remove("admin").map(|account| account.address).unwrap_or_default();
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    [
        ("Architecture", architecture),
        ("LocalExecuteApi", &format!("{authority}/_aws/execute-api")),
        // Until the API has an address, see stack/deploy.py.
        ("ApiBaseUrl", &format!("http://{authority}")),
        ("AuthDomain", AUTH_DOMAIN),
        ("CorsOrigins", "http://localhost:3000"),
        ("AdminAccounts", &admin),
        ("DeletionProtection", "false"),
        ("LogRetentionDays", "1"),
        // All clients of the local stack share one address.
        ("RateLimitIp", "100000/900"),
        ("RateLimitAccount", "10000/900"),
        ("MpesaBaseUrl", &world.daraja.url),
        ("MpesaShortcode", &world.daraja.account.shortcode),
        ("MpesaB2cShortcode", &world.daraja.account.b2c_shortcode),
        ("MpesaInitiatorName", &world.daraja.account.initiator_name),
        ("MpesaAllowUnsafeCallbackUrl", "true"),
        ("PolkadotWsUrl", &world.chain.url),
        ("ContractAddress", &world.chain.contract.address),
        ("ContractFromBlock", &world.chain.contract.from_block.map_or_else(String::new, |block| block.to_string())),
        ("IpfsApiUrl", &world.ipfs.url),
        ("IpfsGateways", &world.ipfs.url),
        ("UsdPerDot", "4.50"),
        ("KesPerUsd", "129.25"),
    ]
    .into_iter()
    .map(|(name, value)| (name, value.to_owned()))
    .collect()
}

/// 32 random bytes as hex.
fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("no randomness")?;
    Ok(hex::encode(bytes))
}

/// The order that stack/deploy.py reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order<'a> {
    pub(crate) endpoint: String,
    pub(crate) region: &'a str,
    pub(crate) credentials: &'a stack::AwsCredentials,
    pub(crate) stack_name: &'a str,
    pub(crate) template: String,
    pub(crate) zips: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
    pub(crate) parameters: BTreeMap<&'static str, String>,
    /// Functions to run once, as their schedule would in a minute.
    pub(crate) invoke: Vec<String>,
}

/// The template, as the order names it.
pub(crate) fn template(layout: &Layout) -> std::path::PathBuf {
    layout.root().join("infra/template.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_never_the_same_twice() {
        let (one, two) = (random().unwrap(), random().unwrap());
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
    }

    #[test]
    fn every_parameter_that_the_template_demands_is_given_and_none_that_it_does_not_know() {
        let layout = Layout::new(None).unwrap();
        let text = fs::read_to_string(template(&layout)).unwrap();
        let section = text.split("\nParameters:\n").nth(1).unwrap().split("\nConditions:\n").next().unwrap();
        // A parameter's name stands two spaces in; what follows until the next one is its definition.
        let mut definitions: Vec<(String, String)> = Vec::new();
        for line in section.lines() {
            match line.strip_prefix("  ").filter(|rest| rest.starts_with(char::is_alphabetic)) {
                Some(rest) => {
                    let (name, definition) = rest.split_once(':').unwrap();
                    definitions.push((name.to_owned(), definition.to_owned()));
                }
                None => {
                    if let Some((_, definition)) = definitions.last_mut() {
                        definition.push_str(line);
                    }
                }
            }
        }
        let sandbox = Simulated {
            urls: serde_json::from_str(r#"{"darajaUrl":"d","darajaControlUrl":"c","ipfsUrl":"i"}"#).unwrap(),
            credentials: serde_json::from_str(
                r#"{"consumerKey":"a","consumerSecret":"b","shortcode":"1","passkey":"c","b2cShortcode":"2",
                    "initiatorName":"d","securityCredential":"e","ipfsJwt":"f"}"#,
            )
            .unwrap(),
        };
        let local_chain = Some(("ws://chain".into(), Contract { address: "0x00".into(), from_block: None }));
        let world = World::new(&cli::Up::default(), Some(&sandbox), local_chain).unwrap();
        let given = parameters(&world, "127.0.0.1:1");
        for (name, definition) in &definitions {
            assert!(definition.contains("Default:") || given.contains_key(name.as_str()), "{name} is not given");
        }
        for name in given.keys() {
            assert!(definitions.iter().any(|(known, _)| known == name), "{name} is not in the template");
        }
    }
}
