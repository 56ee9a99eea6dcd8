// People who sign in, and keys of programs: let in, given a new password, kept out; made, rotated, and revoked.
import { useState } from "preact/hooks";
import type { Page } from "../api";
import { listOf, moment } from "../format";
import { word as named, t } from "../i18n";
import { momentOf, type Wanted } from "../parts/givens";
import { Paged } from "../parts/paged";
import { Choice, Panel } from "../parts/panel";
import { Answered } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { session } from "../session";
import { Said } from "./approvals";
import { ActButton, plain, turn } from "./doing";
import { code, text, time, useLook, withActs, words } from "./looking";
import { desk, type Key, type Permit, type Person, type Subject } from "./shapes";

const SCOPES = [
  "read",
  "trade",
  "negotiate",
  "offset",
  "transfer",
  "bank",
  "operate",
  "approve",
  "authority",
  "supervise",
];

export function AccessSection() {
  return (
    <>
      <Permits />
      <People />
      <Keys />
      <PersonalData />
    </>
  );
}

function forWhom(): Wanted[] {
  return [
    { name: "participant", label: t("column.participant") },
    { name: "account", label: t("column.account"), isOptional: true },
    {
      name: "scopes",
      label: t("access.scopes"),
      kind: "many",
      options: SCOPES.map((value) => ({ value, label: named("scope", value) })),
    },
  ];
}

function scopeList(scopes: readonly string[]): string {
  return scopes.map((scope) => named("scope", scope)).join(t("list.separator"));
}

function Secret({ name, of, secret }: { name: string; of: string; secret: string }) {
  return (
    <dl class="secret">
      <dt>{of}</dt>
      <dt>{name}</dt>
      <dd>
        <code>{secret}</code>
      </dd>
    </dl>
  );
}

/** What another has agreed to: made by who asked for it, to whom alone the secret is shown. */
function Permits() {
  const permits = useLook<Page<Permit>>(desk("permits"));
  // One that was used is listed no more; it stays until its secret was read
  const [used, keep] = useState<Permit | null>(null);
  const items = permits.answer?.items ?? [];
  const isListed = items.some((one) => one.approval.id === used?.approval.id);
  const shown = used === null || isListed ? items : [...items, used];
  if (shown.length === 0) return null;
  return (
    <Panel title={t("permits.title")}>
      <ul class="waiting">
        {shown.map((permit) => (
          <Permitted
            key={permit.approval.id}
            permit={permit}
            use={() => keep(permit)}
            leave={() => keep(null)}
          />
        ))}
      </ul>
    </Panel>
  );
}

function Permitted({ permit, use, leave }: { permit: Permit; use: () => void; leave: () => void }) {
  const { approval } = permit;
  const isOwn = approval.operator === session.value?.participant;
  const name = named("act", approval.act);
  return (
    <li aria-label={t("approvals.one", { act: name, id: approval.id })}>
      <h3>
        {name} <span class="small">{t("approvals.number", { id: approval.id })}</span>
      </h3>
      <Said approval={approval} />
      <p class="small">{t("permits.until", { by: permit.approved_by, until: moment(permit.good_until) })}</p>
      <div class="ways-row">
        <ActButton
          name={t("permits.use")}
          of={approval.id}
          kind="first"
          path={desk(`permits/${approval.id}/use`)}
          asksWhy={false}
          isDisabled={!isOwn}
          about={<Said approval={approval} />}
          said={() => t("act.done", { act: name })}
          after={use}
          left={leave}
          once={(answer) => {
            const key = answer["key"] as Key | null;
            const person = answer["person"] as Person | null;
            if (key === null && answer["secret"] === null) return null;
            return (
              <Secret
                of={key?.key ?? person?.person ?? ""}
                name={key === null ? t("people.one_time") : t("keys.secret")}
                secret={answer["secret"] === null ? t("keys.no_secret") : String(answer["secret"])}
              />
            );
          }}
        />
      </div>
    </li>
  );
}

function People() {
  const people = useLook<Page<Person>>(desk("people"));
  return (
    <Panel
      title={t("people.title")}
      aside={
        <ActButton
          name={t("people.add")}
          path={desk("people")}
          wanted={[
            {
              name: "person",
              label: t("sign_in.name"),
              hint: t("members.name_hint"),
            },
            ...forWhom(),
          ]}
          body={(given) => ({ ...plain(given), scopes: (given["scopes"] ?? "").split(",") })}
          once={(answer) => (
            <Secret
              of={String(answer["person"])}
              name={t("people.one_time")}
              secret={String(answer["one_time_password"])}
            />
          )}
        />
      }
    >
      <Answered remote={people}>
        {(found) => (
          <Table
            caption={t("people.title")}
            rows={found.items}
            keyOf={(one) => one.person}
            columns={peopleColumns()}
          />
        )}
      </Answered>
    </Panel>
  );
}

