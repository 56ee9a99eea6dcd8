// Negotiated transfers as the exchange tells them, the same object to both sides.
import type { Rule } from "../api";
import { fen, yuanText } from "../format";
import type { NamedLot } from "../lots";

export const PATH = "/v1/negotiated-transfers";

/** What may be negotiated about. */
export interface Terms {
  price: string;
  quantity: string;
  amount: string;
  lots: NamedLot[];
  expires_at: string | null;
  expires_at_us: number | null;
  terms_hash: string;
}

export interface Round extends Terms {
  round: number;
  proposed_by: string;
  changed: string[];
  time: string;
}

export interface Transfer extends Terms {
  id: string;
  state: string;
  listing: string;
  seller: string | null;
  buyer: string | null;
  filed_by: string;
  agreement_no: string | null;
  open_offer: boolean;
  round: number;
  proposed_by: string;
  turn: string | null;
  ended_by: string | null;
  reason: string | null;
  limit: string | null;
  actual: string | null;
  review_reason: string | null;
  trade_id: string | null;
  filed_at: string;
  updated_at: string;
}

export interface TransferDetail extends Transfer {
  terms_text: string;
  rounds: Round[];
  session_ends_at_us: number | null;
}

/** Which side that account is on; an open offer lacks the other one. */
export function sideOf(transfer: Transfer, account: string | null): "buy" | "sell" {
  if (transfer.buyer === account) return "buy";
  if (transfer.seller === account) return "sell";
  return transfer.buyer === null ? "buy" : "sell";
}

export function counterpartyOf(transfer: Transfer, account: string | null): string | null {
  return sideOf(transfer, account) === "buy" ? transfer.seller : transfer.buyer;
}

/** Whether that account is asked for an answer, or may take an offer. */
export function mayAnswer(transfer: Transfer, account: string | null): boolean {
  if (transfer.state !== "filed") return false;
  return transfer.turn === account || (transfer.turn === null && transfer.proposed_by !== account);
}

/** When it expires by either reason, whichever is first; null when only an operator knows. */
export function endsUs(transfer: TransferDetail): number | null {
  if (transfer.state !== "filed") return null;
  const known = [transfer.expires_at_us, transfer.session_ends_at_us].filter((one) => one !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** The limits of the rule book, as far as a price and a size are bound by them. */
export interface Limits {
  minTonnes: number | null;
  /** In basis points to either side of the reference; null where no band binds. */
  tiers: { belowTonnes: number | null; basisPoints: number | null }[];
  reference: string;
  allowsOffers: boolean;
  isHalfUp: boolean;
}

export function limitsOf(rules: readonly Rule[]): Limits {
  const value = (parameter: string) => rules.find((rule) => rule.parameter === parameter)?.value ?? null;
  const minimum = value("negotiated_min_tonnes");
  return {
    minTonnes: typeof minimum === "number" ? minimum : null,
    tiers: String(value("negotiated_band_tiers") ?? "")
      .split(";")
      .filter((part) => part.trim() !== "")
      .map(tier),
    reference: String(value("negotiated_reference") ?? ""),
    allowsOffers: value("negotiated_open_offers") === "yes",
    isHalfUp: value("band_rounding") === "half_up",
  };
}

/** A tier such as "3000 below 500000", or the last one, "none". */
function tier(text: string): Limits["tiers"][number] {
  const [width = "", , below] = text.trim().split(" ");
  return {
    belowTonnes: below === undefined ? null : Number(below),
    basisPoints: width === "none" ? null : Number(width),
  };
}

/** The band of that size around a reference; null where none binds. The exchange's own decides. */
export function bandOf(
  limits: Limits,
  tonnes: number,
  reference: string,
  tick: string,
): { lower: string; upper: string } | null {
  const found = limits.tiers.find((one) => one.belowTonnes === null || tonnes < one.belowTonnes);
  if (found?.basisPoints === undefined || found.basisPoints === null) return null;
  const tickFen = fen(tick);
  const edge = (points: number, round: (ticks: number) => number) =>
    yuanText(Math.max(1, round((fen(reference) * points) / 10_000 / tickFen)) * tickFen);
  const [up, down] = limits.isHalfUp ? [Math.round, Math.round] : [Math.ceil, Math.floor];
  return { lower: edge(10_000 - found.basisPoints, up), upper: edge(10_000 + found.basisPoints, down) };
}
