// One's own sign-in: who one is here, the password, the authenticator, and every open session.

import { generate } from "lean-qr";
import { toSvgPath } from "lean-qr/extras/svg";
import { useMemo, useState } from "preact/hooks";
import { useAct } from "../act";
import type { Page } from "../api";
import { ActButton, Done, done } from "../desk/doing";
import { useLook } from "../desk/looking";
import { moment } from "../format";
import { word as named, t } from "../i18n";
import { Fact, Facts } from "../parts/facts";
import { Form, TextField } from "../parts/form";
import { Panel } from "../parts/panel";
import { SignedIn } from "../parts/signed_in";
import { Answered } from "../parts/states";
import { Table } from "../parts/table";
import { findSession, type Session } from "../session";
import { PasswordPanel, PresentPassword } from "./sign_in";

export function MePage() {
  return (
    <SignedIn needs={["any"]}>
      {(who) => (
        <>
          <h1>{t("me.title")}</h1>
          <Done />
          <WhoPanel who={who} />
          <PasswordPanel />
          <TotpPanel who={who} />
          <SessionsPanel />
        </>
      )}
    </SignedIn>
  );
}

function WhoPanel({ who }: { who: Session }) {
  return (
    <Panel title={t("me.who")}>
      <Facts>
        <Fact name={t("sign_in.name")}>{who.person}</Fact>
        <Fact name={t("column.participant")}>{who.participant}</Fact>
        <Fact name={t("column.account")}>{who.account ?? "–"}</Fact>
        <Fact name={t("me.since")}>{moment(who.created_at)}</Fact>
        <Fact name={t("me.until")}>{moment(who.expires_at)}</Fact>
      </Facts>
      <p class="scope-list">
        {t("access.scopes")}
        {who.scopes.map((scope) => (
          <span key={scope} class="badge">
            {named("scope", scope)}
          </span>
        ))}
      </p>
    </Panel>
  );
}

interface Enrolment {
  secret: string;
  uri: string;
}

function TotpPanel({ who }: { who: Session }) {
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  return (
    <Panel
      title={t("totp.title")}
      aside={
        <span class={`badge ${who.totp ? "totp-on" : "totp-off"}`}>
          {who.totp ? t("totp.on") : t("totp.off")}
        </span>
      }
    >
      {codes !== null ? (
        <Codes codes={codes} kept={() => setCodes(null)} />
      ) : who.totp ? (
        <Remove />
      ) : enrolment === null ? (
        <Begin begun={setEnrolment} />
      ) : (
        <Confirm
          enrolment={enrolment}
          leave={() => setEnrolment(null)}
          confirmed={(found) => {
            setEnrolment(null);
            setCodes(found);
            done.value = t("totp.enrolled");
          }}
        />
      )}
    </Panel>
  );
}

function Begin({ begun }: { begun: (enrolment: Enrolment) => void }) {
  const act = useAct();
  const [password, setPassword] = useState("");
  const submit = async () => {
    const answer = await act.run<Enrolment>("/v1/session/totp", { password }, { idName: null });
    if (answer !== null) begun(answer);
  };
  return (
    <>
      <p class="small">{t("totp.lead")}</p>
      <Form act={act} action={t("totp.begin")} isReady={password !== ""} submit={() => void submit()}>
        <PresentPassword value={password} set={setPassword} />
      </Form>
    </>
  );
}

/** The pattern of dark squares of a QR code, as one path, with the quiet border that readers need. */
function Qr({ text }: { text: string }) {
  const [size, path] = useMemo(() => {
    const code = generate(text);
    return [code.size, toSvgPath(code)] as const;
  }, [text]);
  return (
    <svg class="qr" viewBox={`-4 -4 ${size + 8} ${size + 8}`} role="img" aria-label={t("totp.qr")}>
      <rect x="-4" y="-4" width={size + 8} height={size + 8} class="qr-ground" />
      <path d={path} class="qr-dark" />
    </svg>
  );
}

