// Uses of units as the exchange tells them: offsets and every other use alike.
import type { Serials } from "../lots";

export const PURPOSES = [
  "voluntary_offset",
  "voluntary_cancellation",
  "donation",
  "damage_compensation",
] as const;
export type Purpose = (typeof PURPOSES)[number];

export interface Cap {
  limit: string | null;
  used: string;
  other_credits: string;
  left: string | null;
  enforcement: "soft" | "hard" | null;
}

export interface Use {
  id: string;
  purpose: string;
  compliance_year: number | null;
  beneficiary: string;
  statement: string;
  listing: string;
  quantity: string;
  lots: { lot: string; serials: Serials }[];
  donated_to: string | null;
  state: "held" | "retiring" | "completed" | "refused" | "withdrawn";
  reason: string | null;
  withdrawable_until: string;
  deadline: string | null;
  counts_although_late: boolean;
  certificate: string | null;
  created_at: string;
  ended_at: string | null;
}

export interface Year {
  compliance_year: number;
  opens: string;
  deadline: string;
  cap: { base: string; ratio: string; enforcement: "soft" | "hard"; joint_credits: string[] } | null;
  methodologies: string[];
  period_from: string | null;
  period_to: string | null;
  origins: string[];
  exclusions: { lot: string; reason: string }[];
  effective_from: string;
  source: string;
  certainty: string;
}

export interface QuoteLine {
  lot: string;
  listing: string;
  class: "I" | "II";
  available: string;
  eligible: boolean;
  code: string | null;
  reason: string | null;
  quantity: string;
  serials: Serials;
}

export interface Quote {
  compliance_year: number;
  accepted: boolean;
  code: string | null;
  reason: string | null;
  listing: string | null;
  quantity: string;
  lots: QuoteLine[];
  cap: Cap | null;
  deadline: string | null;
}

/** Where a use of that id is found; its id says which kind it is. */
export function pathOf(id: string): string {
  return `/v1/${id.startsWith("offset-") ? "offsets" : "retirements"}/${encodeURIComponent(id)}`;
}
