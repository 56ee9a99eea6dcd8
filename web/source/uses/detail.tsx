// One use: how far it has come, what it takes, and the certificate once it is completed.
import { useState } from "preact/hooks";
import { useAct } from "../act";
import { grouped, moment, serials } from "../format";
import { word as named, t } from "../i18n";
import { Fact, Facts } from "../parts/facts";
import { Panel } from "../parts/panel";
import { Answered, Failure } from "../parts/states";
import { Table } from "../parts/table";
import { useTurning } from "../remote";
import { link } from "../router";
import { acting } from "../session";
import { eventTurn } from "../trader/store";
import { pathOf, type Use } from "./use";

export function UseDetail({ id }: { id: string }) {
  const remote = useTurning<Use>(pathOf(id), eventTurn.value);
  return <Answered remote={remote}>{(use) => <Told use={use} again={remote.again} />}</Answered>;
}

function Told({ use, again }: { use: Use; again: () => void }) {
  return (
    <Panel
      title={t("uses.one", { purpose: named("purpose", use.purpose), id: use.id })}
      aside={
        <a class="button" href={link("uses", "own")}>
          {t("negotiated.back")}
        </a>
      }
    >
      <Progress use={use} />
      {use.certificate !== null && <Certificate use={use} number={use.certificate} />}
      {use.state === "held" && <Withdraw use={use} again={again} />}
      <Facts>
        <Fact name={t("column.quantity")}>{grouped(use.quantity)}</Fact>
        <Fact name={t("column.listing")}>{use.listing}</Fact>
        {use.compliance_year !== null && <Fact name={t("certificates.year")}>{use.compliance_year}</Fact>}
        <Fact name={t("uses.beneficiary")}>{use.beneficiary || "–"}</Fact>
        <Fact name={t("uses.said")}>{use.statement || "–"}</Fact>
        {use.donated_to !== null && <Fact name={t("uses.donate_to")}>{use.donated_to}</Fact>}
        {use.deadline !== null && <Fact name={t("offset.deadline")}>{moment(use.deadline)}</Fact>}
        <Fact name={t("uses.created")}>{moment(use.created_at)}</Fact>
        <Fact name={t("uses.ended")}>{moment(use.ended_at)}</Fact>
      </Facts>
      {use.counts_although_late && <p class="good">{t("uses.late")}</p>}
      <Table
        caption={t("certificates.lots")}
        rows={use.lots}
        keyOf={(lot) => lot.lot}
        columns={[
          { name: "lot", title: t("column.lot"), cell: (lot) => <span class="code">{lot.lot}</span> },
          {
            name: "serials",
            title: t("column.serials"),
            cell: (lot) => <span class="code serials">{serials(lot.serials)}</span>,
          },
        ]}
      />
    </Panel>
  );
}

const STEPS: readonly Use["state"][] = ["held", "retiring", "completed"];

/** The steps of a use, with the one it is at; another end is said in words. */
function Progress({ use }: { use: Use }) {
  const at = STEPS.indexOf(use.state);
  if (at < 0) {
    return (
      <p class="warning" role="status">
        {named("use_state", use.state)}
        {use.reason !== null && (
          <>
            {" "}
            <code>{use.reason}</code>
          </>
        )}
      </p>
    );
  }
  return (
    <ol class="progress" aria-label={t("uses.progress")}>
      {STEPS.map((step, index) => (
        <li
          key={step}
          class={index <= at ? "done" : undefined}
          aria-current={index === at ? "step" : undefined}
        >
          <span aria-hidden="true">{index < at || use.state === "completed" ? "✓" : index + 1}</span>
          {named("use_state", step)}
        </li>
      ))}
    </ol>
  );
}

function Certificate({ use, number }: { use: Use; number: string }) {
  const path = `${pathOf(use.id)}/certificate`;
  return (
    <div class="answers" role="status">
      <b class="good-word">{t("uses.certificate", { number })}</b>
      <a class="button first" href={`${path}?format=pdf`} download={`${number}.pdf`}>
        {t("uses.pdf")}
      </a>
      <a class="button" href={path} download={`${number}.json`}>
        {t("uses.json")}
      </a>
      <a class="button" href={link("certificates", number)}>
        {t("certificates.check")}
      </a>
    </div>
  );
}

function Withdraw({ use, again }: { use: Use; again: () => void }) {
  const act = useAct();
  const [isAsked, setAsked] = useState(false);
  const withdraw = async () => {
    const told = await act.run<Use>(`${pathOf(use.id)}/withdraw`, { account: acting.value });
    if (told !== null) again();
  };
  return (
    <div class="answers">
      <span>{t("uses.withdrawable", { until: moment(use.withdrawable_until) })}</span>
      {isAsked && (
        <>
          <b>{t("uses.withdraw_sure")}</b>
          <button type="button" class="first" disabled={act.isSending} onClick={() => void withdraw()}>
            {t("negotiated.withdraw")}
          </button>
        </>
      )}
      <button type="button" onClick={() => setAsked(!isAsked)}>
        {t(isAsked ? "confirmation.leave" : "negotiated.withdraw")}
      </button>
      {act.error !== null && <Failure error={act.error} />}
    </div>
  );
}