function Confirm({
  enrolment,
  leave,
  confirmed,
}: {
  enrolment: Enrolment;
  leave: () => void;
  confirmed: (codes: readonly string[]) => void;
}) {
  const act = useAct();
  const [code, setCode] = useState("");
  const submit = async () => {
    const answer = await act.run<{ recovery_codes: string[] }>(
      "/v1/session/totp/confirm",
      { code: code.trim() },
      { idName: null },
    );
    if (answer === null) return;
    confirmed(answer.recovery_codes);
    await findSession();
  };
  return (
    <div class="enrolment">
      <Qr text={enrolment.uri} />
      <div>
        <ol class="steps">
          <li>{t("totp.step_scan")}</li>
          <li>
            {t("totp.step_type")}{" "}
            <code class="totp-secret">{enrolment.secret.replace(/(.{4})(?=.)/g, "$1 ")}</code>
          </li>
          <li>{t("totp.step_code")}</li>
        </ol>
        <Form
          act={act}
          action={t("totp.confirm")}
          isReady={/^\d{6}$/.test(code.trim())}
          submit={() => void submit()}
          ways={
            <button type="button" onClick={leave}>
              {t("confirmation.leave")}
            </button>
          }
        >
          <TextField
            at="/code"
            label={t("totp.code")}
            inputMode="numeric"
            autocomplete="one-time-code"
            value={code}
            set={setCode}
          />
        </Form>
      </div>
    </div>
  );
}

function Codes({ codes, kept }: { codes: readonly string[]; kept: () => void }) {
  return (
    <div class="codes">
      <p class="warning">{t("totp.codes")}</p>
      <ul>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <button type="button" class="first" onClick={kept}>
        {t("act.kept")}
      </button>
    </div>
  );
}

function Remove() {
  const act = useAct();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const submit = async () => {
    const answer = await act.run<Session>(
      "/v1/session/totp/remove",
      { password, code: code.trim() },
      { idName: null },
    );
    if (answer === null) return;
    await findSession();
    done.value = t("totp.removed");
  };
  return (
    <>
      <p class="small">{t("totp.is_on")}</p>
      <Form
        act={act}
        action={t("totp.remove")}
        isReady={password !== "" && code.trim() !== ""}
        submit={() => void submit()}
      >
        <PresentPassword value={password} set={setPassword} />
        <TextField
          at="/code"
          label={t("sign_in.code")}
          autocomplete="one-time-code"
          value={code}
          set={setCode}
        />
      </Form>
    </>
  );
}

interface OpenSession {
  session: string;
  created_at: string;
  seen_at: string;
  expires_at: string;
  address: string;
  agent: string;
  current: boolean;
}

function SessionsPanel() {
  const sessions = useLook<Page<OpenSession>>("/v1/sessions");
  return (
    <Panel title={t("sessions.title")}>
      <Answered remote={sessions}>
        {(found) => (
          <Table
            caption={t("sessions.title")}
            rows={found.items}
            keyOf={(one) => one.session}
            columns={[
              {
                name: "created",
                title: t("sessions.created"),
                cell: (one) => (
                  <>
                    <span class="figures">{moment(one.created_at)}</span>{" "}
                    {one.current && <span class="badge">{t("sessions.current")}</span>}
                  </>
                ),
              },
              {
                name: "seen",
                title: t("sessions.seen"),
                cell: (one) => <span class="figures">{moment(one.seen_at)}</span>,
              },
              {
                name: "address",
                title: t("sessions.address"),
                cell: (one) => <span class="code">{one.address}</span>,
              },
              {
                name: "agent",
                title: t("sessions.agent"),
                cell: (one) => <span class="words">{one.agent}</span>,
              },
              {
                name: "act",
                title: t("column.act"),
                isAct: true,
                cell: (one) =>
                  one.current ? (
                    "–"
                  ) : (
                    <ActButton
                      name={t("sessions.end")}
                      of={one.session}
                      needs="any"
                      kind="quiet act"
                      method="DELETE"
                      path={`/v1/sessions/${one.session}`}
                      asksWhy={false}
                      about={
                        <p>{t("sessions.about", { address: one.address, at: moment(one.created_at) })}</p>
                      }
                    />
                  ),
              },
            ]}
          />
        )}
      </Answered>
    </Panel>
  );
}
