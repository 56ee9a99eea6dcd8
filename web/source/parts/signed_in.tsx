// A page for those who are signed in and may do what it is for; everybody else is told so, or asked to sign in.
import { type ComponentChildren, Fragment } from "preact";
import { t } from "../i18n";
import { SignInPage } from "../pages/sign_in";
import { isKnown, type Session, session } from "../session";
import { Asking, Nothing } from "./states";

/** `needs`: one of these scopes, `any` where signing in is enough; `withAccount`: an account to act for, too. */
export function SignedIn({
  needs,
  withAccount = false,
  children,
}: {
  needs: readonly string[];
  withAccount?: boolean;
  children: (who: Session) => ComponentChildren;
}) {
  const who = session.value;
  if (!isKnown.value) return <Asking />;
  if (who === null || who.must_change_password) return <SignInPage />;
  if (!needs.some((scope) => scope === "any" || who.scopes.includes(scope)))
    return <Nothing>{t("signed_in.not_yours")}</Nothing>;
  if (withAccount && who.accounts.length === 0) return <Nothing>{t("trade.not_yours")}</Nothing>;
  // What one person has begun to write is not for the next one.
  return <Fragment key={who.person}>{children(who)}</Fragment>;
}
