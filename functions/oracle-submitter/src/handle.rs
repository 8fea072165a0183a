//! One message, one command: looks at its row and at the contract, and does what the table of the crate's documentation says.

use std::{collections::HashSet, sync::Mutex, time::Duration};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use descrow_chain::{Chain, OrderRef};
use descrow_domain::{
    Timestamp,
    command::{ChainCommand, CommandKind, CommandStatus},
};
use descrow_platform::{
    Deadline,
    queue::{self, Disposition, SCHEMA_VERSION, WakeUp},
};

use crate::{
    SubmitError, Submitter,
    call::{message, together},
    progress::{Progress, before, progress},
    send::Sent,
    sign::Signing,
};

/// What one command may need: a few questions to the chain and a few to the database.
const NEEDED: Duration = Duration::from_secs(8);
/// How long the command before is waited for: it was sent a moment ago, and a block is in the making.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(400);
/// How often a command is looked at anew when its row changes meanwhile.
const ATTEMPTS: u32 = 3;
/// Payments in one extrinsic at most.
const BATCH: usize = 10;

/// The commands that a batch of messages names, and those that were sent along with others.
struct Batch {
    named: Vec<String>,
    sent: Mutex<HashSet<String>>,
}

impl Submitter {
    /// Handles a batch of messages, in order. A message whose command could not be looked after comes again.
    pub async fn handle(&self, event: SqsEvent, deadline: Deadline) -> SqsBatchResponse {
        let named = event.records.iter().filter_map(|message| wake_up(message).ok()).map(|wake| wake.id).collect();
        let batch = Batch { named, sent: Mutex::default() };
        queue::process(event, deadline, NEEDED, true, |message| self.handle_message(message, &batch, deadline)).await
    }

    async fn handle_message(
        &self,
        message: SqsMessage,
        batch: &Batch,
        deadline: Deadline,
    ) -> Result<Disposition, SubmitError> {
        let wake = wake_up(&message)?;
        if batch.is_sent(&wake.id) {
            return Ok(Disposition::Delete);
        }
        for _ in 0..ATTEMPTS {
            let Some(command) = self.store.chain_commands().get(&wake.id).await? else {
                tracing::warn!(command = %wake.id, "submitter.no_such_command");
                return Ok(Disposition::Delete);
            };
            let settled = match command.status {
                CommandStatus::Final | CommandStatus::Failed => true,
                CommandStatus::Submitted => self.send_again(&command, deadline).await?,
                CommandStatus::Queued => self.carry_out(command, batch, deadline).await?,
            };
            if settled {
                return Ok(Disposition::Delete);
            }
        }
        Err(SubmitError::Contention)
    }

