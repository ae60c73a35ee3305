-- What must be true of every table, policy, function and index, whoever adds one: what Supabase's linter looks for
-- (https://supabase.com/docs/guides/database/database-linter, by number), and rules of our own. Each rule is broken here
-- on purpose too, in ways that are undone, to see that it is looked after.
begin;
select no_plan();

create temporary view ours as
  select c.oid, n.nspname as schema, c.relname as name, c.oid::regclass::text as full_name, c.relkind, c.relrowsecurity,
    c.relforcerowsecurity, c.relowner, c.reloptions
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and (n.nspname in ('public', 'private') or (n.nspname = 'auth' and c.relowner = tests.owner()));

create temporary view our_functions as
  select p.oid, n.nspname as schema, p.oid::regprocedure::text as full_name, p.prosrc, p.prosecdef, p.proconfig, p.proacl,
    p.proowner
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace
  where n.nspname in ('public', 'private') or (n.nspname = 'auth' and p.proowner = tests.owner());

create temporary view our_indexes as
  select i.indexrelid, i.indrelid, i.indisunique, i.indexrelid::regclass::text as full_name, i.indpred::text as predicate,
    (i.indkey::int2[])[0:i.indnkeyatts - 1] as keys -- a slice begins at 1
  from pg_index as i
  where i.indrelid in (select oid from ours);

create temporary view our_policies as
  select *, coalesce(qual, '') || ' ' || coalesce(with_check, '') as conditions
  from pg_policies
  where schemaname in ('public', 'private', 'auth');

-- Each query gives what breaks the rule; each plant is a way to break it.
create temporary table rules (n integer generated always as identity, rule text, query text, plants text[]) on commit drop;
insert into rules (rule, query, plants) values

-- Tables.
('every table has row-level security, enabled and forced (0007, 0013)',
 $$ select full_name from ours where not (relrowsecurity and relforcerowsecurity) $$,
 array['alter table public.grants no force row level security', 'alter table private.sessions disable row level security',
   'create table public.planted (id integer primary key)']),
('everything belongs to whoever migrates',
 $$ select full_name from ours where relowner <> tests.owner()
    union all select full_name from our_functions where proowner <> tests.owner() $$,
 array['alter table public.grants owner to postgres', 'alter function private.health() owner to postgres']),
('every table has a primary key (0004)',
 $$ select o.full_name from ours as o
    where o.relkind in ('r', 'p') and not exists (select from pg_index as i where i.indrelid = o.oid and i.indisprimary) $$,
 array['create table private.planted (id integer)']),
('every table in public is a tenant''s, or known to be nobody''s or somebody''s by way of another',
 $$ select o.full_name from ours as o
    where o.schema = 'public' and not exists (
      select from pg_attribute as a
      join pg_constraint as c on c.conrelid = o.oid and c.contype = 'f' and c.conkey = array[a.attnum]
        and c.confrelid = 'public.workspaces'::regclass
      where a.attrelid = o.oid and a.attname = 'workspace_id' and a.attnotnull
    ) and o.name not in (
      'workspaces', 'profiles', 'messages', 'payment_transactions', 'subscription_changes', 'payment_events', 'trial_claims'
    ) $$,
 array['alter table public.agents alter workspace_id drop not null', 'create table public.planted (id integer primary key)',
   'alter table public.api_keys drop constraint api_keys_workspace_id_fkey']),
('times have a zone, text has no length, money is an integer, nothing names an object (0018)',
 $$ select format('%I.%I', o.full_name, a.attname)
    from ours as o
    join pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
    where a.atttypid in (
      'timestamp'::regtype, 'varchar'::regtype, 'money'::regtype, 'real'::regtype, 'double precision'::regtype,
      'regclass'::regtype, 'regproc'::regtype, 'regprocedure'::regtype, 'regoper'::regtype, 'regtype'::regtype,
      'regrole'::regtype, 'regnamespace'::regtype, 'regconfig'::regtype, 'regcollation'::regtype
    ) $$,
 array['alter table public.agents add planted timestamp', 'alter table public.grants add planted money',
   'alter table private.settings add planted regclass']),
('constraints are named after their table and what they are',
 $$ select c.conname::text from pg_constraint as c
    where c.conrelid in (select oid from ours) and c.contype in ('c', 'f', 'p', 'u')
      and c.conname !~ ('^' || (select relname from pg_class where oid = c.conrelid)
        || '_([a-z0-9_]+_)?(check|fkey|pkey|key)$') $$,
 array['alter table public.agents add constraint planted check (true)']),
('nothing but tables: no view, no materialized view, no foreign table (0010, 0016, 0017)',
 $$ select full_name from ours where relkind <> 'r' $$,
 array['create view public.planted as select 1 as i', 'create materialized view public.planted as select 1 as i']),
('a view, if there has to be one, sees what its caller may see (0010)',
 $$ select full_name from ours
    where relkind = 'v' and not coalesce(reloptions, '{}') && array['security_invoker=true', 'security_invoker=on'] $$,
 array['create view public.planted as select 1 as i',
   'create view public.planted with (security_invoker = false) as select 1 as i']),
('nothing shows auth.users (0002)',
 $$ select distinct o.full_name from ours as o
    join pg_rewrite as r on r.ev_class = o.oid
    join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refobjid = 'auth.users'::regclass
    where o.relkind in ('v', 'm') $$,
 array['create view public.planted with (security_invoker = true) as select id from auth.users']),

-- Keys and indexes.
('every foreign key is the beginning of an index (0001)',
 $$ select c.conname::text from pg_constraint as c
    where c.contype = 'f' and c.conrelid in (select oid from ours)
      and not exists (
        select from our_indexes as i
        where i.indrelid = c.conrelid and i.predicate is null and i.keys[1:cardinality(c.conkey)] @> c.conkey
      ) $$,
 array['drop index public.agents_user_id_idx', 'drop index public.usage_logs_agent_id_idx']),
('every column that a policy looks at is the beginning of an index',
 $$ select format('%s: %s', p.polname, a.attname)
    from pg_policy as p
    join pg_depend as d on d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refobjid = p.polrelid and d.refobjsubid > 0
    join pg_attribute as a on a.attrelid = p.polrelid and a.attnum = d.refobjsubid
    where p.polrelid in (select oid from ours)
      and not exists (
        select from our_indexes as i where i.indrelid = p.polrelid and i.predicate is null and i.keys[1] = d.refobjsubid
      ) $$,
 array['drop index public.usage_logs_workspace_id_created_at_idx',
   'create policy planted on public.agents for delete to authenticated using (name = ''mine'')']),
('no index is there twice, or the beginning of another (0009)',
 $$ select a.full_name from our_indexes as a
    join our_indexes as b on b.indrelid = a.indrelid and b.indexrelid <> a.indexrelid
      and b.keys[1:cardinality(a.keys)] = a.keys and b.predicate is not distinct from a.predicate
    where not a.indisunique or (b.indisunique and b.keys = a.keys and b.indexrelid > a.indexrelid) $$,
 array['create index planted on public.agents (workspace_id)', 'create index planted on public.usage_logs (workspace_id)',
   'create unique index planted on public.subscriptions (tx_ref)']),
('every index is for a key, a policy, or a column that a function asks about (0005)',
 $$ select i.full_name
    from our_indexes as i
    join pg_class as t on t.oid = i.indrelid
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.keys[1]
    where not i.indisunique
      and not exists (select from pg_constraint as c where c.conrelid = i.indrelid and c.contype = 'f' and i.keys[1] = any (c.conkey))
      and not exists (select from our_functions as f where f.prosrc ~ ('\m' || t.relname || '\M') and f.prosrc ~ ('\m' || a.attname || '\M')) $$,
 array['create index planted on public.agents (webhook_secret)']),
('no foreign key of a ledger cascades',
 $$ select conname::text from pg_constraint
    where contype = 'f' and confdeltype <> 'a' and conrelid in (
      'public.grants'::regclass, 'public.usage_logs'::regclass, 'public.usage_reservations'::regclass,
      'public.subscriptions'::regclass, 'public.payment_transactions'::regclass
    ) $$,
 array['alter table public.usage_logs add constraint usage_logs_user_id_fkey foreign key (user_id)
   references public.profiles (id) on delete cascade']),
('no row can be moved to another workspace, and no ledger rewritten: private.written_once() watches over each',
 $$ select x.full_name || ': ' || x.what
    from (
      select o.oid, o.full_name, 'workspace_id' as what, 16 as events, a.attnum
      from ours as o
      join pg_attribute as a on a.attrelid = o.oid and a.attname = 'workspace_id' and not a.attisdropped
      where o.relkind = 'r'
      union all
      select o.oid, o.full_name, 'rewriting', 16 + 8 + 32, null from ours as o
      where o.full_name in ('public.usage_logs', 'public.grants', 'public.trial_claims')
      union all
      select o.oid, o.full_name, 'deleting', 8 + 32, null from ours as o
      where o.full_name in ('public.subscriptions', 'public.payment_transactions', 'public.agents', 'public.workspaces')
    ) as x
    where not exists (
      select from pg_trigger as t
      where t.tgrelid = x.oid and t.tgfoid = 'private.written_once()'::regprocedure and t.tgenabled = 'O'
        and t.tgtype & x.events = x.events and t.tgtype & 3 = 2
        and (x.events & 16 = 0 or cardinality(t.tgattr::int2[]) = 0 or x.attnum = any (t.tgattr))
    ) $$,
 array['drop trigger written_once on public.agents', 'alter table public.usage_logs disable trigger written_once',
   'drop trigger written_once on public.grants; create trigger written_once before update of minutes or delete or truncate
     on public.grants for each statement execute function private.written_once()',
   'create table public.planted (id integer primary key, workspace_id uuid not null)']),

-- Policies.
('every policy is for authenticated and nobody else',
 $$ select format('%s.%s', tablename, policyname) from our_policies where roles <> '{authenticated}' $$,
 array['create policy planted on public.agents for insert with check (false)',
   'create policy planted on public.agents for insert to authenticated, anon with check (false)']),
('a table has one permissive policy per verb, and none for all verbs (0006)',
 $$ select tablename::text from our_policies where permissive = 'PERMISSIVE'
    group by schemaname, tablename, cmd having count(*) > 1 or cmd = 'ALL' $$,
 array['create policy planted on public.agents for select to authenticated using (false)',
   'create policy planted on public.messages for all to authenticated using (false)']),
('a policy asks who is calling once per query, not once per row (0003)',
 $$ select format('%s.%s', tablename, policyname) from our_policies
    where regexp_replace(conditions, 'SELECT (auth\.\w+|private\.\w+)\(\)', '', 'g')
      ~ '((auth|private)\.\w+|current_setting)\(' $$,
 array['create policy planted on public.agents for delete to authenticated using (user_id = auth.uid())',
   'create policy planted on public.agents for delete to authenticated
     using (user_id = current_setting(''app.user'')::uuid)']),
('a policy compares with a value, which an index can be asked for, and not with a list',
 $$ select format('%s.%s', tablename, policyname) from our_policies where conditions ~ ' IN \( *SELECT' $$,
 array['create policy planted on public.agents for delete to authenticated
   using (workspace_id in (select private.my_workspace_ids()))']),
('a policy that lets rows be written says what they may be',
 $$ select format('%s.%s', tablename, policyname) from our_policies
    where cmd in ('INSERT', 'UPDATE', 'ALL') and with_check is null $$,
 array['create policy planted on public.agents for update to authenticated using (false)']),
('no policy lets everything through (0024)',
 $$ select format('%s.%s', tablename, policyname) from our_policies where 'true' in (qual, with_check) $$,
 array['create policy planted on public.agents for update to authenticated using (false) with check (true)',
   'create policy planted on public.messages for select to authenticated using (true)']),
('no policy believes what people write about themselves (0015)',
 $$ select format('%s.%s', tablename, policyname) from our_policies where conditions ~ 'user_meta_?data' $$,
 array['create policy planted on public.agents for delete to authenticated
   using (((select auth.jwt()) -> ''user_metadata'' ->> ''admin'') = ''yes'')']),
('what is granted has a policy, and what has a policy is granted (0008)',
 $$ select x.full_name || ': ' || x.verb
    from (
      select o.full_name, v.verb,
        has_table_privilege('authenticated', o.oid, v.verb)
          or v.verb <> 'delete' and has_any_column_privilege('authenticated', o.oid, v.verb) as granted,
        exists (
          select from our_policies as p
          where p.schemaname = o.schema and p.tablename = o.name and lower(p.cmd) in (v.verb, 'all')
        ) as allowed
      from ours as o
      cross join unnest(array['select', 'insert', 'update', 'delete']) as v (verb)
    ) as x
    where x.granted <> x.allowed $$,
 array['grant delete on public.profiles to authenticated', 'grant insert (name) on public.agents to authenticated',
   'create policy planted on public.profiles for delete to authenticated using (id = (select auth.uid()))']),
('no hash, password or token can be read (0023)',
 $$ select format('%s.%s', o.full_name, a.attname)
    from ours as o
    join pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
    cross join unnest(array['anon', 'authenticated', 'service_role']) as r (role)
    where a.attname ~ 'hash|password|token|secret' and has_column_privilege(r.role, o.oid, a.attnum, 'select')
      and (o.full_name, a.attname) <> ('public.agents', 'webhook_secret') $$,
 array['grant select (key_hash) on public.api_keys to authenticated', 'grant select on private.refresh_tokens to service_role']),

-- Functions.
('every function has an empty search_path, or a body that was parsed when it was made (0011)',
 $$ select f.full_name
    from our_functions as f
    join pg_proc as p using (oid)
    where not coalesce(f.proconfig, '{}') @> array['search_path=""'] and (p.prosqlbody is null or p.prosecdef) $$,
 array['create function private.planted() returns integer language sql as ''select 1''',
   'create function private.planted() returns integer language sql set search_path = public as ''select 1''',
   'create function private.planted() returns integer language sql security definer return 1',
   'alter function private.add_grant(uuid, integer, text, uuid) reset search_path']),
('no function can be executed by PUBLIC',
 $$ select full_name from our_functions
    where proacl is null or exists (select from aclexplode(proacl) as a where a.grantee = 0) $$,
 array['create function private.planted() returns integer language sql set search_path = '''' as ''select 1''',
   'grant execute on function private.health() to public']),
('anon executes one function that runs as its owner, health (0028)',
 $$ select full_name from our_functions
    where prosecdef and has_function_privilege('anon', oid, 'execute') and full_name <> 'private.health()' $$,
 array['grant execute on function private.release(uuid) to anon']),
('functions that run as their owner are in schema private alone (0029)',
 $$ select full_name from our_functions where prosecdef and schema <> 'private' $$,
 array['create function public.planted() returns integer language sql security definer as ''select 1''']),
('no function changes or deletes a row of the ledgers of minutes and seconds',
 $$ select full_name from our_functions where prosrc ~* '(update|delete\s+from|truncate)\s+(only\s+|table\s+)*public\.(grants|usage_logs)\M' $$,
 array['create function private.planted() returns void language sql as ''delete from public.usage_logs''',
   'create function private.planted() returns void language sql as ''update only public.grants set minutes = 1''']),

-- The rest.
('no sequence can be used by anybody but its owner',
 $$ select c.oid::regclass::text from pg_class as c
    where c.relkind = 'S' and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
      and exists (select from aclexplode(c.relacl) as a where a.grantee <> c.relowner) $$,
 array['grant usage on sequence public.messages_id_seq to anon', 'grant select on sequence public.messages_id_seq to public']),
('no extension is in public (0014)',
 $$ select extname::text from pg_extension where extnamespace = 'public'::regnamespace $$,
 array['alter extension pgcrypto set schema public']);

select is_empty(query, rule) from rules order by n;

create function pg_temp.caught(plant text, query text) returns setof text
language plpgsql
as $$
declare
  found text[];
begin
  begin
    execute plant;
    execute format('select array(%s)', query) into found;
    raise exception sqlstate 'UNDO0';
  exception when sqlstate 'UNDO0' then
    null;
  end;
  return query select unnest(found);
end
$$;
select isnt_empty(
  format('select pg_temp.caught(%L, %L)', plant, query), 'caught: ' || regexp_replace(plant, '\s+', ' ', 'g')
)
from rules, unnest(plants) as plant
order by n, plant;

-- And an index is what is asked, where there is enough to be worth it.
create function pg_temp.plan_of(query text) returns text
language plpgsql
as $$
declare
  line text;
  whole text := '';
begin
  for line in execute 'explain ' || query loop
    whole := whole || line;
  end loop;
  return whole;
end
$$;
grant execute on function pg_temp.plan_of(text) to authenticated;
set local enable_seqscan = off;
select tests.act_as('authenticated', '00000000-0000-4000-8000-000000000000');
select matches(pg_temp.plan_of('select * from public.' || name), 'Index Cond', 'reading ' || name || ' asks an index')
from unnest(array['workspaces', 'profiles', 'memberships', 'grants', 'agents', 'usage_logs', 'subscriptions']) as name;
select tests.act_as_owner();
set local enable_seqscan = on;

select is(
  (select nspname from pg_extension as e join pg_namespace as n on n.oid = e.extnamespace where extname = 'pgcrypto'),
  'extensions',
  'pgcrypto is in schema extensions'
);
select is(
  (select array_agg(left(name, 4)::integer order by name) from private.migrations),
  (select array_agg(i) from generate_series(1, (select count(*)::integer from private.migrations)) as i),
  'migrations are numbered from 1 without a gap'
);

select * from finish();
rollback;
