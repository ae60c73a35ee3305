begin;
select plan(42);
create temporary table them on commit drop as
  select
    tests.person('ann@conversations.test') as ann, null::uuid as workspace, null::uuid as agent, null::uuid as other;
update them set workspace = tests.workspace(ann);
grant select, update on them to public;
select tests.act_as('authenticated', ann) from them;
update them set agent = a.agent_id from private.create_agent(null, 'One', 'p', 'soft_f', sha256('one'), 'h') as a;
update them set other = a.agent_id from private.create_agent(null, 'Two', 'p', 'soft_f', sha256('two'), 'h') as a;

select tests.act_as_owner();
create temporary table said (n integer, outcome text, reservation_id uuid, conversation_id uuid, history text) on commit drop;
grant select, insert on said to public;
-- The nth admit of an agent's reply, and how it is settled.
create function pg_temp.ask(n integer, conversation uuid, key text default 'one', history_limit integer default 20) returns text
language plpgsql
as $$
begin
  perform tests.act_as('callwaiting_agent');
  insert into pg_temp.said
  select ask.n, a.outcome, a.reservation_id, a.conversation_id, a.history
  from pg_temp.them as t,
    private.admit_agent(case key when 'one' then t.agent else t.other end, sha256(key::bytea), 10, 60, conversation, history_limit) as a;
  return (select s.outcome from pg_temp.said as s where s.n = ask.n);
end
$$;
create function pg_temp.answer(n integer, message text, reply text) returns text
language plpgsql
as $$
begin
  perform tests.act_as('callwaiting_meter');
  return (
    select s.outcome
    from pg_temp.said as a, private.settle(a.reservation_id, 1000, 'agent_reply', 1, '{}', null, null, null, message, reply) as s
    where a.n = answer.n
  );
end
$$;
create function pg_temp.conversation(n integer) returns uuid
language sql
as $$
  select conversation_id from pg_temp.said where said.n = conversation.n
$$;

-- A conversation begins with its first settled reply.
select is(pg_temp.ask(1, null), 'ok', 'the first message needs no conversation');
select is(history, '[]', 'and has no history') from said where n = 1;
select is(
  pg_temp.ask(2, pg_temp.conversation(1)), 'unknown_conversation',
  'before the first reply is made the conversation is not there'
);
select is(pg_temp.answer(1, 'Hello', 'Good day'), 'settled', 'the reply is settled');
select is(pg_temp.answer(1, 'Hello', 'Good day'), 'already_settled', 'and settled again');
select is(pg_temp.ask(3, pg_temp.conversation(1)), 'ok', 'then the conversation is known');
select is(
  history::jsonb,
  '[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}]',
  'with both messages, once, oldest first'
) from said where n = 3;
select is(pg_temp.conversation(3), pg_temp.conversation(1), 'under the same id');
select '# ' || pg_temp.answer(3, 'How are you?', 'Fine');
select is(pg_temp.ask(4, pg_temp.conversation(1), history_limit => 3), 'ok', 'asked for the last three');
select is(
  history::jsonb,
  '[{"role": "assistant", "content": "Good day"}, {"role": "user", "content": "How are you?"}, {"role": "assistant", "content": "Fine"}]',
  'it gives the last three'
) from said where n = 4;
select is(pg_temp.ask(5, pg_temp.conversation(1), history_limit => 0), 'ok', 'asked for none');
select is(history, '[]', 'it gives none') from said where n = 5;

-- Whose it is.
select is(pg_temp.ask(6, gen_random_uuid()), 'unknown_conversation', 'an id that never was is unknown');
select is(
  pg_temp.ask(7, pg_temp.conversation(1), 'two'), 'unknown_conversation',
  'and so is a conversation with another agent'
);
select is(
  (select count(*) from said where outcome = 'unknown_conversation' and reservation_id is not null), 0::bigint,
  'neither holds anything'
);
select tests.act_as_owner();
select is_empty('select tests.broken()', 'and the ledgers add up');
select tests.act_as('callwaiting_agent');
select cmp_ok(
  (
    select count(distinct substr(a.conversation_id::text, 15, 1))
    from them as t, generate_series(1, 24) as n, private.admit_agent(t.agent, sha256('one'), 1, 60, null, n) as a
  ),
  '>', 1::bigint, 'a new id is 128 random bits, with no version among them'
);

