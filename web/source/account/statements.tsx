// What closed days did to the account: to read here, and to take along in three forms with the digest that proves them.
import { useState } from "preact/hooks";
import type { Bulletin, Page } from "../api";
import { grouped, moment, money } from "../format";
import { word as named, t } from "../i18n";
import { Fact, Facts } from "../parts/facts";
import { SelectField } from "../parts/form";
import { Panel } from "../parts/panel";
import { Answered, Nothing } from "../parts/states";
import { Table } from "../parts/table";
import { useRemote } from "../remote";
import { acting, ofAccount } from "../session";

interface Holdings {
  cash: string;
  units: Record<string, string>;
}

interface Line {
  time: string;
  kind: string;
  reference: string;
  listing: string | null;
  quantity: string | null;
  amount: string;
  counterparty: string;
}

interface Statement {
  trading_day: string;
  closed_at: string;
  opening: Holdings;
  closing: Holdings;
  fees: string;
  settled: Line[];
  digest: string;
}

export function StatementsPanel() {
  const days = useRemote<Page<Bulletin>>("/v1/bulletins?period=day");
  const [day, setDay] = useState<string | null>(null);
  return (
    <Answered remote={days}>
      {({ items }) => {
        const known = items.map((bulletin) => bulletin.date).reverse();
        const chosen = day ?? known[0];
        if (chosen === undefined) {
          return (
            <Panel title={t("statements.title")}>
              <Nothing>{t("bulletins.none")}</Nothing>
            </Panel>
          );
        }
        return (
          <Panel title={t("statements.title")}>
            <div class="form">
              <SelectField
                at="/date"
                label={t("statements.day")}
                value={chosen}
                values={known}
                named={(one) => one}
                set={setDay}
              />
            </div>
            <Shown key={chosen} day={chosen} />
          </Panel>
        );
      }}
    </Answered>
  );
}

function Shown({ day }: { day: string }) {
  const path = ofAccount(`/v1/account/statements/${day}`);
  const remote = useRemote<Statement>(path);
  const file = `${acting.value}-${day}`;
  return (
    <Answered remote={remote}>
      {(statement) => (
        <>
          <div class="answers">
            {(["pdf", "csv", "json"] as const).map((form) => (
              <a key={form} class="button" href={`${path}&format=${form}`} download={`${file}.${form}`}>
                {t(`statements.${form}`)}
              </a>
            ))}
            <a class="button" href={`/v1/statements/${day}/${statement.digest}`}>
              {t("statements.check")}
            </a>
          </div>
          <p class="small">
            {t("statements.digest")} <code class="hash">{statement.digest}</code>
          </p>
          <Facts>
            <Fact name={t("statements.opening")}>{money(statement.opening.cash)}</Fact>
            <Fact name={t("statements.closing")}>{money(statement.closing.cash)}</Fact>
            <Fact name={t("statements.fees")}>{money(statement.fees)}</Fact>
            <Fact name={t("statements.closed_at")}>{moment(statement.closed_at)}</Fact>
          </Facts>
          <Units statement={statement} />
          <Lines lines={statement.settled} />
        </>
      )}
    </Answered>
  );
}

function Units({ statement }: { statement: Statement }) {
  const { opening, closing } = statement;
  const codes = [...new Set([...Object.keys(opening.units), ...Object.keys(closing.units)])].sort();
  if (codes.length === 0) return null;
  return (
    <Table
      isDense
      caption={t("holdings.units")}
      rows={codes}
      keyOf={(code) => code}
      columns={[
        { name: "listing", title: t("column.listing"), cell: (code) => <span class="code">{code}</span> },
        {
          name: "opening",
          title: t("statements.units_opening"),
          isFigure: true,
          cell: (code) => grouped(opening.units[code] ?? "0"),
        },
        {
          name: "closing",
          title: t("statements.units_closing"),
          isFigure: true,
          cell: (code) => grouped(closing.units[code] ?? "0"),
        },
      ]}
    />
  );
}

function Lines({ lines }: { lines: readonly Line[] }) {
  if (lines.length === 0) return <Nothing>{t("statements.nothing")}</Nothing>;
  return (
    <Table
      caption={t("statements.lines")}
      rows={lines}
      keyOf={(line) => `${line.kind} ${line.reference} ${line.listing} ${line.amount}`}
      columns={[
        {
          name: "time",
          title: t("column.time"),
          cell: (line) => <span class="figures">{moment(line.time)}</span>,
        },
        { name: "kind", title: t("statements.kind"), cell: (line) => named("settled", line.kind) },
        { name: "reference", title: t("negotiated.number"), cell: (line) => line.reference },
        {
          name: "listing",
          title: t("column.listing"),
          cell: (line) => <span class="code">{line.listing ?? "–"}</span>,
        },
        {
          name: "quantity",
          title: t("column.quantity"),
          isFigure: true,
          cell: (line) => (line.quantity === null ? "–" : grouped(line.quantity)),
        },
        {
          name: "amount",
          title: t("fills.amount"),
          isFigure: true,
          cell: (line) => money(line.amount),
        },
        { name: "counterparty", title: t("negotiated.counterparty"), cell: (line) => line.counterparty },
      ]}
    />
  );
}
