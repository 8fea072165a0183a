//! What the template's parameters and secrets are on this machine.

use std::{collections::BTreeMap, fs::File, io::Read as _};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{
    layout::Layout,
    outside,
    outside::{Contract, Simulated},
    real::Real,
    stack,
};

/// The domain that wallets sign in to.
pub(crate) const AUTH_DOMAIN: &str = "descrow.localhost";

/// An account at Daraja.
#[derive(Clone, Deserialize, Hash)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DarajaAccount {
    pub(crate) consumer_key: String,
    pub(crate) consumer_secret: String,
    pub(crate) shortcode: String,
    pub(crate) passkey: String,
    pub(crate) b2c_shortcode: String,
    pub(crate) initiator_name: String,
    pub(crate) security_credential: String,
}

/// The world the functions will talk to.
pub(crate) struct World {
    pub(crate) daraja: Daraja,
    pub(crate) ipfs: Ipfs,
    pub(crate) chain: Chain,
    /// The simulated source of exchange rates; without one they are the configured ones.
    pub(crate) rates_url: Option<String>,
}

pub(crate) struct Daraja {
    pub(crate) url: String,
    /// Of the simulated one.
    pub(crate) control_url: Option<String>,
    pub(crate) account: DarajaAccount,
}

pub(crate) struct Ipfs {
    pub(crate) url: String,
    pub(crate) gateway: String,
    pub(crate) jwt: String,
}

pub(crate) struct Chain {
    pub(crate) url: String,
    pub(crate) contract: Contract,
    pub(crate) oracle_seed: String,
}

impl Daraja {
    fn simulated(Simulated { urls, credentials }: &Simulated) -> Self {
        let control_url = Some(urls.control.clone());
        Self { url: urls.daraja.clone(), control_url, account: credentials.daraja.clone() }
    }
}

impl Ipfs {
    fn simulated(Simulated { urls, credentials }: &Simulated) -> Self {
        Self { url: urls.ipfs.clone(), gateway: urls.ipfs.clone(), jwt: credentials.ipfs_jwt.clone() }
    }
}

impl Chain {
    fn local((url, contract): (String, Contract)) -> Self {
        Self { url, contract, oracle_seed: outside::LOCAL_ORACLE.to_owned() }
    }
}

impl World {
    /// Real endpoints where there are any, the local ones elsewhere. `local` is the URL of the local chain, and the contract on it.
    pub(crate) fn new(
        real: Real,
        sandbox: Option<&Simulated>,
        local: Option<(String, Contract)>,
    ) -> anyhow::Result<Self> {
        let rates_url = sandbox.map(|sandbox| sandbox.urls.rates.clone());
        let sandbox = || sandbox.context("there is no sandbox");
        Ok(Self {
            daraja: real.daraja.map_or_else(|| sandbox().map(Daraja::simulated), Ok)?,
            ipfs: real.ipfs.map_or_else(|| sandbox().map(Ipfs::simulated), Ok)?,
            chain: real.chain.map_or_else(|| local.map(Chain::local).context("there is no chain"), Ok)?,
            rates_url,
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
        (
            "descrow/ipfs",
            vec![("jwt", world.ipfs.jwt.clone()), ("api_key", String::new()), ("api_secret", String::new())],
        ),
    ]
    .into_iter()
    .map(|(name, pairs)| (name, pairs.into_iter().collect()))
    .collect())
}

/// The template's parameters. `authority` is the local AWS's host and port.
pub(crate) fn parameters(world: &World, authority: &str) -> BTreeMap<&'static str, String> {
    let accounts = stack::demo_accounts();
    let admins: Vec<_> = ["admin", "second-admin"].iter().filter_map(|name| accounts.get(*name)).collect();
    let admins = admins.into_iter().map(|account| account.address.as_str()).collect::<Vec<_>>().join(",");
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    [
        ("Architecture", architecture),
        // No local AWS has CodeDeploy.
        ("DeploymentType", "AllAtOnce"),
        ("LocalExecuteApi", &format!("{authority}/_aws/execute-api")),
        // Until the API has an address, see stack/deploy.py.
        ("ApiBaseUrl", &format!("http://{authority}")),
        ("AuthDomain", AUTH_DOMAIN),
        ("CorsOrigins", "http://localhost:3000"),
        ("AdminAccounts", &admins),
        ("DeletionProtection", "false"),
        ("LogRetentionDays", "1"),
        // What the tests trade is worth more.
        ("FourEyesKes", "200"),
        // All clients of the local stack share one address.
        ("RateLimitIp", "100000/900"),
        ("RateLimitAccount", "100000/900"),
        ("RateLimitAdmin", "100000/300"),
        ("MpesaBaseUrl", &world.daraja.url),
        ("MpesaShortcode", &world.daraja.account.shortcode),
        ("MpesaB2cShortcode", &world.daraja.account.b2c_shortcode),
        ("MpesaInitiatorName", &world.daraja.account.initiator_name),
        ("MpesaAllowUnsafeCallbackUrl", "true"),
        ("PolkadotWsUrl", &world.chain.url),
        ("ContractAddress", &world.chain.contract.address),
        ("ContractFromBlock", &world.chain.contract.from_block.map_or_else(String::new, |block| block.to_string())),
        ("IpfsApiUrl", &world.ipfs.url),
        ("IpfsGateways", &world.ipfs.gateway),
        ("RatesSourceUrl", world.rates_url.as_deref().unwrap_or_default()),
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
    /// Functions to run to their end before anything else: what all others need.
    pub(crate) prepare: Vec<String>,
}

/// The template, as the order names it.
pub(crate) fn template(layout: &Layout) -> std::path::PathBuf {
    layout.root().join("infra/template.yaml")
}

#[cfg(test)]
mod tests {
    use std::fs;

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
        let (_, rest) = text.split_once("\nParameters:\n").unwrap();
        let section = rest.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
        // A parameter's name stands two spaces in; what follows until the next one is its definition.
        let mut definitions: Vec<(String, String)> = Vec::new();
        for line in section {
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
            urls: serde_json::from_str(r#"{"darajaUrl":"d","darajaControlUrl":"c","ipfsUrl":"i","ratesUrl":"r"}"#)
                .unwrap(),
            credentials: serde_json::from_str(
                r#"{"consumerKey":"a","consumerSecret":"b","shortcode":"1","passkey":"c","b2cShortcode":"2",
                    "initiatorName":"d","securityCredential":"e","ipfsJwt":"f"}"#,
            )
            .unwrap(),
        };
        let local_chain = Some(("ws://chain".into(), Contract { address: "0x00".into(), from_block: None }));
        let world = World::new(Real::default(), Some(&sandbox), local_chain).unwrap();
        let given = parameters(&world, "127.0.0.1:1");
        for (name, definition) in &definitions {
            assert!(definition.contains("Default:") || given.contains_key(name.as_str()), "{name} is not given");
        }
        for name in given.keys() {
            assert!(definitions.iter().any(|(known, _)| known == name), "{name} is not in the template");
        }
    }
}
