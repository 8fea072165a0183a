//! The tables, and which of them a function may see.

use std::{collections::BTreeMap, fmt, sync::Arc};

use descrow_platform::Config;

use crate::StoreError;

/// A table of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Who is registered.
    Users,
    /// Challenges, refresh families, tickets.
    Sessions,
    /// What is offered.
    Products,
    /// What was ordered.
    Orders,
    /// Movements of shillings.
    MpesaTransactions,
    /// What users were told.
    Notifications,
    /// Messages to users' devices, numbered, for a day.
    Messages,
    /// Open WebSocket connections.
    Connections,
    /// Commands to the contract.
    ChainCommands,
    /// Cursor, lease, signer, and the orders' references on the contract.
    ChainState,
    /// The books.
    Ledger,
    /// Rate windows, idempotency records, the Daraja token.
    Limits,
    /// Exchange rates.
    Rates,
    /// What the sides of disputes show.
    Evidence,
    /// What admins did.
    Audit,
    /// What admins want to know of the market, counted.
    Counters,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 16] = [
        Self::Users,
        Self::Sessions,
        Self::Products,
        Self::Orders,
        Self::MpesaTransactions,
        Self::Notifications,
        Self::Messages,
        Self::Connections,
        Self::ChainCommands,
        Self::ChainState,
        Self::Ledger,
        Self::Limits,
        Self::Rates,
        Self::Evidence,
        Self::Audit,
        Self::Counters,
    ];

    /// The table's name without the stack's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Sessions => "sessions",
            Self::Products => "products",
            Self::Orders => "orders",
            Self::MpesaTransactions => "mpesa_transactions",
            Self::Notifications => "notifications",
            Self::Messages => "messages",
            Self::Connections => "connections",
            Self::ChainCommands => "chain_commands",
            Self::ChainState => "chain_state",
            Self::Ledger => "ledger",
            Self::Limits => "limits",
            Self::Rates => "rates",
            Self::Evidence => "evidence",
            Self::Audit => "audit",
            Self::Counters => "counters",
        }
    }

    /// The environment variable that holds the table's full name: `TABLE_` and the name in capitals.
    pub fn variable(self) -> String {
        format!("TABLE_{}", self.as_str().to_ascii_uppercase())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The full names of the tables that a function is configured to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables(Arc<BTreeMap<Table, String>>);

impl Tables {
    /// The names of `wanted` from the environment; `None`, with the missing variables noted in `config`, when one is absent.
    pub fn from_config(config: &Config, wanted: &[Table]) -> Option<Self> {
        // Each is looked up before one is missed, so that the error names them all.
        let names: Vec<_> = wanted.iter().map(|table| (*table, config.required(&table.variable()))).collect();
        names
            .into_iter()
            .map(|(table, name)| Some((table, name?)))
            .collect::<Option<_>>()
            .map(|map| Self(Arc::new(map)))
    }

    /// Every table, as the stack `stack` names it.
    pub fn of_stack(stack: &str) -> Self {
        Self(Arc::new(Table::ALL.into_iter().map(|table| (table, format!("{stack}-{table}"))).collect()))
    }

    pub(crate) fn name(&self, table: Table) -> Result<&str, StoreError> {
        self.0.get(&table).map(String::as_str).ok_or(StoreError::NotConfigured(table))
    }

    pub(crate) fn table(&self, name: &str) -> Option<Table> {
        self.0.iter().find(|(_, full)| *full == name).map(|(table, _)| *table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_reads_only_its_own_variables_and_all_missing_ones_are_named() {
        let wanted = [Table::Orders, Table::MpesaTransactions, Table::Limits];
        let set = [("TABLE_ORDERS".to_owned(), "dev-orders".to_owned())];
        let error = Config::from_values(set, |c| Tables::from_config(c, &wanted)).unwrap_err();
        assert_eq!(error.0, ["TABLE_MPESA_TRANSACTIONS is not set", "TABLE_LIMITS is not set"]);
        let set = [("TABLE_ORDERS".to_owned(), "dev-orders".to_owned())];
        let tables = Config::from_values(set, |c| Tables::from_config(c, &[Table::Orders])).unwrap();
        assert_eq!(tables.name(Table::Orders).unwrap(), "dev-orders");
        assert!(matches!(tables.name(Table::Users), Err(StoreError::NotConfigured(Table::Users))));
    }
}
