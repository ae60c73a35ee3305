begin;
select plan(19);

create temporary view ours as
  select c.oid, n.nspname as schema, c.relname as name, c.relrowsecurity, c.relforcerowsecurity, c.relowner
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and (n.nspname in ('public', 'private') or (n.nspname = 'auth' and c.relname = 'users'));

create temporary view our_functions as
  select p.oid, n.nspname as schema, p.proname as name, p.prosecdef, p.proconfig, p.proacl, p.proowner
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace
  where n.nspname in ('public', 'private', 'auth');

-- The tables are these. Whoever adds one adds it here, and to 02_privileges.sql if anybody may touch it.
select set_eq(
  'select schema || ''.'' || name from ours',
  array[
    'auth.users', 'private.migrations', 'private.settings', 'private.sessions', 'private.refresh_tokens',
    'public.workspaces', 'public.profiles', 'public.memberships', 'public.grants', 'public.trial_claims',
    'public.agents', 'public.api_keys', 'public.conversations', 'public.messages', 'public.audio_files',
    'public.usage_logs', 'public.usage_reservations', 'public.subscriptions', 'public.payment_transactions',
    'public.payment_events'
  ],
  'the tables are exactly those that are known, and all are tables'
);
select is_empty(
  'select schema, name from ours where not (relrowsecurity and relforcerowsecurity)',
  'row-level security is enabled and forced on every table'
);
select is_empty(
  $$ select schema, name from ours where relowner <> 'callwaiting_owner'::regrole $$,
  'every table belongs to callwaiting_owner'
);
select is_empty(
  $$ select o.schema, o.name from ours as o
     where not exists (select from pg_index as i where i.indrelid = o.oid and i.indisprimary) $$,
  'every table has a primary key'
);

-- Foreign keys.
select is_empty(
  $$ select c.conrelid::regclass, c.conname from pg_constraint as c
     where c.contype = 'f' and c.conrelid in (select oid from ours)
       and not exists (
         select from pg_index as i
         where i.indrelid = c.conrelid and i.indpred is null
           and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
       ) $$,
  'every foreign key is the beginning of an index'
);
select is_empty(
  $$ select conrelid::regclass, conname from pg_constraint
     where contype = 'f' and confdeltype <> 'a' and conrelid in (
       'public.grants'::regclass, 'public.usage_logs'::regclass, 'public.usage_reservations'::regclass,
       'public.subscriptions'::regclass, 'public.payment_transactions'::regclass
     ) $$,
  'no foreign key of a ledger cascades'
);
select is_empty(
  $$ select a.indexrelid::regclass, b.indexrelid::regclass
     from pg_index as a
     join pg_index as b on b.indrelid = a.indrelid and b.indexrelid > a.indexrelid and b.indkey = a.indkey
       and b.indpred is not distinct from a.indpred
     where a.indrelid in (select oid from ours) $$,
  'no index is there twice'
);

-- Columns that must be what they are.
select is_empty(
  $$ select table_schema, table_name, column_name from information_schema.columns
     where table_schema in ('public', 'private', 'auth')
       and data_type in ('timestamp without time zone', 'character varying', 'money', 'real', 'double precision') $$,
  'times have a zone, text has no length, money is an integer'
);
select is_empty(
  $$ select c.conrelid::regclass, c.conname from pg_constraint as c
     where c.conrelid in (select oid from ours) and c.contype in ('c', 'f', 'p', 'u')
       and c.conname !~ ('^' || (select relname from pg_class where oid = c.conrelid) || '_([a-z0-9_]+_)?(check|fkey|pkey|key)$') $$,
  'constraints are named after their table and what they are'
);

-- Policies.
select is_empty(
  $$ select schemaname, tablename, policyname from pg_policies
     where schemaname in ('public', 'private', 'auth') and roles <> '{authenticated}' $$,
  'every policy is for authenticated and nobody else'
);
select is_empty(
  $$ select schemaname, tablename, cmd from pg_policies
     where schemaname in ('public', 'private')
     group by 1, 2, 3 having count(*) > 1 or cmd = 'ALL' $$,
  'a table has one policy per verb, and none for all verbs'
);
select is_empty(
  $$ select tablename, policyname from pg_policies
     where regexp_replace(coalesce(qual, '') || coalesce(with_check, ''), 'SELECT (auth\.uid|private\.\w+)\(\)', '', 'g')
       ~ '(auth|private)\.\w+\(' $$,
  'a policy asks who is calling once per query, not once per row'
);
select is_empty(
  $$ select tablename, policyname from pg_policies where schemaname = 'public' and cmd = 'UPDATE' and with_check is null $$,
  'an update policy says what the new row may be'
);

-- Functions.
select is_empty(
  $$ select schema, name from our_functions where not coalesce(proconfig, '{}') @> array['search_path=""'] $$,
  'every function has an empty search_path'
);
select is_empty(
  $$ select schema, name from our_functions
     where proacl is null or exists (select from aclexplode(proacl) as a where a.grantee = 0) $$,
  'no function can be executed by PUBLIC'
);
select is_empty(
  $$ select schema, name from our_functions where prosecdef and schema <> 'private' $$,
  'security definer functions are in schema private alone'
);
select is_empty(
  $$ select schema, name from our_functions where proowner <> 'callwaiting_owner'::regrole $$,
  'every function belongs to callwaiting_owner'
);
select is(
  (select nspname from pg_extension as e join pg_namespace as n on n.oid = e.extnamespace where extname = 'pgcrypto'),
  'extensions',
  'pgcrypto is in schema extensions'
);

-- The ledger of migrations.
select is(
  (select array_agg(left(name, 4)::integer order by name) from private.migrations),
  (select array_agg(i) from generate_series(1, (select count(*)::integer from private.migrations)) as i),
  'migrations are numbered from 1 without a gap'
);

select * from finish();
rollback;
