// For which account one acts, where mandates give more than one's own.
import { useId } from "preact/hooks";
import { t } from "../i18n";
import { actFor, acting, session } from "../session";

/** `action`: what the page does, as mandates name it. Nothing is shown where there is no choice. */
export function AccountChoice({ action }: { action: "trade" | "negotiate" | "offset" | "transfer" | null }) {
  const id = useId();
  const here = session.value;
  const accounts = (here?.accounts ?? []).filter(
    (one) => one.own || action === null || one.actions?.includes(action),
  );
  if (accounts.length < 2) return null;
  return (
    <p class="account-choice">
      <label for={id}>{t("account_choice.label")}</label>
      <select id={id} value={acting.value ?? ""} onChange={(event) => actFor(event.currentTarget.value)}>
        {accounts.map((one) => (
          <option key={one.account} value={one.account}>
            {one.own
              ? t("account_choice.own", { account: one.account })
              : t("account_choice.other", { account: one.account, owner: one.owner })}
          </option>
        ))}
      </select>
    </p>
  );
}
