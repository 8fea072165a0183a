//! The function over a database and a simulated Daraja, both in process.

use std::{sync::Arc, time::Duration};

use descrow_domain::{
    Account, Kes, OrderId, PaymentId, Timestamp,
    order::{Order, OrderStatus},
    payment::Payment,
};
use descrow_mpesa::{B2cSettings, CallbackSecret, CallbackUrls, ClientSettings, Daraja, MemoryTokens};
use descrow_platform::{Deadline, Secret, queue::WakeUp};
use descrow_store::testing::{TestStore, sample};
use payout_sender::{Failure, PayoutSender};
use sandbox::{Operation, Options, Sandbox, Settings};

pub(crate) const PRICE: u32 = 2580;

pub(crate) struct Rig {
    pub(crate) db: TestStore,
    pub(crate) sandbox: Sandbox,
    pub(crate) sender: PayoutSender,
}

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

pub(crate) async fn rig() -> Rig {
    rig_as(sandbox::PAYOUT_SHORTCODE).await
}

pub(crate) async fn rig_as(shortcode: &str) -> Rig {
    let settings = Settings { https_only: false, forbidden_words: false, callback_delay_ms: 0, ..Settings::default() };
    let sandbox = Sandbox::start(Options { settings, ..Options::default() }).await.unwrap();
    let db = TestStore::start().await;
    let key = Secret::new(sandbox::CONSUMER_KEY);
    let client = ClientSettings::new(sandbox.daraja_url().parse().unwrap(), key, Secret::new(sandbox::CONSUMER_SECRET));
    let secret = CallbackSecret::new(Secret::new("0123456789abcdef0123456789abcdef"));
    let sender = PayoutSender {
        store: db.store.clone(),
        daraja: Daraja::new(client, Arc::new(MemoryTokens::default())).unwrap(),
        b2c: B2cSettings::new(shortcode, sandbox::INITIATOR, Secret::new(sandbox::SECURITY_CREDENTIAL)),
        // Nobody listens there: results are lost.
        urls: CallbackUrls::new("http://127.0.0.1:9", secret, true).unwrap(),
    };
    Rig { db, sandbox, sender }
}

impl Rig {
    pub(crate) async fn commit(&self, change: impl FnOnce(&mut Payment)) -> Payment {
        let seller = Account::from_bytes([7; 32]);
        let phone = "254708374149".parse().unwrap();
        let mut payout = Payment::payout(OrderId::new(), 1, seller, phone, Kes(PRICE), Timestamp::now());
        change(&mut payout);
        assert!(self.db.store.payments().create(&payout).await.unwrap());
        payout
    }

    /// A delivered order that names its first payout.
    pub(crate) async fn delivered(&self) -> Order {
        let now = Timestamp::now();
        let account = |byte| Account::from_bytes([byte; 32]);
        let product = sample::product(account(7), now);
        let mut order = sample::order(&product, account(8), now);
        order.quote.kes = Kes(PRICE);
        let payout_id = Some(PaymentId::derived(order.id.as_uuid(), "payout-1"));
        let order = Order { status: OrderStatus::Delivered, on_chain: true, payout_id, ..order };
        self.db.commit(&order, &product).await;
        order
    }

    pub(crate) async fn wake(&self, payout: &Payment) -> Result<(), Failure> {
        let body = serde_json::to_string(&WakeUp::new(payout.id.to_string())).unwrap();
        self.sender.handle(&body, soon()).await.map(|_| ())
    }

    pub(crate) async fn row(&self, payout: &Payment) -> Payment {
        self.db.store.payments().get(payout.id).await.unwrap().unwrap()
    }

    /// How often an operation was asked of Daraja, and under which originator ids.
    pub(crate) fn asked(&self, operation: Operation) -> Vec<String> {
        self.sandbox.requests(operation)
    }

    /// Shillings that reached the seller.
    pub(crate) fn paid(&self) -> u64 {
        self.sandbox.received("254708374149")
    }
}
