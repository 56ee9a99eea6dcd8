// Figures and times as people read them. Money is counted in whole fen, quantities in whole tonnes, never in fractions.
const MINUS = "−";
const NONE = "–";

/** Whole fen of an amount as the exchange writes it: "68.50" is 6850. */
export function fen(text: string): number {
  const [yuan = "0", rest = ""] = text.replace("-", "").split(".");
  const value = Number(yuan) * 100 + Number(rest.padEnd(2, "0").slice(0, 2));
  return text.startsWith("-") ? -value : value;
}

/** An amount as the exchange writes it. */
export function yuanText(amountFen: number): string {
  const absolute = Math.abs(amountFen);
  const text = `${Math.floor(absolute / 100)}.${String(absolute % 100).padStart(2, "0")}`;
  return amountFen < 0 ? `-${text}` : text;
}

/** With thousands apart: "1234567.80" is 1,234,567.80. */
export function grouped(text: string): string {
  const [whole = "", rest] = text.replace("-", MINUS).split(".");
  const apart = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return rest === undefined ? apart : `${apart}.${rest}`;
}

/** A figure that may be absent. */
export function shown(text: string | null | undefined): string {
  return text === null || text === undefined ? NONE : grouped(text);
}

/** From one figure to another. */
export function range(from: string | null | undefined, to: string | null | undefined): string {
  return `${shown(from)} – ${shown(to)}`;
}

/** Money with its sign. */
export function money(text: string | null | undefined): string {
  return text === null || text === undefined ? NONE : `¥${grouped(text)}`;
}

/** Per cent of a share in fen, two decimals, with its sign. */
export function percent(partFen: number, wholeFen: number): string {
  const basisPoints = wholeFen === 0 ? 0 : Math.round((partFen * 10_000) / wholeFen);
  return `${signed(yuanText(basisPoints))}%`;
}

/** With a plus or a minus in front; nothing is neither. */
export function signed(text: string): string {
  if (fen(text) === 0) return grouped(text.replace("-", ""));
  return text.startsWith("-") ? grouped(text) : `+${grouped(text)}`;
}

/** Date and time of day in Shanghai, to the second. The exchange writes all its times in that zone. */
export function moment(text: string | null | undefined): string {
  return text ? `${text.slice(0, 10)} ${text.slice(11, 19)}` : NONE;
}

/** The time of day alone. */
export function timeOfDay(text: string): string {
  return text.slice(11, 19);
}

const SHANGHAI_MS = 8 * 3_600_000;

/** That many milliseconds since 1970 in Shanghai's time, to the second: "2026-11-22T09:30:00". */
export function inShanghai(ms: number): string {
  return new Date(ms + SHANGHAI_MS).toISOString().slice(0, 19);
}

/** Seconds since 1970 of a moment in Shanghai's own reckoning, for charts that know no zones. */
export function shanghaiSeconds(text: string): number {
  return Math.floor(Date.parse(`${text.slice(0, 19)}Z`) / 1_000);
}

/** Half-open serials as people write them, both ends included. */
export function serials(ranges: readonly (readonly [number, number])[]): string {
  return ranges.map(([first, end]) => (end - first === 1 ? `${first}` : `${first}–${end - 1}`)).join(", ");
}

/** The parts of a list as somebody wrote it: with blanks or with commas of either script between. */
export function listOf(text: string | undefined): string[] {
  return (text ?? "").split(/[,\uff0c\u3001\s]+/).filter((part) => part !== "");
}

const APART = /^\d{1,3}(,\d{3})+(\.\d*)?$/;

/** A figure as somebody wrote or pasted it: full-width digits and thousands apart are read, a comma elsewhere is not. */
export function figureText(text: string): string {
  const plain = text.normalize("NFKC").trim();
  return APART.test(plain) ? plain.replaceAll(",", "") : plain;
}

/** What somebody wrote as money, with the two decimals of the exchange; what is none stays as it is, to be refused in words. */
export function priceText(text: string): string {
  const plain = figureText(text);
  if (/^\d+$/.test(plain)) return `${plain}.00`;
  return /^\d+\.\d$/.test(plain) ? `${plain}0` : plain;
}
