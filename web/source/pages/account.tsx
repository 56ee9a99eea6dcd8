// One's account: what is owned, lot by lot; units and money in and out; statements of closed days.

import { CashPanel } from "../account/cash";
import { LotsPanel } from "../account/lots_panel";
import { StatementsPanel } from "../account/statements";
import { TransfersPanel } from "../account/transfers";
import { t } from "../i18n";
import { AccountChoice } from "../parts/account_choice";
import { Choice } from "../parts/panel";
import { SignedIn } from "../parts/signed_in";
import { Failure } from "../parts/states";
import { go } from "../router";
import { acting } from "../session";
import { Holdings } from "../trader/holdings";
import { failure, news, refresh } from "../trader/store";

const PARTS = ["holdings", "transfers", "cash", "statements"] as const;
type Part = (typeof PARTS)[number];

export function AccountPage({ rest }: { rest: readonly string[] }) {
  const part: Part = PARTS.find((one) => one === rest[0]) ?? "holdings";
  return (
    <SignedIn needs={["read"]} withAccount>
      {() => (
        <>
          <h1>{t("nav.account")}</h1>
          <AccountChoice action={null} />
          <p class="news" role="status" aria-live="polite">
            {news.value}
          </p>
          <div class="parts">
            <Choice
              label={t("account.parts")}
              values={PARTS}
              chosen={part}
              named={(one) => t(`account.${one}`)}
              choose={(one) => go("account", one)}
            />
          </div>
          {failure.value !== null && <Failure error={failure.value} again={() => void refresh()} />}
          <div key={`${acting.value} ${part}`}>
            {part === "holdings" && (
              <>
                <Holdings />
                <LotsPanel />
              </>
            )}
            {part === "transfers" && <TransfersPanel />}
            {part === "cash" && <CashPanel />}
            {part === "statements" && <StatementsPanel />}
          </div>
        </>
      )}
    </SignedIn>
  );
}
