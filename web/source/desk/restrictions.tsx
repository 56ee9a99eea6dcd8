// Who or what is stopped, and on whose word: accounts restricted, freezes of accounts and units, kill switches.
import type { Page } from "../api";
import { listOf, serials } from "../format";
import { word as named, t } from "../i18n";
import { Panel } from "../parts/panel";
import { Answered, Nothing } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { ActButton, plain } from "./doing";
import { code, text, time, useLook, withActs, words } from "./looking";
import { desk, type Freeze, type KillSwitch, type Restrictions } from "./shapes";

type Restricted = Restrictions["accounts"][number];

export function RestrictionsSection() {
  const stopped = useLook<Restrictions>(desk("restrictions"));
  const switches = useLook<Page<KillSwitch>>(desk("kill-switches"));
  return (
    <>
      <Panel title={t("kill.title")} aside={<ThrowAct />}>
        <p class="small">{t("kill.lead")}</p>
        <Answered remote={switches}>
          {(found) =>
            found.items.length === 0 ? <Nothing>{t("kill.none")}</Nothing> : <Switches found={found.items} />
          }
        </Answered>
      </Panel>
      <Panel title={t("restrict.title")} aside={<RestrictAct />}>
        <Answered remote={stopped}>
          {(found) =>
            found.accounts.length === 0 ? (
              <Nothing>{t("restrict.none")}</Nothing>
            ) : (
              <Accounts found={found.accounts} />
            )
          }
        </Answered>
      </Panel>
      <Panel title={t("freeze.title")} aside={<FreezeAct />}>
        <Answered remote={stopped}>
          {(found) =>
            found.items.length === 0 ? <Nothing>{t("freeze.none")}</Nothing> : <Freezes found={found.items} />
          }
        </Answered>
      </Panel>
    </>
  );
}

function ThrowAct() {
  return (
    <ActButton
      name={t("kill.throw")}
      path={desk("kill-switches")}
      about={<p>{t("kill.about")}</p>}
      typed={(given) => (given["scope"] === "market" ? t("halts.market") : (given["subject"] ?? "").trim())}
      wanted={[
        {
          name: "scope",
          label: t("kill.scope"),
          kind: "choice",
          options: ["account", "participant", "market"].map((value) => ({
            value,
            label: named("scope_of", value),
          })),
        },
        { name: "subject", label: t("kill.subject"), isOptional: true, hint: t("kill.subject_hint") },
      ]}
      body={(given) => ({ ...plain(given), act: "throw" })}
      said={(answer) => t("kill.thrown", { n: (answer["cancelled"] as unknown[] | undefined)?.length ?? 0 })}
    />
  );
}

function Switches({ found }: { found: readonly KillSwitch[] }) {
  const columns: Column<KillSwitch>[] = [
    {
      name: "scope",
      title: t("kill.scope"),
      cell: (one) => (
        <>
          {named("scope_of", one.scope)} <span class="code">{one.subject}</span>
        </>
      ),
    },
    text("operator", t("column.operator"), (one) => one.operator),
    words("reason", t("act.reason"), (one) => one.reason),
    time("since", t("column.since"), (one) => one.since),
  ];
  withActs(columns, (one) => (
    <ActButton
      name={t("kill.lift")}
      of={one.subject ?? t("halts.market")}
      kind="quiet act"
      path={desk("kill-switches")}
      body={(given) => ({
        ...plain(given),
        act: "lift",
        scope: one.scope,
        ...(one.subject !== null && { subject: one.subject }),
      })}
    />
  ));
  return (
    <Table
      caption={t("kill.title")}
      rows={found}
      keyOf={(one) => `${one.scope}/${one.subject}`}
      columns={columns}
    />
  );
}

function RestrictAct() {
  return (
    <ActButton
      name={t("restrict.restrict")}
      path={desk("restrictions")}
      about={<p>{t("restrict.about")}</p>}
      wanted={[{ name: "account", label: t("column.account") }]}
      typed={(given) => (given["account"] ?? "").trim()}
      body={(given) => ({ ...plain(given), act: "restrict" })}
    />
  );
}

function Accounts({ found }: { found: readonly Restricted[] }) {
  const columns: Column<Restricted>[] = [
    code("account", t("column.account"), (one) => one.account),
    words("reason", t("act.reason"), (one) => one.reason),
    time("since", t("column.since"), (one) => one.since),
  ];
  withActs(columns, (one) => (
    <ActButton
      name={t("restrict.lift")}
      of={one.account}
      kind="quiet act"
      path={desk("restrictions")}
      body={(given) => ({ ...plain(given), account: one.account, act: "lift" })}
    />
  ));
  return <Table caption={t("restrict.title")} rows={found} keyOf={(one) => one.account} columns={columns} />;
}

/** "1001-1010, 1020" as people write serials, both ends included, as half-open ranges. */
function rangesOf(given: string): [number, number][] {
  return listOf(given).map((part) => {
    const [first = "", last = first] = part.split(/[-–]/);
    return [Number(first), Number(last) + 1];
  });
}

function FreezeAct() {
  return (
    <ActButton
      name={t("freeze.place")}
      path={desk("freezes")}
      about={<p>{t("freeze.about")}</p>}
      wanted={[
        { name: "account", label: t("column.account"), isOptional: true },
        { name: "lot", label: t("column.lot"), isOptional: true },
        { name: "serials", label: t("column.serials"), isOptional: true, hint: t("freeze.serials_hint") },
      ]}
      typed={(given) => (given["lot"] || given["account"] || "").trim()}
      body={(given) => {
        const { serials: text = "", ...rest } = plain(given);
        return { ...rest, ...(text !== "" && { serials: rangesOf(text) }) };
      }}
    />
  );
}

function Freezes({ found }: { found: readonly Freeze[] }) {
  const columns: Column<Freeze>[] = [
    code("id", t("column.number"), (one) => one.id),
    text("source", t("freeze.source"), (one) => named("freeze_source", one.source)),
    text("stops", t("freeze.stops"), (one) => named("freeze_stops", one.stops)),
    code("account", t("column.account"), (one) => one.account ?? one.registry_account),
    code("lot", t("column.lot"), (one) => one.lot),
    text("serials", t("column.serials"), (one) => serials(one.serials) || null),
    words("reason", t("act.reason"), (one) =>
      one.source === "break" ? named("break_kind", one.reason) : one.reason,
    ),
    time("since", t("column.since"), (one) => one.since),
  ];
  withActs(columns, (one) =>
    one.source === "operator" ? (
      <ActButton name={t("freeze.lift")} of={one.id} kind="quiet act" path={desk(`freezes/${one.id}/lift`)} />
    ) : (
      "–"
    ),
  );
  return <Table caption={t("freeze.title")} rows={found} keyOf={(one) => one.id} columns={columns} />;
}
