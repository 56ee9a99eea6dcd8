// Compliance years with their caps, what the authority has verified of an entity, and accounts that may receive donations.
import { useState } from "preact/hooks";
import type { Page } from "../api";
import { grouped, listOf, moment } from "../format";
import { half, word as named, t } from "../i18n";
import { type Given, momentOf, type Wanted } from "../parts/givens";
import { Panel } from "../parts/panel";
import { Answered } from "../parts/states";
import { type Column, Table } from "../parts/table";
import type { Year } from "../uses/use";
import { ActButton, may, plain } from "./doing";
import { code, text, time, useLook, withActs, words } from "./looking";
import { desk } from "./shapes";

const BASES = ["verified_emissions", "issued_allowances"];
const ORIGINS = ["project", "scenario", "points_converted"];
const CERTAINTIES = ["official", "neighbour", "assumed", "demonstration"];

export function ComplianceSection() {
  const years = useLook<Page<Year>>("/v1/compliance-years");
  return (
    <>
      <Panel title={t("years.title")} aside={<AnnounceAct name={t("years.announce")} />}>
        <p class="small">{t("years.lead")}</p>
        <Answered remote={years}>
          {(found) => (
            <Table
              none={t("offset.no_year")}
              caption={t("years.title")}
              rows={found.items}
              keyOf={(one) => String(one.compliance_year)}
              columns={yearColumns()}
            />
          )}
        </Answered>
      </Panel>
      {may("authority") && <Filings />}
      {!may("authority") || may("operate", "supervise") ? <Welfare /> : null}
    </>
  );
}

function capText({ cap }: Year): string {
  if (cap === null) return t("offset.no_cap");
  const share = t("years.cap", { ratio: cap.ratio, base: named("cap_base", cap.base) });
  return `${share}${t(cap.enforcement === "hard" ? "offset.hard" : "offset.soft")}`;
}

function yearColumns(): Column<Year>[] {
  const columns: Column<Year>[] = [
    code("year", t("uses.year"), (one) => String(one.compliance_year)),
    time("opens", t("offset.opens"), (one) => one.opens),
    time("deadline", t("offset.deadline"), (one) => one.deadline),
    words("cap", t("offset.cap"), capText),
    words("limits", t("years.limits"), limitsText),
    time("from", t("rules.from"), (one) => one.effective_from),
    text("certainty", t("rules.certainty"), (one) => named("certainty", one.certainty)),
    words("source", t("rules.source"), (one) => half(one.source)),
  ];
  withActs(columns, (one) => (
    <AnnounceAct name={t("years.change")} of={String(one.compliance_year)} year={one} kind="quiet act" />
  ));
  return columns;
}

/** What may serve, as far as the year says more than the class does. */
function limitsText(one: Year): string | null {
  const parts = [
    ...(one.methodologies.length > 0 ? [one.methodologies.join(t("list.separator"))] : []),
    ...(one.period_from !== null || one.period_to !== null
      ? [`${one.period_from ?? ""} – ${one.period_to ?? ""}`]
      : []),
    ...one.origins.map((origin) => named("origin", origin)),
    ...one.exclusions.map((excluded) => t("years.excluded", { lot: excluded.lot, reason: excluded.reason })),
  ];
  return parts.length === 0 ? null : parts.join(t("list.separator"));
}

/** A year told for the first time, or a later version of one, which begins with what stands. */
function AnnounceAct({
  name,
  of,
  year,
  kind,
}: {
  name: string;
  of?: string;
  year?: Year;
  kind?: "quiet act";
}) {
  return (
    <ActButton
      name={name}
      {...(of !== undefined && { of })}
      {...(kind !== undefined && { kind })}
      path={desk("compliance-years")}
      asksWhy={false}
      about={<p>{t("years.about")}</p>}
      typed={(given) => (given["compliance_year"] ?? "").trim()}
      wanted={wantedOf(year)}
      body={bodyOf}
      said={(answer) => t("years.announced", { year: Number(answer["compliance_year"]) })}
    />
  );
}

