// A compliance offset, step by step: for which year, which units, what exactly would be retired, and the word that does it.
import { useEffect, useRef, useState } from "preact/hooks";
import { useAct } from "../act";
import type { Page } from "../api";
import { figureText, grouped, moment, serials, shown } from "../format";
import { half, t } from "../i18n";
import { choicesOf, type Lot } from "../lots";
import { Confirmation } from "../parts/confirmation";
import { Fact, Facts } from "../parts/facts";
import { Form, SelectField, TextField } from "../parts/form";
import { LotsEntry } from "../parts/lots_entry";
import { Panel } from "../parts/panel";
import { Answered, Failure, Nothing } from "../parts/states";
import { Table } from "../parts/table";
import { useRemote } from "../remote";
import { go } from "../router";
import { acting, ofAccount } from "../session";
import { language } from "../settings";
import { CertifiedWords, NO_WORDS, said } from "./certified_words";
import type { Cap, Quote, QuoteLine, Use, Year } from "./use";

export function OffsetWizard() {
  const years = useRemote<Page<Year>>("/v1/compliance-years");
  return (
    <Answered remote={years}>
      {(found) =>
        found.items.length === 0 ? <Nothing>{t("offset.no_year")}</Nothing> : <Steps years={found.items} />
      }
    </Answered>
  );
}

interface Wanted {
  quantity: string;
  entries: Record<string, string>;
}

function Steps({ years }: { years: readonly Year[] }) {
  const [year, setYear] = useState(String(years[years.length - 1]?.compliance_year));
  const [wanted, setWanted] = useState<Wanted>({ quantity: "", entries: {} });
  const [told, setTold] = useState<{ of: Body; quote: Quote } | null>(null);
  const asking = useAct();
  const terms = years.find((one) => String(one.compliance_year) === year);
  const body = bodyOf(year, wanted);
  const preview = async () => {
    const quote = await asking.run<Quote>("/v1/offsets/quote", body, { idName: null });
    setTold(quote === null ? null : { of: body, quote });
  };
  // An answer may come when something else is written already: it was foretold of what was asked.
  const quote = told !== null && JSON.stringify(told.of) === JSON.stringify(body) ? told.quote : null;
  const inLanguage = language.value;
  const again = useRef(() => {});
  again.current = () => {
    if (quote !== null) void preview();
  };
  // What was foretold was told in words: another language asks again
  useEffect(() => again.current(), [inLanguage]);
  return (
    <>
      <Panel title={t("offset.step_1")}>
        <div class="form">
          <SelectField
            at="/compliance_year"
            label={t("certificates.year")}
            value={year}
            values={years.map((one) => String(one.compliance_year))}
            named={(one) => one}
            set={setYear}
          />
        </div>
        {terms !== undefined && <Terms year={terms} />}
      </Panel>
      <Panel title={t("offset.step_2")}>
        <Form act={asking} action={t("offset.preview")} submit={() => void preview()}>
          <TextField
            at="/quantity"
            label={t("column.quantity")}
            hint={t("offset.quantity_hint")}
            inputMode="numeric"
            value={wanted.quantity}
            set={(quantity) => setWanted({ ...wanted, quantity })}
          />
          <EligibleLots
            year={year}
            entries={wanted.entries}
            set={(entries) => setWanted({ ...wanted, entries })}
          />
        </Form>
      </Panel>
      <div aria-live="polite">
        {quote !== null && <Preview key={JSON.stringify(body)} quote={quote} body={body} />}
      </div>
    </>
  );
}

interface Body {
  account: string | null;
  compliance_year: number;
  quantity?: string;
  lots?: ReturnType<typeof choicesOf>;
}

function bodyOf(year: string, { quantity, entries }: Wanted): Body {
  const lots = choicesOf(entries);
  return {
    account: acting.value,
    compliance_year: Number(year),
    ...(lots.length > 0 ? { lots } : { quantity: figureText(quantity) }),
  };
}

/** The rules of the year, and how the entity stands towards its cap. */
function Terms({ year }: { year: Year }) {
  const { answer } = useRemote<{ compliance: { compliance_year: number; cap: Cap | null }[] }>(
    `/v1/uses?year=${year.compliance_year}`,
  );
  const cap = answer?.compliance.find((one) => one.compliance_year === year.compliance_year)?.cap ?? null;
  return (
    <>
      <Facts>
        <Fact name={t("offset.opens")}>{moment(year.opens)}</Fact>
        <Fact name={t("offset.deadline")}>{moment(year.deadline)}</Fact>
        <CapFacts cap={cap} />
      </Facts>
      <p class="small">{t("offset.source", { source: half(year.source) })}</p>
    </>
  );
}

