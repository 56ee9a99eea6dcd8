// The ticket: one price and quantity, both sides in sight, and what either would hold. A large or far order is typed again.
import { type Signal, signal } from "@preact/signals";
import { useEffect, useId, useState } from "preact/hooks";
import { useAct } from "../act";
import type { Listing } from "../api";
import { fen, figureText, grouped, money, percent, yuanText } from "../format";
import { t } from "../i18n";
import { Confirmation } from "../parts/confirmation";
import { Panel } from "../parts/panel";
import { Failure } from "../parts/states";
import { acting } from "../session";
import { type Preview, usePreviews } from "./preview";
import { account, feeFen, news, type Order, refresh } from "./store";

const LARGE_TONNES = 1_000;
const FAR_BASIS_POINTS = 300;
const PRICE = /^\d{1,7}(\.\d{1,2})?$/;
const QUANTITY = /^[1-9]\d{0,8}$/;
const LIFETIMES = ["day", "ioc", "fok"] as const;

/** What a click on the ladder puts into the ticket. */
export const pickedPrice: Signal<string | null> = signal(null);

type Side = "buy" | "sell";

interface Draft {
  account: string | null;
  listing: string;
  side: Side;
  type: "limit";
  price: string;
  quantity: string;
  time_in_force: string;
}

