// What was retired for which purpose, as published in the bulletins: totals first, then day by day or week by week.
import { useState } from "preact/hooks";
import type { Bulletin, Page, RetiredLine } from "../api";
import { shown } from "../format";
import { word as named, t } from "../i18n";
import { Choice, Panel } from "../parts/panel";
import { Answered, Nothing } from "../parts/states";
import { Table } from "../parts/table";
import { useRemote } from "../remote";

export function RetirementsPage() {
  const [period, setPeriod] = useState<"day" | "week">("day");
  const remote = useRemote<Page<Bulletin>>(`/v1/bulletins?period=${period}`);
  return (
    <>
      <h1>{t("nav.retirements")}</h1>
      <p class="lead">{t("retirements.lead")}</p>
      <Panel title={t("retirements.totals")}>
        <Answered remote={remote}>{(page) => <Totals lines={page.items.at(-1)?.retired ?? []} />}</Answered>
      </Panel>
      <Panel
        title={t(`retirements.${period}`)}
        aside={
          <div class="chart-choices">
            <Choice
              label={t("bulletins.period")}
              values={["day", "week"] as const}
              chosen={period}
              named={(value) => t(`bulletins.${value}`)}
              choose={setPeriod}
            />
            <a
              class="button"
              href={`/v1/bulletins?period=${period}&format=csv&table=retired`}
              download={`retired-${period}.csv`}
            >
              {t("bulletins.csv")}
            </a>
          </div>
        }
      >
        <Answered remote={remote}>{(page) => <ByPeriod bulletins={page.items} />}</Answered>
      </Panel>
    </>
  );
}

function Totals({ lines }: { lines: readonly RetiredLine[] }) {
  if (lines.length === 0) return <Nothing>{t("retirements.none")}</Nothing>;
  return (
    <dl class="facts">
      {lines.map((line) => (
        <div class="fact" key={line.purpose}>
          <dt>{named("purpose", line.purpose)}</dt>
          <dd class="figures">
            {shown(line.cumulative)} {t("unit.t")}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function ByPeriod({ bulletins }: { bulletins: readonly Bulletin[] }) {
  const rows = [...bulletins]
    .reverse()
    .flatMap((bulletin) => bulletin.retired.map((line) => ({ ...line, bulletin })))
    .filter((line) => line.quantity !== null || line.held_over);
  if (rows.length === 0) return <Nothing>{t("retirements.none")}</Nothing>;
  return (
    <Table
      caption={t("nav.retirements")}
      rows={rows}
      keyOf={(row) => `${row.bulletin.date}-${row.purpose}`}
      columns={[
        {
          name: "date",
          title: t("column.date"),
          cell: (row) => <span class="figures">{row.bulletin.date}</span>,
        },
        { name: "purpose", title: t("certificates.purpose"), cell: (row) => named("purpose", row.purpose) },
        {
          name: "quantity",
          title: t("retirements.quantity"),
          isFigure: true,
          cell: (row) => (row.quantity === null ? t("retirements.held_over") : shown(row.quantity)),
        },
        {
          name: "since",
          title: t("retirements.since"),
          cell: (row) => <span class="figures">{row.since ?? shown(null)}</span>,
        },
        {
          name: "cumulative",
          title: t("retirements.cumulative"),
          isFigure: true,
          cell: (row) => shown(row.cumulative),
        },
      ]}
    />
  );
}
