-- Who may do what: role × table × verb, role × column × verb, role × function, each exactly. The database was made with
-- Supabase's default privileges, which give client roles everything: a forgotten revoke is one row too many here.
begin;
select plan(10);

create temporary view roles as
  select rolname as role
  from pg_roles
  where rolname in ('anon', 'authenticated', 'service_role') or (rolname like 'callwaiting%' and rolname <> 'callwaiting_owner');

create temporary view tables as
  select c.oid, c.oid::regclass::text as name
  from pg_class as c
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relnamespace in (
    'public'::regnamespace, 'private'::regnamespace, 'auth'::regnamespace
  );
select set_config('search_path', 'tap, pg_catalog', true);

select set_eq(
  $$ select r.role::text, t.name, v.verb
     from pg_temp.roles as r
     cross join pg_temp.tables as t
     cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as v (verb)
     where has_table_privilege(r.role, t.oid, v.verb) $$,
  $$ values
     ('authenticated', 'public.workspaces', 'select'),
     ('authenticated', 'public.profiles', 'select'),
     ('authenticated', 'public.memberships', 'select'),
     ('authenticated', 'public.grants', 'select'),
     ('authenticated', 'public.agents', 'select'),
     ('authenticated', 'public.usage_logs', 'select'),
     ('authenticated', 'public.subscriptions', 'select') $$,
  'whole tables: members read seven, and nobody writes any'
);

select set_eq(
  $$ select r.role::text, t.name, a.attname::text, v.verb
     from pg_temp.roles as r
     cross join pg_temp.tables as t
     join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
     cross join unnest(array['select', 'insert', 'update', 'references']) as v (verb)
     where has_column_privilege(r.role, t.oid, a.attnum, v.verb)
       and not has_table_privilege(r.role, t.oid, v.verb) $$,
  $$ values
     ('authenticated', 'public.workspaces', 'name', 'update'),
     ('authenticated', 'public.profiles', 'full_name', 'update'),
     ('authenticated', 'public.api_keys', 'id', 'select'),
     ('authenticated', 'public.api_keys', 'workspace_id', 'select'),
     ('authenticated', 'public.api_keys', 'agent_id', 'select'),
     ('authenticated', 'public.api_keys', 'hint', 'select'),
     ('authenticated', 'public.api_keys', 'created_at', 'select'),
     ('authenticated', 'public.api_keys', 'expires_at', 'select'),
     ('authenticated', 'public.api_keys', 'revoked_at', 'select'),
     ('authenticated', 'public.api_keys', 'last_used_at', 'select') $$,
  'single columns: two names can be written, and of a key all can be read but its hash'
);

select is_empty(
  $$ select r.role, c.oid::regclass
     from pg_temp.roles as r
     cross join pg_class as c
     where c.relkind = 'S' and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
       and has_sequence_privilege(r.role, c.oid, 'usage, select, update') $$,
  'nobody may use a sequence'
);

-- Exactly one role per function, but for what payments and worker share.
select set_eq(
  $$ select r.role::text, p.oid::regprocedure::text
     from pg_temp.roles as r
     cross join pg_proc as p
     where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
       and has_function_privilege(r.role, p.oid, 'execute') $$,
  $$ values
     ('anon', 'private.health()'),
     ('authenticated', 'private.my_workspace_ids()'),
     ('authenticated', 'private.my_administered_workspace_ids()'),
     ('authenticated', 'private.home_workspace(uuid)'),
     ('authenticated', 'private.public_url()'),
     ('authenticated', 'private.create_agent(uuid,text,text,text,bytea,text)'),
     ('authenticated', 'private.usage_report(uuid)'),
     ('authenticated', 'private.payment_status(uuid,text)'),
     ('authenticated', 'public.minutes_used(public.profiles)'),
     ('authenticated', 'public.minutes_quota(public.profiles)'),
     ('authenticated', 'public.plan(public.profiles)'),
     ('authenticated', 'public.webhook_url(public.agents)'),
     ('authenticated', 'public.amount(public.subscriptions)'),
     ('callwaiting_agent', 'private.admit_agent(uuid,bytea,integer,integer,uuid,integer)'),
     ('callwaiting_agent', 'private.audio_state(bytea)'),
     ('callwaiting_meter', 'private.admit_user(uuid,integer,integer)'),
     ('callwaiting_meter', 'private.settle(uuid,bigint,text,integer,jsonb,bytea,bigint,timestamp with time zone,text,text)'),
     ('callwaiting_meter', 'private.release(uuid)'),
     ('callwaiting_meter', 'private.extend_hold(uuid,integer,integer)'),
     ('callwaiting_payments', 'private.create_payment(uuid,text,integer,bigint,text,text)'),
     ('callwaiting_payments', 'private.payment_link_made(text,text)'),
     ('callwaiting_payments', 'private.payment_link_failed(text)'),
     ('callwaiting_payments', 'private.receive_payment_event(text,text,text,bigint,text,jsonb)'),
     ('callwaiting_payments', 'private.defer_payment_event(bigint,text)'),
     ('callwaiting_payments', 'private.apply_payment(bigint,text,bigint,text,bigint,text,text)'),
     ('callwaiting_worker', 'private.defer_payment_event(bigint,text)'),
     ('callwaiting_worker', 'private.apply_payment(bigint,text,bigint,text,bigint,text,text)'),
     ('callwaiting_worker', 'private.claim_payment_events(integer)'),
     ('callwaiting_worker', 'private.claim_pending_payments(integer)'),
     ('callwaiting_worker', 'private.expire_payments()'),
     ('callwaiting_worker', 'private.expire_reservations()'),
     ('callwaiting_worker', 'private.claim_expired_audio(integer)'),
     ('callwaiting_worker', 'private.audio_deleted(bytea)'),
     ('callwaiting_worker', 'private.purge_messages(integer)'),
     ('callwaiting_auth', 'private.sign_up(text,text,jsonb,integer,boolean,bytea)'),
     ('callwaiting_auth', 'private.sign_in(text,text,integer,bytea)'),
     ('callwaiting_auth', 'private.refresh_session(bytea,bytea,integer)'),
     ('callwaiting_auth', 'private."session_user"(uuid,uuid)'),
     ('callwaiting_auth', 'private.sign_out(uuid,uuid,text)'),
     ('callwaiting_auth', 'private.add_user(text,text,integer,jsonb)') $$,
  'every function is executable by exactly the role that needs it'
);

-- The roles themselves.
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
  $$ select role from pg_temp.roles
     where has_database_privilege(role, current_database(), 'create')
       or has_database_privilege(role, current_database(), 'temporary')
       or has_schema_privilege(role, 'public', 'create')
       or has_schema_privilege(role, 'private', 'create')
       or has_schema_privilege(role, 'extensions', 'create') $$,
  'no role of a request can create anything, not even a temporary table'
);
select set_has(
  $$ select unnest(setconfig) from pg_db_role_setting where setrole = 'callwaiting'::regrole $$,
  $$ values ('log_parameter_max_length=0'), ('log_parameter_max_length_on_error=0') $$,
  'bound parameters, passwords among them, stay out of the server log'
);

select * from finish();
rollback;
