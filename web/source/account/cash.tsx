// Money: what can be paid out and asking for it, what was, and what has come in.
import { useState } from "preact/hooks";
import { useAct } from "../act";
import type { Page } from "../api";
import { moment, money, priceText } from "../format";
import { word as named, t } from "../i18n";
import { Confirmation } from "../parts/confirmation";
import { Fact, Facts } from "../parts/facts";
import { Form, TextField } from "../parts/form";
import { Paged } from "../parts/paged";
import { Panel } from "../parts/panel";
import { Answered } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { useTurning } from "../remote";
import { acting, ofAccount, session } from "../session";
import { account, eventTurn, lastEvent, news } from "../trader/store";

interface Withdrawal {
  id: string;
  amount: string;
  state: "held" | "paid" | "returned";
  bank_reference: string | null;
  reason: string | null;
  created_at: string;
  ended_at: string | null;
}

export function CashPanel() {
  return (
    <>
      {session.value?.scopes.includes("transfer") && <Withdraw />}
      <Panel title={t("cash.withdrawals")}>
        <Paged<Withdrawal>
          path={ofAccount("/v1/cash/withdrawals?limit=20")}
          turn={eventTurn.value}
          caption={t("cash.withdrawals")}
          none={t("cash.none")}
          keyOf={(withdrawal) => withdrawal.id}
          columns={columns()}
        />
      </Panel>
      <Deposits />
    </>
  );
}

function Withdraw() {
  const act = useAct();
  const [amount, setAmount] = useState("");
  const [isAsked, setAsked] = useState(false);
  const text = priceText(amount);
  const submit = async () => {
    const made = await act.run<Withdrawal>("/v1/cash/withdrawals", { account: acting.value, amount: text });
    setAsked(false);
    if (made === null) return;
    news.value = t("cash.asked", { id: made.id });
    setAmount("");
  };
  return (
    <Panel title={t("cash.withdraw")}>
      <Facts>
        <Fact name={t("cash.withdrawable")}>{money(account.value?.cash.withdrawable)}</Fact>
        <Fact name={t("cash.available")}>{money(account.value?.cash.available)}</Fact>
      </Facts>
      <Form act={act} action={t("cash.withdraw")} submit={() => setAsked(true)} isReady={text !== ""}>
        <TextField
          at="/amount"
          label={t("cash.amount")}
          hint={t("cash.amount_hint")}
          inputMode="decimal"
          value={amount}
          set={setAmount}
        />
      </Form>
      {isAsked && (
        <Confirmation
          title={t("cash.confirm")}
          type={text}
          label={t("cash.type", { amount: text })}
          action={t("cash.withdraw")}
          isSending={act.isSending}
          error={act.isSending ? act.error : null}
          confirm={() => void submit()}
          leave={() => setAsked(false)}
        >
          <p class="confirm-order">
            {t("cash.confirm_what", { amount: money(text), account: acting.value ?? "" })}
          </p>
        </Confirmation>
      )}
    </Panel>
  );
}

function columns(): Column<Withdrawal>[] {
  return [
    { name: "id", title: t("negotiated.number"), cell: (withdrawal) => withdrawal.id },
    {
      name: "state",
      title: t("negotiated.state"),
      cell: (withdrawal) => (
        <>
          <span class={`badge ${withdrawal.state === "paid" ? "state-executed" : ""}`}>
            {named("withdrawal_state", withdrawal.state)}
          </span>
          {withdrawal.reason !== null && <span class="small lot-refused">{withdrawal.reason}</span>}
        </>
      ),
    },
    {
      name: "amount",
      title: t("fills.amount"),
      isFigure: true,
      cell: (withdrawal) => money(withdrawal.amount),
    },
    {
      name: "reference",
      title: t("cash.reference"),
      cell: (withdrawal) => withdrawal.bank_reference ?? "–",
    },
    {
      name: "created",
      title: t("uses.created"),
      cell: (withdrawal) => <span class="figures">{moment(withdrawal.created_at)}</span>,
    },
    {
      name: "ended",
      title: t("uses.ended"),
      cell: (withdrawal) => <span class="figures">{moment(withdrawal.ended_at)}</span>,
    },
  ];
}

interface Deposited {
  event_id: number;
  type: string;
  time: string;
  amount: string;
  bank_reference?: string;
}

const LOOKED_AT = 1_000;

/** Deposits among the newest events of the account; its log is where they are told. */
function Deposits() {
  const after = lastEvent.value === null ? null : Math.max(0, lastEvent.value - LOOKED_AT);
  const path =
    after === null ? null : ofAccount(`/v1/events?after=${after - (after % 100)}&limit=${LOOKED_AT}`);
  const remote = useTurning<Page<Deposited>>(path, eventTurn.value);
  return (
    <Panel title={t("cash.deposits")}>
      <Answered remote={remote}>
        {({ items }) => {
          const found = items.filter((event) => event.type === "cash_deposited").reverse();
          return (
            <Table
              none={t("cash.no_deposits", { n: LOOKED_AT })}
              caption={t("cash.deposits")}
              rows={found}
              keyOf={(event) => String(event.event_id)}
              columns={[
                {
                  name: "time",
                  title: t("column.time"),
                  cell: (event) => <span class="figures">{moment(event.time)}</span>,
                },
                {
                  name: "amount",
                  title: t("fills.amount"),
                  isFigure: true,
                  cell: (event) => money(event.amount),
                },
                {
                  name: "reference",
                  title: t("cash.reference"),
                  cell: (event) => event.bank_reference ?? "–",
                },
              ]}
            />
          );
        }}
      </Answered>
    </Panel>
  );
}
