// A listing's day and the terms it trades by, in figures.
import type { Listing } from "../api";
import { fen, moment, money, range, shown } from "../format";
import { word as named, t } from "../i18n";
import { Fact, Facts } from "../parts/facts";
import { Panel } from "../parts/panel";

export function FactsPanel({ listing }: { listing: Listing }) {
  const { band, fee, negotiated } = listing;
  return (
    <Panel title={t("facts.title")} class="facts-panel">
      {listing.halt !== null && (
        <p class="warning" role="status">
          {t("facts.halted", { since: moment(listing.halt.since), reason: listing.halt.reason })}
        </p>
      )}
      <Facts>
        <Fact name={t("listing.reference")}>{shown(band?.reference)}</Fact>
        <Fact name={t("listing.upper")}>{shown(band?.upper)}</Fact>
        <Fact name={t("listing.lower")}>{shown(band?.lower)}</Fact>
        <Fact name={t("listing.previous_close")}>{shown(listing.previous_close)}</Fact>
        <Fact name={t("listing.open")}>{shown(listing.open)}</Fact>
        <Fact name={t("listing.high")}>{shown(listing.high)}</Fact>
        <Fact name={t("listing.low")}>{shown(listing.low)}</Fact>
        <Fact name={t("listing.close")}>{shown(listing.close)}</Fact>
        <Fact name={t("listing.volume")}>
          {shown(listing.volume)} {t("unit.t")}
        </Fact>
        <Fact name={t("listing.turnover")}>{money(listing.turnover)}</Fact>
        <Fact name={t("facts.negotiated", { day: negotiated?.trading_day ?? "" })}>
          {negotiated === null ? "–" : `${shown(negotiated.volume)} ${t("unit.t")}`}
        </Fact>
        <Fact name={t("facts.quantity")}>{range(listing.min_quantity, listing.max_quantity)}</Fact>
        <Fact name={t("facts.tick")}>{shown(listing.tick)}</Fact>
        <Fact name={t("facts.fee")}>
          {fee === null
            ? "–"
            : t("facts.fee_both", {
                buyer: feeText(fee.buyer_ppm, fee.buyer_minimum, fee.buyer_cap),
                seller: feeText(fee.seller_ppm, fee.seller_minimum, fee.seller_cap),
              })}
        </Fact>
      </Facts>
      <p class="small">
        {t("facts.sessions")}{" "}
        {listing.sessions
          .map((session) => `${named("phase", session.phase)} ${session.start}–${session.end}`)
          .join(t("list.separator"))}
      </p>
      <p class="small">
        {t("facts.class", { class: t(`class.${listing.class}`) })} {t(`class.${listing.class}.use`)}
      </p>
    </Panel>
  );
}

function feeText(millionths: number, minimum: string, cap: string | null): string {
  const least = fen(minimum) === 0 ? [] : [t("facts.fee_minimum", { money: money(minimum) })];
  const most = cap === null ? [] : [t("facts.fee_cap", { money: money(cap) })];
  return [rate(millionths), ...least, ...most].join(" ");
}

/** Millionths as per cent: 300 is 0.03%. */
export function rate(millionths: number): string {
  return `${(millionths / 10_000).toFixed(4).replace(/\.?0+$/, "")}%`;
}
