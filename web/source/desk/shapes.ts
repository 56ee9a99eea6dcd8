// What the exchange answers to its operators and supervisors.
import { signal } from "@preact/signals";
import type { Rule } from "../api";
import { session } from "../session";

/** Why a supervisor looks: said, names of those whose personal data are restricted are shown. */
export const lookReason = signal("");

/** What a supervisor reads where operators do: their form of it is not the same. */
const SHARED = ["accounts", "negotiated-transfers"];

function ofSupervisor(): boolean {
  const scopes = session.value?.scopes ?? [];
  return scopes.includes("supervise") && !scopes.includes("operate");
}

/** Where the desk's lists are asked for by whoever is signed in, and its acts. */
export function desk(name: string): string {
  if (!ofSupervisor() || SHARED.some((one) => name.startsWith(one))) return `/v1/operator/${name}`;
  const why = lookReason.value;
  const reason = why === "" ? "" : `${name.includes("?") ? "&" : "?"}reason=${encodeURIComponent(why)}`;
  return `/v1/supervise/${name}${reason}`;
}

/** Money on its way out, of everybody. */
export function withdrawals(query: string): string {
  return ofSupervisor() ? desk(`withdrawals?${query}`) : `/v1/bank/withdrawals?${query}`;
}

export interface CloseStep {
  name: string;
  state: "waiting" | "running" | "done";
  done: number;
  total: number;
}

export interface Close {
  trading_day: string;
  state: "running" | "done";
  breaks: number | null;
  operator: string | null;
  reason: string | null;
  steps: CloseStep[];
}

export interface Day {
  trading_day: string | null;
  phase: string;
  close: Close | null;
  clock: "real" | "manual";
  calendar_until: string | null;
  calendar_days_left: number;
  calendar_ends_soon: boolean;
}

export interface Readiness {
  ready: boolean;
  position: number;
  queue: number;
  registry: boolean;
}

export interface Approval {
  id: string;
  act: string;
  state: string;
  subject: string;
  operator: string;
  reason: string;
  requested_at: string;
  details: { name: string; value: string }[];
}

export interface Permit {
  approval: Approval;
  approved_by: string;
  approved_at: string;
  good_until: string;
}

export interface UnderReview {
  id: string;
  listing: string;
  seller: string | null;
  buyer: string | null;
  price: string;
  quantity: string;
  amount: string;
  filed_at: string;
  agreement_no: string | null;
}

export interface Freeze {
  id: string;
  source: string;
  stops: string;
  account: string | null;
  registry_account: string | null;
  lot: string | null;
  serials: [number, number][];
  reason: string;
  since: string;
}

export interface Restrictions {
  accounts: { account: string; reason: string; since: string }[];
  items: Freeze[];
}

export interface KillSwitch {
  scope: string;
  subject: string | null;
  operator: string;
  reason: string;
  since: string;
}

interface RefusalText {
  number: number;
  code: string;
  text: string;
}

export interface Parked {
  trade: string;
  seller: string;
  buyer: string;
  instruction: string;
  code: string;
  refusal: RefusalText | null;
  since: string;
}

export interface Ended {
  operator: string | null;
  reason: string | null;
  time: string;
}

export interface Break {
  id: string;
  state: "open" | "resolved";
  kind: string;
  account: string | null;
  registry_account: string | null;
  lot: string | null;
  only_here: [number, number][];
  only_there: [number, number][];
  instruction: string | null;
  detail: string;
  as_of: number;
  found_at: string;
  resolution: Ended | null;
}

export interface CashBreak {
  id: string;
  state: "open" | "closed";
  kind: string;
  bank_reference: string;
  account: string | null;
  here: string | null;
  there: string | null;
  statement: string;
  found_at: string;
  end: Ended | null;
}

export interface Claim {
  id: string;
  state: string;
  notice: number;
  against: string;
  lot: string;
  serials: [number, number][];
  quantity: string;
  reason: string;
  opened_at: string;
  decided: { decision: string; operator: string; reason: string; time: string } | null;
}

