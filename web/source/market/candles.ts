// Candles of a listing as the exchange serves them.
export const INTERVALS = ["1m", "5m", "1h", "1d", "1w"] as const;
export type Interval = (typeof INTERVALS)[number];

export interface Candle {
  start: string;
  open: string;
  high: string;
  low: string;
  close: string;
  volume: string;
  turnover: string;
}

/** Where the newest candles of a listing are. */
export function candlesPath(listing: string, interval: Interval): string {
  return `/v1/listings/${listing}/candles?interval=${interval}&limit=200`;
}
