-- Policies that an index can answer. `id in (select private.my_workspace_ids())` compares every row of a table with a
-- hashed list, since Postgres makes no join of what stands in a policy; `= any (array(select …))` is worked out once per
-- query and looked up. With a thousand workspaces that is 0.1 ms instead of 1.5, and for usage_logs it grows with what a
-- tenant has instead of with what all have.
alter policy select_member on public.workspaces
  using (id = any (array(select private.my_workspace_ids())));
alter policy update_administrator on public.workspaces
  using (id = any (array(select private.my_administered_workspace_ids())))
  with check (id = any (array(select private.my_administered_workspace_ids())));
alter policy select_member on public.memberships
  using (workspace_id = any (array(select private.my_workspace_ids())));
alter policy select_member on public.grants
  using (workspace_id = any (array(select private.my_workspace_ids())));
alter policy select_member on public.agents
  using (workspace_id = any (array(select private.my_workspace_ids())));
alter policy select_member on public.api_keys
  using (workspace_id = any (array(select private.my_workspace_ids())));
alter policy select_member on public.usage_logs
  using (workspace_id = any (array(select private.my_workspace_ids())));
alter policy select_member on public.subscriptions
  using (workspace_id = any (array(select private.my_workspace_ids())));

-- A person is in a few workspaces, not in the thousand that Postgres assumes.
alter function private.my_workspace_ids() rows 5;
alter function private.my_administered_workspace_ids() rows 5;
