// One negotiated transfer: its terms as they stand, what changed, how long there is, and what one may answer.
import { useEffect, useState } from "preact/hooks";
import { type Act, useAct } from "../act";
import { grouped, moment } from "../format";
import { word as named, t } from "../i18n";
import { listings } from "../market/store";
import { Confirmation } from "../parts/confirmation";
import { Countdown } from "../parts/countdown";
import { Fact, Facts } from "../parts/facts";
import { Explained, Form } from "../parts/form";
import { Panel } from "../parts/panel";
import { Answered, Asking, Failure } from "../parts/states";
import { useTurning } from "../remote";
import { link } from "../router";
import { acting } from "../session";
import { eventTurn } from "../trader/store";
import { RoundsTable, TermsTable } from "./terms";
import { bodyOf, draftOf, TermsFields } from "./terms_form";
import {
  counterpartyOf,
  endsUs,
  mayAnswer,
  PATH,
  sideOf,
  type Transfer,
  type TransferDetail,
} from "./transfers";

export function Detail({ id }: { id: string }) {
  const remote = useTurning<TransferDetail>(`${PATH}/${encodeURIComponent(id)}`, eventTurn.value);
  return (
    <Answered remote={remote}>{(transfer) => <Told transfer={transfer} again={remote.again} />}</Answered>
  );
}

function Told({ transfer, again }: { transfer: TransferDetail; again: () => void }) {
  const me = acting.value;
  const isTheirs = mayAnswer(transfer, me);
  const isOwn = transfer.state === "filed" && transfer.proposed_by === me;
  return (
    <Panel
      title={t("negotiated.one", { id: transfer.id })}
      aside={
        <a class="button" href={link("negotiate")}>
          {t("negotiated.back")}
        </a>
      }
    >
      <Facts>
        <Fact name={t("negotiated.state")}>
          <State of={transfer} me={me} />
        </Fact>
        <Fact name={t("column.listing")}>{transfer.listing}</Fact>
        <Fact name={t("negotiated.my_side")}>{t(`side.${sideOf(transfer, me)}`)}</Fact>
        <Fact name={t("negotiated.counterparty")}>
          {counterpartyOf(transfer, me) ?? t("negotiated.anybody")}
        </Fact>
        <Fact name={t("negotiated.agreement")}>{transfer.agreement_no ?? "–"}</Fact>
        <Fact name={t("negotiated.left")}>
          <Left transfer={transfer} />
        </Fact>
      </Facts>
      {transfer.reason !== null && <Why transfer={transfer} reason={transfer.reason} />}
      {transfer.review_reason !== null && (
        <p class="warning">{t("negotiated.review", { reason: transfer.review_reason })}</p>
      )}
      <TermsTable transfer={transfer} me={me} />
      <Hash transfer={transfer} />
      {transfer.rounds.length > 2 && (
        <details class="more-terms">
          <summary>{t("negotiated.rounds")}</summary>
          <RoundsTable transfer={transfer} />
        </details>
      )}
      {isTheirs && <Answers key={transfer.terms_hash} transfer={transfer} again={again} />}
      {isOwn && <Withdraw transfer={transfer} again={again} />}
    </Panel>
  );
}

const EXPIRED = new Set(["own_time", "session_end"]);

/** Why it ended: its time was over, or a check said no, in the catalogue's words. */
function Why({ transfer, reason }: { transfer: Transfer; reason: string }) {
  return (
    <div class="warning">
      {EXPIRED.has(reason) ? (
        <p>{named("negotiated_reason", reason)}</p>
      ) : (
        <Explained fault={{ code: reason, limit: transfer.limit, actual: transfer.actual }} />
      )}
    </div>
  );
}

export function State({ of, me }: { of: Transfer; me: string | null }) {
  return (
    <span class={`badge state-${of.state}`}>
      {mayAnswer(of, me) ? t("negotiated.your_turn") : named("negotiated_state", of.state)}
    </span>
  );
}

function Left({ transfer }: { transfer: TransferDetail }) {
  const until = endsUs(transfer);
  return until === null ? "–" : <Countdown untilUs={until} />;
}

/** The hash that is quoted when one confirms, held against the text it is taken of where the browser can. */
function Hash({ transfer }: { transfer: TransferDetail }) {
  const [computed, setComputed] = useState<string | null>(null);
  const text = transfer.terms_text;
  useEffect(() => {
    if (!isSecureContext) return;
    void crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)).then((digest) => {
      setComputed(Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join(""));
    });
  }, [text]);
  return (
    <details class="more-terms">
      <summary>
        {t("negotiated.hash")} <code class="hash">{transfer.terms_hash}</code>{" "}
        {computed !== null && (
          <span class={computed === transfer.terms_hash ? "good-word" : "bad-word"}>
            {t(computed === transfer.terms_hash ? "negotiated.hash_right" : "negotiated.hash_wrong")}
          </span>
        )}
      </summary>
      <pre class="terms-text">{text}</pre>
    </details>
  );
}

