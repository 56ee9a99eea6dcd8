// The frame of every page: name, ways, the market's clock and the line's state, settings, and the page itself.
import type { FunctionComponent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Key, t } from "./i18n";
import { follow } from "./market/store";
import { AccountPage } from "./pages/account";
import { BankPage } from "./pages/bank";
import { BulletinsPage } from "./pages/bulletins";
import { CertificatesPage } from "./pages/certificates";
import { ComplaintsPage } from "./pages/complaints";
import { DESK_NEEDS, DeskPage, deskName } from "./pages/desk";
import { MarketPage } from "./pages/market";
import { MePage } from "./pages/me";
import { NegotiatePage } from "./pages/negotiate";
import { RetirementsPage } from "./pages/retirements";
import { RulesPage } from "./pages/rules";
import { SignInWay } from "./pages/sign_in";
import { TradePage } from "./pages/trade";
import { UsesPage } from "./pages/uses";
import { Guard } from "./parts/guard";
import { ConnectionState, MarketClock } from "./parts/line";
import { Settings } from "./parts/settings";
import { SessionNews, Who } from "./parts/who";
import { link, place } from "./router";
import { findSession, session } from "./session";
import { followAccount } from "./trader/store";

interface Way {
  page: string;
  name: Key | (() => Key);
  /** The scopes one of which it takes; the menu shows it to nobody else. */
  needs?: readonly string[];
  /** Shown to visitors all the same: it asks them to sign in. */
  isForVisitors?: true;
  /** Reached from elsewhere than the menu. */
  isElsewhere?: true;
  show: FunctionComponent<{ rest: readonly string[] }>;
}

const WAYS: readonly [Way, ...Way[]] = [
  { page: "market", name: "nav.market", show: MarketPage },
  { page: "trade", name: "nav.trade", needs: ["trade"], isForVisitors: true, show: TradePage },
  { page: "negotiate", name: "nav.negotiate", needs: ["negotiate"], show: NegotiatePage },
  { page: "uses", name: "nav.uses", needs: ["offset"], show: UsesPage },
  { page: "account", name: "nav.account", needs: ["transfer", "trade"], show: AccountPage },
  { page: "desk", name: deskName, needs: DESK_NEEDS, show: DeskPage },
  { page: "bank", name: "nav.bank", needs: ["bank"], show: BankPage },
  { page: "bulletins", name: "nav.bulletins", show: BulletinsPage },
  { page: "retirements", name: "nav.retirements", show: RetirementsPage },
  { page: "certificates", name: "nav.certificates", show: CertificatesPage },
  { page: "rules", name: "nav.rules", show: RulesPage },
  { page: "complaints", name: "nav.complaints", show: ComplaintsPage },
  { page: "me", name: "me.title", isElsewhere: true, show: MePage },
  { page: "sign-in", name: "sign_in.title", isElsewhere: true, show: SignInWay },
];

export function App() {
  useEffect(() => {
    follow();
    followAccount();
    void findSession();
  }, []);
  const here = WAYS.find((way) => way.page === place.value.page) ?? WAYS[0];
  return (
    <>
      <button type="button" class="skip" onClick={toContent}>
        {t("shell.skip")}
      </button>
      <header class="top">
        <a class="mark" href={link("market")}>
          <img src="/favicon.svg" alt="" width="28" height="28" />
          <span class="mark-name">{t("shell.name")}</span>
          <span class="mark-more">{t("shell.subtitle")}</span>
        </a>
        <div class="top-state">
          <MarketClock />
          <ConnectionState />
        </div>
        <div class="top-person">
          <Settings />
          <Who />
        </div>
        <nav class="ways" aria-label={t("shell.nav")}>
          {WAYS.filter(isShown).map((way) => (
            <a key={way.page} href={link(way.page)} aria-current={way === here ? "page" : undefined}>
              {t(nameOf(way))}
            </a>
          ))}
        </nav>
      </header>
      <SessionNews />
      <Shown way={here} />
      <footer class="foot">
        <p>{t("foot.regulation")}</p>
        <p>
          {t("foot.chart")}{" "}
          <a href="https://www.tradingview.com/" rel="noopener noreferrer">
            {t("foot.tradingview")}
          </a>
          {" · "}
          <a href="/licences.md">{t("foot.licences")}</a>
          {" · "}
          <a href="/v1/openapi.json">{t("foot.contract")}</a>
        </p>
      </footer>
    </>
  );
}

function nameOf({ name }: Way): Key {
  return typeof name === "string" ? name : name();
}

function isShown({ needs, isElsewhere, isForVisitors }: Way): boolean {
  if (isElsewhere) return false;
  if (isForVisitors && session.value === null) return true;
  return needs === undefined || needs.some((scope) => session.value?.scopes.includes(scope));
}

function toContent(): void {
  document.getElementById("content")?.focus();
}

/** The page, and its heading in focus whenever another one is shown, so that a reader by ear knows. */
function Shown({ way }: { way: Way }) {
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const title = `${t(nameOf(way))} · ${t("shell.name")}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  // The focus moves when the page does
  useEffect(() => {
    if (isFirst.current) isFirst.current = false;
    else main.current?.focus();
    document.querySelector('.ways [aria-current="page"]')?.scrollIntoView({ block: "nearest" });
    scrollTo(0, 0);
  }, [way.page]);
  return (
    <main id="content" class="content" tabIndex={-1} ref={main}>
      <Guard key={way.page}>
        <way.show rest={place.value.rest} />
      </Guard>
    </main>
  );
}
