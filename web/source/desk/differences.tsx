// What differs from the registry's record and from the bank's money, and how it was settled.
import { useState } from "preact/hooks";
import { moment, money, serials } from "../format";
import { word as named, t } from "../i18n";
import { Fact, Facts } from "../parts/facts";
import { Paged } from "../parts/paged";
import { Choice, Panel } from "../parts/panel";
import type { Column } from "../parts/table";
import { ActButton, turn } from "./doing";
import { code, figure, text, time, withActs, words } from "./looking";
import { type Break, type CashBreak, desk, type Ended } from "./shapes";

const STATES = ["open", "all"] as const;
type State = (typeof STATES)[number];

export function DifferencesSection() {
  return (
    <>
      <UnitBreaks />
      <CashBreaks />
    </>
  );
}

function StateChoice({ chosen, choose }: { chosen: State; choose: (state: State) => void }) {
  return (
    <Choice
      label={t("column.state")}
      values={STATES}
      chosen={chosen}
      named={(value) => t(`breaks.${value}`)}
      choose={choose}
    />
  );
}

function endText(end: Ended | null): string | null {
  if (end === null) return null;
  return end.operator === null
    ? t("breaks.by_itself", { at: moment(end.time) })
    : t("column.by", { what: moment(end.time), operator: end.operator, reason: end.reason ?? "" });
}

function UnitBreaks() {
  const [state, setState] = useState<State>("open");
  const columns: Column<Break>[] = [
    code("id", t("column.number"), (one) => one.id),
    text("kind", t("breaks.kind"), (one) => named("break_kind", one.kind)),
    code("account", t("column.account"), (one) => one.account ?? one.registry_account),
    code("lot", t("column.lot"), (one) => one.lot),
    text("only_here", t("breaks.only_here"), (one) => serials(one.only_here) || null),
    text("only_there", t("breaks.only_there"), (one) => serials(one.only_there) || null),
    words("detail", t("breaks.detail"), (one) => one.detail || one.instruction),
    time("found", t("breaks.found"), (one) => one.found_at),
    words("end", t("breaks.end"), (one) => endText(one.resolution)),
  ];
  withActs(columns, (one) =>
    one.state === "open" ? (
      <ActButton
        name={t("breaks.resolve")}
        of={one.id}
        kind="quiet act"
        path={desk(`breaks/${one.id}/resolve`)}
        about={
          <>
            <p>{t("breaks.about")}</p>
            <Facts>
              <Fact name={t("breaks.kind")}>{named("break_kind", one.kind)}</Fact>
              <Fact name={t("column.account")}>{one.account ?? one.registry_account ?? "–"}</Fact>
              <Fact name={t("breaks.only_here")}>{serials(one.only_here) || "–"}</Fact>
              <Fact name={t("breaks.only_there")}>{serials(one.only_there) || "–"}</Fact>
            </Facts>
          </>
        }
      />
    ) : (
      "–"
    ),
  );
  return (
    <Panel title={t("breaks.units")} aside={<StateChoice chosen={state} choose={setState} />}>
      <Paged<Break>
        path={desk(`breaks?limit=50${state === "open" ? "&state=open" : ""}`)}
        turn={turn.value}
        caption={t("breaks.units")}
        columns={columns}
        keyOf={(one) => one.id}
        none={t("breaks.none")}
      />
    </Panel>
  );
}

function CashBreaks() {
  const [state, setState] = useState<State>("open");
  const columns: Column<CashBreak>[] = [
    code("id", t("column.number"), (one) => one.id),
    text("kind", t("breaks.kind"), (one) => named("cash_kind", one.kind)),
    code("reference", t("money.reference"), (one) => one.bank_reference),
    code("account", t("column.account"), (one) => one.account),
    figure("here", t("money.here"), (one) => money(one.here)),
    figure("there", t("money.there"), (one) => money(one.there)),
    code("statement", t("money.statement"), (one) => one.statement),
    time("found", t("breaks.found"), (one) => one.found_at),
    words("end", t("breaks.end"), (one) => endText(one.end)),
  ];
  withActs(columns, (one) =>
    one.state === "open" ? (
      <ActButton
        name={t("breaks.resolve")}
        of={one.id}
        kind="quiet act"
        path={desk(`cash-breaks/${one.id}/resolve`)}
        about={
          <Facts>
            <Fact name={t("breaks.kind")}>{named("cash_kind", one.kind)}</Fact>
            <Fact name={t("money.reference")}>{one.bank_reference}</Fact>
            <Fact name={t("money.here")}>{money(one.here)}</Fact>
            <Fact name={t("money.there")}>{money(one.there)}</Fact>
          </Facts>
        }
      />
    ) : (
      "–"
    ),
  );
  return (
    <Panel title={t("breaks.cash")} aside={<StateChoice chosen={state} choose={setState} />}>
      <Paged<CashBreak>
        path={desk(`cash-breaks?limit=50${state === "open" ? "&state=open" : ""}`)}
        turn={turn.value}
        caption={t("breaks.cash")}
        columns={columns}
        keyOf={(one) => one.id}
        none={t("breaks.none")}
      />
    </Panel>
  );
}