    /// Sends the stored bytes again, or queues the command anew where they cannot be included any more and a final block shows
    /// that they never were. `false` when the row changed meanwhile.
    async fn send_again(&self, command: &ChainCommand, deadline: Deadline) -> Result<bool, SubmitError> {
        let chain = self.connector.chain(deadline).await?;
        let stored = (command.extrinsic_bytes.as_deref(), command.nonce, command.valid_until_block);
        let (Some(text), Some(nonce), Some(valid_until)) = stored else {
            return self.queue_anew(command).await;
        };
        let final_state = chain.at(chain.finalized_head(deadline).await?, deadline).await?;
        let used = final_state.nonce(&self.signer.account(), deadline).await? > nonce;
        if used || final_state.block.number > valid_until {
            let state = self.contract.order_state(&final_state, OrderRef::of(command.order_id), deadline).await?;
            if progress(&command.command, &state) == Progress::Done {
                tracing::info!(command = %command.id, "submitter.already_done");
                return Ok(true);
            }
            tracing::warn!(command = %command.id, attempts = command.attempts, "submitter.expired_unseen");
            return self.queue_anew(command).await;
        }
        let Some(bytes) = text.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok()) else {
            return self.queue_anew(command).await;
        };
        self.offer(&chain, &command.id, &bytes, nonce, deadline).await?;
        Ok(true)
    }

    async fn queue_anew(&self, command: &ChainCommand) -> Result<bool, SubmitError> {
        let written = self.store.chain_commands().rearm(command, Timestamp::now()).await?;
        Ok(matches!(written, descrow_store::Replaced::Done))
    }

    /// Carries out a queued command, together with the other payments of the batch where it is a payment. `false` when a row
    /// changed meanwhile.
    async fn carry_out(&self, command: ChainCommand, batch: &Batch, deadline: Deadline) -> Result<bool, SubmitError> {
        let chain = self.connector.chain(deadline).await?;
        let at = chain.at(chain.best_head(deadline).await?, deadline).await?;
        let state = self.contract.order_state(&at, OrderRef::of(command.order_id), deadline).await?;
        let Some(call) = message(&command) else {
            return self.give_up(&command, "its payment hash is not one").await;
        };
        let at = match progress(&command.command, &state) {
            Progress::Done => {
                tracing::info!(command = %command.id, "submitter.already_done");
                return Ok(true);
            }
            Progress::Ready => at,
            Progress::Early => match self.wait_for_predecessor(&chain, &command, deadline).await? {
                Waited::Ready(at) => *at,
                Waited::NotYet => {
                    tracing::info!(command = %command.id, "submitter.too_early");
                    return Ok(true);
                }
                Waited::Never(reason) => return self.give_up(&command, &reason).await,
            },
        };
        let mut dry_run = match self.try_out(&at, &call, deadline).await? {
            Ok(dry_run) => dry_run,
            Err(refusal) => return self.give_up(&command, &refusal.to_string()).await,
        };
        let mut call = call;
        let mut commands = vec![command];
        if commands.iter().any(is_payment) {
            commands.extend(self.other_payments(&at, &commands, batch, deadline).await?);
        }
        if commands.len() > 1 {
            call = together(commands.iter().filter_map(message).collect()).ok_or(SubmitError::Contention)?;
            dry_run = match self.try_out(&at, &call, deadline).await? {
                Ok(dry_run) => dry_run,
                Err(refusal) => return Err(SubmitError::NotExecutable(refusal.to_string())),
            };
        }
        match self.sign(&chain, &commands, &call, &dry_run, deadline).await? {
            Signing::Overtaken => Ok(false),
            Signing::Stored { bytes, nonce } => {
                let ids = commands.iter().map(|command| command.id.as_str()).collect::<Vec<_>>().join(" ");
                self.offer(&chain, &ids, &bytes, nonce, deadline).await?;
                batch.mark_sent(&commands);
                Ok(true)
            }
        }
    }

    async fn offer(
        &self,
        chain: &Chain,
        commands: &str,
        bytes: &[u8],
        nonce: u64,
        deadline: Deadline,
    ) -> Result<(), SubmitError> {
        match self.send(chain, bytes, nonce, deadline).await? {
            Sent::Taken => tracing::info!(%commands, nonce, "submitter.sent"),
            // The reconciler comes back to it; meanwhile other commands need not wait.
            Sent::Refused(reason) => tracing::warn!(%commands, nonce, %reason, "submitter.refused_by_node"),
        }
        Ok(())
    }

    async fn give_up(&self, command: &ChainCommand, reason: &str) -> Result<bool, SubmitError> {
        let written = self.store.chain_commands().mark_failed(command, reason, Timestamp::now()).await?;
        let done = matches!(written, descrow_store::Replaced::Done);
        if done {
            tracing::error!(command = %command.id, reason, "submitter.command_failed");
        }
        Ok(done)
    }

    /// The other payments of the batch that can be recorded now.
    async fn other_payments(
        &self,
        at: &descrow_chain::At,
        taken: &[ChainCommand],
        batch: &Batch,
        deadline: Deadline,
    ) -> Result<Vec<ChainCommand>, SubmitError> {
        let mut others: Vec<ChainCommand> = Vec::new();
        for id in batch.waiting() {
            let known = taken.iter().chain(&others).any(|command| command.id == *id);
            if known || !id.starts_with(CommandKind::RecordPayment.as_str()) || others.len() + taken.len() >= BATCH {
                continue;
            }
            let Some(command) = self.store.chain_commands().get(&id).await? else { continue };
            if command.status != CommandStatus::Queued || !is_payment(&command) {
                continue;
            }
            let state = self.contract.order_state(at, OrderRef::of(command.order_id), deadline).await?;
            let Some(call) = message(&command) else { continue };
            if progress(&command.command, &state) == Progress::Ready && self.try_out(at, &call, deadline).await?.is_ok()
            {
                others.push(command);
            }
        }
        Ok(others)
    }

    /// Waits a little for what must come before `command`.
    async fn wait_for_predecessor(
        &self,
        chain: &Chain,
        command: &ChainCommand,
        deadline: Deadline,
    ) -> Result<Waited, SubmitError> {
        let Some(kind) = before(&command.command) else { return Ok(Waited::NotYet) };
        match self.store.chain_commands().get(&kind.id(command.order_id)).await? {
            Some(first) if first.status == CommandStatus::Failed => {
                return Ok(Waited::Never(format!("{} failed: {}", first.id, first.error.unwrap_or_default())));
            }
            Some(first) if first.status == CommandStatus::Queued => return Ok(Waited::NotYet),
            // Sent, or done by somebody else: it will show.
            _ => {}
        }
        let until = deadline.within(PATIENCE);
        loop {
            let at = chain.at(chain.best_head(deadline).await?, deadline).await?;
            let state = self.contract.order_state(&at, OrderRef::of(command.order_id), deadline).await?;
            if progress(&command.command, &state) != Progress::Early {
                return Ok(Waited::Ready(Box::new(at)));
            }
            if !until.allows(BETWEEN_LOOKS) {
                return Ok(Waited::NotYet);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}

enum Waited {
    /// It happened, and shows at this block.
    Ready(Box<descrow_chain::At>),
    /// Not within our patience.
    NotYet,
    /// It failed.
    Never(String),
}

impl Batch {
    fn is_sent(&self, id: &str) -> bool {
        self.sent.lock().is_ok_and(|sent| sent.contains(id))
    }

    fn mark_sent(&self, commands: &[ChainCommand]) {
        if let Ok(mut sent) = self.sent.lock() {
            sent.extend(commands.iter().map(|command| command.id.clone()));
        }
    }

    fn waiting(&self) -> Vec<String> {
        self.named.iter().filter(|id| !self.is_sent(id)).cloned().collect()
    }
}

fn is_payment(command: &ChainCommand) -> bool {
    command.command.command_kind() == CommandKind::RecordPayment
}

fn wake_up(message: &SqsMessage) -> Result<WakeUp, SubmitError> {
    let body = message.body.as_deref().ok_or(SubmitError::Message)?;
    let wake: WakeUp = serde_json::from_str(body).map_err(|_| SubmitError::Message)?;
    if wake.v == SCHEMA_VERSION { Ok(wake) } else { Err(SubmitError::Message) }
}
