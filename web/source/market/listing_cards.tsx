// Every listing at a glance: its class first, then price, change, the day's band and volume. One of them is looked at.
import type { Listing } from "../api";
import { fen, range, shown } from "../format";
import { word as named, t } from "../i18n";
import { Change, ClassBadge, DemonstrationBadge, direction } from "../parts/figures";
import { link } from "../router";
import { watch, watched } from "../settings";

export function ListingCards({
  listings,
  chosen,
  page = "market",
  canWatch = false,
}: {
  listings: readonly Listing[];
  chosen: string;
  page?: string;
  canWatch?: boolean;
}) {
  return (
    <ul class="cards">
      {listings.map((listing) => (
        <li key={listing.listing}>
          <a
            class="card"
            href={link(page, listing.listing)}
            aria-current={listing.listing === chosen ? "true" : undefined}
          >
            <span class="card-head">
              <strong class="code">{listing.listing}</strong>
              <ClassBadge of={listing.class} />
              <DemonstrationBadge flags={listing.flags} />
              {listing.halted && <span class="badge halted">{t("listing.halted")}</span>}
              {!listing.halted && <span class="card-phase">{named("phase", listing.phase)}</span>}
            </span>
            <span class="card-price">
              <LastPrice listing={listing} />
              <Change price={listing.last} from={listing.band?.reference} />
            </span>
            <span class="card-more">
              <span>
                {t("listing.volume")} <b class="figures">{shown(listing.volume)}</b> {t("unit.t")}
              </span>
              <span>
                {t("listing.band")} <b class="figures">{range(listing.band?.lower, listing.band?.upper)}</b>
              </span>
            </span>
            <BandTrack listing={listing} />
          </a>
          {canWatch && <Star listing={listing.listing} />}
        </li>
      ))}
    </ul>
  );
}

function Star({ listing }: { listing: string }) {
  const isWatched = watched.value.includes(listing);
  return (
    <button
      type="button"
      class="quiet star"
      aria-pressed={isWatched}
      aria-label={t("watch.one", { listing })}
      onClick={() => watch(listing, !isWatched)}
    >
      <span aria-hidden="true">{isWatched ? "★" : "☆"}</span>
    </button>
  );
}

export function LastPrice({ listing }: { listing: Listing }) {
  const { last, band } = listing;
  const way = last === null || band === null ? "flat" : direction(fen(last) - fen(band.reference));
  return <span class={`last figures ${way}`}>{shown(last)}</span>;
}

/** Where in the day's band the last price stands; the figures beside it say the same. */
function BandTrack({ listing }: { listing: Listing }) {
  const { last, band } = listing;
  if (last === null || band === null) return <span class="track" aria-hidden="true" />;
  const [lower, upper] = [fen(band.lower), fen(band.upper)];
  const share =
    upper === lower ? 50 : Math.min(100, Math.max(0, ((fen(last) - lower) * 100) / (upper - lower)));
  return (
    <span class="track" aria-hidden="true">
      <span class="track-mark" style={{ left: `${share}%` }} />
    </span>
  );
}
