-- Every row of a day's delivery named a lot and two accounts, and each was looked up by itself: six look-ups a leg.
-- Lots and accounts are never removed or renamed, so asking once a statement, for all of its rows, is as good.

alter table journal_leg
  drop constraint journal_leg_sequence_fkey,  -- legs join only the newest entry, which is there
  drop constraint journal_leg_lot_fkey,
  drop constraint journal_leg_from_account_fkey,
  drop constraint journal_leg_to_account_fkey;
alter table holding
  drop constraint holding_account_fkey,
  drop constraint holding_lot_fkey;

create or replace function refuse_late_leg() returns trigger language plpgsql as $$
begin
  if exists (select from added where sequence <> (select journal_sequence from head)) then
    raise exception 'legs join only the newest journal entry'
      using errcode = 'restrict_violation', constraint = 'leg_is_new';
  end if;
  if exists (select lot from added except select lot from lot) then
    raise exception 'a leg names a lot that is not there'
      using errcode = 'foreign_key_violation', constraint = 'leg_lot_is_known';
  end if;
  if exists (select from_account from added union select to_account from added except select account from account) then
    raise exception 'a leg names an account that is not there'
      using errcode = 'foreign_key_violation', constraint = 'leg_account_is_known';
  end if;
  return null;
end $$;

create function holding_is_somebodys() returns trigger language plpgsql as $$
begin
  if exists (select account from added except select account from account) then
    raise exception 'a holding is of an account that is not there'
      using errcode = 'foreign_key_violation', constraint = 'holding_account_is_known';
  end if;
  if exists (select lot from added except select lot from lot) then
    raise exception 'a holding is of a lot that is not there'
      using errcode = 'foreign_key_violation', constraint = 'holding_lot_is_known';
  end if;
  return null;
end $$;
create trigger holding_is_somebodys after insert on holding referencing new table as added
  for each statement execute function holding_is_somebodys();

-- A lot's balance changes twice in a movement, once for what goes and once for what comes; only the last one is asked.
create or replace function check_balance() returns trigger language plpgsql as $$
begin
  if exists (select from lot_balance b where b.lot = new.lot and b = new) then
    perform asserted_of_lot(new.lot);
  end if;
  return null;
end $$;
