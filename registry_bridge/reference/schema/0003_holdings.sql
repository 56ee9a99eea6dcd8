-- Where every serial is now, where it was at every earlier journal entry, and the sums that must hold.

-- Rows are added and removed, never edited. A serial is in exactly one row: the exclusion constraint
-- keeps it out of two, the sum of its lot (below) keeps it from being in none.
create table holding (
  holding bigint generated always as identity primary key,
  account text collate "C" not null references account,
  place text not null check (place in ('management', 'trading', 'retired')),
  lot text collate "C" not null references lot,
  serials int8range not null check (not isempty(serials)),
  since bigint not null,  -- the newest journal entry when the row was added
  exclude using gist (lot with =, serials with &&)
);
create index holding_by_account on holding (account, place, lot, lower(serials));
create index holding_by_entry on holding (lot, since);
create index holding_trading on holding (account, lot, lower(serials)) where place = 'trading';

create table holding_past (
  holding bigint primary key,
  account text collate "C" not null,
  place text not null,
  lot text collate "C" not null,
  serials int8range not null,
  since bigint not null,
  until bigint not null check (until > since)  -- the journal entry that removed it
);
create index holding_past_trading on holding_past (account, lot, lower(serials)) where place = 'trading';
create index holding_past_by_entry on holding_past (lot, until);
create trigger keep_holding_past before update or delete or truncate on holding_past
  for each statement execute function refuse_change();
create function refuse_direct_past() returns trigger language plpgsql as $$
begin
  if pg_trigger_depth() < 2 then
    raise exception 'the past is written by removing a holding' using errcode = 'restrict_violation';
  end if;
  return null;
end $$;
create trigger refuse_direct_past before insert on holding_past
  for each statement execute function refuse_direct_past();

-- Tonnes of each lot by place, kept by the triggers on holding.
create table lot_balance (
  lot text collate "C" primary key references lot,
  issued bigint not null check (issued > 0),
  management bigint not null default 0 check (management >= 0),
  trading bigint not null default 0 check (trading >= 0),
  retired bigint not null default 0 check (retired >= 0)
);
create function guard_balance() returns trigger language plpgsql as $$
begin
  if pg_trigger_depth() < 2 then
    raise exception 'balances follow holdings' using errcode = 'restrict_violation';
  end if;
  if tg_op = 'UPDATE' and (new.issued <> old.issued or new.retired < old.retired) then
    raise exception 'the issued quantity never changes and the retired one only grows'
      using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger guard_balance before insert or update on lot_balance for each row execute function guard_balance();
create trigger keep_balance before delete or truncate on lot_balance
  for each statement execute function refuse_change();

create function open_balance() returns trigger language plpgsql as $$
begin
  insert into lot_balance (lot, issued) values (new.lot, upper(new.serials) - lower(new.serials));
  return null;
end $$;
create trigger open_balance after insert on lot for each row execute function open_balance();

-- Serials that came to and left each trading sub-account and retirement with the newest journal entry, once by
-- the holdings and once by the entry's own legs.
create function unexplained(of_lot text, entry bigint) returns boolean language sql stable as $$
  select exists (
    select from (
      select account, place,
             coalesce(range_agg(serials) filter (where origin = 'added'), '{}') as added,
             coalesce(range_agg(serials) filter (where origin = 'removed'), '{}') as removed,
             coalesce(range_agg(serials) filter (where origin = 'to'), '{}') as came,
             coalesce(range_agg(serials) filter (where origin = 'from'), '{}') as went
      from (select 'added' as origin, account, place, serials from holding where lot = of_lot and since = entry
            union all
            select 'removed', account, place, serials from holding_past where lot = of_lot and until = entry
            union all
            select 'to', to_account, to_place, serials from journal_leg where sequence = entry and lot = of_lot
            union all
            select 'from', from_account, from_place, serials from journal_leg
            where sequence = entry and lot = of_lot) moved
      where place <> 'management'  -- issuing adds there without a journal entry
      group by account, place) by_place
    where added - removed <> came or removed - added <> went)
$$;

-- Asked at commit: what was issued is managed, tradable or retired, lot by lot, and no serial came to
-- or left a trading sub-account but by a leg of a journal entry.
create function check_balance() returns trigger language plpgsql as $$
begin
  if exists (select from lot_balance
             where lot = new.lot and issued <> management + trading + retired) then
    raise exception 'lot %: issued is not management + trading + retired', new.lot
      using errcode = 'integrity_constraint_violation';
  end if;
  if unexplained(new.lot, (select journal_sequence from head)) then
    raise exception 'lot %: serials moved without a journal entry', new.lot
      using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $$;
create constraint trigger check_balance after insert or update on lot_balance
  deferrable initially deferred for each row execute function check_balance();

create function after_holding_added() returns trigger language plpgsql as $$
begin
  if exists (select from added where since <> (select journal_sequence from head)) then
    raise exception 'a holding begins with the newest journal entry' using errcode = 'restrict_violation';
  end if;
  if exists (select from added join lot using (lot) where not added.serials <@ lot.serials) then
    raise exception 'serials were never issued in this lot' using errcode = 'integrity_constraint_violation';
  end if;
  update lot_balance b
  set management = b.management + d.management, trading = b.trading + d.trading, retired = b.retired + d.retired
  from (select lot,
               coalesce(sum(upper(serials) - lower(serials)) filter (where place = 'management'), 0) as management,
               coalesce(sum(upper(serials) - lower(serials)) filter (where place = 'trading'), 0) as trading,
               coalesce(sum(upper(serials) - lower(serials)) filter (where place = 'retired'), 0) as retired
        from added group by lot) d
  where b.lot = d.lot;
  return null;
end $$;
create trigger after_holding_added after insert on holding referencing new table as added
  for each statement execute function after_holding_added();

create function after_holding_removed() returns trigger language plpgsql as $$
begin
  if exists (select from removed where place = 'retired') then
    raise exception 'a retired serial never moves' using errcode = 'restrict_violation';
  end if;
  insert into holding_past (holding, account, place, lot, serials, since, until)
  select holding, account, place, lot, serials, since, (select journal_sequence from head) from removed;
  update lot_balance b
  set management = b.management - d.management, trading = b.trading - d.trading
  from (select lot,
               coalesce(sum(upper(serials) - lower(serials)) filter (where place = 'management'), 0) as management,
               coalesce(sum(upper(serials) - lower(serials)) filter (where place = 'trading'), 0) as trading
        from removed group by lot) d
  where b.lot = d.lot;
  return null;
end $$;
create trigger after_holding_removed after delete on holding referencing old table as removed
  for each statement execute function after_holding_removed();
create trigger keep_holding before update or truncate on holding
  for each statement execute function refuse_change();
