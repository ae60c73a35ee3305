-- Made by sql/dump from sql/migrations; do not edit.
-- PostgreSQL database dump

-- Name: auth; Type: SCHEMA; Schema: -; Owner: callwaiting_owner

CREATE SCHEMA auth;

ALTER SCHEMA auth OWNER TO callwaiting_owner;

-- Name: extensions; Type: SCHEMA; Schema: -; Owner: callwaiting_owner

CREATE SCHEMA extensions;

ALTER SCHEMA extensions OWNER TO callwaiting_owner;

-- Name: private; Type: SCHEMA; Schema: -; Owner: callwaiting_owner

CREATE SCHEMA private;

ALTER SCHEMA private OWNER TO callwaiting_owner;

-- Name: SCHEMA private; Type: COMMENT; Schema: -; Owner: callwaiting_owner

COMMENT ON SCHEMA private IS 'Functions that the server calls, each executable by one role, and tables that no client may see. Never exposed.';

-- Name: pgcrypto; Type: EXTENSION; Schema: -; Owner: -

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA extensions;

-- Name: EXTENSION pgcrypto; Type: COMMENT; Schema: -; Owner: 

COMMENT ON EXTENSION pgcrypto IS 'cryptographic functions';

-- Name: email(); Type: FUNCTION; Schema: auth; Owner: callwaiting_owner

