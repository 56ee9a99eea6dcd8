// Using units: a compliance offset step by step, every other use, and what one has used so far.
import { t } from "../i18n";
import { AccountChoice } from "../parts/account_choice";
import { Choice } from "../parts/panel";
import { SignedIn } from "../parts/signed_in";
import { go } from "../router";
import { acting } from "../session";
import { UseDetail } from "../uses/detail";
import { OffsetWizard } from "../uses/offset_wizard";
import { OtherUse } from "../uses/other_use";
import { OwnUses } from "../uses/own_uses";

const PARTS = ["offset", "other", "own"] as const;
type Part = (typeof PARTS)[number];

export function UsesPage({ rest }: { rest: readonly string[] }) {
  const [which = "offset"] = rest;
  const part: Part = PARTS.find((one) => one === which) ?? "own";
  return (
    <SignedIn needs={["offset"]} withAccount>
      {() => (
        <>
          <h1>{t("nav.uses")}</h1>
          <p class="lead">{t("uses.lead")}</p>
          <AccountChoice action="offset" />
          <div class="parts">
            <Choice
              label={t("uses.parts")}
              values={PARTS}
              chosen={part}
              named={(one) => t(`uses.part_${one}`)}
              choose={(one) => go("uses", one)}
            />
          </div>
          <div key={acting.value}>
            {which === "offset" ? (
              <OffsetWizard />
            ) : which === "other" ? (
              <OtherUse />
            ) : which === "own" ? (
              <OwnUses />
            ) : (
              <UseDetail key={which} id={which} />
            )}
          </div>
        </>
      )}
    </SignedIn>
  );
}
