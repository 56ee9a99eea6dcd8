// What the exchange would answer to the order in the ticket and what it would cost, asked while it is being written.
import { useEffect, useState } from "preact/hooks";
import { acting, send } from "../session";
import { language } from "../settings";
import { eventTurn } from "./store";

export interface Preview {
  accepted: boolean;
  code: string | null;
  reason: string | null;
  turnover: string;
  fee: string;
  total: string;
  hold: { cash: string | null; units: string | null };
  available: { cash: string | null; units: string | null };
}

export type Previews = Partial<Record<"buy" | "sell", Preview>>;

const PAUSE_MS = 200;

/** Both sides of that order; nothing while it cannot be read or is being asked. */
export function usePreviews(order: object | null): Previews {
  const [found, setFound] = useState<{ of: string; previews: Previews }>({ of: "", previews: {} });
  const account = acting.value;
  const asked = order === null ? "" : JSON.stringify({ ...order, account });
  const key = `${language.value} ${asked}`;
  const turn = eventTurn.value;
  // What happened to the account, and another language, change the answer, too
  useEffect(() => {
    if (asked === "") return undefined;
    let isWanted = true;
    const waiting = setTimeout(() => {
      const body = JSON.parse(asked) as object;
      const both = (["buy", "sell"] as const).map((side) =>
        send<Preview>("POST", "/v1/orders/preview", { ...body, side }),
      );
      Promise.all(both).then(
        ([buy, sell]) => {
          if (isWanted && buy !== undefined && sell !== undefined) {
            setFound({ of: key, previews: { buy, sell } });
          }
        },
        // What keeps a preview from being told keeps the order from being taken: the order's own answer says what.
        () => isWanted && setFound({ of: "", previews: {} }),
      );
    }, PAUSE_MS);
    return () => {
      isWanted = false;
      clearTimeout(waiting);
    };
  }, [asked, key, turn]);
  return found.of === key && asked !== "" ? found.previews : {};
}
