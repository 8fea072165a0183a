//! The single-item operations, as the table modules use them.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{delete_item::DeleteItemError, put_item::PutItemError, update_item::UpdateItemError},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld},
};

use crate::{
    Replaced, Store, StoreError, Table,
    error::Refused,
    expression::{Bindings, Expression, expr, number},
    item::{Item, Row, decode, encode},
};

impl Store {
    /// The SDK's client and the full name of a table.
    pub(crate) fn client(&self) -> &aws_sdk_dynamodb::Client {
        &self.client
    }

    pub(crate) fn tables(&self) -> &crate::Tables {
        &self.tables
    }

    /// One item, read consistently.
    pub(crate) async fn get<R: Row>(&self, key: Item) -> Result<Option<R>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(self.tables.name(R::TABLE)?)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::failed("GetItem", R::TABLE, &error))?;
        output.item.map(decode).transpose()
    }

    /// Writes an item if `condition` holds; else the item that is there.
    pub(crate) async fn put(
        &self,
        table: Table,
        item: Item,
        condition: &Expression,
    ) -> Result<(), Refused<Option<Item>>> {
        let bindings = Bindings::of([condition]);
        let sent = self
            .client
            .put_item()
            .table_name(self.tables.name(table)?)
            .set_item(Some(item))
            .condition_expression(condition.text())
            .set_expression_attribute_names(bindings.names)
            .set_expression_attribute_values(bindings.values)
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(service))
                if matches!(service.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                match service.into_err() {
                    PutItemError::ConditionalCheckFailedException(refused) => Err(Refused::Condition(refused.item)),
                    _ => Err(Refused::Condition(None)),
                }
            }
            Err(error) => Err(StoreError::failed("PutItem", table, &error).into()),
        }
    }

    /// Writes a row that must not be there yet; `false` when another one is.
    pub(crate) async fn create<R: Row + PartialEq>(&self, row: &R, key: &str) -> Result<Option<R>, StoreError> {
        match self.put(R::TABLE, encode(row)?, &absent(key)).await {
            Ok(()) => Ok(None),
            Err(Refused::Condition(old)) => {
                let old = old.map(decode::<R>).transpose()?;
                Ok(old.filter(|old| old != row))
            }
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Writes `row`, whose version is one more than that of the row it is based on.
    pub(crate) async fn replace<R: Row + PartialEq>(&self, row: &R, version: u64) -> Result<Replaced<R>, StoreError> {
        match self.put(R::TABLE, encode(row)?, &based_on(version)).await {
            Ok(()) => Ok(Replaced::Done),
            Err(Refused::Condition(old)) => match old.map(decode::<R>).transpose()? {
                Some(old) if old == *row => Ok(Replaced::Done),
                old => Ok(Replaced::Stale(old.map(Box::new))),
            },
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Changes an item if `condition` holds and gives it back as it is then; else the item that is there.
    pub(crate) async fn update(
        &self,
        table: Table,
        key: Item,
        change: &Expression,
        condition: Option<&Expression>,
    ) -> Result<Item, Refused<Option<Item>>> {
        let bindings = Bindings::of([change].into_iter().chain(condition));
        let sent = self
            .client
            .update_item()
            .table_name(self.tables.name(table)?)
            .set_key(Some(key))
            .update_expression(change.text())
            .set_condition_expression(condition.map(|c| c.text().to_owned()))
            .set_expression_attribute_names(bindings.names)
            .set_expression_attribute_values(bindings.values)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match sent {
            Ok(output) => Ok(output.attributes.unwrap_or_default()),
            Err(SdkError::ServiceError(service))
                if matches!(service.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
            {
                match service.into_err() {
                    UpdateItemError::ConditionalCheckFailedException(refused) => Err(Refused::Condition(refused.item)),
                    _ => Err(Refused::Condition(None)),
                }
            }
            Err(error) => Err(StoreError::failed("UpdateItem", table, &error).into()),
        }
    }

    /// Removes an item if `condition` holds and gives it back; `None` when it was not there or the condition did not hold.
    pub(crate) async fn take(
        &self,
        table: Table,
        key: Item,
        condition: Option<&Expression>,
    ) -> Result<Option<Item>, StoreError> {
        let bindings = Bindings::of(condition);
        let sent = self
            .client
            .delete_item()
            .table_name(self.tables.name(table)?)
            .set_key(Some(key))
            .set_condition_expression(condition.map(|c| c.text().to_owned()))
            .set_expression_attribute_names(bindings.names)
            .set_expression_attribute_values(bindings.values)
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match sent {
            Ok(output) => Ok(output.attributes),
            Err(SdkError::ServiceError(service))
                if matches!(service.err(), DeleteItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(None)
            }
            Err(error) => Err(StoreError::failed("DeleteItem", table, &error)),
        }
    }
}

/// The item is not there yet. `key` is an attribute of its key.
pub(crate) fn absent(key: &str) -> Expression {
    expr(format!("attribute_not_exists(#{key})"))
}

/// The item is the one that a new version was based on.
pub(crate) fn based_on(version: u64) -> Expression {
    expr("#version = :based_on").with(":based_on", number(version))
}