export function Ticket({ listing }: { listing: Listing }) {
  const [writtenPrice, setPrice] = useState(listing.last ?? listing.band?.reference ?? "");
  const [writtenQuantity, setQuantity] = useState("");
  const [price, quantity] = [figureText(writtenPrice), figureText(writtenQuantity)];
  const [lifetime, setLifetime] = useState<string>("day");
  const [draft, setDraft] = useState<Draft | null>(null);
  const act = useAct();
  const ids = { price: useId(), quantity: useId(), lifetime: useId(), unreadable: useId() };
  const picked = pickedPrice.value;
  useEffect(() => {
    if (picked === null) return;
    setPrice(picked);
    pickedPrice.value = null;
  }, [picked]);
  const turnoverFen = fen(price) * Number(quantity);
  // Beyond what is counted exactly nothing is shown, and nothing sent.
  const isReadable = PRICE.test(price) && QUANTITY.test(quantity) && Number.isSafeInteger(turnoverFen);
  const isPrice = price === "" || PRICE.test(price);
  const isQuantity = quantity === "" || (QUANTITY.test(quantity) && (!PRICE.test(price) || isReadable));
  const previews = usePreviews(
    isReadable
      ? {
          listing: listing.listing,
          type: "limit",
          price: yuanText(fen(price)),
          quantity,
          time_in_force: lifetime,
        }
      : null,
  );
  const place = async (order: Draft) => {
    const made = await act.run<{ order: Order }>("/v1/orders", order, { idName: "client_order_id" });
    setDraft(null);
    if (made !== null) {
      news.value = t("news.placed", { id: made.order.id });
      setQuantity("");
    }
    void refresh();
  };
  const begin = (side: Side) => {
    const order: Draft = {
      account: acting.value,
      listing: listing.listing,
      side,
      type: "limit",
      price: yuanText(fen(price)),
      quantity,
      time_in_force: lifetime,
    };
    if (reasonsToAsk(order, listing).length > 0) setDraft(order);
    else void place(order);
  };
  return (
    <Panel title={t("ticket.title", { listing: listing.listing })} class="ticket">
      <form class="ticket-form" onSubmit={(event) => event.preventDefault()}>
        <label for={ids.price}>{t("column.price")}</label>
        <input
          id={ids.price}
          inputMode="decimal"
          autocomplete="off"
          value={writtenPrice}
          aria-invalid={!isPrice}
          aria-describedby={ids.unreadable}
          onInput={(event) => setPrice(event.currentTarget.value)}
        />
        <label for={ids.quantity}>{t("column.quantity")}</label>
        <input
          id={ids.quantity}
          inputMode="numeric"
          autocomplete="off"
          value={writtenQuantity}
          aria-invalid={!isQuantity}
          aria-describedby={ids.unreadable}
          onInput={(event) => setQuantity(event.currentTarget.value)}
        />
        <label for={ids.lifetime}>{t("ticket.lifetime")}</label>
        <select
          id={ids.lifetime}
          value={lifetime}
          onChange={(event) => setLifetime(event.currentTarget.value)}
        >
          {LIFETIMES.map((one) => (
            <option key={one} value={one}>
              {t(`ticket.${one}`)}
            </option>
          ))}
        </select>
        <p class="unreadable fault" id={ids.unreadable} role="status">
          {!isPrice && t("ticket.unreadable_price")}
          {!isQuantity && t("ticket.unreadable_quantity")}
        </p>
        {(["buy", "sell"] as const).map((side) => (
          <SideColumn
            key={side}
            side={side}
            listing={listing}
            turnoverFen={isReadable ? turnoverFen : 0}
            quantity={isReadable ? quantity : "0"}
            isReady={isReadable && !act.isSending}
            preview={previews[side]}
            begin={begin}
          />
        ))}
      </form>
      {act.error !== null && draft === null && <Failure error={act.error} />}
      {draft !== null && (
        <Confirmation
          title={t("ticket.confirm")}
          type={draft.quantity}
          label={t("ticket.type", { quantity: draft.quantity })}
          action={t(`side.${draft.side}`)}
          kind={`place-${draft.side}`}
          isSending={act.isSending}
          error={act.isSending ? act.error : null}
          confirm={() => void place(draft)}
          leave={() => setDraft(null)}
        >
          <p class="confirm-order">
            {t("ticket.order", {
              side: t(`side.${draft.side}`),
              listing: draft.listing,
              quantity: grouped(draft.quantity),
              price: grouped(draft.price),
            })}
          </p>
          <ul>
            {reasonsToAsk(draft, listing).map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </Confirmation>
      )}
    </Panel>
  );
}

/** Why an order has to be typed again before it is sent. */
function reasonsToAsk(order: Draft, listing: Listing): string[] {
  const from = listing.last ?? listing.band?.reference ?? order.price;
  const far = Math.abs(fen(order.price) - fen(from)) * 10_000 > FAR_BASIS_POINTS * fen(from);
  return [
    ...(Number(order.quantity) >= LARGE_TONNES
      ? [t("ticket.large", { limit: grouped(String(LARGE_TONNES)) })]
      : []),
    ...(far ? [t("ticket.far", { by: percent(fen(order.price) - fen(from), fen(from)), from })] : []),
  ];
}

function SideColumn({
  side,
  listing,
  turnoverFen,
  quantity,
  isReady,
  preview,
  begin,
}: {
  side: Side;
  listing: Listing;
  turnoverFen: number;
  quantity: string;
  isReady: boolean;
  /** What the exchange told of it; until then it is reckoned here. */
  preview: Preview | undefined;
  begin: (side: Side) => void;
}) {
  const { fee } = listing;
  const terms =
    side === "buy"
      ? ([fee?.buyer_ppm ?? 0, fee?.buyer_minimum ?? "0", fee?.buyer_cap ?? null] as const)
      : ([fee?.seller_ppm ?? 0, fee?.seller_minimum ?? "0", fee?.seller_cap ?? null] as const);
  const dueFen = feeFen(turnoverFen, ...terms);
  const units = account.value?.units[listing.listing];
  const free = side === "buy" ? money(account.value?.cash.buying_power) : freeUnits(units);
  return (
    <section class="side" aria-label={t(`side.${side}`)}>
      <dl>
        <dt>{t("ticket.available")}</dt>
        <dd class="figures">{preview === undefined ? free : amountOf(preview.available)}</dd>
        <dt>{t("ticket.turnover")}</dt>
        <dd class="figures">{money(preview?.turnover ?? yuanText(turnoverFen))}</dd>
        <dt>{t("ticket.fee")}</dt>
        <dd class="figures">{money(preview?.fee ?? yuanText(dueFen))}</dd>
        <dt>{t("ticket.held")}</dt>
        <dd class="figures">
          {preview !== undefined
            ? amountOf(preview.hold)
            : side === "buy"
              ? money(yuanText(turnoverFen + dueFen))
              : `${grouped(quantity)} ${t("unit.t")}`}
        </dd>
        <dt>{t(`ticket.worst_${side}`)}</dt>
        <dd class="figures">
          {money(preview?.total ?? yuanText(side === "buy" ? turnoverFen + dueFen : turnoverFen - dueFen))}
        </dd>
      </dl>
      {preview !== undefined && !preview.accepted && (
        <p class="foreseen small" role="status">
          {preview.reason} <code>{preview.code}</code>
        </p>
      )}
      <button type="button" class={`place place-${side}`} disabled={!isReady} onClick={() => begin(side)}>
        {t(`side.${side}`)}
      </button>
    </section>
  );
}

function amountOf(amount: { cash: string | null; units: string | null }): string {
  if (amount.units === null) return money(amount.cash);
  return `${grouped(amount.units)} ${t("unit.t")}`;
}

function freeUnits(units: { available: string; bought_today: string; frozen: string } | undefined): string {
  if (units === undefined) return t("ticket.nothing");
  const free = Number(units.available) - Number(units.bought_today) - Number(units.frozen);
  return `${grouped(String(Math.max(0, free)))} ${t("unit.t")}`;
}
