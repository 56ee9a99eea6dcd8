// Which units are meant, lot by lot: so many tonnes of it, or these serials. One entry says either.
import { figureText, serials } from "./format";

export type Serials = [number, number][];

/** Serials of one lot, and what it is. */
export interface NamedLot {
  lot: string;
  listing: string;
  class: "I" | "II";
  methodology: string;
  project: string;
  period: string;
  issued_on: string;
  serials: Serials;
  quantity: string;
}

/** One's own serials of one lot. */
export interface Lot extends NamedLot {
  available: string;
  frozen: Serials;
}

export interface LotChoice {
  lot: string;
  quantity?: string;
  serials?: Serials;
}

const RANGES = /^\d+\s*[-–—]\s*\d+(\s*[,;\uff0c\u3001\uff1b]\s*\d+\s*[-–—]\s*\d+)*$/;

/** What an entry means: "20" is a quantity, "1001-1010, 1021-1030" are serials, both ends included. */
export function choiceOf(lot: string, entry: string): LotChoice {
  const text = figureText(entry);
  if (!RANGES.test(text)) return { lot, quantity: text };
  const ranges = text.split(/[,;\uff0c\u3001\uff1b]/).map((part): [number, number] => {
    const [first = "0", last = "0"] = part.split(/[-–—]/);
    return [Number(first), Number(last) + 1];
  });
  return { lot, serials: ranges };
}

/** Every lot that something was entered for. */
export function choicesOf(entries: Readonly<Record<string, string>>): LotChoice[] {
  return Object.entries(entries)
    .filter(([, entry]) => entry.trim() !== "")
    .map(([lot, entry]) => choiceOf(lot, entry));
}

/** How a choice is entered. */
export function entryOf(choice: { quantity: string; serials: Serials }): string {
  return choice.serials.length > 0 ? serials(choice.serials) : choice.quantity;
}

/** Tonnes that were chosen; what cannot be read counts nothing. */
export function chosenTonnes(choices: readonly LotChoice[]): number {
  return choices.reduce((sum, choice) => {
    if (choice.serials !== undefined) {
      return sum + choice.serials.reduce((inner, [first, end]) => inner + Math.max(0, end - first), 0);
    }
    const tonnes = Number(choice.quantity);
    return sum + (Number.isSafeInteger(tonnes) && tonnes > 0 ? tonnes : 0);
  }, 0);
}
