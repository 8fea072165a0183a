//! Runs against the sandbox's source and a database in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use descrow_domain::{
    Timestamp,
    rates::{Bounds, CurrentRates, NotQuotable},
};
use descrow_platform::{Config, Deadline};
use descrow_store::testing::TestStore;
use lambda_runtime::LambdaEvent;
use rates_fetcher::{FetchError, Fetched, Settings, Source, fetch, handle};
use sandbox::{Behaviour, Operation, Options, Rule, Sandbox};

const BOUNDS: Bounds = Bounds { max_age: 1800, max_jump: 10, settle: 1 };

struct Stage {
    db: TestStore,
    world: Sandbox,
    source: Source,
}

impl Stage {
    async fn start() -> Self {
        let world = Sandbox::start(Options::default()).await.unwrap();
        let source = Source::new(&world.rates_url().parse().unwrap()).unwrap();
        Self { db: TestStore::start().await, world, source }
    }

    async fn run(&self) -> Result<Fetched, FetchError> {
        fetch(&self.db.store, &self.source, BOUNDS, Deadline::after(Duration::from_secs(10))).await
    }

    async fn row(&self) -> Option<CurrentRates> {
        self.db.store.rates().current().await.unwrap()
    }

    fn next(&self, behaviour: Behaviour) {
        self.world.misbehave(Rule::once(behaviour).on(Operation::Rates));
    }
}

#[tokio::test]
async fn rates_are_fetched_and_followed() {
    let stage = Stage::start().await;
    stage.db.trips.take();
    assert_eq!(stage.run().await.unwrap(), Fetched::Accepted);
    assert_eq!(stage.db.trips.take(), 2);
    let row = stage.row().await.unwrap();
    assert_eq!((row.accepted.usd_per_dot, row.accepted.kes_per_usd), (4_50_000_000, 129_25_000_000));
    assert_eq!((row.accepted.source.as_str(), row.version), ("127.0.0.1", 1));
    assert!(stage.world.price("4.52100000000000034", "584.33925"));
    assert_eq!(stage.run().await.unwrap(), Fetched::Accepted);
    let row = stage.row().await.unwrap();
    assert_eq!((row.accepted.usd_per_dot, row.accepted.kes_per_usd), (4_52_100_000, 129_25_000_000));
}

#[tokio::test]
async fn a_jump_fails_the_run_until_the_source_is_back_or_it_has_held() {
    let stage = Stage::start().await;
    stage.run().await.unwrap();
    assert!(stage.world.price("9", "1163.25"));
    assert!(matches!(stage.run().await, Err(FetchError::NotQuotable(NotQuotable::Jumped { .. }))));
    assert!(stage.world.price("4.5", "581.625"));
    assert_eq!(stage.run().await.unwrap(), Fetched::Accepted);
    assert!(stage.world.price("9", "1163.25"));
    let began = Instant::now();
    let settled = loop {
        match stage.run().await {
            Err(FetchError::NotQuotable(NotQuotable::Jumped { .. })) if began.elapsed() < Duration::from_secs(10) => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            other => break other.unwrap(),
        }
    };
    assert_eq!((settled, stage.row().await.unwrap().accepted.usd_per_dot), (Fetched::Settled, 9_00_000_000));
}

#[tokio::test]
async fn a_source_that_fails_leaves_the_row_as_it_is() {
    let stage = Stage::start().await;
    stage.next(Behaviour::Html { status: 503 });
    assert!(matches!(stage.run().await, Err(FetchError::NotQuotable(NotQuotable::Missing))));
    assert_eq!(stage.row().await, None);
    stage.run().await.unwrap();
    let row = stage.row().await;
    let answer = |status, body: &str| Behaviour::Answer { status, body: body.to_owned() };
    for failure in [
        answer(429, r#"{"status":{"error_code":429}}"#),
        answer(302, ""),
        answer(200, ""),
        answer(200, r#"{"polkadot":{"usd":4.5}}"#),
        answer(200, r#"{"polkadot":{"usd":0,"kes":581,"last_updated_at":1795000000}}"#),
        answer(200, &" ".repeat(17 * 1024)),
        Behaviour::LoseAnswer,
        Behaviour::Hang { ms: 10 },
    ] {
        stage.next(failure.clone());
        assert_eq!(stage.run().await.unwrap(), Fetched::Failed, "{failure:?}");
        assert_eq!(stage.row().await, row, "{failure:?}");
    }
}

#[tokio::test]
async fn a_slow_source_is_given_up_at_the_deadline() {
    let stage = Stage::start().await;
    stage.run().await.unwrap();
    stage.next(Behaviour::Slow { ms: 60_000 });
    let soon = Deadline::after(Duration::from_millis(200));
    assert_eq!(fetch(&stage.db.store, &stage.source, BOUNDS, soon).await.unwrap(), Fetched::Failed);
}

#[tokio::test]
async fn rates_that_stay_what_they_were_grow_old_and_late_ones_are_dropped() {
    let stage = Stage::start().await;
    stage.run().await.unwrap();
    let row = stage.row().await.unwrap();
    stage.next(Behaviour::Answer {
        status: 200,
        body: r#"{"polkadot":{"usd":4.4,"kes":570,"last_updated_at":1700000000}}"#.to_owned(),
    });
    assert_eq!(stage.run().await.unwrap(), Fetched::Late);
    assert_eq!(stage.row().await, Some(row));
    let fresh = Stage::start().await;
    fresh.next(Behaviour::Answer {
        status: 200,
        body: r#"{"polkadot":{"usd":4.4,"kes":570,"last_updated_at":1700000000}}"#.to_owned(),
    });
    assert!(matches!(fresh.run().await, Err(FetchError::NotQuotable(NotQuotable::Aged { .. }))));
}

#[tokio::test]
async fn runs_beside_each_other_write_one_after_the_other() {
    let stage = Stage::start().await;
    let runs = tokio::join!(stage.run(), stage.run(), stage.run());
    for run in [runs.0, runs.1, runs.2] {
        assert!(matches!(run, Ok(Fetched::Accepted | Fetched::Late)), "{run:?}");
    }
    let row = stage.row().await.unwrap();
    assert!((1..=3).contains(&row.version), "{row:?}");
}

/// What the function does with this event as its runtime hands it over.
async fn handled(stage: &Stage, url: &str, event: &str) -> Result<Option<Fetched>, FetchError> {
    let values = [("TABLE_RATES", "test-rates"), ("RATES_SOURCE_URL", url)];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Config::from_values(values, Settings::read).unwrap();
    let mut context = lambda_runtime::Context::default();
    let now = u64::try_from(Timestamp::now().0).unwrap();
    context.deadline = now + 30_000;
    let event = LambdaEvent::new(serde_json::from_str(event).unwrap(), context);
    handle(&stage.db.store, &settings, event).await
}

#[tokio::test]
async fn the_schedules_event_is_taken_whatever_it_holds() {
    let stage = Stage::start().await;
    let url = stage.world.rates_url();
    for event in [include_str!("../../../events/rates-fetcher.json"), "{}", "[1, 2]", "null", "\"now\""] {
        let fetched = handled(&stage, &url, event).await.unwrap();
        assert!(matches!(fetched, Some(Fetched::Accepted | Fetched::Late)), "{event}: {fetched:?}");
    }
    assert!(stage.row().await.is_some());
}

#[tokio::test]
async fn where_rates_come_from_configuration_nobody_is_asked() {
    let stage = Stage::start().await;
    assert_eq!(handled(&stage, "", "{}").await.unwrap(), None);
    assert_eq!(stage.row().await, None);
}
