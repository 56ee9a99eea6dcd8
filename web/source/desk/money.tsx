// Money as the settlement bank tells it: statements held against what is booked, and withdrawals that wait for it.
import { grouped, moment, money } from "../format";
import { word as named, t } from "../i18n";
import { Paged } from "../parts/paged";
import { Panel } from "../parts/panel";
import type { Column } from "../parts/table";
import { ActButton, plain, turn } from "./doing";
import { code, figure, text, time, withActs, words } from "./looking";
import { desk, type Statement, type Withdrawal, withdrawals } from "./shapes";

export function MoneySection() {
  return (
    <>
      <Panel title={t("money.statements")}>
        <p class="small">{t("money.lead")}</p>
        <Paged<Statement>
          path={desk("bank-statements?limit=50")}
          turn={turn.value}
          caption={t("money.statements")}
          columns={takenBack(statementColumns())}
          keyOf={(one) => `${one.id} ${one.time}`}
          none={t("money.no_statements")}
        />
      </Panel>
      <Panel title={t("withdrawals.waiting")}>
        <Paged<Withdrawal>
          path={withdrawals("state=held&limit=50")}
          turn={turn.value}
          caption={t("withdrawals.waiting")}
          columns={withdrawalColumns()}
          keyOf={(one) => one.id}
          none={t("withdrawals.none")}
        />
      </Panel>
    </>
  );
}

/** The same, with whether a statement was taken back, and a way to do so: the exchange takes back the last one only. */
function takenBack(columns: Column<Statement>[]): Column<Statement>[] {
  columns.push(
    words("superseded", t("money.superseded"), ({ superseded }) =>
      superseded === null
        ? null
        : t("column.by", {
            what: moment(superseded.time),
            operator: superseded.operator,
            reason: superseded.reason,
          }),
    ),
  );
  withActs(columns, (one) =>
    one.superseded === null ? (
      <ActButton
        name={t("money.supersede")}
        of={one.id}
        kind="quiet act"
        path={desk("bank-statements/supersede")}
        body={(given) => ({ ...plain(given), statement: one.id })}
        about={<p>{t("money.supersede_about")}</p>}
        typed={one.id}
      />
    ) : (
      "–"
    ),
  );
  return columns;
}

export function statementColumns(): Column<Statement>[] {
  return [
    code("id", t("money.statement"), (one) => one.id),
    text("period", t("money.period"), (one) => `${moment(one.from)} – ${moment(one.until)}`),
    figure("opening", t("money.opening"), (one) => money(one.opening)),
    figure("closing", t("money.closing"), (one) => money(one.closing)),
    figure("lines", t("money.lines"), (one) => grouped(String(one.lines))),
    {
      name: "differences",
      title: t("money.differences"),
      isFigure: true,
      cell: (one) => (
        <span class={one.differences > 0 ? "bad-figure" : "good-figure"}>
          {one.differences === 0 ? t("money.agrees") : grouped(String(one.differences))}
        </span>
      ),
    },
    figure("open", t("money.open_breaks"), (one) => grouped(String(one.open_breaks))),
    time("time", t("money.taken"), (one) => one.time),
  ];
}

export function withdrawalColumns(): Column<Withdrawal>[] {
  return [
    code("id", t("column.number"), (one) => one.id),
    code("account", t("column.account"), (one) => one.account),
    figure("amount", t("withdrawals.amount"), (one) => money(one.amount)),
    text("state", t("column.state"), (one) => named("withdrawal_state", one.state)),
    time("created", t("withdrawals.asked"), (one) => one.created_at),
    words("more", t("withdrawals.more"), (one) => one.bank_reference ?? one.reason),
  ];
}
