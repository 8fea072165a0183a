use proptest::prelude::*;

use super::*;

const BEGUN: Timestamp = Timestamp(1_800_000_000_000);

fn collection() -> Payment {
    let phone = "254708374149".parse().unwrap();
    Payment::collection(OrderId::new(), Account::from_bytes([1; 32]), phone, Kes(1500), BEGUN)
}

fn payout() -> Payment {
    let phone = "254708374149".parse().unwrap();
    Payment::payout(OrderId::new(), 1, Account::from_bytes([2; 32]), phone, Kes(1500), BEGUN)
}

fn at(seconds: i64) -> Timestamp {
    BEGUN.plus_seconds(seconds)
}

fn with(payment: Payment, status: PaymentStatus, review: Option<ReviewReason>) -> Payment {
    let callback_at = (status == PaymentStatus::Confirming).then_some(BEGUN);
    Payment { status, callback_at, review, ..payment }
}

mod collections {
    use super::{
        CollectionObservation as O, Decision as D, FailureClass as F, OrderFooting as On, PaymentStatus as S,
        ReviewReason as R, *,
    };

    fn decide(status: S, observation: O, seconds: i64) -> D {
        decide_collection(&with(collection(), status, None), On::Payable, observation, at(seconds))
    }

    const RIGHT: O = O::CallbackSuccess { amount: Claimed::Shillings(Kes(1500)) };

    #[test]
    fn a_claimed_success_is_confirmed_before_it_counts() {
        let confirm = D::ConfirmFirst { at: at(10 + 15) };
        for status in [S::Initiated, S::Pending, S::Confirming, S::Failed] {
            assert_eq!(decide(status, RIGHT, 10), confirm, "{status:?}");
            assert_eq!(decide(status, O::CallbackSuccess { amount: Claimed::Absent }, 10), confirm, "{status:?}");
            assert_eq!(decide(status, O::QueryPaid, 10), D::Succeed, "{status:?}");
        }
    }

    #[test]
    fn a_wrong_amount_is_a_humans_work() {
        for amount in [Claimed::Shillings(Kes(1499)), Claimed::Shillings(Kes(1501)), Claimed::Unreadable] {
            let decision = decide(S::Pending, O::CallbackSuccess { amount }, 10);
            assert_eq!(decision, D::Review { reason: R::WrongAmount }, "{amount:?}");
        }
    }

    #[test]
    fn money_for_an_order_that_cannot_take_it_is_never_dropped() {
        for status in [S::Initiated, S::Pending, S::Confirming, S::Failed] {
            for (footing, reason) in [(On::Paid, R::SecondPayment), (On::Closed, R::OrderClosed)] {
                let payment = with(collection(), status, None);
                let decision = decide_collection(&payment, footing, O::QueryPaid, at(500));
                assert_eq!(decision, D::Review { reason }, "{status:?}");
            }
        }
    }

    #[test]
    fn a_final_code_of_a_callback_fails_at_once_and_others_are_asked_about() {
        let failure = |class| decide(S::Pending, O::CallbackFailure { class }, 10);
        assert_eq!(failure(F::Final), D::Fail);
        assert_eq!(failure(F::ConfirmFirst), D::Retry { at: at(15) });
        assert_eq!(failure(F::Unknown), D::Retry { at: at(15) });
        // a claimed success stands until the query decides
        assert_eq!(decide(S::Confirming, O::CallbackFailure { class: F::Final }, 10), D::Ignore);
    }

    #[test]
    fn a_query_fails_a_payment_only_after_the_grace() {
        for class in [F::Final, F::ConfirmFirst] {
            assert_eq!(decide(S::Pending, O::QueryFailed { class }, 119), D::Retry { at: at(120) });
            assert_eq!(decide(S::Pending, O::QueryFailed { class }, 120), D::Fail);
        }
        assert_eq!(decide(S::Pending, O::QueryFailed { class: F::Unknown }, 7200), D::Retry { at: at(4 * 3600) });
    }

    #[test]
    fn the_grace_counts_from_when_m_pesa_took_the_push() {
        let late = Payment { submitted_at: Some(at(20)), ..with(collection(), S::Pending, None) };
        let query = O::QueryFailed { class: F::Final };
        assert_eq!(decide_collection(&late, On::Payable, query, at(130)), D::Retry { at: at(300) });
        assert_eq!(decide_collection(&late, On::Payable, query, at(140)), D::Fail);
    }

