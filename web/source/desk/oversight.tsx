// What the supervisor alone sees: trades and orders with who stands behind them, and what supervisors have looked at.
import { useState } from "preact/hooks";
import { grouped, money } from "../format";
import { word as named, t } from "../i18n";
import { Form, TextField } from "../parts/form";
import { Paged } from "../parts/paged";
import { Choice, Panel } from "../parts/panel";
import type { Column } from "../parts/table";
import { takeTurn, turn } from "./doing";
import { code, figure, text, time, words } from "./looking";
import { desk, type Look, lookReason, type SupervisedOrder, type SupervisedTrade } from "./shapes";

const KINDS = ["trades", "orders", "looks"] as const;
type Kind = (typeof KINDS)[number];

const QUIET = { error: null, isSending: false } as const;

/** Why one looks, for everything that is looked at from then on. */
export function WhyLook() {
  const [why, setWhy] = useState(lookReason.value);
  const submit = () => {
    lookReason.value = why.trim();
    takeTurn();
  };
  return (
    <Form act={QUIET} action={t("oversight.look")} submit={submit} class="look-form">
      <TextField
        at="/reason"
        label={t("oversight.why")}
        hint={t("oversight.why_hint")}
        maxLength={512}
        value={why}
        set={setWhy}
      />
    </Form>
  );
}

export function OversightSection() {
  const [kind, setKind] = useState<Kind>("trades");
  const [typed, setTyped] = useState("");
  const [account, setAccount] = useState("");
  const whose = account === "" ? "" : `&account=${encodeURIComponent(account)}`;
  return (
    <Panel
      title={t(`oversight.${kind}`)}
      aside={
        <Choice
          label={t("desk.oversight")}
          values={KINDS}
          chosen={kind}
          named={(value) => t(`oversight.${value}`)}
          choose={setKind}
        />
      }
    >
      {kind !== "looks" && (
        <Form act={QUIET} action={t("oversight.find")} submit={() => setAccount(typed.trim())}>
          <TextField at="/account" label={t("oversight.account")} value={typed} set={setTyped} />
        </Form>
      )}
      {kind === "trades" && <Trades path={desk(`trades?limit=50${whose}`)} />}
      {kind === "orders" && <Orders path={desk(`orders?limit=50${whose}`)} />}
      {kind === "looks" && <Looks path={desk("looks?limit=50")} />}
    </Panel>
  );
}

function Trades({ path }: { path: string }) {
  const columns: Column<SupervisedTrade>[] = [
    code("id", t("settlement.trade"), (one) => one.id),
    time("time", t("column.time"), (one) => one.time),
    code("listing", t("column.listing"), (one) => one.listing),
    text("method", t("fills.method"), (one) => named("method", one.method)),
    code("seller", t("settlement.seller"), (one) => `${one.seller.account} (${one.seller.participant})`),
    code("buyer", t("settlement.buyer"), (one) => `${one.buyer.account} (${one.buyer.participant})`),
    figure("price", t("column.price"), (one) => grouped(one.price)),
    figure("quantity", t("column.quantity"), (one) => grouped(one.quantity)),
    figure("amount", t("review.amount"), (one) => money(one.amount)),
    text("settlement", t("fills.settlement"), (one) => named("settlement", one.settlement.state)),
  ];
  return (
    <Paged<SupervisedTrade>
      path={path}
      turn={turn.value}
      caption={t("oversight.trades")}
      columns={columns}
      keyOf={(one) => one.id}
      none={t("trades.none")}
    />
  );
}

function Orders({ path }: { path: string }) {
  const columns: Column<SupervisedOrder>[] = [
    code("id", t("column.number"), (one) => one.id),
    time("time", t("column.time"), (one) => one.created_at),
    code("account", t("column.account"), (one) => one.account),
    code("listing", t("column.listing"), (one) => one.listing),
    text("side", t("orders.side"), (one) => named("side", one.side)),
    figure("price", t("column.price"), (one) => grouped(one.price)),
    figure("quantity", t("column.quantity"), (one) => grouped(one.quantity)),
    figure("filled", t("orders.filled"), (one) => grouped(one.filled)),
    text("status", t("orders.status"), (one) => named("status", one.status)),
  ];
  return (
    <Paged<SupervisedOrder>
      path={path}
      turn={turn.value}
      caption={t("oversight.orders")}
      columns={columns}
      keyOf={(one) => one.id}
      none={t("oversight.none")}
    />
  );
}

function Looks({ path }: { path: string }) {
  const columns: Column<Look>[] = [
    code("look", t("column.number"), (one) => one.look),
    time("time", t("column.time"), (one) => one.time),
    code("by", t("oversight.by"), (one) => one.by),
    words("target", t("oversight.target"), (one) => one.target),
    words("reason", t("act.reason"), (one) => one.reason),
  ];
  return (
    <Paged<Look>
      path={path}
      turn={turn.value}
      caption={t("oversight.looks")}
      columns={columns}
      keyOf={(one) => one.look}
      none={t("oversight.none")}
    />
  );
}
