// Money as the settlement bank tells it: statements held against what is booked, line by line, and withdrawals that wait for it.
import { useState } from "preact/hooks";
import { grouped, moment, money } from "../format";
import { word as named, t } from "../i18n";
import { Paged } from "../parts/paged";
import { Choice, Panel } from "../parts/panel";
import type { Column } from "../parts/table";
import { ActButton, plain, turn } from "./doing";
import { code, figure, text, time, words } from "./looking";
import { desk, type Statement, type StatementLine, type Withdrawal, withdrawals } from "./shapes";

export function MoneySection() {
  const [chosen, choose] = useState<string | null>(null);
  return (
    <>
      <Panel title={t("money.statements")}>
        <p class="small">{t("money.lead")}</p>
        <Paged<Statement>
          path={desk("bank-statements?limit=50")}
          turn={turn.value}
          caption={t("money.statements")}
          columns={statementActs(chosen, choose)}
          keyOf={(one) => `${one.id} ${one.time}`}
          none={t("money.no_statements")}
        />
      </Panel>
      {chosen !== null && <Lines key={chosen} statement={chosen} />}
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

/** With whether a statement was taken back, its lines, and a way to take it back: the exchange does so with the last one only. */
function statementActs(
  chosen: string | null,
  choose: (statement: string | null) => void,
): Column<Statement>[] {
  const columns = statementColumns();
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
  columns.push({
    name: "act",
    title: t("column.act"),
    isAct: true,
    cell: (one) =>
      one.superseded !== null ? (
        "–"
      ) : (
        <span class="acts">
          <button
            type="button"
            class="quiet act"
            aria-pressed={one.id === chosen}
            aria-label={t("act.of", { act: t("statement_lines.show"), of: one.id })}
            onClick={() => choose(one.id === chosen ? null : one.id)}
          >
            {t("statement_lines.show")}
          </button>
          <ActButton
            name={t("money.supersede")}
            of={one.id}
            kind="quiet act"
            path={desk("bank-statements/supersede")}
            body={(given) => ({ ...plain(given), statement: one.id })}
            about={<p>{t("money.supersede_about")}</p>}
            typed={one.id}
          />
        </span>
      ),
  });
  return columns;
}

const SHOWN = ["all", "differences"] as const;

/** A statement line by line: what agrees with our books, what does not and why, and what is missing on it. */
function Lines({ statement }: { statement: string }) {
  const [shown, show] = useState<(typeof SHOWN)[number]>("all");
  const only = shown === "all" ? "" : "&only=differences";
  const title = t("statement_lines.title", { id: statement });
  return (
    <Panel
      title={title}
      aside={
        <Choice
          label={t("column.state")}
          values={SHOWN}
          chosen={shown}
          named={(value) => t(`statement_lines.${value}`)}
          choose={show}
        />
      }
    >
      <Paged<StatementLine>
        path={desk(`bank-statement-lines?statement=${encodeURIComponent(statement)}&limit=100${only}`)}
        turn={turn.value}
        caption={title}
        columns={lineColumns()}
        keyOf={(one) => `${one.line} ${one.bank_reference}`}
        none={t("statement_lines.none")}
      />
    </Panel>
  );
}

function lineColumns(): Column<StatementLine>[] {
  return [
    text("line", t("statement_lines.line"), (one) =>
      one.line === null ? t("statement_lines.absent") : String(one.line),
    ),
    code("reference", t("money.reference"), (one) => one.bank_reference),
    code("account", t("column.account"), (one) => one.account),
    figure("there", t("money.there"), (one) => money(one.there)),
    figure("here", t("money.here"), (one) => money(one.here)),
    {
      name: "outcome",
      title: t("statement_lines.outcome"),
      cell: (one) => (
        <span class={one.outcome === "matched" ? "good-figure" : "bad-figure"}>
          {one.outcome === "matched" ? `✓ ${t("money.agrees")}` : `✗ ${named("cash_kind", one.outcome)}`}
        </span>
      ),
    },
    words("why", t("statement_lines.why"), whyText),
  ];
}

function whyText(one: StatementLine): string | null {
  const parts = [
    ...(one.outcome === "matched" ? [] : [named("cash_why", one.outcome)]),
    ...(one.break === null
      ? []
      : [
          t(one.break_state === "open" ? "statement_lines.open" : "statement_lines.closed", {
            id: one.break,
          }),
        ]),
    ...(one.ended_break === null ? [] : [t("statement_lines.ended", { id: one.ended_break })]),
  ];
  return parts.length === 0 ? null : parts.join(" ");
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
