-- Schema auth as it is found on Supabase: its own tables, of another owner. Only what our migrations touch.

do $roles$
begin
  if not exists (select from pg_roles where rolname = 'supabase_auth_admin') then
    create role supabase_auth_admin nologin noinherit;
  end if;
end
$roles$;

create schema auth authorization supabase_auth_admin;
create schema extensions;
create extension pgcrypto with schema extensions;
grant usage on schema extensions to callwaiting_owner, anon, authenticated, service_role;
grant usage on schema auth to callwaiting_owner, anon, authenticated, service_role;
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
grant all on all tables in schema auth to callwaiting_owner;
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;
-- Somebody who was there before us, with a social login.
insert into auth.users (id, email, email_confirmed_at, raw_user_meta_data, created_at)
values ('00000000-0000-4000-8000-00000000000a', 'before@supabase.test', now(), '{"full_name": "Bea Fore"}', now());
reset role;
