-- The roles themselves, and what somebody could do who got SQL of their own into a request.
begin;
select no_plan();

-- Who they are.
select results_eq(
  $$ select rolcanlogin, rolinherit, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication
     from pg_roles where rolname = 'callwaiting' $$,
  'values (true, false, false, false, false, false, false)',
  'callwaiting logs in, inherits nothing and is nothing'
);
select results_eq(
  $$ select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication
     from pg_roles where rolname = 'callwaiting_owner' $$,
  'values (false, true, false, false, false)',
  'callwaiting_owner bypasses row security and is no superuser'
);
select is_empty(
  $$ select rolname from pg_roles
     where (rolname like 'callwaiting\__%' or rolname in ('anon', 'authenticated')) and rolname <> 'callwaiting_owner'
       and (rolcanlogin or rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication) $$,
  'the roles of a request cannot log in, and are nothing'
);
select set_eq(
  $$ select roleid::regrole::text from pg_auth_members where member = 'callwaiting'::regrole $$,
  array[
    'anon', 'authenticated', 'callwaiting_agent', 'callwaiting_meter', 'callwaiting_payments', 'callwaiting_auth',
    'callwaiting_worker'
  ],
  'callwaiting can become the roles of a request, not the owner and not service_role'
);
select is_empty(
  $$ select member::regrole, roleid::regrole from pg_auth_members
     where member in (select oid from pg_roles where rolname like 'callwaiting\__%') $$,
  'the roles of a request can become nobody else'
);
select is_empty(
  $$ select member::regrole, roleid::regrole from pg_auth_members where roleid::regrole::text ~ '^callwaiting' and admin_option
       and member::regrole::text <> 'supabase_postgres' $$, -- of supabase.sql, in a cluster that is used again
  'nobody can give these roles away'
);
select is_empty(
  $$ select c.oid::regclass from pg_class as c where c.relowner in (
       select oid from pg_roles where rolname ~ '^callwaiting' and rolname <> 'callwaiting_owner' or rolname = 'anon' or rolname = 'authenticated'
     ) $$,
  'nobody but the owner owns anything'
);
select set_has(
  $$ select unnest(setconfig) from pg_db_role_setting where setrole = 'callwaiting'::regrole $$,
  $$ values ('log_parameter_max_length=0'), ('log_parameter_max_length_on_error=0') $$,
  'bound parameters, passwords among them, stay out of the server log'
);
select set_has(
  $$ select unnest(setconfig) from pg_db_role_setting where setrole = 'callwaiting'::regrole $$,
  $$ values ('statement_timeout=1min'), ('idle_in_transaction_session_timeout=1min') $$,
  'a session that stands still is ended'
);

