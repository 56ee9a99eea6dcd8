// The line to the registry platform: whether it answers, what is under way, what is not clear, and comparisons of both sides.
import { grouped, moment } from "../format";
import { word as named, t } from "../i18n";
import { Fact, Facts } from "../parts/facts";
import { Paged } from "../parts/paged";
import { Panel } from "../parts/panel";
import { Answered } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { ActButton, turn } from "./doing";
import { code, figure, text, time, useLook } from "./looking";
import { type Counts, desk, type Readiness, type Reconciliation, type RegistryLine } from "./shapes";

const COUNTS = ["sent", "asked", "confirmed", "refused", "cancelled", "unknown", "in_flight"] as const;

export function RegistrySection() {
  const line = useLook<RegistryLine>(desk("registry"));
  const ready = useLook<Readiness>("/readyz");
  return (
    <>
      <Panel title={t("registry.title")}>
        <Answered remote={line}>
          {(found) => <Line found={found} queue={ready.answer?.queue ?? null} />}
        </Answered>
      </Panel>
      {line.answer !== null && <Movements found={line.answer} />}
      {line.answer !== null && <Troubles found={line.answer} />}
      <Reconciliations />
    </>
  );
}

function Line({ found, queue }: { found: RegistryLine; queue: number | null }) {
  return (
    <>
      {(!found.answers || found.circuit !== "closed") && <p class="warning">{t("close.waits_circuit")}</p>}
      {found.notice_waits_at !== null && (
        <p class="warning">{t("registry.notice_waits", { n: found.notice_waits_at })}</p>
      )}
      <Facts>
        <Fact name={t("registry.state")}>{found.answers ? t("registry.answers") : t("registry.silent")}</Fact>
        <Fact name={t("registry.circuit")}>{named("circuit", found.circuit)}</Fact>
        <Fact name={t("registry.opened")}>{found.circuit_opened}</Fact>
        <Fact name={t("registry.variant")}>{found.variant ?? "–"}</Fact>
        <Fact name={t("registry.in_flight")}>{grouped(String(found.total.in_flight))}</Fact>
        <Fact name={t("registry.unclear")}>{grouped(String(found.unclear_count))}</Fact>
        <Fact name={t("registry.stopped")}>{found.stopped.length}</Fact>
        <Fact name={t("registry.not_bound")}>{found.not_bound}</Fact>
        <Fact name={t("registry.notices")}>{grouped(String(found.notice_cursor))}</Fact>
        <Fact name={t("registry.journal")}>{grouped(String(found.journal_entry))}</Fact>
        <Fact name={t("day.queue")}>{queue ?? "–"}</Fact>
      </Facts>
    </>
  );
}

function Movements({ found }: { found: RegistryLine }) {
  const rows: [string, Counts][] = [...Object.entries(found.by_kind), ["total", found.total]];
  return (
    <Panel title={t("registry.movements")}>
      <Table
        caption={t("registry.movements")}
        rows={rows}
        keyOf={([kind]) => kind}
        columns={[
          { name: "kind", title: t("registry.kind"), cell: ([kind]) => named("movement", kind) },
          ...COUNTS.map((count) =>
            figure<[string, Counts]>(count, t(`registry.count_${count}`), ([, counts]) =>
              grouped(String(counts[count])),
            ),
          ),
        ]}
      />
      {Object.keys(found.unknown_by_reason).length > 0 && (
        <p class="small">
          {t("registry.unknown_why")}{" "}
          {Object.entries(found.unknown_by_reason)
            .map(([reason, count]) => `${named("unknown", reason)} ${count}`)
            .join(t("list.separator"))}
        </p>
      )}
    </Panel>
  );
}

interface Trouble {
  what: string;
  id: string;
  more: string;
}

function Troubles({ found }: { found: RegistryLine }) {
  if (found.unclear.length + found.stopped.length + found.notice_faults.length === 0) return null;
  const rows: Trouble[] = [
    ...found.unclear.map((one) => ({
      what: t("registry.is_unclear"),
      id: one.request,
      more: t("registry.since", { at: moment(one.since) }),
    })),
    ...found.stopped.map((one) => ({
      what: t("registry.is_stopped"),
      id: one.request,
      more: t("registry.contradiction", { earlier: one.earlier, later: one.later }),
    })),
    ...found.notice_faults.map((one) => ({
      what: t("registry.is_fault"),
      id: String(one.sequence),
      more: `${one.kind}: ${one.code}, ${moment(one.time)}`,
    })),
  ];
  return (
    <Panel title={t("registry.troubles")}>
      <Table
        caption={t("registry.troubles")}
        rows={rows}
        keyOf={(one) => `${one.what}${one.id}`}
        columns={[
          text<Trouble>("what", t("registry.what"), (one) => one.what),
          code<Trouble>("id", t("column.number"), (one) => one.id),
          text<Trouble>("more", t("withdrawals.more"), (one) => one.more),
        ]}
      />
    </Panel>
  );
}

function Reconciliations() {
  const columns: Column<Reconciliation>[] = [
    time("time", t("column.time"), (one) => one.time),
    text("day", t("day.trading_day"), (one) => one.trading_day),
    text("how", t("registry.how"), (one) => (one.on_demand ? t("registry.on_demand") : t("registry.daily"))),
    {
      name: "breaks",
      title: t("registry.found"),
      cell: (one) => (
        <span class={one.breaks > 0 ? "bad-figure" : "good-figure"}>
          {one.breaks === 0 ? t("registry.clean") : t("registry.differs", { n: one.breaks })}
        </span>
      ),
    },
    figure("open", t("money.open_breaks"), (one) => grouped(String(one.open_breaks))),
    figure("as_of", t("registry.as_of"), (one) => grouped(String(one.as_of))),
    {
      name: "digest",
      title: t("registry.digests"),
      cell: (one) => (
        <span class="code" title={`${one.digest_here} / ${one.digest_there}`}>
          {one.digest_here === one.digest_there ? "=" : "≠"} {one.digest_here.slice(0, 12)}
        </span>
      ),
    },
  ];
  return (
    <Panel
      title={t("registry.reconciliations")}
      aside={
        <ActButton
          name={t("registry.reconcile")}
          path={desk("reconciliations")}
          asksWhy={false}
          about={<p>{t("registry.reconcile_about")}</p>}
          said={(answer) =>
            answer["breaks"] === 0
              ? t("registry.clean")
              : t("registry.differs", { n: Number(answer["breaks"]) })
          }
        />
      }
    >
      <Paged<Reconciliation>
        path={desk("reconciliations?limit=20")}
        turn={turn.value}
        caption={t("registry.reconciliations")}
        columns={columns}
        keyOf={(one) => one.id}
        none={t("registry.none")}
      />
    </Panel>
  );
}
