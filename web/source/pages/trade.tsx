// Where a trader works: the market of one listing, the ticket beside it, and what is one's own below.
import { t } from "../i18n";
import { ChartPanel } from "../market/chart";
import { DepthPanel } from "../market/depth";
import { ListingCards } from "../market/listing_cards";
import { listings } from "../market/store";
import { TradesPanel } from "../market/trades";
import { SignedIn } from "../parts/signed_in";
import { Asking, Failure } from "../parts/states";
import { Holdings } from "../trader/holdings";
import { Fills, OpenOrders } from "../trader/orders";
import { failure, news, refresh } from "../trader/store";
import { pickedPrice, Ticket } from "../trader/ticket";

export function TradePage({ rest }: { rest: readonly string[] }) {
  return (
    <SignedIn needs={["trade"]} withAccount>
      {() => <Trading rest={rest} />}
    </SignedIn>
  );
}

function Trading({ rest }: { rest: readonly string[] }) {
  const found = listings.value;
  const listing = found?.find((one) => one.listing === rest[0]) ?? found?.[0];
  return (
    <>
      <h1 class="unseen">{t("nav.trade")}</h1>
      <p class="news" role="status" aria-live="polite">
        {news.value}
      </p>
      {failure.value !== null && <Failure error={failure.value} again={() => void refresh()} />}
      {listing === undefined ? (
        <Asking />
      ) : (
        <>
          <ListingCards listings={found ?? []} chosen={listing.listing} page="trade" />
          <div class="market trade">
            <ChartPanel key={`chart-${listing.listing}`} listing={listing} />
            <DepthPanel
              listing={listing}
              choose={(price) => {
                pickedPrice.value = price;
              }}
            />
            <Ticket key={`ticket-${listing.listing}`} listing={listing} />
            <OpenOrders listing={listing} />
            <TradesPanel listing={listing} />
            <Holdings />
            <Fills />
          </div>
        </>
      )}
    </>
  );
}
