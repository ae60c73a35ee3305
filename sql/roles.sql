-- The roles of CallWaiting. Run once per database, connected to that database, by a superuser:
--
--   psql --file sql/roles.sql 'postgresql://postgres@/callwaiting?host=/var/run/postgresql'
--
-- Running it again does no harm. On Supabase run it as `postgres`, which is no superuser: what only a superuser may do
-- is left out and said so, and `postgres` itself, which has BYPASSRLS, is the owner there.
--
-- No password is set here. Choose how each of the two roles that log in proves itself: `peer` for a server on the same
-- machine, or `\password callwaiting` and scram-sha-256. An operator who migrates over a Unix socket as somebody else
-- may make the owner `nologin`; running this file again leaves that as it is.
--
-- Names are written in full everywhere; the picture of who may become whom is in README.md beside this file.

set client_min_messages = warning; -- "is already a member of" is no news

do $roles$
declare
  is_superuser boolean := (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user);
  role_name text;
  builtin regprocedure;
begin
  -- Supabase's roles, where they are missing. `anon` and `authenticated` are what a request may run as.
  foreach role_name in array array['anon', 'authenticated', 'service_role'] loop
    if not exists (select from pg_catalog.pg_roles as r where r.rolname = role_name) then
      execute format('create role %I nologin noinherit', role_name);
      if role_name = 'service_role' and is_superuser then
        alter role service_role bypassrls;
      end if;
    end if;
  end loop;

  -- What one transaction of one kind of function runs as. None has a privilege on any table.
  foreach role_name in array array[
    'callwaiting_agent', 'callwaiting_meter', 'callwaiting_payments', 'callwaiting_auth', 'callwaiting_worker'
  ] loop
    if not exists (select from pg_catalog.pg_roles as r where r.rolname = role_name) then
      execute format('create role %I nologin noinherit', role_name);
    end if;
  end loop;

  -- DATABASE_URL: logs in, owns nothing, can only switch. `noinherit` is what makes a membership "set role only"; from
  -- Postgres 16 on it is copied into each grant below as `with inherit false`.
  if not exists (select from pg_catalog.pg_roles as r where r.rolname = 'callwaiting') then
    create role callwaiting login noinherit;
  end if;
  grant anon, authenticated to callwaiting;
  grant callwaiting_agent, callwaiting_meter, callwaiting_payments, callwaiting_auth, callwaiting_worker to callwaiting;
  execute format('grant connect on database %I to callwaiting', current_database());
  -- Each transaction says how long its statements may take. These are for what lies outside of one, and for a process
  -- that stands still in the middle of one and would keep a workspace locked.
  alter role callwaiting set statement_timeout = '1min';
  alter role callwaiting set idle_in_transaction_session_timeout = '1min';

  if not is_superuser then
    raise warning 'callwaiting: not run by a superuser: % owns the objects, and passwords may reach the server log '
      'unless log_parameter_max_length is 0', current_user;
    return;
  end if;

  alter role callwaiting nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
  -- Passwords travel as bound parameters, and Postgres writes those into its log with a slow or failing statement.
  alter role callwaiting set log_parameter_max_length = 0;
  alter role callwaiting set log_parameter_max_length_on_error = 0;

  -- DATABASE_ADMIN_URL: owns every object and migrates. Forced row-level security needs an owner with BYPASSRLS:
  -- without it the sign-up trigger fails with 42501 and policies that read memberships recurse.
  if not exists (select from pg_catalog.pg_roles as r where r.rolname = 'callwaiting_owner') then
    create role callwaiting_owner login;
  end if;
  alter role callwaiting_owner nosuperuser nocreatedb nocreaterole noreplication bypassrls;
  alter role callwaiting_owner set log_parameter_max_length = 0;
  alter role callwaiting_owner set log_parameter_max_length_on_error = 0;
  -- `create` on the database: schemas private, extensions and auth, and pgcrypto, which is a trusted extension.
  execute format('grant connect, create on database %I to callwaiting_owner', current_database());
  grant usage, create on schema public to callwaiting_owner;

  -- A client role that can make temporary types could shadow a built-in one inside a function with an empty
  -- search_path: pg_temp is looked through first.
  execute format('revoke temporary on database %I from public', current_database());
  grant usage on schema public to anon, authenticated, service_role;
  revoke create on schema public from public; -- as it was before Postgres 15, and stays in a cluster upgraded from then

  -- What Postgres lets everybody do in this database, and nothing here needs: keep bytes as large objects and in the
  -- write-ahead log, end each other's sessions, and hold locks that outlive a transaction and fill the lock table.
  for builtin in
    select p.oid
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'pg_catalog'::regnamespace
      and (
        p.proname in (
          'lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message', 'pg_cancel_backend', 'pg_terminate_backend'
        )
        or p.proname ~ '^pg_(try_)?advisory_'
      )
  loop
    execute format('revoke execute on function %s from public', builtin);
    if builtin::text ~ 'advisory' then
      execute format('grant execute on function %s to callwaiting_owner', builtin); -- migrate: one at a time
    end if;
  end loop;
end
$roles$;

reset client_min_messages;
