-- Accounts that are closed, methodologies with the days they are in force, and lots whose reference data is amended.

-- Closed for good, and empty at that moment and ever after.
create table account_closed (
  account text collate "C" primary key references account,
  reason text not null check (reason <> ''),
  closed_at_ns bigint not null
);
create function account_is_empty() returns trigger language plpgsql as $$
begin
  perform from head for update;  -- no holding is on its way while this one row is locked
  if exists (select from holding where account = new.account and place in ('management', 'trading')) then
    raise exception 'account % is not empty', new.account
      using errcode = 'integrity_constraint_violation', constraint = 'account_is_empty';
  end if;
  return null;
end $$;
create trigger account_is_empty after insert on account_closed
  for each row execute function account_is_empty();
create trigger keep_account_closed before update or delete or truncate on account_closed
  for each statement execute function refuse_change();

-- The earliest day a methodology can be from is the one on which the Measures came into force (Art. 43).
alter table methodology
  add column published_on date not null default '2023-11-01',
  add column in_force_from date not null default '2023-11-01',
  add constraint methodology_in_force_once_published check (in_force_from >= published_on);
alter table methodology alter column published_on drop default, alter column in_force_from drop default;

-- From that day on nothing is issued under this version.
create table methodology_withdrawn (
  code text collate "C" not null,
  version text collate "C" not null,
  withdrawn_on date not null,
  reason text not null check (reason <> ''),
  withdrawn_at_ns bigint not null,
  primary key (code, version),
  foreign key (code, version) references methodology (code, version)
);
create trigger keep_methodology_withdrawn before update or delete or truncate on methodology_withdrawn
  for each statement execute function refuse_change();

create function issued_while_in_force() returns trigger language plpgsql as $$
begin
  perform from head for update;
  if not exists (select from methodology m left join methodology_withdrawn w using (code, version)
                 where (m.code, m.version) = (new.methodology, new.methodology_version)
                   and new.issued_on >= m.in_force_from
                   and (w.withdrawn_on is null or new.issued_on < w.withdrawn_on)) then
    raise exception 'methodology % % is not in force on the day of issue', new.methodology, new.methodology_version
      using errcode = 'integrity_constraint_violation', constraint = 'issued_while_in_force';
  end if;
  return null;
end $$;
create trigger issued_while_in_force after insert on lot for each row execute function issued_while_in_force();

create function withdrawn_after_use() returns trigger language plpgsql as $$
begin
  perform from head for update;
  if exists (select from lot where (methodology, methodology_version) = (new.code, new.version)
                               and issued_on >= new.withdrawn_on) then
    raise exception 'lots were issued under methodology % % since', new.code, new.version
      using errcode = 'integrity_constraint_violation', constraint = 'withdrawn_after_use';
  end if;
  return null;
end $$;
create trigger withdrawn_after_use after insert on methodology_withdrawn
  for each row execute function withdrawn_after_use();

-- Reference data anew. Class, methodology, origin, applicant and serials are what was issued, and stay.
create table lot_amendment (
  amendment bigint generated always as identity primary key,
  lot text collate "C" not null references lot,
  project text not null,
  period_start date not null,
  period_end date not null,
  issue_batch text not null,
  reason text not null check (reason <> ''),
  amended_at_ns bigint not null,
  check (period_end >= period_start)
);
create index lot_amendment_by_lot on lot_amendment (lot, amendment);
create trigger keep_lot_amendment before update or delete or truncate on lot_amendment
  for each statement execute function refuse_change();

create view lot_now as
  select l.lot, l.sequence, l.methodology, l.methodology_version, l.class, l.origin,
         coalesce(a.project, l.project) as project, l.applicant,
         coalesce(a.period_start, l.period_start) as period_start,
         coalesce(a.period_end, l.period_end) as period_end,
         coalesce(a.issue_batch, l.issue_batch) as issue_batch, l.issued_on, l.serials
  from lot l left join lateral (
    select project, period_start, period_end, issue_batch from lot_amendment
    where lot_amendment.lot = l.lot order by amendment desc limit 1) a on true;

alter table notice add constraint notice_kind_check check (kind in (
  'lot_issued', 'lot_changed', 'account_restricted', 'lot_frozen', 'unfrozen', 'corrected', 'transferred_in',
  'account_closed'));
