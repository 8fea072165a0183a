//! Slow devices, on a clock that the test moves: how long others wait for them, counted in the clock's time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use descrow_domain::{Account, Timestamp};
use descrow_platform::{Deadline, push::Pushed};
use descrow_store::{Appended, Asked, Connection, Known, StoreError, Telling};
use notifier::{
    fan_out::{Courier, Mail, Push, SLOW},
    rows::Rows,
};
use tokio::time::Instant;
use uuid::Uuid;

fn user(n: u8) -> Account {
    Account::from_bytes([n; 32])
}

/// The devices of each user, all in sessions that stand.
struct Users(Vec<Vec<String>>);

impl Rows for Users {
    async fn known(&self, _: &Asked) -> Result<Known, StoreError> {
        Ok(Known::default())
    }
    async fn append(&self, _: &Account, _: Vec<Telling>, _: &Known, _: Timestamp) -> Appended {
        Appended::default()
    }
    async fn connections(&self, user: &Account) -> Result<Vec<Connection>, StoreError> {
        let device = |id: &String| Connection {
            id: id.clone(),
            user_id: *user,
            family: Some(Uuid::nil()),
            connected_at: Timestamp(0),
            expires_at: i64::MAX,
        };
        Ok(self.0[usize::from(user.as_bytes()[0])].iter().map(device).collect())
    }
    async fn alive(&self, families: &[Uuid], _: Timestamp) -> Result<HashSet<Uuid>, StoreError> {
        Ok(families.iter().copied().collect())
    }
    async fn forget_connection(&self, connection: &str) -> Result<(), StoreError> {
        panic!("{connection} was forgotten")
    }
}

