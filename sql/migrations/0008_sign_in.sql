-- Signing in, for people without Supabase. Tokens are made by the server: a refresh token is 32 random bytes, of which
-- only the SHA-256 is known here. On Supabase these functions exist and are not called.

-- sessions: one sign-in. Its refresh tokens are one family: using one twice ends the session.
create table private.sessions (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  created_at timestamptz not null default now(),
  refreshed_at timestamptz not null default now(),
  revoked_at timestamptz,
  constraint sessions_pkey primary key (id),
  constraint sessions_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade
);
create index sessions_user_id_idx on private.sessions (user_id);

create table private.refresh_tokens (
  token_hash bytea not null
    constraint refresh_tokens_token_hash_check check (octet_length(token_hash) = 32),
  session_id uuid not null,
  created_at timestamptz not null default now(),
  used_at timestamptz,
  constraint refresh_tokens_pkey primary key (token_hash),
  constraint refresh_tokens_session_id_fkey foreign key (session_id)
    references private.sessions (id) on delete cascade
);
create index refresh_tokens_session_id_idx on private.refresh_tokens (session_id);

alter table private.sessions enable row level security;
alter table private.sessions force row level security;
alter table private.refresh_tokens enable row level security;
alter table private.refresh_tokens force row level security;
revoke all on table private.sessions, private.refresh_tokens from public, anon, authenticated, service_role;
comment on table private.sessions is
  'Not in schema auth, which on Supabase is not ours. Ends session_idle_limit() after its last refresh.';
comment on table private.refresh_tokens is 'SHA-256 of tokens. used_at is set by the one refresh that it is good for.';

create function private.session_idle_limit() returns interval
language sql immutable set search_path = ''
as $function$
  select interval '90 days'
$function$;

