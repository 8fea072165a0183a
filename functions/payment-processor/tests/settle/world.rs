//! A database, a simulated Safaricom, and an ear where callbacks come.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Bytes, extract::Path, routing::post};
use descrow_domain::{
    Account, Kes, OrderId, PaymentId, Timestamp,
    command::ChainCommand,
    order::{Order, OrderStatus},
    payment::{Payment, PaymentStatus},
    product::Product,
};
use descrow_mpesa::{
    B2cSettings, CallbackMessage, CallbackSecret, CallbackUrls, ClientSettings, Daraja, MemoryTokens, Payout, StkPush,
    StkSettings,
};
use descrow_platform::{Deadline, Secret, queue::Disposition};
use descrow_store::{
    Applied, ChainChange,
    testing::{TestStore, sample},
};
use payment_processor::{Failure, Processor};
use sandbox::{Answer, Options, Policy, Sandbox};
use tokio::sync::{Mutex, mpsc};

pub(crate) const PRICE: Kes = Kes(1_500);
pub(crate) const BUYER_PHONE: &str = "254708374149";

pub(crate) struct World {
    pub(crate) db: TestStore,
    pub(crate) sandbox: Sandbox,
    pub(crate) processor: Processor,
    daraja: Daraja,
    urls: CallbackUrls,
    heard: Mutex<mpsc::UnboundedReceiver<CallbackMessage>>,
}

pub(crate) fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(12))
}

fn settings(url: &str) -> (ClientSettings, StkSettings) {
    let client = ClientSettings::new(
        url.parse().unwrap(),
        Secret::new(sandbox::CONSUMER_KEY),
        Secret::new(sandbox::CONSUMER_SECRET),
    );
    (client, StkSettings::new(sandbox::SHORTCODE, Secret::new(sandbox::PASSKEY)))
}