export interface Removal {
  id: string;
  state: string;
  account: string;
  lot: string;
  serials: [number, number][];
  quantity: string;
  reason: string;
  opened_at: string;
  completed_at: string | null;
  refusal: RefusalText | null;
}

export interface Statement {
  id: string;
  time: string;
  from: string;
  until: string;
  opening: string;
  closing: string;
  lines: number;
  differences: number;
  open_breaks: number;
  digest: string;
  superseded: { operator: string; reason: string; time: string } | null;
}

export interface StatementLine {
  line: number | null;
  bank_reference: string;
  account: string | null;
  here: string | null;
  there: string | null;
  outcome: string;
  break: string | null;
  break_state: "open" | "closed" | null;
  ended_break: string | null;
}

export interface Withdrawal {
  id: string;
  account: string;
  amount: string;
  state: string;
  bank_reference: string | null;
  reason: string | null;
  created_at: string;
  ended_at: string | null;
}

export interface Counts {
  sent: number;
  asked: number;
  cancelled: number;
  confirmed: number;
  refused: number;
  unknown: number;
  in_flight: number;
}

export interface RegistryLine {
  answers: boolean;
  circuit: "closed" | "half_open" | "open";
  circuit_opened: number;
  variant: string | null;
  total: Counts;
  by_kind: Record<string, Counts>;
  unknown_by_reason: Record<string, number>;
  unclear: { request: string; since: string }[];
  unclear_count: number;
  stopped: { request: string; kind: string; earlier: string; later: string }[];
  not_bound: number;
  notice_cursor: number;
  notice_faults: { sequence: number; kind: string; code: string; time: string }[];
  notice_waits_at: number | null;
  journal_entry: number;
}

export interface Reconciliation {
  id: string;
  time: string;
  trading_day: string;
  on_demand: boolean;
  as_of: number;
  breaks: number;
  open_breaks: number;
  digest_here: string;
  digest_there: string;
}

export interface Participant {
  participant: string;
  kind: string;
  accounts: string[];
}

export interface MemberAccount {
  account: string;
  owner: string;
  registry_account: string;
  earmark: string | null;
  restriction: { reason: string; since: string } | null;
  disputes: number;
}

export interface Mandate {
  mandate: string;
  account: string;
  participant: string;
  actions: string[];
  until: string;
  granted_at: string;
  operator: string;
  reason: string;
  state: string;
  ended_at: string | null;
}

export interface Person {
  person: string;
  participant: string;
  account: string | null;
  scopes: string[];
  created_at: string;
  must_change_password: boolean;
  totp: boolean;
  disabled_at: string | null;
  signed_in_at: string | null;
  made_alone_by: string | null;
}

export interface Key {
  key: string;
  participant: string;
  account: string | null;
  algorithm: string;
  scopes: string[];
  label: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  networks: string[];
  rotated_from: string | null;
  rotated_to: string | null;
  ends_at: string | null;
  made_alone_by: string | null;
}

export interface CalendarDay {
  date: string;
  announced: boolean;
  trading_day: boolean;
}

export interface RuleBook {
  version: number;
  items: Rule[];
  upcoming: Rule[];
}

export interface Subject {
  subject: string;
  kind: string;
  name: string;
  pseudonym: string;
  restricted: boolean;
  restricted_at: string;
  operator: string;
  reason: string;
  released_at: string | null;
}

interface TradeSide {
  account: string;
  participant: string;
  order: string | null;
}

export interface SupervisedTrade {
  id: string;
  method: string;
  listing: string;
  price: string;
  quantity: string;
  amount: string;
  time: string;
  buyer: TradeSide;
  seller: TradeSide;
  settlement: { state: string };
}

export interface SupervisedOrder {
  id: string;
  account: string;
  listing: string;
  side: "buy" | "sell";
  price: string;
  quantity: string;
  filled: string;
  status: string;
  created_at: string;
}

export interface Look {
  look: string;
  time: string;
  by: string;
  caller: string;
  target: string;
  reason: string | null;
}

/** Whether whoever looks is an operator, not a supervisor. */
export function isOperator(): boolean {
  return session.value?.scopes.includes("operate") ?? false;
}
