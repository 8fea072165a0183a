//! Products that this process read not long ago, for the public page of a product.
//!
//! It keeps the rules of a shared HTTP cache (RFC 9111) in front of the table: an entry lives as long as the answer made of
//! it may be kept by anybody, and says its age, so that it never lives longer in two caches than in one. Who is logged in
//! or says `Cache-Control: no-cache` reads the table. Orders never look here: they read the table in their own transaction.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use descrow_domain::{ProductId, product::Product};

/// Products that are kept at most: some megabytes, as long as their descriptions are.
const CAPACITY: usize = 500;

/// The products; copies share them.
#[derive(Clone, Debug, Default)]
pub struct ProductCache(Arc<Mutex<HashMap<ProductId, (Instant, Product)>>>);

impl ProductCache {
    /// The product and its age, where it was read less than `max_age` before `now`.
    pub(crate) fn get(&self, id: ProductId, now: Instant, max_age: Duration) -> Option<(Product, Duration)> {
        let products = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, product) = products.get(&id)?;
        let age = now.saturating_duration_since(*read);
        (age < max_age).then(|| (product.clone(), age))
    }

    /// Keeps what was read at `now`; where there is no room, the oldest goes.
    pub(crate) fn put(&self, product: Product, now: Instant) {
        let mut products = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if products.len() >= CAPACITY && !products.contains_key(&product.id) {
            let oldest = products.iter().min_by_key(|(_, (read, _))| *read).map(|(id, _)| *id);
            oldest.and_then(|id| products.remove(&id));
        }
        products.insert(product.id, (now, product));
    }

    /// Forgets a product that changed.
    pub(crate) fn forget(&self, id: ProductId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use descrow_domain::{Account, Planck, Timestamp, UsdCents, product::ProductStatus};

    use super::*;

    const MAX_AGE: Duration = Duration::from_secs(300);

    fn product() -> Product {
        Product {
            id: ProductId::new(),
            seller_id: Account::from_bytes([1; 32]),
            title: "Bag".parse().unwrap(),
            description: "".parse().unwrap(),
            category: "bags".parse().unwrap(),
            price_dot: Planck(1),
            price_usd: UsdCents(1),
            images: Vec::new(),
            metadata_cid: None,
            quantity: 1,
            status: ProductStatus::Active,
            version: 1,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn an_entry_says_its_age_and_ends_with_it() {
        let (cache, read, bag) = (ProductCache::default(), Instant::now(), product());
        cache.put(bag.clone(), read);
        let later = |seconds| cache.get(bag.id, read + Duration::from_secs(seconds), MAX_AGE);
        assert_eq!(later(299), Some((bag.clone(), Duration::from_secs(299))));
        assert_eq!(later(300), None);
        cache.forget(bag.id);
        assert_eq!(cache.get(bag.id, read, MAX_AGE), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let (cache, start) = (ProductCache::default(), Instant::now());
        let bags: Vec<Product> = (0..=CAPACITY).map(|_| product()).collect();
        for (n, bag) in bags.iter().enumerate() {
            cache.put(bag.clone(), start + Duration::from_millis(n as u64));
        }
        let kept = |bag: &Product| cache.get(bag.id, start, MAX_AGE).is_some();
        assert_eq!(bags.iter().map(kept).filter(|kept| !kept).count(), 1);
        assert!(!kept(&bags[0]));
    }
}
