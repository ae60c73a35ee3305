-- What is written once stays as it was written, also for functions that run as the owner: a mistake in one of them must
-- not be able to rewrite a ledger, change a price, or move a row to another workspace.

-- Refuses what its trigger is for, but not to an operator, who connects as the owner or a superuser to correct something.
-- A statement's trigger with a list of columns costs nothing until a statement names one of them.
create function private.written_once() returns trigger
language plpgsql volatile set search_path = ''
as $function$
begin
  if pg_catalog.pg_has_role(session_user, (select c.relowner from pg_catalog.pg_class as c where c.oid = tg_relid), 'member')
  then
    return null;
  end if;
  raise exception '% of %.% is refused: it is written once', lower(tg_op), tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end
$function$;
revoke all on function private.written_once() from public, anon, authenticated, service_role;

-- Ledgers.
create trigger written_once before update or delete or truncate on public.usage_logs
  for each statement execute function private.written_once();
create trigger written_once before update or delete or truncate on public.grants
  for each statement execute function private.written_once();
create trigger written_once before update or delete or truncate on public.trial_claims
  for each statement execute function private.written_once();
create trigger written_once
  before update of id, workspace_id, user_id, tx_ref, plan, minutes, amount_minor, currency, created_at
  or delete or truncate on public.subscriptions
  for each statement execute function private.written_once();
create trigger written_once before update of transaction_id, subscription_id, created_at or delete or truncate
  on public.payment_transactions
  for each statement execute function private.written_once();

-- What the ledgers point at, and what says whose something is.
create trigger written_once before update of id, workspace_id or delete or truncate on public.agents
  for each statement execute function private.written_once();
create trigger written_once before update of id, workspace_id, agent_id, key_hash on public.api_keys
  for each statement execute function private.written_once();
create trigger written_once before update of workspace_id, user_id on public.memberships
  for each statement execute function private.written_once();
create trigger written_once before update of id, workspace_id, agent_id on public.conversations
  for each statement execute function private.written_once();
create trigger written_once before update of id, workspace_id on public.audio_files
  for each statement execute function private.written_once();
create trigger written_once before update of id, workspace_id, user_id, agent_id, conversation_id or delete or truncate
  on public.usage_reservations
  for each statement execute function private.written_once();
create trigger written_once before update of id or delete or truncate on public.workspaces
  for each statement execute function private.written_once();

-- A key is good for its agent alone, so it is the two together that are unique. A hash that was unique by itself told
-- whoever made an agent whether anybody has that key.
alter table public.api_keys
  drop constraint api_keys_key_hash_key,
  add constraint api_keys_agent_id_key_hash_key unique (agent_id, key_hash);
drop index public.api_keys_agent_id_idx;
