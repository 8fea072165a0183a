//! Functions that die, and messages that come again and again.

use std::time::{Duration, Instant};

use descrow_domain::{
    command::{CommandKind, CommandStatus},
    payment::PaymentKind,
};
use descrow_platform::queue::CONTRACT_GROUP;
use e2e::{
    Outcome,
    books::{Money, Story},
    lab::{Lab, PATIENCE, Trade},
    process::kill,
};

use crate::CALM;

/// Waits for the trade's command to reach `status`, looking often.
async fn wait_for_command(lab: &Lab, trade: &Trade, kind: CommandKind, status: CommandStatus) -> Outcome<()> {
    let id = kind.id(trade.order_id()?);
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if lab.store.chain_commands().get(&id).await?.is_some_and(|command| command.status == status) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    Err(format!("{id} did not become {status:?}").into())
}

#[tokio::test]
async fn a_submitter_killed_right_after_submitting_records_the_payment_once() -> Outcome<()> {
    // Nobody else's commands may be in the process that dies.
    let _alone = CALM.write().await;
    let lab = Lab::open()?;
    let function = lab.stack.functions.get("oracle-submitter").ok_or("no submitter")?;
    let trade = lab.trade().await?;
    wait_for_command(&lab, &trade, CommandKind::CreateOrder, CommandStatus::Final).await?;
    lab.pay(&trade).await?;
    wait_for_command(&lab, &trade, CommandKind::RecordPayment, CommandStatus::Submitted).await?;
    let killed = kill(function, &lab.stack.aws_endpoint)?;
    assert!(killed >= 1, "no process of {function} was found");
    trade.funded().await?;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::Held));
    lab.complete(&trade).await?;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::PaidOut));
    Ok(())
}

#[tokio::test]
async fn wake_ups_that_come_again_at_any_time_change_nothing() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let (commands, payouts) = (
        lab.stack.queues.get("oracle-commands").ok_or("no queue")?,
        lab.stack.queues.get("payouts").ok_or("no queue")?,
    );
    let trade = lab.trade().await?;
    let order = trade.order_id()?;
    let all =
        [CommandKind::ConfirmDelivery, CommandKind::MarkShipped, CommandKind::RecordPayment, CommandKind::CreateOrder];
    let wake_all = async || -> Outcome<()> {
        for kind in all.into_iter().chain(all.into_iter().rev()) {
            lab.aws.wake(commands, &kind.id(order), Some(CONTRACT_GROUP)).await?;
        }
        let payments = lab.store.payments().of_order(order).await?;
        for payment in payments.into_iter().filter(|payment| payment.kind == PaymentKind::Payout) {
            lab.aws.wake(payouts, &payment.id.to_string(), Some(&trade.order)).await?;
        }
        Ok(())
    };
    wake_all().await?;
    lab.pay(&trade).await?;
    wake_all().await?;
    trade.funded().await?;
    wake_all().await?;
    lab.complete(&trade).await?;
    wake_all().await?;
    let reconciler = lab.stack.functions.get("reconciler").ok_or("no reconciler")?;
    lab.aws.invoke(reconciler).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::PaidOut));
    assert_eq!(trade.status().await?, "completed");
    Ok(())
}
