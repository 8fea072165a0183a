//! DynamoDB: one module per table, one function per access pattern.
