-- Corrections (Art. 22): serials issued on abnormal data are withdrawn, which is a fourth place, and as final as retired.
-- What is in a management sub-account goes there at once; what is in a trading sub-account stays until the exchange
-- moves it out, and goes there instead. What was retired has been used and stays retired.

create table correction (
  correction bigint generated always as identity primary key,
  lot text collate "C" not null references lot,
  ranges integer not null check (ranges >= 1),
  reason text not null check (reason <> ''),
  corrected_at_ns bigint not null,
  unique (correction, lot)
);
create trigger keep_correction before update or delete or truncate on correction
  for each statement execute function refuse_change();

-- Its serials; none is corrected twice.
create table corrected (
  correction bigint not null,
  part integer not null check (part >= 0),
  lot text collate "C" not null,
  serials int8range not null check (not isempty(serials)),
  primary key (correction, part),
  foreign key (correction, lot) references correction (correction, lot),
  exclude using gist (lot with =, serials with &&)
);
create function corrected_was_issued() returns trigger language plpgsql as $$
begin
  if exists (select from added join lot using (lot) where not added.serials <@ lot.serials) then
    raise exception 'serials to correct were never issued in this lot'
      using errcode = 'integrity_constraint_violation', constraint = 'corrected_was_issued';
  end if;
  if exists (select from added join correction using (correction) where added.part >= correction.ranges) then
    raise exception 'a correction is never extended'
      using errcode = 'integrity_constraint_violation', constraint = 'corrected_is_whole';
  end if;
  return null;
end $$;
create trigger corrected_was_issued after insert on corrected referencing new table as added
  for each statement execute function corrected_was_issued();
create trigger keep_corrected before update or delete or truncate on corrected
  for each statement execute function refuse_change();

-- What has been withdrawn of it so far, from whom, and as of which journal entry.
create table withdrawal (
  sequence bigint not null,
  correction bigint not null,
  lot text collate "C" not null,
  serials int8range not null check (not isempty(serials)),
  account text collate "C" not null references account,
  foreign key (correction, lot) references correction (correction, lot),
  exclude using gist (lot with =, serials with &&)
);
create index withdrawal_by_entry on withdrawal (lot, sequence);
create function withdrawn_was_corrected() returns trigger language plpgsql as $$
begin
  if exists (select from added where sequence <> (select journal_sequence from head)) then
    raise exception 'a withdrawal is of the newest journal entry'
      using errcode = 'restrict_violation', constraint = 'withdrawal_is_new';
  end if;
  if exists (select from added where not exists (
      select from corrected c where (c.correction, c.lot) = (added.correction, added.lot)
                                and added.serials <@ c.serials)) then
    raise exception 'serials are withdrawn that were not corrected'
      using errcode = 'integrity_constraint_violation', constraint = 'withdrawn_was_corrected';
  end if;
  return null;
end $$;
create trigger withdrawn_was_corrected after insert on withdrawal referencing new table as added
  for each statement execute function withdrawn_was_corrected();
create trigger keep_withdrawal before update or delete or truncate on withdrawal
  for each statement execute function refuse_change();

-- The fourth place among the others.
alter table holding drop constraint holding_place_check;
alter table holding add constraint holding_place_check
  check (place in ('management', 'trading', 'retired', 'withdrawn'));
alter table lot_balance add column withdrawn bigint not null default 0 check (withdrawn >= 0);
-- Issuing and correcting change management sub-accounts without a journal entry, so both may happen at one.
alter table holding_past drop constraint holding_past_check;
alter table holding_past add constraint holding_past_check
  check (until > since or (until = since and place = 'management'));
-- The newest journal entry when the lot was issued: of earlier lots, the one at which its first holding began.
alter table lot add column issued_after bigint;
alter table lot disable trigger keep_lot;
update lot set issued_after = (select min(since) from (select lot, since from holding
                                                       union all select lot, since from holding_past) h
                               where h.lot = lot.lot);
alter table lot enable trigger keep_lot;
alter table lot alter column issued_after set not null;
create or replace function number_lot() returns trigger language plpgsql as $$
begin
  update head set lot_sequence = lot_sequence + 1
  returning lot_sequence, journal_sequence into new.sequence, new.issued_after;
  return new;
end $$;

create or replace function guard_balance() returns trigger language plpgsql as $$
begin
  if pg_trigger_depth() < 2 then
    raise exception 'balances follow holdings' using errcode = 'restrict_violation';
  end if;
  if tg_op = 'UPDATE' and (new.issued <> old.issued or new.retired < old.retired or new.withdrawn < old.withdrawn) then
    raise exception 'the issued quantity never changes, the retired and the withdrawn one only grow'
      using errcode = 'restrict_violation';
  end if;
  return new;
end $$;

