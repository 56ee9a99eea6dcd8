// What the exchange published of closed days and weeks, to read and to take along.
import { useState } from "preact/hooks";
import type { Bulletin, BulletinLine, Page } from "../api";
import { fen, moment, money, shown, signed } from "../format";
import { t } from "../i18n";
import { direction } from "../parts/figures";
import { Choice, Panel } from "../parts/panel";
import { Answered } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { useRemote } from "../remote";

interface Row extends BulletinLine {
  bulletin: Bulletin;
}

export function BulletinsPage() {
  const [period, setPeriod] = useState<"day" | "week">("day");
  const remote = useRemote<Page<Bulletin>>(`/v1/bulletins?period=${period}`);
  return (
    <>
      <h1>{t("nav.bulletins")}</h1>
      <p class="lead">{t("bulletins.lead")}</p>
      <Panel
        title={t(`bulletins.${period}`)}
        aside={
          <div class="chart-choices">
            <Choice
              label={t("bulletins.period")}
              values={["day", "week"] as const}
              chosen={period}
              named={(value) => t(`bulletins.${value}`)}
              choose={setPeriod}
            />
            <a class="button" href={`/v1/bulletins?period=${period}&format=csv`} download={`${period}.csv`}>
              {t("bulletins.csv")}
            </a>
          </div>
        }
      >
        <Answered remote={remote}>
          {(page) => (
            <Table
              none={t("bulletins.none")}
              caption={t(`bulletins.${period}`)}
              rows={rowsOf(page.items)}
              keyOf={(row) => `${row.bulletin.date}-${row.listing}`}
              columns={columns(period)}
            />
          )}
        </Answered>
      </Panel>
    </>
  );
}

/** Newest first: it is what is looked for. */
function rowsOf(bulletins: readonly Bulletin[]): Row[] {
  return [...bulletins]
    .reverse()
    .flatMap((bulletin) => bulletin.listings.map((line) => ({ ...line, bulletin })));
}

function columns(period: "day" | "week"): Column<Row>[] {
  const figure = (name: string, title: string, cell: (row: Row) => string): Column<Row> => ({
    name,
    title,
    isFigure: true,
    cell,
  });
  return [
    {
      name: "date",
      title: t("column.date"),
      cell: ({ bulletin }) => (
        <span title={t("bulletins.published", { at: moment(bulletin.published_at) })}>
          {period === "day" ? bulletin.date : `${bulletin.from} – ${bulletin.date}`}
        </span>
      ),
    },
    { name: "listing", title: t("column.listing"), cell: (row) => <span class="code">{row.listing}</span> },
    figure("open", t("listing.open"), (row) => shown(row.open)),
    figure("high", t("listing.high"), (row) => shown(row.high)),
    figure("low", t("listing.low"), (row) => shown(row.low)),
    figure("close", t("listing.close"), (row) => shown(row.close)),
    {
      name: "change",
      title: t("column.change"),
      isFigure: true,
      cell: (row) => <span class={direction(fen(row.change))}>{signed(row.change)}</span>,
    },
    figure("volume", t("bulletins.listed_volume"), (row) => shown(row.listed_volume)),
    figure("turnover", t("bulletins.listed_turnover"), (row) => money(row.listed_turnover)),
    figure("negotiated_volume", t("bulletins.negotiated_volume"), (row) => shown(row.negotiated_volume)),
    figure("negotiated_turnover", t("bulletins.negotiated_turnover"), (row) =>
      money(row.negotiated_turnover),
    ),
    figure("cumulative", t("bulletins.cumulative_volume"), (row) => shown(row.cumulative_volume)),
    figure("total", t("bulletins.cumulative_turnover"), (row) => money(row.cumulative_turnover)),
  ];
}
