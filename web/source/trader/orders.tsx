// One's open orders, each to be cancelled, or all at once; and what has been traded.
import { useState } from "preact/hooks";
import { useAct } from "../act";
import type { Listing } from "../api";
import { figureText, grouped, moment, money, priceText, timeOfDay } from "../format";
import { word as named, t } from "../i18n";
import { Form, TextField } from "../parts/form";
import { Panel } from "../parts/panel";
import { Asking, Failure } from "../parts/states";
import { Table } from "../parts/table";
import { acting, ofAccount } from "../session";
import { type Fill, fills, news, type Order, orders, refresh } from "./store";

/** Cancelling twice is the same cancel. */
const CANCEL = { method: "DELETE", idName: null, isRepeatable: true } as const;

function Side({ of }: { of: "buy" | "sell" }) {
  return <span class={of === "buy" ? "up" : "down"}>{t(`side.${of}`)}</span>;
}

export function OpenOrders({ listing }: { listing: Listing }) {
  const act = useAct();
  const [isAsked, setAsked] = useState(false);
  const [replacing, setReplacing] = useState<Order | null>(null);
  const found = orders.value;
  const cancel = async (path: string) => {
    setAsked(false);
    const done = await act.run<object>(path, undefined, CANCEL);
    if (done !== null) news.value = t("news.cancelled");
    await refresh();
  };
  return (
    <Panel
      title={t("orders.title")}
      class="open-orders"
      aside={
        // The button that was pressed stays, and the focus on it: a second press takes the first one back.
        <span class="beside">
          {isAsked && (
            <>
              {t("orders.sure")}
              <button type="button" onClick={() => void cancel(ofAccount("/v1/orders"))}>
                {t("orders.all")}
              </button>
            </>
          )}
          <button
            type="button"
            disabled={!isAsked && (found === null || found.length === 0)}
            onClick={() => setAsked(!isAsked)}
          >
            {t(isAsked ? "orders.keep" : "orders.all")}
          </button>
        </span>
      }
    >
      {act.error !== null && <Failure error={act.error} />}
      {replacing !== null && (
        <Replacing key={replacing.id} order={replacing} leave={() => setReplacing(null)} />
      )}
      {found === null ? (
        <Asking />
      ) : (
        <Table
          none={t("orders.none")}
          caption={t("orders.title")}
          rows={found}
          keyOf={(order) => order.id}
          columns={[
            {
              name: "listing",
              title: t("column.listing"),
              cell: (order) => (
                <span class={order.listing === listing.listing ? "code" : "code flat"}>{order.listing}</span>
              ),
            },
            { name: "side", title: t("orders.side"), cell: (order) => <Side of={order.side} /> },
            {
              name: "price",
              title: t("column.price"),
              isFigure: true,
              cell: (order) => grouped(order.price),
            },
            {
              name: "quantity",
              title: t("column.quantity"),
              isFigure: true,
              cell: (order) => grouped(order.quantity),
            },
            {
              name: "filled",
              title: t("orders.filled"),
              isFigure: true,
              cell: (order) => grouped(order.filled),
            },
            { name: "status", title: t("orders.status"), cell: (order) => named("status", order.status) },
            {
              name: "time",
              title: t("column.time"),
              cell: (order) => (
                <span class="figures" title={moment(order.created_at)}>
                  {timeOfDay(order.created_at)}
                </span>
              ),
            },
            {
              name: "cancel",
              title: t("orders.act"),
              cell: (order: Order) => (
                <span class="row-ways">
                  <button
                    type="button"
                    class="quiet"
                    aria-label={t("orders.replace_one", { id: order.id, price: order.price })}
                    onClick={() => setReplacing(order)}
                  >
                    {t("orders.replace")}
                  </button>
                  <button
                    type="button"
                    class="quiet"
                    aria-label={t("orders.cancel_one", { id: order.id, price: order.price })}
                    onClick={(event) => {
                      // The second half of a double click falls on whatever row came up meanwhile.
                      if (event.detail < 2) void cancel(ofAccount(`/v1/orders/${order.id}`));
                    }}
                  >
                    {t("orders.cancel")}
                  </button>
                </span>
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
}

/** Another price or quantity for an open order, under its own id. */
function Replacing({ order, leave }: { order: Order; leave: () => void }) {
  const act = useAct();
  const [price, setPrice] = useState(order.price);
  const [quantity, setQuantity] = useState(order.quantity);
  const submit = async () => {
    const changed = {
      ...(priceText(price) !== order.price && { price: priceText(price) }),
      ...(figureText(quantity) !== order.quantity && { quantity: figureText(quantity) }),
    };
    const body = { account: acting.value, ...changed };
    const made = await act.run<object>(`/v1/orders/${order.id}`, body, { method: "PATCH" });
    if (made === null) return;
    news.value = t("news.replaced", { id: order.id });
    leave();
    await refresh();
  };
  return (
    <section class="replacing" aria-label={t("orders.replace_title", { id: order.id })}>
      <Form
        act={act}
        action={t("orders.replace")}
        submit={() => void submit()}
        ways={
          <button type="button" onClick={leave}>
            {t("confirmation.leave")}
          </button>
        }
      >
        <p class="replacing-what">
          <b>{t("orders.replace_title", { id: order.id })}</b> {t(`side.${order.side}`)} {order.listing}
        </p>
        <TextField
          at="/price"
          label={t("column.price")}
          inputMode="decimal"
          required
          value={price}
          set={setPrice}
        />
        <TextField
          at="/quantity"
          label={t("column.quantity")}
          hint={t("orders.replace_hint", { filled: grouped(order.filled) })}
          inputMode="numeric"
          required
          value={quantity}
          set={setQuantity}
        />
      </Form>
    </section>
  );
}

export function Fills() {
  const found = fills.value;
  return (
    <Panel title={t("fills.title")} class="fills">
      {found === null ? (
        <Asking />
      ) : (
        <Table
          none={t("fills.none")}
          caption={t("fills.title")}
          rows={found}
          keyOf={(fill: Fill) => `${fill.id}-${fill.side}`}
          columns={[
            {
              name: "time",
              title: t("column.time"),
              cell: (fill) => <span class="figures">{moment(fill.time)}</span>,
            },
            {
              name: "listing",
              title: t("column.listing"),
              cell: (fill) => <span class="code">{fill.listing}</span>,
            },
            { name: "side", title: t("orders.side"), cell: (fill) => <Side of={fill.side} /> },
            { name: "method", title: t("fills.method"), cell: (fill) => named("method", fill.method) },
            {
              name: "price",
              title: t("column.price"),
              isFigure: true,
              cell: (fill) => grouped(fill.price),
            },
            {
              name: "quantity",
              title: t("column.quantity"),
              isFigure: true,
              cell: (fill) => grouped(fill.quantity),
            },
            { name: "amount", title: t("fills.amount"), isFigure: true, cell: (fill) => money(fill.amount) },
            {
              name: "settlement",
              title: t("fills.settlement"),
              cell: (fill) => named("settlement", fill.settlement.state),
            },
          ]}
        />
      )}
    </Panel>
  );
}