    #[test]
    fn a_denied_claim_is_a_humans_work_after_an_hour() {
        let query = O::QueryFailed { class: F::Final };
        assert_eq!(decide(S::Confirming, query, 3599), D::Retry { at: at(3600) });
        assert_eq!(decide(S::Confirming, query, 3600), D::Review { reason: R::Contradiction });
    }

    #[test]
    fn silence_is_asked_about_for_48_hours_and_then_given_to_a_human() {
        for observation in [O::QueryNoAnswer, O::QueryPending, O::QueryFailed { class: F::Unknown }] {
            assert_eq!(decide(S::Pending, observation, 47 * 3600), D::Retry { at: at(48 * 3600) });
            assert_eq!(decide(S::Pending, observation, 48 * 3600), D::Review { reason: R::Unresolved });
        }
    }

    #[test]
    fn a_push_without_answer_waits_for_its_callback_and_then_frees_the_order() {
        assert_eq!(decide(S::Initiated, O::PushUnanswered, 5), D::Retry { at: at(15) });
        assert_eq!(decide(S::Initiated, O::Unqueryable, 299), D::Retry { at: at(300) });
        assert_eq!(decide(S::Initiated, O::Unqueryable, 300), D::Review { reason: R::NoAnswer });
        let reviewed = with(collection(), S::Review, Some(R::NoAnswer));
        assert_eq!(reviewed.new_push_allowed_at(), Some(at(COOLDOWN_SECONDS)));
        // its callback may still come
        let decide = |observation| decide_collection(&reviewed, On::Payable, observation, at(400));
        assert_eq!(decide(RIGHT), D::ConfirmFirst { at: at(415) });
        assert_eq!(decide(O::QueryPaid), D::Succeed);
        assert_eq!(decide(O::CallbackFailure { class: F::Final }), D::Fail);
        assert_eq!(decide(O::CallbackFailure { class: F::Unknown }), D::Ignore);
    }

    #[test]
    fn only_the_push_itself_can_be_refused() {
        assert_eq!(decide(S::Initiated, O::PushRefused, 1), D::Fail);
        for status in [S::Pending, S::Confirming] {
            assert_eq!(decide(status, O::PushRefused, 1), D::Ignore);
        }
        assert_eq!(decide(S::Initiated, O::PushAccepted, 1), D::Retry { at: at(15) });
        assert_eq!(decide(S::Confirming, O::PushAccepted, 1), D::Ignore, "the callback was faster");
    }

    #[test]
    fn a_new_push_waits_for_the_end_of_this_one_and_of_the_cooldown() {
        let may = |status, review| with(collection(), status, review).new_push_allowed_at();
        assert_eq!(may(S::Failed, None), Some(at(120)));
        for status in [S::Initiated, S::Pending, S::Confirming, S::Succeeded] {
            assert_eq!(may(status, None), None, "{status:?}");
        }
        for reason in [R::WrongAmount, R::SecondPayment, R::OrderClosed, R::Contradiction, R::ReceiptReused] {
            assert_eq!(may(S::Review, Some(reason)), None, "{reason:?}");
        }
    }

    fn observation() -> impl Strategy<Value = O> {
        let class = || prop_oneof![Just(F::Final), Just(F::ConfirmFirst), Just(F::Unknown)];
        prop_oneof![
            Just(O::PushAccepted),
            Just(O::PushUnanswered),
            Just(RIGHT),
            class().prop_map(|class| O::CallbackFailure { class }),
            Just(O::QueryPending),
            class().prop_map(|class| O::QueryFailed { class }),
            Just(O::QueryNoAnswer),
            Just(O::Unqueryable),
        ]
    }

    /// Plays observations at seconds since the beginning, in order of time.
    fn play(observations: &mut [(i64, O)]) -> Payment {
        observations.sort_by_key(|(seconds, _)| *seconds);
        let mut payment = Payment { status: S::Pending, ..collection() };
        for (seconds, observation) in observations.iter() {
            let decision = decide_collection(&payment, On::Payable, *observation, at(*seconds));
            if let Some(next) = payment.after(decision, at(*seconds)) {
                payment = next;
                if matches!(decision, D::ConfirmFirst { .. }) {
                    payment.callback_at.get_or_insert(at(*seconds));
                }
            }
        }
        payment
    }

