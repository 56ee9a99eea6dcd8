// The calendar and the rule book in operators' hands: days announced, codes admitted, changes that wait for their day, and entering new ones.

import { useState } from "preact/hooks";
import type { Page } from "../api";
import { inShanghai, listOf } from "../format";
import { t } from "../i18n";
import { marketMs } from "../market/store";
import { RuleTable } from "../pages/rules";
import { Panel } from "../parts/panel";
import { Answered, Nothing } from "../parts/states";
import { link } from "../router";
import { ActButton, plain } from "./doing";
import { AdoptAct, ListingsPanel } from "./listings";
import { useLook } from "./looking";
import { type CalendarDay, desk, type RuleBook } from "./shapes";

const DAY_MS = 86_400_000;

export function RulesSection() {
  const rules = useLook<RuleBook>("/v1/rules");
  return (
    <>
      <Calendar />
      <ListingsPanel />
      <Panel title={t("rulebook.pending")} aside={<AdoptAct />}>
        <Answered remote={rules}>
          {(found) =>
            found.upcoming.length === 0 ? (
              <Nothing>{t("rulebook.none")}</Nothing>
            ) : (
              <RuleTable rules={found.upcoming} caption={t("rulebook.pending")} />
            )
          }
        </Answered>
        {rules.answer !== null && (
          <p class="small">
            {t("rulebook.version", { n: rules.answer.version, rules: rules.answer.items.length })}{" "}
            <a href={link("rules")}>{t("rulebook.in_force")}</a>
          </p>
        )}
      </Panel>
    </>
  );
}

/** The day at that many milliseconds since 1970, in Shanghai. */
function dayAt(ms: number): string {
  return inShanghai(ms).slice(0, 10);
}

function Calendar() {
  // The month that is shown begins with the week we are in when the desk is opened.
  const [from] = useState(() => (marketMs.peek() ?? Date.now()) - 7 * DAY_MS);
  const days = useLook<Page<CalendarDay>>(`/v1/calendar?from=${dayAt(from)}&to=${dayAt(from + 34 * DAY_MS)}`);
  return (
    <Panel title={t("calendar.title")} aside={<AnnounceAct />}>
      <Answered remote={days}>
        {(found) => (
          <ul class="days" aria-label={t("calendar.title")}>
            {found.items.map((day) => (
              <li key={day.date} class={day.trading_day ? "day-trading" : "day-free"}>
                <span class="figures">{day.date.slice(5)}</span>{" "}
                <span class="small">
                  {!day.announced
                    ? t("calendar.unknown")
                    : day.trading_day
                      ? t("calendar.trading")
                      : t("calendar.free")}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </Panel>
  );
}

function AnnounceAct() {
  return (
    <ActButton
      name={t("calendar.announce")}
      path={desk("calendar")}
      asksWhy={false}
      about={<p>{t("calendar.about")}</p>}
      wanted={[
        { name: "first_day", label: t("calendar.first"), kind: "date" },
        { name: "last_day", label: t("calendar.last"), kind: "date" },
        {
          name: "closed",
          label: t("calendar.closed"),
          kind: "long",
          isOptional: true,
          hint: t("calendar.closed_hint"),
          at: "/trading_days",
        },
        { name: "source", label: t("rules.source") },
      ]}
      body={(given) => {
        const { closed = "", ...rest } = plain(given);
        const days = daysOf(rest["first_day"] ?? "", rest["last_day"] ?? "");
        return { ...rest, trading_days: openDays(days, listOf(closed)) };
      }}
    />
  );
}

/** With more days than the exchange takes at once, so that a longer period is refused and not cut short. */
const DAYS_MOST = 2_000;

/** Every day of a period, both ends included. */
function daysOf(first: string, last: string): string[] {
  const days: string[] = [];
  for (let ms = Date.parse(first); ms <= Date.parse(last) && days.length < DAYS_MOST; ms += DAY_MS) {
    days.push(new Date(ms).toISOString().slice(0, 10));
  }
  return days;
}

/** Every Monday to Friday among the days but those named. What names no day of them stays, to be refused in words. */
function openDays(days: readonly string[], closed: readonly string[]): string[] {
  const weekdays = days.filter((day) => new Date(day).getUTCDay() % 6 !== 0);
  return [...weekdays.filter((day) => !closed.includes(day)), ...closed.filter((day) => !days.includes(day))];
}