/// Listens where Safaricom calls back; what arrives becomes the message that `mpesa-webhook` would send.
async fn ear() -> (String, mpsc::UnboundedReceiver<CallbackMessage>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let router = Router::new().route(
        "/hooks/{token}/{payment}",
        post(move |Path((_, payment)): Path<(String, String)>, body: Bytes| async move {
            let payment: PaymentId = payment.parse().unwrap();
            let _closed = sender.send(CallbackMessage::new(payment, None, &body, Timestamp::now(), None));
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (format!("http://{address}"), receiver)
}

impl World {
    pub(crate) async fn start() -> Self {
        let db = TestStore::start().await;
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        sandbox.configure(|s| {
            (s.https_only, s.forbidden_words, s.callback_delay_ms) = (false, false, 20);
            s.policy = Policy { answer: Some(Answer::Pay), after_ms: 20 };
        });
        let (ear, heard) = ear().await;
        let tokens = Arc::new(MemoryTokens::default());
        let (client, stk) = settings(&sandbox.daraja_url());
        let processor =
            Processor { store: db.store.clone(), daraja: Daraja::new(client.clone(), tokens.clone()).unwrap(), stk };
        let daraja = Daraja::new(client, tokens).unwrap();
        let secret = CallbackSecret::new(Secret::new("0123456789abcdef0123456789abcdef"));
        let urls = CallbackUrls::new(&ear, secret, true).unwrap();
        Self { db, sandbox, processor, daraja, urls, heard: Mutex::new(heard) }
    }

    /// An order with stock taken and its command queued, as the route commits it.
    pub(crate) async fn order(&self) -> Order {
        let (buyer, seller) = (Account::from_bytes([1; 32]), Account::from_bytes([2; 32]));
        let now = Timestamp::now();
        let product = Product { quantity: 5, ..sample::product(seller, now) };
        let mut order = sample::order(&product, buyer, now);
        order.quote.kes = PRICE;
        self.db.commit(&order, &product).await;
        order
    }

    /// A payment of `order` that is committed and pushed; the push's answer is recorded, as the route does.
    pub(crate) async fn pushed(&self, order: &Order, phone: &str) -> Payment {
        let payment = self.committed(order, phone).await;
        let description = "Descrow order".parse().unwrap();
        let push =
            StkPush::new(payment.id, payment.phone.clone(), payment.amount_kes, description, &self.urls).unwrap();
        let (_, stk) = settings("http://127.0.0.1:1");
        let accepted = self.daraja.stk_push(&stk, &push, deadline()).await.unwrap();
        let amended = self.db.store.payments().amend(payment, |current| {
            Some(Payment {
                status: PaymentStatus::Pending,
                checkout_request_id: Some(accepted.checkout_request_id.as_str().to_owned()),
                submitted_at: Some(Timestamp::now()),
                version: current.version + 1,
                ..current.clone()
            })
        });
        amended.await.unwrap().0
    }

    /// A payment that is committed only: the push's answer is not known.
    pub(crate) async fn committed(&self, order: &Order, phone: &str) -> Payment {
        let payment =
            Payment::collection(order.id, order.buyer_id, phone.parse().unwrap(), order.quote.kes, Timestamp::now());
        assert!(self.db.store.payments().create(&payment).await.unwrap());
        payment
    }

    /// Sends a payout of `order`, and records that M-Pesa took it.
    pub(crate) async fn paid_out(&self, order: &Order, attempt: u32) -> Payment {
        let phone = "254711000001".parse().unwrap();
        let payout = Payment::payout(order.id, attempt, order.seller_id, phone, order.quote.kes, Timestamp::now());
        let payout = Payment { status: PaymentStatus::Sent, ..payout };
        assert!(self.db.store.payments().create(&payout).await.unwrap());
        self.sent(&payout).await;
        payout
    }

    /// Sends a payout or refund that is queued, and records that M-Pesa took it.
    pub(crate) async fn sent_back(&self, refund: &Payment) {
        let sent = Payment { status: PaymentStatus::Sent, version: refund.version + 1, ..refund.clone() };
        assert_eq!(self.db.store.payments().replace(&sent).await, Ok(descrow_store::Replaced::Done));
        self.sent(&sent).await;
    }

    async fn sent(&self, payout: &Payment) {
        let request = Payout::new(payout.id, payout.phone.clone(), payout.amount_kes, &self.urls).unwrap();
        let credential = Secret::new(sandbox::SECURITY_CREDENTIAL);
        let b2c = B2cSettings::new(sandbox::PAYOUT_SHORTCODE, sandbox::INITIATOR, credential);
        self.daraja.payout(&b2c, &request, deadline()).await.unwrap();
    }

    /// The order as the contract's events left it in `status`.
    pub(crate) async fn moved(&self, order: &Order, status: OrderStatus) -> Order {
        let order = self.order_now(order.id).await;
        let next = Order { status, pending: None, version: order.version + 1, ..order };
        let change =
            ChainChange { order: &next, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
        let applied = self.db.store.orders().apply_chain_event(&change, Timestamp::now()).await;
        assert_eq!(applied, Ok(Applied::Done));
        next
    }

    /// The next callback, as a message.
    pub(crate) async fn callback(&self) -> CallbackMessage {
        let mut heard = self.heard.lock().await;
        tokio::time::timeout(Duration::from_secs(10), heard.recv()).await.expect("a callback").expect("an ear")
    }

    pub(crate) async fn handle(&self, message: &CallbackMessage) -> Result<Disposition, Failure> {
        self.processor.handle(&serde_json::to_string(message).unwrap(), deadline()).await
    }

    pub(crate) async fn payment(&self, id: PaymentId) -> Payment {
        self.db.store.payments().get(id).await.unwrap().unwrap()
    }

    pub(crate) async fn order_now(&self, id: OrderId) -> Order {
        self.db.store.orders().get(id).await.unwrap().unwrap()
    }

    /// The command that records a payment of `order` on the contract, if there is one.
    pub(crate) async fn record_command(&self, order: OrderId) -> Option<ChainCommand> {
        self.db.store.chain_commands().get(&format!("record_payment#{order}")).await.unwrap()
    }

    /// What the books say the escrow owes for `order`, in shillings.
    pub(crate) async fn held(&self, order: OrderId) -> i128 {
        use descrow_domain::ledger::LedgerAccount;
        let book = self.db.store.ledger().of_order(order).await.unwrap();
        book.iter().filter(|e| e.account == LedgerAccount::Escrow).map(|e| e.amount.0).sum()
    }
}
