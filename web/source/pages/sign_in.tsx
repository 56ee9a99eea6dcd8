// The way in for people: name, password, and the authenticator's code where one is enrolled; a one-time password is changed.
import { useEffect, useId, useState } from "preact/hooks";
import { useAct } from "../act";
import { Refused } from "../api";
import { done } from "../desk/doing";
import { t } from "../i18n";
import { Form, TextField } from "../parts/form";
import { Panel } from "../parts/panel";
import { Asking, Failure } from "../parts/states";
import { go } from "../router";
import { begin, homeOf, isKnown, isPublicOnly, type Session, session, signIn } from "../session";

export function SignInPage() {
  if (isPublicOnly.value) return <p class="warning">{t("session.public_only_long")}</p>;
  return session.value?.must_change_password ? (
    <div class="sign-in">
      <h1>{t("sign_in.change")}</h1>
      <PasswordPanel />
    </div>
  ) : (
    <SignInPanel />
  );
}

/** The page for who wants in and no page in particular: it leads to one's own work. */
export function SignInWay() {
  const here = session.value;
  const home = here === null || here.must_change_password ? null : homeOf(here);
  useEffect(() => {
    if (home !== null) go(home);
  }, [home]);
  return isKnown.value ? <SignInPage /> : <Asking />;
}

const LEAST = 12;

/** A form's fields as they were given. */
function given(event: SubmitEvent): (name: string) => string {
  event.preventDefault();
  const form = new FormData(event.target as HTMLFormElement);
  return (name) => String(form.get(name) ?? "");
}

function SignInPanel() {
  const [error, setError] = useState<unknown>(null);
  const [needsCode, setNeedsCode] = useState(false);
  const [isSending, setSending] = useState(false);
  const ids = { name: useId(), password: useId(), code: useId() };
  const submit = async (event: SubmitEvent) => {
    const field = given(event);
    setSending(true);
    setError(null);
    try {
      await signIn(field("name").trim(), field("password"), field("code").trim());
    } catch (problem) {
      const asksForCode = problem instanceof Refused && problem.problem.code === "code_needed";
      setNeedsCode((before) => before || asksForCode);
      setError(asksForCode && !needsCode ? null : problem);
    } finally {
      setSending(false);
    }
  };
  return (
    <div class="sign-in">
      <h1>{t("sign_in.title")}</h1>
      <Panel title={t("sign_in.who")}>
        <form class="form" onSubmit={(event) => void submit(event)}>
          <label for={ids.name}>{t("sign_in.name")}</label>
          <input id={ids.name} name="name" required autocomplete="username" spellcheck={false} />
          <label for={ids.password}>{t("sign_in.password")}</label>
          <input id={ids.password} name="password" type="password" required autocomplete="current-password" />
          {needsCode && (
            <>
              <label for={ids.code}>{t("sign_in.code")}</label>
              <input id={ids.code} name="code" required autocomplete="one-time-code" inputMode="numeric" />
            </>
          )}
          <button type="submit" class="first" disabled={isSending}>
            {t("sign_in.title")}
          </button>
        </form>
        {error !== null && <Failure error={error} />}
      </Panel>
    </div>
  );
}

/** The password as it is now: whoever changes how one signs in shows that it is oneself. */
export function PresentPassword({ value, set }: { value: string; set: (value: string) => void }) {
  return (
    <TextField
      at="/password"
      label={t("sign_in.before")}
      type="password"
      autocomplete="current-password"
      value={value}
      set={set}
    />
  );
}

/** Another password; of one that was given for one time, at once. */
export function PasswordPanel() {
  const act = useAct();
  const [password, setPassword] = useState("");
  const [next, setNext] = useState("");
  const submit = async () => {
    const answer = await act.run<Session>(
      "/v1/session/password",
      { password, new_password: next },
      { idName: null },
    );
    if (answer === null) return;
    begin(answer);
    setPassword("");
    setNext("");
    done.value = t("sign_in.changed");
  };
  return (
    <Panel title={session.value?.must_change_password ? t("sign_in.change_why") : t("sign_in.change")}>
      <Form
        act={act}
        action={t("sign_in.change")}
        isReady={password !== "" && next.length >= LEAST}
        submit={() => void submit()}
      >
        <PresentPassword value={password} set={setPassword} />
        <TextField
          at="/new_password"
          label={t("sign_in.next")}
          type="password"
          minLength={LEAST}
          maxLength={128}
          autocomplete="new-password"
          value={next}
          set={setNext}
        />
      </Form>
    </Panel>
  );
}