    proptest! {
        #[test]
        fn a_succeeded_payment_never_leaves_succeeded(observation in observation(), seconds in 0i64..400_000) {
            let paid = with(collection(), S::Succeeded, None);
            prop_assert_eq!(decide_collection(&paid, On::Payable, observation, at(seconds)), D::Ignore);
            prop_assert_eq!(decide_collection(&paid, On::Paid, O::QueryPaid, at(seconds)), D::Ignore);
        }

        #[test]
        fn no_order_of_observations_loses_a_confirmed_success(
            mut before in prop::collection::vec((0i64..200_000, observation()), 0..12),
            when in 0i64..200_000,
        ) {
            before.push((when, O::QueryPaid));
            prop_assert_eq!(play(&mut before).status, S::Succeeded);
        }

        #[test]
        fn without_a_final_code_nothing_fails_and_without_proof_nothing_succeeds(
            mut observations in prop::collection::vec((0i64..200_000, observation()), 0..12),
        ) {
            let codes = observations.iter().any(|(_, o)| matches!(
                o,
                O::CallbackFailure { class: F::Final } | O::QueryFailed { class: F::Final | F::ConfirmFirst }
            ));
            let end = play(&mut observations).status;
            prop_assert_ne!(end, S::Succeeded);
            prop_assert!(codes || end != S::Failed);
        }

        #[test]
        fn the_same_observation_twice_is_the_same_as_once(observation in observation(), seconds in 0i64..200_000) {
            let once = play(&mut [(seconds, observation)]);
            let twice = play(&mut [(seconds, observation), (seconds, observation)]);
            prop_assert_eq!((once.status, once.review, once.next_check_at), (twice.status, twice.review, twice.next_check_at));
        }

        #[test]
        fn an_open_payment_is_always_looked_at_again(mut observations in prop::collection::vec((0i64..200_000, observation()), 1..12)) {
            let end = play(&mut observations);
            prop_assert_eq!(end.next_check_at.is_some(), end.status.is_open());
            prop_assert_eq!(end.review.is_some(), end.status == S::Review);
        }
    }
}

mod payouts {
    use super::{Decision as D, FailureClass as F, PaymentStatus as S, PayoutObservation as O, ReviewReason as R, *};

    const RIGHT: Claimed = Claimed::Shillings(Kes(1500));

    fn decide(status: S, observation: O, seconds: i64) -> D {
        decide_payout(&with(payout(), status, None), observation, at(seconds))
    }

    #[test]
    fn a_payout_has_the_same_id_however_often_it_is_made() {
        let (order, seller) = (OrderId::new(), Account::from_bytes([2; 32]));
        let make = |attempt, now| {
            Payment::payout(order, attempt, seller, "254708374149".parse().unwrap(), Kes(1), Timestamp(now)).id
        };
        assert_eq!(make(1, 1), make(1, 2));
        assert_ne!(make(1, 1), make(2, 1));
    }

    #[test]
    fn an_acknowledgement_is_no_payment() {
        assert_eq!(decide(S::Sending, O::Accepted, 1), D::Retry { at: at(15) });
        assert_eq!(decide(S::Sent, O::Accepted, 1), D::Ignore);
        assert_eq!(decide(S::Sending, O::Unanswered, 1), D::Retry { at: at(15) });
    }

    #[test]
    fn a_result_settles_in_every_open_state() {
        for status in [S::Queued, S::Sending, S::Sent, S::Failed] {
            assert_eq!(decide(status, O::ResultPaid { amount: RIGHT }, 1), D::Succeed, "{status:?}");
            let wrong = O::ResultPaid { amount: Claimed::Shillings(Kes(1)) };
            assert_eq!(decide(status, wrong, 1), D::Review { reason: R::WrongAmount }, "{status:?}");
        }
        assert_eq!(decide(S::Sent, O::ResultFailed { class: F::Final }, 1), D::Fail);
        assert_eq!(decide(S::Sent, O::StatusFailed, 1), D::Fail);
    }

    #[test]
    fn a_result_without_amount_is_asked_about() {
        assert_eq!(decide(S::Sent, O::ResultPaid { amount: Claimed::Absent }, 1), D::ConfirmFirst { at: at(16) });
        assert_eq!(decide(S::Confirming, O::StatusPaid { amount: Claimed::Absent }, 20), D::Succeed);
        assert_eq!(decide(S::Confirming, O::ResultFailed { class: F::Final }, 20), D::Ignore);
    }

    #[test]
    fn a_timeout_and_an_unknown_code_fail_nothing() {
        for observation in [O::QueueTimeout, O::ResultFailed { class: F::Unknown }, O::StatusUnknown] {
            assert_eq!(decide(S::Sent, observation, 10), D::Retry { at: at(15) }, "{observation:?}");
            assert_eq!(decide(S::Sent, observation, 48 * 3600), D::Review { reason: R::Unresolved }, "{observation:?}");
        }
    }

