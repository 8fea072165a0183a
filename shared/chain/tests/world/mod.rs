//! One chain with one contract, and the accounts of a flow.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use descrow_chain::{
    Chain, ChainError, ContractEvent, DryRunError, EscrowCall, EscrowContract, EscrowEvent, OffchainPayment,
    OracleSigner, OrderRef, Submission,
    deploy::deploy,
    event::ContractStatus,
    local_chain::{Blocks, LocalChain},
    solidity::SolidityAbi,
};
use descrow_domain::{OrderId, Planck};
use descrow_platform::{Deadline, Secret};

pub(crate) const AMOUNT: Planck = Planck(12_345_678_901);
pub(crate) const MORTALITY: u64 = 64;

pub(crate) fn key(name: &str) -> OracleSigner {
    OracleSigner::from_secret(&Secret::new(format!("//{name}"))).unwrap()
}

pub(crate) fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// One chain with one contract, for the tests of one flow.
pub(crate) struct World {
    pub(crate) process: LocalChain,
    pub(crate) chain: Chain,
    pub(crate) contract: EscrowContract,
    pub(crate) oracle: OracleSigner,
    pub(crate) buyer: OracleSigner,
    pub(crate) seller: OracleSigner,
    payments: AtomicU64,
}

impl World {
    pub(crate) async fn new() -> Self {
        let process = LocalChain::start(Blocks::Instant).await.unwrap();
        let chain = Chain::connect(&process.url, deadline()).await.unwrap();
        let oracle = key("Alice");
        let deployed = deploy(&chain, &oracle, deadline()).await.unwrap();
        Self {
            process,
            chain,
            contract: EscrowContract::new(deployed.address, SolidityAbi::reference().unwrap()),
            oracle,
            buyer: key("Bob"),
            seller: key("Charlie"),
            payments: AtomicU64::new(0),
        }
    }

    /// Dry-runs, signs, submits, and returns the events of the block that holds it.
    pub(crate) async fn send(&self, call: &EscrowCall, by: &OracleSigner) -> Result<Vec<EscrowEvent>, DryRunError> {
        let head = self.chain.finalized_head(deadline()).await?;
        let at = self.chain.at(head, deadline()).await?;
        let dry_run = self.contract.dry_run(&at, call, &by.account(), deadline()).await?;
        let nonce = self.chain.next_nonce(&by.account(), deadline()).await?;
        let signed = self.contract.sign(&at, call, &dry_run, by, nonce, MORTALITY)?;
        assert_eq!(signed.valid_until_block, head.number + MORTALITY);
        assert_eq!(self.chain.submit(&signed.bytes, deadline()).await?, Submission::Accepted);
        let mut number = head.number + 1;
        loop {
            match self.chain.at_number(number, deadline()).await {
                Ok(at) => {
                    let events = self.contract.events_in(&at, deadline()).await?;
                    let mine: Vec<ContractEvent> =
                        events.into_iter().filter(|event| event.extrinsic_hash == Some(signed.hash)).collect();
                    if self.chain.at(at.block, deadline()).await?.nonce(&by.account(), deadline()).await? > nonce {
                        assert!(mine.iter().all(|event| event.block == number));
                        return Ok(mine.into_iter().map(|event| event.event).collect());
                    }
                    number += 1;
                }
                Err(ChainError::NoSuchBlock(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(crate) async fn refused(&self, call: &EscrowCall, by: &OracleSigner) -> String {
        match self.send(call, by).await {
            Err(DryRunError::Refused(refusal)) => refusal.name,
            other => panic!("{call:?} was not refused: {other:?}"),
        }
    }

    pub(crate) fn create(&self, order: OrderRef) -> EscrowCall {
        EscrowCall::CreateOrder {
            order,
            buyer: self.buyer.account(),
            seller: self.seller.account(),
            amount: AMOUNT,
            metadata_cid: "bafymetadata".into(),
        }
    }

    pub(crate) fn payment(&self, order: OrderRef) -> OffchainPayment {
        let mut payment = [0x11; 32];
        payment[..8].copy_from_slice(&self.payments.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        OffchainPayment { order, payment }
    }

    pub(crate) async fn status(&self, order: OrderRef) -> ContractStatus {
        let head = self.chain.finalized_head(deadline()).await.unwrap();
        let at = self.chain.at(head, deadline()).await.unwrap();
        self.contract.order_state(&at, order, deadline()).await.unwrap().status
    }

    pub(crate) async fn free(&self, who: &OracleSigner) -> u128 {
        let head = self.chain.finalized_head(deadline()).await.unwrap();
        let at = self.chain.at(head, deadline()).await.unwrap();
        at.free_balance(&who.account(), deadline()).await.unwrap().0
    }

    /// An order at a status that leads on, paid into the contract (`held`) or elsewhere.
    pub(crate) async fn order_at(&self, status: ContractStatus, held: bool) -> OrderRef {
        let order = new_order();
        self.send(&self.create(order), &self.oracle).await.unwrap();
        if status == ContractStatus::Created {
            return order;
        }
        if held {
            self.send(&EscrowCall::Fund { order, amount: AMOUNT }, &self.buyer).await.unwrap();
        } else {
            self.send(&EscrowCall::RecordPayment(self.payment(order)), &self.oracle).await.unwrap();
        }
        if status == ContractStatus::Funded {
            return order;
        }
        if status == ContractStatus::Disputed {
            self.send(&EscrowCall::RaiseDispute { order, evidence_cid: "bafyevidence".into() }, &self.buyer)
                .await
                .unwrap();
            return order;
        }
        self.send(&EscrowCall::MarkShipped { order, tracking_cid: "bafytracking".into() }, &self.seller).await.unwrap();
        if status == ContractStatus::Shipped {
            return order;
        }
        self.send(&EscrowCall::ConfirmDelivery { order }, &self.buyer).await.unwrap();
        order
    }
}

pub(crate) fn new_order() -> OrderRef {
    OrderRef::of(OrderId::new())
}
