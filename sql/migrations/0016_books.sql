-- The books can be audited: every change of a payment's state is written down with its cause, and one function compares
-- what workspaces say with what their ledgers add up to.

-- subscription_changes: append-only ledger of states. Operators read it, a trigger writes it, so that none is missed.
create table public.subscription_changes (
  id bigint not null generated always as identity,
  subscription_id uuid not null,
  from_status text,
  to_status text not null,
  cause text not null
    constraint subscription_changes_cause_check check (char_length(cause) between 1 and 200),
  created_at timestamptz not null default now(),
  constraint subscription_changes_pkey primary key (id),
  constraint subscription_changes_subscription_id_fkey
    foreign key (subscription_id) references public.subscriptions (id)
);
create index subscription_changes_subscription_id_idx on public.subscription_changes (subscription_id);
alter table public.subscription_changes enable row level security;
alter table public.subscription_changes force row level security;
revoke all on table public.subscription_changes from public, anon, authenticated, service_role;
revoke all on sequence public.subscription_changes_id_seq from public, anon, authenticated, service_role;
-- No policy and no grant: causes name events and transactions, which no client may see.
comment on table public.subscription_changes is
  'Append-only. Every state that a payment has had, and what changed it. from_status is null of the first.';

create trigger written_once before update or delete or truncate on public.subscription_changes
  for each statement execute function private.written_once();

-- The cause is what the function that changes the state has said of itself, or who was connected.
create function private.note_subscription_change() returns trigger
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  insert into public.subscription_changes (subscription_id, from_status, to_status, cause)
  values (
    new.id, case tg_op when 'UPDATE' then old.status end, new.status,
    left(coalesce(nullif(current_setting('callwaiting.cause', true), ''), 'by hand, as ' || session_user), 200)
  );
  return null;
end
$function$;
create trigger note_change after insert on public.subscriptions
  for each row execute function private.note_subscription_change();
create trigger note_change_of_status after update of status on public.subscriptions
  for each row when (old.status is distinct from new.status)
  execute function private.note_subscription_change();

insert into public.subscription_changes (subscription_id, to_status, cause, created_at)
select s.id, s.status, 'before changes were recorded', coalesce(s.refunded_at, s.activated_at, s.created_at)
from public.subscriptions as s
order by s.created_at;

-- How long until the next look at an event: 1, 2, 4 … minutes, at most 6 hours, a quarter more or less, so that what
-- failed together is not tried together for ever.
create or replace function private.payment_backoff(attempts integer) returns interval
language sql volatile strict set search_path = ''
as $function$
  select least(interval '1 minute' * power(2, least(attempts, 10)), interval '6 hours') * (0.75 + random() / 2)
$function$;

-- After so many looks, about three days, an event is a dead letter: `callwaiting check` names it, and
-- `callwaiting payments replay` begins anew.
create function private.event_attempts() returns integer
language sql immutable set search_path = ''
as $function$
  select 20
$function$;

-- Tells workers that something is due sooner than they may think. They look by themselves too.
create function private.wake_workers() returns void
language plpgsql volatile set search_path = ''
as $function$
begin
  perform pg_notify('callwaiting_worker', '');
end
$function$;

-- The effect of one answer of the verify endpoint (see 0007), and who asked for it.
create function private.apply_payment(
  event_id bigint, tx_ref text, transaction_id bigint, status text, amount_minor bigint, currency text, flw_ref text,
  asker text
) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
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
$function$;

