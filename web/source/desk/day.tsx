// The trading day: its phase and clock, opening, the close with its steps and why it waits, and halts of listings.
import { useCallback } from "preact/hooks";
import type { Listing } from "../api";
import { grouped, inShanghai, moment } from "../format";
import { word as named, t } from "../i18n";
import { failure, listings, marketMs, setClock } from "../market/store";
import { Fact, Facts } from "../parts/facts";
import { momentOf } from "../parts/givens";
import { Panel } from "../parts/panel";
import { Answered, Asking, Failure } from "../parts/states";
import { Table } from "../parts/table";
import { useEvery } from "../remote";
import { link } from "../router";
import { ActButton, may, plain } from "./doing";
import { useLook } from "./looking";
import {
  type Close,
  type CloseStep,
  type Day,
  desk,
  isOperator,
  type Parked,
  type Readiness,
  type RegistryLine,
} from "./shapes";

const CLOSING_MS = 1_000;
const QUIET_MS = 5_000;
/** A supervisor's looks are written down, so that the page looks seldom by itself. */
const LOOKING_MS = 30_000;

export function DaySection() {
  const day = useLook<Day>(desk("day"));
  const ready = useLook<Readiness>("/readyz");
  const isClosing = day.answer?.close?.state === "running";
  useEvery(day.again, isOperator() ? (isClosing ? CLOSING_MS : QUIET_MS) : LOOKING_MS);
  return (
    <>
      <Panel
        title={t("day.title")}
        aside={
          day.answer !== null && (
            <span class="beside">
              {day.answer.clock === "manual" && <ClockAct />}
              <DayActs day={day.answer} />
            </span>
          )
        }
      >
        <Answered remote={day}>
          {(found) => (
            <Facts>
              <Fact name={t("day.trading_day")}>{found.trading_day ?? t("day.none")}</Fact>
              <Fact name={t("day.phase")}>{named("phase", found.phase)}</Fact>
              <Fact name={t("day.calendar")}>{found.calendar_until ?? t("day.none")}</Fact>
              {found.clock === "manual" && <Fact name={t("day.clock")}>{t("day.clock_manual")}</Fact>}
              <Fact name={t("day.queue")}>{ready.answer?.queue ?? "–"}</Fact>
              <Fact name={t("day.position")}>
                {ready.answer === null ? "–" : grouped(String(ready.answer.position))}
              </Fact>
              <Fact name={t("day.registry")}>
                {ready.answer === null
                  ? "–"
                  : ready.answer.registry
                    ? t("registry.answers")
                    : t("registry.silent")}
              </Fact>
            </Facts>
          )}
        </Answered>
        {day.answer?.calendar_ends_soon === true && (
          <p class="warning">
            {day.answer.calendar_until === null
              ? t("day.calendar_over")
              : t("day.calendar_soon", {
                  day: day.answer.calendar_until,
                  n: day.answer.calendar_days_left,
                })}{" "}
            {isOperator() && <a href={link("desk", "rules")}>{t("calendar.announce")}</a>}
          </p>
        )}
        {ready.error !== null && <Failure error={ready.error} again={ready.again} />}
      </Panel>
      {day.answer?.close != null && <ClosePanel close={day.answer.close} />}
      <HaltsPanel />
    </>
  );
}

/** Steps of a close that only the registry can bring further. */
const WAITS_FOR_REGISTRY = ["registry", "reconcile"];

/** Where the exchange was started with a clock that stands until it is moved: for rehearsals. */
function ClockAct() {
  const nowMs = marketMs.peek();
  return (
    <ActButton
      name={t("day.set_clock")}
      path={desk("clock")}
      asksWhy={false}
      about={<p>{t("day.set_clock_about")}</p>}
      wanted={[
        {
          name: "now",
          label: t("day.set_clock_to"),
          kind: "moment",
          ...(nowMs !== null && { begin: inShanghai(nowMs) }),
        },
      ]}
      body={(given) => ({ now: momentOf(given["now"] ?? "") })}
      // What is asked for next carries a deadline by this clock.
      after={(answer) => setClock(Date.parse(String(answer["time"])) * 1_000)}
      said={(answer) => t("day.clock_set", { at: moment(String(answer["time"])) })}
    />
  );
}

