"""The application: the steps of a round and the adapters to stores and backends."""
