import PostgresClient

/// What the drills ask of the books, behind the scenes.
enum Ledger {
    static let functions = """
        create schema drills;

        -- An agent of a new person, with so many seconds to spend.
        create function drills.agent(key text, seconds integer, out agent uuid, out workspace uuid, out person uuid)
        language plpgsql as $$
        declare
          excess integer;
        begin
          insert into auth.users (id, email, email_confirmed_at)
          values (gen_random_uuid(), right(key, 32) || '@drills.test', now()) returning id into person;
          select m.workspace_id into workspace from public.memberships as m where m.user_id = person;
          insert into public.agents (workspace_id, user_id, name, system_prompt, voice_id)
          values (workspace, person, 'Agent', 'Be kind', 'soft_f') returning id into agent;
          insert into public.api_keys (workspace_id, agent_id, key_hash, hint)
          values (workspace, agent, sha256(convert_to(key, 'UTF8')), 'abcd');
          excess := 3600 - seconds;
          if excess > 0 then
            insert into public.usage_logs (workspace_id, kind, seconds) values (workspace, 'voice', excess);
            update public.workspaces as w set seconds_used = seconds_used + excess where w.id = workspace;
          elsif excess < 0 then
            perform private.add_grant(workspace, -excess / 60, 'correction', null);
          end if;
        end
        $$;

        -- All leases of a workspace, and the claims of its agent's keys, run out now.
        create function drills.let_leases_run_out(workspace uuid, agent uuid) returns void
        language plpgsql as $$
        begin
          update public.usage_reservations as r
          set expires_at = least(r.expires_at, clock_timestamp()), doubted_at = clock_timestamp() - interval '1 day'
          where r.workspace_id = let_leases_run_out.workspace and r.state = 'held';
          update private.idempotency_keys as k set claimed_until = clock_timestamp()
          where k.scope = 'agent ' || let_leases_run_out.agent and k.answered_at is null;
          perform private.expire_reservations();
        end
        $$;

        -- What is not as it must be once everything is over.
        create function drills.violations(workspace uuid, agent uuid, replies integer, longest_lease interval)
        returns setof text
        language plpgsql stable -- one snapshot: something may be settled between two looks
        as $$
        declare
          w record;
          logged bigint;
          times integer;
        begin
          select * into w from public.workspaces as x where x.id = violations.workspace;
          select coalesce(sum(seconds), 0) into logged from public.usage_logs where workspace_id = violations.workspace;
          if w.seconds_used <> logged then
            return next format('used is %s, usage_logs add up to %s', w.seconds_used, logged);
          end if;
          if w.minutes_quota <> (select sum(minutes) from public.grants where workspace_id = violations.workspace) then
            return next 'the quota is not the sum of grants';
          end if;
          if w.seconds_reserved <> 0 then return next format('%s seconds are still reserved', w.seconds_reserved); end if;
          if w.seconds_used + w.seconds_reserved > w.minutes_quota * 60 then return next 'overdrawn'; end if;
          if exists (select from public.usage_reservations where workspace_id = violations.workspace and state = 'held') then
            return next 'a hold is older than its lease';
          end if;
          if exists (
            select from public.usage_reservations as r
            where r.workspace_id = violations.workspace and r.expires_at - r.created_at > longest_lease
          ) then
            return next 'a lease is longer than it may be';
          end if;
          select count(*) into times from public.usage_logs where agent_id = violations.agent;
          if times > replies then return next format('charged %s times for %s replies', times, replies); end if;
          if exists (
            select from public.usage_reservations as r left join public.usage_logs as u on u.id = r.usage_id
            where r.workspace_id = violations.workspace and r.state = 'settled' and u.seconds is distinct from r.seconds_charged
          ) then
            return next 'a receipt says other than its usage log';
          end if;
          if times * 2 <> (
            select count(*) from public.messages as m join public.conversations as c on c.id = m.conversation_id
            where c.agent_id = violations.agent
          ) then
            return next 'a reply that was charged is not in its conversation, or the other way round';
          end if;
        end
        $$;
        """
}

extension World {
    /// An agent that can be asked.
    struct Agent: Sendable {
        let id: String
        let workspace: String
        let person: String
        let key: String
    }

    func agent(seconds: Int, key digits: String) async throws -> Agent {
        let key = "agt_" + digits
        let row = try await query("select * from drills.agent($1, $2::int)", [key, seconds]).one()
        return Agent(
            id: try row.decode("agent", as: String.self), workspace: try row.decode("workspace", as: String.self),
            person: try row.decode("person", as: String.self), key: key)
    }

    /// What is wrong with the books of one agent's workspace.
    ///
    /// - Parameter replies: how often it may have been charged.
    func violations(of agent: Agent, replies: Int) async throws -> [String] {
        let rows = try await query(
            "select v from drills.violations($1::uuid, $2::uuid, $3::int, make_interval(secs => $4::int)) as v",
            [agent.workspace, agent.id, replies, 2 * deadline + Self.longestWait])
        return try rows.map { try $0.decode("v", as: String.self) }
    }

    /// Whether an answer that arrived was charged as it says.
    func hasUsage(_ answer: Answer) async throws -> Bool {
        guard let id = answer.usageID, let seconds = answer.secondsCharged else { return false }
        let rows = try await query(
            "select from public.usage_logs where id = $1::uuid and seconds = $2::int", [id, seconds])
        return rows.count == 1
    }

    /// What `callwaiting check` says of the ledgers; it fails for other reasons too.
    func disagreements() async throws -> [String] {
        let rows = try await query("select workspace_id::text || ': ' || what as said from private.disagreements(20)")
        return try rows.map { try $0.decode("said", as: String.self) }
    }
}
