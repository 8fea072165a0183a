//! How the contract names accounts and orders.

use std::{fmt, str::FromStr};

use descrow_domain::{Account, OrderId};

/// The last twelve bytes of the account id that stands for an address which has no account of its own (pallet-revive,
/// `AccountId32Mapper`).
pub(crate) const ADDRESS_SUFFIX: [u8; 12] = [0xEE; 12];

/// A 20-byte address: a contract, or what pallet-revive makes of an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 20]);

/// The text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 0x followed by 40 hex digits, or an SS58 address")]
pub struct InvalidAddress;

impl Address {
    /// The address under which contracts know `account`: its first 20 bytes where it was itself made of an address, else
    /// the last 20 bytes of its keccak-256.
    pub fn of(account: &Account) -> Self {
        let bytes = account.as_bytes();
        let mut address = [0; 20];
        if bytes.ends_with(&ADDRESS_SUFFIX) {
            address.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        } else {
            let hash = alloy_primitives::keccak256(bytes);
            address.iter_mut().zip(hash.iter().skip(12)).for_each(|(to, from)| *to = *from);
        }
        Self(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    /// Takes 20 bytes of 0x-hex, or the SS58 address of an account, which is mapped.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if let Some(digits) = text.strip_prefix("0x").filter(|digits| digits.len() == 40) {
            let mut bytes = [0; 20];
            hex::decode_to_slice(digits, &mut bytes).map_err(|_| InvalidAddress)?;
            return Ok(Self(bytes));
        }
        text.parse::<Account>().map(|account| Self::of(&account)).map_err(|_| InvalidAddress)
    }
}

/// The contract's id of an order ([`descrow_domain::order::order_ref`]). Written as 0x-hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderRef(pub [u8; 32]);

impl OrderRef {
    /// The reference of our order `id`.
    pub fn of(id: OrderId) -> Self {
        Self(descrow_domain::order::order_ref(id))
    }
}

impl fmt::Display for OrderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for OrderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_the_address_that_pallet_revive_gives_it() {
        // //Alice on every development chain with pallet-revive.
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let expected: Address = "0x9621dde636de098b43efb0fa9b61facfe328f99d".parse().unwrap();
        assert_eq!(Address::of(&alice.parse().unwrap()), expected);
        assert_eq!(alice.parse::<Address>(), Ok(expected));
    }

    #[test]
    fn an_address_that_has_an_account_of_its_own_maps_back() {
        let mut bytes = [0xEE; 32];
        bytes[..20].copy_from_slice(&[7; 20]);
        assert_eq!(Address::of(&Account::from_bytes(bytes)), Address([7; 20]));
    }

    #[test]
    fn anything_else_is_no_address() {
        for text in
            ["", "0x", "0x00", "9621dde636de098b43efb0fa9b61facfe328f99d", "0xzz21dde636de098b43efb0fa9b61facfe328f99d"]
        {
            assert_eq!(text.parse::<Address>(), Err(InvalidAddress), "{text}");
        }
    }
}
