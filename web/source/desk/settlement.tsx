// What did not settle by itself: parked deliveries, trades to be undone, and corrected units (Art. 22) claimed or on their way out.
import { useState } from "preact/hooks";
import type { Page, Trade } from "../api";
import { grouped, moment, serials } from "../format";
import { word as named, t } from "../i18n";
import { listings, tradesOf } from "../market/store";
import { Fact, Facts } from "../parts/facts";
import { Paged } from "../parts/paged";
import { Choice, Panel } from "../parts/panel";
import { Answered, Asking, Nothing } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { ActButton, turn } from "./doing";
import { code, figure, text, time, useLook, withActs, words } from "./looking";
import { type Claim, desk, type Parked, type Removal } from "./shapes";

export function SettlementSection() {
  return (
    <>
      <ParkedPanel />
      <BustPanel />
      <ClaimsPanel />
      <RemovalsPanel />
    </>
  );
}

function ParkedPanel() {
  const parked = useLook<Page<Parked>>(desk("deliveries/parked"));
  const count = parked.answer?.items.length ?? 0;
  return (
    <Panel
      title={t("parked.title")}
      aside={
        <span class="beside">
          <ActButton
            name={t("parked.retry_all")}
            path={desk("deliveries/retry")}
            isDisabled={count === 0}
            about={<p>{t("parked.retry_about", { n: count })}</p>}
          />
          <ActButton
            name={t("parked.retry_retirement")}
            kind="quiet act"
            path={(given) =>
              desk(`retirements/${encodeURIComponent((given["retirement"] ?? "").trim())}/retry`)
            }
            wanted={[{ name: "retirement", label: t("parked.retirement") }]}
            body={(given) => ({ reason: given["reason"] ?? "" })}
          />
        </span>
      }
    >
      <p class="small">{t("parked.lead")}</p>
      <Answered remote={parked}>
        {(found) =>
          found.items.length === 0 ? (
            <Nothing>{t("parked.none")}</Nothing>
          ) : (
            <ParkedTable found={found.items} />
          )
        }
      </Answered>
    </Panel>
  );
}

function ParkedTable({ found }: { found: readonly Parked[] }) {
  const columns: Column<Parked>[] = [
    code("trade", t("settlement.trade"), (one) => one.trade),
    code("seller", t("settlement.seller"), (one) => one.seller),
    code("buyer", t("settlement.buyer"), (one) => one.buyer),
    {
      name: "why",
      title: t("settlement.why"),
      cell: (one) => (
        <span class="words">
          {one.refusal?.text ?? ""} <code>{one.code}</code>
        </span>
      ),
    },
    time("since", t("column.since"), (one) => one.since),
  ];
  withActs(columns, (one) => (
    <span class="acts">
      <ActButton
        name={t("parked.retry")}
        of={one.trade}
        kind="quiet act"
        path={desk("deliveries/retry")}
        body={(given) => ({ trades: [one.trade], reason: given["reason"] ?? "" })}
      />
      <ActButton
        name={t("parked.unwind")}
        of={one.trade}
        kind="quiet act"
        path={desk(`deliveries/${one.trade}/unwind`)}
        typed={one.trade}
        about={<p>{t("parked.unwind_about", { seller: one.seller, buyer: one.buyer })}</p>}
      />
    </span>
  ));
  return <Table caption={t("parked.title")} rows={found} keyOf={(one) => one.trade} columns={columns} />;
}

const LATEST = 10;

function BustPanel() {
  const found = listings.value;
  const [chosen, choose] = useState<string | null>(null);
  const listing = chosen ?? found?.[0]?.listing ?? null;
  const trades = listing === null ? null : tradesOf(listing).value;
  return (
    <Panel
      title={t("bust.title")}
      aside={
        <span class="beside">
          {found !== null && found.length > 1 && listing !== null && (
            <Choice
              label={t("column.listing")}
              values={found.map((one) => one.listing)}
              chosen={listing}
              named={(value) => value}
              choose={choose}
            />
          )}
          <ActButton
            name={t("bust.by_number")}
            path={(given) => desk(`trades/${encodeURIComponent((given["trade"] ?? "").trim())}/bust`)}
            wanted={[{ name: "trade", label: t("settlement.trade"), inputMode: "numeric" }]}
            typed={(given) => (given["trade"] ?? "").trim()}
            about={<p>{t("bust.about")}</p>}
            body={(given) => ({ reason: given["reason"] ?? "" })}
          />
        </span>
      }
    >
      {trades === null ? (
        <Asking />
      ) : trades.length === 0 ? (
        <Nothing>{t("trades.none")}</Nothing>
      ) : (
        <TradesTable found={trades.slice(0, LATEST)} />
      )}
    </Panel>
  );
}