type Step = "confirm" | "counter" | "decline";

function Answers({ transfer, again }: { transfer: TransferDetail; again: () => void }) {
  const [step, setStep] = useState<Step | null>(null);
  const act = useAct();
  const done = (answer: Transfer | null) => {
    if (answer === null) return;
    setStep(null);
    again();
  };
  const leave = () => {
    setStep(null);
    act.clear();
  };
  const send = (word: Step, body: object = {}) =>
    act.run<Transfer>(`${PATH}/${transfer.id}/${word}`, { account: acting.value, ...body }).then(done);
  return (
    <>
      <div class="answers">
        <button type="button" class="first" onClick={() => setStep("confirm")}>
          {t("negotiated.confirm")}
        </button>
        <button type="button" aria-expanded={step === "counter"} onClick={() => setStep("counter")}>
          {t("negotiated.counter")}
        </button>
        {transfer.turn !== null && (
          <button type="button" onClick={() => setStep("decline")}>
            {t("negotiated.decline")}
          </button>
        )}
      </div>
      {step === "confirm" && (
        <Confirmation
          title={t("negotiated.confirm_title")}
          type={transfer.quantity}
          label={t("ticket.type", { quantity: transfer.quantity })}
          action={t("negotiated.confirm")}
          isSending={act.isSending}
          error={act.error}
          confirm={() => void send("confirm", { terms_hash: transfer.terms_hash })}
          leave={leave}
        >
          <p class="confirm-order">
            {t("negotiated.confirm_what", {
              side: t(`side.${sideOf(transfer, acting.value)}`),
              listing: transfer.listing,
              quantity: grouped(transfer.quantity),
              price: grouped(transfer.price),
              amount: grouped(transfer.amount),
              who: counterpartyOf(transfer, acting.value) ?? transfer.proposed_by,
            })}
          </p>
          <p>
            {t("negotiated.hash")} <code class="hash">{transfer.terms_hash}</code>
          </p>
        </Confirmation>
      )}
      {step === "counter" && <Counter transfer={transfer} act={act} send={send} leave={leave} />}
      {step === "decline" && (
        <Sure
          question={t("negotiated.decline_sure")}
          action={t("negotiated.decline")}
          act={act}
          go={() => void send("decline")}
          leave={leave}
        />
      )}
    </>
  );
}

function Counter({
  transfer,
  act,
  send,
  leave,
}: {
  transfer: TransferDetail;
  act: Act;
  send: (word: Step, body: object) => Promise<void>;
  leave: () => void;
}) {
  const [draft, setDraft] = useState(() => draftOf(transfer));
  const listing = listings.value?.find((one) => one.listing === transfer.listing);
  if (listing === undefined) return <Asking />;
  return (
    <section aria-label={t("negotiated.counter")}>
      <Form
        act={act}
        action={t("negotiated.counter_send")}
        submit={() => void send("counter", bodyOf(draft))}
        ways={
          <button type="button" onClick={leave}>
            {t("confirmation.leave")}
          </button>
        }
      >
        <TermsFields
          listing={listing}
          side={sideOf(transfer, acting.value)}
          named={transfer.lots}
          draft={draft}
          set={setDraft}
        />
      </Form>
    </section>
  );
}

function Withdraw({ transfer, again }: { transfer: TransferDetail; again: () => void }) {
  const act = useAct();
  const [isAsked, setAsked] = useState(false);
  const send = async () => {
    const answer = await act.run<Transfer>(`${PATH}/${transfer.id}/withdraw`, { account: acting.value });
    if (answer !== null) again();
  };
  if (!isAsked) {
    return (
      <div class="answers">
        <p class="small">{t("negotiated.awaiting", { who: transfer.turn ?? t("negotiated.anybody") })}</p>
        <button type="button" onClick={() => setAsked(true)}>
          {t("negotiated.withdraw")}
        </button>
      </div>
    );
  }
  return (
    <Sure
      question={t("negotiated.withdraw_sure")}
      action={t("negotiated.withdraw")}
      act={act}
      go={() => void send()}
      leave={() => setAsked(false)}
    />
  );
}

/** What came in the place of the button that had the focus takes it. */
function focus(element: HTMLElement | null): void {
  element?.focus();
}

/** Asked once more before an end that cannot be taken back. */
function Sure({
  question,
  action,
  act,
  go,
  leave,
}: {
  question: string;
  action: string;
  act: Act;
  go: () => void;
  leave: () => void;
}) {
  return (
    <div class="answers" role="alert">
      <b>{question}</b>
      <button type="button" class="first" disabled={act.isSending} onClick={go}>
        {action}
      </button>
      <button type="button" ref={focus} onClick={leave}>
        {t("confirmation.leave")}
      </button>
      {act.error !== null && <Failure error={act.error} />}
    </div>
  );
}

/** When it was last changed, for lists. */
export function changedAt(transfer: Transfer): string {
  return moment(transfer.updated_at);
}