-- A person as GoTrue shows them: https://github.com/supabase/auth/blob/master/internal/models/user.go
create function private.user_json(person uuid) returns text
language sql stable security definer set search_path = ''
as $function$
  select (
    jsonb_strip_nulls(jsonb_build_object(
      'email_confirmed_at', t.email_confirmed_at,
      'confirmed_at', t.email_confirmed_at,
      'confirmation_sent_at', t.confirmation_sent_at,
      'last_sign_in_at', t.last_sign_in_at,
      'banned_until', t.banned_until
    ))
    || jsonb_build_object(
      'id', u.id,
      'aud', u.aud,
      'role', u.role,
      'email', coalesce(u.email, ''),
      'phone', coalesce(u.phone, ''),
      'app_metadata', u.raw_app_meta_data,
      'user_metadata', u.raw_user_meta_data,
      -- A client library takes an empty list for "this address was taken".
      'identities', jsonb_build_array(jsonb_build_object(
        'identity_id', u.id,
        'id', u.id,
        'user_id', u.id,
        'identity_data', jsonb_build_object(
          'sub', u.id,
          'email', coalesce(u.email, ''),
          'email_verified', u.email_confirmed_at is not null,
          'phone_verified', false
        ),
        'provider', 'email',
        'email', coalesce(u.email, ''),
        'last_sign_in_at', t.last_sign_in_at,
        'created_at', t.created_at,
        'updated_at', t.created_at
      )),
      'created_at', t.created_at,
      'updated_at', t.updated_at,
      'is_anonymous', coalesce(u.is_anonymous, false)
    )
  )::text
  from auth.users as u
  cross join lateral (
    select
      to_char(u.email_confirmed_at at time zone 'UTC', z.rfc3339) as email_confirmed_at,
      to_char(u.confirmation_sent_at at time zone 'UTC', z.rfc3339) as confirmation_sent_at,
      to_char(u.last_sign_in_at at time zone 'UTC', z.rfc3339) as last_sign_in_at,
      to_char(u.banned_until at time zone 'UTC', z.rfc3339) as banned_until,
      to_char(u.created_at at time zone 'UTC', z.rfc3339) as created_at,
      to_char(u.updated_at at time zone 'UTC', z.rfc3339) as updated_at
    from (values ('YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) as z (rfc3339)
  ) as t
  where u.id = user_json.person
$function$;

-- bcrypt looks at the first 72 bytes of a password; the server refuses longer ones.
create function private.bcrypt(password text, cost integer) returns text
language sql volatile security definer set search_path = ''
as $function$
  select extensions.crypt(
    bcrypt.password, extensions.gen_salt('bf', least(greatest(coalesce(bcrypt.cost, 10), 4), 16))
  )
$function$;

create function private.create_user(email text, password text, bcrypt_cost integer, data jsonb, confirmed boolean)
returns uuid
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  person uuid;
begin
  insert into auth.users as u (
    id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data,
    created_at, updated_at
  )
  values (
    gen_random_uuid(), 'authenticated', 'authenticated', lower(btrim(create_user.email)),
    private.bcrypt(create_user.password, create_user.bcrypt_cost),
    case when create_user.confirmed then now() end,
    '{"provider": "email", "providers": ["email"]}',
    case jsonb_typeof(create_user.data) when 'object' then create_user.data else '{}' end,
    now(), now()
  )
  on conflict do nothing
  returning u.id into person;
  return person; -- null: the address is taken
end
$function$;

-- A new session with its first refresh token. Dead sessions of the same person go on this occasion.
create function private.open_session(person uuid, refresh_hash bytea) returns uuid
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  session uuid;
begin
  delete from private.sessions as s
  where s.user_id = open_session.person
    and s.refreshed_at < now() - private.session_idle_limit();
  insert into private.sessions as s (user_id) values (open_session.person) returning s.id into session;
  insert into private.refresh_tokens (token_hash, session_id) values (open_session.refresh_hash, session);
  update auth.users as u set last_sign_in_at = now() where u.id = open_session.person;
  return session;
end
$function$;

create function private.sign_up(
  email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea
) returns table (outcome text, user_json text, session_id uuid)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  person uuid := private.create_user(
    sign_up.email, sign_up.password, sign_up.bcrypt_cost, sign_up.data, sign_up.confirm
  );
begin
  if person is null then
    outcome := 'exists';
  else
    outcome := 'unconfirmed';
    if sign_up.confirm then
      outcome := 'created';
      session_id := private.open_session(person, sign_up.refresh_hash);
    end if;
    user_json := private.user_json(person);
  end if;
  return next;
end
$function$;

create function private.add_user(email text, password text, bcrypt_cost integer, data jsonb)
returns table (outcome text, user_id uuid)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  user_id := private.create_user(add_user.email, add_user.password, add_user.bcrypt_cost, add_user.data, true);
  outcome := case when user_id is null then 'exists' else 'created' end;
  return next;
end
$function$;

-- Whether an address is known must not show, neither in the outcome nor in the time it takes: one bcrypt always, and
-- nothing about the account before the password is right.
create function private.sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea)
returns table (outcome text, user_json text, session_id uuid)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  person record;
  hash text;
begin
  select u.id, u.email_confirmed_at, u.banned_until, u.encrypted_password into person
  from auth.users as u
  where u.email = lower(btrim(sign_in.email))
    and u.deleted_at is null
    and not coalesce(u.is_sso_user, false)
    and u.encrypted_password ~ '^\$2[ax]\$' -- the bcrypts that pgcrypto knows; none for who signs in elsewhere
  limit 1;
  if person.id is null then
    perform private.bcrypt(sign_in.password, sign_in.bcrypt_cost);
    outcome := 'invalid';
  else
    hash := extensions.crypt(sign_in.password, person.encrypted_password);
    outcome := case
      when hash is distinct from person.encrypted_password then 'invalid'
      when person.banned_until > now() then 'banned'
      when person.email_confirmed_at is null then 'unconfirmed'
      else 'ok'
    end;
  end if;
  if outcome = 'ok' then
    session_id := private.open_session(person.id, sign_in.refresh_hash);
    user_json := private.user_json(person.id);
  end if;
  return next;
end
$function$;

-- Rotation: a token is good for one refresh. Used again within reuse_seconds it gives another token of the same
-- session, for clients that sent it twice at once; used again later, it was stolen from one of two, and the session
-- ends for both.
create function private.refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer)
returns table (outcome text, user_json text, session_id uuid)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  session record;
  used timestamptz;
