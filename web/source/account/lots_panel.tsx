// One's lots in the order they would be delivered, each with its serials.
import { grouped, serials } from "../format";
import { t } from "../i18n";
import type { Lot } from "../lots";
import { ClassBadge } from "../parts/figures";
import { Panel } from "../parts/panel";
import { Answered } from "../parts/states";
import { Table } from "../parts/table";
import { useTurning } from "../remote";
import { ofAccount } from "../session";
import { eventTurn } from "../trader/store";

export function LotsPanel() {
  const remote = useTurning<{ items: Lot[] }>(ofAccount("/v1/account/lots"), eventTurn.value);
  return (
    <Panel title={t("lots.title")}>
      <Answered remote={remote}>
        {({ items }) => (
          <Table
            none={t("lots.none")}
            caption={t("lots.title")}
            rows={items}
            keyOf={(lot) => lot.lot}
            columns={[
              {
                name: "lot",
                title: t("column.lot"),
                cell: (lot) => (
                  <>
                    <span class="code">{lot.lot}</span> <ClassBadge of={lot.class} />
                    <span class="small lot-what">{lot.listing}</span>
                  </>
                ),
              },
              {
                name: "quantity",
                title: t("column.quantity"),
                isFigure: true,
                cell: (lot) => grouped(lot.quantity),
              },
              {
                name: "available",
                title: t("units.available"),
                isFigure: true,
                cell: (lot) => grouped(lot.available),
              },
              {
                name: "serials",
                title: t("column.serials"),
                cell: (lot) => <span class="code serials">{serials(lot.serials)}</span>,
              },
              {
                name: "frozen",
                title: t("units.frozen"),
                cell: (lot) =>
                  lot.frozen.length === 0 ? "–" : <span class="code serials">{serials(lot.frozen)}</span>,
              },
              {
                name: "project",
                title: t("lots.project"),
                cell: (lot) => (
                  <>
                    {lot.project}
                    <span class="small lot-what">{lot.methodology}</span>
                  </>
                ),
              },
              {
                name: "period",
                title: t("lots.period"),
                cell: (lot) => <span class="figures">{lot.period.replace("/", " – ")}</span>,
              },
              {
                name: "issued",
                title: t("lots.issued"),
                cell: (lot) => <span class="figures">{lot.issued_on}</span>,
              },
            ]}
          />
        )}
      </Answered>
    </Panel>
  );
}
