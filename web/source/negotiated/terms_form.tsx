// What is negotiable, to be filled in: price, quantity, lots, until when. Filing and countering ask for the same.
import type { Listing, RulesAnswer } from "../api";
import { figureText, grouped, percent, priceText, range } from "../format";
import { word as named, t } from "../i18n";
import { choicesOf, entryOf, type Lot, type LotChoice } from "../lots";
import { marketMs } from "../market/store";
import { TextField } from "../parts/form";
import { type LotRow, LotsEntry } from "../parts/lots_entry";
import { useRemote } from "../remote";
import { ofAccount } from "../session";
import { bandOf, type Limits, limitsOf, type Terms } from "./transfers";

export interface Draft {
  price: string;
  quantity: string;
  /** A time of today, or nothing for the session's end. */
  until: string;
  /** Entries by lot. */
  lots: Record<string, string>;
}

export const EMPTY: Draft = { price: "", quantity: "", until: "", lots: {} };

/** What stands, to be changed. */
export function draftOf(terms: Terms): Draft {
  return {
    price: terms.price,
    quantity: terms.quantity,
    until: terms.expires_at === null ? "" : terms.expires_at.slice(11, 19),
    lots: Object.fromEntries(terms.lots.map((lot) => [lot.lot, entryOf(lot)])),
  };
}

export interface TermsBody {
  price: string;
  quantity: string;
  lots?: LotChoice[];
  expires_at?: string;
}

/** As the exchange takes it. A price is given two decimals, everything else as it was written. */
export function bodyOf(draft: Draft): TermsBody {
  const lots = choicesOf(draft.lots);
  return {
    price: priceText(draft.price),
    quantity: figureText(draft.quantity),
    ...(lots.length > 0 && { lots }),
    ...(draft.until !== "" && { expires_at: today(draft.until) }),
  };
}

const SHANGHAI_MS = 8 * 3_600_000;

function today(time: string): string {
  const day = new Date((marketMs.peek() ?? Date.now()) + SHANGHAI_MS).toISOString().slice(0, 10);
  return `${day}T${time.length === 5 ? `${time}:00` : time}+08:00`;
}

export function TermsFields({
  listing,
  side,
  named: standing,
  draft,
  set,
}: {
  listing: Listing;
  side: "buy" | "sell";
  /** Lots that the standing terms name. */
  named: readonly LotRow[];
  draft: Draft;
  set: (draft: Draft) => void;
}) {
  const { answer: rules } = useRemote<RulesAnswer>("/v1/rules");
  const { answer: owned } = useRemote<{ items: Lot[] }>(
    side === "sell" ? ofAccount("/v1/account/lots") : null,
  );
  const own = owned?.items.filter((lot) => lot.listing === listing.listing) ?? [];
  const lots = [...own, ...standing.filter((lot) => own.every((one) => one.lot !== lot.lot))];
  const limits = rules === null ? null : limitsOf(rules.items);
  return (
    <>
      <TextField
        at="/price"
        label={t("column.price")}
        hint={limits === null ? undefined : bandText(limits, listing, Number(figureText(draft.quantity)))}
        inputMode="decimal"
        required
        value={draft.price}
        set={(price) => set({ ...draft, price })}
      />
      <TextField
        at="/quantity"
        label={t("column.quantity")}
        hint={
          limits?.minTonnes == null
            ? undefined
            : t("negotiated.minimum", { tonnes: grouped(String(limits.minTonnes)) })
        }
        inputMode="numeric"
        required
        value={draft.quantity}
        set={(quantity) => set({ ...draft, quantity })}
      />
      <TextField
        at="/expires_at"
        label={t("negotiated.until")}
        hint={t("negotiated.until_hint")}
        type="time"
        step={1}
        value={draft.until}
        set={(until) => set({ ...draft, until })}
      />
      {lots.length > 0 && (
        <LotsEntry
          label={t("negotiated.name_lots")}
          lots={lots}
          entries={draft.lots}
          set={(entries) => set({ ...draft, lots: entries })}
        />
      )}
    </>
  );
}

/** Every tier of the band in words, and in figures for the size that was entered. */
function bandText(limits: Limits, listing: Listing, tonnes: number): string {
  const tiers = limits.tiers
    .map(({ belowTonnes, basisPoints }) => {
      const width =
        basisPoints === null ? t("negotiated.no_band") : `±${percent(basisPoints, 10_000).replace("+", "")}`;
      return belowTonnes === null
        ? t("negotiated.band_rest", { width })
        : t("negotiated.band_below", { width, tonnes: grouped(String(belowTonnes)) });
    })
    .join(t("list.separator"));
  const told = t("negotiated.band", { tiers, reference: named("value", limits.reference) });
  const reference = listing.band?.reference;
  if (reference === undefined || listing.tick === null) return told;
  const band = bandOf(limits, Number.isFinite(tonnes) ? tonnes : 0, reference, listing.tick);
  if (band === null) return told;
  return `${told} ${t("negotiated.band_now", { reference: grouped(reference), band: range(band.lower, band.upper) })}`;
}
