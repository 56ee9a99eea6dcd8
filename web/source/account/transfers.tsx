// Units between the management and the trading sub-account: asking for it, and where each transfer stands.
import { useState } from "preact/hooks";
import { useAct } from "../act";
import { figureText, grouped, moment, serials } from "../format";
import { word as named, t } from "../i18n";
import { choicesOf, type Lot, type Serials } from "../lots";
import { listings } from "../market/store";
import { Form, SelectField, TextField } from "../parts/form";
import { LotsEntry } from "../parts/lots_entry";
import { Paged } from "../parts/paged";
import { Choice, Panel } from "../parts/panel";
import { Asking } from "../parts/states";
import type { Column } from "../parts/table";
import { useTurning } from "../remote";
import { acting, ofAccount, session } from "../session";
import { eventTurn, news } from "../trader/store";

interface Transfer {
  id: string;
  listing: string;
  quantity: string;
  lots: { lot: string; serials: Serials }[];
  state: "pending" | "completed" | "failed";
  reason: string | null;
  refusal: { text: string } | null;
  created_at: string;
  ended_at: string | null;
}

const DIRECTIONS = ["out", "in"] as const;
type Direction = (typeof DIRECTIONS)[number];

export function TransfersPanel() {
  const [direction, setDirection] = useState<Direction>("out");
  return (
    <>
      <div class="parts">
        <Choice
          label={t("transfers.direction")}
          values={DIRECTIONS}
          chosen={direction}
          named={(one) => t(`transfers.${one}`)}
          choose={setDirection}
        />
      </div>
      {session.value?.scopes.includes("transfer") && <Request key={direction} direction={direction} />}
      <Panel title={t(`transfers.list_${direction}`)}>
        <Paged<Transfer>
          path={ofAccount(`/v1/transfers-${direction}?limit=20`)}
          turn={eventTurn.value}
          caption={t(`transfers.list_${direction}`)}
          none={t("transfers.none")}
          keyOf={(transfer) => transfer.id}
          columns={columns()}
        />
      </Panel>
    </>
  );
}

function Request({ direction }: { direction: Direction }) {
  const act = useAct();
  const [code, setCode] = useState<string | null>(null);
  const [quantity, setQuantity] = useState("");
  const [entries, setEntries] = useState<Record<string, string>>({});
  const owned = useTurning<{ items: Lot[] }>(
    direction === "out" ? ofAccount("/v1/account/lots") : null,
    eventTurn.value,
  );
  const found = listings.value;
  const listing = found?.find((one) => one.listing === code) ?? found?.[0];
  if (found === null || listing === undefined) return <Asking />;
  const lots = choicesOf(entries);
  const submit = async () => {
    const made = await act.run<Transfer>(`/v1/transfers-${direction}`, {
      account: acting.value,
      ...(lots.length > 0 ? { lots } : { listing: listing.listing, quantity: figureText(quantity) }),
    });
    if (made === null) return;
    news.value = t("transfers.asked", { id: made.id });
    setQuantity("");
    setEntries({});
  };
  return (
    <Panel title={t(`transfers.ask_${direction}`)}>
      <Form
        act={act}
        action={t("uses.submit")}
        isReady={lots.length > 0 || quantity.trim() !== ""}
        submit={() => void submit()}
      >
        <SelectField
          at="/listing"
          label={t("column.listing")}
          value={listing.listing}
          values={found.map((one) => one.listing)}
          named={(one) => one}
          set={(one) => {
            setCode(one);
            setEntries({});
          }}
        />
        <TextField
          at="/quantity"
          label={t("column.quantity")}
          hint={t(direction === "out" ? "offset.quantity_hint" : "transfers.in_hint")}
          inputMode="numeric"
          value={quantity}
          set={setQuantity}
        />
        {owned.answer !== null && (
          <LotsEntry
            label={t("negotiated.name_lots")}
            lots={owned.answer.items.filter((lot) => lot.listing === listing.listing)}
            entries={entries}
            set={setEntries}
          />
        )}
      </Form>
    </Panel>
  );
}

function columns(): Column<Transfer>[] {
  return [
    { name: "id", title: t("negotiated.number"), cell: (transfer) => transfer.id },
    {
      name: "state",
      title: t("negotiated.state"),
      cell: (transfer) => (
        <>
          <span class={`badge ${transfer.state === "completed" ? "state-executed" : ""}`}>
            {named("transfer_state", transfer.state)}
          </span>
          {transfer.refusal !== null && <span class="small lot-refused">{transfer.refusal.text}</span>}
        </>
      ),
    },
    {
      name: "listing",
      title: t("column.listing"),
      cell: (transfer) => <span class="code">{transfer.listing}</span>,
    },
    {
      name: "quantity",
      title: t("column.quantity"),
      isFigure: true,
      cell: (transfer) => grouped(transfer.quantity),
    },
    {
      name: "lots",
      title: t("transfers.lots"),
      cell: (transfer) =>
        transfer.lots.map((lot) => (
          <span key={lot.lot} class="code serials">
            {lot.lot}
            {": "}
            {serials(lot.serials)}
          </span>
        )),
    },
    {
      name: "created",
      title: t("uses.created"),
      cell: (transfer) => <span class="figures">{moment(transfer.created_at)}</span>,
    },
    {
      name: "ended",
      title: t("uses.ended"),
      cell: (transfer) => <span class="figures">{moment(transfer.ended_at)}</span>,
    },
  ];
}
