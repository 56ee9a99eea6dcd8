// What waits for a second person, with all one has to see before agreeing; and negotiated transfers that wait for the exchange.
import type { ComponentChildren } from "preact";
import type { Page } from "../api";
import { grouped, moment, money, serials } from "../format";
import { word as named, t } from "../i18n";
import { Fact, Facts } from "../parts/facts";
import { Panel } from "../parts/panel";
import { Answered, Nothing } from "../parts/states";
import { Table } from "../parts/table";
import { session } from "../session";
import { ActButton, may } from "./doing";
import { code, figure, text, time, useLook } from "./looking";
import {
  type Approval,
  type Break,
  type CashBreak,
  type Claim,
  desk,
  type Parked,
  type UnderReview,
} from "./shapes";

export function ApprovalsSection() {
  const waiting = useLook<Page<Approval>>(desk("approvals"));
  const review = useLook<Page<UnderReview>>(
    may("operate", "supervise") ? desk("negotiated-transfers") : null,
  );
  return (
    <>
      <Panel title={t("approvals.title")}>
        <Answered remote={waiting}>
          {(found) =>
            found.items.length === 0 ? (
              <Nothing>{t("approvals.none")}</Nothing>
            ) : (
              <ul class="waiting">
                {found.items.map((approval) => (
                  <Waiting key={approval.id} approval={approval} />
                ))}
              </ul>
            )
          }
        </Answered>
      </Panel>
      {review.answer !== null && review.answer.items.length > 0 && <Review found={review.answer.items} />}
    </>
  );
}

function Waiting({ approval }: { approval: Approval }) {
  const isOwn = approval.operator === session.value?.participant;
  const name = named("act", approval.act);
  const said = <Said approval={approval} />;
  return (
    <li aria-label={t("approvals.one", { act: name, id: approval.id })}>
      <h3>
        {name} <span class="small">{t("approvals.number", { id: approval.id })}</span>
      </h3>
      {said}
      {isOwn && <p class="small">{t("approvals.own")}</p>}
      <div class="ways-row">
        <ActButton
          name={t("approvals.approve")}
          of={approval.id}
          needs="approve"
          kind="first"
          path={desk(`approvals/${approval.id}/approve`)}
          asksWhy={false}
          isDisabled={isOwn}
          about={
            <>
              <p>
                <b>{name}</b>
              </p>
              {said}
            </>
          }
          said={() =>
            isAccess(approval)
              ? t("approvals.permitted", { act: name, operator: approval.operator })
              : t("approvals.approved", { act: name })
          }
        />
        <ActButton
          name={t("approvals.decline")}
          of={approval.id}
          needs="approve"
          path={desk(`approvals/${approval.id}/decline`)}
          said={() => t("approvals.declined", { act: name })}
        />
      </div>
    </li>
  );
}

/** What about access is done by who asked for it, once another has agreed. */
function isAccess(approval: Approval): boolean {
  return ["issue_key", "add_person", "reset_person", "enable_person"].includes(approval.act);
}

export function Said({ approval }: { approval: Approval }) {
  return (
    <>
      <Facts>
        {approval.details.map((detail) => (
          <Fact key={`${detail.name} ${detail.value}`} name={named("detail", detail.name)}>
            {valueText(detail.name, detail.value)}
          </Fact>
        ))}
        <Fact name={t("approvals.operator")}>{approval.operator}</Fact>
        <Fact name={t("approvals.since")}>{moment(approval.requested_at)}</Fact>
        <Fact name={t("act.reason")}>{approval.reason}</Fact>
      </Facts>
      <Background approval={approval} />
    </>
  );
}

/** Names of our own by their words; names of others, such as an account's, as they stand. */
function valueText(name: string, value: string): string {
  switch (name) {
    case "until":
    case "expires_at":
      return moment(value);
    case "approved":
    case "emergency":
    case "remove_totp":
      return named("value", value);
    case "decision":
      return named("decision", value);
    case "scope":
      return named("scope_of", value);
    case "actions":
    case "scopes":
      return named("scope", value);
    default:
      return value;
  }
}