begin
  -- The session is the lock: refreshes of one family come one after another.
  select s.id, s.user_id, s.refreshed_at, s.revoked_at, u.banned_until, u.deleted_at into session
  from private.sessions as s
  join auth.users as u on u.id = s.user_id
  where s.id = (select t.session_id from private.refresh_tokens as t where t.token_hash = refresh_session.refresh_hash)
  for no key update of s;
  if not found then
    outcome := 'not_found';
    return next;
    return;
  end if;
  select t.used_at into used from private.refresh_tokens as t where t.token_hash = refresh_session.refresh_hash;

  if session.revoked_at is not null then
    outcome := 'already_used';
  elsif session.refreshed_at < now() - private.session_idle_limit()
    or session.banned_until > now()
    or session.deleted_at is not null
  then
    outcome := 'session_expired';
  elsif used + make_interval(secs => greatest(coalesce(refresh_session.reuse_seconds, 0), 0)) < clock_timestamp() then
    update private.sessions as s set revoked_at = now() where s.id = session.id;
    outcome := 'already_used';
  else
    update private.refresh_tokens as t
    set used_at = clock_timestamp()
    where t.token_hash = refresh_session.refresh_hash and t.used_at is null;
    insert into private.refresh_tokens (token_hash, session_id)
    values (refresh_session.new_refresh_hash, session.id);
    -- Bounded: a token used a month ago is as good as unknown.
    delete from private.refresh_tokens as t
    where t.session_id = session.id and t.used_at < now() - interval '30 days';
    update private.sessions as s set refreshed_at = now() where s.id = session.id;
    outcome := 'ok';
    user_json := private.user_json(session.user_id);
    refresh_session.session_id := session.id;
  end if;
  return next;
end
$function$;

-- GET /auth/v1/user: a token is good while its session is. (A keyword of SQL, so only ever with its schema.)
create function private.session_user(user_id uuid, session_id uuid) returns table (outcome text, user_json text)
language plpgsql stable security definer set search_path = ''
as $function$
begin
  user_json := (
    select private.user_json(u.id)
    from auth.users as u
    where u.id = "session_user".user_id and u.deleted_at is null
  );
  if user_json is null then
    outcome := 'user_not_found';
  elsif exists (
    select
    from private.sessions as s
    where s.id = "session_user".session_id
      and s.user_id = "session_user".user_id
      and s.revoked_at is null
      and s.refreshed_at >= now() - private.session_idle_limit()
  ) then
    outcome := 'ok';
  else
    outcome := 'session_not_found';
    user_json := null;
  end if;
  return next;
end
$function$;

-- scope: local ends this session, others every other one, anything else (global) all of them.
create function private.sign_out(user_id uuid, session_id uuid, scope text) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  delete from private.sessions as s
  where s.user_id = sign_out.user_id
    and case sign_out.scope
      when 'local' then s.id = sign_out.session_id
      when 'others' then s.id is distinct from sign_out.session_id
      else true
    end;
  outcome := 'ok';
  return next;
end
$function$;

revoke all on function
  private.session_idle_limit(),
  private.user_json(uuid),
  private.bcrypt(text, integer),
  private.create_user(text, text, integer, jsonb, boolean),
  private.open_session(uuid, bytea),
  private.sign_up(text, text, jsonb, integer, boolean, bytea),
  private.add_user(text, text, integer, jsonb),
  private.sign_in(text, text, integer, bytea),
  private.refresh_session(bytea, bytea, integer),
  private.session_user(uuid, uuid),
  private.sign_out(uuid, uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function
  private.sign_up(text, text, jsonb, integer, boolean, bytea),
  private.add_user(text, text, integer, jsonb),
  private.sign_in(text, text, integer, bytea),
  private.refresh_session(bytea, bytea, integer),
  private.session_user(uuid, uuid),
  private.sign_out(uuid, uuid, text)
  to callwaiting_auth;