-- SQL of their own: tried as the login role itself, and as each role that it can become.
create function pg_temp.refused(as_role text, statement text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  begin
    perform set_config('session_authorization', 'callwaiting', true), set_config('role', as_role, true);
    execute statement;
    raise exception sqlstate 'UNDO0';
  exception
    when sqlstate 'UNDO0' then answer := 'done';
    when others then answer := sqlstate;
  end;
  return answer;
end
$$;
create temporary table request_roles on commit drop as
  select 'none' as role union all select roleid::regrole::text from pg_auth_members where member = 'callwaiting'::regrole;

select is_empty(
  format($$ select role, answer from pg_temp.request_roles, pg_temp.refused(role, %L) as answer where answer <> '42501' $$, statement),
  'refused to every role of a request: ' || statement
)
from unnest(array[
  -- Becoming somebody.
  'set role callwaiting_owner',
  'set role service_role',
  'set role postgres',
  'alter role callwaiting bypassrls',
  'alter role callwaiting superuser',
  'alter role callwaiting inherit',
  'grant callwaiting_owner to callwaiting',
  'grant select on public.trial_claims to anon',
  'create role mine',
  'set session_replication_role = replica', -- no triggers, no foreign keys
  'set log_parameter_max_length = -1',
  -- Making something: a temporary type could shadow a built-in one inside functions with an empty search_path.
  'create temporary table mine (i integer)',
  'create type pg_temp.uuid as (i integer)',
  'create function pg_temp.mine() returns integer language sql as ''select 1''',
  'create table public.mine (i integer)',
  'create function public.mine() returns integer language sql as ''select 1''',
  'create view public.mine as select 1',
  'create schema mine',
  'create extension dblink',
  'create extension postgres_fdw',
  'create event trigger mine on ddl_command_start execute function private.user_saved()',
  'create policy mine on public.usage_logs using (true)',
  'alter table public.usage_logs no force row level security',
  'alter table public.usage_logs disable trigger all',
  'alter function private.add_grant(uuid, integer, text, uuid) owner to callwaiting',
  'comment on table public.usage_logs is ''mine''',
  'drop table public.usage_logs',
  -- The machine below.
  'copy (select 1) to program ''true''',
  'copy (select 1) to ''/tmp/mine''',
  'select pg_read_file(''PG_VERSION'')',
  'select pg_ls_dir(''.'')',
  'select lo_import(''/etc/passwd'')',
  'select pg_reload_conf()',
  'checkpoint',
  -- Leaving bytes, or locks.
  'select lo_create(0)',
  'select lo_from_bytea(0, ''mine'')',
  'select pg_logical_emit_message(false, ''mine'', ''mine'')',
  'select pg_advisory_lock(1)',
  'select pg_try_advisory_xact_lock(1)',
  'lock table public.workspaces in access exclusive mode',
  'select from public.payment_events for update',
  'truncate public.usage_logs',
  -- Other sessions, and what they do.
  'select pg_terminate_backend(pg_backend_pid())',
  'select pg_cancel_backend(pg_backend_pid())',
  'select * from pg_authid',
  'select * from pg_statistic',
  'select * from pg_largeobject',
  'select * from pg_hba_file_rules',
  'select * from pg_user_mapping'
]) as statement;

-- What a catalog tells.
create function pg_temp.told(as_role text, statement text) returns setof text
language plpgsql
as $$
begin
  perform set_config('session_authorization', 'callwaiting', true), set_config('role', as_role, true);
  return query execute statement;
  perform set_config('role', 'none', true), set_config('session_authorization', 'postgres', true);
end
$$;
select is_empty(
  $$ select role, told from pg_temp.request_roles, pg_temp.told(role,
       'select query from pg_stat_activity where pid = pg_backend_pid() and query <> ''<insufficient privilege>''') as told $$,
  'nobody sees what another role''s session is doing'
);
analyze public.workspaces, public.profiles;
select is_empty(
  $$ select role, told from pg_temp.request_roles, pg_temp.told(role,
       'select tablename::text from pg_stats where schemaname in (''public'', ''private'', ''auth'')') as told $$,
  'nobody sees in pg_stats which values a table has'
);
select is_empty(
  $$ select role, told from pg_temp.request_roles, pg_temp.told(role,
       'select passwd from pg_roles, pg_user where passwd <> ''********''') as told $$,
  'nobody sees a password'
);

-- Row-level security cannot be put aside: it is then an error, and not more rows.
set local row_security = off;
select is(
  pg_temp.refused('authenticated', 'select count(*) from public.workspaces'), '42501', 'without row security there are no more rows but none'
);
set local row_security = on;

select is_empty(
  $$ select rolname from pg_roles
     where (rolname in ('anon', 'authenticated', 'service_role', 'callwaiting') or rolname like 'callwaiting\__%')
       and rolname <> 'callwaiting_owner'
       and (has_database_privilege(rolname, current_database(), 'create')
         or has_database_privilege(rolname, current_database(), 'temporary')) $$,
  'no role of a request can create anything in the database, not even a temporary table'
);

select * from finish();
rollback;