function stateOf(person: Person): string {
  if (person.disabled_at !== null) return t("people.disabled", { at: moment(person.disabled_at) });
  return person.must_change_password ? t("people.must_change") : t("people.active");
}

function peopleColumns(): Column<Person>[] {
  const columns: Column<Person>[] = [
    code("person", t("sign_in.name"), (one) => one.person),
    code("participant", t("column.participant"), (one) => one.participant),
    code("account", t("column.account"), (one) => one.account),
    {
      name: "scopes",
      title: t("access.scopes"),
      cell: (one) => <span class="words">{scopeList(one.scopes)}</span>,
    },
    text("state", t("column.state"), stateOf),
    text("totp", t("people.totp"), (one) => (one.totp ? t("value.yes") : t("value.no"))),
    time("signed_in", t("people.signed_in"), (one) => one.signed_in_at),
    code("alone", t("access.alone"), (one) => one.made_alone_by),
  ];
  withActs(columns, (one) => <PersonActs person={one} />);
  return columns;
}

function PersonActs({ person }: { person: Person }) {
  const path = (act: string) => desk(`people/${encodeURIComponent(person.person)}/${act}`);
  return (
    <span class="acts">
      <ActButton
        name={t("people.reset")}
        of={person.person}
        kind="quiet act"
        path={path("reset")}
        about={<p>{t("people.reset_about")}</p>}
        wanted={[{ name: "remove_totp", label: t("people.remove_totp"), kind: "yes", isOptional: true }]}
        body={(given) => ({ reason: given["reason"] ?? "", remove_totp: given["remove_totp"] === "yes" })}
        once={(answer) => (
          <Secret
            of={person.person}
            name={t("people.one_time")}
            secret={String(answer["one_time_password"])}
          />
        )}
      />
      {person.disabled_at === null ? (
        <ActButton
          name={t("people.disable")}
          of={person.person}
          kind="quiet act"
          path={path("disable")}
          typed={person.person}
          about={<p>{t("people.disable_about")}</p>}
        />
      ) : (
        <ActButton name={t("people.enable")} of={person.person} kind="quiet act" path={path("enable")} />
      )}
    </span>
  );
}

const SHOWN = ["valid", "all"] as const;

function Keys() {
  const [shown, show] = useState<(typeof SHOWN)[number]>("valid");
  const keys = useLook<Page<Key>>(desk("keys"));
  // One that was replaced may be good no more; it stays until the secret of the other was read
  const [rotated, keep] = useState<string | null>(null);
  return (
    <Panel
      title={t("keys.title")}
      aside={
        <span class="beside">
          <Choice
            label={t("column.state")}
            values={SHOWN}
            chosen={shown}
            named={(value) => t(`keys.${value}`)}
            choose={show}
          />
          <IssueAct />
        </span>
      }
    >
      <Answered remote={keys}>
        {(found) => {
          const items =
            shown === "all" ? found.items : found.items.filter((one) => isGood(one) || one.key === rotated);
          return (
            <Table
              none={t("keys.none")}
              caption={t("keys.title")}
              rows={items}
              keyOf={(one) => one.key}
              columns={keyColumns(keep)}
            />
          );
        }}
      </Answered>
    </Panel>
  );
}

/** Whether a key may be used: neither revoked nor, its overlap over, replaced; an expired one stands there with its date. */
function isGood(key: Key): boolean {
  return key.revoked_at === null && (key.ends_at === null || Date.parse(key.ends_at) > Date.now());
}

function RotateAct({ of, keep }: { of: Key; keep: (key: string | null) => void }) {
  const publicKey = {
    name: "public_key",
    label: t("keys.public_key"),
    hint: t("keys.public_key_hint"),
  };
  return (
    <ActButton
      name={t("keys.rotate")}
      of={of.key}
      kind="quiet act"
      path={desk(`keys/${encodeURIComponent(of.key)}/rotate`)}
      about={<p>{t("keys.rotate_about")}</p>}
      wanted={[
        ...(of.algorithm === "ed25519" ? [publicKey] : []),
        { name: "overlap_s", label: t("keys.overlap"), inputMode: "numeric", begin: "0" },
      ]}
      body={(given) => ({ ...plain(given), overlap_s: Number(given["overlap_s"]) })}
      isDisabled={of.rotated_to !== null}
      once={keySecret}
      after={() => keep(of.key)}
      left={() => keep(null)}
    />
  );
}

