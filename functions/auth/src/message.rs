//! The message that a wallet signs to sign in, in the style of Sign-In with Substrate (EIP-4361's shape).

use std::{fmt::Write, str::FromStr};

use descrow_domain::{Account, Timestamp};

use crate::wallet;

/// The network that is named where the client names none: SS58's generic one.
const DEFAULT_CHAIN: &str = "substrate:42";

/// A network by its CAIP-2 name. Nothing of it can look like another line of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain(String);

/// The text is not a CAIP-2 name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a CAIP-2 name such as polkadot:91b171bb158e2d3848fa23a9f1c25182")]
pub(crate) struct InvalidChain;

impl Default for Chain {
    fn default() -> Self {
        Self(DEFAULT_CHAIN.to_owned())
    }
}

impl FromStr for Chain {
    type Err = InvalidChain;

    fn from_str(text: &str) -> Result<Self, InvalidChain> {
        let (space, reference) = text.split_once(':').ok_or(InvalidChain)?;
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let any = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let space_is_good = (3..=8).contains(&space.len()) && space.chars().all(lower);
        let reference_is_good = (1..=32).contains(&reference.len()) && reference.chars().all(any);
        if space_is_good && reference_is_good { Ok(Self(text.to_owned())) } else { Err(InvalidChain) }
    }
}

/// What a wallet is asked to sign.
pub(crate) struct SignIn<'a> {
    /// Who asks: the frontend's domain.
    pub(crate) domain: &'a str,
    /// Who is to sign.
    pub(crate) account: &'a Account,
    /// On which network.
    pub(crate) chain: &'a Chain,
    /// What makes the message one of its kind.
    pub(crate) nonce: &'a str,
    /// Since when.
    pub(crate) issued: Timestamp,
    /// Until when.
    pub(crate) expires: Timestamp,
}

impl SignIn<'_> {
    /// The text, byte for byte.
    pub(crate) fn text(&self) -> String {
        let kind = if wallet::ethereum_address(self.account).is_some() { "Ethereum" } else { "Substrate" };
        let mut text = format!("{} wants you to sign in with your {kind} account:\n", self.domain);
        let lines = [
            ("", wallet::shown(self.account)),
            ("\n", "Sign in to Descrow. This costs nothing and moves no money.".to_owned()),
            ("\nURI: ", format!("https://{}", self.domain)),
            ("Version: ", "1".to_owned()),
            ("Chain ID: ", self.chain.0.clone()),
            ("Nonce: ", self.nonce.to_owned()),
            ("Issued At: ", self.issued.rfc3339()),
        ];
        for (name, value) in lines {
            // Writing to a String cannot fail.
            let _ok = writeln!(text, "{name}{value}");
        }
        text + "Expiration Time: " + &self.expires.rfc3339()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_exact() {
        let account = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY".parse().unwrap();
        let sign_in = SignIn {
            domain: "app.descrow.example",
            account: &account,
            chain: &Chain::default(),
            nonce: "00ff",
            issued: Timestamp(1_790_000_000_000),
            expires: Timestamp(1_790_000_300_000),
        };
        assert_eq!(
            sign_in.text(),
            "app.descrow.example wants you to sign in with your Substrate account:\n\
             5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\n\
             \n\
             Sign in to Descrow. This costs nothing and moves no money.\n\
             \n\
             URI: https://app.descrow.example\n\
             Version: 1\n\
             Chain ID: substrate:42\n\
             Nonce: 00ff\n\
             Issued At: 2026-09-21T14:13:20Z\n\
             Expiration Time: 2026-09-21T14:18:20Z"
        );
    }

    #[test]
    fn a_chain_cannot_bring_lines_of_its_own() {
        assert!("polkadot:91b171bb158e2d3848fa23a9f1c25182".parse::<Chain>().is_ok());
        for bad in
            ["", "x", "a:b", "polkadot:", "polkadot:a\nNonce: 1", "Polkadot:1", &format!("polkadot:{}", "a".repeat(33))]
        {
            assert_eq!(bad.parse::<Chain>(), Err(InvalidChain), "{bad:?}");
        }
    }
}
