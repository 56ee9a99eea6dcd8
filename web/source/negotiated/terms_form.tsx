// What is negotiable, to be filled in: price, quantity, lots, until when. Filing and countering ask for the same.
import { useState } from "preact/hooks";
import type { Listing, RulesAnswer } from "../api";
import { figureText, grouped, inShanghai, percent, priceText, range } from "../format";
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

function today(time: string): string {
  const day = inShanghai(marketMs.peek() ?? Date.now()).slice(0, 10);
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
      {(side === "buy" || lots.length > 0) && (
        <LotsEntry
          label={t("negotiated.name_lots")}
          {...(side === "buy" && { hint: t("negotiated.ask_lots_hint") })}
          lots={lots}
          entries={draft.lots}
          set={(entries) => set({ ...draft, lots: entries })}
        >
          {side === "buy" && (
            <LotsAsked
              known={lots.map((lot) => lot.lot)}
              entries={draft.lots}
              set={(entries) => set({ ...draft, lots: entries })}
            />
          )}
        </LotsEntry>
      )}
    </>
  );
}

interface Asked {
  lot: string;
  entry: string;
}

/** Lots a buyer asks for by their numbers: it cannot see what the other side has, and the other side need not agree. */
function LotsAsked({
  known,
  entries,
  set,
}: {
  /** Lots that have an entry of their own above. */
  known: readonly string[];
  entries: Readonly<Record<string, string>>;
  set: (entries: Record<string, string>) => void;
}) {
  const isKnown = ([lot]: readonly [string, string]) => known.includes(lot);
  const [rows, setRows] = useState<readonly Asked[]>(() => [
    ...Object.entries(entries)
      .filter((one) => !isKnown(one))
      .map(([lot, entry]) => ({ lot, entry })),
    { lot: "", entry: "" },
  ]);
  const change = (next: readonly Asked[]) => {
    setRows(next);
    const asked: Record<string, string> = Object.fromEntries(Object.entries(entries).filter(isKnown));
    for (const { lot, entry } of next) {
      // One lot written twice is one lot: of ranges that is their union, anything else the exchange refuses in words.
      if (lot.trim() !== "") asked[lot.trim()] = [asked[lot.trim()], entry].filter(Boolean).join(", ");
    }
    set(asked);
  };
  return (
    <div class="lots-asked">
      {rows.map((row, index) => (
        <p key={index} class="lots-asked-row">
          {(["lot", "entry"] as const).map((name) => (
            <input
              key={name}
              aria-label={t(`negotiated.asked_${name}`, { n: index + 1 })}
              placeholder={t(`negotiated.asked_${name}`, { n: index + 1 })}
              autocomplete="off"
              spellcheck={false}
              maxLength={name === "lot" ? 64 : 2_000}
              // Half of a row means nothing
              required={(name === "lot" ? row.entry : row.lot).trim() !== ""}
              value={row[name]}
              onInput={(event) =>
                change(
                  rows.map((one, at) => (at === index ? { ...one, [name]: event.currentTarget.value } : one)),
                )
              }
            />
          ))}
        </p>
      ))}
      <button type="button" class="quiet" onClick={() => setRows([...rows, { lot: "", entry: "" }])}>
        {t("negotiated.asked_more")}
      </button>
    </div>
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
