//! Money of the simulated world: every shilling that leaves one account reaches another.

use std::collections::BTreeMap;

use serde::Serialize;

/// The most a customer's wallet may hold (DARAJA.md §3.1).
const WALLET_CEILING: u64 = 500_000;

/// An account, in shillings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Account {
    pub(crate) balance: u64,
    /// All that ever came.
    pub(crate) received: u64,
    /// All that ever went.
    pub(crate) paid: u64,
}

/// Why money did not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmoved {
    NoFunds,
    Ceiling,
}

/// All accounts, by phone number or shortcode.
#[derive(Debug, Default)]
pub(crate) struct Ledger(BTreeMap<String, Account>);

impl Ledger {
    /// The account, opened with `opening` when it is new.
    pub(crate) fn open(&mut self, name: &str, opening: u64) -> &mut Account {
        self.0.entry(name.to_owned()).or_insert(Account { balance: opening, ..Account::default() })
    }

    /// Moves money between open accounts. Wallets have a ceiling, shortcodes have none.
    pub(crate) fn transfer(&mut self, from: &str, to: &str, amount: u64) -> Result<(), Unmoved> {
        let balance = self.0.get(from).map_or(0, |a| a.balance);
        let rest = balance.checked_sub(amount).ok_or(Unmoved::NoFunds)?;
        let receiver = self.0.entry(to.to_owned()).or_default();
        let filled = receiver.balance.saturating_add(amount);
        if is_phone(to) && filled > WALLET_CEILING {
            return Err(Unmoved::Ceiling);
        }
        receiver.balance = filled;
        receiver.received += amount;
        if let Some(payer) = self.0.get_mut(from) {
            payer.balance = rest;
            payer.paid += amount;
        }
        Ok(())
    }

    /// The accounts of phones, and those of shortcodes.
    pub(crate) fn report(&self) -> (BTreeMap<&str, Account>, BTreeMap<&str, Account>) {
        self.0.iter().map(|(name, account)| (name.as_str(), *account)).partition(|(name, _)| is_phone(name))
    }
}

fn is_phone(name: &str) -> bool {
    name.len() == 12
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: &str = "254700000001";

    #[test]
    fn money_moves_whole_or_not_at_all() {
        let mut ledger = Ledger::default();
        ledger.open(PHONE, 100);
        ledger.open("174379", 0);
        assert_eq!(ledger.transfer(PHONE, "174379", 101), Err(Unmoved::NoFunds));
        assert_eq!(ledger.transfer(PHONE, "174379", 60), Ok(()));
        ledger.open("600000", 600_000);
        assert_eq!(ledger.transfer("600000", PHONE, 499_961), Err(Unmoved::Ceiling));
        let (phones, shortcodes) = ledger.report();
        assert_eq!(phones[PHONE], Account { balance: 40, received: 0, paid: 60 });
        assert_eq!(shortcodes["174379"], Account { balance: 60, received: 60, paid: 0 });
        assert_eq!(shortcodes["600000"].paid, 0);
    }
}
