-- What happened: movements in one gapless sequence, and the final answer to every request id.

create table journal (
  sequence bigint primary key,
  movement_id text generated always as ('M' || sequence) stored unique,
  request_id text collate "C" unique,  -- none when the owner moved units at the platform
  kind text not null check (kind in ('transfer_in', 'transfer_out', 'deliver', 'retire')),
  trading_day date not null,
  decided_at_ns bigint not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  legs integer not null check (legs between 1 and 1000),
  ranges integer not null check (ranges >= legs),
  unique (sequence, kind)
);
create function number_journal() returns trigger language plpgsql as $$
begin
  update head set journal_sequence = journal_sequence + 1 returning journal_sequence into new.sequence;
  return new;
end $$;
create trigger number_journal before insert on journal for each row execute function number_journal();
create trigger keep_journal before update or delete or truncate on journal
  for each statement execute function refuse_change();

create table journal_leg (
  sequence bigint not null references journal,
  leg integer not null,
  part integer not null,
  lot text collate "C" not null references lot,
  serials int8range not null check (not isempty(serials)),
  from_account text collate "C" not null references account,
  from_place text not null check (from_place in ('management', 'trading')),
  to_account text collate "C" not null references account,
  to_place text not null check (to_place in ('management', 'trading', 'retired')),
  check ((from_account, from_place) <> (to_account, to_place)),
  primary key (sequence, leg, part)
);
create function refuse_late_leg() returns trigger language plpgsql as $$
begin
  if exists (select from added where sequence <> (select journal_sequence from head)) then
    raise exception 'legs join only the newest journal entry' using errcode = 'restrict_violation';
  end if;
  return null;
end $$;
create trigger refuse_late_leg after insert on journal_leg referencing new table as added
  for each statement execute function refuse_late_leg();
create trigger keep_journal_leg before update or delete or truncate on journal_leg
  for each statement execute function refuse_change();

-- Uses. A Class II lot cannot stand beside a compliance offset (Art. 29), whoever writes the row.
create table retirement (
  sequence bigint primary key,
  kind text not null default 'retire' check (kind = 'retire'),
  purpose text not null check (purpose in ('compliance_offset', 'voluntary_offset', 'voluntary_cancellation',
                                           'donation', 'damage_compensation')),
  compliance_year integer,
  beneficiary text not null check (beneficiary <> ''),
  statement text not null,
  check ((purpose = 'compliance_offset') = (compliance_year is not null)),
  unique (sequence, purpose),
  foreign key (sequence, kind) references journal (sequence, kind)
);
create table retirement_lot (
  sequence bigint not null,
  purpose text not null,
  lot text collate "C" not null,
  class text not null,
  primary key (sequence, lot),
  foreign key (sequence, purpose) references retirement (sequence, purpose),
  foreign key (lot, class) references lot (lot, class),
  check (purpose <> 'compliance_offset' or class = 'I')
);
create trigger keep_retirement before update or delete or truncate on retirement
  for each statement execute function refuse_change();
create trigger keep_retirement_lot before update or delete or truncate on retirement_lot
  for each statement execute function refuse_change();

-- An entry holds exactly the legs it says it holds, and a retirement says what for, lot by lot.
create function check_legs() returns trigger language plpgsql as $$
begin
  if (select (count(distinct leg), count(*)) is distinct from (new.legs::bigint, new.ranges::bigint)
      from journal_leg where sequence = new.sequence) then
    raise exception 'journal entry % does not have its % legs', new.sequence, new.legs
      using errcode = 'integrity_constraint_violation';
  end if;
  if new.kind = 'retire' and exists (
      select lot from journal_leg where sequence = new.sequence
      except select lot from retirement_lot where sequence = new.sequence) then
    raise exception 'retirement % does not say what it is for', new.sequence
      using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $$;
create constraint trigger check_legs after insert on journal
  deferrable initially deferred for each row execute function check_legs();

-- The answer to a request id, for ever. No content: the id was cancelled before any request came.
create table request (
  request_id text collate "C" primary key check (request_id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'),
  content_digest text check (content_digest ~ '^[0-9a-f]{64}$'),
  sequence bigint unique references journal,
  refusal text,
  leg integer check (leg >= 1),
  decided_at_ns bigint not null,
  check ((sequence is null) <> (refusal is null)),
  check (leg is null or refusal is not null),
  check (content_digest is not null or (refusal is not null and refusal = 'cancelled'))
);
create trigger keep_request before update or delete or truncate on request
  for each statement execute function refuse_change();