-- POST /api/create-payment-link, first transaction. Flutterwave wants an e-mail, which anonymous people do not have: that
-- is found out before anything is written.
create or replace function private.create_payment(
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
$function$;

create or replace function private.payment_link_failed(tx_ref text) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  delete from private.idempotency_keys as k where k.tx_ref = payment_link_failed.tx_ref and k.answered_at is null;
  perform set_config('callwaiting.cause', 'the provider refused to make a link', true);
  update public.subscriptions as s
  set status = case s.status when 'pending' then 'failed' else s.status end
  where s.tx_ref = payment_link_failed.tx_ref;
  outcome := case when found then 'ok' else 'unknown' end;
  return next;
end
$function$;

create or replace function private.expire_payments() returns table (count integer)
language plpgsql volatile security definer set search_path = ''
as $function$
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
$function$;

-- Stores an event (see 0007). One that names neither a transaction nor a reference is about nothing that could be asked:
-- it is kept, and done.
create or replace function private.receive_payment_event(
  provider text, event_key text, tx_ref text, transaction_id bigint, kind text, payload jsonb
) returns table (event_id bigint, fresh boolean, processed boolean)
language plpgsql volatile security definer set search_path = ''
as $function$
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
$function$;

create or replace function private.defer_payment_event(event_id bigint, error text) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
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
$function$;

create or replace function private.claim_payment_events("limit" integer)
returns table (event_id bigint, tx_ref text, transaction_id bigint, attempts integer)
language sql volatile security definer set search_path = ''
as $function$
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
$function$;

create or replace function private.worker_backlog()
returns table (
  events_due integer, oldest_due_seconds integer, events_failing integer, events_given_up integer, payments_due integer
)
language sql stable security definer set search_path = ''
as $function$
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
$function$;

-- Seconds until an event or a payment is due; null when none ever will be.
create function private.worker_rest() returns table (seconds double precision)
language sql stable security definer set search_path = ''
as $function$
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
$function$;

-- For `callwaiting check`: the numbers of a workspace that are not what its ledgers add up to, workspaces in the order in
-- which they were made. One statement, so all of it is of one moment. An overdraft cannot be: a check forbids it.
create function private.disagreements("limit" integer)
returns table (workspace_id uuid, what text, says bigint, adds_up_to bigint)
language sql stable security definer set search_path = ''
as $function$
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
$function$;

-- For `callwaiting check`: how many of everything was compared, and what waits for a person.
create function private.books()
returns table (
  workspaces bigint, usage_rows bigint, grants bigint, dead_letters bigint, oldest_dead_letter bigint,
  stale_holds bigint, unplaced_payments bigint
)
language sql stable security definer set search_path = ''
as $function$
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
$function$;

-- For `callwaiting payments`. Newest first.
create function private.list_payments("state" text, "limit" integer)
returns table (
  tx_ref text, status text, plan text, minutes integer, amount_minor bigint, currency text, workspace_id uuid,
  transaction_id bigint, created_at text
)
language sql stable security definer set search_path = ''
as $function$
  select s.tx_ref, s.status, s.plan, s.minutes, s.amount_minor, s.currency, s.workspace_id, s.flw_transaction_id,
    to_char(s.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
  from public.subscriptions as s
  where list_payments."state" is null or s.status = list_payments."state"
  order by s.created_at desc, s.id
  limit least(greatest(list_payments."limit", 0), 10000)
$function$;

-- Everything that happened to one payment, in order: its changes, what verify told of it, the events that named it.
create function private.payment_history(tx_ref text)
returns table (created_at text, kind text, said text)
language sql stable security definer set search_path = ''
as $function$
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
$function$;

-- Events that are dead letters, or one that is not settled: they are looked at now, and counted anew.
create function private.replay_payment_events(event_id bigint) returns table (count integer)
language plpgsql volatile security definer set search_path = ''
as $function$
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
$function$;

-- Payments to be asked about now, whatever their age: one, or all that are not paid and had a link in so many days.
create function private.recheck_payments(tx_ref text, days integer) returns table (tx_ref_due text)
language plpgsql volatile security definer set search_path = ''
as $function$
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
$function$;

-- Clears away what is done with, ten thousand at a time: receipts of holds after thirty days (what was charged is in
-- usage_logs for ever), and bodies of events after ninety, which hold names and cards' last digits.
drop trigger written_once on public.usage_reservations;
create trigger written_once before update of id, workspace_id, user_id, agent_id, conversation_id or truncate
  on public.usage_reservations
  for each statement execute function private.written_once();
create index usage_reservations_expires_at_done_idx on public.usage_reservations (expires_at) where state <> 'held';
create index payment_events_processed_at_idx on public.payment_events (processed_at) where processed_at is not null;

create function private.purge_reservations() returns table (count integer)
language plpgsql volatile security definer set search_path = ''
as $function$
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
$function$;

create function private.purge_payment_events() returns table (count integer)
language plpgsql volatile security definer set search_path = ''
as $function$
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
$function$;

revoke all on function
  private.note_subscription_change(),
  private.event_attempts(),
  private.wake_workers(),
  private.apply_payment(bigint, text, bigint, text, bigint, text, text, text),
  private.worker_rest(),
  private.disagreements(integer),
  private.books(),
  private.list_payments(text, integer),
  private.payment_history(text),
  private.replay_payment_events(bigint),
  private.recheck_payments(text, integer),
  private.purge_reservations(),
  private.purge_payment_events()
  from public, anon, authenticated, service_role;
grant execute on function private.apply_payment(bigint, text, bigint, text, bigint, text, text, text)
  to callwaiting_payments, callwaiting_worker;
grant execute on function
  private.worker_rest(),
  private.disagreements(integer),
  private.books(),
  private.list_payments(text, integer),
  private.payment_history(text),
  private.replay_payment_events(bigint),
  private.recheck_payments(text, integer),
  private.purge_reservations(),
  private.purge_payment_events()
  to callwaiting_worker;