function wantedOf(year?: Year): Wanted[] {
  const cap = year?.cap ?? null;
  return [
    {
      name: "compliance_year",
      label: t("uses.year"),
      inputMode: "numeric",
      ...(year !== undefined && { begin: String(year.compliance_year) }),
    },
    { name: "opens", label: t("offset.opens"), kind: "moment", begin: localOf(year?.opens) },
    { name: "deadline", label: t("offset.deadline"), kind: "moment", begin: localOf(year?.deadline) },
    {
      name: "cap_base",
      label: t("years.cap_base"),
      kind: "choice",
      at: "/cap",
      options: [
        { value: "", label: t("offset.no_cap") },
        ...BASES.map((value) => ({ value, label: named("cap_base", value) })),
      ],
      isOptional: true,
      begin: cap?.base ?? "",
    },
    {
      name: "cap_ratio",
      label: t("years.cap_ratio"),
      hint: t("years.cap_ratio_hint"),
      inputMode: "decimal",
      at: "/cap/ratio",
      isOptional: true,
      begin: cap?.ratio ?? "",
    },
    {
      name: "cap_enforcement",
      label: t("years.cap_enforcement"),
      kind: "choice",
      at: "/cap/enforcement",
      options: ["hard", "soft"].map((value) => ({ value, label: named("cap_enforcement", value) })),
      begin: cap?.enforcement ?? "hard",
    },
    {
      name: "joint_credits",
      label: t("years.joint_credits"),
      hint: t("years.joint_credits_hint"),
      at: "/cap/joint_credits",
      isOptional: true,
      begin: (cap?.joint_credits ?? []).join(", "),
    },
    {
      name: "methodologies",
      label: t("years.methodologies"),
      hint: t("years.methodologies_hint"),
      isOptional: true,
      begin: (year?.methodologies ?? []).join(", "),
    },
    {
      name: "period_from",
      label: t("years.period_from"),
      kind: "date",
      isOptional: true,
      begin: year?.period_from ?? "",
    },
    {
      name: "period_to",
      label: t("years.period_to"),
      kind: "date",
      isOptional: true,
      begin: year?.period_to ?? "",
    },
    {
      name: "origins",
      label: t("years.origins"),
      kind: "many",
      isOptional: true,
      options: ORIGINS.map((value) => ({ value, label: named("origin", value) })),
      hint: t("years.origins_hint"),
      begin: (year?.origins ?? []).join(","),
    },
    {
      name: "exclusions",
      label: t("years.exclusions"),
      kind: "long",
      isOptional: true,
      hint: t("years.exclusions_hint"),
      most: EXCLUSIONS_MOST,
      begin: (year?.exclusions ?? []).map((one) => `${one.lot} * ${one.reason}`).join("\n"),
    },
    { name: "effective_from", label: t("rules.from"), kind: "moment", isOptional: true },
    { name: "source", label: t("rules.source"), kind: "long" },
    {
      name: "certainty",
      label: t("rules.certainty"),
      kind: "choice",
      options: CERTAINTIES.map((value) => ({ value, label: named("certainty", value) })),
    },
  ];
}

const EXCLUSIONS_MOST = 40_000;

/** A moment as the exchange writes it, for the browser's field. */
function localOf(moment: string | undefined): string {
  return moment === undefined ? "" : moment.slice(0, 19);
}

function bodyOf(given: Given): object {
  const { period_from, period_to, source = "", effective_from: from = "" } = plain(given);
  const base = given["cap_base"] ?? "";
  return {
    compliance_year: Number(given["compliance_year"]),
    opens: momentOf(given["opens"] ?? ""),
    deadline: momentOf(given["deadline"] ?? ""),
    ...(base !== "" && {
      cap: {
        base,
        ratio: (given["cap_ratio"] ?? "").trim(),
        enforcement: given["cap_enforcement"],
        joint_credits: listOf(given["joint_credits"]),
      },
    }),
    methodologies: listOf(given["methodologies"]),
    ...(period_from !== undefined && { period_from }),
    ...(period_to !== undefined && { period_to }),
    origins: listOf(given["origins"]),
    exclusions: (given["exclusions"] ?? "")
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map(exclusionOf),
    ...(from !== "" && { effective_from: momentOf(from) }),
    source,
    certainty: given["certainty"],
  };
}

