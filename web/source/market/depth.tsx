// Five levels of either side, the best ones meeting in the middle, as one table that reads from the dearest to the cheapest.
import { useMemo } from "preact/hooks";
import type { Listing } from "../api";
import type { Level } from "../book";
import { fen, grouped, shown, yuanText } from "../format";
import { t } from "../i18n";
import { Change, direction } from "../parts/figures";
import { Panel } from "../parts/panel";
import { LastPrice } from "./listing_cards";
import { depthOf } from "./store";

const LEVELS = 5;

interface Row {
  side: "ask" | "bid";
  rank: number;
  level: Level | null;
}

/** `choose` is told the price of a level that is clicked; it fills a form and sends nothing. */
export function DepthPanel({ listing, choose }: { listing: Listing; choose?: (price: string) => void }) {
  const depth = depthOf(listing.listing).value;
  const rows = useMemo(() => {
    const side = (name: "ask" | "bid", levels: readonly Level[]): Row[] =>
      Array.from({ length: LEVELS }, (_, index) => ({
        side: name,
        rank: index + 1,
        level: levels[index] ?? null,
      }));
    return { asks: side("ask", depth?.asks ?? []).reverse(), bids: side("bid", depth?.bids ?? []) };
  }, [depth]);
  const most = Math.max(1, ...[...rows.asks, ...rows.bids].map((row) => Number(row.level?.[1] ?? 0)));
  const reference = listing.band?.reference;
  const draw = (row: Row) => (
    <DepthRow
      key={`${row.side}${row.rank}`}
      row={row}
      most={most}
      {...(reference !== undefined && { reference })}
      {...(choose !== undefined && { choose })}
    />
  );
  return (
    <Panel title={t("depth.title")} class="depth">
      <table class="ladder">
        <caption class="unseen">{t("depth.caption", { listing: listing.listing })}</caption>
        <thead>
          <tr>
            <th scope="col">{t("depth.level")}</th>
            <th scope="col" class="figure">
              {t("column.price")}
            </th>
            <th scope="col" class="figure">
              {t("column.quantity")}
            </th>
          </tr>
        </thead>
        <tbody>{rows.asks.map(draw)}</tbody>
        <tbody class="middle">
          <tr>
            <th scope="row">{t("listing.last")}</th>
            <td class="figure">
              <LastPrice listing={listing} />
            </td>
            <td class="figure">
              <Change price={listing.last} from={reference} />
            </td>
          </tr>
        </tbody>
        <tbody>{rows.bids.map(draw)}</tbody>
      </table>
      <p class="small under">
        {t("depth.spread")} <b class="figures">{spread(depth?.bids, depth?.asks)}</b>
      </p>
    </Panel>
  );
}

function spread(bids: readonly Level[] = [], asks: readonly Level[] = []): string {
  const [bid, ask] = [bids[0], asks[0]];
  return bid === undefined || ask === undefined ? "–" : yuanText(fen(ask[0]) - fen(bid[0]));
}

function DepthRow({
  row,
  most,
  reference,
  choose,
}: {
  row: Row;
  most: number;
  reference?: string;
  choose?: (price: string) => void;
}) {
  const [price, quantity] = row.level ?? [null, null];
  const way = price === null || reference === undefined ? "flat" : direction(fen(price) - fen(reference));
  const name = t(row.side === "ask" ? "depth.ask" : "depth.bid", { rank: row.rank });
  return (
    <tr class={row.side}>
      <th scope="row">{name}</th>
      <td class={`figure figures ${way}`}>
        {price !== null && choose !== undefined ? (
          <button
            type="button"
            class="pick"
            aria-label={t("depth.pick", { level: name, price })}
            onClick={() => choose(price)}
          >
            {grouped(price)}
          </button>
        ) : (
          shown(price)
        )}
      </td>
      <td class="figure figures amount">
        <span class="bar" aria-hidden="true" style={{ width: `${(Number(quantity ?? 0) * 100) / most}%` }} />
        <span class="amount-figure">{shown(quantity)}</span>
      </td>
    </tr>
  );
}
