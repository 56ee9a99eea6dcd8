// Negotiated transfers: what waits for an answer, one's own proposals, what has ended; one of them in full, or a new one.
import { useState } from "preact/hooks";
import type { RulesAnswer } from "../api";
import { grouped, money } from "../format";
import { t } from "../i18n";
import { changedAt, Detail, State } from "../negotiated/detail";
import { Filing } from "../negotiated/filing";
import { counterpartyOf, limitsOf, PATH, sideOf, type Transfer } from "../negotiated/transfers";
import { AccountChoice } from "../parts/account_choice";
import { Paged } from "../parts/paged";
import { Choice, Panel } from "../parts/panel";
import { SignedIn } from "../parts/signed_in";
import type { Column } from "../parts/table";
import { useRemote } from "../remote";
import { link } from "../router";
import { acting, ofAccount } from "../session";
import { eventTurn, news } from "../trader/store";

const BOXES = ["in", "out", "all", "offers"] as const;
type Box = (typeof BOXES)[number];

const QUERY: Record<Box, string> = {
  in: "?box=in&state=open&limit=20",
  out: "?box=out&state=open&limit=20",
  all: "?limit=20",
  offers: "?box=offers&limit=20",
};

export function NegotiatePage({ rest }: { rest: readonly string[] }) {
  return (
    <SignedIn needs={["negotiate"]} withAccount>
      {() => (
        <>
          <h1>{t("nav.negotiate")}</h1>
          <p class="lead">{t("negotiated.lead")}</p>
          <AccountChoice action="negotiate" />
          <p class="news" role="status" aria-live="polite">
            {news.value}
          </p>
          {rest[0] === "new" ? (
            <Filing key={acting.value} />
          ) : rest[0] !== undefined ? (
            <Detail key={rest[0]} id={rest[0]} />
          ) : (
            <Boxes />
          )}
        </>
      )}
    </SignedIn>
  );
}

function Boxes() {
  const [box, setBox] = useState<Box>("in");
  const { answer: rules } = useRemote<RulesAnswer>("/v1/rules");
  const allowsOffers = rules !== null && limitsOf(rules.items).allowsOffers;
  return (
    <Panel
      title={t(`negotiated.box_${box}`)}
      aside={
        <div class="chart-choices">
          <Choice
            label={t("negotiated.boxes")}
            values={BOXES.filter((one) => one !== "offers" || allowsOffers)}
            chosen={box}
            named={(one) => t(`negotiated.box_${one}`)}
            choose={setBox}
          />
          <a class="button first" href={link("negotiate", "new")}>
            {t("negotiated.file")}
          </a>
        </div>
      }
    >
      <Paged<Transfer>
        path={ofAccount(PATH + QUERY[box])}
        turn={eventTurn.value}
        caption={t(`negotiated.box_${box}`)}
        none={t("negotiated.none")}
        keyOf={(transfer) => transfer.id}
        columns={columns(acting.value)}
      />
    </Panel>
  );
}

function columns(me: string | null): Column<Transfer>[] {
  return [
    {
      name: "id",
      title: t("negotiated.number"),
      cell: (transfer) => (
        <a href={link("negotiate", transfer.id)} aria-label={t("negotiated.open_one", { id: transfer.id })}>
          {transfer.id}
        </a>
      ),
    },
    {
      name: "state",
      title: t("negotiated.state"),
      cell: (transfer) => <State of={transfer} me={me} />,
    },
    {
      name: "listing",
      title: t("column.listing"),
      cell: (transfer) => <span class="code">{transfer.listing}</span>,
    },
    {
      name: "side",
      title: t("negotiated.my_side"),
      cell: (transfer) => {
        const side = sideOf(transfer, me);
        return <span class={side === "buy" ? "up" : "down"}>{t(`side.${side}`)}</span>;
      },
    },
    {
      name: "counterparty",
      title: t("negotiated.counterparty"),
      cell: (transfer) => counterpartyOf(transfer, me) ?? t("negotiated.anybody"),
    },
    { name: "price", title: t("column.price"), isFigure: true, cell: (transfer) => grouped(transfer.price) },
    {
      name: "quantity",
      title: t("column.quantity"),
      isFigure: true,
      cell: (transfer) => grouped(transfer.quantity),
    },
    { name: "amount", title: t("fills.amount"), isFigure: true, cell: (transfer) => money(transfer.amount) },
    { name: "round", title: t("negotiated.round"), isFigure: true, cell: (transfer) => transfer.round },
    {
      name: "changed",
      title: t("negotiated.last_change"),
      cell: (transfer) => <span class="figures">{changedAt(transfer)}</span>,
    },
  ];
}
