-- Accounts, methodologies, lots and restrictions. What is told here is never edited: a change is a new row.
--
-- Every writer first locks the one row of `head`, so writers come one after another, no two of them can
-- deadlock, and the order of sequence numbers is the order of commits.

create extension if not exists btree_gist;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: rows here are never changed', tg_op, tg_table_name
    using errcode = 'restrict_violation';
end $$;

-- The counters of the gapless feeds, and the latest time ever told as final.
create table head (
  only_row boolean primary key default true check (only_row),
  journal_sequence bigint not null default 0,
  notice_sequence bigint not null default 0,
  lot_sequence bigint not null default 0,
  latest_ns bigint not null default 0
);
insert into head default values;

create function guard_head() returns trigger language plpgsql as $$
begin
  if (new.journal_sequence, new.notice_sequence, new.lot_sequence)
     is distinct from (old.journal_sequence, old.notice_sequence, old.lot_sequence)
     and pg_trigger_depth() < 2 then
    raise exception 'a sequence number moves only with the row it numbers' using errcode = 'restrict_violation';
  end if;
  if new.latest_ns < old.latest_ns then
    raise exception 'the clock of the platform does not go back' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger guard_head before update on head for each row execute function guard_head();
create trigger keep_head before delete or truncate on head for each statement execute function refuse_change();

create table account (
  account text collate "C" primary key check (account ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'),
  kind text not null check (kind in ('institution', 'individual')),
  opened_at_ns bigint not null
);
create trigger keep_account before update or delete or truncate on account
  for each statement execute function refuse_change();

-- One registry account, one trading account of the exchange.
create table binding (
  account text collate "C" primary key references account,
  trading_account text collate "C" not null unique,
  bound_at_ns bigint not null
);
create trigger keep_binding before update or delete or truncate on binding
  for each statement execute function refuse_change();

create table methodology (
  code text collate "C" not null,
  version text collate "C" not null,
  class text not null check (class in ('I', 'II')),
  title text not null,
  primary key (code, version),
  unique (code, version, class)
);
create trigger keep_methodology before update or delete or truncate on methodology
  for each statement execute function refuse_change();

create table lot (
  lot text collate "C" primary key check (lot ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'),
  sequence bigint not null unique,
  methodology text collate "C" not null,
  methodology_version text collate "C" not null,
  class text not null,
  origin text not null check (origin in ('project', 'scenario', 'points_converted')),
  project text not null,
  applicant text collate "C" not null references account,
  period_start date not null,
  period_end date not null check (period_end >= period_start),
  issue_batch text not null,
  issued_on date not null,
  serials int8range not null
    check (not isempty(serials) and not lower_inf(serials) and not upper_inf(serials) and lower(serials) >= 0),
  unique (lot, class),
  foreign key (methodology, methodology_version, class) references methodology (code, version, class)
);
create function number_lot() returns trigger language plpgsql as $$
begin
  update head set lot_sequence = lot_sequence + 1 returning lot_sequence into new.sequence;
  return new;
end $$;
create trigger number_lot before insert on lot for each row execute function number_lot();
create trigger keep_lot before update or delete or truncate on lot
  for each statement execute function refuse_change();

-- A frozen account, lot or range; lifting is a row of its own.
create table restriction (
  restriction bigint generated always as identity primary key,
  account text collate "C" references account,
  lot text collate "C" references lot,
  serials int8range check (not isempty(serials)),
  reason text not null check (reason <> ''),
  placed_at_ns bigint not null,
  check ((account is null) <> (lot is null)),
  check (serials is null or lot is not null)
);
create table restriction_lifted (
  restriction bigint primary key references restriction,
  reason text not null check (reason <> ''),
  lifted_at_ns bigint not null
);
create trigger keep_restriction before update or delete or truncate on restriction
  for each statement execute function refuse_change();
create trigger keep_restriction_lifted before update or delete or truncate on restriction_lifted
  for each statement execute function refuse_change();
create view restriction_in_force as
  select r.* from restriction r
  where not exists (select from restriction_lifted l where l.restriction = r.restriction);

create table notice (
  sequence bigint primary key,
  kind text not null,
  at_ns bigint not null,
  account text collate "C" references account,
  lot text collate "C" references lot,
  serials int8multirange,
  reason text not null default '',
  journal_sequence bigint
);
create function number_notice() returns trigger language plpgsql as $$
begin
  update head set notice_sequence = notice_sequence + 1 returning notice_sequence into new.sequence;
  return new;
end $$;
create trigger number_notice before insert on notice for each row execute function number_notice();
create trigger keep_notice before update or delete or truncate on notice
  for each statement execute function refuse_change();
