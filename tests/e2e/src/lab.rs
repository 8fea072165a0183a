//! A running stack, and trades between users who have never met before.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use descrow_chain::Chain;
use descrow_domain::{
    OrderId,
    payment::{Payment, PaymentKind, PaymentStatus},
};
use descrow_platform::Deadline;
use descrow_store::{Store, Tables};
use serde_json::Value;
use stack_client::{
    api::Api,
    market::Offer,
    phone::Sandbox,
    session::{Registration, Session},
    socket::{Socket, text},
    stack::Stack,
    wallet::Wallet,
};
use uuid::Uuid;

use crate::{Outcome, aws::Aws};

/// How long a change may take to be seen by a client: functions start cold, and schedules come every minute.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The stack under test.
pub struct Lab {
    /// Its description.
    pub stack: Stack,
    /// Its REST API.
    pub api: Api,
    /// The simulated Daraja behind it.
    pub sandbox: Sandbox,
    /// Its local AWS.
    pub aws: Aws,
    /// Its tables.
    pub store: Store,
    /// A client of its tables that knows nothing of what is in them.
    pub dynamodb: aws_sdk_dynamodb::Client,
}

/// A user with a phone and an open WebSocket.
pub struct User {
    /// Signed in.
    pub session: Session,
    /// Open.
    pub socket: Socket,
    /// A number of the user's own.
    pub phone: String,
    /// The secret URI of the user's wallet.
    pub secret: String,
}

/// An order between two users.
pub struct Trade {
    /// Who pays.
    pub buyer: User,
    /// Who is paid.
    pub seller: User,
    /// The order's id.
    pub order: String,
    /// Its price in whole shillings.
    pub amount_kes: u64,
    /// The block before it: its events come later.
    pub from_block: u64,
}

#[derive(Clone, Copy)]
enum Mode {
    Dot,
    Mpesa,
}

impl Lab {
    /// The stack that `DESCROW_STACK` describes, `target/local/stack.json` where it is not set.
    ///
    /// # Errors
    /// No stack runs: the test fails, and says how to start one.
    pub fn open() -> Outcome<Self> {
        let path = Self::stack_file();
        let stack = Stack::read(&path)?;
        let api = Api::new(&stack.api_url)?;
        let control = stack.daraja_control_url.as_deref().ok_or("these tests need the simulated Daraja")?;
        let sandbox = Sandbox::new(control)?;
        let aws = Aws::new(&stack)?;
        let dynamodb = descrow_platform::aws::dynamodb(&aws.sdk_config());
        let store = Store::new(dynamodb.clone(), Tables::of_stack(&stack.stack_name));
        Ok(Self { stack, api, sandbox, aws, store, dynamodb })
    }

    /// Where the stack's description is.
    pub fn stack_file() -> PathBuf {
        let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/local/stack.json");
        std::env::var_os("DESCROW_STACK").map_or_else(default, PathBuf::from)
    }

    /// A user who is new here.
    ///
    /// # Errors
    /// The API refused.
    pub async fn user(&self, role: &str) -> Outcome<User> {
        let name = Uuid::new_v4().simple().to_string();
        let secret = format!("//{role}-{}", name.get(..16).unwrap_or_default());
        let wallet = Wallet::from_uri(&secret)?;
        let phone = new_phone();
        let registration = Registration { role, phone: &phone, display_name: "A test's user" };
        let session = Session::open(&self.api, &wallet, registration).await?;
        let socket = Socket::open(&session, Box::new(|_| {})).await?;
        Ok(User { session, socket, phone, secret })
    }

    /// A session of one of the accounts that the deployment names as admins: `admin`, `second-admin`.
    ///
    /// # Errors
    /// The API refused.
    pub async fn admin(&self, name: &str) -> Outcome<Session> {
        let wallet = Wallet::from_uri(&self.stack.account(name)?.secret_uri)?;
        let registration = Registration { role: "buyer", phone: "254700000001", display_name: "Admin" };
        Ok(Session::open(&self.api, &wallet, registration).await?)
    }

    /// A new session of a user, with tokens as of now.
    ///
    /// # Errors
    /// The API refused.
    pub async fn again(&self, user: &User) -> Outcome<Session> {
        Ok(Session::log_in(&self.api, &Wallet::from_uri(&user.secret)?).await?)
    }