function CapFacts({ cap }: { cap: Cap | null }) {
  if (cap === null) return <Fact name={t("offset.cap")}>{t("offset.no_cap")}</Fact>;
  return (
    <>
      <Fact name={t("offset.cap")}>
        {shown(cap.limit)} {cap.limit !== null && t("unit.t")}
        {cap.enforcement !== null && <span class="small"> {t(`offset.${cap.enforcement}`)}</span>}
      </Fact>
      <Fact name={t("offset.used")}>
        {grouped(cap.used)} {t("unit.t")}
      </Fact>
      <Fact name={t("offset.other_credits")}>
        {grouped(cap.other_credits)} {t("unit.t")}
      </Fact>
      <Fact name={t("offset.left")}>
        {shown(cap.left)} {cap.left !== null && t("unit.t")}
      </Fact>
    </>
  );
}

/** Every lot one has, those that may not serve with the rule that says so: a quote of one tonne tells of each. */
function EligibleLots({
  year,
  entries,
  set,
}: {
  year: string;
  entries: Record<string, string>;
  set: (entries: Record<string, string>) => void;
}) {
  const owned = useRemote<{ items: Lot[] }>(ofAccount("/v1/account/lots"));
  const [lines, setLines] = useState<readonly QuoteLine[]>([]);
  const { run, error } = useAct();
  const account = acting.value;
  const inLanguage = language.value;
  // The rules are told in words, so another language asks again
  useEffect(() => {
    const body = { account, compliance_year: Number(year), quantity: "1" };
    void run<Quote>("/v1/offsets/quote", body, { idName: null }).then((told) => setLines(told?.lots ?? []));
  }, [run, account, year, inLanguage]);
  if (error !== null) return <Failure error={error} />;
  return (
    <Answered remote={owned}>
      {({ items }) =>
        items.length === 0 ? (
          <Nothing>{t("lots.none")}</Nothing>
        ) : (
          <LotsEntry
            label={t("offset.lots")}
            hint={t("lots.hint")}
            lots={items.map((lot) => judged(lot, lines))}
            entries={entries}
            set={set}
          />
        )
      }
    </Answered>
  );
}

function judged(lot: Lot, lines: readonly QuoteLine[]) {
  const line = lines.find((one) => one.lot === lot.lot);
  if (line !== undefined && !line.eligible) {
    return {
      ...lot,
      refused: (
        <>
          {t("offset.not_eligible")} {line.reason} <code>{line.code}</code>
        </>
      ),
    };
  }
  return lot.class === "II" ? { ...lot, refused: t("class.II.use") } : lot;
}

/** Exactly what would be retired, and the way to have it done. */
function Preview({ quote, body }: { quote: Quote; body: Body }) {
  const act = useAct();
  const [words, setWords] = useState(NO_WORDS);
  const [isAsked, setAsked] = useState(false);
  const submit = async () => {
    const made = await act.run<Use>("/v1/offsets", {
      ...body,
      ...said(words),
    });
    if (made === null) setAsked(false);
    else go("uses", made.id);
  };
  if (!quote.accepted) {
    return (
      <Panel title={t("offset.step_3")}>
        <div class="failure" role="alert">
          <p class="failure-title">{t("offset.refused")}</p>
          <p>
            {quote.reason} <code>{quote.code}</code>
          </p>
        </div>
        <Facts>
          <CapFacts cap={quote.cap} />
        </Facts>
      </Panel>
    );
  }
  return (
    <Panel title={t("offset.step_3")}>
      <Table
        caption={t("offset.step_3")}
        rows={quote.lots.filter((line) => line.serials.length > 0)}
        keyOf={(line) => line.lot}
        columns={[
          { name: "lot", title: t("column.lot"), cell: (line) => <span class="code">{line.lot}</span> },
          {
            name: "quantity",
            title: t("column.quantity"),
            isFigure: true,
            cell: (line) => grouped(line.quantity),
          },
          {
            name: "serials",
            title: t("column.serials"),
            cell: (line) => <span class="code serials">{serials(line.serials)}</span>,
          },
        ]}
      />
      <Facts>
        <Fact name={t("offset.total")}>
          {grouped(quote.quantity)} {t("unit.t")}
        </Fact>
        <CapFacts cap={quote.cap} />
        {quote.cap !== null && quote.cap.left !== null && (
          <Fact name={t("offset.left_after")}>
            {grouped(String(Number(quote.cap.left) - Number(quote.quantity)))} {t("unit.t")}
          </Fact>
        )}
      </Facts>
      <Form act={act} action={t("offset.submit")} submit={() => setAsked(true)}>
        <CertifiedWords words={words} set={setWords} />
      </Form>
      {isAsked && (
        <Confirmation
          title={t("offset.confirm")}
          type={quote.quantity}
          label={t("ticket.type", { quantity: quote.quantity })}
          action={t("offset.submit")}
          isSending={act.isSending}
          error={act.isSending ? act.error : null}
          confirm={() => void submit()}
          leave={() => setAsked(false)}
        >
          <p class="confirm-order">
            {t("offset.confirm_what", {
              year: quote.compliance_year,
              quantity: grouped(quote.quantity),
              listing: quote.listing ?? "",
            })}
          </p>
          <p>{t("uses.final")}</p>
        </Confirmation>
      )}
    </Panel>
  );
}
