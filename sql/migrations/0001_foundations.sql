-- What everything else stands on: the schemas, pgcrypto, the settings that functions read, and, elsewhere than on
-- Supabase, a compatible minimum of schema `auth`.

create schema if not exists private;
revoke all on schema private from public, anon, authenticated, service_role;
grant usage on schema private to anon, authenticated;
grant usage on schema private
  to callwaiting_agent, callwaiting_meter, callwaiting_payments, callwaiting_auth, callwaiting_worker;
comment on schema private is
  'Functions that the server calls, each executable by one role, and tables that no client may see. Never exposed.';

create schema if not exists extensions;
create extension if not exists pgcrypto with schema extensions;

do $check$
begin
  if to_regprocedure('extensions.crypt(text, text)') is null then
    raise exception 'pgcrypto is installed, but not in schema extensions'
      using hint = 'As a superuser: alter extension pgcrypto set schema extensions';
  end if;
end
$check$;

-- settings: what SQL needs to know of the server's environment. `callwaiting migrate` writes it, functions read it.
create table private.settings (
  name text not null
    constraint settings_name_check check (name in ('trial_minutes', 'public_url')),
  value text not null
    constraint settings_value_check check (char_length(value) <= 2000),
  constraint settings_pkey primary key (name),
  constraint settings_trial_minutes_check check (name <> 'trial_minutes' or value ~ '^[0-9]{1,6}$'),
  constraint settings_public_url_check check (name <> 'public_url' or value ~ '^https?://[^/].*[^/]$')
);
alter table private.settings enable row level security;
alter table private.settings force row level security;
revoke all on table private.settings from public, anon, authenticated, service_role;
-- No policy and no grant: only the owner reads and writes it.
comment on table private.settings is
  'trial_minutes (given with a confirmed e-mail) and public_url (this server''s base address, no slash at the end).';

insert into private.settings (name, value) values ('trial_minutes', '60');

do $auth$
begin
  if to_regclass('auth.users') is not null then
    return; -- Supabase: its own tables and functions are used as they are.
  end if;

  create schema if not exists auth;
  revoke all on schema auth from public;
  grant usage on schema auth to anon, authenticated, service_role;

  -- users: the columns of Supabase's auth.users that anything here, or GoTrue's User object, is made from.
  create table auth.users (
    instance_id uuid,
    id uuid not null default gen_random_uuid(),
    aud text not null default 'authenticated',
    role text not null default 'authenticated',
    email text
      constraint users_email_check check (email = lower(email) and char_length(email) between 3 and 254),
    encrypted_password text,
    email_confirmed_at timestamptz,
    invited_at timestamptz,
    confirmation_sent_at timestamptz,
    recovery_sent_at timestamptz,
    last_sign_in_at timestamptz,
    raw_app_meta_data jsonb not null default '{"provider": "email", "providers": ["email"]}',
    raw_user_meta_data jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    phone text,
    phone_confirmed_at timestamptz,
    confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
    banned_until timestamptz,
    is_sso_user boolean not null default false,
    deleted_at timestamptz,
    is_anonymous boolean not null default false,
    constraint users_pkey primary key (id),
    constraint users_email_key unique (email)
  );
  alter table auth.users enable row level security;
  alter table auth.users force row level security;
  revoke all on table auth.users from public, anon, authenticated, service_role;
  comment on table auth.users is
    'People who can sign in; a compatible minimum of Supabase''s table. Passwords are bcrypt. No client may see it.';

  create function auth.jwt() returns jsonb
  language sql stable set search_path = ''
  as $function$
    select coalesce(
      nullif(current_setting('request.jwt.claim', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
  $function$;

  create function auth.uid() returns uuid
  language sql stable set search_path = ''
  as $function$
    select coalesce(
      nullif(current_setting('request.jwt.claim.sub', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
  $function$;

  create function auth.role() returns text
  language sql stable set search_path = ''
  as $function$
    select coalesce(
      nullif(current_setting('request.jwt.claim.role', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
    )
  $function$;

  create function auth.email() returns text
  language sql stable set search_path = ''
  as $function$
    select coalesce(
      nullif(current_setting('request.jwt.claim.email', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
    )
  $function$;

  revoke all on function auth.jwt(), auth.uid(), auth.role(), auth.email() from public;
  grant execute on function auth.jwt(), auth.uid(), auth.role(), auth.email() to anon, authenticated, service_role;
end
$auth$;
