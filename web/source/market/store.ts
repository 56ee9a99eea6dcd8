// What the pages know of the market: fetched once, then kept by the stream. Nothing is drawn from anything else.
import { batch, computed, type Signal, signal } from "@preact/signals";
import { ask, type Listing, type Page, type Time, type Trade } from "../api";
import { type Depth, type DepthMessage, following } from "../book";
import { Stream } from "../stream";

const TRADES_KEPT = 200;
const TRADES_PAGE = 100;

export const stream = new Stream(`${location.origin.replace(/^http/, "ws")}/v1/ws`);
export const listings = signal<Listing[] | null>(null);
export const failure = signal<unknown>(null);

/** How often a depth did not fit and was asked for anew; for whoever looks at the line. */
export const resyncs = signal(0);

const depths = new Map<string, Signal<Depth | null>>();

/** Each listing's depth as told so far; what is drawn follows once a frame, however often it changes. */
const told = new Map<string, Depth | null>();
const undrawn = new Set<string>();
const trades = new Map<string, Signal<Trade[] | null>>();

/** The market's clock: what it said, when that was here, and whether it runs. */
const clock = signal<{ marketMs: number; hereMs: number; runs: boolean } | null>(null);
const beat = signal(0);

/** The market's time in milliseconds since 1970, as well as it is known here. */
export const marketMs = computed(() => {
  beat.value;
  const read = clock.value;
  if (read === null) return null;
  return read.runs ? read.marketMs + (performance.now() - read.hereMs) : read.marketMs;
});

export const phase = computed(() => listings.value?.[0]?.phase ?? null);

/** A listing's depth as told by the stream; null until its snapshot is there. */
export function depthOf(listing: string): Signal<Depth | null> {
  return kept(depths, listing);
}

/** A listing's last trades, newest first. */
export function tradesOf(listing: string): Signal<Trade[] | null> {
  return kept(trades, listing);
}

function kept<Value>(all: Map<string, Signal<Value | null>>, listing: string): Signal<Value | null> {
  let found = all.get(listing);
  if (found === undefined) {
    found = signal<Value | null>(null);
    all.set(listing, found);
  }
  return found;
}

const CATCH_UP_MS = 5_000;
let catchingUp: ReturnType<typeof setTimeout> | undefined;
let isFollowing = false;

/** Begin to follow the market; again and again is the same as once. */
export function follow(): void {
  if (isFollowing) return;
  isFollowing = true;
  stream.on("depth", (message) => onDepth(message as unknown as DepthMessage));
  stream.on("ticker", (message) => change(message, TICKER));
  stream.on("status", (message) => change(message, STATUS));
  stream.on("trades", (message) => onTrade(message as unknown as TradeMessage));
  stream.whenOpen(() => {
    for (const channel of ["depth", "ticker", "status", "trades"]) stream.request("subscribe", { channel });
    readClock();
    void catchUp();
  });
  stream.connect();
  setInterval(() => {
    beat.value += 1;
  }, 1_000);
  setInterval(readClock, 10_000);
}

/** What no channel tells: listings as a whole, new ones among them, and trades made while the line was lost. */
export async function catchUp(): Promise<void> {
  clearTimeout(catchingUp);
  try {
    const [found, time] = await Promise.all([ask<Page<Listing>>("/v1/listings"), ask<Time>("/v1/time")]);
    setClock(time.time_us);
    listings.value = found.items;
    failure.value = null;
    await Promise.all(found.items.map((listing) => missedTrades(listing.listing)));
  } catch (error) {
    failure.value = error;
    catchingUp = setTimeout(() => void catchUp(), CATCH_UP_MS);
  }
}

/** Every trade since the newest that is known: pages are read until they meet what is there. */
async function missedTrades(listing: string): Promise<void> {
  const here = tradesOf(listing);
  const newest = here.value?.[0]?.id;
  let found: Trade[] = [];
  let after: string | null = null;
  do {
    const more: string = after === null ? "" : `&after=${encodeURIComponent(after)}`;
    const page: Page<Trade> = await ask(`/v1/listings/${listing}/trades?limit=${TRADES_PAGE}${more}`);
    found = [...found, ...page.items];
    after = page.next;
  } while (
    after !== null &&
    newest !== undefined &&
    found.length < TRADES_KEPT &&
    !found.some((trade) => trade.id === newest)
  );
  here.value = merged(here.value ?? [], found);
}

function merged(known: readonly Trade[], found: readonly Trade[]): Trade[] {
  const byId = new Map([...known, ...found].map((trade) => [trade.id, trade]));
  return [...byId.values()].sort((one, other) => Number(other.id) - Number(one.id)).slice(0, TRADES_KEPT);
}

function onDepth(message: DepthMessage): void {
  const { listing } = message;
  const before = told.get(listing) ?? null;
  if (message.type === "delta" && before === null) return;
  const after = following(before, message);
  told.set(listing, after);
  if (undrawn.size === 0) requestAnimationFrame(drawDepths);
  undrawn.add(listing);
  if (after === null) {
    resyncs.value += 1;
    stream.request("resync", { channel: "depth", listing });
  }
}

function drawDepths(): void {
  const listings = [...undrawn];
  undrawn.clear();
  batch(() => {
    for (const listing of listings) depthOf(listing).value = told.get(listing) ?? null;
  });
}

type TradeMessage = (Trade & { busted?: false }) | { id: string; listing: string; busted: true };

function onTrade(message: TradeMessage): void {
  const here = tradesOf(message.listing);
  const known = here.value ?? [];
  here.value = message.busted
    ? known.map((trade) => (trade.id === message.id ? { ...trade, busted: true } : trade))
    : merged(known, [{ ...message, busted: false }]);
}

const TICKER = ["last", "open", "high", "low", "close", "previous_close", "volume", "turnover"] as const;
const STATUS = ["phase", "halted", "halt"] as const;

function change(message: Record<string, unknown>, names: readonly string[]): void {
  const told = Object.fromEntries(names.map((name) => [name, message[name]]));
  if (typeof message["reference"] === "string") {
    told["band"] = {
      lower: message["lower"],
      upper: message["upper"],
      reference: message["reference"],
    };
  }
  listings.value =
    listings.value?.map((listing) =>
      listing.listing === message["listing"] ? { ...listing, ...told } : listing,
    ) ?? null;
}

function readClock(): void {
  stream.request("ping", {}, (answer) => {
    const result = answer["result"] as { time_us?: number } | undefined;
    if (result?.time_us !== undefined) setClock(result.time_us);
  });
}

/** What the exchange tells of its time, in microseconds since 1970. */
export function setClock(timeUs: number): void {
  const before = clock.value;
  const [market, here] = [timeUs / 1_000, performance.now()];
  // A clock moved by hand stands still between two looks.
  const runs =
    before === null || here - before.hereMs < 500 ? (before?.runs ?? true) : market > before.marketMs;
  clock.value = { marketMs: market, hereMs: here, runs };
}
