// What one owns: money and units, and what part of either is free, held, on its way, bought today or frozen.
import { grouped, moment, money, shown } from "../format";
import { t } from "../i18n";
import { Fact, Facts } from "../parts/facts";
import { Panel } from "../parts/panel";
import { Asking } from "../parts/states";
import { Table } from "../parts/table";
import { account, type Units } from "./store";

const PARTS = ["available", "held", "delivering", "bought_today", "frozen"] as const;
const CASH = ["available", "held", "delivering", "withdrawable", "buying_power"] as const;

export function Holdings() {
  const own = account.value;
  return (
    <Panel title={t("holdings.title", { account: own?.account ?? "" })} class="holdings">
      {own === null ? (
        <Asking />
      ) : (
        <>
          {own.restriction !== null && (
            <p class="warning">
              {t("holdings.restricted", {
                since: moment(own.restriction.since),
                reason: own.restriction.reason,
              })}
            </p>
          )}
          <Facts>
            {CASH.map((part) => (
              <Fact key={part} name={t(`cash.${part}`)}>
                {money(own.cash[part])}
              </Fact>
            ))}
          </Facts>
          <Table
            isDense
            caption={t("holdings.units")}
            rows={Object.entries(own.units)}
            keyOf={([code]) => code}
            columns={[
              {
                name: "listing",
                title: t("column.listing"),
                cell: ([code]) => <span class="code">{code}</span>,
              },
              ...PARTS.map((part) => ({
                name: part,
                title: t(`units.${part}`),
                isFigure: true,
                cell: ([, units]: [string, Units]) => shown(grouped(units[part])),
              })),
            ]}
          />
        </>
      )}
    </Panel>
  );
}
