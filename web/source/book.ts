// One listing's depth as the stream tells it: a snapshot, then changes without a gap, checked after each one.
import { crc32 } from "./crc32";
import { fen } from "./format";

export type Level = readonly [price: string, quantity: string];

export interface DepthMessage {
  ch: "depth";
  listing: string;
  seq: number;
  prev_seq: number | null;
  time_us: number;
  type: "snapshot" | "delta";
  bids: Level[];
  asks: Level[];
  crc32: number;
}

const CHECKED_LEVELS = 10;

export interface Depth {
  seq: number;
  bids: readonly Level[];
  asks: readonly Level[];
}

/** The depth after a message; null when it does not fit, and a snapshot has to be asked for. */
export function following(before: Depth | null, message: DepthMessage): Depth | null {
  let after: Depth;
  if (message.type === "snapshot") {
    after = { seq: message.seq, bids: message.bids, asks: message.asks };
  } else {
    if (before === null) return null;
    if (message.seq <= before.seq) return before;
    if (message.prev_seq !== before.seq) return null;
    after = {
      seq: message.seq,
      bids: changed(before.bids, message.bids, -1),
      asks: changed(before.asks, message.asks, 1),
    };
  }
  return checksum(after) === message.crc32 ? after : null;
}

function changed(levels: readonly Level[], changes: readonly Level[], direction: 1 | -1): Level[] {
  const byPrice = new Map(levels);
  for (const [price, quantity] of changes) {
    if (quantity === "0") byPrice.delete(price);
    else byPrice.set(price, quantity);
  }
  return [...byPrice].sort(([one], [other]) => direction * (fen(one) - fen(other)));
}

function checksum(depth: Depth): number {
  const levels = [...depth.bids.slice(0, CHECKED_LEVELS), ...depth.asks.slice(0, CHECKED_LEVELS)];
  return crc32(levels.map(([price, quantity]) => `${price}:${quantity}`).join("|"));
}
