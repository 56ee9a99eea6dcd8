// One's own uses, and one's account of them by year and purpose.
import { grouped, moment } from "../format";
import { word as named, t } from "../i18n";
import { Paged } from "../parts/paged";
import { Panel } from "../parts/panel";
import { Answered } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { useRemote } from "../remote";
import { link } from "../router";
import { ofAccount } from "../session";
import { eventTurn } from "../trader/store";
import type { Use } from "./use";

export function OwnUses() {
  return (
    <>
      <Panel title={t("uses.offsets")}>
        <List path="/v1/offsets?limit=20" name={t("uses.offsets")} />
      </Panel>
      <Panel title={t("uses.others")}>
        <List path="/v1/retirements?limit=20" name={t("uses.others")} />
      </Panel>
      <Sums />
    </>
  );
}

function List({ path, name }: { path: string; name: string }) {
  return (
    <Paged<Use>
      path={ofAccount(path)}
      turn={eventTurn.value}
      caption={name}
      none={t("uses.none")}
      keyOf={(use) => use.id}
      columns={columns()}
    />
  );
}

function columns(): Column<Use>[] {
  return [
    {
      name: "id",
      title: t("negotiated.number"),
      cell: (use) => (
        <a href={link("uses", use.id)} aria-label={t("uses.open", { id: use.id })}>
          {use.id}
        </a>
      ),
    },
    {
      name: "state",
      title: t("negotiated.state"),
      cell: (use) => (
        <span class={`badge ${use.state === "completed" ? "state-executed" : ""}`}>
          {named("use_state", use.state)}
        </span>
      ),
    },
    { name: "purpose", title: t("certificates.purpose"), cell: (use) => named("purpose", use.purpose) },
    { name: "year", title: t("certificates.year"), cell: (use) => use.compliance_year ?? "–" },
    {
      name: "listing",
      title: t("column.listing"),
      cell: (use) => <span class="code">{use.listing}</span>,
    },
    {
      name: "quantity",
      title: t("column.quantity"),
      isFigure: true,
      cell: (use) => grouped(use.quantity),
    },
    {
      name: "created",
      title: t("uses.created"),
      cell: (use) => <span class="figures">{moment(use.created_at)}</span>,
    },
    { name: "certificate", title: t("uses.certificate_no"), cell: (use) => use.certificate ?? "–" },
  ];
}

interface Line {
  year: number;
  purpose: string;
  class: "I" | "II";
  completed: string;
  uses: number;
}

function Sums() {
  const remote = useRemote<{ items: Line[] }>("/v1/uses");
  return (
    <Panel title={t("uses.sums")}>
      <Answered remote={remote}>
        {({ items }) => (
          <Table
            none={t("uses.none")}
            isDense
            caption={t("uses.sums")}
            rows={items}
            keyOf={(line) => `${line.year} ${line.purpose} ${line.class}`}
            columns={[
              { name: "year", title: t("uses.year"), cell: (line) => line.year },
              {
                name: "purpose",
                title: t("certificates.purpose"),
                cell: (line) => named("purpose", line.purpose),
              },
              { name: "class", title: t("uses.class"), cell: (line) => t(`class.${line.class}`) },
              {
                name: "completed",
                title: t("column.quantity"),
                isFigure: true,
                cell: (line) => grouped(line.completed),
              },
              { name: "uses", title: t("uses.certificates"), isFigure: true, cell: (line) => line.uses },
            ]}
          />
        )}
      </Answered>
    </Panel>
  );
}
