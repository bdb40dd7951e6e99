-- Distributes Vigie's tables over the nodes of a Citus cluster, each project whole on one of them.
-- Run it once, as the role of Vigie, on the coordinator: after `vigie migrate`, before the first `vigie serve`.
-- After an upgrade run it again: for a table that is distributed already it fails and changes nothing, so leave
-- psql's ON_ERROR_STOP off. `alembic_version` and the schema `dbos` stay on the coordinator.

-- The tenants, a few rows, are on every node: foreign keys lead there.
SELECT create_reference_table('projects');

-- The counter that orders a project's commits, and with it everything else of the project.
SELECT create_distributed_table('counters', 'project_id', colocate_with => 'none');
SELECT create_distributed_table('activities', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('api_by_route', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('api_by_subject', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('api_by_time', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('api_calls', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('commits', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('samples', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('subjects', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('usage_by_key', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('usage_by_model', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('usage_by_subject', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('usage_by_time', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('usage_contents', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('usage_events', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('watermarks', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('alert_clocks', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('alert_evaluations', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('alert_rules', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('alert_suppressions', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('alert_transitions', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('alerts', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('api_keys', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('attribute_dimensions', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('audit_entries', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('budgets', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('bug_changes', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('bug_comments', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('bug_labels', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('bug_occurrences', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('bug_spells', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('bugs', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('channels', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('component_hours', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('component_spells', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('components', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('content_settings', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('deliveries', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('delivery_alerts', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('delivery_attempts', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('deployments', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('erasures', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('generations', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('ingest_rejects', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('members', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('prices', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('provider_accounts', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('provider_costs', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('recommendations', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('repricings', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('retentions', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('rule_states', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('silences', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('status_documents', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('subject_profiles', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('health_checks', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('heartbeats', 'project_id', colocate_with => 'counters');
SELECT create_distributed_table('recommendation_keys', 'project_id', colocate_with => 'counters');
