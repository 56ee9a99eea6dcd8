// The way in for people: name, password, and the authenticator's code where one is enrolled; a one-time password is changed.
import { useId, useState } from "preact/hooks";
import { Refused } from "../api";
import { t } from "../i18n";
import { Panel } from "../parts/panel";
import { Failure } from "../parts/states";
import { changePassword, session, signIn } from "../session";

export function SignInPage() {
  return session.value?.must_change_password ? <PasswordPanel /> : <SignInPanel />;
}

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

function PasswordPanel() {
  const [error, setError] = useState<unknown>(null);
  const ids = { before: useId(), next: useId() };
  const submit = async (event: SubmitEvent) => {
    const field = given(event);
    setError(null);
    try {
      await changePassword(field("before"), field("next"));
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <div class="sign-in">
      <h1>{t("sign_in.change")}</h1>
      <Panel title={t("sign_in.change_why")}>
        <form class="form" onSubmit={(event) => void submit(event)}>
          <label for={ids.before}>{t("sign_in.before")}</label>
          <input id={ids.before} name="before" type="password" required autocomplete="current-password" />
          <label for={ids.next}>{t("sign_in.next")}</label>
          <input
            id={ids.next}
            name="next"
            type="password"
            required
            minLength={12}
            maxLength={128}
            autocomplete="new-password"
          />
          <button type="submit" class="first">
            {t("sign_in.change")}
          </button>
        </form>
        {error !== null && <Failure error={error} />}
      </Panel>
    </div>
  );
}