function TradesTable({ found }: { found: readonly Trade[] }) {
  const columns: Column<Trade>[] = [
    code("id", t("settlement.trade"), (one) => one.id),
    time("time", t("column.time"), (one) => one.time),
    figure("price", t("column.price"), (one) => grouped(one.price)),
    figure("quantity", t("column.quantity"), (one) => grouped(one.quantity)),
    text("state", t("column.state"), (one) => (one.busted ? t("settlement.busted") : t("bust.valid"))),
  ];
  withActs(columns, (one) => (
    <ActButton
      name={t("bust.bust")}
      of={one.id}
      kind="quiet act"
      path={desk(`trades/${one.id}/bust`)}
      typed={one.id}
      isDisabled={one.busted}
      about={
        <>
          <p>{t("bust.about")}</p>
          <Facts>
            <Fact name={t("column.listing")}>{one.listing}</Fact>
            <Fact name={t("column.time")}>{moment(one.time)}</Fact>
            <Fact name={t("column.price")}>{grouped(one.price)}</Fact>
            <Fact name={t("column.quantity")}>{grouped(one.quantity)}</Fact>
          </Facts>
        </>
      }
    />
  ));
  return <Table caption={t("bust.title")} rows={found} keyOf={(one) => one.id} columns={columns} />;
}

function ClaimsPanel() {
  const columns: Column<Claim>[] = [
    code("id", t("column.number"), (one) => one.id),
    text("state", t("column.state"), (one) => named("claim_state", one.state)),
    code("against", t("settlement.against"), (one) => one.against),
    code("lot", t("column.lot"), (one) => one.lot),
    text("serials", t("column.serials"), (one) => serials(one.serials)),
    figure("quantity", t("column.quantity"), (one) => grouped(one.quantity)),
    words("reason", t("act.reason"), (one) => one.reason),
    time("opened", t("column.since"), (one) => one.opened_at),
    words("decided", t("claims.decided"), (one) =>
      one.decided === null
        ? null
        : t("column.by", {
            what: named("decision", one.decided.decision),
            operator: one.decided.operator,
            reason: one.decided.reason,
          }),
    ),
  ];
  withActs(columns, (one) =>
    one.state === "open" || one.state === "frozen" ? (
      <ActButton
        name={t("claims.decide")}
        of={one.id}
        kind="quiet act"
        path={desk(`corrections/claims/${one.id}/decide`)}
        typed={one.id}
        wanted={[
          {
            name: "decision",
            label: t("review.decision"),
            kind: "choice",
            options: ["dismiss", "compensate", "freeze", "remove"].map((value) => ({
              value,
              label: named("decision", value),
            })),
          },
        ]}
      />
    ) : (
      "–"
    ),
  );
  return (
    <Panel title={t("claims.title")}>
      <Paged<Claim>
        path={desk("corrections/claims?limit=50")}
        turn={turn.value}
        caption={t("claims.title")}
        columns={columns}
        keyOf={(one) => one.id}
        none={t("claims.none")}
      />
    </Panel>
  );
}

function RemovalsPanel() {
  const columns: Column<Removal>[] = [
    code("id", t("column.number"), (one) => one.id),
    text("state", t("column.state"), (one) => named("removal_state", one.state)),
    code("account", t("column.account"), (one) => one.account),
    code("lot", t("column.lot"), (one) => one.lot),
    text("serials", t("column.serials"), (one) => serials(one.serials)),
    figure("quantity", t("column.quantity"), (one) => grouped(one.quantity)),
    words("reason", t("act.reason"), (one) => one.refusal?.text ?? one.reason),
    time("opened", t("column.since"), (one) => one.opened_at),
  ];
  withActs(columns, (one) =>
    one.state === "refused" ? (
      <ActButton
        name={t("parked.retry")}
        of={one.id}
        kind="quiet act"
        path={desk(`corrections/removals/${one.id}/retry`)}
      />
    ) : (
      "–"
    ),
  );
  return (
    <Panel title={t("removals.title")}>
      <Paged<Removal>
        path={desk("corrections/removals?limit=50")}
        turn={turn.value}
        caption={t("removals.title")}
        columns={columns}
        keyOf={(one) => one.id}
        none={t("removals.none")}
      />
    </Panel>
  );
}
