-- What a front end asks of the ledger, the days of a month by kind, is answered from the index alone. A policy makes the planner
-- expect one row where there are a thousand: it then went to the table for each, and the days of one workspace among 10,000,
-- in a million rows, took 1.3 times as long as without policies.
create index usage_logs_workspace_id_created_at_idx on public.usage_logs (workspace_id, created_at) include (kind, seconds);
drop index public.usage_logs_workspace_id_idx;
