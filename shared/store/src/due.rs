//! What waits in an index `by_due` until its time has come.

use descrow_domain::Timestamp;

use crate::{
    Store, StoreError,
    expression::{Bindings, Expression, expr, number, string},
    item::{Item, Row, decode},
};

/// At most this many pages of a partition are read for what is due, where rows are passed over.
const PAGES: usize = 5;

/// A row, and since when the index has it for due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due<R> {
    pub(crate) at: Timestamp,
    pub(crate) row: R,
}

impl Store {
    /// At most `limit` rows of `by_due` whose `column` is not after `now` and that pass `filter`, the earliest first; among them,
    /// beyond the limit, an error for each that cannot be read: nobody can move it on, so it must not take another's place.
    pub(crate) async fn due<R: Row>(
        &self,
        shards: impl Iterator<Item = String>,
        column: &'static str,
        now: Timestamp,
        filter: Option<&Expression>,
        limit: usize,
    ) -> Result<Vec<Result<Due<R>, StoreError>>, StoreError> {
        let at = |item: &Item| -> Timestamp {
            let number = item.get(column).and_then(|value| value.as_n().ok());
            Timestamp(number.and_then(|digits| digits.parse().ok()).unwrap_or_default())
        };
        let query = |shard: String| async move {
            let condition = expr(format!("#due_shard = :shard AND #{column} <= :now"))
                .with(":shard", string(shard))
                .with(":now", number(now.0));
            let (mut found, mut readable, mut start) = (Vec::new(), 0, None);
            for _ in 0..PAGES {
                let bindings = Bindings::of([&condition].into_iter().chain(filter));
                let output = self
                    .client()
                    .query()
                    .table_name(self.tables().name(R::TABLE)?)
                    .index_name("by_due")
                    .key_condition_expression(condition.text())
                    .set_filter_expression(filter.map(|filter| filter.text().to_owned()))
                    .set_expression_attribute_names(bindings.names)
                    .set_expression_attribute_values(bindings.values)
                    .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                    .set_exclusive_start_key(start)
                    .send()
                    .await
                    .map_err(|error| StoreError::failed("Query", R::TABLE, &error))?;
                for item in output.items.unwrap_or_default() {
                    let at = at(&item);
                    let row = decode::<R>(item).map(|row| Due { at, row });
                    readable += usize::from(row.is_ok());
                    found.push((at, row));
                }
                start = output.last_evaluated_key;
                if start.is_none() || readable >= limit {
                    break;
                }
            }
            Ok::<_, StoreError>(found)
        };
        let found = futures_util::future::try_join_all(shards.map(query)).await?;
        let mut found: Vec<_> = found.into_iter().flatten().collect();
        found.sort_by_key(|(at, _)| *at);
        let mut left = limit;
        let mut first = |row: &Result<Due<R>, StoreError>| match row {
            Ok(_) if left == 0 => false,
            Ok(_) => {
                left -= 1;
                true
            }
            Err(_) => true,
        };
        Ok(found.into_iter().map(|(_, row)| row).filter(|row| first(row)).collect())
    }
}
