-- Payments. A row of subscriptions is one payment attempt; its price and minutes are fixed before anybody is asked for
-- money. Its state changes only by what the provider's *verify* endpoint answered, in private.apply_payment:
--
--   pending ──▶ failed | expired | cancelled ──▶ active ──▶ refunded      (pending may go to active directly)
--
-- Verify saying "successful" activates from every state but active and refunded, however late. Payments commute: quota
-- and period are the same in whatever order they are applied, and the plan is that of the payment made last, which is
-- the one with the greatest transaction id, since the provider numbers transactions as they are made.

-- subscriptions: Members read them, functions write them.
create table public.subscriptions (
  id uuid not null default gen_random_uuid(),
  workspace_id uuid not null,
  user_id uuid not null,
  tx_ref text not null
    constraint subscriptions_tx_ref_check check (char_length(tx_ref) between 1 and 100),
  plan text not null
    constraint subscriptions_plan_check check (plan in ('basic', 'pro', 'enterprise')),
  minutes integer not null
    constraint subscriptions_minutes_check check (minutes > 0),
  amount_minor bigint not null
    constraint subscriptions_amount_minor_check check (amount_minor > 0),
  currency text not null
    constraint subscriptions_currency_check check (currency ~ '^[A-Z]{3}$'),
  status text not null default 'pending'
    constraint subscriptions_status_check
    check (status in ('pending', 'active', 'failed', 'cancelled', 'expired', 'refunded')),
  payment_link text
    constraint subscriptions_payment_link_check check (char_length(payment_link) <= 2000),
  flw_transaction_id bigint,
  flw_ref text,
  created_at timestamptz not null default now(),
  next_check_at timestamptz not null default now() + interval '5 minutes',
  activated_at timestamptz,
  refunded_at timestamptz,
  period_end timestamptz,
  constraint subscriptions_pkey primary key (id),
  constraint subscriptions_tx_ref_key unique (tx_ref),
  constraint subscriptions_flw_transaction_id_key unique (flw_transaction_id),
  constraint subscriptions_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id),
  constraint subscriptions_paid_check check (
    (status in ('active', 'refunded')) = (flw_transaction_id is not null and activated_at is not null)
  )
);
create index subscriptions_workspace_id_idx on public.subscriptions (workspace_id, created_at);
create index subscriptions_next_check_at_idx on public.subscriptions (next_check_at)
  where status in ('pending', 'failed', 'expired', 'cancelled');
create index subscriptions_created_at_idx on public.subscriptions (created_at) where status = 'pending';

alter table public.grants
  add constraint grants_subscription_id_fkey foreign key (subscription_id) references public.subscriptions (id);

