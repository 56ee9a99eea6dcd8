// Small things that are read again and again: a change with its direction, a class, a side.
import { fen, percent, signed, yuanText } from "../format";
import { word as named, t } from "../i18n";

/** The colour's class of a rise or a fall; the sign and the arrow say it too. */
export function direction(changeFen: number): "up" | "down" | "flat" {
  return changeFen > 0 ? "up" : changeFen < 0 ? "down" : "flat";
}

export const ARROW = { up: "▲", down: "▼", flat: "＝" } as const;

/** How far a price is from another one: arrow, yuan, per cent. */
export function Change({ price, from }: { price: string | null; from: string | null | undefined }) {
  if (price === null || from === null || from === undefined) return <span class="flat">{"–"}</span>;
  const changeFen = fen(price) - fen(from);
  const way = direction(changeFen);
  return (
    <span class={`change figures ${way}`}>
      <span aria-hidden="true">{ARROW[way]}</span>
      <span class="unseen">{named("direction", way)}</span>
      <span>{signed(yuanText(changeFen))}</span>
      <span>{percent(changeFen, fen(from))}</span>
    </span>
  );
}

/** Which class of methodology: what decides where a reduction may be used. */
export function ClassBadge({ of }: { of: "I" | "II" }) {
  return (
    <span class={`badge class-${of}`} title={t(`class.${of}.use`)}>
      {t(`class.${of}`)}
    </span>
  );
}

export function DemonstrationBadge({ flags }: { flags: readonly string[] }) {
  return flags.includes("demonstration") ? (
    <span class="badge demonstration">{t("listing.demonstration")}</span>
  ) : null;
}
