// Where a trader works: the market of one listing, the ticket beside it, and what is one's own below.
import { useState } from "preact/hooks";
import type { Listing } from "../api";
import { t } from "../i18n";
import { ChartPanel } from "../market/chart";
import { DepthPanel } from "../market/depth";
import { ListingCards } from "../market/listing_cards";
import { catchUp, listings, failure as marketFailure } from "../market/store";
import { TradesPanel } from "../market/trades";
import { AccountChoice } from "../parts/account_choice";
import { Choice } from "../parts/panel";
import { SignedIn } from "../parts/signed_in";
import { Asking, Failure } from "../parts/states";
import { acting } from "../session";
import { watched } from "../settings";
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
      <AccountChoice action="trade" />
      <p class="news" role="status" aria-live="polite">
        {news.value}
      </p>
      {failure.value !== null && <Failure error={failure.value} again={() => void refresh()} />}
      {marketFailure.value !== null && <Failure error={marketFailure.value} again={() => void catchUp()} />}
      {listing === undefined ? (
        marketFailure.value === null && <Asking />
      ) : (
        <>
          <WatchList listings={found ?? []} chosen={listing.listing} />
          <div class="market trade">
            <ChartPanel key={`chart-${listing.listing}`} listing={listing} />
            <DepthPanel
              listing={listing}
              choose={(price) => {
                pickedPrice.value = price;
              }}
            />
            <Ticket key={`ticket-${listing.listing}`} listing={listing} />
            <OpenOrders key={`orders-${acting.value}`} listing={listing} />
            <TradesPanel listing={listing} />
            <Holdings />
            <Fills />
          </div>
        </>
      )}
    </>
  );
}

/** Every listing, or those that are watched and the one that is looked at. */
function WatchList({ listings: all, chosen }: { listings: readonly Listing[]; chosen: string }) {
  const [which, setWhich] = useState<"all" | "watched">(watched.peek().length > 0 ? "watched" : "all");
  const shown = all.filter(
    ({ listing }) => which === "all" || listing === chosen || watched.value.includes(listing),
  );
  return (
    <>
      <div class="parts">
        <Choice
          label={t("watch.title")}
          values={["all", "watched"] as const}
          chosen={which}
          named={(one) => t(`watch.${one}`)}
          choose={setWhich}
        />
      </div>
      <ListingCards listings={shown} chosen={chosen} page="trade" canWatch />
    </>
  );
}