function DayActs({ day }: { day: Day }) {
  const isUnderWay = day.close?.state === "running";
  if (day.trading_day === null || day.phase === "closed") {
    return (
      <ActButton
        name={t("day.open")}
        kind="first"
        path={desk("day/open")}
        asksWhy={false}
        wanted={[
          {
            name: "trading_day",
            label: t("day.trading_day"),
            kind: "date",
            isOptional: true,
            hint: t("day.open_hint"),
          },
        ]}
      />
    );
  }
  if (day.close?.steps.some((step) => step.state === "running" && WAITS_FOR_REGISTRY.includes(step.name))) {
    return (
      <ActButton
        name={t("act.go_on_without_registry")}
        path={desk("day/go-on-without-registry")}
        typed={day.trading_day}
        about={<p>{t("day.go_on_about")}</p>}
      />
    );
  }
  return (
    <ActButton
      name={t("day.close")}
      path={desk("day/close")}
      isDisabled={isUnderWay}
      typed={day.trading_day}
      asksWhy={false}
      about={<p>{t("day.close_about")}</p>}
      wanted={[
        {
          name: "reason",
          label: t("act.reason"),
          kind: "long",
          isOptional: true,
          hint: t("day.close_hint"),
        },
      ]}
      // The day that was read, not the one that may have begun since.
      body={(given) => ({ ...plain(given), trading_day: day.trading_day })}
      said={() => t("day.close_begun")}
    />
  );
}

const SIGN = { waiting: "○", running: "◐", done: "●" } as const;

function ClosePanel({ close }: { close: Close }) {
  const at = close.steps.findIndex((step) => step.state !== "done");
  const step = close.steps[at];
  const said =
    step === undefined
      ? t("close.done", { day: close.trading_day })
      : t("close.at", {
          n: at + 1,
          of: close.steps.length,
          step: named("step", step.name),
          done: step.done,
          total: step.total,
        });
  return (
    <Panel title={t("close.title", { day: close.trading_day })} class="close-panel">
      <p class="close-said" role="status" aria-live="polite">
        <b>{said}</b>
      </p>
      {close.operator !== null && (
        <p class="small">
          {close.reason === null
            ? t("close.by", { operator: close.operator })
            : t("close.by_why", { operator: close.operator, reason: close.reason })}
        </p>
      )}
      {close.breaks !== null && close.breaks > 0 && (
        <p class="warning">{t("close.breaks", { n: close.breaks })}</p>
      )}
      {close.state === "running" && <Waits step={step} />}
      <Table
        isDense
        caption={t("close.steps")}
        rows={close.steps}
        keyOf={(one) => one.name}
        columns={[
          {
            name: "step",
            title: t("close.step"),
            cell: (one) => `${close.steps.indexOf(one) + 1}. ${named("step", one.name)}`,
          },
          {
            name: "state",
            title: t("column.state"),
            cell: (one) => (
              <span class={`step-${one.state}`}>
                <span aria-hidden="true">{SIGN[one.state]}</span> {named("step_state", one.state)}
              </span>
            ),
          },
          {
            name: "progress",
            title: t("close.progress"),
            cell: (one) => (
              <progress
                max={Math.max(one.total, 1)}
                value={one.state === "done" ? Math.max(one.total, 1) : one.done}
              >
                {one.done}
              </progress>
            ),
          },
          {
            name: "done",
            title: t("close.count"),
            isFigure: true,
            cell: (one) => `${grouped(String(one.done))} / ${grouped(String(one.total))}`,
          },
        ]}
      />
    </Panel>
  );
}

