-- Takes everything back, data included.

DROP VIEW orders_view;
DROP TABLE audit_trail;
DROP FUNCTION refuse_audit_change();
DROP TABLE rate_windows;
DROP TABLE holidays;
DROP TABLE halts;
DROP TABLE routing_targets;
DROP TABLE routing_rules;
DROP TABLE portfolio_usage;
DROP TABLE portfolio_limits;
DROP TABLE instruments;
DROP TABLE broker_connector_configs;
DROP TABLE broker_cursors;
DROP TABLE inbox;
DROP TABLE outbox;
DROP TABLE events;
DROP TABLE idempotency_keys;
DROP TABLE executions;
DROP TABLE orders;
DROP TABLE order_batches;
DROP TABLE owners;
DROP TABLE reference_state;
DROP SEQUENCE event_ids;
DROP SEQUENCE order_ids;
DROP SEQUENCE batch_ids;
DROP TABLE schema_migrations;
