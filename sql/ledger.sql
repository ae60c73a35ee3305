-- The ledger of migrations. Whatever runs them runs this first, each time, in its own transaction, as the owner.

create schema if not exists private;

create table if not exists private.migrations (
  name text not null
    constraint migrations_name_check check (name ~ '^[0-9]{4}_[a-z0-9_]+\.sql$'),
  sha256 bytea not null
    constraint migrations_sha256_check check (octet_length(sha256) = 32),
  applied_at timestamptz not null default now(),
  constraint migrations_pkey primary key (name)
);

alter table private.migrations enable row level security;
alter table private.migrations force row level security;
revoke all on table private.migrations from public, anon, authenticated, service_role;

comment on table private.migrations is
  'One row per applied file of sql/migrations, with the SHA-256 of its bytes. Written only by `callwaiting migrate`.';
