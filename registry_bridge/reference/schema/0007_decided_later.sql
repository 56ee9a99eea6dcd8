-- Requests that were accepted and are decided later: asked for in time, in the order they came, and never forgotten.
create table undecided (
  request_id text collate "C" primary key check (request_id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'),
  place_in_line bigint generated always as identity unique,
  content_digest text not null check (content_digest ~ '^[0-9a-f]{64}$'),
  movement text not null,  -- as it came
  accepted_at_ns bigint not null,
  decide_at_ns bigint not null check (decide_at_ns >= accepted_at_ns)
);
create function refuse_decided() returns trigger language plpgsql as $$
begin
  if exists (select from undecided u join request r using (request_id) where u.request_id = new.request_id) then
    raise exception 'request % is decided and undecided', new.request_id
      using errcode = 'integrity_constraint_violation', constraint = 'decided_or_not';
  end if;
  return null;
end $$;
create constraint trigger undecided_is_not_decided after insert on undecided
  deferrable initially deferred for each row execute function refuse_decided();
create constraint trigger decided_is_not_undecided after insert on request
  deferrable initially deferred for each row execute function refuse_decided();

create function refuse_forgetting() returns trigger language plpgsql as $$
begin
  if not exists (select from request r where r.request_id = old.request_id
                 and (r.content_digest = old.content_digest or r.refusal = 'cancelled')) then
    raise exception 'request % was accepted and is forgotten', old.request_id
      using errcode = 'integrity_constraint_violation', constraint = 'accepted_is_decided';
  end if;
  return null;
end $$;
create constraint trigger accepted_is_decided after delete on undecided
  deferrable initially deferred for each row execute function refuse_forgetting();
create trigger keep_undecided before update or truncate on undecided
  for each statement execute function refuse_change();
