// Who is signed in. The session itself is a cookie that no script can read; here is only what the exchange tells of it.
import { computed, effect, signal } from "@preact/signals";
import { ask, Refused, sessionOver } from "./api";

export interface Session {
  session: string;
  created_at: string;
  expires_at: string;
  person: string;
  participant: string;
  account: string | null;
  /** One's own accounts first, then those of others that one may act for. */
  accounts: { account: string; owner: string; own: boolean; actions: string[] | null }[];
  scopes: string[];
  csrf: string;
  must_change_password: boolean;
  totp: boolean;
}

export const session = signal<Session | null>(null);

const chosen = signal<string | null>(null);

/** The account acted for: one's own unless another one was chosen; null when there is none. */
export const acting = computed(() => {
  const here = session.value;
  if (here === null) return null;
  const known = here.accounts.find((one) => one.account === chosen.value) ?? null;
  return known?.account ?? here.account ?? here.accounts[0]?.account ?? null;
});

/** Act for that account from now on. */
export function actFor(account: string): void {
  chosen.value = account;
}

/** That address, asked for the account acted for. */
export function ofAccount(path: string): string {
  const account = acting.value;
  if (account === null) return path;
  return `${path}${path.includes("?") ? "&" : "?"}account=${encodeURIComponent(account)}`;
}

/** Whether it is known by now if anybody is signed in. */
export const isKnown = signal(false);

/** Ask whether this browser is signed in already. */
export async function findSession(): Promise<void> {
  try {
    session.value = await ask<Session>("/v1/session");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    session.value = null;
  } finally {
    isKnown.value = true;
  }
}

/** Sign in. Throws Refused, with `code_needed` where an authenticator's code is missing. */
export async function signIn(name: string, password: string, code: string): Promise<void> {
  const body = { name, password, ...(code !== "" && { code }) };
  session.value = await send<Session>("POST", "/v1/session", body);
}

/** Ask anew what the exchange tells of this session. */
export async function renewSession(): Promise<void> {
  session.value = await ask<Session>("/v1/session");
}

/** The page of one's own work. */
export function homeOf(here: Session): string {
  const scopes = new Set(here.scopes);
  if (scopes.has("operate") || scopes.has("approve") || scopes.has("supervise")) return "desk";
  if (scopes.has("authority")) return "desk";
  if (scopes.has("bank")) return "bank";
  return "trade";
}

/** Sign out, here and at the exchange. */
export async function signOut(): Promise<void> {
  await send("DELETE", "/v1/session");
  session.value = null;
}

/** Have the exchange do something. Throws Refused, or Unreached: then it is not known whether it was done. */
export async function send<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const csrf = session.value?.csrf;
  return await ask<Answer>(path, {
    method,
    headers: {
      ...(csrf !== undefined && { "X-CSRF-Token": csrf }),
      ...(body !== undefined && { "Content-Type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

effect(() => {
  if (sessionOver.value > 0) session.value = null;
});

/** An id for one request for ever: sent again with it, the first answer comes again and nothing is done twice. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(14));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
