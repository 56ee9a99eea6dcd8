// Lots to choose from, each with one entry: a quantity, or serials.
import type { ComponentChildren } from "preact";
import { grouped, serials } from "../format";
import { t } from "../i18n";
import type { Lot } from "../lots";
import { ClassBadge } from "./figures";
import { FieldGroup } from "./form";
import { Table } from "./table";

export type LotRow = Pick<Lot, "lot" | "class" | "project" | "period" | "issued_on" | "serials"> & {
  available?: string;
  /** Why it may not be chosen, in words. */
  refused?: ComponentChildren;
};

export function LotsEntry({
  label,
  hint = t("lots.hint"),
  lots,
  entries,
  set,
  children,
}: {
  label: string;
  hint?: string;
  lots: readonly LotRow[];
  entries: Readonly<Record<string, string>>;
  set: (entries: Record<string, string>) => void;
  /** Further entries of the same kind. */
  children?: ComponentChildren;
}) {
  return (
    <FieldGroup at="/lots" label={label} hint={hint}>
      {lots.length > 0 && (
        <Table
          isDense
          caption={label}
          rows={lots}
          keyOf={(row) => row.lot}
          classOf={(row) => (row.refused === undefined ? "" : "greyed")}
          columns={[
            {
              name: "lot",
              title: t("column.lot"),
              cell: (row) => (
                <>
                  <span class="code">{row.lot}</span> <ClassBadge of={row.class} />
                  <span class="small lot-what">
                    {row.project}
                    {" · "}
                    {row.period.replace("/", " – ")}
                  </span>
                  {row.refused !== undefined && <span class="small lot-refused">{row.refused}</span>}
                </>
              ),
            },
            {
              name: "entry",
              title: t("lots.entry"),
              cell: (row) => (
                <input
                  class="lot-entry"
                  aria-label={t("lots.entry_of", { lot: row.lot })}
                  autocomplete="off"
                  disabled={row.refused !== undefined}
                  value={entries[row.lot] ?? ""}
                  onInput={(event) => set({ ...entries, [row.lot]: event.currentTarget.value })}
                />
              ),
            },
            {
              name: "serials",
              title: t("column.serials"),
              cell: (row) => <span class="code serials">{serials(row.serials)}</span>,
            },
            {
              name: "available",
              title: t("units.available"),
              isFigure: true,
              cell: (row) => (row.available === undefined ? "–" : grouped(row.available)),
            },
          ]}
        />
      )}
      {children}
    </FieldGroup>
  );
}
