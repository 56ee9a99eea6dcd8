// Terms side by side: what the other round said, what this one says, and a mark at whatever is different.
import type { ComponentChildren } from "preact";
import { grouped, moment, money, serials, shown } from "../format";
import { t } from "../i18n";
import type { NamedLot } from "../lots";
import { ClassBadge } from "../parts/figures";
import { Table } from "../parts/table";
import type { Round, TransferDetail } from "./transfers";

interface Row {
  name: string;
  title: string;
  text: (round: Round) => ComponentChildren;
  /** What it hangs on, as the exchange names what changed. */
  by: readonly string[];
}

function rows(): Row[] {
  return [
    { name: "price", title: t("column.price"), text: (round) => grouped(round.price), by: ["price"] },
    {
      name: "quantity",
      title: t("column.quantity"),
      text: (round) => grouped(round.quantity),
      by: ["quantity"],
    },
    {
      name: "amount",
      title: t("fills.amount"),
      text: (round) => money(round.amount),
      by: ["price", "quantity"],
    },
    { name: "lots", title: t("negotiated.lots"), text: (round) => <Lots of={round.lots} />, by: ["lots"] },
    {
      name: "expires_at",
      title: t("negotiated.expires"),
      text: (round) => (round.expires_at === null ? t("negotiated.session_end") : moment(round.expires_at)),
      by: ["expires_at"],
    },
  ];
}

function Lots({ of }: { of: readonly NamedLot[] }) {
  if (of.length === 0) return <>{t("negotiated.any_lots")}</>;
  return (
    <ul class="plain">
      {of.map((lot) => (
        <li key={lot.lot}>
          <span class="code">{lot.lot}</span> <ClassBadge of={lot.class} />{" "}
          <span class="figures">
            {grouped(lot.quantity)} {t("unit.t")}
          </span>
          <span class="small lot-what">
            {lot.project}
            {" · "}
            {lot.methodology}
            {" · "}
            {lot.period.replace("/", " – ")}
          </span>
          {lot.serials.length > 0 && <span class="small code serials">{serials(lot.serials)}</span>}
        </li>
      ))}
    </ul>
  );
}

/** The standing terms, with those before them on the left where there are any. */
export function TermsTable({ transfer, me }: { transfer: TransferDetail; me: string | null }) {
  const [before, now] = transfer.rounds.slice(-2);
  const shownRounds = [before, now].filter((round) => round !== undefined);
  const standing = shownRounds[shownRounds.length - 1];
  const who = (round: Round) => (round.proposed_by === me ? t("negotiated.mine") : round.proposed_by);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section class="scroll" tabIndex={0} aria-label={t("negotiated.terms")}>
      <table class="terms">
        <caption class="unseen">{t("negotiated.terms")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("negotiated.term")}</th>
            {shownRounds.map((round) => (
              <th scope="col" key={round.round}>
                {t(round === standing ? "negotiated.standing" : "negotiated.before", { round: round.round })}
                <span class="small terms-who">
                  {t("negotiated.proposed", { who: who(round), at: moment(round.time) })}
                </span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows().map((row) => {
            const isChanged = row.by.some((name) => standing?.changed.includes(name));
            return (
              <tr key={row.name} class={isChanged ? "changed" : undefined}>
                <th scope="row">{row.title}</th>
                {shownRounds.map((round) => (
                  <td key={round.round} class="figures">
                    {row.text(round)}
                    {isChanged && round === standing && (
                      <span class="badge changed-mark">{t("negotiated.changed")}</span>
                    )}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** Every round, oldest first; where there have been more than are side by side. */
export function RoundsTable({ transfer }: { transfer: TransferDetail }) {
  return (
    <Table
      isDense
      caption={t("negotiated.rounds")}
      rows={transfer.rounds}
      keyOf={(one) => String(one.round)}
      columns={[
        { name: "round", title: t("negotiated.round"), cell: (one) => one.round },
        { name: "by", title: t("negotiated.by"), cell: (one) => one.proposed_by },
        {
          name: "time",
          title: t("column.time"),
          cell: (one) => <span class="figures">{moment(one.time)}</span>,
        },
        { name: "price", title: t("column.price"), isFigure: true, cell: (one) => shown(one.price) },
        { name: "quantity", title: t("column.quantity"), isFigure: true, cell: (one) => shown(one.quantity) },
      ]}
    />
  );
}
