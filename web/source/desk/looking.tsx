// What all parts of the desk share: lists that are asked for anew whenever something may have changed, and small columns.
import { moment } from "../format";
import { t } from "../i18n";
import type { Column } from "../parts/table";
import { type Remote, useTurning } from "../remote";
import { may, turn } from "./doing";

/** The answer of that address, asked for again with each turn of the desk. */
export function useLook<Answer>(path: string | null): Remote<Answer> {
  return useTurning(path, turn.value);
}

/** What is no longer than this stays on one line. */
const BRIEF = 20;

export function text<Row>(name: string, title: string, cell: (row: Row) => string | null): Column<Row> {
  return {
    name,
    title,
    cell: (row) => {
      const value = cell(row) ?? "–";
      return <span class={value.length > BRIEF ? "words" : "brief"}>{value}</span>;
    },
  };
}

export function code<Row>(name: string, title: string, cell: (row: Row) => string | null): Column<Row> {
  return { name, title, cell: (row) => <span class="code">{cell(row) ?? "–"}</span> };
}

export function figure<Row>(name: string, title: string, cell: (row: Row) => string): Column<Row> {
  return { name, title, isFigure: true, cell };
}

export function time<Row>(name: string, title: string, cell: (row: Row) => string | null): Column<Row> {
  return { name, title, cell: (row) => <span class="figures">{moment(cell(row))}</span> };
}

/** Long words of people: as wide as is read well, and no wider. */
export function words<Row>(name: string, title: string, cell: (row: Row) => string | null): Column<Row> {
  return { name, title, cell: (row) => <span class="words">{cell(row) ?? "–"}</span> };
}

/** The column of what can be done, for who may do it; who may not has none. */
export function withActs<Row>(columns: Column<Row>[], cell: Column<Row>["cell"]): void {
  if (may("operate")) columns.push({ name: "act", title: t("column.act"), isAct: true, cell });
}