-- Whether serials of the lot came to or left an account's place with the newest journal entry otherwise than by its
-- legs, by the issue of the lot, or by a withdrawal.
create or replace function unexplained(of_lot text, entry bigint) returns boolean language sql stable as $$
  select exists (
    select from (
      select account, place,
             coalesce(range_agg(serials) filter (where origin = 'added'), '{}') as added,
             coalesce(range_agg(serials) filter (where origin = 'removed'), '{}') as removed,
             coalesce(range_agg(serials) filter (where origin = 'to'), '{}') as came,
             coalesce(range_agg(serials) filter (where origin = 'from'), '{}') as went
      from (select 'added' as origin, account, place, serials from holding where lot = of_lot and since = entry
            union all
            select 'removed', account, place, serials from holding_past
            where lot = of_lot and until = entry and since < entry
            union all
            select 'to', to_account, to_place, serials from journal_leg where sequence = entry and lot = of_lot
            union all
            select 'from', from_account, from_place, serials from journal_leg
            where sequence = entry and lot = of_lot
            union all
            select 'to', applicant, 'management', serials from lot where lot = of_lot and issued_after = entry
            union all
            select 'to', account, 'withdrawn', serials from withdrawal where sequence = entry and lot = of_lot
            union all
            select 'from', account, 'management', serials from withdrawal where sequence = entry and lot = of_lot) moved
      group by account, place) by_place
    -- What came and went on within one entry, such as into management and from there withdrawn, was never held.
    where added - removed <> came - went or removed - added <> went - came)
$$;

create function asserted_of_lot(of_lot text) returns void language plpgsql as $$
begin
  if exists (select from lot_balance
             where lot = of_lot and issued <> management + trading + retired + withdrawn) then
    raise exception 'lot %: issued is not management + trading + retired + withdrawn', of_lot
      using errcode = 'integrity_constraint_violation', constraint = 'lot_adds_up';
  end if;
  if unexplained(of_lot, (select journal_sequence from head)) then
    raise exception 'lot %: serials moved without a journal entry', of_lot
      using errcode = 'integrity_constraint_violation', constraint = 'moved_by_journal';
  end if;
  if exists (select from corrected c join holding h on h.lot = c.lot and h.serials && c.serials
             where c.lot = of_lot and h.lot = of_lot and h.place = 'management') then
    raise exception 'lot %: corrected serials are in a management sub-account', of_lot
      using errcode = 'integrity_constraint_violation', constraint = 'corrected_is_not_managed';
  end if;
end $$;
-- Asked at commit of every lot of which anything changed.
create or replace function check_balance() returns trigger language plpgsql as $$
begin
  perform asserted_of_lot(new.lot);
  return null;
end $$;
create function check_correction() returns trigger language plpgsql as $$
begin
  if (select count(*) from corrected where correction = new.correction) <> new.ranges then
    raise exception 'correction % does not have its % ranges', new.correction, new.ranges
      using errcode = 'integrity_constraint_violation', constraint = 'corrected_is_whole';
  end if;
  perform asserted_of_lot(new.lot);
  return null;
end $$;
create constraint trigger check_correction after insert on correction
  deferrable initially deferred for each row execute function check_correction();

create or replace function after_holding_added() returns trigger language plpgsql as $$
begin
  if exists (select from added where since <> (select journal_sequence from head)) then
    raise exception 'a holding begins with the newest journal entry'
      using errcode = 'restrict_violation', constraint = 'holding_is_new';
  end if;
  if exists (select from added join lot using (lot) where not added.serials <@ lot.serials) then
    raise exception 'serials were never issued in this lot'
      using errcode = 'integrity_constraint_violation', constraint = 'holding_was_issued';
  end if;
  if exists (select from added join account_closed using (account) where place in ('management', 'trading')) then
    raise exception 'nothing comes into a closed account'
      using errcode = 'integrity_constraint_violation', constraint = 'account_is_open';
  end if;
  update lot_balance b
  set management = b.management + d.management, trading = b.trading + d.trading, retired = b.retired + d.retired,
      withdrawn = b.withdrawn + d.withdrawn
  from (select lot,
               coalesce(sum(upper(serials) - lower(serials)) filter (where place = 'management'), 0) as management,
               coalesce(sum(upper(serials) - lower(serials)) filter (where place = 'trading'), 0) as trading,
               coalesce(sum(upper(serials) - lower(serials)) filter (where place = 'retired'), 0) as retired,
               coalesce(sum(upper(serials) - lower(serials)) filter (where place = 'withdrawn'), 0) as withdrawn
        from added group by lot) d
  where b.lot = d.lot;
  return null;
end $$;

create or replace function after_holding_removed() returns trigger language plpgsql as $$
begin
  if exists (select from removed where place = 'retired') then
    raise exception 'a retired serial never moves' using errcode = 'restrict_violation', constraint = 'retired_stays';
  end if;
  if exists (select from removed where place = 'withdrawn') then
    raise exception 'a withdrawn serial never moves' using errcode = 'restrict_violation', constraint = 'withdrawn_stays';
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
