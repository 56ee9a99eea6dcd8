// The listed trades of a listing as they happen, newest first, without anybody's name.
import type { Listing } from "../api";
import { grouped, moment, timeOfDay } from "../format";
import { t } from "../i18n";
import { Panel } from "../parts/panel";
import { Asking } from "../parts/states";
import { Table } from "../parts/table";
import { tradesOf } from "./store";

const SHOWN = 40;

export function TradesPanel({ listing }: { listing: Listing }) {
  const trades = tradesOf(listing.listing).value;
  return (
    <Panel title={t("trades.title")} class="trades">
      {trades === null ? (
        <Asking />
      ) : (
        <Table
          none={t("trades.none")}
          isDense
          caption={t("trades.caption", { listing: listing.listing })}
          rows={trades.slice(0, SHOWN)}
          keyOf={(trade) => trade.id}
          columns={[
            {
              name: "time",
              title: t("column.time"),
              cell: (trade) => (
                <time class="figures" title={moment(trade.time)} dateTime={trade.time}>
                  {timeOfDay(trade.time)}
                </time>
              ),
            },
            {
              name: "price",
              title: t("column.price_short"),
              isFigure: true,
              cell: (trade) => (
                <span class={trade.busted ? "busted" : trade.taker_side === "buy" ? "up" : "down"}>
                  {grouped(trade.price)}
                </span>
              ),
            },
            {
              name: "quantity",
              title: t("column.quantity_short"),
              isFigure: true,
              cell: (trade) => grouped(trade.quantity),
            },
            {
              name: "side",
              title: t("trades.taker"),
              cell: (trade) => (trade.busted ? t("trades.busted") : t(`side.${trade.taker_side}`)),
            },
          ]}
        />
      )}
    </Panel>
  );
}