/** A key just made, and the secret that is told this once. */
function keySecret(answer: Record<string, unknown>) {
  return (
    <Secret
      of={String(answer["key"])}
      name={t("keys.secret")}
      secret={answer["secret"] === null ? t("keys.no_secret") : String(answer["secret"])}
    />
  );
}

function IssueAct() {
  return (
    <ActButton
      name={t("keys.issue")}
      path={desk("keys")}
      wanted={[
        ...forWhom(),
        {
          name: "algorithm",
          label: t("keys.algorithm"),
          kind: "choice",
          options: [
            { value: "hmac-sha256", label: t("keys.hmac") },
            { value: "ed25519", label: t("keys.ed25519") },
          ],
        },
        {
          name: "public_key",
          label: t("keys.public_key"),
          isOptional: true,
          hint: t("keys.public_key_hint"),
        },
        {
          name: "networks",
          label: t("keys.networks"),
          isOptional: true,
          hint: t("keys.networks_hint"),
        },
        { name: "label", label: t("keys.label"), isOptional: true },
        { name: "expires_at", label: t("keys.expires"), kind: "moment", isOptional: true },
      ]}
      body={(given) => {
        const { expires_at: until = "", networks = "", ...rest } = plain(given);
        return {
          ...rest,
          scopes: (given["scopes"] ?? "").split(","),
          networks: listOf(networks),
          ...(until !== "" && { expires_at: momentOf(until) }),
        };
      }}
      once={keySecret}
    />
  );
}

function keyColumns(keep: (key: string | null) => void): Column<Key>[] {
  const columns: Column<Key>[] = [
    code("key", t("keys.key"), (one) => one.key),
    code("participant", t("column.participant"), (one) => one.participant),
    code("account", t("column.account"), (one) => one.account),
    {
      name: "scopes",
      title: t("access.scopes"),
      cell: (one) => <span class="words">{scopeList(one.scopes)}</span>,
    },
    text("networks", t("keys.networks"), (one) => one.networks.join(" ") || null),
    text("label", t("keys.label"), (one) => one.label || null),
    time("created", t("keys.created"), (one) => one.created_at),
    time("expires", t("keys.expires"), (one) => one.expires_at),
    code("rotated", t("keys.rotated"), (one) => one.rotated_to),
    time("ends", t("keys.ends"), (one) => one.ends_at),
    time("revoked", t("keys.revoked"), (one) => one.revoked_at),
    code("alone", t("access.alone"), (one) => one.made_alone_by),
  ];
  withActs(columns, (one) =>
    one.revoked_at === null ? (
      <span class="acts">
        <RotateAct of={one} keep={keep} />
        <ActButton
          name={t("keys.revoke")}
          of={one.key}
          kind="quiet act"
          method="DELETE"
          path={desk(`keys/${encodeURIComponent(one.key)}`)}
          asksWhy={false}
          typed={one.key}
          about={<p>{t("keys.revoke_about")}</p>}
        />
      </span>
    ) : (
      "–"
    ),
  );
  return columns;
}

function PersonalData() {
  const columns: Column<Subject>[] = [
    code("subject", t("column.number"), (one) => one.subject),
    text("kind", t("members.kind"), (one) => named("subject_kind", one.kind)),
    code("name", t("personal.name"), (one) => one.name),
    text("state", t("column.state"), (one) =>
      one.restricted ? t("personal.restricted") : t("personal.released"),
    ),
    words("reason", t("act.reason"), (one) => one.reason),
    time("since", t("column.since"), (one) => one.restricted_at),
  ];
  withActs(columns, (one) =>
    one.restricted ? (
      <ActButton
        name={t("personal.release")}
        of={one.subject}
        kind="quiet act"
        path={desk(`personal-data/${one.subject}/release`)}
      />
    ) : (
      "–"
    ),
  );
  return (
    <Panel
      title={t("personal.title")}
      aside={
        <ActButton
          name={t("personal.restrict")}
          path={desk("personal-data")}
          about={<p>{t("personal.about")}</p>}
          typed={(given) => (given["name"] ?? "").trim()}
          wanted={[
            {
              name: "kind",
              label: t("members.kind"),
              kind: "choice",
              options: ["person", "participant", "beneficiary"].map((value) => ({
                value,
                label: named("subject_kind", value),
              })),
            },
            { name: "name", label: t("personal.name"), hint: t("personal.name_hint") },
          ]}
        />
      }
    >
      <Paged<Subject>
        path={desk("personal-data?limit=50")}
        turn={turn.value}
        caption={t("personal.title")}
        columns={columns}
        keyOf={(one) => one.subject}
        none={t("personal.none")}
      />
    </Panel>
  );
}
