-- What a Supabase project grants by itself on everything new in schema public. Development and test clusters are made
-- with the same, so that a migration which forgets to revoke shows in the tests and not in production.
-- Run by a superuser after roles.sql and before the first migration; never needed on Supabase itself.

alter default privileges for role callwaiting_owner in schema public
  grant all on tables to anon, authenticated, service_role;
alter default privileges for role callwaiting_owner in schema public
  grant all on functions to anon, authenticated, service_role;
alter default privileges for role callwaiting_owner in schema public
  grant all on sequences to anon, authenticated, service_role;
