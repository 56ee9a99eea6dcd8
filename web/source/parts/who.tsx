// Who is signed in, and the way in or out.
import { t } from "../i18n";
import { go, link } from "../router";
import { isKnown, isPublicOnly, session, sessionNews, signOut } from "../session";

export function Who() {
  const here = session.value;
  if (!isKnown.value) return null;
  if (isPublicOnly.value) return <span class="who small">{t("session.public_only")}</span>;
  if (here === null) {
    return (
      <a class="button who" href={link("sign-in")}>
        {t("sign_in.title")}
      </a>
    );
  }
  const leave = async () => {
    if (await signOut()) go("market");
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

/** What became of the session by no doing of this page: said until somebody has read it. */
export function SessionNews() {
  const news = sessionNews.value;
  return (
    <div role="status">
      {news !== null && (
        <p class="warning session-news">
          {t(`session.${news}`, { person: session.value?.person ?? "" })}
          <button
            type="button"
            onClick={() => {
              sessionNews.value = null;
            }}
          >
            {t("session.read")}
          </button>
        </p>
      )}
    </div>
  );
}
