// The market for everybody: listings, and of one of them candles, depth, trades and the terms it trades by.
import { t } from "../i18n";
import { ChartPanel } from "../market/chart";
import { DepthPanel } from "../market/depth";
import { FactsPanel } from "../market/facts";
import { ListingCards } from "../market/listing_cards";
import { catchUp, failure, listings } from "../market/store";
import { TradesPanel } from "../market/trades";
import { Asking, Failure, Nothing } from "../parts/states";

export function MarketPage({ rest }: { rest: readonly string[] }) {
  const found = listings.value;
  const listing = found?.find((one) => one.listing === rest[0]) ?? found?.[0];
  return (
    <>
      <h1 class="unseen">{t("nav.market")}</h1>
      {failure.value !== null && <Failure error={failure.value} again={() => void catchUp()} />}
      {found === null && failure.value === null && <Asking />}
      {found !== null && listing === undefined && <Nothing>{t("market.none")}</Nothing>}
      {found !== null && listing !== undefined && (
        <>
          <ListingCards listings={found} chosen={listing.listing} />
          <div class="market">
            <ChartPanel key={`chart-${listing.listing}`} listing={listing} />
            <DepthPanel listing={listing} />
            <TradesPanel listing={listing} />
            <FactsPanel listing={listing} />
          </div>
        </>
      )}
    </>
  );
}
