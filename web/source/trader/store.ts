// One's own account as the exchange tells it: asked once, then again with every event, of which none is missed or told twice.
import { effect, signal } from "@preact/signals";
import { ask, type Page } from "../api";
import { fen, grouped } from "../format";
import { word as named, t } from "../i18n";
import { stream } from "../market/store";
import { acting, findSession, ofAccount, session } from "../session";
import { language } from "../settings";

export interface Units {
  available: string;
  held: string;
  delivering: string;
  bought_today: string;
  frozen: string;
}

export interface Account {
  account: string;
  restricted: boolean;
  restriction: { reason: string; since: string } | null;
  cash: {
    available: string;
    held: string;
    delivering: string;
    withdrawable: string;
    buying_power: string;
  };
  units: Record<string, Units>;
}

export interface Order {
  id: string;
  client_order_id: string;
  listing: string;
  side: "buy" | "sell";
  price: string;
  quantity: string;
  time_in_force: string;
  status: string;
  filled: string;
  remaining: string;
  created_at: string;
}

export interface Fill {
  id: string;
  listing: string;
  side: "buy" | "sell";
  price: string;
  quantity: string;
  amount: string;
  time: string;
  method: string;
  settlement: { state: string };
}

export const account = signal<Account | null>(null);
export const orders = signal<Order[] | null>(null);
export const fills = signal<Fill[] | null>(null);
export const failure = signal<unknown>(null);

/** The last thing that happened to this account, said aloud to who listens. */
export const news = signal("");

/** The number of the last event of the account that is known here. */
export const lastEvent = signal<number | null>(null);

/** Rises a moment after anything happened to the account: what was asked of it may have changed. */
export const eventTurn = signal(0);

const PAUSE_MS = 120;
let follows: string | null = null;
let waiting: ReturnType<typeof setTimeout> | undefined;

/** Follow the account of whoever is signed in. */
export function followAccount(): void {
  stream.on("events", onEvent);
  stream.whenOpen(logOn);
  effect(() => {
    // What was said in the other language is not news any more.
    language.value;
    news.value = "";
  });
  effect(() => {
    const here = session.value;
    const name = here === null || here.must_change_password ? null : acting.value;
    if (name === follows) return;
    follows = name;
    lastEvent.value = null;
    account.value = orders.value = fills.value = null;
    failure.value = null;
    asked += 1;
    news.value = "";
    // A connection speaks for one person only.
    stream.renew();
    void refresh();
  });
}

function logOn(): void {
  const here = session.peek();
  if (here === null || follows === null) return;
  stream.request("logon", { csrf: here.csrf }, (answer) => {
    if (answer["ok"] !== true) {
      // Another page of this browser may have begun another session since.
      void findSession().then(() => {
        const now = session.peek();
        if (now !== null && now.csrf !== here.csrf) logOn();
      });
      return;
    }
    const from = lastEvent.peek() === null ? {} : { resume_from: lastEvent.peek() };
    stream.request("subscribe", { channel: "events", account: follows, ...from }, (told) => {
      const result = told["result"] as { resume_from?: number } | undefined;
      lastEvent.value ??= result?.resume_from ?? null;
      void refresh();
    });
  });
}

function onEvent(event: Record<string, unknown>): void {
  const id = event["event_id"];
  if (typeof id !== "number" && typeof id !== "string") return;
  const number = Number(id);
  const before = lastEvent.peek();
  if (before !== null && number <= before) return;
  lastEvent.value = number;
  if (event["type"] === "order_traded") {
    news.value = t("news.traded", {
      side: named("side", String(event["side"] ?? "")),
      listing: String(event["listing"] ?? ""),
      quantity: grouped(String(event["quantity"] ?? "")),
      price: grouped(String(event["price"] ?? "")),
    });
  }
  const transfer = event["negotiated_transfer"] as { id?: string } | undefined;
  if (transfer?.id !== undefined) {
    news.value = t("news.negotiated", {
      id: transfer.id,
      what: named("negotiated_step", String(event["type"])),
    });
  }
  clearTimeout(waiting);
  waiting = setTimeout(() => void refresh(), PAUSE_MS);
}

let asked = 0;

/** Ask for everything of the account anew. */
export async function refresh(): Promise<void> {
  if (follows === null) return;
  asked += 1;
  const mine = asked;
  eventTurn.value += 1;
  try {
    const [own, open, made] = await Promise.all([
      ask<Account>(ofAccount("/v1/account")),
      ask<Page<Order>>(ofAccount("/v1/orders?status=open&limit=100")),
      ask<Page<Fill>>(ofAccount("/v1/trades?limit=50")),
    ]);
    // A later answer is there already, or somebody else is here.
    if (mine !== asked) return;
    account.value = own;
    orders.value = open.items;
    fills.value = made.items;
    failure.value = null;
  } catch (error) {
    if (mine === asked) failure.value = error;
  }
}

/** What an order pays that trades at once and in full, in fen. */
export function feeFen(turnoverFen: number, ppm: number, minimum: string, cap: string | null): number {
  if (turnoverFen === 0) return 0;
  const byRate = Math.floor((turnoverFen * ppm) / 1_000_000);
  const least = Math.min(turnoverFen, Math.max(byRate, fen(minimum)));
  return cap === null ? least : Math.min(least, fen(cap));
}