/// Devices that answer after the milliseconds in their name (`700-phone`), or after as many as they take now.
#[derive(Default)]
struct Devices {
    begun: Mutex<Vec<(String, Duration)>>,
    answered: Mutex<BTreeMap<String, usize>>,
    now_takes: Mutex<BTreeMap<String, u64>>,
    started: Mutex<Option<Instant>>,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Devices {
    fn pushes(&self, device: &str) -> usize {
        self.begun.lock().unwrap().iter().filter(|(begun, _)| begun == device).count()
    }
    fn answered(&self, device: &str) -> usize {
        self.answered.lock().unwrap().get(device).copied().unwrap_or_default()
    }
}

struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Push for Devices {
    async fn close(&self, connection: &str, _: Deadline) {
        panic!("{connection} was closed")
    }
    async fn push(&self, connection: &str, _: &[String], _: Deadline) -> Pushed {
        let started = *self.started.lock().unwrap().get_or_insert_with(Instant::now);
        self.begun.lock().unwrap().push((connection.to_owned(), started.elapsed()));
        self.most.fetch_max(self.under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let _under_way = UnderWay(&self.under_way);
        let named = || connection.split('-').next().unwrap().parse().unwrap();
        let millis = self.now_takes.lock().unwrap().get(connection).copied().unwrap_or_else(named);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        *self.answered.lock().unwrap().entry(connection.to_owned()).or_default() += 1;
        Pushed::Delivered
    }
}

fn names(devices: &[&str]) -> Vec<String> {
    devices.iter().map(|device| (*device).to_owned()).collect()
}

/// A portion with mail for every user, and how long its delivery took.
async fn portion(users: &Users, courier: &Courier<Devices>) -> Duration {
    let mail = (0..u8::try_from(users.0.len()).unwrap())
        .map(|n| Mail { user: user(n), first_record: 0, frames: vec!["{}".to_owned()] })
        .collect();
    let began = Instant::now();
    assert_eq!(courier.deliver(mail, users, Deadline::after(Duration::from_secs(600))).await, None);
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn others_wait_for_a_device_that_always_answers_late_once_in_ten_batches() {
    let users = Users(vec![names(&["700-phone", "20-laptop"]), names(&["20-other"])]);
    let courier = Courier::new(Devices::default());
    let mut took = Vec::new();
    for _ in 0..10 {
        took.push(portion(&users, &courier).await);
    }
    let quick = Duration::from_millis(20);
    assert_eq!((took[0], &took[1..]), (quick + SLOW, &[quick; 9][..]));
    let pushes = ["700-phone", "20-laptop", "20-other"].map(|device| courier.push().pushes(device));
    assert_eq!(pushes, [1, 10, 10]);
}

#[tokio::test(start_paused = true)]
async fn after_its_rest_a_slow_device_comes_after_all_others_and_rests_for_longer() {
    let users = Users(vec![names(&["700-phone"]), names(&["20-other"])]);
    let courier = Courier::new(Devices::default());
    for (rested, length) in [(0, 10), (10, 20), (20, 40)] {
        tokio::time::advance(Duration::from_secs(rested)).await;
        let before = courier.push().pushes("700-phone");
        portion(&users, &courier).await;
        assert_eq!(courier.push().pushes("700-phone"), before + 1, "after {rested} s");
        tokio::time::advance(Duration::from_millis(length * 1_000 - 200)).await;
        portion(&users, &courier).await;
        assert_eq!(courier.push().pushes("700-phone"), before + 1, "{length} s are not over");
    }
    let begun = courier.push().begun.lock().unwrap().clone();
    let slow: Vec<usize> = (0..begun.len()).filter(|n| begun[*n].0 == "700-phone").collect();
    for n in &slow[1..] {
        let (other, at) = &begun[n - 1];
        assert!(other == "20-other" && begun[*n].1 >= *at + Duration::from_millis(20), "{begun:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_answers_in_time_again_is_not_known_as_slow_any_more() {
    let users = Users(vec![names(&["700-phone"]), names(&["20-other"])]);
    let courier = Courier::new(Devices::default());
    for (moves_on, pushes) in [(10, 1), (20, 2)] {
        portion(&users, &courier).await;
        assert_eq!(courier.push().pushes("700-phone"), pushes);
        tokio::time::advance(Duration::from_secs(moves_on)).await;
    }
    courier.push().now_takes.lock().unwrap().insert("700-phone".to_owned(), 30);
    portion(&users, &courier).await;
    assert_eq!(courier.push().answered("700-phone"), 1);
    courier.push().now_takes.lock().unwrap().clear();
    portion(&users, &courier).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    portion(&users, &courier).await;
    assert_eq!(courier.push().pushes("700-phone"), 5, "its rest is as short as the first one");
}

#[tokio::test(start_paused = true)]
async fn while_others_are_answered_nobody_is_given_up() {
    // All of them take long, as they do when the function has much to do: each is answered a little after the one before.
    let devices: Vec<String> = (1..=30).map(|n| format!("{}-device", 100 * n)).collect();
    let users = Users(devices.iter().map(|device| vec![device.clone()]).collect());
    let courier = Courier::new(Devices::default());
    assert_eq!(portion(&users, &courier).await, Duration::from_millis(3_000));
    assert!(devices.iter().all(|device| courier.push().answered(device) == 1));
}

#[tokio::test(start_paused = true)]
async fn the_first_push_of_a_process_may_take_long() {
    let users = Users(vec![names(&["700-phone"])]);
    let courier = Courier::new(Devices::default());
    assert_eq!(portion(&users, &courier).await, Duration::from_millis(700));
    assert_eq!(courier.push().answered("700-phone"), 1);
    assert_eq!(portion(&users, &courier).await, SLOW, "the second may not");
    assert_eq!(courier.push().answered("700-phone"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_user_with_many_slow_devices_takes_few_places_and_little_time() {
    let many: Vec<String> = (0..100).map(|n| format!("700-{n}")).collect();
    let users = Users(vec![many.clone(), names(&["20-other"])]);
    let courier = Courier::new(Devices::default());
    assert_eq!(portion(&users, &courier).await, Duration::from_millis(20) + SLOW);
    let tried = |courier: &Courier<Devices>| many.iter().map(|device| courier.push().pushes(device)).sum::<usize>();
    assert_eq!((tried(&courier), courier.push().most.load(Ordering::SeqCst)), (8, 9));
    for batch in 2..=4 {
        assert_eq!(portion(&users, &courier).await, Duration::from_millis(20) + SLOW);
        assert_eq!((tried(&courier), courier.push().pushes("20-other")), (8 * batch, batch));
    }
}