    #[test]
    fn what_certainly_was_not_sent_is_tried_without_an_end_and_silence_counts_from_the_first_send() {
        for status in [S::Queued, S::Sending, S::Sent, S::Confirming] {
            assert_eq!(decide(status, O::NotSent, 10), D::Retry { at: at(15) }, "{status:?}");
            assert_eq!(decide(status, O::NotSent, 50 * 3600), D::Retry { at: at(52 * 3600) }, "{status:?}");
        }
        assert_eq!(decide(S::Succeeded, O::NotSent, 10), D::Ignore);
        let late = 50 * 3600;
        for observation in [O::Accepted, O::Unanswered] {
            assert_eq!(decide(S::Sending, observation, late), D::Retry { at: at(late + 15) }, "{observation:?}");
        }
        let sent = Payment { submitted_at: Some(at(late)), ..with(payout(), S::Sent, None) };
        let silent = |seconds| decide_payout(&sent, O::StatusUnknown, at(late + seconds));
        assert_eq!(silent(10), D::Retry { at: at(late + 15) });
        assert_eq!(silent(48 * 3600), D::Review { reason: R::Unresolved });
    }

    #[test]
    fn another_attempt_follows_only_what_certainly_paid_nothing() {
        use ReviewReason as Why;
        for (status, review, nothing, left) in [
            (S::Queued, None, false, false),
            (S::Sending, None, false, true),
            (S::Sent, None, false, true),
            (S::Confirming, None, false, true),
            (S::Succeeded, None, false, true),
            (S::Failed, None, true, false),
            (S::Withdrawn, None, true, false),
            (S::Review, Some(Why::RequestRefused), true, false),
            (S::Review, Some(Why::Unresolved), false, true),
            (S::Review, Some(Why::WrongAmount), false, true),
            (S::Review, Some(Why::Contradiction), false, true),
            (S::Review, Some(Why::ReceiptReused), false, true),
            (S::Review, None, false, true),
        ] {
            let payout = with(payout(), status, review);
            assert_eq!((payout.paid_nothing(), payout.may_have_left()), (nothing, left), "{status:?} {review:?}");
            let again = payout.again(None, at(9));
            assert_eq!(again.is_some(), nothing && status != S::Withdrawn, "{status:?} {review:?}");
            let over = payout.written_off(at(9)).map(|over| (over.status, over.review, over.version));
            assert_eq!(over, (review == Some(Why::RequestRefused)).then_some((S::Failed, None, 2)));
        }
    }

    #[test]
    fn a_refused_request_is_a_humans_work_unless_an_earlier_one_was_taken() {
        assert_eq!(decide(S::Sending, O::Refused, 1), D::Review { reason: R::RequestRefused });
        assert_eq!(decide(S::Sent, O::Refused, 1), D::Ignore);
    }

    fn observation() -> impl Strategy<Value = O> {
        prop_oneof![
            Just(O::Accepted),
            Just(O::Refused),
            Just(O::Unanswered),
            Just(O::NotSent),
            Just(O::ResultFailed { class: F::Final }),
            Just(O::ResultFailed { class: F::Unknown }),
            Just(O::QueueTimeout),
            Just(O::StatusFailed),
            Just(O::StatusUnknown),
        ]
    }

    proptest! {
        #[test]
        fn no_order_of_observations_loses_a_paid_result(
            before in prop::collection::vec((0i64..1000, observation()), 0..10),
            after in prop::collection::vec((0i64..1000, observation()), 0..10),
        ) {
            let mut payment = payout();
            let paid = (1000, O::ResultPaid { amount: RIGHT });
            for (seconds, observation) in before.into_iter().chain([paid]).chain(after) {
                payment = payment.after(decide_payout(&payment, observation, at(seconds)), at(seconds)).unwrap_or(payment);
            }
            prop_assert_eq!(payment.status, S::Succeeded);
        }
    }
}

mod statements {
    use super::{OrderFooting as On, PaymentStatus as S, ReviewReason as R, *};

    const UNDECIDED: [R; 6] =
        [R::WrongAmount, R::NoAnswer, R::Unresolved, R::Contradiction, R::ReceiptReused, R::RequestRefused];

    fn paid(kes: u32) -> Stated {
        Stated::Paid { amount: Kes(kes), receipt: "NLJ7RT61SV".parse().unwrap() }
    }