CREATE FUNCTION auth.email() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select coalesce(
      nullif(current_setting('request.jwt.claim.email', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
    )
  $$;

ALTER FUNCTION auth.email() OWNER TO callwaiting_owner;

-- Name: jwt(); Type: FUNCTION; Schema: auth; Owner: callwaiting_owner

CREATE FUNCTION auth.jwt() RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select coalesce(
      nullif(current_setting('request.jwt.claim', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
  $$;

ALTER FUNCTION auth.jwt() OWNER TO callwaiting_owner;

-- Name: role(); Type: FUNCTION; Schema: auth; Owner: callwaiting_owner

CREATE FUNCTION auth.role() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select coalesce(
      nullif(current_setting('request.jwt.claim.role', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
    )
  $$;

ALTER FUNCTION auth.role() OWNER TO callwaiting_owner;

-- Name: uid(); Type: FUNCTION; Schema: auth; Owner: callwaiting_owner

CREATE FUNCTION auth.uid() RETURNS uuid
    LANGUAGE sql STABLE
    RETURN (COALESCE(NULLIF(current_setting('request.jwt.claim.sub'::text, true), ''::text), ((NULLIF(current_setting('request.jwt.claims'::text, true), ''::text))::jsonb ->> 'sub'::text)))::uuid;

ALTER FUNCTION auth.uid() OWNER TO callwaiting_owner;

-- Name: abandon_hold(uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.abandon_hold(reservation_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  hold record;
begin
  perform from public.workspaces as w
  where w.id = (select r.workspace_id from public.usage_reservations as r where r.id = abandon_hold.reservation_id)
  for no key update;
  select r.workspace_id, r.state, r.seconds_held into hold
  from public.usage_reservations as r
  where r.id = abandon_hold.reservation_id
  for update;
  if hold.state in ('held', 'expired') then
    update public.usage_reservations as r set state = 'released' where r.id = abandon_hold.reservation_id;
  end if;
  if hold.state = 'held' then
    update public.workspaces as w
    set seconds_reserved = w.seconds_reserved - hold.seconds_held
    where w.id = hold.workspace_id;
  end if;
end
$$;

ALTER FUNCTION private.abandon_hold(reservation_id uuid) OWNER TO callwaiting_owner;

-- Name: workspaces; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.workspaces (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    plan text DEFAULT 'trial'::text NOT NULL,
    minutes_quota integer DEFAULT 0 NOT NULL,
    seconds_used bigint DEFAULT 0 NOT NULL,
    seconds_reserved bigint DEFAULT 0 NOT NULL,
    period_end timestamp with time zone,
    closed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT workspaces_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT workspaces_plan_check CHECK ((plan = ANY (ARRAY['trial'::text, 'basic'::text, 'pro'::text, 'enterprise'::text]))),
    CONSTRAINT workspaces_seconds_left_check CHECK (((seconds_used + seconds_reserved) <= ((minutes_quota)::bigint * 60))),
    CONSTRAINT workspaces_seconds_reserved_check CHECK ((seconds_reserved >= 0)),
    CONSTRAINT workspaces_seconds_used_check CHECK ((seconds_used >= 0))
)
WITH (fillfactor='70');

ALTER TABLE ONLY public.workspaces FORCE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces OWNER TO callwaiting_owner;

-- Name: TABLE workspaces; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.workspaces IS 'Tenant and meter. minutes_quota = sum(grants.minutes); seconds_used = sum(usage_logs.seconds); what is left is 60 * minutes_quota - seconds_used - seconds_reserved. period_end is null on the trial. Times in UTC.';

-- Name: acting_on(uuid, text[]); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.acting_on(workspace uuid, roles text[]) RETURNS public.workspaces
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  caller constant uuid := auth.uid();
  found_one public.workspaces;
begin
  if acting_on.workspace is null then
    select w.* into found_one
    from public.memberships as m
    join public.workspaces as w on w.id = m.workspace_id
    where m.user_id = caller
      and m.role = 'owner'
      and m.role = any (acting_on.roles)
      and w.closed_at is null
    order by w.created_at, w.id
    limit 1;
  else
    select w.* into found_one
    from public.memberships as m
    join public.workspaces as w on w.id = m.workspace_id
    where m.workspace_id = acting_on.workspace
      and m.user_id = caller
      and m.role = any (acting_on.roles)
      and w.closed_at is null;
  end if;
  return found_one;
end
$$;

ALTER FUNCTION private.acting_on(workspace uuid, roles text[]) OWNER TO callwaiting_owner;

-- Name: acting_workspace(uuid, text[]); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.acting_workspace(workspace uuid, roles text[]) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return (private.acting_on(workspace, roles)).id;
end
$$;

ALTER FUNCTION private.acting_workspace(workspace uuid, roles text[]) OWNER TO callwaiting_owner;

-- Name: add_grant(uuid, integer, text, uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.add_grant(workspace uuid, minutes integer, cause text, subscription uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  update public.workspaces as w
  set minutes_quota = w.minutes_quota + add_grant.minutes
  where w.id = add_grant.workspace;
  insert into public.grants (workspace_id, minutes, cause, subscription_id)
  values (add_grant.workspace, add_grant.minutes, add_grant.cause, add_grant.subscription);
$$;

ALTER FUNCTION private.add_grant(workspace uuid, minutes integer, cause text, subscription uuid) OWNER TO callwaiting_owner;

-- Name: add_user(text, text, integer, jsonb); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.add_user(email text, password text, bcrypt_cost integer, data jsonb) RETURNS TABLE(outcome text, user_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  user_id := private.create_user(add_user.email, add_user.password, add_user.bcrypt_cost, add_user.data, true);
  outcome := case when user_id is null then 'exists' else 'created' end;
  return next;
end
$$;

ALTER FUNCTION private.add_user(email text, password text, bcrypt_cost integer, data jsonb) OWNER TO callwaiting_owner;

-- Name: address_bucket(text, inet); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.address_bucket(action text, address inet) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO ''
    AS $$
  select address_bucket.action || ' ' || case
    when family(address) = 6 and not address <<= '::ffff:0.0.0.0/96'::inet
      then network(set_masklen(address, 64))::text
    else host(address)
  end
$$;

ALTER FUNCTION private.address_bucket(action text, address inet) OWNER TO callwaiting_owner;

-- Name: admit_agent(uuid, bytea, integer, integer, uuid, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer) RETURNS TABLE(outcome text, reservation_id uuid, held integer, name text, system_prompt text, voice_id text, conversation_id uuid, history text, remaining bigint)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select a.outcome, a.reservation_id, a.held, a.name, a.system_prompt, a.voice_id, a.conversation_id, a.history, a.remaining
  from private.admit_agent(
    admit_agent.agent_id, admit_agent.key_hash, admit_agent.estimate_seconds, admit_agent.lease_seconds,
    admit_agent.conversation, admit_agent.history_limit, null, null
  ) as a
$$;

ALTER FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer) OWNER TO callwaiting_owner;

-- Name: admit_agent(uuid, bytea, integer, integer, uuid, integer, integer, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer, per_minute integer, at_once integer) RETURNS TABLE(outcome text, reservation_id uuid, held integer, name text, system_prompt text, voice_id text, conversation_id uuid, history text, remaining bigint, retry_after integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  agent constant record := private.calling_agent(admit_agent.agent_id, admit_agent.key_hash);
  taken record;
  spoken_in uuid;
  made record;
begin
  if agent.id is null then
    outcome := 'unauthorized';
    return next;
    return;
  end if;
  taken := private.take('key ' || agent.key_id, admit_agent.per_minute);
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;

  if admit_agent.conversation is not null then
    select c.id into spoken_in
    from public.conversations as c
    where c.id = admit_agent.conversation and c.agent_id = agent.id;
    if not found then
      outcome := 'unknown_conversation';
      return next;
      return;
    end if;
  else
    spoken_in := encode(extensions.gen_random_bytes(16), 'hex')::uuid;
  end if;

  made := private.hold(
    agent.workspace_id, agent.user_id, agent.id, spoken_in, admit_agent.estimate_seconds, admit_agent.lease_seconds,
    admit_agent.at_once
  );
  held := made.held;
  remaining := made.remaining;
  outcome := made.outcome;
  if outcome = 'forbidden' then
    outcome := 'unauthorized'; -- closed while we waited for its row
  elsif outcome = 'ok' then
    reservation_id := made.reservation_id;
    name := agent.name;
    system_prompt := agent.system_prompt;
    voice_id := agent.voice_id;
    conversation_id := spoken_in;
    history := private.history(admit_agent.conversation, admit_agent.history_limit);
    if agent.last_used_at is null or agent.last_used_at < now() - interval '1 minute' then
      update public.api_keys as k set last_used_at = now() where k.id = agent.key_id;
    end if;
  end if;
  return next;
end
$$;

ALTER FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer, per_minute integer, at_once integer) OWNER TO callwaiting_owner;

-- Name: admit_agent(uuid, bytea, integer, integer, uuid, integer, integer, integer, bytea, bytea); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer, per_minute integer, at_once integer, idempotency_key bytea, fingerprint bytea) RETURNS TABLE(outcome text, reservation_id uuid, held integer, name text, system_prompt text, voice_id text, conversation_id uuid, history text, remaining bigint, retry_after integer, usage_id uuid, charged integer, reserved bigint, milliseconds bigint, audio_id bytea, audio_expires bigint, reply_text text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  owner constant text := 'agent ' || admit_agent.agent_id;
  bucket constant uuid := (private.calling_agent(admit_agent.agent_id, admit_agent.key_hash)).key_id;
  taken record;
  claim record;
  admitted record;
begin
  if bucket is null then
    outcome := 'unauthorized';
    return next;
    return;
  end if;
  taken := private.take('key ' || bucket, admit_agent.per_minute);
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;

  claim := private.claim_key(
    owner, admit_agent.idempotency_key, admit_agent.fingerprint, admit_agent.lease_seconds
  );
  if claim.outcome = 'replayed' then
    select r.usage_id, r.seconds_charged, r.reserved_after, r.remaining_after, r.conversation_id
    into admit_agent.usage_id, charged, reserved, admit_agent.remaining, admit_agent.conversation_id
    from public.usage_reservations as r
    where r.id = (claim.known).reservation_id;
    milliseconds := (claim.known).milliseconds;
    audio_id := (claim.known).audio_id;
    audio_expires := extract(epoch from (claim.known).audio_expires);
    reply_text := (claim.known).reply_text;
  end if;
  if claim.outcome <> 'claimed' then
    outcome := claim.outcome;
    return next;
    return;
  end if;

  select a.* into admitted
  from private.admit_agent(
    admit_agent.agent_id, admit_agent.key_hash, admit_agent.estimate_seconds, admit_agent.lease_seconds,
    admit_agent.conversation, admit_agent.history_limit, null, admit_agent.at_once
  ) as a;
  outcome := admitted.outcome;
  reservation_id := admitted.reservation_id;
  held := admitted.held;
  name := admitted.name;
  system_prompt := admitted.system_prompt;
  voice_id := admitted.voice_id;
  conversation_id := admitted.conversation_id;
  history := admitted.history;
  remaining := admitted.remaining;
  if outcome = 'ok' then
    update private.idempotency_keys as k
    set reservation_id = admit_agent.reservation_id
    where k.scope = owner and k.key_hash = admit_agent.idempotency_key;
  else
    perform private.forget_key(owner, admit_agent.idempotency_key);
  end if;
  return next;
end
$$;

ALTER FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer, per_minute integer, at_once integer, idempotency_key bytea, fingerprint bytea) OWNER TO callwaiting_owner;

-- Name: admit_user(uuid, integer, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer) RETURNS TABLE(outcome text, reservation_id uuid, held integer, remaining bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  acting uuid := private.acting_workspace(admit_user.workspace, array['owner', 'admin', 'member']);
begin
  return query
    select h.outcome, h.reservation_id, h.held, h.remaining
    from private.hold(acting, auth.uid(), null, null, admit_user.estimate_seconds, admit_user.lease_seconds) as h;
end
$$;

ALTER FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer) OWNER TO callwaiting_owner;

-- Name: admit_user(uuid, integer, integer, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer) RETURNS TABLE(outcome text, reservation_id uuid, held integer, remaining bigint, retry_after integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  taken record := private.take('speech ' || auth.uid(), admit_user.per_minute);
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.admit_user(admit_user.workspace, admit_user.estimate_seconds, admit_user.lease_seconds) as a;
end
$$;

ALTER FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer) OWNER TO callwaiting_owner;

-- Name: admit_user(uuid, integer, integer, integer, bytea, bytea); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer, idempotency_key bytea, fingerprint bytea) RETURNS TABLE(outcome text, reservation_id uuid, held integer, remaining bigint, retry_after integer, usage_id uuid, charged integer, reserved bigint, milliseconds bigint, audio_id bytea, audio_expires bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  owner constant text := 'user ' || auth.uid();
  taken record := private.take('speech ' || auth.uid(), admit_user.per_minute);
  claim record;
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  if private.acting_workspace(admit_user.workspace, array['owner', 'admin', 'member']) is null then
    outcome := 'forbidden';
    return next;
    return;
  end if;

  claim := private.claim_key(
    owner, admit_user.idempotency_key, admit_user.fingerprint, admit_user.lease_seconds
  );
  if claim.outcome = 'replayed' then
    select r.usage_id, r.seconds_charged, r.reserved_after, r.remaining_after
    into admit_user.usage_id, charged, reserved, admit_user.remaining
    from public.usage_reservations as r
    where r.id = (claim.known).reservation_id;
    milliseconds := (claim.known).milliseconds;
    audio_id := (claim.known).audio_id;
    audio_expires := extract(epoch from (claim.known).audio_expires);
  end if;
  if claim.outcome <> 'claimed' then
    outcome := claim.outcome;
    return next;
    return;
  end if;

  select a.outcome, a.reservation_id, a.held, a.remaining
  into admit_user.outcome, admit_user.reservation_id, admit_user.held, admit_user.remaining
  from private.admit_user(admit_user.workspace, admit_user.estimate_seconds, admit_user.lease_seconds) as a;
  if outcome = 'ok' then
    update private.idempotency_keys as k
    set reservation_id = admit_user.reservation_id
    where k.scope = owner and k.key_hash = admit_user.idempotency_key;
  else
    perform private.forget_key(owner, admit_user.idempotency_key);
  end if;
  return next;
end
$$;

ALTER FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer, idempotency_key bytea, fingerprint bytea) OWNER TO callwaiting_owner;

-- Name: agents; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.agents (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    workspace_id uuid NOT NULL,
    user_id uuid,
    name text NOT NULL,
    system_prompt text NOT NULL,
    voice_id text NOT NULL,
    webhook_secret text DEFAULT encode(extensions.gen_random_bytes(32), 'hex'::text) NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    is_active boolean GENERATED ALWAYS AS ((status = 'active'::text)) STORED NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT agents_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT agents_status_check CHECK ((status = ANY (ARRAY['active'::text, 'paused'::text, 'deleted'::text]))),
    CONSTRAINT agents_system_prompt_check CHECK (((char_length(system_prompt) >= 1) AND (char_length(system_prompt) <= 8000))),
    CONSTRAINT agents_voice_id_check CHECK ((voice_id = ANY (ARRAY['professional_f'::text, 'professional_m'::text, 'soft_f'::text, 'warm_m'::text])))
);

ALTER TABLE ONLY public.agents FORCE ROW LEVEL SECURITY;

ALTER TABLE public.agents OWNER TO callwaiting_owner;

-- Name: TABLE agents; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.agents IS 'A voice agent. Never deleted, since the usage ledger points at it: status says deleted.';

-- Name: COLUMN agents.user_id; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON COLUMN public.agents.user_id IS 'Who made it; null when that account is gone.';

-- Name: agent_object(public.agents); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.agent_object(agent public.agents) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return jsonb_build_object(
    'agentId', agent.id,
    'name', agent.name,
    'systemPrompt', agent.system_prompt,
    'voiceId', agent.voice_id,
    'status', agent.status,
    'createdAt', private.rfc3339(agent.created_at),
    'lastUsedAt', private.rfc3339((select max(k.last_used_at) from public.api_keys as k where k.agent_id = agent.id))
  );
end
$$;

ALTER FUNCTION private.agent_object(agent public.agents) OWNER TO callwaiting_owner;

-- Name: apply_payment(bigint, text, bigint, text, bigint, text, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  payment public.subscriptions;
  seen public.payment_transactions;
  meter record;
  said text := lower(coalesce(apply_payment.status, ''));
  back integer;
  until timestamptz;
begin
  -- The workspace first, as metering does.
  select w.id, w.period_end, w.minutes_quota::bigint * 60 - w.seconds_used - w.seconds_reserved as unspent into meter
  from public.workspaces as w
  where w.id = (select s.workspace_id from public.subscriptions as s where s.tx_ref = apply_payment.tx_ref)
  for no key update;
  if found then
    select s.* into payment from public.subscriptions as s where s.tx_ref = apply_payment.tx_ref for update;
    if apply_payment.transaction_id is not null then
      insert into public.payment_transactions as t (
        transaction_id, subscription_id, status, amount_minor, currency, flw_ref
      )
      values (
        apply_payment.transaction_id, payment.id, left(said, 100), apply_payment.amount_minor,
        left(apply_payment.currency, 10), left(apply_payment.flw_ref, 200)
      )
      on conflict on constraint payment_transactions_pkey do nothing;
      select t.* into seen
      from public.payment_transactions as t
      where t.transaction_id = apply_payment.transaction_id
      for update;
    end if;
  end if;

  outcome := case
    when payment.id is null then 'unknown_reference'
    when seen.subscription_id <> payment.id then 'duplicate_transaction'
    when seen.effect = 'refunded' then 'refunded'

    when said = 'successful' then case
      when payment.flw_transaction_id = seen.transaction_id then
        case payment.status when 'refunded' then 'refunded' else 'already_active' end
      when seen.effect = 'duplicate' then 'duplicate_transaction'
      when seen.transaction_id is null
        or apply_payment.currency is distinct from payment.currency
        or coalesce(apply_payment.amount_minor, 0) < payment.amount_minor then 'mismatch'
      when payment.status in ('active', 'refunded') then 'duplicate_transaction'
      else 'activated'
    end

    when said in ('refunded', 'reversed')
      and (
        (payment.status = 'active' and coalesce(seen.transaction_id, payment.flw_transaction_id)
          = payment.flw_transaction_id)
        or seen.effect = 'duplicate'
      ) then 'refunded'

    when payment.status = 'active' then 'already_active'
    when payment.status = 'refunded' then 'refunded'
    when said in ('failed', 'cancelled', 'refunded', 'reversed') then 'failed'
    else 'pending'
  end;

  if outcome = 'activated' then
    until := (greatest(meter.period_end, now()) at time zone 'UTC' + interval '1 month') at time zone 'UTC';
    update public.subscriptions as s
    set status = 'active',
      flw_transaction_id = seen.transaction_id,
      flw_ref = seen.flw_ref,
      activated_at = now(),
      period_end = until
    where s.id = payment.id;
    perform private.add_grant(payment.workspace_id, payment.minutes, 'payment', payment.id);
    update public.workspaces as w
    set period_end = until,
      plan = (
        select s.plan
        from public.subscriptions as s
        where s.workspace_id = payment.workspace_id and s.status in ('active', 'refunded')
        order by s.flw_transaction_id desc
        limit 1
      )
    where w.id = payment.workspace_id;

  elsif outcome = 'refunded' and payment.status = 'active'
    and coalesce(seen.transaction_id, payment.flw_transaction_id) = payment.flw_transaction_id
  then
    -- At most the whole minutes that are left: what is spent or held stays paid for.
    back := least(payment.minutes, meter.unspent / 60);
    update public.subscriptions as s set status = 'refunded', refunded_at = now() where s.id = payment.id;
    update public.payment_transactions as t
    set effect = 'refunded', updated_at = now()
    where t.transaction_id = payment.flw_transaction_id;
    if back > 0 then
      perform private.add_grant(payment.workspace_id, -back, 'refund', payment.id);
    end if;

  elsif outcome = 'failed' and payment.status = 'pending' then
    update public.subscriptions as s
    set status = case said when 'cancelled' then 'cancelled' else 'failed' end
    where s.id = payment.id;
  end if;

  if seen.subscription_id = payment.id then
    update public.payment_transactions as t
    set status = left(said, 100),
      effect = case
        when outcome in ('activated', 'mismatch', 'refunded') then outcome
        when outcome = 'duplicate_transaction' then 'duplicate'
        else t.effect
      end,
      updated_at = now()
    where t.transaction_id = seen.transaction_id;
  end if;

  if outcome = 'pending' then
    perform private.defer_payment_event(apply_payment.event_id, 'pending');
  else
    update public.payment_events as e
    set processed_at = now(), outcome = apply_payment.outcome
    where e.id = apply_payment.event_id and e.processed_at is null;
  end if;
  return next;
end
$$;

ALTER FUNCTION private.apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text) OWNER TO callwaiting_owner;

-- Name: apply_payment(bigint, text, bigint, text, bigint, text, text, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text, asker text) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform set_config(
    'callwaiting.cause',
    format(
      'verify said %s of transaction %s, asked by %s', left(coalesce(apply_payment.status, 'nothing'), 50),
      coalesce(apply_payment.transaction_id::text, 'unknown'),
      left(apply_payment.asker, 50) || coalesce(' for event ' || apply_payment.event_id, '')
    ),
    true
  );
  return query
    select a.outcome
    from private.apply_payment(
      apply_payment.event_id, apply_payment.tx_ref, apply_payment.transaction_id, apply_payment.status,
      apply_payment.amount_minor, apply_payment.currency, apply_payment.flw_ref
    ) as a;
end
$$;

ALTER FUNCTION private.apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text, asker text) OWNER TO callwaiting_owner;

-- Name: audio_deleted(bytea); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.audio_deleted(audio_id bytea) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  update public.audio_files as f
  set deleted_at = now(), claimed_until = null
  where f.id = audio_deleted.audio_id and f.deleted_at is null;
  outcome := 'ok';
  return next;
end
$$;

ALTER FUNCTION private.audio_deleted(audio_id bytea) OWNER TO callwaiting_owner;

-- Name: audio_state(bytea); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.audio_state(audio_id bytea) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  select case when f.deleted_at is null and f.expires_at > now() then 'ok' else 'gone' end into outcome
  from public.audio_files as f
  where f.id = audio_state.audio_id;
  outcome := coalesce(outcome, 'not_found');
  return next;
end
$$;

ALTER FUNCTION private.audio_state(audio_id bytea) OWNER TO callwaiting_owner;

-- Name: bcrypt(text, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.bcrypt(password text, cost integer) RETURNS text
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select extensions.crypt(
    bcrypt.password, extensions.gen_salt('bf', least(greatest(coalesce(bcrypt.cost, 10), 4), 16))
  )
$$;

ALTER FUNCTION private.bcrypt(password text, cost integer) OWNER TO callwaiting_owner;

-- Name: books(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.books() RETURNS TABLE(workspaces bigint, usage_rows bigint, grants bigint, dead_letters bigint, oldest_dead_letter bigint, stale_holds bigint, unplaced_payments bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select
    (select count(*) from public.workspaces),
    (select count(*) from public.usage_logs),
    (select count(*) from public.grants),
    (
      select count(*)
      from public.payment_events as e
      where e.processed_at is null and e.attempts >= private.event_attempts()
    ),
    (
      select min(e.id)
      from public.payment_events as e
      where e.processed_at is null and e.attempts >= private.event_attempts()
    ),
    (
      select count(*)
      from public.usage_reservations as r
      where r.state = 'held' and r.expires_at < now() - interval '15 minutes'
    ),
    (select count(*) from public.payment_transactions as t where t.effect in ('duplicate', 'mismatch'))
$$;

ALTER FUNCTION private.books() OWNER TO callwaiting_owner;

-- Name: calling_agent(uuid, bytea); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.calling_agent(agent_id uuid, key_hash bytea, OUT id uuid, OUT workspace_id uuid, OUT user_id uuid, OUT name text, OUT system_prompt text, OUT voice_id text, OUT key_id uuid, OUT last_used_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  select a.id, a.workspace_id, a.user_id, a.name, a.system_prompt, a.voice_id, k.id, k.last_used_at
  into calling_agent.id, calling_agent.workspace_id, calling_agent.user_id, calling_agent.name,
    calling_agent.system_prompt, calling_agent.voice_id, key_id, calling_agent.last_used_at
  from public.api_keys as k
  join public.agents as a on a.id = k.agent_id
  join public.workspaces as w on w.id = a.workspace_id
  where k.key_hash = calling_agent.key_hash
    and k.agent_id = calling_agent.agent_id
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now())
    and a.status = 'active'
    and w.closed_at is null;
end
$$;

ALTER FUNCTION private.calling_agent(agent_id uuid, key_hash bytea, OUT id uuid, OUT workspace_id uuid, OUT user_id uuid, OUT name text, OUT system_prompt text, OUT voice_id text, OUT key_id uuid, OUT last_used_at timestamp with time zone) OWNER TO callwaiting_owner;

-- Name: claim_expired_audio(integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.claim_expired_audio("limit" integer) RETURNS TABLE(audio_id bytea)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  update public.audio_files as f
  set claimed_until = now() + interval '10 minutes'
  where f.id in (
    select d.id
    from public.audio_files as d
    where d.deleted_at is null
      and d.expires_at <= now()
      and (d.claimed_until is null or d.claimed_until <= now())
    order by d.expires_at
    limit least(greatest(claim_expired_audio."limit", 0), 1000)
    for update skip locked
  )
  returning f.id
$$;

ALTER FUNCTION private.claim_expired_audio("limit" integer) OWNER TO callwaiting_owner;

-- Name: idempotency_keys; Type: TABLE; Schema: private; Owner: callwaiting_owner

CREATE TABLE private.idempotency_keys (
    scope text NOT NULL,
    key_hash bytea NOT NULL,
    fingerprint bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    claimed_until timestamp with time zone NOT NULL,
    reservation_id uuid,
    tx_ref text,
    answered_at timestamp with time zone,
    milliseconds bigint,
    audio_id bytea,
    audio_expires timestamp with time zone,
    reply_text text,
    CONSTRAINT idempotency_keys_effect_check CHECK ((num_nonnulls(reservation_id, tx_ref) <= 1)),
    CONSTRAINT idempotency_keys_fingerprint_check CHECK ((octet_length(fingerprint) = 32)),
    CONSTRAINT idempotency_keys_key_hash_check CHECK ((octet_length(key_hash) = 32)),
    CONSTRAINT idempotency_keys_scope_check CHECK (((char_length(scope) >= 1) AND (char_length(scope) <= 100)))
);

ALTER TABLE ONLY private.idempotency_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE private.idempotency_keys OWNER TO callwaiting_owner;

-- Name: TABLE idempotency_keys; Type: COMMENT; Schema: private; Owner: callwaiting_owner

COMMENT ON TABLE private.idempotency_keys IS 'Requests with an Idempotency-Key: SHA-256 of the key, per agent or person, and of what was asked. For 24 hours.';

-- Name: COLUMN idempotency_keys.reservation_id; Type: COMMENT; Schema: private; Owner: callwaiting_owner

COMMENT ON COLUMN private.idempotency_keys.reservation_id IS 'Of a reply: its receipt is there. No foreign key: reservations are cleared away later than keys.';

-- Name: COLUMN idempotency_keys.tx_ref; Type: COMMENT; Schema: private; Owner: callwaiting_owner

COMMENT ON COLUMN private.idempotency_keys.tx_ref IS 'Of a payment link: the link is in subscriptions.';

-- Name: claim_key(text, bytea, bytea, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.claim_key(scope text, key_hash bytea, fingerprint bytea, lease_seconds integer, OUT outcome text, OUT known private.idempotency_keys) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  until timestamptz := clock_timestamp()
    + make_interval(secs => least(greatest(coalesce(claim_key.lease_seconds, 1), 1), 86400));
begin
  insert into private.idempotency_keys as k (scope, key_hash, fingerprint, claimed_until)
  values (claim_key.scope, claim_key.key_hash, claim_key.fingerprint, until)
  on conflict on constraint idempotency_keys_pkey do nothing;
  if found then
    outcome := 'claimed';
    return;
  end if;

  select k.* into known
  from private.idempotency_keys as k
  where k.scope = claim_key.scope and k.key_hash = claim_key.key_hash
  for update;
  outcome := case
    when known.scope is null then 'idempotency_running' -- forgotten just now
    when known.created_at <= now() - interval '24 hours' and known.claimed_until <= clock_timestamp() then 'claimed'
    when known.fingerprint <> claim_key.fingerprint then 'idempotency_conflict'
    when known.answered_at is not null then 'replayed'
    when known.claimed_until > clock_timestamp() then 'idempotency_running'
    else 'claimed'
  end;
  if outcome = 'claimed' then
    if known.answered_at is null and known.reservation_id is not null then
      perform private.abandon_hold(known.reservation_id);
    end if;
    update private.idempotency_keys as k
    set fingerprint = claim_key.fingerprint, created_at = now(), claimed_until = until, reservation_id = null,
      tx_ref = null, answered_at = null, milliseconds = null, audio_id = null, audio_expires = null, reply_text = null
    where k.scope = claim_key.scope and k.key_hash = claim_key.key_hash;
  end if;
end
$$;

ALTER FUNCTION private.claim_key(scope text, key_hash bytea, fingerprint bytea, lease_seconds integer, OUT outcome text, OUT known private.idempotency_keys) OWNER TO callwaiting_owner;

-- Name: claim_payment_events(integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.claim_payment_events("limit" integer) RETURNS TABLE(event_id bigint, tx_ref text, transaction_id bigint, attempts integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  update public.payment_events as e
  set next_attempt_at = now() + interval '5 minutes'
  where e.id in (
    select d.id
    from public.payment_events as d
    where d.processed_at is null and d.next_attempt_at <= now() and d.attempts < private.event_attempts()
    order by d.next_attempt_at
    limit least(greatest(claim_payment_events."limit", 0), 1000)
    for update skip locked
  )
  returning e.id, e.tx_ref, e.transaction_id, e.attempts
$$;

ALTER FUNCTION private.claim_payment_events("limit" integer) OWNER TO callwaiting_owner;

-- Name: claim_pending_payments(integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.claim_pending_payments("limit" integer) RETURNS TABLE(tx_ref text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  update public.subscriptions as s
  set next_check_at = now() + greatest(interval '2 minutes', (now() - s.created_at) / 2)
  where s.id in (
    select d.id
    from public.subscriptions as d
    where d.status in ('pending', 'failed', 'expired', 'cancelled')
      and (d.status = 'pending' or d.payment_link is not null)
      and d.next_check_at <= now()
      and d.created_at > now() - interval '2 days'
    order by d.next_check_at
    limit least(greatest(claim_pending_payments."limit", 0), 1000)
    for update skip locked
  )
  returning s.tx_ref
$$;

ALTER FUNCTION private.claim_pending_payments("limit" integer) OWNER TO callwaiting_owner;

-- Name: clear_doubt(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.clear_doubt() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  new.doubted_at := null;
  return new;
end
$$;

ALTER FUNCTION private.clear_doubt() OWNER TO callwaiting_owner;

-- Name: close_without_owner(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.close_without_owner() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  -- Two owners leaving at once must not each believe in the other.
  perform from public.workspaces as w where w.id = old.workspace_id for no key update;
  if exists (
    select from public.memberships as m where m.workspace_id = old.workspace_id and m.role = 'owner'
  ) then
    return null;
  end if;
  update public.workspaces as w
  set closed_at = now()
  where w.id = old.workspace_id and w.closed_at is null;
  return null;
end
$$;

ALTER FUNCTION private.close_without_owner() OWNER TO callwaiting_owner;

-- Name: create_agent(uuid, text, text, text, bytea, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.create_agent(workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text) RETURNS TABLE(outcome text, agent_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  acting uuid := private.acting_workspace(create_agent.workspace, array['owner', 'admin', 'member']);
begin
  if acting is null then
    outcome := 'forbidden';
    return next;
    return;
  end if;
  insert into public.agents as a (workspace_id, user_id, name, system_prompt, voice_id)
  values (acting, auth.uid(), create_agent.name, create_agent.system_prompt, create_agent.voice_id)
  returning a.id into agent_id;
  insert into public.api_keys (workspace_id, agent_id, key_hash, hint)
  values (acting, create_agent.agent_id, create_agent.key_hash, create_agent.key_hint);
  outcome := 'created';
  return next;
end
$$;

ALTER FUNCTION private.create_agent(workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text) OWNER TO callwaiting_owner;

-- Name: create_agent(uuid, text, text, text, bytea, text, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.create_agent(workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text, per_minute integer) RETURNS TABLE(outcome text, agent_id uuid, retry_after integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  taken record := private.take('create-agent ' || auth.uid(), create_agent.per_minute);
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.create_agent(
      create_agent.workspace, create_agent.name, create_agent.system_prompt, create_agent.voice_id,
      create_agent.key_hash, create_agent.key_hint
    ) as a;
end
$$;

ALTER FUNCTION private.create_agent(workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text, per_minute integer) OWNER TO callwaiting_owner;

-- Name: create_payment(uuid, text, integer, bigint, text, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text) RETURNS TABLE(outcome text, email text, full_name text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  acting uuid := private.acting_workspace(create_payment.workspace, array['owner', 'admin']);
begin
  if acting is null then
    outcome := 'forbidden';
    return next;
    return;
  end if;
  select p.email, p.full_name into create_payment.email, create_payment.full_name
  from public.profiles as p
  where p.id = auth.uid();
  if create_payment.email is null then
    outcome := 'no_email';
    return next;
    return;
  end if;
  perform set_config('callwaiting.cause', 'a link was asked for', true);
  insert into public.subscriptions (workspace_id, user_id, tx_ref, plan, minutes, amount_minor, currency)
  values (
    acting, auth.uid(), create_payment.tx_ref, create_payment.plan, create_payment.minutes,
    create_payment.amount_minor, create_payment.currency
  );
  outcome := 'created';
  return next;
end
$$;

ALTER FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text) OWNER TO callwaiting_owner;

-- Name: create_payment(uuid, text, integer, bigint, text, text, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer) RETURNS TABLE(outcome text, email text, full_name text, retry_after integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  taken record := private.take('payment ' || auth.uid(), create_payment.per_minute);
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.create_payment(
      create_payment.workspace, create_payment.plan, create_payment.minutes, create_payment.amount_minor,
      create_payment.currency, create_payment.tx_ref
    ) as a;
end
$$;

ALTER FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer) OWNER TO callwaiting_owner;

-- Name: create_payment(uuid, text, integer, bigint, text, text, integer, integer, bytea, bytea); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer, lease_seconds integer, idempotency_key bytea, fingerprint bytea) RETURNS TABLE(outcome text, email text, full_name text, retry_after integer, known_tx_ref text, payment_link text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  owner constant text := 'user ' || auth.uid();
  taken record := private.take('payment ' || auth.uid(), create_payment.per_minute);
  claim record;
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  if private.acting_workspace(create_payment.workspace, array['owner', 'admin']) is null then
    outcome := 'forbidden';
    return next;
    return;
  end if;
  claim := private.claim_key(
    owner, create_payment.idempotency_key, create_payment.fingerprint, create_payment.lease_seconds
  );
  if claim.outcome = 'replayed' then
    select s.tx_ref, s.payment_link into known_tx_ref, create_payment.payment_link
    from public.subscriptions as s
    where s.tx_ref = (claim.known).tx_ref;
  end if;
  if claim.outcome <> 'claimed' then
    outcome := claim.outcome;
    return next;
    return;
  end if;
  select c.outcome, c.email, c.full_name
  into create_payment.outcome, create_payment.email, create_payment.full_name
  from private.create_payment(
    create_payment.workspace, create_payment.plan, create_payment.minutes, create_payment.amount_minor,
    create_payment.currency, create_payment.tx_ref
  ) as c;
  if outcome = 'created' then
    update private.idempotency_keys as k
    set tx_ref = create_payment.tx_ref
    where k.scope = owner and k.key_hash = create_payment.idempotency_key;
  else
    perform private.forget_key(owner, create_payment.idempotency_key);
  end if;
  return next;
end
$$;

ALTER FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer, lease_seconds integer, idempotency_key bytea, fingerprint bytea) OWNER TO callwaiting_owner;

-- Name: create_user(text, text, integer, jsonb, boolean); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.create_user(email text, password text, bcrypt_cost integer, data jsonb, confirmed boolean) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
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
$$;

ALTER FUNCTION private.create_user(email text, password text, bcrypt_cost integer, data jsonb, confirmed boolean) OWNER TO callwaiting_owner;

-- Name: defer_payment_event(bigint, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.defer_payment_event(event_id bigint, error text) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  update public.payment_events as e
  set attempts = e.attempts + 1,
    next_attempt_at = now() + private.payment_backoff(e.attempts),
    last_error = left(defer_payment_event.error, 1000)
  where e.id = defer_payment_event.event_id and e.processed_at is null;
  perform private.wake_workers(); -- it is due sooner than the inbox's own time
  outcome := 'ok';
  return next;
end
$$;

ALTER FUNCTION private.defer_payment_event(event_id bigint, error text) OWNER TO callwaiting_owner;

-- Name: delete_agent(uuid, uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.delete_agent(workspace uuid, agent_id uuid) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  acting constant uuid := private.acting_workspace(delete_agent.workspace, array['owner', 'admin', 'member']);
  own constant public.agents := private.own_agent(acting, delete_agent.agent_id);
begin
  outcome := case when acting is null then 'forbidden' when own.id is null then 'not_found' else 'deleted' end;
  if outcome = 'deleted' then
    update public.agents as a set status = 'deleted' where a.id = own.id;
    update public.api_keys as k set revoked_at = now() where k.agent_id = own.id and k.revoked_at is null;
  end if;
  return next;
end
$$;

ALTER FUNCTION private.delete_agent(workspace uuid, agent_id uuid) OWNER TO callwaiting_owner;

-- Name: disagreements(integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.disagreements("limit" integer) RETURNS TABLE(workspace_id uuid, what text, says bigint, adds_up_to bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  with granted as (
    select g.workspace_id, sum(g.minutes) as total from public.grants as g group by 1
  ), used as (
    select u.workspace_id, sum(u.seconds) as total from public.usage_logs as u group by 1
  ), held as (
    select r.workspace_id, sum(r.seconds_held) as total
    from public.usage_reservations as r
    where r.state = 'held'
    group by 1
  ), receipts as (
    select r.workspace_id, sum(r.seconds_charged) as charged, sum(u.seconds) as logged
    from public.usage_reservations as r
    left join public.usage_logs as u on u.id = r.usage_id
    where r.state = 'settled'
    group by 1
  ), paid as (
    select s.workspace_id, sum(s.minutes) as total
    from public.subscriptions as s
    where s.status in ('active', 'refunded')
    group by 1
  ), bought as (
    select g.workspace_id, sum(g.minutes) as total from public.grants as g where g.cause = 'payment' group by 1
  )
  select w.id, rule.what, rule.says, rule.adds_up_to
  from public.workspaces as w
  left join granted on granted.workspace_id = w.id
  left join used on used.workspace_id = w.id
  left join held on held.workspace_id = w.id
  left join receipts on receipts.workspace_id = w.id
  left join paid on paid.workspace_id = w.id
  left join bought on bought.workspace_id = w.id
  cross join lateral (
    values
      (1, 'minutes_quota', w.minutes_quota::bigint, coalesce(granted.total, 0)::bigint),
      (2, 'seconds_used', w.seconds_used::bigint, coalesce(used.total, 0)::bigint),
      (3, 'seconds_reserved', w.seconds_reserved::bigint, coalesce(held.total, 0)::bigint),
      (4, 'seconds charged on receipts', coalesce(receipts.charged, 0)::bigint, coalesce(receipts.logged, 0)::bigint),
      (5, 'minutes granted for payments', coalesce(bought.total, 0)::bigint, coalesce(paid.total, 0)::bigint)
  ) as rule (place, what, says, adds_up_to)
  where rule.says <> rule.adds_up_to
  order by w.created_at, w.id, rule.place
  limit least(greatest(disagreements."limit", 0), 1000)
$$;

ALTER FUNCTION private.disagreements("limit" integer) OWNER TO callwaiting_owner;

-- Name: event_attempts(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.event_attempts() RETURNS integer
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select 20
$$;

ALTER FUNCTION private.event_attempts() OWNER TO callwaiting_owner;

-- Name: expire_holds(uuid, timestamp with time zone); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.expire_holds(workspace uuid, moment timestamp with time zone, OUT holds integer, OUT freed bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  holds := 0;
  freed := 0;
  -- Nearly always there is none, which one look into an index of what is held says.
  perform
  from public.usage_reservations as r
  where r.workspace_id = expire_holds.workspace
    and r.state = 'held'
    and (r.expires_at <= expire_holds.moment or r.created_at > expire_holds.moment + interval '1 minute');
  if not found then
    return;
  end if;

  with dead as (
    update public.usage_reservations as r
    set state = 'expired'
    where r.workspace_id = expire_holds.workspace
      and r.state = 'held'
      and (r.expires_at <= expire_holds.moment or r.created_at > expire_holds.moment + interval '1 minute')
      and r.doubted_at
        <= expire_holds.moment - least((r.expires_at - r.created_at) / 2, interval '1 hour')
    returning r.seconds_held
  )
  select count(*), coalesce(sum(d.seconds_held), 0) into holds, freed from dead as d;

  update public.usage_reservations as r
  set doubted_at = expire_holds.moment
  where r.workspace_id = expire_holds.workspace
    and r.state = 'held'
    and (r.expires_at <= expire_holds.moment or r.created_at > expire_holds.moment + interval '1 minute')
    and (r.doubted_at is null or r.doubted_at > expire_holds.moment);
end
$$;

ALTER FUNCTION private.expire_holds(workspace uuid, moment timestamp with time zone, OUT holds integer, OUT freed bigint) OWNER TO callwaiting_owner;

-- Name: expire_payments(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.expire_payments() RETURNS TABLE(count integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform set_config('callwaiting.cause', 'its link is 24 hours old', true);
  update public.subscriptions as s
  set next_check_at = 'infinity'
  where s.status in ('pending', 'failed', 'expired', 'cancelled')
    and s.next_check_at <= now()
    and (s.created_at <= now() - interval '2 days' or (s.status <> 'pending' and s.payment_link is null));

  update public.subscriptions as s
  set status = 'expired'
  where s.status = 'pending' and s.created_at < now() - interval '24 hours';
  get diagnostics count = row_count;
  return next;
end
$$;

ALTER FUNCTION private.expire_payments() OWNER TO callwaiting_owner;

-- Name: expire_reservations(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.expire_reservations() RETURNS TABLE(count integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  workspace uuid;
  dead record;
begin
  count := 0;
  for workspace in
    select w.id
    from public.workspaces as w
    where w.id in (
      select r.workspace_id
      from public.usage_reservations as r
      where r.state = 'held'
        and (r.expires_at <= clock_timestamp() or r.created_at > clock_timestamp() + interval '1 minute')
    )
    order by w.id
    limit 100
    for no key update skip locked -- a workspace at work frees its own
  loop
    select e.holds, e.freed into dead from private.expire_holds(workspace, clock_timestamp()) as e;
    if dead.freed > 0 then
      update public.workspaces as w set seconds_reserved = w.seconds_reserved - dead.freed where w.id = workspace;
    end if;
    count := count + dead.holds;
  end loop;
  return next;
end
$$;

ALTER FUNCTION private.expire_reservations() OWNER TO callwaiting_owner;

-- Name: extend_hold(uuid, integer, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.extend_hold(reservation_id uuid, more_seconds integer, lease_seconds integer) RETURNS TABLE(outcome text, held integer, remaining bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  meter record;
  more integer;
begin
  select w.id, w.minutes_quota::bigint * 60 - w.seconds_used - w.seconds_reserved as unspent into meter
  from public.workspaces as w
  where w.id = (select r.workspace_id from public.usage_reservations as r where r.id = extend_hold.reservation_id)
  for no key update;
  more := least(greatest(coalesce(extend_hold.more_seconds, 0), 0), meter.unspent);
  update public.usage_reservations as r
  set seconds_held = r.seconds_held + more,
    expires_at = clock_timestamp() + make_interval(secs => least(greatest(coalesce(lease_seconds, 1), 1), 86400))
  where r.id = extend_hold.reservation_id and r.state = 'held'
  returning r.seconds_held into extend_hold.held;
  if not found then
    outcome := 'unknown';
    return next;
    return;
  end if;
  update public.workspaces as w set seconds_reserved = w.seconds_reserved + more where w.id = meter.id and more > 0;
  remaining := meter.unspent - more;
  outcome := case when more = 0 and extend_hold.more_seconds > 0 then 'quota_exceeded' else 'extended' end;
  return next;
end
$$;

ALTER FUNCTION private.extend_hold(reservation_id uuid, more_seconds integer, lease_seconds integer) OWNER TO callwaiting_owner;

-- Name: forget_key(text, bytea); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.forget_key(scope text, key_hash bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from private.idempotency_keys as k where k.scope = forget_key.scope and k.key_hash = forget_key.key_hash;
end
$$;

ALTER FUNCTION private.forget_key(scope text, key_hash bytea) OWNER TO callwaiting_owner;

-- Name: give_trial(uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.give_trial(person uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  address text;
  minutes integer;
  workspace uuid;
begin
  select u.email into address
  from auth.users as u
  where u.id = give_trial.person
    and u.email_confirmed_at is not null
    and u.email <> ''
    and not coalesce(u.is_anonymous, false);
  minutes := coalesce((select s.value from private.settings as s where s.name = 'trial_minutes'), '0')::integer;
  if address is null or minutes < 1 then
    return;
  end if;

  select w.id into workspace from private.home_workspace(give_trial.person) as w;
  if workspace is null
    or exists (select from public.grants as g where g.workspace_id = workspace and g.cause = 'trial')
  then
    return;
  end if;

  insert into public.trial_claims (email_hash)
  values (sha256(convert_to(private.normalised_email(address), 'UTF8')))
  on conflict do nothing;
  if found then
    perform private.add_grant(workspace, minutes, 'trial', null);
  end if;
end
$$;

ALTER FUNCTION private.give_trial(person uuid) OWNER TO callwaiting_owner;

-- Name: health(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.health() RETURNS TABLE(ok boolean, migration integer)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select max(m.name) is not null, left(max(m.name), 4)::integer
  from private.migrations as m
$$;

ALTER FUNCTION private.health() OWNER TO callwaiting_owner;

-- Name: history(uuid, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.history(conversation uuid, history_limit integer) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  if history.conversation is null then
    return '[]'; -- the first message of a conversation, as most are
  end if;
  return (
    select coalesce(json_agg(json_build_object('role', l.role, 'content', l.content) order by l.id), '[]')::text
    from (
      select m.id, m.role, m.content
      from public.messages as m
      where m.conversation_id = history.conversation
      order by m.id desc
      limit least(greatest(coalesce(history.history_limit, 0), 0), 200)
    ) as l
  );
end
$$;

ALTER FUNCTION private.history(conversation uuid, history_limit integer) OWNER TO callwaiting_owner;

-- Name: hold(uuid, uuid, uuid, uuid, integer, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.hold(workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer, OUT outcome text, OUT reservation_id uuid, OUT held integer, OUT remaining bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  made constant record := private.hold(
    hold.workspace, hold.person, hold.agent, hold.conversation, hold.estimate_seconds, hold.lease_seconds, null
  );
begin
  outcome := made.outcome;
  reservation_id := made.reservation_id;
  held := made.held;
  remaining := made.remaining;
end
$$;

ALTER FUNCTION private.hold(workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer, OUT outcome text, OUT reservation_id uuid, OUT held integer, OUT remaining bigint) OWNER TO callwaiting_owner;

-- Name: hold(uuid, uuid, uuid, uuid, integer, integer, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.hold(workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer, at_once integer, OUT outcome text, OUT reservation_id uuid, OUT held integer, OUT remaining bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  meter record;
  moment timestamptz;
  look record;
  freed bigint := 0;
begin
  -- Until it is on the disk nobody has been promised anything: a hold that is lost with the server is a reply that is not
  -- settled. settle waits for the disk, and writes later in the log, so what it flushes has this in it.
  perform set_config('synchronous_commit', 'off', true);
  select w.minutes_quota::bigint * 60 - w.seconds_used - w.seconds_reserved as unspent, w.period_end, w.closed_at
  into meter
  from public.workspaces as w
  where w.id = hold.workspace
  for no key update;
  -- After the wait for the lock: now() is when the transaction began.
  moment := clock_timestamp();
  held := 0;
  if meter.unspent is null or meter.closed_at is not null then
    outcome := 'forbidden';
    return;
  end if;

  -- Every hold is made and ended under the lock, so nobody counts while another is between the two. Nearly always nothing
  -- is to be freed, which one look into an index of what is held says.
  select
    hold.at_once >= 1 and hold.at_once <= (
      select count(*)
      from public.usage_reservations as r
      where r.agent_id = hold.agent and r.state = 'held' and r.expires_at > moment
    ) as is_busy,
    exists (
      select
      from public.usage_reservations as r
      where r.workspace_id = hold.workspace
        and r.state = 'held'
        and (r.expires_at <= moment or r.created_at > moment + interval '1 minute')
    ) as has_dead
  into look;
  if look.is_busy then
    outcome := 'busy';
    return;
  end if;
  if look.has_dead then
    freed := (private.expire_holds(hold.workspace, moment)).freed;
  end if;

  remaining := meter.unspent + freed;
  if meter.period_end <= moment then
    outcome := 'subscription_expired';
  elsif remaining < 1 then
    outcome := 'quota_exceeded';
  else
    held := least(greatest(coalesce(hold.estimate_seconds, 1), 1), remaining);
    remaining := remaining - held;
    insert into public.usage_reservations as r (
      workspace_id, user_id, agent_id, conversation_id, seconds_held, expires_at
    )
    values (
      hold.workspace, hold.person, hold.agent, hold.conversation, held,
      moment + make_interval(secs => least(greatest(coalesce(hold.lease_seconds, 1), 1), 86400))
    )
    returning r.id into reservation_id;
    outcome := 'ok';
  end if;

  if held <> freed then
    update public.workspaces as w
    set seconds_reserved = w.seconds_reserved - freed + held
    where w.id = hold.workspace;
  end if;
end
$$;

ALTER FUNCTION private.hold(workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer, at_once integer, OUT outcome text, OUT reservation_id uuid, OUT held integer, OUT remaining bigint) OWNER TO callwaiting_owner;

-- Name: home_workspace(uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.home_workspace(person uuid) RETURNS SETOF public.workspaces
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select w.*
  from public.memberships as m
  join public.workspaces as w on w.id = m.workspace_id
  where m.user_id = home_workspace.person
    and m.role = 'owner'
    and w.closed_at is null
  order by w.created_at, w.id
  limit 1
$$;

ALTER FUNCTION private.home_workspace(person uuid) OWNER TO callwaiting_owner;

-- Name: keep_exchange(uuid, uuid, uuid, text, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.keep_exchange(conversation uuid, workspace uuid, agent uuid, user_message text, reply_text text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  insert into public.conversations as c (id, workspace_id, agent_id)
  values (keep_exchange.conversation, keep_exchange.workspace, keep_exchange.agent)
  on conflict (id) do update set last_message_at = now();
  insert into public.messages (conversation_id, role, content)
  select keep_exchange.conversation, s.role, left(s.content, 65536)
  from (values (1, 'user', keep_exchange.user_message), (2, 'assistant', keep_exchange.reply_text))
    as s (turn, role, content)
  where s.content <> ''
  order by s.turn;
end
$$;

ALTER FUNCTION private.keep_exchange(conversation uuid, workspace uuid, agent uuid, user_message text, reply_text text) OWNER TO callwaiting_owner;

-- Name: key_objects(uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.key_objects(agent uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return (
    select coalesce(
      jsonb_agg(
        jsonb_build_object(
          'keyId', t.id, 'hint', t.hint, 'createdAt', private.rfc3339(t.created_at),
          'expiresAt', private.rfc3339(t.expires_at), 'lastUsedAt', private.rfc3339(t.last_used_at)
        )
        order by t.created_at desc, t.id
      ),
      '[]'
    )
    from (
      select k.*
      from public.api_keys as k
      where k.agent_id = key_objects.agent
        and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > now())
      order by k.created_at desc, k.id
      limit 100
    ) as t
  );
end
$$;

ALTER FUNCTION private.key_objects(agent uuid) OWNER TO callwaiting_owner;

-- Name: list_agents(uuid, uuid, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.list_agents(workspace uuid, after uuid, page integer) RETURNS TABLE(outcome text, agents text, more boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  acting constant uuid := private.acting_workspace(list_agents.workspace, array['owner', 'admin', 'member']);
  most constant integer := least(greatest(coalesce(list_agents.page, 50), 1), 100);
  last public.agents;
begin
  outcome := case when acting is null then 'forbidden' else 'ok' end;
  if list_agents.after is not null then
    select a.* into last from public.agents as a where a.id = list_agents.after and a.workspace_id = acting;
  end if;
  select coalesce(jsonb_agg(t.object order by t.created_at desc, t.id desc) filter (where t.place <= most), '[]')::text,
    count(*) > most
  into agents, more
  from (
    select private.agent_object(a) as object, a.created_at, a.id,
      row_number() over (order by a.created_at desc, a.id desc) as place
    from (
      select x.*
      from public.agents as x
      where x.workspace_id = acting
        and x.status <> 'deleted'
        and (list_agents.after is null or (x.created_at, x.id) < (last.created_at, last.id))
      order by x.created_at desc, x.id desc
      limit most + 1
    ) as a
  ) as t;
  return next;
end
$$;

ALTER FUNCTION private.list_agents(workspace uuid, after uuid, page integer) OWNER TO callwaiting_owner;

-- Name: list_payments(text, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.list_payments(state text, "limit" integer) RETURNS TABLE(tx_ref text, status text, plan text, minutes integer, amount_minor bigint, currency text, workspace_id uuid, transaction_id bigint, created_at text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select s.tx_ref, s.status, s.plan, s.minutes, s.amount_minor, s.currency, s.workspace_id, s.flw_transaction_id,
    to_char(s.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
  from public.subscriptions as s
  where list_payments."state" is null or s.status = list_payments."state"
  order by s.created_at desc, s.id
  limit least(greatest(list_payments."limit", 0), 10000)
$$;

ALTER FUNCTION private.list_payments(state text, "limit" integer) OWNER TO callwaiting_owner;

-- Name: my_administered_workspace_ids(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.my_administered_workspace_ids() RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 5
    SET search_path TO ''
    AS $$
begin
  return query
    select m.workspace_id
    from public.memberships as m
    where m.user_id = (select auth.uid())
      and m.role in ('owner', 'admin');
end
$$;

ALTER FUNCTION private.my_administered_workspace_ids() OWNER TO callwaiting_owner;

-- Name: my_workspace_ids(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.my_workspace_ids() RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 5
    SET search_path TO ''
    AS $$
begin
  return query select m.workspace_id from public.memberships as m where m.user_id = (select auth.uid());
end
$$;

ALTER FUNCTION private.my_workspace_ids() OWNER TO callwaiting_owner;

-- Name: normalised_email(text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.normalised_email(email text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO ''
    AS $_$
  select case
    when p.domain in ('gmail.com', 'googlemail.com') then replace(p.mailbox, '.', '') || '@gmail.com'
    else p.mailbox || '@' || p.domain
  end
  from (
    select
      split_part(regexp_replace(lower(btrim(email)), '@[^@]*$', ''), '+', 1) as mailbox,
      regexp_replace(lower(btrim(email)), '^.*@', '') as domain
  ) as p
$_$;

ALTER FUNCTION private.normalised_email(email text) OWNER TO callwaiting_owner;

-- Name: note_subscription_change(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.note_subscription_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  insert into public.subscription_changes (subscription_id, from_status, to_status, cause)
  values (
    new.id, case tg_op when 'UPDATE' then old.status end, new.status,
    left(coalesce(nullif(current_setting('callwaiting.cause', true), ''), 'by hand, as ' || session_user), 200)
  );
  return null;
end
$$;

ALTER FUNCTION private.note_subscription_change() OWNER TO callwaiting_owner;

-- Name: open_session(uuid, bytea); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.open_session(person uuid, refresh_hash bytea) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
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
$$;

ALTER FUNCTION private.open_session(person uuid, refresh_hash bytea) OWNER TO callwaiting_owner;

-- Name: own_agent(uuid, uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.own_agent(workspace uuid, agent_id uuid) RETURNS public.agents
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  own public.agents;
begin
  select a.* into own
  from public.agents as a
  where a.id = own_agent.agent_id and a.workspace_id = own_agent.workspace and a.status <> 'deleted'
  for no key update;
  return own;
end
$$;

ALTER FUNCTION private.own_agent(workspace uuid, agent_id uuid) OWNER TO callwaiting_owner;

-- Name: payment_backoff(integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.payment_backoff(attempts integer) RETURNS interval
    LANGUAGE sql STRICT
    SET search_path TO ''
    AS $$
  select least(interval '1 minute' * power(2, least(attempts, 10)), interval '6 hours') * (0.75 + random() / 2)
$$;

ALTER FUNCTION private.payment_backoff(attempts integer) OWNER TO callwaiting_owner;

-- Name: payment_history(text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.payment_history(tx_ref text) RETURNS TABLE(created_at text, kind text, said text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  with payment as (
    select s.* from public.subscriptions as s where s.tx_ref = payment_history.tx_ref
  )
  select to_char(h.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), h.kind, h.said
  from (
    select c.created_at as at, 1 as place, c.id, 'state' as kind,
      concat_ws(' → ', c.from_status, c.to_status) || ': ' || c.cause as said
    from public.subscription_changes as c
    join payment as p on p.id = c.subscription_id
    union all
    select t.created_at, 2, t.transaction_id, 'transaction',
      format(
        '%s: %s, %s %s in minor units, effect %s', t.transaction_id, t.status, t.amount_minor, t.currency, t.effect
      )
    from public.payment_transactions as t
    join payment as p on p.id = t.subscription_id
    union all
    select e.received_at, 3, e.id, 'event',
      format('%s: %s, %s', e.id, e.kind, coalesce(e.outcome, format('not settled after %s looks, %s', e.attempts, coalesce(e.last_error, 'none failed'))))
    from public.payment_events as e
    where e.tx_ref = payment_history.tx_ref
    union all
    select g.created_at, 4, 0, 'grant', format('%s minutes, %s', g.minutes, g.cause)
    from public.grants as g
    join payment as p on p.id = g.subscription_id
  ) as h
  order by h.at, h.place, h.id
$$;

ALTER FUNCTION private.payment_history(tx_ref text) OWNER TO callwaiting_owner;

-- Name: payment_link_failed(text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.payment_link_failed(tx_ref text) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from private.idempotency_keys as k where k.tx_ref = payment_link_failed.tx_ref and k.answered_at is null;
  perform set_config('callwaiting.cause', 'the provider refused to make a link', true);
  update public.subscriptions as s
  set status = case s.status when 'pending' then 'failed' else s.status end
  where s.tx_ref = payment_link_failed.tx_ref;
  outcome := case when found then 'ok' else 'unknown' end;
  return next;
end
$$;

ALTER FUNCTION private.payment_link_failed(tx_ref text) OWNER TO callwaiting_owner;

-- Name: payment_link_made(text, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.payment_link_made(tx_ref text, link text) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  update private.idempotency_keys as k set answered_at = now() where k.tx_ref = payment_link_made.tx_ref;
  update public.subscriptions as s
  set payment_link = payment_link_made.link
  where s.tx_ref = payment_link_made.tx_ref;
  outcome := case when found then 'ok' else 'unknown' end;
  return next;
end
$$;

ALTER FUNCTION private.payment_link_made(tx_ref text, link text) OWNER TO callwaiting_owner;

-- Name: payment_link_unknown(text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.payment_link_unknown(tx_ref text) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from private.idempotency_keys as k where k.tx_ref = payment_link_unknown.tx_ref and k.answered_at is null;
  outcome := case when found then 'ok' else 'unknown' end;
  return next;
end
$$;

ALTER FUNCTION private.payment_link_unknown(tx_ref text) OWNER TO callwaiting_owner;

-- Name: payment_return(text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.payment_return(tx_ref text) RETURNS TABLE(status text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  select s.status into payment_return.status from public.subscriptions as s where s.tx_ref = payment_return.tx_ref;
  return next;
end
$$;

ALTER FUNCTION private.payment_return(tx_ref text) OWNER TO callwaiting_owner;

-- Name: payment_status(uuid, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.payment_status(workspace uuid, tx_ref text) RETURNS TABLE(outcome text, status text, plan text, minutes integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  acting uuid := private.acting_workspace(payment_status.workspace, array['owner', 'admin', 'member']);
begin
  if acting is null then
    outcome := 'forbidden';
    return next;
    return;
  end if;
  return query
    select 'ok', s.status, s.plan, s.minutes
    from public.subscriptions as s
    where s.tx_ref = payment_status.tx_ref and s.workspace_id = acting;
  if not found then
    outcome := 'not_found';
    return next;
  end if;
end
$$;

ALTER FUNCTION private.payment_status(workspace uuid, tx_ref text) OWNER TO callwaiting_owner;

-- Name: public_url(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.public_url() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select s.value from private.settings as s where s.name = 'public_url'
$$;

ALTER FUNCTION private.public_url() OWNER TO callwaiting_owner;

-- Name: purge_idempotency_keys(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.purge_idempotency_keys() RETURNS TABLE(count integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from private.idempotency_keys as k
  where (k.scope, k.key_hash) in (
    select d.scope, d.key_hash
    from private.idempotency_keys as d
    where d.created_at <= now() - interval '24 hours' and d.claimed_until <= now()
    order by d.created_at
    limit 10000
    for update skip locked
  );
  get diagnostics count = row_count;
  return next;
end
$$;

ALTER FUNCTION private.purge_idempotency_keys() OWNER TO callwaiting_owner;

-- Name: purge_messages(integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.purge_messages(days integer) RETURNS TABLE(count integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  oldest_kept timestamptz := now() - make_interval(days => greatest(purge_messages.days, 0));
begin
  delete from public.messages as m
  where m.id in (
    select d.id from public.messages as d where d.created_at < oldest_kept order by d.created_at limit 10000
  );
  get diagnostics count = row_count;
  delete from public.conversations as c
  where c.id in (
    select d.id
    from public.conversations as d
    where d.last_message_at < oldest_kept
      and not exists (select from public.messages as m where m.conversation_id = d.id)
    limit 10000
    for update skip locked
  );
  return next;
end
$$;

ALTER FUNCTION private.purge_messages(days integer) OWNER TO callwaiting_owner;

-- Name: purge_payment_events(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.purge_payment_events() RETURNS TABLE(count integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from public.payment_events as e
  where e.id in (
    select d.id
    from public.payment_events as d
    where d.processed_at < now() - interval '90 days'
    order by d.processed_at
    limit 10000
    for update skip locked
  );
  get diagnostics count = row_count;
  return next;
end
$$;

ALTER FUNCTION private.purge_payment_events() OWNER TO callwaiting_owner;

-- Name: purge_rate_limits(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.purge_rate_limits() RETURNS TABLE(count integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from private.rate_limits as r
  where r.bucket in (
    select d.bucket
    from private.rate_limits as d
    where d.full_at not between now() and now() + interval '2 minutes'
    limit 10000
    for update skip locked
  );
  get diagnostics count = row_count;
  return next;
end
$$;

ALTER FUNCTION private.purge_rate_limits() OWNER TO callwaiting_owner;

-- Name: purge_reservations(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.purge_reservations() RETURNS TABLE(count integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from public.usage_reservations as r
  where r.id in (
    select d.id
    from public.usage_reservations as d
    where d.state <> 'held' and d.expires_at < now() - interval '30 days'
    order by d.expires_at
    limit 10000
    for update skip locked
  );
  get diagnostics count = row_count;
  return next;
end
$$;

ALTER FUNCTION private.purge_reservations() OWNER TO callwaiting_owner;

-- Name: receive_payment_event(text, text, text, bigint, text, jsonb); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.receive_payment_event(provider text, event_key text, tx_ref text, transaction_id bigint, kind text, payload jsonb) RETURNS TABLE(event_id bigint, fresh boolean, processed boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  about_nothing constant boolean := receive_payment_event.tx_ref is null
    and receive_payment_event.transaction_id is null;
begin
  insert into public.payment_events as e (
    provider, event_key, tx_ref, transaction_id, kind, payload, processed_at, outcome
  )
  values (
    receive_payment_event.provider, receive_payment_event.event_key, receive_payment_event.tx_ref,
    receive_payment_event.transaction_id, receive_payment_event.kind, receive_payment_event.payload,
    case when about_nothing then now() end, case when about_nothing then 'about_nothing' end
  )
  on conflict on constraint payment_events_provider_event_key_key do nothing
  returning e.id into event_id;
  fresh := event_id is not null;
  processed := fresh and about_nothing;
  if not fresh then
    select e.id, e.processed_at is not null into event_id, processed
    from public.payment_events as e
    where e.provider = receive_payment_event.provider and e.event_key = receive_payment_event.event_key;
  end if;
  return next;
end
$$;

ALTER FUNCTION private.receive_payment_event(provider text, event_key text, tx_ref text, transaction_id bigint, kind text, payload jsonb) OWNER TO callwaiting_owner;

-- Name: recheck_payments(text, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.recheck_payments(tx_ref text, days integer) RETURNS TABLE(tx_ref_due text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return query
    update public.subscriptions as s
    set next_check_at = now() + interval '5 minutes'
    where case
      when recheck_payments.tx_ref is null then
        s.status in ('pending', 'failed', 'expired', 'cancelled')
          and s.created_at > now() - make_interval(days => least(greatest(recheck_payments.days, 0), 3650))
      else s.tx_ref = recheck_payments.tx_ref
    end
    returning s.tx_ref;
end
$$;

ALTER FUNCTION private.recheck_payments(tx_ref text, days integer) OWNER TO callwaiting_owner;

-- Name: refresh_session(bytea, bytea, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer) RETURNS TABLE(outcome text, user_json text, session_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
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
$$;

ALTER FUNCTION private.refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer) OWNER TO callwaiting_owner;

-- Name: refresh_session(bytea, bytea, integer, inet, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer, address inet, address_per_minute integer) RETURNS TABLE(outcome text, user_json text, session_id uuid, retry_after integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  taken record := private.take(private.address_bucket('refresh', refresh_session.address), refresh_session.address_per_minute);
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.refresh_session(
      refresh_session.refresh_hash, refresh_session.new_refresh_hash, refresh_session.reuse_seconds
    ) as a;
end
$$;

ALTER FUNCTION private.refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer, address inet, address_per_minute integer) OWNER TO callwaiting_owner;

-- Name: release(uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.release(reservation_id uuid) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  hold record;
begin
  perform from public.workspaces as w
  where w.id = (select r.workspace_id from public.usage_reservations as r where r.id = release.reservation_id)
  for no key update;
  select r.workspace_id, r.state, r.seconds_held into hold
  from public.usage_reservations as r
  where r.id = release.reservation_id
  for update;
  if not found or hold.state = 'settled' then
    outcome := 'unknown';
    return next;
    return;
  end if;
  if hold.state = 'held' then
    update public.usage_reservations as r set state = 'released' where r.id = release.reservation_id;
    update public.workspaces as w
    set seconds_reserved = w.seconds_reserved - hold.seconds_held
    where w.id = hold.workspace_id;
  end if;
  outcome := 'released';
  return next;
end
$$;

ALTER FUNCTION private.release(reservation_id uuid) OWNER TO callwaiting_owner;

-- Name: release_answer(uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.release_answer(reservation_id uuid) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from private.idempotency_keys as k
  where k.reservation_id = release_answer.reservation_id and k.answered_at is null;
  return query select r.outcome from private.release(release_answer.reservation_id) as r;
end
$$;

ALTER FUNCTION private.release_answer(reservation_id uuid) OWNER TO callwaiting_owner;

-- Name: replay_payment_events(bigint); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.replay_payment_events(event_id bigint) RETURNS TABLE(count integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  update public.payment_events as e
  set attempts = 0, next_attempt_at = now()
  where e.processed_at is null
    and case
      when replay_payment_events.event_id is null then e.attempts >= private.event_attempts()
      else e.id = replay_payment_events.event_id
    end;
  get diagnostics count = row_count;
  perform private.wake_workers();
  return next;
end
$$;

ALTER FUNCTION private.replay_payment_events(event_id bigint) OWNER TO callwaiting_owner;

-- Name: revoke_key(uuid, uuid, uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.revoke_key(workspace uuid, agent_id uuid, key_id uuid) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  acting constant uuid := private.acting_workspace(revoke_key.workspace, array['owner', 'admin', 'member']);
begin
  outcome := 'forbidden';
  if acting is not null then
    update public.api_keys as k
    set revoked_at = now()
    where k.id = revoke_key.key_id
      and k.agent_id = revoke_key.agent_id
      and k.workspace_id = acting
      and k.revoked_at is null;
    outcome := case when found then 'revoked' else 'not_found' end;
  end if;
  return next;
end
$$;

ALTER FUNCTION private.revoke_key(workspace uuid, agent_id uuid, key_id uuid) OWNER TO callwaiting_owner;

-- Name: revoke_keys(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.revoke_keys() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  update public.api_keys as k
  set revoked_at = now()
  where k.workspace_id = new.id and k.revoked_at is null;
  return null;
end
$$;

ALTER FUNCTION private.revoke_keys() OWNER TO callwaiting_owner;

-- Name: rfc3339(timestamp with time zone); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.rfc3339(moment timestamp with time zone) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO ''
    AS $$
begin
  return to_char(rfc3339.moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
end
$$;

ALTER FUNCTION private.rfc3339(moment timestamp with time zone) OWNER TO callwaiting_owner;

-- Name: rotate_key(uuid, uuid, bytea, text, integer, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.rotate_key(workspace uuid, agent_id uuid, key_hash bytea, key_hint text, grace_seconds integer, per_minute integer) RETURNS TABLE(outcome text, key_id uuid, old_until text, retry_after integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  taken record := private.take('rotate-key ' || auth.uid(), rotate_key.per_minute);
  acting constant uuid := private.acting_workspace(rotate_key.workspace, array['owner', 'admin', 'member']);
  own public.agents;
  moment timestamptz;
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  own := private.own_agent(acting, rotate_key.agent_id);
  outcome := case when acting is null then 'forbidden' when own.id is null then 'not_found' else 'created' end;
  if outcome = 'created' then
    moment := clock_timestamp() + make_interval(secs => least(greatest(coalesce(rotate_key.grace_seconds, 0), 0), 604800));
    update public.api_keys as k
    set expires_at = least(k.expires_at, moment),
      revoked_at = case when rotate_key.grace_seconds > 0 then null else now() end
    where k.agent_id = own.id and k.revoked_at is null;
    insert into public.api_keys as k (workspace_id, agent_id, key_hash, hint)
    values (acting, own.id, rotate_key.key_hash, rotate_key.key_hint)
    returning k.id into key_id;
    old_until := private.rfc3339(moment);
  end if;
  return next;
end
$$;

ALTER FUNCTION private.rotate_key(workspace uuid, agent_id uuid, key_hash bytea, key_hint text, grace_seconds integer, per_minute integer) OWNER TO callwaiting_owner;

-- Name: session_idle_limit(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.session_idle_limit() RETURNS interval
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select interval '90 days'
$$;

ALTER FUNCTION private.session_idle_limit() OWNER TO callwaiting_owner;

-- Name: session_user(uuid, uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private."session_user"(user_id uuid, session_id uuid) RETURNS TABLE(outcome text, user_json text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
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
$$;

ALTER FUNCTION private."session_user"(user_id uuid, session_id uuid) OWNER TO callwaiting_owner;

-- Name: settle(uuid, bigint, text, integer, jsonb, bytea, bigint, timestamp with time zone, text, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.settle(reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb, audio_id bytea, audio_bytes bigint, audio_expires timestamp with time zone, user_message text, reply_text text) RETURNS TABLE(outcome text, usage_id uuid, charged integer, reserved bigint, remaining bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return query
  select s.outcome, s.usage_id, s.charged, s.reserved, s.remaining
  from private.settle_set(
    array[settle.reservation_id], array[settle.milliseconds], array[settle.kind], array[settle.cost_cents],
    array[settle.meta], array[settle.audio_id], array[settle.audio_bytes],
    array[extract(epoch from settle.audio_expires)::double precision],
    array[settle.user_message], array[settle.reply_text]
  ) as s;
end
$$;

ALTER FUNCTION private.settle(reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb, audio_id bytea, audio_bytes bigint, audio_expires timestamp with time zone, user_message text, reply_text text) OWNER TO callwaiting_owner;

-- Name: settle_answer(uuid, bigint, text, integer, jsonb, bytea, bigint, timestamp with time zone, text, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.settle_answer(reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb, audio_id bytea, audio_bytes bigint, audio_expires timestamp with time zone, user_message text, reply_text text) RETURNS TABLE(outcome text, usage_id uuid, charged integer, reserved bigint, remaining bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return query
  select s.*
  from private.settle(
    settle_answer.reservation_id, settle_answer.milliseconds, settle_answer.kind, settle_answer.cost_cents,
    settle_answer.meta, settle_answer.audio_id, settle_answer.audio_bytes, settle_answer.audio_expires,
    settle_answer.user_message, settle_answer.reply_text
  ) as s;
end
$$;

ALTER FUNCTION private.settle_answer(reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb, audio_id bytea, audio_bytes bigint, audio_expires timestamp with time zone, user_message text, reply_text text) OWNER TO callwaiting_owner;

-- Name: settle_set(uuid[], bigint[], text[], integer[], jsonb[], bytea[], bigint[], double precision[], text[], text[]); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.settle_set(reservation_ids uuid[], milliseconds bigint[], kinds text[], cost_cents integer[], metas jsonb[], audio_ids bytea[], audio_bytes bigint[], audio_expires double precision[], user_messages text[], reply_texts text[]) RETURNS TABLE(reservation_id uuid, outcome text, usage_id uuid, charged integer, reserved bigint, remaining bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
#variable_conflict use_column
begin
  -- Keys before workspaces, as admission has it, and each in one order, so that no two sets wait for each other. What is
  -- held by a workspace changes only under its lock: it is read by a statement that begins when all are had.
  perform
  from private.idempotency_keys as k
  where k.reservation_id = any (settle_set.reservation_ids)
  order by k.scope, k.key_hash
  for update;
  perform
  from public.workspaces as w
  where w.id = any (array(
    select r.workspace_id from public.usage_reservations as r where r.id = any (settle_set.reservation_ids)
  ))
  order by w.id
  for no key update;

  return query
  with made as (
    select distinct on (m.id) m.*, greatest(coalesce(m.length, 0), 0) as spoken, to_timestamp(m.expiry) as expires
    from unnest(
      settle_set.reservation_ids, settle_set.milliseconds, settle_set.kinds, settle_set.cost_cents, settle_set.metas,
      settle_set.audio_ids, settle_set.audio_bytes, settle_set.audio_expires, settle_set.user_messages,
      settle_set.reply_texts
    ) with ordinality as m (
      id, length, kind, cost, meta, audio_id, bytes, expiry, user_message, reply_text, turn
    )
    order by m.id, m.turn
  ),
  asked as (
    select m.*, r.workspace_id, r.agent_id, r.user_id, r.conversation_id, r.state,
      r.usage_id as earlier_usage, r.seconds_charged, r.reserved_after, r.remaining_after,
      coalesce(r.state in ('held', 'expired'), false) as is_due,
      case r.state when 'held' then r.seconds_held else 0 end as freed,
      least(m.spoken / 1000 + (m.spoken % 1000 > 0)::integer, 2147483647)::integer as wanted
    from made as m
    left join public.usage_reservations as r on r.id = m.id
  ),
  metered as (
    select a.*, w.minutes_quota::bigint * 60 - w.seconds_used - w.seconds_reserved as unspent,
      w.seconds_reserved - sum(a.freed) over so_far as reserved, sum(a.freed - a.wanted) over so_far as surplus
    from asked as a
    join public.workspaces as w on w.id = a.workspace_id
    where a.is_due
    window so_far as (partition by a.workspace_id order by a.turn)
  ),
  -- Nobody pays more than there is: what remains never falls below zero, and what would have been below it at its lowest
  -- so far is not owed later either.
  capped as (
    select m.*, m.unspent + m.surplus - least(m.unspent + min(m.surplus) over so_far, 0) as remaining
    from metered as m
    window so_far as (partition by m.workspace_id order by m.turn)
  ),
  settled as materialized (
    select c.*, gen_random_uuid() as usage_id,
      (coalesce(lag(c.remaining) over so_far, c.unspent) + c.freed - c.remaining)::integer as charged
    from capped as c
    window so_far as (partition by c.workspace_id order by c.turn)
  ),
  logged as (
    insert into public.usage_logs (id, workspace_id, agent_id, user_id, kind, seconds, cost_cents, meta)
    select s.usage_id, s.workspace_id, s.agent_id, s.user_id, s.kind, s.charged, coalesce(s.cost, 0),
      coalesce(s.meta, '{}') || jsonb_build_object('milliseconds', s.spoken)
    from settled as s
    order by s.turn
  ),
  charged as (
    update public.workspaces as w
    set seconds_used = w.seconds_used + s.charged,
      seconds_reserved = w.seconds_reserved - s.freed
    from (
      select s.workspace_id, sum(s.charged) as charged, sum(s.freed) as freed from settled as s group by s.workspace_id
    ) as s
    where w.id = s.workspace_id
  ),
  ended as (
    update public.usage_reservations as r
    set state = 'settled',
      usage_id = s.usage_id,
      seconds_charged = s.charged,
      reserved_after = s.reserved,
      remaining_after = s.remaining
    from settled as s
    where r.id = s.id
  ),
  recorded as (
    insert into public.audio_files (id, workspace_id, bytes, expires_at)
    select s.audio_id, s.workspace_id, coalesce(s.bytes, 0), coalesce(s.expires, now() + interval '1 day')
    from settled as s
    where s.audio_id is not null
  ),
  spoken_in as (
    insert into public.conversations (id, workspace_id, agent_id)
    select distinct on (s.conversation_id) s.conversation_id, s.workspace_id, s.agent_id
    from settled as s
    where s.conversation_id is not null
    order by s.conversation_id
    on conflict (id) do update set last_message_at = now()
  ),
  exchanged as (
    insert into public.messages (conversation_id, role, content)
    select s.conversation_id, m.role, left(m.content, 65536)
    from settled as s
    cross join lateral (
      values (1, 'user', s.user_message), (2, 'assistant', s.reply_text)
    ) as m (side, role, content)
    where s.conversation_id is not null and m.content <> ''
    order by s.turn, m.side
  ),
  answered as (
    update private.idempotency_keys as k
    set answered_at = now(),
      milliseconds = s.length,
      audio_id = s.audio_id,
      audio_expires = s.expires,
      reply_text = s.reply_text
    from settled as s
    where k.reservation_id = s.id
  )
  select s.id, 'settled', s.usage_id, s.charged, s.reserved, s.remaining
  from settled as s
  union all
  select a.id, case a.state when 'settled' then 'already_settled' else 'unknown' end, a.earlier_usage, a.seconds_charged,
    a.reserved_after, a.remaining_after
  from asked as a
  where not a.is_due;
end
$$;

ALTER FUNCTION private.settle_set(reservation_ids uuid[], milliseconds bigint[], kinds text[], cost_cents integer[], metas jsonb[], audio_ids bytea[], audio_bytes bigint[], audio_expires double precision[], user_messages text[], reply_texts text[]) OWNER TO callwaiting_owner;

-- Name: show_agent(uuid, uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.show_agent(workspace uuid, agent_id uuid) RETURNS TABLE(outcome text, agent text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  acting constant uuid := private.acting_workspace(show_agent.workspace, array['owner', 'admin', 'member']);
  own public.agents;
begin
  select a.* into own
  from public.agents as a
  where a.id = show_agent.agent_id and a.workspace_id = acting and a.status <> 'deleted';
  outcome := case when acting is null then 'forbidden' when own.id is null then 'not_found' else 'ok' end;
  if outcome = 'ok' then
    agent := (private.agent_object(own) || jsonb_build_object('keys', private.key_objects(own.id)))::text;
  end if;
  return next;
end
$$;

ALTER FUNCTION private.show_agent(workspace uuid, agent_id uuid) OWNER TO callwaiting_owner;

-- Name: sign_in(text, text, integer, bytea); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea) RETURNS TABLE(outcome text, user_json text, session_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $_$
declare
  person record;
  hash text;
  cost constant integer := least(greatest(coalesce(sign_in.bcrypt_cost, 10), 4), 16);
  its_cost integer;
begin
  select u.id, u.email_confirmed_at, u.banned_until, u.encrypted_password into person
  from auth.users as u
  where u.email = lower(btrim(sign_in.email))
    and u.deleted_at is null
    and not coalesce(u.is_sso_user, false)
    and u.encrypted_password ~ '^\$2[ax]\$[0-9]{2}\$' -- the bcrypts that pgcrypto knows; none for who signs in elsewhere
  limit 1;
  if person.id is null then
    perform private.bcrypt(sign_in.password, cost);
    outcome := 'invalid';
  else
    hash := extensions.crypt(sign_in.password, person.encrypted_password);
    its_cost := substr(person.encrypted_password, 5, 2)::integer;
    -- Costs are powers of two: n + n + (n + 1) + … + (cost - 1) is cost.
    for more in its_cost .. cost - 1 loop
      perform private.bcrypt(sign_in.password, more);
    end loop;
    outcome := case
      when hash is distinct from person.encrypted_password then 'invalid'
      when person.banned_until > now() then 'banned'
      when person.email_confirmed_at is null then 'unconfirmed'
      else 'ok'
    end;
  end if;
  if outcome = 'ok' then
    if its_cost <> cost then
      update auth.users as u
      set encrypted_password = private.bcrypt(sign_in.password, cost)
      where u.id = person.id and u.encrypted_password = person.encrypted_password;
    end if;
    session_id := private.open_session(person.id, sign_in.refresh_hash);
    user_json := private.user_json(person.id);
  end if;
  return next;
end
$_$;

ALTER FUNCTION private.sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea) OWNER TO callwaiting_owner;

-- Name: sign_in(text, text, integer, bytea, inet, integer, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea, address inet, address_per_minute integer, account_per_minute integer) RETURNS TABLE(outcome text, user_json text, session_id uuid, retry_after integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  taken record := private.take(private.address_bucket('sign-in', sign_in.address), sign_in.address_per_minute);
begin
  if taken.allowed then
    taken := private.take(
      'account ' || encode(sha256(convert_to(lower(btrim(sign_in.email)), 'UTF8')), 'hex'), sign_in.account_per_minute
    );
  end if;
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.sign_in(sign_in.email, sign_in.password, sign_in.bcrypt_cost, sign_in.refresh_hash) as a;
end
$$;

ALTER FUNCTION private.sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea, address inet, address_per_minute integer, account_per_minute integer) OWNER TO callwaiting_owner;

-- Name: sign_out(uuid, uuid, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.sign_out(user_id uuid, session_id uuid, scope text) RETURNS TABLE(outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
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
$$;

ALTER FUNCTION private.sign_out(user_id uuid, session_id uuid, scope text) OWNER TO callwaiting_owner;

-- Name: sign_up(text, text, jsonb, integer, boolean, bytea); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.sign_up(email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea) RETURNS TABLE(outcome text, user_json text, session_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
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
$$;

ALTER FUNCTION private.sign_up(email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea) OWNER TO callwaiting_owner;

-- Name: sign_up(text, text, jsonb, integer, boolean, bytea, inet, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.sign_up(email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea, address inet, address_per_minute integer) RETURNS TABLE(outcome text, user_json text, session_id uuid, retry_after integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  taken record := private.take(private.address_bucket('sign-up', sign_up.address), sign_up.address_per_minute);
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.sign_up(
      sign_up.email, sign_up.password, sign_up.data, sign_up.bcrypt_cost, sign_up.confirm, sign_up.refresh_hash
    ) as a;
end
$$;

ALTER FUNCTION private.sign_up(email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea, address inet, address_per_minute integer) OWNER TO callwaiting_owner;

-- Name: take(text, integer); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.take(bucket text, per_minute integer, OUT allowed boolean, OUT retry_after integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  minute constant interval := interval '1 minute';
  one interval;
  until timestamptz;
begin
  allowed := true;
  if coalesce(take.per_minute, 0) < 1 or take.bucket is null then
    return;
  end if;
  one := minute / take.per_minute;
  -- After the wait for the row, so by the clock. A time further off than a minute is one that a clock set back has left.
  insert into private.rate_limits as r (bucket, full_at)
  values (left(take.bucket, 200), clock_timestamp() + one)
  on conflict on constraint rate_limits_pkey do update
  set full_at = one + case
    when r.full_at between clock_timestamp() and clock_timestamp() + minute then r.full_at
    else clock_timestamp()
  end
  where r.full_at not between clock_timestamp() + minute - one and clock_timestamp() + minute + interval '1 second';
  if not found then
    allowed := false;
    select r.full_at into until from private.rate_limits as r where r.bucket = left(take.bucket, 200);
    retry_after := greatest(ceil(extract(epoch from until - (minute - one) - clock_timestamp())), 1);
  end if;
end
$$;

ALTER FUNCTION private.take(bucket text, per_minute integer, OUT allowed boolean, OUT retry_after integer) OWNER TO callwaiting_owner;

-- Name: update_agent(uuid, uuid, text, text, text, text); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.update_agent(workspace uuid, agent_id uuid, name text, system_prompt text, voice_id text, status text) RETURNS TABLE(outcome text, agent text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  acting constant uuid := private.acting_workspace(update_agent.workspace, array['owner', 'admin', 'member']);
  own public.agents := private.own_agent(acting, update_agent.agent_id);
begin
  outcome := case when acting is null then 'forbidden' when own.id is null then 'not_found' else 'updated' end;
  if outcome = 'updated' then
    update public.agents as a
    set name = coalesce(update_agent.name, a.name),
      system_prompt = coalesce(update_agent.system_prompt, a.system_prompt),
      voice_id = coalesce(update_agent.voice_id, a.voice_id),
      status = case when update_agent.status in ('active', 'paused') then update_agent.status else a.status end
    where a.id = own.id
    returning a.* into own;
    agent := (private.agent_object(own) || jsonb_build_object('keys', private.key_objects(own.id)))::text;
  end if;
  return next;
end
$$;

ALTER FUNCTION private.update_agent(workspace uuid, agent_id uuid, name text, system_prompt text, voice_id text, status text) OWNER TO callwaiting_owner;

-- Name: usage_report(uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.usage_report(workspace uuid) RETURNS TABLE(outcome text, plan text, minutes_quota integer, seconds_used bigint, seconds_reserved bigint, period_end text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  own constant public.workspaces := private.acting_on(usage_report.workspace, array['owner', 'admin', 'member']);
begin
  outcome := case when own.id is null then 'forbidden' else 'ok' end;
  plan := own.plan;
  minutes_quota := own.minutes_quota;
  seconds_used := own.seconds_used;
  seconds_reserved := own.seconds_reserved;
  period_end := to_char(own.period_end at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
  return next;
end
$$;

ALTER FUNCTION private.usage_report(workspace uuid) OWNER TO callwaiting_owner;

-- Name: user_json(uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.user_json(person uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
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
$$;

ALTER FUNCTION private.user_json(person uuid) OWNER TO callwaiting_owner;

-- Name: user_saved(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.user_saved() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  if tg_op = 'INSERT' then
    perform private.welcome(new.id);
  else
    update public.profiles as p
    set email = nullif(new.email, '')
    where p.id = new.id and p.email is distinct from nullif(new.email, '');
    perform private.give_trial(new.id);
  end if;
  return null;
end
$$;

ALTER FUNCTION private.user_saved() OWNER TO callwaiting_owner;

-- Name: wake_workers(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.wake_workers() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  perform pg_notify('callwaiting_worker', '');
end
$$;

ALTER FUNCTION private.wake_workers() OWNER TO callwaiting_owner;

-- Name: welcome(uuid); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.welcome(person uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  someone record;
  full_name text;
  workspace uuid;
begin
  select u.id, nullif(u.email, '') as email, u.raw_user_meta_data as data into someone
  from auth.users as u
  where u.id = welcome.person;
  -- What people say of themselves is cut to size rather than refused: a long name is no reason not to sign up.
  full_name := case jsonb_typeof(someone.data -> 'full_name')
    when 'string' then nullif(left(btrim(someone.data ->> 'full_name'), 200), '')
  end;

  insert into public.profiles (id, email, full_name)
  values (someone.id, someone.email, full_name)
  on conflict do nothing;
  if not found then
    return;
  end if;
  insert into public.workspaces (name)
  values (left(coalesce(full_name, nullif(split_part(someone.email, '@', 1), ''), 'Workspace'), 100))
  returning id into workspace;
  insert into public.memberships (workspace_id, user_id, role)
  values (workspace, someone.id, 'owner');
  perform private.give_trial(someone.id);
end
$$;

ALTER FUNCTION private.welcome(person uuid) OWNER TO callwaiting_owner;

-- Name: worker_backlog(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.worker_backlog() RETURNS TABLE(events_due integer, oldest_due_seconds integer, events_failing integer, events_given_up integer, payments_due integer)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select
    count(*) filter (where e.next_attempt_at <= now() and e.attempts < private.event_attempts())::integer,
    coalesce(
      extract(
        epoch from now() - min(e.next_attempt_at) filter (
          where e.next_attempt_at <= now() and e.attempts < private.event_attempts()
        )
      ),
      0
    )::integer,
    count(*) filter (where e.attempts between 1 and private.event_attempts() - 1)::integer,
    count(*) filter (where e.attempts >= private.event_attempts())::integer,
    (
      select count(*)::integer
      from public.subscriptions as s
      where s.status in ('pending', 'failed', 'expired', 'cancelled')
        and (s.status = 'pending' or s.payment_link is not null)
        and s.next_check_at <= now()
        and s.created_at > now() - interval '2 days'
    )
  from public.payment_events as e
  where e.processed_at is null
$$;

ALTER FUNCTION private.worker_backlog() OWNER TO callwaiting_owner;

-- Name: worker_rest(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.worker_rest() RETURNS TABLE(seconds double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select greatest(extract(epoch from least(
    (
      select min(e.next_attempt_at)
      from public.payment_events as e
      where e.processed_at is null and e.attempts < private.event_attempts()
    ),
    (
      select min(s.next_check_at)
      from public.subscriptions as s
      where s.status in ('pending', 'failed', 'expired', 'cancelled') and s.next_check_at < 'infinity'
    )
  ) - now()), 0)::double precision
$$;

ALTER FUNCTION private.worker_rest() OWNER TO callwaiting_owner;

-- Name: written_once(); Type: FUNCTION; Schema: private; Owner: callwaiting_owner

CREATE FUNCTION private.written_once() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if pg_catalog.pg_has_role(session_user, (select c.relowner from pg_catalog.pg_class as c where c.oid = tg_relid), 'member')
  then
    return null;
  end if;
  raise exception '% of %.% is refused: it is written once', lower(tg_op), tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end
$$;

ALTER FUNCTION private.written_once() OWNER TO callwaiting_owner;

-- Name: subscriptions; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.subscriptions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    tx_ref text NOT NULL,
    plan text NOT NULL,
    minutes integer NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    payment_link text,
    flw_transaction_id bigint,
    flw_ref text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    next_check_at timestamp with time zone DEFAULT (now() + '00:05:00'::interval) NOT NULL,
    activated_at timestamp with time zone,
    refunded_at timestamp with time zone,
    period_end timestamp with time zone,
    CONSTRAINT subscriptions_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT subscriptions_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT subscriptions_minutes_check CHECK ((minutes > 0)),
    CONSTRAINT subscriptions_paid_check CHECK (((status = ANY (ARRAY['active'::text, 'refunded'::text])) = ((flw_transaction_id IS NOT NULL) AND (activated_at IS NOT NULL)))),
    CONSTRAINT subscriptions_payment_link_check CHECK ((char_length(payment_link) <= 2000)),
    CONSTRAINT subscriptions_plan_check CHECK ((plan = ANY (ARRAY['basic'::text, 'pro'::text, 'enterprise'::text]))),
    CONSTRAINT subscriptions_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'failed'::text, 'cancelled'::text, 'expired'::text, 'refunded'::text]))),
    CONSTRAINT subscriptions_tx_ref_check CHECK (((char_length(tx_ref) >= 1) AND (char_length(tx_ref) <= 100)))
);

ALTER TABLE ONLY public.subscriptions FORCE ROW LEVEL SECURITY;

ALTER TABLE public.subscriptions OWNER TO callwaiting_owner;

-- Name: TABLE subscriptions; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.subscriptions IS 'One payment attempt each. Money in minor units (kobo) of currency.';

-- Name: COLUMN subscriptions.user_id; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON COLUMN public.subscriptions.user_id IS 'Who asked for the link. No foreign key: a ledger.';

-- Name: COLUMN subscriptions.next_check_at; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON COLUMN public.subscriptions.next_check_at IS 'When the worker next asks the provider about this tx_ref.';

-- Name: COLUMN subscriptions.period_end; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON COLUMN public.subscriptions.period_end IS 'What this payment moved the workspace''s period_end to.';

-- Name: amount(public.subscriptions); Type: FUNCTION; Schema: public; Owner: callwaiting_owner

CREATE FUNCTION public.amount(subscription public.subscriptions) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select (subscription).amount_minor
$$;

ALTER FUNCTION public.amount(subscription public.subscriptions) OWNER TO callwaiting_owner;

-- Name: profiles; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.profiles (
    id uuid NOT NULL,
    email text,
    full_name text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT profiles_email_check CHECK ((char_length(email) <= 254)),
    CONSTRAINT profiles_full_name_check CHECK ((char_length(full_name) <= 200))
);

ALTER TABLE ONLY public.profiles FORCE ROW LEVEL SECURITY;

ALTER TABLE public.profiles OWNER TO callwaiting_owner;

-- Name: TABLE profiles; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.profiles IS 'A person, made from auth.users by trigger. email is null for anonymous users.';

-- Name: minutes_quota(public.profiles); Type: FUNCTION; Schema: public; Owner: callwaiting_owner

CREATE FUNCTION public.minutes_quota(profile public.profiles) RETURNS integer
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select w.minutes_quota from private.home_workspace((profile).id) as w
$$;

ALTER FUNCTION public.minutes_quota(profile public.profiles) OWNER TO callwaiting_owner;

-- Name: minutes_used(public.profiles); Type: FUNCTION; Schema: public; Owner: callwaiting_owner

CREATE FUNCTION public.minutes_used(profile public.profiles) RETURNS integer
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select ((w.seconds_used + 59) / 60)::integer from private.home_workspace((profile).id) as w
$$;

ALTER FUNCTION public.minutes_used(profile public.profiles) OWNER TO callwaiting_owner;

-- Name: plan(public.profiles); Type: FUNCTION; Schema: public; Owner: callwaiting_owner

CREATE FUNCTION public.plan(profile public.profiles) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select w.plan from private.home_workspace((profile).id) as w
$$;

ALTER FUNCTION public.plan(profile public.profiles) OWNER TO callwaiting_owner;

-- Name: webhook_url(public.agents); Type: FUNCTION; Schema: public; Owner: callwaiting_owner

CREATE FUNCTION public.webhook_url(agent public.agents) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select (select private.public_url()) || '/api/agent/' || (agent).id || '/webhook'
$$;

ALTER FUNCTION public.webhook_url(agent public.agents) OWNER TO callwaiting_owner;

-- Name: users; Type: TABLE; Schema: auth; Owner: callwaiting_owner

CREATE TABLE auth.users (
    instance_id uuid,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    aud text DEFAULT 'authenticated'::text NOT NULL,
    role text DEFAULT 'authenticated'::text NOT NULL,
    email text,
    encrypted_password text,
    email_confirmed_at timestamp with time zone,
    invited_at timestamp with time zone,
    confirmation_sent_at timestamp with time zone,
    recovery_sent_at timestamp with time zone,
    last_sign_in_at timestamp with time zone,
    raw_app_meta_data jsonb DEFAULT '{"provider": "email", "providers": ["email"]}'::jsonb NOT NULL,
    raw_user_meta_data jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    phone text,
    phone_confirmed_at timestamp with time zone,
    confirmed_at timestamp with time zone GENERATED ALWAYS AS (LEAST(email_confirmed_at, phone_confirmed_at)) STORED,
    banned_until timestamp with time zone,
    is_sso_user boolean DEFAULT false NOT NULL,
    deleted_at timestamp with time zone,
    is_anonymous boolean DEFAULT false NOT NULL,
    CONSTRAINT users_email_check CHECK (((email = lower(email)) AND ((char_length(email) >= 3) AND (char_length(email) <= 254))))
);

ALTER TABLE ONLY auth.users FORCE ROW LEVEL SECURITY;

ALTER TABLE auth.users OWNER TO callwaiting_owner;

-- Name: TABLE users; Type: COMMENT; Schema: auth; Owner: callwaiting_owner

COMMENT ON TABLE auth.users IS 'People who can sign in; a compatible minimum of Supabase''s table. Passwords are bcrypt. No client may see it.';

-- Name: migrations; Type: TABLE; Schema: private; Owner: callwaiting_owner

CREATE TABLE private.migrations (
    name text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT migrations_name_check CHECK ((name ~ '^[0-9]{4}_[a-z0-9_]+\.sql$'::text)),
    CONSTRAINT migrations_sha256_check CHECK ((octet_length(sha256) = 32))
);

ALTER TABLE ONLY private.migrations FORCE ROW LEVEL SECURITY;

ALTER TABLE private.migrations OWNER TO callwaiting_owner;

-- Name: TABLE migrations; Type: COMMENT; Schema: private; Owner: callwaiting_owner

COMMENT ON TABLE private.migrations IS 'One row per applied file of sql/migrations, with the SHA-256 of its bytes. Written only by `callwaiting migrate`.';

-- Name: rate_limits; Type: TABLE; Schema: private; Owner: callwaiting_owner

CREATE UNLOGGED TABLE private.rate_limits (
    bucket text NOT NULL,
    full_at timestamp with time zone NOT NULL,
    CONSTRAINT rate_limits_bucket_check CHECK (((char_length(bucket) >= 1) AND (char_length(bucket) <= 200)))
)
WITH (fillfactor='50');

ALTER TABLE ONLY private.rate_limits FORCE ROW LEVEL SECURITY;

ALTER TABLE private.rate_limits OWNER TO callwaiting_owner;

-- Name: TABLE rate_limits; Type: COMMENT; Schema: private; Owner: callwaiting_owner

COMMENT ON TABLE private.rate_limits IS 'What has been asked of late: one row for each key, person or address. Kept for minutes; see purge_rate_limits().';

-- Name: refresh_tokens; Type: TABLE; Schema: private; Owner: callwaiting_owner

CREATE TABLE private.refresh_tokens (
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT refresh_tokens_token_hash_check CHECK ((octet_length(token_hash) = 32))
);

ALTER TABLE ONLY private.refresh_tokens FORCE ROW LEVEL SECURITY;

ALTER TABLE private.refresh_tokens OWNER TO callwaiting_owner;

-- Name: TABLE refresh_tokens; Type: COMMENT; Schema: private; Owner: callwaiting_owner

COMMENT ON TABLE private.refresh_tokens IS 'SHA-256 of tokens. used_at is set by the one refresh that it is good for.';

-- Name: sessions; Type: TABLE; Schema: private; Owner: callwaiting_owner

CREATE TABLE private.sessions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    refreshed_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone
);

ALTER TABLE ONLY private.sessions FORCE ROW LEVEL SECURITY;

ALTER TABLE private.sessions OWNER TO callwaiting_owner;

-- Name: TABLE sessions; Type: COMMENT; Schema: private; Owner: callwaiting_owner

COMMENT ON TABLE private.sessions IS 'Not in schema auth, which on Supabase is not ours. Ends session_idle_limit() after its last refresh.';

-- Name: settings; Type: TABLE; Schema: private; Owner: callwaiting_owner

CREATE TABLE private.settings (
    name text NOT NULL,
    value text NOT NULL,
    CONSTRAINT settings_name_check CHECK ((name = ANY (ARRAY['trial_minutes'::text, 'public_url'::text]))),
    CONSTRAINT settings_public_url_check CHECK (((name <> 'public_url'::text) OR (value ~ '^https?://[^/].*[^/]$'::text))),
    CONSTRAINT settings_trial_minutes_check CHECK (((name <> 'trial_minutes'::text) OR (value ~ '^[0-9]{1,6}$'::text))),
    CONSTRAINT settings_value_check CHECK ((char_length(value) <= 2000))
);

ALTER TABLE ONLY private.settings FORCE ROW LEVEL SECURITY;

ALTER TABLE private.settings OWNER TO callwaiting_owner;

-- Name: TABLE settings; Type: COMMENT; Schema: private; Owner: callwaiting_owner

COMMENT ON TABLE private.settings IS 'trial_minutes (given with a confirmed e-mail) and public_url (this server''s base address, no slash at the end).';

-- Name: api_keys; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.api_keys (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    workspace_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    key_hash bytea NOT NULL,
    hint text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT api_keys_hint_check CHECK (((char_length(hint) >= 1) AND (char_length(hint) <= 16))),
    CONSTRAINT api_keys_key_hash_check CHECK ((octet_length(key_hash) = 32))
);

ALTER TABLE ONLY public.api_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE public.api_keys OWNER TO callwaiting_owner;

-- Name: TABLE api_keys; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.api_keys IS 'Keys of agents, as SHA-256; hint is the last few characters, for telling them apart.';

-- Name: COLUMN api_keys.last_used_at; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON COLUMN public.api_keys.last_used_at IS 'To the minute: written at most once a minute.';

-- Name: audio_files; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.audio_files (
    id bytea NOT NULL,
    workspace_id uuid NOT NULL,
    bytes bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    claimed_until timestamp with time zone,
    deleted_at timestamp with time zone,
    CONSTRAINT audio_files_bytes_check CHECK ((bytes >= 0)),
    CONSTRAINT audio_files_id_check CHECK ((octet_length(id) = 16))
);

ALTER TABLE ONLY public.audio_files FORCE ROW LEVEL SECURITY;

ALTER TABLE public.audio_files OWNER TO callwaiting_owner;

-- Name: TABLE audio_files; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.audio_files IS 'id is the file''s name in the AudioStore, 128 random bits; sizes in bytes.';

-- Name: COLUMN audio_files.claimed_until; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON COLUMN public.audio_files.claimed_until IS 'A worker is deleting the file; another may try after this time.';

-- Name: conversations; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.conversations (
    id uuid DEFAULT (encode(extensions.gen_random_bytes(16), 'hex'::text))::uuid NOT NULL,
    workspace_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_message_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.conversations FORCE ROW LEVEL SECURITY;

ALTER TABLE public.conversations OWNER TO callwaiting_owner;

-- Name: TABLE conversations; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.conversations IS '128 random bits of id, made by the server, returned with the first reply.';

-- Name: grants; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.grants (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    workspace_id uuid NOT NULL,
    minutes integer NOT NULL,
    cause text NOT NULL,
    subscription_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT grants_cause_check CHECK ((cause = ANY (ARRAY['trial'::text, 'payment'::text, 'refund'::text, 'correction'::text]))),
    CONSTRAINT grants_minutes_check CHECK ((minutes <> 0)),
    CONSTRAINT grants_subscription_id_check CHECK (((subscription_id IS NOT NULL) = (cause = ANY (ARRAY['payment'::text, 'refund'::text]))))
);

ALTER TABLE ONLY public.grants FORCE ROW LEVEL SECURITY;

ALTER TABLE public.grants OWNER TO callwaiting_owner;

-- Name: TABLE grants; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.grants IS 'Append-only. Minutes given (trial, payment) and taken back (refund, negative); correction is an operator''s.';

-- Name: memberships; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.memberships (
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text])))
);

ALTER TABLE ONLY public.memberships FORCE ROW LEVEL SECURITY;

ALTER TABLE public.memberships OWNER TO callwaiting_owner;

-- Name: TABLE memberships; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.memberships IS 'Who is in which workspace, and as what.';

-- Name: messages; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.messages (
    id bigint NOT NULL,
    conversation_id uuid NOT NULL,
    role text NOT NULL,
    content text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT messages_content_check CHECK (((char_length(content) >= 1) AND (char_length(content) <= 65536))),
    CONSTRAINT messages_role_check CHECK ((role = ANY (ARRAY['user'::text, 'assistant'::text])))
);

ALTER TABLE ONLY public.messages FORCE ROW LEVEL SECURITY;

ALTER TABLE public.messages OWNER TO callwaiting_owner;

-- Name: TABLE messages; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.messages IS 'What callers and agents said; personal data, kept for MESSAGE_RETENTION days.';

-- Name: messages_id_seq; Type: SEQUENCE; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.messages ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.messages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: payment_events; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.payment_events (
    id bigint NOT NULL,
    provider text NOT NULL,
    event_key text NOT NULL,
    tx_ref text,
    transaction_id bigint,
    kind text,
    payload jsonb NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT (now() + '00:02:00'::interval) NOT NULL,
    last_error text,
    processed_at timestamp with time zone,
    outcome text,
    CONSTRAINT payment_events_event_key_check CHECK (((char_length(event_key) >= 1) AND (char_length(event_key) <= 300))),
    CONSTRAINT payment_events_provider_check CHECK (((char_length(provider) >= 1) AND (char_length(provider) <= 50)))
);

ALTER TABLE ONLY public.payment_events FORCE ROW LEVEL SECURITY;

ALTER TABLE public.payment_events OWNER TO callwaiting_owner;

-- Name: TABLE payment_events; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.payment_events IS 'Raw webhook bodies, one row per event however often it is delivered.';

-- Name: payment_events_id_seq; Type: SEQUENCE; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.payment_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.payment_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: payment_transactions; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.payment_transactions (
    transaction_id bigint NOT NULL,
    subscription_id uuid NOT NULL,
    status text NOT NULL,
    amount_minor bigint,
    currency text,
    flw_ref text,
    effect text DEFAULT 'none'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT payment_transactions_currency_check CHECK ((char_length(currency) <= 10)),
    CONSTRAINT payment_transactions_effect_check CHECK ((effect = ANY (ARRAY['none'::text, 'activated'::text, 'duplicate'::text, 'mismatch'::text, 'refunded'::text]))),
    CONSTRAINT payment_transactions_status_check CHECK ((char_length(status) <= 100))
);

ALTER TABLE ONLY public.payment_transactions FORCE ROW LEVEL SECURITY;

ALTER TABLE public.payment_transactions OWNER TO callwaiting_owner;

-- Name: TABLE payment_transactions; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.payment_transactions IS 'effect duplicate: paid a second time on one tx_ref, owed back by the operator; mismatch: too little or other money.';

-- Name: subscription_changes; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.subscription_changes (
    id bigint NOT NULL,
    subscription_id uuid NOT NULL,
    from_status text,
    to_status text NOT NULL,
    cause text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT subscription_changes_cause_check CHECK (((char_length(cause) >= 1) AND (char_length(cause) <= 200)))
);

ALTER TABLE ONLY public.subscription_changes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.subscription_changes OWNER TO callwaiting_owner;

-- Name: TABLE subscription_changes; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.subscription_changes IS 'Append-only. Every state that a payment has had, and what changed it. from_status is null of the first.';

-- Name: subscription_changes_id_seq; Type: SEQUENCE; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.subscription_changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.subscription_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: trial_claims; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.trial_claims (
    email_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT trial_claims_email_hash_check CHECK ((octet_length(email_hash) = 32))
);

ALTER TABLE ONLY public.trial_claims FORCE ROW LEVEL SECURITY;

ALTER TABLE public.trial_claims OWNER TO callwaiting_owner;

-- Name: TABLE trial_claims; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.trial_claims IS 'SHA-256 of each normalised e-mail that was given a trial. Kept when the account goes, or that would renew it.';

-- Name: usage_logs; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.usage_logs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    workspace_id uuid NOT NULL,
    agent_id uuid,
    user_id uuid,
    kind text NOT NULL,
    seconds integer NOT NULL,
    cost_cents integer DEFAULT 0 NOT NULL,
    meta jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT usage_logs_cost_cents_check CHECK ((cost_cents >= 0)),
    CONSTRAINT usage_logs_kind_check CHECK ((kind = ANY (ARRAY['agent_reply'::text, 'voice'::text]))),
    CONSTRAINT usage_logs_meta_check CHECK ((jsonb_typeof(meta) = 'object'::text)),
    CONSTRAINT usage_logs_seconds_check CHECK ((seconds >= 0))
);

ALTER TABLE ONLY public.usage_logs FORCE ROW LEVEL SECURITY;

ALTER TABLE public.usage_logs OWNER TO callwaiting_owner;

-- Name: TABLE usage_logs; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.usage_logs IS 'Append-only. seconds: charged, whole, rounded up per reply. meta.milliseconds: how long the sound really is.';

-- Name: COLUMN usage_logs.user_id; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON COLUMN public.usage_logs.user_id IS 'Who asked for the voice, or who made the agent. No foreign key: a ledger.';

-- Name: usage_reservations; Type: TABLE; Schema: public; Owner: callwaiting_owner

CREATE TABLE public.usage_reservations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    workspace_id uuid NOT NULL,
    user_id uuid,
    agent_id uuid,
    conversation_id uuid,
    seconds_held integer NOT NULL,
    state text DEFAULT 'held'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    usage_id uuid,
    seconds_charged integer,
    reserved_after bigint,
    remaining_after bigint,
    doubted_at timestamp with time zone,
    CONSTRAINT usage_reservations_receipt_check CHECK ((((state = 'settled'::text) = (usage_id IS NOT NULL)) AND (num_nulls(usage_id, seconds_charged, reserved_after, remaining_after) = ANY (ARRAY[0, 4])))),
    CONSTRAINT usage_reservations_seconds_held_check CHECK ((seconds_held >= 1)),
    CONSTRAINT usage_reservations_state_check CHECK ((state = ANY (ARRAY['held'::text, 'settled'::text, 'released'::text, 'expired'::text])))
);

ALTER TABLE ONLY public.usage_reservations FORCE ROW LEVEL SECURITY;

ALTER TABLE public.usage_reservations OWNER TO callwaiting_owner;

-- Name: TABLE usage_reservations; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON TABLE public.usage_reservations IS 'Seconds held for replies being made; settled ones keep their receipt.';

-- Name: COLUMN usage_reservations.conversation_id; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON COLUMN public.usage_reservations.conversation_id IS 'Of an agent''s reply. No foreign key: a new conversation is written when its first reply is settled.';

-- Name: COLUMN usage_reservations.doubted_at; Type: COMMENT; Schema: public; Owner: callwaiting_owner

COMMENT ON COLUMN public.usage_reservations.doubted_at IS 'When its lease was first found to be over; a look half a lease later expires it.';

-- Name: users users_email_key; Type: CONSTRAINT; Schema: auth; Owner: callwaiting_owner

ALTER TABLE ONLY auth.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

-- Name: users users_pkey; Type: CONSTRAINT; Schema: auth; Owner: callwaiting_owner

ALTER TABLE ONLY auth.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: private; Owner: callwaiting_owner

ALTER TABLE ONLY private.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, key_hash);

-- Name: idempotency_keys idempotency_keys_reservation_id_key; Type: CONSTRAINT; Schema: private; Owner: callwaiting_owner

ALTER TABLE ONLY private.idempotency_keys
    ADD CONSTRAINT idempotency_keys_reservation_id_key UNIQUE (reservation_id);

-- Name: idempotency_keys idempotency_keys_tx_ref_key; Type: CONSTRAINT; Schema: private; Owner: callwaiting_owner

ALTER TABLE ONLY private.idempotency_keys
    ADD CONSTRAINT idempotency_keys_tx_ref_key UNIQUE (tx_ref);

-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: private; Owner: callwaiting_owner

ALTER TABLE ONLY private.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);

-- Name: rate_limits rate_limits_pkey; Type: CONSTRAINT; Schema: private; Owner: callwaiting_owner

ALTER TABLE ONLY private.rate_limits
    ADD CONSTRAINT rate_limits_pkey PRIMARY KEY (bucket);

-- Name: refresh_tokens refresh_tokens_pkey; Type: CONSTRAINT; Schema: private; Owner: callwaiting_owner

ALTER TABLE ONLY private.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash);

-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: private; Owner: callwaiting_owner

ALTER TABLE ONLY private.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

-- Name: settings settings_pkey; Type: CONSTRAINT; Schema: private; Owner: callwaiting_owner

ALTER TABLE ONLY private.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);

-- Name: agents agents_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (id);

-- Name: api_keys api_keys_agent_id_key_hash_key; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_agent_id_key_hash_key UNIQUE (agent_id, key_hash);

-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

-- Name: audio_files audio_files_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.audio_files
    ADD CONSTRAINT audio_files_pkey PRIMARY KEY (id);

-- Name: conversations conversations_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (id);

-- Name: grants grants_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_pkey PRIMARY KEY (id);

-- Name: grants grants_subscription_id_cause_key; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_subscription_id_cause_key UNIQUE (subscription_id, cause);

-- Name: memberships memberships_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (workspace_id, user_id);

-- Name: messages messages_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);

-- Name: payment_events payment_events_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.payment_events
    ADD CONSTRAINT payment_events_pkey PRIMARY KEY (id);

-- Name: payment_events payment_events_provider_event_key_key; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.payment_events
    ADD CONSTRAINT payment_events_provider_event_key_key UNIQUE (provider, event_key);

-- Name: payment_transactions payment_transactions_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.payment_transactions
    ADD CONSTRAINT payment_transactions_pkey PRIMARY KEY (transaction_id);

-- Name: profiles profiles_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (id);

-- Name: subscription_changes subscription_changes_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.subscription_changes
    ADD CONSTRAINT subscription_changes_pkey PRIMARY KEY (id);

-- Name: subscriptions subscriptions_flw_transaction_id_key; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_flw_transaction_id_key UNIQUE (flw_transaction_id);

-- Name: subscriptions subscriptions_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (id);

-- Name: subscriptions subscriptions_tx_ref_key; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_tx_ref_key UNIQUE (tx_ref);

-- Name: trial_claims trial_claims_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.trial_claims
    ADD CONSTRAINT trial_claims_pkey PRIMARY KEY (email_hash);

-- Name: usage_logs usage_logs_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.usage_logs
    ADD CONSTRAINT usage_logs_pkey PRIMARY KEY (id);

-- Name: usage_reservations usage_reservations_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.usage_reservations
    ADD CONSTRAINT usage_reservations_pkey PRIMARY KEY (id);

-- Name: usage_reservations usage_reservations_usage_id_key; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.usage_reservations
    ADD CONSTRAINT usage_reservations_usage_id_key UNIQUE (usage_id);

-- Name: workspaces workspaces_pkey; Type: CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.workspaces
    ADD CONSTRAINT workspaces_pkey PRIMARY KEY (id);

-- Name: idempotency_keys_created_at_idx; Type: INDEX; Schema: private; Owner: callwaiting_owner

CREATE INDEX idempotency_keys_created_at_idx ON private.idempotency_keys USING btree (created_at);

-- Name: refresh_tokens_session_id_idx; Type: INDEX; Schema: private; Owner: callwaiting_owner

CREATE INDEX refresh_tokens_session_id_idx ON private.refresh_tokens USING btree (session_id);

-- Name: sessions_user_id_idx; Type: INDEX; Schema: private; Owner: callwaiting_owner

CREATE INDEX sessions_user_id_idx ON private.sessions USING btree (user_id);

-- Name: agents_user_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX agents_user_id_idx ON public.agents USING btree (user_id);

-- Name: agents_workspace_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX agents_workspace_id_idx ON public.agents USING btree (workspace_id);

-- Name: api_keys_workspace_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX api_keys_workspace_id_idx ON public.api_keys USING btree (workspace_id);

-- Name: audio_files_expires_at_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX audio_files_expires_at_idx ON public.audio_files USING btree (expires_at) WHERE (deleted_at IS NULL);

-- Name: audio_files_workspace_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX audio_files_workspace_id_idx ON public.audio_files USING btree (workspace_id);

-- Name: conversations_agent_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX conversations_agent_id_idx ON public.conversations USING btree (agent_id);

-- Name: conversations_last_message_at_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX conversations_last_message_at_idx ON public.conversations USING btree (last_message_at);

-- Name: conversations_workspace_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX conversations_workspace_id_idx ON public.conversations USING btree (workspace_id);

-- Name: grants_workspace_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX grants_workspace_id_idx ON public.grants USING btree (workspace_id);

-- Name: grants_workspace_id_trial_key; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE UNIQUE INDEX grants_workspace_id_trial_key ON public.grants USING btree (workspace_id) WHERE (cause = 'trial'::text);

-- Name: memberships_user_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX memberships_user_id_idx ON public.memberships USING btree (user_id);

-- Name: messages_conversation_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX messages_conversation_id_idx ON public.messages USING btree (conversation_id, id);

-- Name: messages_created_at_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX messages_created_at_idx ON public.messages USING btree (created_at);

-- Name: payment_events_next_attempt_at_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX payment_events_next_attempt_at_idx ON public.payment_events USING btree (next_attempt_at) WHERE (processed_at IS NULL);

-- Name: payment_events_processed_at_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX payment_events_processed_at_idx ON public.payment_events USING btree (processed_at) WHERE (processed_at IS NOT NULL);

-- Name: payment_transactions_subscription_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX payment_transactions_subscription_id_idx ON public.payment_transactions USING btree (subscription_id);

-- Name: subscription_changes_subscription_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX subscription_changes_subscription_id_idx ON public.subscription_changes USING btree (subscription_id);

-- Name: subscriptions_created_at_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX subscriptions_created_at_idx ON public.subscriptions USING btree (created_at) WHERE (status = 'pending'::text);

-- Name: subscriptions_next_check_at_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX subscriptions_next_check_at_idx ON public.subscriptions USING btree (next_check_at) WHERE (status = ANY (ARRAY['pending'::text, 'failed'::text, 'expired'::text, 'cancelled'::text]));

-- Name: subscriptions_workspace_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX subscriptions_workspace_id_idx ON public.subscriptions USING btree (workspace_id, created_at);

-- Name: usage_logs_agent_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX usage_logs_agent_id_idx ON public.usage_logs USING btree (agent_id);

-- Name: usage_logs_workspace_id_created_at_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX usage_logs_workspace_id_created_at_idx ON public.usage_logs USING btree (workspace_id, created_at) INCLUDE (kind, seconds);

-- Name: usage_reservations_agent_id_held_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX usage_reservations_agent_id_held_idx ON public.usage_reservations USING btree (agent_id) WHERE (state = 'held'::text);

-- Name: usage_reservations_agent_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX usage_reservations_agent_id_idx ON public.usage_reservations USING btree (agent_id);

-- Name: usage_reservations_expires_at_done_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX usage_reservations_expires_at_done_idx ON public.usage_reservations USING btree (expires_at) WHERE (state <> 'held'::text);

-- Name: usage_reservations_expires_at_held_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX usage_reservations_expires_at_held_idx ON public.usage_reservations USING btree (expires_at) WHERE (state = 'held'::text);

-- Name: usage_reservations_workspace_id_held_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX usage_reservations_workspace_id_held_idx ON public.usage_reservations USING btree (workspace_id, expires_at) WHERE (state = 'held'::text);

-- Name: usage_reservations_workspace_id_idx; Type: INDEX; Schema: public; Owner: callwaiting_owner

CREATE INDEX usage_reservations_workspace_id_idx ON public.usage_reservations USING btree (workspace_id);

-- Name: users callwaiting_user_saved; Type: TRIGGER; Schema: auth; Owner: callwaiting_owner

CREATE TRIGGER callwaiting_user_saved AFTER INSERT OR UPDATE OF email, email_confirmed_at, is_anonymous ON auth.users FOR EACH ROW EXECUTE FUNCTION private.user_saved();

-- Name: usage_reservations clear_doubt; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER clear_doubt BEFORE UPDATE OF seconds_held ON public.usage_reservations FOR EACH ROW EXECUTE FUNCTION private.clear_doubt();

-- Name: memberships close_without_owner; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER close_without_owner AFTER DELETE OR UPDATE OF role ON public.memberships FOR EACH ROW WHEN ((old.role = 'owner'::text)) EXECUTE FUNCTION private.close_without_owner();

-- Name: subscriptions note_change; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER note_change AFTER INSERT ON public.subscriptions FOR EACH ROW EXECUTE FUNCTION private.note_subscription_change();

-- Name: subscriptions note_change_of_status; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER note_change_of_status AFTER UPDATE OF status ON public.subscriptions FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION private.note_subscription_change();

-- Name: workspaces revoke_keys; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER revoke_keys AFTER UPDATE OF closed_at ON public.workspaces FOR EACH ROW WHEN (((new.closed_at IS NOT NULL) AND (old.closed_at IS NULL))) EXECUTE FUNCTION private.revoke_keys();

-- Name: agents written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE DELETE OR UPDATE OF id, workspace_id OR TRUNCATE ON public.agents FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: api_keys written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE UPDATE OF id, workspace_id, agent_id, key_hash ON public.api_keys FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: audio_files written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE UPDATE OF id, workspace_id ON public.audio_files FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: conversations written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE UPDATE OF id, workspace_id, agent_id ON public.conversations FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: grants written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE DELETE OR UPDATE OR TRUNCATE ON public.grants FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: memberships written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE UPDATE OF workspace_id, user_id ON public.memberships FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: payment_transactions written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE DELETE OR UPDATE OF transaction_id, subscription_id, created_at OR TRUNCATE ON public.payment_transactions FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: subscription_changes written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE DELETE OR UPDATE OR TRUNCATE ON public.subscription_changes FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: subscriptions written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE DELETE OR UPDATE OF id, workspace_id, user_id, tx_ref, plan, minutes, amount_minor, currency, created_at OR TRUNCATE ON public.subscriptions FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: trial_claims written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE DELETE OR UPDATE OR TRUNCATE ON public.trial_claims FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: usage_logs written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE DELETE OR UPDATE OR TRUNCATE ON public.usage_logs FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: usage_reservations written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE UPDATE OF id, workspace_id, user_id, agent_id, conversation_id OR TRUNCATE ON public.usage_reservations FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: workspaces written_once; Type: TRIGGER; Schema: public; Owner: callwaiting_owner

CREATE TRIGGER written_once BEFORE DELETE OR UPDATE OF id OR TRUNCATE ON public.workspaces FOR EACH STATEMENT EXECUTE FUNCTION private.written_once();

-- Name: refresh_tokens refresh_tokens_session_id_fkey; Type: FK CONSTRAINT; Schema: private; Owner: callwaiting_owner

ALTER TABLE ONLY private.refresh_tokens
    ADD CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES private.sessions(id) ON DELETE CASCADE;

-- Name: sessions sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: private; Owner: callwaiting_owner

ALTER TABLE ONLY private.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

-- Name: agents agents_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.profiles(id) ON DELETE SET NULL;

-- Name: agents agents_workspace_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

-- Name: api_keys api_keys_agent_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

-- Name: api_keys api_keys_workspace_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

-- Name: audio_files audio_files_workspace_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.audio_files
    ADD CONSTRAINT audio_files_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

-- Name: conversations conversations_agent_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

-- Name: conversations conversations_workspace_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

-- Name: grants grants_subscription_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES public.subscriptions(id);

-- Name: grants grants_workspace_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

-- Name: memberships memberships_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.profiles(id) ON DELETE CASCADE;

-- Name: memberships memberships_workspace_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

-- Name: messages messages_conversation_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE;

-- Name: payment_transactions payment_transactions_subscription_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.payment_transactions
    ADD CONSTRAINT payment_transactions_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES public.subscriptions(id);

-- Name: profiles profiles_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_id_fkey FOREIGN KEY (id) REFERENCES auth.users(id) ON DELETE CASCADE;

-- Name: subscription_changes subscription_changes_subscription_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.subscription_changes
    ADD CONSTRAINT subscription_changes_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES public.subscriptions(id);

-- Name: subscriptions subscriptions_workspace_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

-- Name: usage_logs usage_logs_agent_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.usage_logs
    ADD CONSTRAINT usage_logs_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

-- Name: usage_logs usage_logs_workspace_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.usage_logs
    ADD CONSTRAINT usage_logs_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

-- Name: usage_reservations usage_reservations_agent_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.usage_reservations
    ADD CONSTRAINT usage_reservations_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

-- Name: usage_reservations usage_reservations_usage_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.usage_reservations
    ADD CONSTRAINT usage_reservations_usage_id_fkey FOREIGN KEY (usage_id) REFERENCES public.usage_logs(id);

-- Name: usage_reservations usage_reservations_workspace_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: callwaiting_owner

ALTER TABLE ONLY public.usage_reservations
    ADD CONSTRAINT usage_reservations_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

-- Name: users; Type: ROW SECURITY; Schema: auth; Owner: callwaiting_owner

ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;

-- Name: idempotency_keys; Type: ROW SECURITY; Schema: private; Owner: callwaiting_owner

ALTER TABLE private.idempotency_keys ENABLE ROW LEVEL SECURITY;

-- Name: migrations; Type: ROW SECURITY; Schema: private; Owner: callwaiting_owner

ALTER TABLE private.migrations ENABLE ROW LEVEL SECURITY;

-- Name: rate_limits; Type: ROW SECURITY; Schema: private; Owner: callwaiting_owner

ALTER TABLE private.rate_limits ENABLE ROW LEVEL SECURITY;

-- Name: refresh_tokens; Type: ROW SECURITY; Schema: private; Owner: callwaiting_owner

ALTER TABLE private.refresh_tokens ENABLE ROW LEVEL SECURITY;

-- Name: sessions; Type: ROW SECURITY; Schema: private; Owner: callwaiting_owner

ALTER TABLE private.sessions ENABLE ROW LEVEL SECURITY;

-- Name: settings; Type: ROW SECURITY; Schema: private; Owner: callwaiting_owner

ALTER TABLE private.settings ENABLE ROW LEVEL SECURITY;

-- Name: agents; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.agents ENABLE ROW LEVEL SECURITY;

-- Name: api_keys; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.api_keys ENABLE ROW LEVEL SECURITY;

-- Name: audio_files; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.audio_files ENABLE ROW LEVEL SECURITY;

-- Name: conversations; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.conversations ENABLE ROW LEVEL SECURITY;

-- Name: grants; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.grants ENABLE ROW LEVEL SECURITY;

-- Name: memberships; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.memberships ENABLE ROW LEVEL SECURITY;

-- Name: messages; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.messages ENABLE ROW LEVEL SECURITY;

-- Name: payment_events; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.payment_events ENABLE ROW LEVEL SECURITY;

-- Name: payment_transactions; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.payment_transactions ENABLE ROW LEVEL SECURITY;

-- Name: profiles; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;

-- Name: agents select_member; Type: POLICY; Schema: public; Owner: callwaiting_owner

CREATE POLICY select_member ON public.agents FOR SELECT TO authenticated USING ((workspace_id = ANY (ARRAY( SELECT m.workspace_id
   FROM public.memberships m
  WHERE (m.user_id = ( SELECT auth.uid() AS uid))))));

-- Name: api_keys select_member; Type: POLICY; Schema: public; Owner: callwaiting_owner

CREATE POLICY select_member ON public.api_keys FOR SELECT TO authenticated USING ((workspace_id = ANY (ARRAY( SELECT m.workspace_id
   FROM public.memberships m
  WHERE (m.user_id = ( SELECT auth.uid() AS uid))))));

-- Name: grants select_member; Type: POLICY; Schema: public; Owner: callwaiting_owner

CREATE POLICY select_member ON public.grants FOR SELECT TO authenticated USING ((workspace_id = ANY (ARRAY( SELECT m.workspace_id
   FROM public.memberships m
  WHERE (m.user_id = ( SELECT auth.uid() AS uid))))));

-- Name: memberships select_member; Type: POLICY; Schema: public; Owner: callwaiting_owner

CREATE POLICY select_member ON public.memberships FOR SELECT TO authenticated USING (((user_id = ( SELECT auth.uid() AS uid)) OR (workspace_id = ANY (ARRAY( SELECT private.my_workspace_ids() AS my_workspace_ids)))));

-- Name: subscriptions select_member; Type: POLICY; Schema: public; Owner: callwaiting_owner

CREATE POLICY select_member ON public.subscriptions FOR SELECT TO authenticated USING ((workspace_id = ANY (ARRAY( SELECT m.workspace_id
   FROM public.memberships m
  WHERE (m.user_id = ( SELECT auth.uid() AS uid))))));

-- Name: usage_logs select_member; Type: POLICY; Schema: public; Owner: callwaiting_owner

CREATE POLICY select_member ON public.usage_logs FOR SELECT TO authenticated USING ((workspace_id = ANY (ARRAY( SELECT m.workspace_id
   FROM public.memberships m
  WHERE (m.user_id = ( SELECT auth.uid() AS uid))))));

-- Name: workspaces select_member; Type: POLICY; Schema: public; Owner: callwaiting_owner

CREATE POLICY select_member ON public.workspaces FOR SELECT TO authenticated USING ((id = ANY (ARRAY( SELECT m.workspace_id
   FROM public.memberships m
  WHERE (m.user_id = ( SELECT auth.uid() AS uid))))));

-- Name: profiles select_own; Type: POLICY; Schema: public; Owner: callwaiting_owner

CREATE POLICY select_own ON public.profiles FOR SELECT TO authenticated USING ((id = ( SELECT auth.uid() AS uid)));

-- Name: subscription_changes; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.subscription_changes ENABLE ROW LEVEL SECURITY;

-- Name: subscriptions; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.subscriptions ENABLE ROW LEVEL SECURITY;

-- Name: trial_claims; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.trial_claims ENABLE ROW LEVEL SECURITY;

-- Name: workspaces update_administrator; Type: POLICY; Schema: public; Owner: callwaiting_owner

CREATE POLICY update_administrator ON public.workspaces FOR UPDATE TO authenticated USING ((id = ANY (ARRAY( SELECT private.my_administered_workspace_ids() AS my_administered_workspace_ids)))) WITH CHECK ((id = ANY (ARRAY( SELECT private.my_administered_workspace_ids() AS my_administered_workspace_ids))));

-- Name: profiles update_own; Type: POLICY; Schema: public; Owner: callwaiting_owner

CREATE POLICY update_own ON public.profiles FOR UPDATE TO authenticated USING ((id = ( SELECT auth.uid() AS uid))) WITH CHECK ((id = ( SELECT auth.uid() AS uid)));

-- Name: usage_logs; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.usage_logs ENABLE ROW LEVEL SECURITY;

-- Name: usage_reservations; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.usage_reservations ENABLE ROW LEVEL SECURITY;

-- Name: workspaces; Type: ROW SECURITY; Schema: public; Owner: callwaiting_owner

ALTER TABLE public.workspaces ENABLE ROW LEVEL SECURITY;

-- Name: SCHEMA auth; Type: ACL; Schema: -; Owner: callwaiting_owner

GRANT USAGE ON SCHEMA auth TO anon;
GRANT USAGE ON SCHEMA auth TO authenticated;
GRANT USAGE ON SCHEMA auth TO service_role;

-- Name: SCHEMA private; Type: ACL; Schema: -; Owner: callwaiting_owner

GRANT USAGE ON SCHEMA private TO anon;
GRANT USAGE ON SCHEMA private TO authenticated;
GRANT USAGE ON SCHEMA private TO callwaiting_agent;
GRANT USAGE ON SCHEMA private TO callwaiting_meter;
GRANT USAGE ON SCHEMA private TO callwaiting_payments;
GRANT USAGE ON SCHEMA private TO callwaiting_auth;
GRANT USAGE ON SCHEMA private TO callwaiting_worker;

-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: pg_database_owner

GRANT ALL ON SCHEMA public TO callwaiting_owner;
GRANT USAGE ON SCHEMA public TO anon;
GRANT USAGE ON SCHEMA public TO authenticated;
GRANT USAGE ON SCHEMA public TO service_role;

-- Name: FUNCTION email(); Type: ACL; Schema: auth; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION auth.email() FROM PUBLIC;
GRANT ALL ON FUNCTION auth.email() TO anon;
GRANT ALL ON FUNCTION auth.email() TO authenticated;
GRANT ALL ON FUNCTION auth.email() TO service_role;

-- Name: FUNCTION jwt(); Type: ACL; Schema: auth; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION auth.jwt() FROM PUBLIC;
GRANT ALL ON FUNCTION auth.jwt() TO anon;
GRANT ALL ON FUNCTION auth.jwt() TO authenticated;
GRANT ALL ON FUNCTION auth.jwt() TO service_role;

-- Name: FUNCTION role(); Type: ACL; Schema: auth; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION auth.role() FROM PUBLIC;
GRANT ALL ON FUNCTION auth.role() TO anon;
GRANT ALL ON FUNCTION auth.role() TO authenticated;
GRANT ALL ON FUNCTION auth.role() TO service_role;

-- Name: FUNCTION uid(); Type: ACL; Schema: auth; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION auth.uid() FROM PUBLIC;
GRANT ALL ON FUNCTION auth.uid() TO anon;
GRANT ALL ON FUNCTION auth.uid() TO authenticated;
GRANT ALL ON FUNCTION auth.uid() TO service_role;

-- Name: FUNCTION abandon_hold(reservation_id uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.abandon_hold(reservation_id uuid) FROM PUBLIC;

-- Name: TABLE workspaces; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT ON TABLE public.workspaces TO authenticated;

-- Name: COLUMN workspaces.name; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT UPDATE(name) ON TABLE public.workspaces TO authenticated;

-- Name: FUNCTION acting_on(workspace uuid, roles text[]); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.acting_on(workspace uuid, roles text[]) FROM PUBLIC;

-- Name: FUNCTION acting_workspace(workspace uuid, roles text[]); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.acting_workspace(workspace uuid, roles text[]) FROM PUBLIC;

-- Name: FUNCTION add_grant(workspace uuid, minutes integer, cause text, subscription uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.add_grant(workspace uuid, minutes integer, cause text, subscription uuid) FROM PUBLIC;

-- Name: FUNCTION add_user(email text, password text, bcrypt_cost integer, data jsonb); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.add_user(email text, password text, bcrypt_cost integer, data jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION private.add_user(email text, password text, bcrypt_cost integer, data jsonb) TO callwaiting_auth;

-- Name: FUNCTION address_bucket(action text, address inet); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.address_bucket(action text, address inet) FROM PUBLIC;

-- Name: FUNCTION admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer) TO callwaiting_agent;

-- Name: FUNCTION admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer, per_minute integer, at_once integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer, per_minute integer, at_once integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer, per_minute integer, at_once integer) TO callwaiting_agent;

-- Name: FUNCTION admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer, per_minute integer, at_once integer, idempotency_key bytea, fingerprint bytea); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer, per_minute integer, at_once integer, idempotency_key bytea, fingerprint bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION private.admit_agent(agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid, history_limit integer, per_minute integer, at_once integer, idempotency_key bytea, fingerprint bytea) TO callwaiting_agent;

-- Name: FUNCTION admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer) TO callwaiting_meter;

-- Name: FUNCTION admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer) TO callwaiting_meter;

-- Name: FUNCTION admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer, idempotency_key bytea, fingerprint bytea); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer, idempotency_key bytea, fingerprint bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer, idempotency_key bytea, fingerprint bytea) TO callwaiting_meter;

-- Name: TABLE agents; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT ON TABLE public.agents TO authenticated;

-- Name: FUNCTION agent_object(agent public.agents); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.agent_object(agent public.agents) FROM PUBLIC;

-- Name: FUNCTION apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text) TO callwaiting_payments;
GRANT ALL ON FUNCTION private.apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text) TO callwaiting_worker;

-- Name: FUNCTION apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text, asker text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text, asker text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text, asker text) TO callwaiting_payments;
GRANT ALL ON FUNCTION private.apply_payment(event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text, asker text) TO callwaiting_worker;

-- Name: FUNCTION audio_deleted(audio_id bytea); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.audio_deleted(audio_id bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION private.audio_deleted(audio_id bytea) TO callwaiting_worker;

-- Name: FUNCTION audio_state(audio_id bytea); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.audio_state(audio_id bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION private.audio_state(audio_id bytea) TO callwaiting_agent;

-- Name: FUNCTION bcrypt(password text, cost integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.bcrypt(password text, cost integer) FROM PUBLIC;

-- Name: FUNCTION books(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.books() FROM PUBLIC;
GRANT ALL ON FUNCTION private.books() TO callwaiting_worker;

-- Name: FUNCTION calling_agent(agent_id uuid, key_hash bytea, OUT id uuid, OUT workspace_id uuid, OUT user_id uuid, OUT name text, OUT system_prompt text, OUT voice_id text, OUT key_id uuid, OUT last_used_at timestamp with time zone); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.calling_agent(agent_id uuid, key_hash bytea, OUT id uuid, OUT workspace_id uuid, OUT user_id uuid, OUT name text, OUT system_prompt text, OUT voice_id text, OUT key_id uuid, OUT last_used_at timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION claim_expired_audio("limit" integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.claim_expired_audio("limit" integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.claim_expired_audio("limit" integer) TO callwaiting_worker;

-- Name: FUNCTION claim_key(scope text, key_hash bytea, fingerprint bytea, lease_seconds integer, OUT outcome text, OUT known private.idempotency_keys); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.claim_key(scope text, key_hash bytea, fingerprint bytea, lease_seconds integer, OUT outcome text, OUT known private.idempotency_keys) FROM PUBLIC;

-- Name: FUNCTION claim_payment_events("limit" integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.claim_payment_events("limit" integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.claim_payment_events("limit" integer) TO callwaiting_worker;

-- Name: FUNCTION claim_pending_payments("limit" integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.claim_pending_payments("limit" integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.claim_pending_payments("limit" integer) TO callwaiting_worker;

-- Name: FUNCTION clear_doubt(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.clear_doubt() FROM PUBLIC;

-- Name: FUNCTION close_without_owner(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.close_without_owner() FROM PUBLIC;

-- Name: FUNCTION create_agent(workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.create_agent(workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.create_agent(workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text) TO authenticated;

-- Name: FUNCTION create_agent(workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text, per_minute integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.create_agent(workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text, per_minute integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.create_agent(workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text, per_minute integer) TO authenticated;

-- Name: FUNCTION create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text) TO callwaiting_payments;

-- Name: FUNCTION create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer) TO callwaiting_payments;

-- Name: FUNCTION create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer, lease_seconds integer, idempotency_key bytea, fingerprint bytea); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer, lease_seconds integer, idempotency_key bytea, fingerprint bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION private.create_payment(workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer, lease_seconds integer, idempotency_key bytea, fingerprint bytea) TO callwaiting_payments;

-- Name: FUNCTION create_user(email text, password text, bcrypt_cost integer, data jsonb, confirmed boolean); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.create_user(email text, password text, bcrypt_cost integer, data jsonb, confirmed boolean) FROM PUBLIC;

-- Name: FUNCTION defer_payment_event(event_id bigint, error text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.defer_payment_event(event_id bigint, error text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.defer_payment_event(event_id bigint, error text) TO callwaiting_payments;
GRANT ALL ON FUNCTION private.defer_payment_event(event_id bigint, error text) TO callwaiting_worker;

-- Name: FUNCTION delete_agent(workspace uuid, agent_id uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.delete_agent(workspace uuid, agent_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION private.delete_agent(workspace uuid, agent_id uuid) TO authenticated;

-- Name: FUNCTION disagreements("limit" integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.disagreements("limit" integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.disagreements("limit" integer) TO callwaiting_worker;

-- Name: FUNCTION event_attempts(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.event_attempts() FROM PUBLIC;

-- Name: FUNCTION expire_holds(workspace uuid, moment timestamp with time zone, OUT holds integer, OUT freed bigint); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.expire_holds(workspace uuid, moment timestamp with time zone, OUT holds integer, OUT freed bigint) FROM PUBLIC;

-- Name: FUNCTION expire_payments(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.expire_payments() FROM PUBLIC;
GRANT ALL ON FUNCTION private.expire_payments() TO callwaiting_worker;

-- Name: FUNCTION expire_reservations(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.expire_reservations() FROM PUBLIC;
GRANT ALL ON FUNCTION private.expire_reservations() TO callwaiting_worker;

-- Name: FUNCTION extend_hold(reservation_id uuid, more_seconds integer, lease_seconds integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.extend_hold(reservation_id uuid, more_seconds integer, lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.extend_hold(reservation_id uuid, more_seconds integer, lease_seconds integer) TO callwaiting_meter;

-- Name: FUNCTION forget_key(scope text, key_hash bytea); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.forget_key(scope text, key_hash bytea) FROM PUBLIC;

-- Name: FUNCTION give_trial(person uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.give_trial(person uuid) FROM PUBLIC;

-- Name: FUNCTION health(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.health() FROM PUBLIC;
GRANT ALL ON FUNCTION private.health() TO anon;

-- Name: FUNCTION history(conversation uuid, history_limit integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.history(conversation uuid, history_limit integer) FROM PUBLIC;

-- Name: FUNCTION hold(workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer, OUT outcome text, OUT reservation_id uuid, OUT held integer, OUT remaining bigint); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.hold(workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer, OUT outcome text, OUT reservation_id uuid, OUT held integer, OUT remaining bigint) FROM PUBLIC;

-- Name: FUNCTION hold(workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer, at_once integer, OUT outcome text, OUT reservation_id uuid, OUT held integer, OUT remaining bigint); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.hold(workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer, at_once integer, OUT outcome text, OUT reservation_id uuid, OUT held integer, OUT remaining bigint) FROM PUBLIC;

-- Name: FUNCTION home_workspace(person uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.home_workspace(person uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION private.home_workspace(person uuid) TO authenticated;

-- Name: FUNCTION keep_exchange(conversation uuid, workspace uuid, agent uuid, user_message text, reply_text text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.keep_exchange(conversation uuid, workspace uuid, agent uuid, user_message text, reply_text text) FROM PUBLIC;

-- Name: FUNCTION key_objects(agent uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.key_objects(agent uuid) FROM PUBLIC;

-- Name: FUNCTION list_agents(workspace uuid, after uuid, page integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.list_agents(workspace uuid, after uuid, page integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.list_agents(workspace uuid, after uuid, page integer) TO authenticated;

-- Name: FUNCTION list_payments(state text, "limit" integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.list_payments(state text, "limit" integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.list_payments(state text, "limit" integer) TO callwaiting_worker;

-- Name: FUNCTION my_administered_workspace_ids(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.my_administered_workspace_ids() FROM PUBLIC;
GRANT ALL ON FUNCTION private.my_administered_workspace_ids() TO authenticated;

-- Name: FUNCTION my_workspace_ids(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.my_workspace_ids() FROM PUBLIC;
GRANT ALL ON FUNCTION private.my_workspace_ids() TO authenticated;

-- Name: FUNCTION normalised_email(email text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.normalised_email(email text) FROM PUBLIC;

-- Name: FUNCTION note_subscription_change(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.note_subscription_change() FROM PUBLIC;

-- Name: FUNCTION open_session(person uuid, refresh_hash bytea); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.open_session(person uuid, refresh_hash bytea) FROM PUBLIC;

-- Name: FUNCTION own_agent(workspace uuid, agent_id uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.own_agent(workspace uuid, agent_id uuid) FROM PUBLIC;

-- Name: FUNCTION payment_backoff(attempts integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.payment_backoff(attempts integer) FROM PUBLIC;

-- Name: FUNCTION payment_history(tx_ref text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.payment_history(tx_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.payment_history(tx_ref text) TO callwaiting_worker;

-- Name: FUNCTION payment_link_failed(tx_ref text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.payment_link_failed(tx_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.payment_link_failed(tx_ref text) TO callwaiting_payments;

-- Name: FUNCTION payment_link_made(tx_ref text, link text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.payment_link_made(tx_ref text, link text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.payment_link_made(tx_ref text, link text) TO callwaiting_payments;

-- Name: FUNCTION payment_link_unknown(tx_ref text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.payment_link_unknown(tx_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.payment_link_unknown(tx_ref text) TO callwaiting_payments;

-- Name: FUNCTION payment_return(tx_ref text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.payment_return(tx_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.payment_return(tx_ref text) TO callwaiting_payments;

-- Name: FUNCTION payment_status(workspace uuid, tx_ref text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.payment_status(workspace uuid, tx_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.payment_status(workspace uuid, tx_ref text) TO authenticated;

-- Name: FUNCTION public_url(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.public_url() FROM PUBLIC;
GRANT ALL ON FUNCTION private.public_url() TO authenticated;

-- Name: FUNCTION purge_idempotency_keys(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.purge_idempotency_keys() FROM PUBLIC;
GRANT ALL ON FUNCTION private.purge_idempotency_keys() TO callwaiting_worker;

-- Name: FUNCTION purge_messages(days integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.purge_messages(days integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.purge_messages(days integer) TO callwaiting_worker;

-- Name: FUNCTION purge_payment_events(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.purge_payment_events() FROM PUBLIC;
GRANT ALL ON FUNCTION private.purge_payment_events() TO callwaiting_worker;

-- Name: FUNCTION purge_rate_limits(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.purge_rate_limits() FROM PUBLIC;
GRANT ALL ON FUNCTION private.purge_rate_limits() TO callwaiting_worker;

-- Name: FUNCTION purge_reservations(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.purge_reservations() FROM PUBLIC;
GRANT ALL ON FUNCTION private.purge_reservations() TO callwaiting_worker;

-- Name: FUNCTION receive_payment_event(provider text, event_key text, tx_ref text, transaction_id bigint, kind text, payload jsonb); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.receive_payment_event(provider text, event_key text, tx_ref text, transaction_id bigint, kind text, payload jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION private.receive_payment_event(provider text, event_key text, tx_ref text, transaction_id bigint, kind text, payload jsonb) TO callwaiting_payments;

-- Name: FUNCTION recheck_payments(tx_ref text, days integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.recheck_payments(tx_ref text, days integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.recheck_payments(tx_ref text, days integer) TO callwaiting_worker;

-- Name: FUNCTION refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer) TO callwaiting_auth;

-- Name: FUNCTION refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer, address inet, address_per_minute integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer, address inet, address_per_minute integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.refresh_session(refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer, address inet, address_per_minute integer) TO callwaiting_auth;

-- Name: FUNCTION release(reservation_id uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.release(reservation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION private.release(reservation_id uuid) TO callwaiting_meter;

-- Name: FUNCTION release_answer(reservation_id uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.release_answer(reservation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION private.release_answer(reservation_id uuid) TO callwaiting_meter;

-- Name: FUNCTION replay_payment_events(event_id bigint); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.replay_payment_events(event_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION private.replay_payment_events(event_id bigint) TO callwaiting_worker;

-- Name: FUNCTION revoke_key(workspace uuid, agent_id uuid, key_id uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.revoke_key(workspace uuid, agent_id uuid, key_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION private.revoke_key(workspace uuid, agent_id uuid, key_id uuid) TO authenticated;

-- Name: FUNCTION revoke_keys(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.revoke_keys() FROM PUBLIC;

-- Name: FUNCTION rfc3339(moment timestamp with time zone); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.rfc3339(moment timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION rotate_key(workspace uuid, agent_id uuid, key_hash bytea, key_hint text, grace_seconds integer, per_minute integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.rotate_key(workspace uuid, agent_id uuid, key_hash bytea, key_hint text, grace_seconds integer, per_minute integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.rotate_key(workspace uuid, agent_id uuid, key_hash bytea, key_hint text, grace_seconds integer, per_minute integer) TO authenticated;

-- Name: FUNCTION session_idle_limit(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.session_idle_limit() FROM PUBLIC;

-- Name: FUNCTION "session_user"(user_id uuid, session_id uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private."session_user"(user_id uuid, session_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION private."session_user"(user_id uuid, session_id uuid) TO callwaiting_auth;

-- Name: FUNCTION settle(reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb, audio_id bytea, audio_bytes bigint, audio_expires timestamp with time zone, user_message text, reply_text text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.settle(reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb, audio_id bytea, audio_bytes bigint, audio_expires timestamp with time zone, user_message text, reply_text text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.settle(reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb, audio_id bytea, audio_bytes bigint, audio_expires timestamp with time zone, user_message text, reply_text text) TO callwaiting_meter;

-- Name: FUNCTION settle_answer(reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb, audio_id bytea, audio_bytes bigint, audio_expires timestamp with time zone, user_message text, reply_text text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.settle_answer(reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb, audio_id bytea, audio_bytes bigint, audio_expires timestamp with time zone, user_message text, reply_text text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.settle_answer(reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb, audio_id bytea, audio_bytes bigint, audio_expires timestamp with time zone, user_message text, reply_text text) TO callwaiting_meter;

-- Name: FUNCTION settle_set(reservation_ids uuid[], milliseconds bigint[], kinds text[], cost_cents integer[], metas jsonb[], audio_ids bytea[], audio_bytes bigint[], audio_expires double precision[], user_messages text[], reply_texts text[]); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.settle_set(reservation_ids uuid[], milliseconds bigint[], kinds text[], cost_cents integer[], metas jsonb[], audio_ids bytea[], audio_bytes bigint[], audio_expires double precision[], user_messages text[], reply_texts text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION private.settle_set(reservation_ids uuid[], milliseconds bigint[], kinds text[], cost_cents integer[], metas jsonb[], audio_ids bytea[], audio_bytes bigint[], audio_expires double precision[], user_messages text[], reply_texts text[]) TO callwaiting_meter;

-- Name: FUNCTION show_agent(workspace uuid, agent_id uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.show_agent(workspace uuid, agent_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION private.show_agent(workspace uuid, agent_id uuid) TO authenticated;

-- Name: FUNCTION sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION private.sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea) TO callwaiting_auth;

-- Name: FUNCTION sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea, address inet, address_per_minute integer, account_per_minute integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea, address inet, address_per_minute integer, account_per_minute integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea, address inet, address_per_minute integer, account_per_minute integer) TO callwaiting_auth;

-- Name: FUNCTION sign_out(user_id uuid, session_id uuid, scope text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.sign_out(user_id uuid, session_id uuid, scope text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.sign_out(user_id uuid, session_id uuid, scope text) TO callwaiting_auth;

-- Name: FUNCTION sign_up(email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.sign_up(email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION private.sign_up(email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea) TO callwaiting_auth;

-- Name: FUNCTION sign_up(email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea, address inet, address_per_minute integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.sign_up(email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea, address inet, address_per_minute integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.sign_up(email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea, address inet, address_per_minute integer) TO callwaiting_auth;

-- Name: FUNCTION take(bucket text, per_minute integer, OUT allowed boolean, OUT retry_after integer); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.take(bucket text, per_minute integer, OUT allowed boolean, OUT retry_after integer) FROM PUBLIC;

-- Name: FUNCTION update_agent(workspace uuid, agent_id uuid, name text, system_prompt text, voice_id text, status text); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.update_agent(workspace uuid, agent_id uuid, name text, system_prompt text, voice_id text, status text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.update_agent(workspace uuid, agent_id uuid, name text, system_prompt text, voice_id text, status text) TO authenticated;

-- Name: FUNCTION usage_report(workspace uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.usage_report(workspace uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION private.usage_report(workspace uuid) TO authenticated;

-- Name: FUNCTION user_json(person uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.user_json(person uuid) FROM PUBLIC;

-- Name: FUNCTION user_saved(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.user_saved() FROM PUBLIC;

-- Name: FUNCTION wake_workers(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.wake_workers() FROM PUBLIC;

-- Name: FUNCTION welcome(person uuid); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.welcome(person uuid) FROM PUBLIC;

-- Name: FUNCTION worker_backlog(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.worker_backlog() FROM PUBLIC;
GRANT ALL ON FUNCTION private.worker_backlog() TO callwaiting_worker;

-- Name: FUNCTION worker_rest(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.worker_rest() FROM PUBLIC;
GRANT ALL ON FUNCTION private.worker_rest() TO callwaiting_worker;

-- Name: FUNCTION written_once(); Type: ACL; Schema: private; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION private.written_once() FROM PUBLIC;

-- Name: TABLE subscriptions; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT ON TABLE public.subscriptions TO authenticated;

-- Name: FUNCTION amount(subscription public.subscriptions); Type: ACL; Schema: public; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION public.amount(subscription public.subscriptions) FROM PUBLIC;
GRANT ALL ON FUNCTION public.amount(subscription public.subscriptions) TO authenticated;

-- Name: TABLE profiles; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT ON TABLE public.profiles TO authenticated;

-- Name: COLUMN profiles.full_name; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT UPDATE(full_name) ON TABLE public.profiles TO authenticated;

-- Name: FUNCTION minutes_quota(profile public.profiles); Type: ACL; Schema: public; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION public.minutes_quota(profile public.profiles) FROM PUBLIC;
GRANT ALL ON FUNCTION public.minutes_quota(profile public.profiles) TO authenticated;

-- Name: FUNCTION minutes_used(profile public.profiles); Type: ACL; Schema: public; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION public.minutes_used(profile public.profiles) FROM PUBLIC;
GRANT ALL ON FUNCTION public.minutes_used(profile public.profiles) TO authenticated;

-- Name: FUNCTION plan(profile public.profiles); Type: ACL; Schema: public; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION public.plan(profile public.profiles) FROM PUBLIC;
GRANT ALL ON FUNCTION public.plan(profile public.profiles) TO authenticated;

-- Name: FUNCTION webhook_url(agent public.agents); Type: ACL; Schema: public; Owner: callwaiting_owner

REVOKE ALL ON FUNCTION public.webhook_url(agent public.agents) FROM PUBLIC;
GRANT ALL ON FUNCTION public.webhook_url(agent public.agents) TO authenticated;

-- Name: COLUMN api_keys.id; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT(id) ON TABLE public.api_keys TO authenticated;

-- Name: COLUMN api_keys.workspace_id; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT(workspace_id) ON TABLE public.api_keys TO authenticated;

-- Name: COLUMN api_keys.agent_id; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT(agent_id) ON TABLE public.api_keys TO authenticated;

-- Name: COLUMN api_keys.hint; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT(hint) ON TABLE public.api_keys TO authenticated;

-- Name: COLUMN api_keys.created_at; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT(created_at) ON TABLE public.api_keys TO authenticated;

-- Name: COLUMN api_keys.expires_at; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT(expires_at) ON TABLE public.api_keys TO authenticated;

-- Name: COLUMN api_keys.revoked_at; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT(revoked_at) ON TABLE public.api_keys TO authenticated;

-- Name: COLUMN api_keys.last_used_at; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT(last_used_at) ON TABLE public.api_keys TO authenticated;

-- Name: TABLE grants; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT ON TABLE public.grants TO authenticated;

-- Name: TABLE memberships; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT ON TABLE public.memberships TO authenticated;

-- Name: TABLE usage_logs; Type: ACL; Schema: public; Owner: callwaiting_owner

GRANT SELECT ON TABLE public.usage_logs TO authenticated;

-- PostgreSQL database dump complete

