// How to complain, and how to check on the exchange without asking anybody.
import { t } from "../i18n";
import { Panel } from "../parts/panel";
import { link } from "../router";

const STEPS = ["complaints.step_facts", "complaints.step_exchange", "complaints.step_authority"] as const;

export function ComplaintsPage() {
  return (
    <>
      <h1>{t("nav.complaints")}</h1>
      <p class="lead">{t("complaints.lead")}</p>
      <Panel title={t("complaints.how")}>
        <ol class="steps">
          {STEPS.map((step) => (
            <li key={step}>{t(step)}</li>
          ))}
        </ol>
      </Panel>
      <Panel title={t("complaints.check")}>
        <ul class="steps">
          <li>
            {t("complaints.digests")} <a href="/v1/digests">{t("complaints.digests_link")}</a>
          </li>
          <li>
            {t("complaints.certificates")} <a href={link("certificates")}>{t("nav.certificates")}</a>
          </li>
          <li>
            {t("complaints.rules")} <a href={link("rules")}>{t("nav.rules")}</a>
          </li>
        </ul>
      </Panel>
    </>
  );
}