/** "LOT-1 entity-1 why": of one entity, or of all where `*` stands in its place. */
function exclusionOf(line: string): object {
  const [lot = "", entity = "*", ...reason] = line.trim().split(/\s+/);
  return { lot, ...(entity !== "*" && { entity }), reason: reason.join(" ") };
}

/** What the authority files of an entity's year: it decides the cap, and replaces what was filed before. */
function Filings() {
  const [last, setLast] = useState("");
  return (
    <Panel
      title={t("filings.title")}
      aside={
        <ActButton
          name={t("filings.file")}
          needs="authority"
          path="/v1/authority/filings"
          asksWhy={false}
          about={<p>{t("filings.about")}</p>}
          typed={(given) => (given["entity"] ?? "").trim()}
          wanted={[
            { name: "entity", label: t("column.participant") },
            { name: "compliance_year", label: t("uses.year"), inputMode: "numeric" },
            {
              name: "verified_emissions",
              label: t("filings.verified_emissions"),
              inputMode: "numeric",
              isOptional: true,
            },
            {
              name: "issued_allowances",
              label: t("filings.issued_allowances"),
              inputMode: "numeric",
              isOptional: true,
            },
            {
              name: "other_credits",
              label: t("filings.other_credits"),
              hint: t("filings.other_credits_hint"),
              isOptional: true,
            },
            { name: "source", label: t("rules.source"), kind: "long" },
          ]}
          body={(given) => {
            const { other_credits: credits = "", compliance_year: year, ...rest } = plain(given);
            return {
              ...rest,
              compliance_year: Number(year),
              other_credits: credits
                .split(/[,\uff0c\u3001]/)
                .filter((part) => part.trim() !== "")
                .map((part) => {
                  const [credit = "", quantity = ""] = part.trim().split(/\s+/);
                  return { credit, quantity };
                }),
            };
          }}
          after={(answer) =>
            setLast(
              t("filings.filed", {
                entity: String(answer["entity"]),
                year: String(answer["compliance_year"]),
                emissions:
                  answer["verified_emissions"] == null ? "–" : grouped(String(answer["verified_emissions"])),
                at: moment(String(answer["time"])),
              }),
            )
          }
        />
      }
    >
      <p class="small">{t("filings.lead")}</p>
      {last !== "" && <p class="small">{last}</p>}
    </Panel>
  );
}

function Welfare() {
  const accounts = useLook<Page<string>>("/v1/welfare-accounts");
  const columns: Column<string>[] = [code("account", t("column.account"), (one) => one)];
  withActs(columns, (one) => (
    <ActButton
      name={t("welfare.end")}
      of={one}
      kind="quiet act"
      path={desk("welfare-accounts")}
      asksWhy={false}
      typed={one}
      wanted={[{ name: "source", label: t("rules.source"), kind: "long" }]}
      body={(given) => ({ ...plain(given), account: one, designated: false })}
    />
  ));
  return (
    <Panel
      title={t("welfare.title")}
      aside={
        <ActButton
          name={t("welfare.designate")}
          path={desk("welfare-accounts")}
          asksWhy={false}
          wanted={[
            { name: "account", label: t("column.account") },
            { name: "source", label: t("rules.source"), kind: "long" },
          ]}
          body={(given) => ({ ...plain(given), designated: true })}
        />
      }
    >
      <p class="small">{t("welfare.lead")}</p>
      <Answered remote={accounts}>
        {(found) => (
          <Table
            none={t("welfare.none")}
            caption={t("welfare.title")}
            rows={found.items}
            keyOf={(one) => one}
            columns={columns}
          />
        )}
      </Answered>
    </Panel>
  );
}