    /// How a statement ends a payment: its status and review, and what goes back.
    fn end(payment: &Payment, stated: &Stated, footing: On) -> (S, Option<R>, Option<Kes>) {
        let ended = payment.stated(stated, footing, at(60)).unwrap();
        assert!(ended.payment.says(stated) && !payment.says(stated), "{payment:?}");
        assert_eq!((ended.payment.version, ended.payment.next_check_at), (payment.version + 1, None));
        (ended.payment.status, ended.payment.review, ended.refund.map(|refund| refund.amount_kes))
    }

    #[test]
    fn a_payout_was_paid_as_it_is_or_not_at_all() {
        for reason in UNDECIDED {
            let payout = with(payout(), S::Review, Some(reason));
            assert_eq!(end(&payout, &paid(1500), On::Payable), (S::Succeeded, None, None), "{reason:?}");
            assert_eq!(end(&payout, &Stated::NotPaid, On::Payable), (S::Failed, None, None), "{reason:?}");
            assert_eq!(payout.stated(&paid(1499), On::Payable, at(60)), Err(NotStated::Amount), "{reason:?}");
        }
    }

    #[test]
    fn what_came_counts_where_the_order_takes_it_and_goes_back_where_it_does_not() {
        for reason in UNDECIDED {
            let came = with(collection(), S::Review, Some(reason));
            assert_eq!(end(&came, &Stated::NotPaid, On::Payable), (S::Failed, None, None), "{reason:?}");
            assert_eq!(end(&came, &paid(1500), On::Payable), (S::Succeeded, None, None), "{reason:?}");
            let back = Some(Kes(1500));
            assert_eq!(end(&came, &paid(1500), On::Paid), (S::Review, Some(R::SecondPayment), back), "{reason:?}");
            assert_eq!(end(&came, &paid(1500), On::Closed), (S::Review, Some(R::OrderClosed), back), "{reason:?}");
            for footing in [On::Payable, On::Paid, On::Closed] {
                let other = end(&came, &paid(700), footing);
                assert_eq!(other, (S::Review, Some(R::Returned), Some(Kes(700))), "{reason:?} {footing:?}");
            }
        }
        let other = with(collection(), S::Review, Some(R::WrongAmount));
        let other = other.stated(&paid(700), On::Payable, at(60)).unwrap().payment;
        assert!(!other.says(&paid(1500)), "another amount is another statement");
        assert_eq!(other.new_push_allowed_at(), Some(at(COOLDOWN_SECONDS)), "the order can be paid after all");
    }

    #[test]
    fn what_waits_for_nobody_takes_no_statement() {
        let over = [S::Initiated, S::Pending, S::Confirming, S::Queued, S::Sending, S::Sent, S::Succeeded, S::Failed];
        let mut rows: Vec<_> = over.map(|status| with(collection(), status, None)).into();
        rows.extend(over.map(|status| with(payout(), status, None)));
        let given_back = [R::SecondPayment, R::OrderClosed, R::Returned];
        rows.extend(given_back.map(|reason| with(collection(), S::Review, Some(reason))));
        for payment in rows {
            for stated in [paid(1500), Stated::NotPaid] {
                assert_eq!(payment.stated(&stated, On::Payable, at(60)), Err(NotStated::Decided), "{payment:?}");
            }
        }
    }

    #[test]
    fn a_receipt_is_read_as_m_pesa_writes_it_and_shown_to_no_log() {
        for bad in ["", "NLJ7RT6", "nlj7rt61sv", "NLJ7 RT61SV", "NLJ7RT61SÖ", &"A".repeat(33)] {
            assert!(bad.parse::<MpesaReceipt>().is_err(), "{bad}");
        }
        let shown = format!("{:?}", paid(1));
        assert!(!shown.contains("NLJ7"), "{shown}");
    }
}

#[test]
fn debug_shows_nothing_personal() {
    let payment = Payment {
        receipt: Some("NLJ7RT61SV".into()),
        checkout_request_id: Some("ws_CO_708374149".into()),
        ..collection()
    };
    let shown = format!("{payment:?}");
    assert!(!shown.contains("708374149") && !shown.contains("NLJ7"), "{shown}");
}

#[test]
fn status_names_are_the_ones_in_the_table() {
    use PaymentStatus as S;
    for status in
        [S::Initiated, S::Pending, S::Confirming, S::Queued, S::Sending, S::Sent, S::Succeeded, S::Failed, S::Review]
    {
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
}