/** What the step at hand waits for, where it is not our own work. */
function Waits({ step }: { step: CloseStep | undefined }) {
  const line = useLook<RegistryLine>(desk("registry"));
  const parked = useLook<{ items: Parked[] }>(desk("deliveries/parked"));
  const again = useCallback(() => {
    line.again();
    parked.again();
  }, [line.again, parked.again]);
  useEvery(again, isOperator() ? CLOSING_MS * 2 : LOOKING_MS);
  const found = line.answer;
  if (found === null || step === undefined) return null;
  const reasons = [
    ...(step.name === "registry" && found.total.in_flight > 0
      ? [t("close.waits_registry", { n: found.total.in_flight })]
      : []),
    ...(found.circuit !== "closed" || !found.answers ? [t("close.waits_circuit")] : []),
    ...(found.unclear_count > 0 ? [t("close.waits_unclear", { n: found.unclear_count })] : []),
    ...(found.stopped.length > 0 ? [t("close.waits_stopped", { n: found.stopped.length })] : []),
    ...((parked.answer?.items.length ?? 0) > 0
      ? [t("close.parked", { n: parked.answer?.items.length ?? 0 })]
      : []),
  ];
  if (reasons.length === 0) return null;
  return (
    <ul class="close-waits">
      {reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  );
}

function HaltsPanel() {
  const found = listings.value;
  const isHalted = found?.some((listing) => listing.halt?.scope === "market") ?? false;
  return (
    <Panel
      title={t("halts.title")}
      aside={
        isHalted ? (
          <ActButton
            name={t("halts.resume_market")}
            path={desk("market/resume")}
            typed={t("halts.market")}
            said={() => t("halts.resumed", { of: t("halts.market") })}
          />
        ) : (
          <ActButton
            name={t("halts.halt_market")}
            path={desk("market/halt")}
            typed={t("halts.market")}
            about={<p>{t("halts.about")}</p>}
            said={() => t("halts.halted", { of: t("halts.market") })}
          />
        )
      }
    >
      {failure.value !== null && <Failure error={failure.value} />}
      {found === null ? <Asking /> : <HaltsTable found={found} />}
    </Panel>
  );
}

function HaltsTable({ found }: { found: readonly Listing[] }) {
  return (
    <Table
      caption={t("halts.title")}
      rows={found}
      keyOf={(listing) => listing.listing}
      columns={[
        {
          name: "listing",
          title: t("column.listing"),
          cell: (listing) => <span class="code">{listing.listing}</span>,
        },
        { name: "phase", title: t("day.phase"), cell: (listing) => named("phase", listing.phase) },
        {
          name: "state",
          title: t("column.state"),
          cell: (listing) =>
            listing.halt === null ? (
              t("halts.trades")
            ) : (
              <>
                <span class="badge halted">{t("listing.halted")}</span>{" "}
                <span class="small">
                  {t("halts.since", { since: moment(listing.halt.since), reason: listing.halt.reason })}
                </span>
              </>
            ),
        },
        ...(may("operate")
          ? [
              {
                name: "act",
                title: t("column.act"),
                isAct: true,
                cell: (listing: Listing) => <HaltAct listing={listing} />,
              },
            ]
          : []),
      ]}
    />
  );
}

function HaltAct({ listing }: { listing: Listing }) {
  const of = listing.listing;
  return listing.halt?.scope === "listing" ? (
    <ActButton
      name={t("halts.resume")}
      of={of}
      kind="quiet act"
      path={desk(`listings/${of}/resume`)}
      typed={of}
      said={() => t("halts.resumed", { of })}
    />
  ) : (
    <ActButton
      name={t("halts.halt")}
      of={of}
      kind="quiet act"
      path={desk(`listings/${of}/halt`)}
      typed={of}
      isDisabled={listing.halt !== null}
      about={<p>{t("halts.about")}</p>}
      said={() => t("halts.halted", { of })}
    />
  );
}
