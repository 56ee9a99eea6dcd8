// Codes listed for trading: admitting a new one, and what the rule book says of one alone, each from its own day on.
import type { Listing } from "../api";
import { range, shown } from "../format";
import { word as named, namesOf, t } from "../i18n";
import { catchUp, failure, listings } from "../market/store";
import { ClassBadge } from "../parts/figures";
import { momentOf, type Wanted } from "../parts/givens";
import { Panel } from "../parts/panel";
import { Asking, Failure } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { ActButton, plain } from "./doing";
import { figure, text, withActs } from "./looking";
import { desk } from "./shapes";

const CERTAINTIES = ["official", "neighbour", "conflicting", "assumed", "demonstration"];
const CLASSES = ["I", "II"] as const;

export function ListingsPanel() {
  const found = listings.value;
  return (
    <Panel title={t("admitted.title")} aside={<AdmitAct />}>
      {failure.value !== null && <Failure error={failure.value} />}
      {found === null ? (
        <Asking />
      ) : (
        <Table
          caption={t("admitted.title")}
          rows={found}
          keyOf={(one) => one.listing}
          columns={listingColumns()}
        />
      )}
    </Panel>
  );
}

function listingColumns(): Column<Listing>[] {
  const columns: Column<Listing>[] = [
    {
      name: "listing",
      title: t("column.listing"),
      cell: (one) => (
        <>
          <span class="code">{one.listing}</span> <ClassBadge of={one.class} />
        </>
      ),
    },
    text("phase", t("day.phase"), (one) => named("phase", one.phase)),
    figure("reference", t("listing.reference"), (one) => shown(one.band?.reference)),
    figure("band", t("listing.band"), (one) => range(one.band?.lower, one.band?.upper)),
    figure("tick", t("facts.tick"), (one) => shown(one.tick)),
    figure("sizes", t("facts.quantity"), (one) => range(one.min_quantity, one.max_quantity)),
  ];
  withActs(columns, (one) => <AdoptAct listing={one.listing} />);
  return columns;
}

function AdmitAct() {
  return (
    <ActButton
      name={t("admitted.admit")}
      path={desk("listings")}
      asksWhy={false}
      about={<p>{t("admitted.about")}</p>}
      typed={(given) => (given["listing"] ?? "").trim()}
      wanted={[
        { name: "listing", label: t("column.listing"), hint: t("admitted.code_hint") },
        {
          name: "class",
          label: t("uses.class"),
          kind: "choice",
          options: CLASSES.map((value) => ({ value, label: t(`class.${value}`) })),
        },
        { name: "first_reference_price", label: t("admitted.reference"), inputMode: "decimal" },
        { name: "demonstration", label: t("listing.demonstration"), kind: "yes", isOptional: true },
      ]}
      body={(given) => ({ ...plain(given), demonstration: given["demonstration"] === "yes" })}
      after={() => void catchUp()}
      said={(answer) => t("admitted.said", { listing: String(answer["listing"]) })}
    />
  );
}

/** A dated change of the rule book; with a listing, for that one alone. */
export function AdoptAct({ listing }: { listing?: string }) {
  return (
    <ActButton
      name={t(listing === undefined ? "rulebook.adopt" : "admitted.adopt")}
      {...(listing !== undefined && { of: listing, kind: "quiet act" as const })}
      path={desk("rules")}
      about={<p>{t("rulebook.about")}</p>}
      typed={(given) => given["parameter"] ?? ""}
      wanted={wantedOf(listing)}
      body={(given) => {
        const { reason, emergency, value = "", effective_from: from = "", ...change } = plain(given);
        return {
          reason,
          emergency: emergency === "yes",
          changes: [
            {
              ...change,
              ...(listing !== undefined && { listing }),
              value: /^\d{1,15}$/.test(value) ? Number(value) : value,
              effective_from: momentOf(from),
            },
          ],
        };
      }}
    />
  );
}

function wantedOf(listing?: string): Wanted[] {
  return [
    {
      name: "parameter",
      label: t("rulebook.parameter"),
      kind: "choice",
      at: "/changes/0/parameter",
      options: [
        { value: "", label: t("rulebook.choose") },
        ...namesOf("rule").map((value) => ({ value, label: `${named("rule", value)} (${value})` })),
      ],
    },
    { name: "value", label: t("rules.value"), at: "/changes/0/value", hint: t("rulebook.value_hint") },
    ...(listing === undefined
      ? [{ name: "listing", label: t("column.listing"), at: "/changes/0/listing", isOptional: true }]
      : []),
    { name: "effective_from", label: t("rules.from"), kind: "moment", at: "/changes/0/effective_from" },
    { name: "source", label: t("rules.source"), kind: "long", at: "/changes/0/source" },
    {
      name: "certainty",
      label: t("rules.certainty"),
      kind: "choice",
      at: "/changes/0/certainty",
      options: CERTAINTIES.map((value) => ({ value, label: named("certainty", value) })),
    },
    { name: "emergency", label: t("rulebook.emergency"), kind: "yes", isOptional: true },
  ];
}