/** What the act names by its number alone, told in full. */
function Background({ approval }: { approval: Approval }) {
  const number = approval.details.find((detail) => ["break", "trade", "claim"].includes(detail.name))?.value;
  switch (approval.act) {
    case "resolve_break":
      return (
        <One<Break> path={desk("breaks?state=open&limit=500")} is={(one) => one.id === number}>
          {(one) => [
            [t("breaks.kind"), named("break_kind", one.kind)],
            [t("column.account"), one.account ?? one.registry_account],
            [t("column.lot"), one.lot],
            [t("breaks.only_here"), serials(one.only_here)],
            [t("breaks.only_there"), serials(one.only_there)],
            [t("breaks.detail"), one.detail],
          ]}
        </One>
      );
    case "settle_cash_break":
      return (
        <One<CashBreak> path={desk("cash-breaks?state=open&limit=500")} is={(one) => one.id === number}>
          {(one) => [
            [t("breaks.kind"), named("cash_kind", one.kind)],
            [t("column.account"), one.account],
            [t("money.here"), money(one.here)],
            [t("money.there"), money(one.there)],
            [t("money.reference"), one.bank_reference],
          ]}
        </One>
      );
    case "unwind_delivery":
    case "retry_deliveries":
      return (
        <One<Parked> path={desk("deliveries/parked")} is={(one) => one.trade === number}>
          {(one) => [
            [t("settlement.seller"), one.seller],
            [t("settlement.buyer"), one.buyer],
            [t("settlement.why"), one.refusal?.text ?? one.code],
          ]}
        </One>
      );
    case "decide_claim":
      return (
        <One<Claim> path={desk("corrections/claims?limit=500")} is={(one) => one.id === number}>
          {(one) => [
            [t("settlement.against"), one.against],
            [t("column.lot"), one.lot],
            [t("column.serials"), serials(one.serials)],
            [t("column.quantity"), grouped(one.quantity)],
          ]}
        </One>
      );
    default:
      return null;
  }
}

function One<Item>({
  path,
  is,
  children,
}: {
  path: string;
  is: (item: Item) => boolean;
  children: (item: Item) => readonly (readonly [string, ComponentChildren])[];
}) {
  const found = useLook<Page<Item>>(may("operate", "supervise") ? path : null).answer?.items.find(is);
  if (found === undefined) return null;
  return (
    <Facts>
      {children(found)
        .filter(([, value]) => value !== null && value !== "")
        .map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
    </Facts>
  );
}

function Review({ found }: { found: readonly UnderReview[] }) {
  return (
    <Panel title={t("review.title")}>
      <Table
        caption={t("review.title")}
        rows={found}
        keyOf={(one) => one.id}
        columns={[
          code<UnderReview>("id", t("column.number"), (one) => one.id),
          code<UnderReview>("listing", t("column.listing"), (one) => one.listing),
          text<UnderReview>("seller", t("settlement.seller"), (one) => one.seller),
          text<UnderReview>("buyer", t("settlement.buyer"), (one) => one.buyer),
          figure<UnderReview>("price", t("column.price"), (one) => grouped(one.price)),
          figure<UnderReview>("quantity", t("column.quantity"), (one) => grouped(one.quantity)),
          figure<UnderReview>("amount", t("review.amount"), (one) => money(one.amount)),
          time<UnderReview>("filed", t("review.filed"), (one) => one.filed_at),
          ...(may("operate")
            ? [
                {
                  name: "act",
                  title: t("column.act"),
                  isAct: true,
                  cell: (one: UnderReview) => (
                    <ActButton
                      name={t("review.decide")}
                      of={one.id}
                      kind="quiet act"
                      path={desk(`negotiated-transfers/${one.id}/review`)}
                      wanted={[
                        {
                          name: "decision",
                          label: t("review.decision"),
                          kind: "choice",
                          options: ["approve", "refuse"].map((value) => ({
                            value,
                            label: named("decision", value),
                          })),
                        },
                      ]}
                    />
                  ),
                },
              ]
            : []),
        ]}
      />
    </Panel>
  );
}
