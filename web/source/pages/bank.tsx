// The settlement bank's clerk: withdrawals that wait to be paid, money received, and the bank's statements.
import { useState } from "preact/hooks";
import { useAct } from "../act";
import { ActButton, Done, done, plain, takeTurn, turn } from "../desk/doing";
import { statementColumns, withdrawalColumns } from "../desk/money";
import type { Statement, Withdrawal } from "../desk/shapes";
import { money } from "../format";
import { word as named, t } from "../i18n";
import { Fact, Facts } from "../parts/facts";
import { Form } from "../parts/form";
import { type Given, Givens, type Wanted } from "../parts/givens";
import { Paged } from "../parts/paged";
import { Choice, Panel } from "../parts/panel";
import { SignedIn } from "../parts/signed_in";
import { Table } from "../parts/table";
import { useEvery } from "../remote";

export function BankPage() {
  return (
    <SignedIn needs={["bank"]}>
      {() => (
        <>
          <h1>{t("nav.bank")}</h1>
          <p class="lead">{t("bank.lead")}</p>
          <Done />
          <Withdrawals />
          <DepositPanel />
          <StatementPanel />
        </>
      )}
    </SignedIn>
  );
}

const STATES = ["held", "paid", "returned"] as const;
const LOOK_MS = 10_000;

function Withdrawals() {
  const [state, setState] = useState<(typeof STATES)[number]>("held");
  useEvery(takeTurn, LOOK_MS);
  const columns = withdrawalColumns();
  if (state === "held") {
    columns.push({
      name: "act",
      title: t("column.act"),
      isAct: true,
      cell: (one) => <WithdrawalActs of={one} />,
    });
  }
  return (
    <Panel
      title={t("withdrawals.title")}
      aside={
        <Choice
          label={t("column.state")}
          values={STATES}
          chosen={state}
          named={(value) => named("withdrawal_state", value)}
          choose={setState}
        />
      }
    >
      <Paged<Withdrawal>
        path={`/v1/bank/withdrawals?state=${state}&limit=50`}
        turn={turn.value}
        caption={t("withdrawals.title")}
        columns={columns}
        keyOf={(one) => one.id}
        none={t("withdrawals.none")}
      />
    </Panel>
  );
}

function WithdrawalActs({ of }: { of: Withdrawal }) {
  const about = (
    <Facts>
      <Fact name={t("column.number")}>{of.id}</Fact>
      <Fact name={t("column.account")}>{of.account}</Fact>
      <Fact name={t("withdrawals.amount")}>{money(of.amount)}</Fact>
    </Facts>
  );
  return (
    <span class="acts">
      <ActButton
        name={t("withdrawals.paid")}
        of={of.id}
        needs="bank"
        kind="quiet act"
        path={`/v1/bank/withdrawals/${of.id}/paid`}
        about={about}
        asksWhy={false}
        typed={of.amount}
        wanted={[{ name: "bank_reference", label: t("money.reference") }]}
      />
      <ActButton
        name={t("withdrawals.returned")}
        of={of.id}
        needs="bank"
        kind="quiet act"
        path={`/v1/bank/withdrawals/${of.id}/returned`}
        about={about}
      />
    </span>
  );
}

function DepositPanel() {
  const act = useAct();
  const [given, setGiven] = useState<Given>({});
  const wanted: Wanted[] = [
    { name: "account", label: t("column.account") },
    { name: "amount", label: t("bank.amount"), inputMode: "decimal", hint: t("bank.amount_hint") },
    { name: "bank_reference", label: t("money.reference"), hint: t("bank.reference_hint") },
  ];
  const submit = async () => {
    const answer = await act.run<{ account: string; amount: string; bank_reference: string }>(
      "/v1/bank/deposits",
      plain(given),
    );
    if (answer === null) return;
    done.value = t("bank.booked", {
      account: answer.account,
      amount: money(answer.amount),
      reference: answer.bank_reference,
    });
    setGiven({});
  };
  return (
    <Panel title={t("bank.deposit")}>
      <Form
        act={act}
        action={t("bank.book")}
        isReady={wanted.every((one) => (given[one.name] ?? "").trim() !== "")}
        submit={() => void submit()}
      >
        <Givens wanted={wanted} given={given} give={setGiven} />
      </Form>
    </Panel>
  );
}

function StatementPanel() {
  const act = useAct();
  const [given, setGiven] = useState<Given>({ format: "camt.053" });
  const [answer, setAnswer] = useState<Statement | null>(null);
  const wanted: Wanted[] = [
    {
      name: "format",
      label: t("bank.format"),
      kind: "choice",
      options: ["camt.053", "csv"].map((value) => ({ value, label: named("format", value) })),
    },
    { name: "content", label: t("bank.file"), kind: "file", hint: t("bank.file_hint") },
  ];
  const submit = async () => {
    setAnswer(null);
    const found = await act.run<Statement>("/v1/bank/statements", {
      format: given["format"],
      content: given["content"],
    });
    if (found === null) return;
    setAnswer(found);
    done.value =
      found.differences === 0
        ? t("bank.statement_agrees", { id: found.id, n: found.lines })
        : t("bank.statement_differs", { id: found.id, n: found.differences });
  };
  return (
    <Panel title={t("bank.statement")}>
      <Form
        act={act}
        action={t("bank.import")}
        isReady={(given["content"] ?? "") !== ""}
        submit={() => void submit()}
      >
        <Givens wanted={wanted} given={given} give={setGiven} />
      </Form>
      {answer !== null && (
        <Table
          caption={t("bank.result")}
          rows={[answer]}
          keyOf={(one) => one.id}
          columns={statementColumns()}
        />
      )}
    </Panel>
  );
}
