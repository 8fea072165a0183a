//! Pages of rows from a table or an index, across the partitions of a sharded index.
//!
//! A page is one round trip whatever it lists: every partition is read once, and all of them at the same time. Where a filter leaves rows out, the
//! page may hold fewer than its limit, or none, and still be followed by another. A list that everybody reads has no filter but
//! an index whose keys say the same.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;

use crate::{
    Store, StoreError,
    expression::{Bindings, Expression, expr, string},
    item::{Item, Row, decode},
};

/// Rows, and where the next ones begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The position after them, to be handed in again; `None` at the end. It is no secret, but part of no contract: give it
    /// out signed.
    pub next: Option<String>,
}

/// So many items are read where a filter may leave most of them out, so that a page is seldom short.
const FILTERED_READ: usize = 100;

/// What to list.
pub(crate) struct Listing<'a> {
    /// The index; `None` for the table itself.
    pub(crate) index: Option<&'static str>,
    /// The attribute that is the partition key.
    pub(crate) partition: &'static str,
    /// The partitions.
    pub(crate) values: Vec<AttributeValue>,
    /// The attribute that is the sort key, a string.
    pub(crate) sort: &'static str,
    /// Newest first, from before this position; else oldest first, from after it.
    pub(crate) descending: bool,
    pub(crate) position: Option<&'a str>,
    /// Leaves rows out of a page after they were read.
    pub(crate) filter: Option<Expression>,
    pub(crate) limit: usize,
}

/// What one partition gave: sorted items with their sort keys, and how far it was read if more may follow.
struct Part {
    found: Vec<(String, Item)>,
    reached: Option<String>,
}

impl Store {
    /// A page in the order of the sort key.
    pub(crate) async fn list<R: Row>(&self, listing: Listing<'_>) -> Result<Page<R>, StoreError> {
        self.list_within(listing, None).await
    }

    /// A page of those whose sort key begins with `prefix`, newest first: an index may hold several lists, one after the other.
    pub(crate) async fn list_within<R: Row>(
        &self,
        listing: Listing<'_>,
        prefix: Option<&str>,
    ) -> Result<Page<R>, StoreError> {
        let parts = listing.values.iter().map(|value| self.part::<R>(&listing, prefix, value));
        let parts = try_join_all(parts).await?;
        // What lies beyond the nearest point to which every partition was read may have others before it.
        let reached = parts.iter().filter_map(|part| part.reached.as_deref());
        let horizon = if listing.descending { reached.max() } else { reached.min() }.map(ToOwned::to_owned);
        let within = |key: &String| match &horizon {
            Some(horizon) if listing.descending => key >= horizon,
            Some(horizon) => key <= horizon,
            None => true,
        };
        let mut found: Vec<_> = parts.into_iter().flat_map(|part| part.found).filter(|(key, _)| within(key)).collect();
        found.sort_by(|(a, _), (b, _)| if listing.descending { b.cmp(a) } else { a.cmp(b) });
        let next = if found.len() > listing.limit {
            found.truncate(listing.limit);
            found.last().map(|(key, _)| key.clone())
        } else {
            horizon
        };
        Ok(Page { items: found.into_iter().map(|(_, item)| decode(item)).collect::<Result<_, _>>()?, next })
    }

    async fn part<R: Row>(
        &self,
        listing: &Listing<'_>,
        prefix: Option<&str>,
        value: &AttributeValue,
    ) -> Result<Part, StoreError> {
        let side = if listing.descending { "<" } else { ">" };
        let sort = listing.sort;
        let partition = expr(format!("#{} = :partition", listing.partition)).with(":partition", value.clone());
        let among = match (prefix, listing.position) {
            (Some(_), Some(_)) => Some(expr(format!("#{sort} BETWEEN :prefix AND :position"))),
            (Some(_), None) => Some(expr(format!("begins_with(#{sort}, :prefix)"))),
            (None, Some(_)) => Some(expr(format!("#{sort} {side} :position"))),
            (None, None) => None,
        };
        let bounds = [(":prefix", prefix), (":position", listing.position)];
        let bound = |among, (name, bound): (&str, Option<&str>)| match bound {
            Some(bound) => Expression::with(among, name, string(bound)),
            None => among,
        };
        let among = among.map(|among| bounds.into_iter().fold(among, bound));
        let condition = among.into_iter().fold(partition, Expression::and);
        let sort_key = |item: &Item| item.get(listing.sort).and_then(|v| v.as_s().ok()).cloned().unwrap_or_default();
        // One more than asked for tells whether anything follows; BETWEEN gives the position itself besides.
        let more = if prefix.is_some() { 2 } else { 1 };
        let least = if listing.filter.is_some() { FILTERED_READ } else { 0 };
        let read = listing.limit.saturating_add(more).max(least);
        let bindings = Bindings::of([&condition].into_iter().chain(&listing.filter));
        let output = self
            .client()
            .query()
            .table_name(self.tables().name(R::TABLE)?)
            .set_index_name(listing.index.map(ToOwned::to_owned))
            .key_condition_expression(condition.text())
            .set_filter_expression(listing.filter.as_ref().map(|f| f.text().to_owned()))
            .set_expression_attribute_names(bindings.names)
            .set_expression_attribute_values(bindings.values)
            .scan_index_forward(!listing.descending)
            .limit(i32::try_from(read).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::failed("Query", R::TABLE, &error))?;
        let found = output.items.unwrap_or_default().into_iter().map(|item| (sort_key(&item), item));
        let found = found.filter(|(key, _)| Some(key.as_str()) != listing.position).collect();
        Ok(Part { found, reached: output.last_evaluated_key.as_ref().map(sort_key) })
    }
}
