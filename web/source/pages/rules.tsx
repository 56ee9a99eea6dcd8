// The rule book in force, or as it stood at any moment, each value with the source it was taken from and how sure it is.
import { useId, useState } from "preact/hooks";
import type { Rule, RulesAnswer } from "../api";
import { grouped, moment, yuanText } from "../format";
import { half, word as named, t } from "../i18n";
import { rate } from "../market/facts";
import { Panel } from "../parts/panel";
import { Answered, Nothing } from "../parts/states";
import { Table } from "../parts/table";
import { useRemote } from "../remote";

export function RulesPage() {
  const [day, setDay] = useState("");
  const id = useId();
  const remote = useRemote<RulesAnswer>(
    day === "" ? "/v1/rules" : `/v1/rules?at=${encodeURIComponent(`${day}T23:59:59.000000+08:00`)}`,
  );
  return (
    <>
      <h1>{t("nav.rules")}</h1>
      <p class="lead">{t("rules.lead")}</p>
      <Panel
        title={t("rules.in_force")}
        aside={
          <span class="beside">
            <label for={id}>{t("rules.at")}</label>
            <input
              id={id}
              type="date"
              min="2023-01-01"
              value={day}
              onInput={(event) => setDay(event.currentTarget.value)}
            />
          </span>
        }
      >
        <Answered remote={remote}>
          {(rules) =>
            rules.items.length === 0 ? (
              <Nothing>{t("rules.none")}</Nothing>
            ) : (
              <RuleTable rules={rules.items} caption={t("rules.in_force")} />
            )
          }
        </Answered>
      </Panel>
      {remote.answer !== null && remote.answer.upcoming.length > 0 && (
        <Panel title={t("rules.upcoming")}>
          <RuleTable rules={remote.answer.upcoming} caption={t("rules.upcoming")} />
        </Panel>
      )}
    </>
  );
}

export function RuleTable({ rules, caption }: { rules: readonly Rule[]; caption: string }) {
  return (
    <Table
      caption={caption}
      rows={rules}
      keyOf={(rule) => `${rule.parameter}/${rule.listing}/${rule.effective_from}`}
      columns={[
        {
          name: "rule",
          title: t("rules.rule"),
          cell: (rule) => (
            <>
              {named("rule", rule.parameter)}
              {rule.listing !== null && <span class="small code"> {rule.listing}</span>}
            </>
          ),
        },
        {
          name: "value",
          title: t("rules.value"),
          cell: (rule) => <b class="rule-value">{valueText(rule)}</b>,
        },
        {
          name: "from",
          title: t("rules.from"),
          cell: (rule) => <span class="figures">{moment(rule.effective_from).slice(0, 10)}</span>,
        },
        {
          name: "certainty",
          title: t("rules.certainty"),
          cell: (rule) => (
            <span class={`badge certainty-${rule.certainty}`}>{named("certainty", rule.certainty)}</span>
          ),
        },
        {
          name: "source",
          title: t("rules.source"),
          cell: (rule) => <span class="source">{half(rule.source)}</span>,
        },
      ]}
    />
  );
}

/** Every name in a value by its word, the rest as it stands: "listed 09:30-11:30; break 11:30-13:00". */
function listText(value: string): string {
  return value.replace(/[a-z][a-z_]*[a-z]/g, (name) => {
    for (const kind of ["value", "phase", "purpose"]) {
      const found = named(kind, name);
      if (found !== name) return found;
    }
    return name;
  });
}

/** The value in the unit its parameter's name ends in. */
function valueText(rule: Rule): string {
  const { parameter, value } = rule;
  if (typeof value === "string") return value === "" ? t("rules.empty") : listText(value);
  const unit = parameter.slice(parameter.lastIndexOf("_") + 1);
  switch (unit) {
    case "fen":
      return `${yuanText(value)} ${t("unit.yuan")}`;
    case "tonnes":
      return `${grouped(String(value))} ${t("unit.t")}`;
    case "points":
      return `${yuanText(value)}%`;
    case "ppm":
      return rate(value);
    case "s":
      return t("unit.seconds", { n: grouped(String(value)) });
    default:
      return grouped(String(value));
  }
}
