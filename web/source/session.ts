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

/** Whether these pages come from a process for the public only, where nobody signs in. */
export const isPublicOnly = signal(false);

/** What happened to the session that this page did not ask for. */
export const sessionNews = signal<"ended" | "other" | "still_in" | null>(null);

/** The browser's other pages: they have the same cookie. */
const pages = new BroadcastChannel("puhui.session");
pages.addEventListener("message", () => void findSession());

/** Somebody else, or nobody, is signed in here by no doing of this page. */
function become(next: Session | null): void {
  const before = session.peek();
  if (next === null) {
    if (before !== null) sessionNews.value = "ended";
  } else if (before === null ? sessionNews.peek() === "ended" : before.person !== next.person) {
    sessionNews.value = "other";
  }
  session.value = next;
}

/** This page itself began or ended a session. */
export function begin(next: Session | null): void {
  sessionNews.value = null;
  session.value = next;
  pages.postMessage(null);
}

const WAIT_MS = 1_000;
const WAIT_MOST_MS = 8_000;

/** Ask whether this browser is signed in, until the exchange says so. */
export async function findSession(): Promise<void> {
  for (let waitMs = WAIT_MS; ; waitMs = Math.min(2 * waitMs, WAIT_MOST_MS)) {
    try {
      become(await ask<Session>("/v1/session"));
      break;
    } catch (error) {
      isPublicOnly.value = error instanceof Refused && error.problem.code === "public_only";
      if (isPublicOnly.value || saysNobody(error)) {
        become(null);
        break;
      }
    }
    await new Promise((resume) => setTimeout(resume, waitMs));
  }
  isKnown.value = true;
}

/** Whether nobody is signed in; an exchange that is not reached, or too busy, does not say. */
function saysNobody(error: unknown): boolean {
  return error instanceof Refused && (error.problem.status === 401 || error.problem.status === 403);
}

/** Sign in. Throws Refused, with `code_needed` where an authenticator's code is missing. */
export async function signIn(name: string, password: string, code: string): Promise<void> {
  const body = { name, password, ...(code !== "" && { code }) };
  begin(await send<Session>("POST", "/v1/session", body));
}

/** The page of one's own work. */
export function homeOf(here: Session): string {
  const scopes = new Set(here.scopes);
  if (["operate", "approve", "authority", "supervise"].some((scope) => scopes.has(scope))) return "desk";
  if (scopes.has("bank")) return "bank";
  return "trade";
}

/** Sign out, here and at the exchange; false when the exchange did not say so, and one is signed in still. */
export async function signOut(): Promise<boolean> {
  try {
    await send("DELETE", "/v1/session");
  } catch (error) {
    // Where nobody was signed in any more, that is what was wanted.
    if (session.peek() !== null || !(error instanceof Refused)) {
      sessionNews.value = "still_in";
      return false;
    }
  }
  begin(null);
  return true;
}

/** Have the exchange do something. Throws Refused, or Unreached: then it is not known whether it was done. */
export async function send<Answer>(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const here = session.peek();
  const once = () =>
    ask<Answer>(path, {
      method,
      headers: {
        ...headers,
        ...(here !== null && { "X-CSRF-Token": session.peek()?.csrf ?? here.csrf }),
        ...(body !== undefined && { "Content-Type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  try {
    return await once();
  } catch (problem) {
    if (!(problem instanceof Refused) || !STALE.has(problem.problem.code)) throw problem;
    // Another page of this browser began another session: only the same person goes on by it.
    await findSession();
    if (here === null || session.peek()?.person !== here.person) throw problem;
    return await once();
  }
}

const STALE = new Set(["csrf_missing", "csrf_wrong"]);

effect(() => {
  if (sessionOver.value > 0) become(null);
});

/** An id for one request for ever: sent again with it, the first answer comes again and nothing is done twice. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(14));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