-- payment_transactions: every transaction that verify told of, once. What makes "no transaction has effect twice" true.
create table public.payment_transactions (
  transaction_id bigint not null,
  subscription_id uuid not null,
  status text not null
    constraint payment_transactions_status_check check (char_length(status) <= 100),
  amount_minor bigint,
  currency text
    constraint payment_transactions_currency_check check (char_length(currency) <= 10),
  flw_ref text,
  effect text not null default 'none'
    constraint payment_transactions_effect_check
    check (effect in ('none', 'activated', 'duplicate', 'mismatch', 'refunded')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint payment_transactions_pkey primary key (transaction_id),
  constraint payment_transactions_subscription_id_fkey
    foreign key (subscription_id) references public.subscriptions (id)
);
create index payment_transactions_subscription_id_idx on public.payment_transactions (subscription_id);

-- payment_events: inbox of what the provider sent, word for word. It may name a tx_ref that is not ours.
create table public.payment_events (
  id bigint not null generated always as identity,
  provider text not null
    constraint payment_events_provider_check check (char_length(provider) between 1 and 50),
  event_key text not null
    constraint payment_events_event_key_check check (char_length(event_key) between 1 and 300),
  tx_ref text,
  transaction_id bigint,
  kind text,
  payload jsonb not null,
  received_at timestamptz not null default now(),
  attempts integer not null default 0,
  -- Later than the request that is handling it now.
  next_attempt_at timestamptz not null default now() + interval '2 minutes',
  last_error text,
  processed_at timestamptz,
  outcome text,
  constraint payment_events_pkey primary key (id),
  constraint payment_events_provider_event_key_key unique (provider, event_key)
);
create index payment_events_next_attempt_at_idx on public.payment_events (next_attempt_at) where processed_at is null;

alter table public.subscriptions enable row level security;
alter table public.subscriptions force row level security;
alter table public.payment_transactions enable row level security;
alter table public.payment_transactions force row level security;
alter table public.payment_events enable row level security;
alter table public.payment_events force row level security;
revoke all on table public.subscriptions, public.payment_transactions, public.payment_events
  from public, anon, authenticated, service_role;
revoke all on sequence public.payment_events_id_seq from public, anon, authenticated, service_role;
create policy select_member on public.subscriptions
  for select to authenticated
  using (workspace_id in (select private.my_workspace_ids()));
grant select on table public.subscriptions to authenticated;
-- Transactions and events hold other people's names and cards' last digits: no policy and no grant.

comment on table public.subscriptions is 'One payment attempt each. Money in minor units (kobo) of currency.';
comment on column public.subscriptions.user_id is 'Who asked for the link. No foreign key: a ledger.';
comment on column public.subscriptions.period_end is 'What this payment moved the workspace''s period_end to.';
comment on column public.subscriptions.next_check_at is 'When the worker next asks the provider about this tx_ref.';
comment on table public.payment_transactions is
  'effect duplicate: paid a second time on one tx_ref, owed back by the operator; mismatch: too little or other money.';
comment on table public.payment_events is 'Raw webhook bodies, one row per event however often it is delivered.';

create function public.amount(subscription public.subscriptions) returns bigint
language sql stable set search_path = ''
as $function$
  select (subscription).amount_minor
$function$;

-- POST /api/create-payment-link, first transaction: the row that fixes price and minutes.
create function private.create_payment(
  workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text
) returns table (outcome text, email text, full_name text)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  acting uuid := private.acting_workspace(create_payment.workspace, array['owner', 'admin']);
begin
  if acting is null then
    outcome := 'forbidden';
    return next;
    return;
  end if;
  insert into public.subscriptions (workspace_id, user_id, tx_ref, plan, minutes, amount_minor, currency)
  values (
    acting, auth.uid(), create_payment.tx_ref, create_payment.plan, create_payment.minutes,
    create_payment.amount_minor, create_payment.currency
  );
  return query
    select 'created', p.email, p.full_name from public.profiles as p where p.id = auth.uid();
end
$function$;

create function private.payment_link_made(tx_ref text, link text) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  update public.subscriptions as s
  set payment_link = payment_link_made.link
  where s.tx_ref = payment_link_made.tx_ref;
  outcome := case when found then 'ok' else 'unknown' end;
  return next;
end
$function$;

create function private.payment_link_failed(tx_ref text) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  update public.subscriptions as s
  set status = case s.status when 'pending' then 'failed' else s.status end
  where s.tx_ref = payment_link_failed.tx_ref;
  outcome := case when found then 'ok' else 'unknown' end;
  return next;
end
$function$;

-- GET /api/payment-status: our own row, never the provider's word.
create function private.payment_status(workspace uuid, tx_ref text)
returns table (outcome text, status text, plan text, minutes integer)
language plpgsql stable security definer set search_path = ''
as $function$
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
$function$;

-- Stores an event before anything is made of it. The same event again gives the row of the first time.
create function private.receive_payment_event(
  provider text, event_key text, tx_ref text, transaction_id bigint, kind text, payload jsonb
) returns table (event_id bigint, fresh boolean, processed boolean)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  insert into public.payment_events as e (provider, event_key, tx_ref, transaction_id, kind, payload)
  values (
    receive_payment_event.provider, receive_payment_event.event_key, receive_payment_event.tx_ref,
    receive_payment_event.transaction_id, receive_payment_event.kind, receive_payment_event.payload
  )
  on conflict on constraint payment_events_provider_event_key_key do nothing
  returning e.id into event_id;
  fresh := event_id is not null;
  processed := false;
  if not fresh then
    select e.id, e.processed_at is not null into event_id, processed
    from public.payment_events as e
    where e.provider = receive_payment_event.provider and e.event_key = receive_payment_event.event_key;
  end if;
  return next;
end
$function$;

-- How long until the next look at an event: 1, 2, 4 … minutes, at most 6 hours.
create function private.payment_backoff(attempts integer) returns interval
language sql immutable strict set search_path = ''
as $function$
  select least(interval '1 minute' * power(2, least(attempts, 10)), interval '6 hours')
$function$;

create function private.defer_payment_event(event_id bigint, error text) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  update public.payment_events as e
  set attempts = e.attempts + 1,
    next_attempt_at = now() + private.payment_backoff(e.attempts),
    last_error = left(defer_payment_event.error, 1000)
  where e.id = defer_payment_event.event_id and e.processed_at is null;
  outcome := 'ok';
  return next;
end
$function$;

-- The effect of one answer of the verify endpoint, whole or not at all. event_id is null when no webhook told of it.
--
--   activated              the minutes are there now
--   already_active         they were there before, from this very transaction (or another, and this one is not paid)
--   duplicate_transaction  money came a second time for one tx_ref, or one transaction for two: recorded, no effect
--   mismatch               successful, but too little or in another currency: recorded, no effect
--   failed, pending        no money (yet); pending is the one outcome that leaves the event to be looked at again
--   refunded               the money went back, now or before
--   unknown_reference      not a payment of ours
create function private.apply_payment(
  event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text
) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
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
$function$;

-- Events that the webhook could not finish, leased for five minutes; given up after 40 attempts, about nine days.
create function private.claim_payment_events("limit" integer)
returns table (event_id bigint, tx_ref text, transaction_id bigint, attempts integer)
language sql volatile security definer set search_path = ''
as $function$
  update public.payment_events as e
  set next_attempt_at = now() + interval '5 minutes'
  where e.id in (
    select d.id
    from public.payment_events as d
    where d.processed_at is null and d.next_attempt_at <= now() and d.attempts < 40
    order by d.next_attempt_at
    limit least(greatest(claim_payment_events."limit", 0), 1000)
    for update skip locked
  )
  returning e.id, e.tx_ref, e.transaction_id, e.attempts
$function$;

-- Payments to ask the provider about although no webhook came: for two days, each time after half their age again
-- (at least 2 minutes). Failed and expired ones too, since they can still be paid; without a link they cannot.
create function private.claim_pending_payments("limit" integer) returns table (tx_ref text)
language sql volatile security definer set search_path = ''
as $function$
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
$function$;

-- A link lives for 24 hours. Whoever pays later all the same is still let in, by apply_payment. What is not to be asked
-- about any more leaves the index that the asking goes by.
create function private.expire_payments() returns table (count integer)
language sql volatile security definer set search_path = ''
as $function$
  update public.subscriptions as s
  set next_check_at = 'infinity'
  where s.status in ('pending', 'failed', 'expired', 'cancelled')
    and s.next_check_at <= now()
    and (s.created_at <= now() - interval '2 days' or (s.status <> 'pending' and s.payment_link is null));

  with expired as (
    update public.subscriptions as s
    set status = 'expired'
    where s.status = 'pending' and s.created_at < now() - interval '24 hours'
    returning s.id
  )
  select count(*)::integer from expired
$function$;

revoke all on function
  public.amount(public.subscriptions),
  private.create_payment(uuid, text, integer, bigint, text, text),
  private.payment_link_made(text, text),
  private.payment_link_failed(text),
  private.payment_status(uuid, text),
  private.receive_payment_event(text, text, text, bigint, text, jsonb),
  private.payment_backoff(integer),
  private.defer_payment_event(bigint, text),
  private.apply_payment(bigint, text, bigint, text, bigint, text, text),
  private.claim_payment_events(integer),
  private.claim_pending_payments(integer),
  private.expire_payments()
  from public, anon, authenticated, service_role;
grant execute on function public.amount(public.subscriptions), private.payment_status(uuid, text) to authenticated;
grant execute on function
  private.create_payment(uuid, text, integer, bigint, text, text),
  private.payment_link_made(text, text),
  private.payment_link_failed(text),
  private.receive_payment_event(text, text, text, bigint, text, jsonb),
  private.defer_payment_event(bigint, text),
  private.apply_payment(bigint, text, bigint, text, bigint, text, text)
  to callwaiting_payments;
grant execute on function
  private.defer_payment_event(bigint, text),
  private.apply_payment(bigint, text, bigint, text, bigint, text, text),
  private.claim_payment_events(integer),
  private.claim_pending_payments(integer),
  private.expire_payments()
  to callwaiting_worker;
