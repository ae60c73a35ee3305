-- A database as it is found on Supabase: its roles, its schemas `auth` and `extensions`, its default privileges, as far as
-- our migrations touch them or could trip over them. Run by a superuser, who is Supabase's own supabase_admin; what a
-- project's operator logs in as, `postgres`, is no superuser there and is called supabase_postgres here.

do $roles$
declare
  role_name text;
begin
  foreach role_name in array array['anon', 'authenticated', 'service_role', 'supabase_auth_admin', 'authenticator'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I nologin noinherit', role_name);
    end if;
  end loop;
  alter role service_role bypassrls;
  if not exists (select from pg_roles where rolname = 'supabase_postgres') then
    create role supabase_postgres nologin;
  end if;
  alter role supabase_postgres nosuperuser createdb createrole replication bypassrls;
  -- From Postgres 16 on, who may create roles may grant only those that they administer.
  foreach role_name in array array[
    'anon', 'authenticated', 'service_role', 'authenticator', 'callwaiting_agent', 'callwaiting_meter',
    'callwaiting_payments', 'callwaiting_auth', 'callwaiting_worker', 'callwaiting'
  ] loop
    if exists (select from pg_roles where rolname = role_name) then
      execute format('grant %I to supabase_postgres with admin option', role_name);
    end if;
  end loop;
  grant anon, authenticated, service_role to authenticator;
  execute format('alter database %I owner to supabase_postgres', current_database());
end
$roles$;

grant usage on schema public to supabase_postgres, anon, authenticated, service_role;
alter default privileges for role supabase_postgres in schema public
  grant all on tables to supabase_postgres, anon, authenticated, service_role;
alter default privileges for role supabase_postgres in schema public
  grant all on functions to supabase_postgres, anon, authenticated, service_role;
alter default privileges for role supabase_postgres in schema public
  grant all on sequences to supabase_postgres, anon, authenticated, service_role;

create schema extensions;
create extension pgcrypto with schema extensions;
grant all on schema extensions to supabase_postgres;
grant usage on schema extensions to anon, authenticated, service_role;

create schema auth authorization supabase_auth_admin;
grant usage on schema auth to supabase_postgres, anon, authenticated, service_role;
set role supabase_auth_admin;
create table auth.users (
  instance_id uuid,
  id uuid not null primary key,
  aud varchar(255),
  role varchar(255),
  email varchar(255),
  encrypted_password varchar(255),
  email_confirmed_at timestamptz,
  invited_at timestamptz,
  confirmation_token varchar(255),
  confirmation_sent_at timestamptz,
  recovery_token varchar(255),
  recovery_sent_at timestamptz,
  email_change varchar(255),
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  is_super_admin boolean,
  created_at timestamptz,
  updated_at timestamptz,
  phone text unique default null,
  phone_confirmed_at timestamptz,
  confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
  banned_until timestamptz,
  is_sso_user boolean not null default false,
  deleted_at timestamptz,
  is_anonymous boolean not null default false
);
alter table auth.users enable row level security;
create unique index users_email_partial_key on auth.users (email) where is_sso_user = false;
create table auth.sessions (id uuid not null primary key, user_id uuid not null references auth.users (id));
create table auth.refresh_tokens (id bigserial primary key, token varchar(255));
grant all on all tables in schema auth to supabase_postgres;
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;
create function auth.role() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
  )::text
$$;
create function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''), nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;
-- Somebody who was there before us, with a social login.
insert into auth.users (id, email, email_confirmed_at, raw_user_meta_data, created_at)
values ('00000000-0000-4000-8000-00000000000a', 'before@supabase.test', now(), '{"full_name": "Bea Fore"}', now());
reset role;
