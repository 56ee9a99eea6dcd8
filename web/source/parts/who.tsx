// Who is signed in, and the way in or out.
import { t } from "../i18n";
import { go, link } from "../router";
import { isKnown, session, signOut } from "../session";

export function Who() {
  const here = session.value;
  if (!isKnown.value) return null;
  if (here === null) {
    return (
      <a class="button who" href={link("sign-in")}>
        {t("sign_in.title")}
      </a>
    );
  }
  const leave = async () => {
    await signOut();
    go("market");
  };
  return (
    <span class="who">
      <a class="who-name" href={link("me")} title={t("me.title")}>
        {here.person}
      </a>
      <button type="button" class="quiet" onClick={() => void leave()}>
        {t("sign_in.out")}
      </button>
    </span>
  );
}
