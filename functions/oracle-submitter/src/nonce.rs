//! Which nonce comes next, of what we remember and what the node counts.
//!
//! A node counts what its best block holds, and not what it is about to put into the next one. Ours is then the right count.
//! But an extrinsic can be lost, and what is signed behind it would wait for ever: then the node is right.

use descrow_domain::Timestamp;

/// For how long our own count overrules a node that counts less and does not count on: it may be building the block that holds
/// our last extrinsic, or be another node behind the same name. After that the extrinsic is lost, and its nonce free.
const MEMORY_MS: i64 = 15_000;

/// What is remembered of a signer's nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// The nonce after the last one that we signed with.
    pub(crate) next: u64,
    /// How far the node had counted when it was last asked.
    pub(crate) counted: u64,
    /// When the node last counted on, or had counted all that we signed.
    pub(crate) agreed_at: Timestamp,
}

/// The nonce to sign with at `now`, where the node has counted up to `of_node`; and what is to be remembered then.
pub(crate) fn next_nonce(known: Option<Count>, of_node: u64, now: Timestamp) -> (u64, Count) {
    // A node that counts on takes in what we sign, however far behind it is: only one that stands still has lost something.
    let ours = known.filter(|own| own.next > of_node).and_then(|own| {
        let agreed_at = if of_node > own.counted { now } else { own.agreed_at };
        (now.millis_since(agreed_at) < MEMORY_MS).then_some((own.next, agreed_at))
    });
    let (nonce, agreed_at) = ours.unwrap_or((of_node, now));
    (nonce, Count { next: nonce.saturating_add(1), counted: of_node, agreed_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn count(next: u64, counted: u64, agreed_at: i64) -> Count {
        Count { next, counted, agreed_at: Timestamp(NOW.0 + agreed_at) }
    }

    #[test]
    fn our_count_goes_before_a_node_s_that_is_behind_until_it_stands_still_for_long() {
        for (known, of_node, nonce, agreed_at) in [
            (None::<Count>, 7, 7, 0),
            // The node has counted all of ours, or more than we know of.
            (Some(count(7, 6, -60_000)), 7, 7, 0),
            (Some(count(7, 6, -60_000)), 9, 9, 0),
            // It is behind: a short while, for long, and for long but counting on.
            (Some(count(9, 7, -14_999)), 7, 9, -14_999),
            (Some(count(9, 7, -15_000)), 7, 7, 0),
            (Some(count(9, 6, -15_000)), 7, 9, 0),
            // A reorganisation took blocks away: what was in them may come again.
            (Some(count(9, 8, -1_000)), 7, 9, -1_000),
            (Some(count(9, 8, -15_000)), 7, 7, 0),
        ] {
            let remembered = Count { next: nonce + 1, counted: of_node, agreed_at: Timestamp(NOW.0 + agreed_at) };
            assert_eq!(next_nonce(known, of_node, NOW), (nonce, remembered), "{known:?} {of_node}");
        }
    }

    #[test]
    fn under_steady_work_a_node_that_is_always_behind_is_never_given_a_nonce_twice() {
        let mut known = None;
        for n in 0..1_000_u64 {
            // It counts what was signed three extrinsics ago, and one is signed each second for a quarter of an hour.
            let (nonce, count) =
                next_nonce(known, n.saturating_sub(3), Timestamp(NOW.0 + 1_000 * i64::try_from(n).unwrap()));
            assert_eq!(nonce, n);
            known = Some(count);
        }
    }
}
