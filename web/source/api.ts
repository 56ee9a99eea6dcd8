// The way to the exchange's public contract, and what its answers look like. What is refused comes as its problem document.
import { signal } from "@preact/signals";
import { language } from "./settings";

export interface Problem {
  title: string;
  detail: string;
  status: number;
  code: string;
  request_id: string;
  /** Whether anything was taken on. */
  state: "not_accepted" | "accepted" | "unknown";
  errors: Fault[];
}

export interface Fault {
  /** Where in the request. */
  pointer: string;
  code: string;
  limit?: unknown;
  actual?: unknown;
}

/** What the exchange refused, in its own words. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

/** The exchange was not reached, or did not answer as itself. */
export class Unreached extends Error {}

/** Whether it was done is not known: it was sent, and no answer says. */
export class Unsure extends Error {
  /** `isAsking`: it is still being found out. */
  constructor(readonly isAsking: boolean) {
    super(isAsking ? "asking" : "unknown");
  }
}

const TIMEOUT_MS = 15_000;
const OVER = new Set(["session_ended", "session_unknown", "session_expired", "unauthenticated"]);

/** Rises whenever the exchange says that nobody is signed in here any more. */
export const sessionOver = signal(0);

/** An answer of the exchange. Throws Refused or Unreached. */
export async function ask<Answer>(path: string, init: RequestInit = {}): Promise<Answer> {
  let response: Response;
  let content: unknown;
  try {
    response = await fetch(path, {
      ...init,
      headers: { "Accept-Language": language.value === "zh" ? "zh-CN" : "en", ...init.headers },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const kind = response.headers.get("Content-Type") ?? "";
    if (!kind.includes("json")) throw new Error(`${response.status}`);
    // An answer may break off in its middle, too.
    content = await response.json();
  } catch (error) {
    throw new Unreached(String(error));
  }
  if (!response.ok) throw refused(content as Partial<Problem> | null);
  return content as Answer;
}

function refused(content: Partial<Problem> | null): Error {
  // What stands before the exchange may answer in its place, and not in its words.
  if (content?.code === undefined || content.errors === undefined) return new Unreached(content?.title);
  if (OVER.has(content.code)) sessionOver.value += 1;
  return new Refused(content as Problem);
}

export interface Page<Item> {
  items: Item[];
  next: string | null;
}

export interface Band {
  lower: string;
  upper: string;
  reference: string;
}

/** What an order of either side pays: millionths of its turnover, within a minimum and a cap. */
export interface Fee {
  buyer_ppm: number;
  buyer_minimum: string;
  buyer_cap: string | null;
  seller_ppm: number;
  seller_minimum: string;
  seller_cap: string | null;
}

export interface Rule {
  parameter: string;
  value: string | number;
  listing: string | null;
  effective_from: string;
  source: string;
  certainty: string;
}

export interface Halt {
  scope: "listing" | "market";
  reason: string;
  since: string;
}

export interface Listing {
  listing: string;
  class: "I" | "II";
  lot: string | null;
  tick: string | null;
  min_quantity: string | null;
  max_quantity: string | null;
  band: Band | null;
  sessions: { phase: string; start: string; end: string }[];
  fee: Fee | null;
  flags: string[];
  phase: string;
  halted: boolean;
  halt: Halt | null;
  last: string | null;
  open: string | null;
  high: string | null;
  low: string | null;
  close: string | null;
  previous_close: string | null;
  volume: string;
  turnover: string;
  negotiated: { trading_day: string; trades: number; volume: string; turnover: string } | null;
}

export interface Trade {
  id: string;
  listing: string;
  price: string;
  quantity: string;
  taker_side: "buy" | "sell";
  time: string;
  busted: boolean;
}

export interface BulletinLine {
  listing: string;
  open: string | null;
  high: string | null;
  low: string | null;
  close: string;
  change: string;
  listed_volume: string;
  listed_turnover: string;
  negotiated_volume: string;
  negotiated_turnover: string;
  cumulative_volume: string;
  cumulative_turnover: string;
}

/** What was used up for a purpose. What too few participants stand behind waits for a later bulletin. */
export interface RetiredLine {
  purpose: string;
  quantity: string | null;
  since: string | null;
  held_over: boolean;
  cumulative: string;
}

export interface Bulletin {
  date: string;
  from: string;
  published_at: string;
  listings: BulletinLine[];
  retired: RetiredLine[];
}

export interface CertificateCheck {
  number: string;
  issued: true;
  digest_matches: boolean | null;
  beneficiary_matches: boolean | null;
  purpose: string;
  compliance_year: number | null;
  retired: boolean;
  listing: string;
  class: "I" | "II";
  quantity: string;
  lots: { lot: string; serials: [number, number][] }[];
  completed_at: string;
  counts_although_late: boolean;
}

export interface RulesAnswer {
  at: string;
  version: number;
  items: Rule[];
  upcoming: Rule[];
}

export interface Time {
  time: string;
  time_us: number;
  trading_day: string | null;
  phase: string;
}