-- What is said is cut, never refused: by then the reply is made.
select is(pg_temp.ask(8, null), 'ok', 'a long reply');
select is(pg_temp.answer(8, repeat('é', 70000), ''), 'settled', 'is settled');
select tests.act_as_owner();
select results_eq(
  'select role, char_length(content) from public.messages where conversation_id = pg_temp.conversation(8)',
  $$ values ('user', 65536) $$, 'with 65536 characters of what was said, and nothing of nothing'
);

-- A voice without an agent has no conversation.
select tests.act_as('callwaiting_meter', ann) from them;
insert into said select 9, a.outcome, a.reservation_id from private.admit_user((select workspace from pg_temp.them), 5, 60) as a;
select is(pg_temp.answer(9, 'text', 'text'), 'settled', 'generate-voice settles');
select tests.act_as_owner();
select is((select count(*) from public.conversations), 2::bigint, 'without a conversation');

-- Sound files.
select tests.act_as('callwaiting_meter', ann) from them;
insert into said select 10, a.outcome, a.reservation_id from private.admit_user(null, 5, 60) as a;
select results_eq(
  $$ select s.outcome from pg_temp.said as a,
       private.settle(a.reservation_id, 1000, 'voice', 1, '{}', decode(repeat('ab', 16), 'hex'), 12345, now() + interval '1 day', null, null) as s
     where a.n = 10 $$, array['settled'], 'a sound file is recorded with the settling'
);
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select outcome from private.audio_state(decode(repeat('ab', 16), 'hex')) $$, array['ok'], 'and is there'
);
select results_eq(
  $$ select outcome from private.audio_state(decode(repeat('cd', 16), 'hex')) $$, array['not_found'], 'another is not'
);
select results_eq('select outcome from private.audio_state(null)', array['not_found'], 'nor is none');
select tests.act_as('callwaiting_worker');
select is_empty('select * from private.claim_expired_audio(10)', 'while its time is not over nobody deletes it');
select tests.act_as_owner();
update public.audio_files set expires_at = now();
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select outcome from private.audio_state(decode(repeat('ab', 16), 'hex')) $$, array['gone'], 'then it is gone'
);
select tests.act_as('callwaiting_worker');
select results_eq(
  'select * from private.claim_expired_audio(10)', $$ select decode(repeat('ab', 16), 'hex') $$,
  'and the worker takes it'
);
select is_empty('select * from private.claim_expired_audio(10)', 'alone');
select tests.act_as_owner();
update public.audio_files set claimed_until = now();
select tests.act_as('callwaiting_worker');
select results_eq(
  'select count(*) from private.claim_expired_audio(10)', array[1::bigint], 'or another, if the first never came back'
);
select results_eq(
  $$ select outcome from private.audio_deleted(decode(repeat('ab', 16), 'hex')) $$, array['ok'], 'once deleted'
);
select results_eq(
  $$ select outcome from private.audio_deleted(decode(repeat('ab', 16), 'hex')) $$, array['ok'], 'or twice'
);
select tests.act_as_owner();
update public.audio_files set expires_at = now() + interval '1 day';
select tests.act_as('callwaiting_worker');
select is_empty('select * from private.claim_expired_audio(10)', 'it is not taken again');
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select outcome from private.audio_state(decode(repeat('ab', 16), 'hex')) $$, array['gone'], 'and stays gone'
);

-- Forgetting.
select tests.act_as_owner();
update public.messages set created_at = now() - interval '31 days' where conversation_id = pg_temp.conversation(8);
update public.messages set created_at = now() - interval '31 days' where content in ('Hello', 'Good day');
update public.conversations set last_message_at = now() - interval '31 days' where id = pg_temp.conversation(8);
select tests.act_as('callwaiting_worker');
select results_eq('select * from private.purge_messages(30)', array[3], 'messages older than a month are forgotten');
select results_eq('select * from private.purge_messages(30)', array[0], 'once');
select is(
  pg_temp.ask(11, pg_temp.conversation(8)), 'unknown_conversation', 'and a conversation without messages with them'
);
select is(pg_temp.ask(12, pg_temp.conversation(1)), 'ok', 'while one that went on goes on');
select is(jsonb_array_length(history::jsonb), 2, 'with what is younger') from said where n = 12;

-- Health.
select tests.act_as('anon');
select results_eq(
  'select ok, migration > 0 from private.health()', 'values (true, true)',
  'the database says which migration it is at'
);

select tests.act_as_owner();
select is_empty('select tests.broken()', 'and the ledgers add up');
select * from finish();
rollback;
