//! The state of the simulated world, and the names it gives to things.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use sha2::{Digest, Sha256};

use crate::{
    Behaviour, Operation, Policy, Settings,
    behaviour::{Rules, Stage},
    daraja::{PAYOUT_SHORTCODE, Payout, Prompt, SHORTCODE},
    ipfs::Content,
    journal::Journal,
    ledger::Ledger,
    rates::Prices,
};

/// Everything that changes.
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) policies: HashMap<String, Policy>,
    pub(crate) rules: Rules,
    pub(crate) ledger: Ledger,
    pub(crate) journal: Journal,
    pub(crate) token: Option<(String, Instant)>,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) payouts: Vec<Payout>,
    /// How often the initiator's credential was wrong; it is locked after three.
    pub(crate) bad_credentials: u32,
    pub(crate) content: HashMap<String, Content>,
    pub(crate) prices: Prices,
    sequence: u64,
    /// Grows with every reset, so that timers of an older world leave the new one alone.
    pub(crate) epoch: u64,
}

impl World {
    fn new(settings: Settings, epoch: u64, content: HashMap<String, Content>) -> Self {
        let mut ledger = Ledger::default();
        ledger.open(SHORTCODE, 0);
        ledger.open(PAYOUT_SHORTCODE, settings.float);
        Self {
            settings,
            policies: HashMap::new(),
            rules: Rules::default(),
            ledger,
            journal: Journal::default(),
            token: None,
            prompts: Vec::new(),
            payouts: Vec::new(),
            bad_credentials: 0,
            content,
            prices: Prices::default(),
            // Receipts of a restarted sandbox must differ from those before: it starts at the clock.
            sequence: u64::try_from(crate::journal::now()).unwrap_or_default(),
            epoch,
        }
    }

    /// A number that no other name has.
    pub(crate) fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Hex digits that look random and are not repeated.
    pub(crate) fn random_hex(&mut self) -> String {
        let seed = format!("{}-{}", self.next(), std::process::id());
        hex::encode(Sha256::digest(seed))
    }

    /// A receipt as M-Pesa prints them: ten capitals and digits.
    pub(crate) fn receipt(&mut self) -> String {
        const SYMBOLS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut number = self.next();
        let mut out = Vec::new();
        while out.len() < 9 {
            let digit = usize::try_from(number % 36).unwrap_or_default();
            out.push(SYMBOLS.get(digit).copied().map_or('0', char::from));
            number /= 36;
        }
        out.push('S');
        out.into_iter().rev().collect()
    }

    pub(crate) fn policy(&self, phone: &str) -> Policy {
        self.policies.get(phone).copied().unwrap_or(self.settings.policy)
    }
}

/// The world behind its lock, and what works on it.
pub(crate) struct Shared {
    world: Mutex<World>,
    initial: Settings,
    /// Where pinned files are kept; in memory only where absent.
    pub(crate) data: Option<PathBuf>,
    pub(crate) http: reqwest::Client,
}

impl Shared {
    pub(crate) fn new(
        settings: Settings,
        data: Option<PathBuf>,
        content: HashMap<String, Content>,
        http: reqwest::Client,
    ) -> Self {
        let world = Mutex::new(World::new(settings.clone(), 0, content));
        Self { world, initial: settings, data, http }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new world with the settings of the start. Pinned files stay: they cannot change.
    pub(crate) fn reset(&self) {
        let mut world = self.world();
        let (epoch, content) = (world.epoch + 1, std::mem::take(&mut world.content));
        *world = World::new(self.initial.clone(), epoch, content);
    }

    pub(crate) fn take(&self, stage: Stage, operation: Operation, phone: Option<&str>) -> Option<Behaviour> {
        self.world().rules.take(stage, operation, phone)
    }
}