    /// An order between two new users, to be paid by M-Pesa, not paid.
    ///
    /// # Errors
    /// The API refused.
    pub async fn trade(&self) -> Outcome<Trade> {
        self.trade_by(Mode::Mpesa).await
    }

    /// An order between two new users, to be paid in DOT, not paid.
    ///
    /// # Errors
    /// The API refused.
    pub async fn trade_in_dot(&self) -> Outcome<Trade> {
        self.trade_by(Mode::Dot).await
    }

    async fn trade_by(&self, mode: Mode) -> Outcome<Trade> {
        let (seller, buyer) = tokio::try_join!(self.user("seller"), self.user("buyer"))?;
        let chain = Chain::connect(&self.stack.chain_url, Deadline::after(PATIENCE)).await?;
        let from_block = chain.finalized_head(Deadline::after(PATIENCE)).await?.number;
        let offer = Offer { title: "A kettle", price_dot: "0.5", price_usd: "2.00", quantity: 1 };
        let product = seller.session.offer(offer, &[]).await?;
        let order = match mode {
            Mode::Dot => buyer.session.order_in_dot(&product).await?,
            Mode::Mpesa => buyer.session.order(&product, &buyer.phone).await?,
        };
        let amount_kes = order.get("amountKes").and_then(Value::as_u64).ok_or("the order has no amountKes")?;
        Ok(Trade { buyer, seller, order: text(&order, "/id").to_owned(), amount_kes, from_block })
    }

    /// Pays a trade on the phone; gives the payment as the buyer was told of it.
    ///
    /// # Errors
    /// It was not paid.
    pub async fn pay(&self, trade: &Trade) -> Outcome<Value> {
        trade.buyer.session.pay_by_mpesa(&trade.order).await?;
        self.sandbox.wait_for_prompt(&trade.buyer.phone, PATIENCE).await?;
        self.sandbox.answer(&trade.buyer.phone, "pay").await?;
        Ok(trade.buyer.socket.wait_for_payment(&trade.order, "succeeded", PATIENCE).await?)
    }

    /// Ships a funded trade, confirms it, and waits until the seller is paid.
    ///
    /// # Errors
    /// It was not completed.
    pub async fn complete(&self, trade: &Trade) -> Outcome<()> {
        trade.seller.session.ship(&trade.order).await?;
        trade.buyer.socket.wait_for_status(&trade.order, "shipped", PATIENCE).await?;
        trade.buyer.session.confirm(&trade.order).await?;
        trade.buyer.socket.wait_for_status(&trade.order, "completed", PATIENCE).await?;
        Ok(())
    }

    /// Waits until the trade's one refund was paid.
    ///
    /// # Errors
    /// It was not paid in time.
    pub async fn refunded(&self, trade: &Trade) -> Outcome<Payment> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let rows = self.store.payments().of_order(trade.order_id()?).await?;
            let refund = rows.into_iter().find(|row| row.kind == PaymentKind::Refund);
            if let Some(refund) = refund.filter(|refund| refund.status == PaymentStatus::Succeeded) {
                return Ok(refund);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Err("no refund was paid".into())
    }
}

impl Trade {
    /// Waits until the order is funded, as the buyer is told.
    ///
    /// # Errors
    /// It was not funded in time.
    pub async fn funded(&self) -> Outcome<Value> {
        Ok(self.buyer.socket.wait_for_status(&self.order, "funded", PATIENCE).await?)
    }

    /// The order's status as the buyer reads it now.
    ///
    /// # Errors
    /// The API refused.
    pub async fn status(&self) -> Outcome<String> {
        Ok(text(&self.buyer.session.see_order(&self.order).await?, "/status").to_owned())
    }

    /// The order's id.
    ///
    /// # Errors
    /// It is not a UUID.
    pub fn order_id(&self) -> Outcome<OrderId> {
        Ok(self.order.parse()?)
    }
}

/// A number that no test used before.
pub fn new_phone() -> String {
    format!("2547{:08}", Uuid::new_v4().as_u128() % 100_000_000)
}
