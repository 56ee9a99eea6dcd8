// Every use but compliance: voluntary offset, voluntary cancellation, donation, damage compensation. Either class may serve.
import { useState } from "preact/hooks";
import { useAct } from "../act";
import { figureText, grouped } from "../format";
import { word as named, t } from "../i18n";
import { choicesOf, chosenTonnes, type Lot } from "../lots";
import { listings } from "../market/store";
import { Confirmation } from "../parts/confirmation";
import { Form, SelectField, TextField } from "../parts/form";
import { LotsEntry } from "../parts/lots_entry";
import { Panel } from "../parts/panel";
import { Asking } from "../parts/states";
import { useRemote } from "../remote";
import { go } from "../router";
import { acting, ofAccount } from "../session";
import { CertifiedWords, NO_WORDS, said } from "./certified_words";
import { PURPOSES, type Purpose, type Use } from "./use";

export function OtherUse() {
  const act = useAct();
  const [purpose, setPurpose] = useState<Purpose>("voluntary_offset");
  const [code, setCode] = useState<string | null>(null);
  const [quantity, setQuantity] = useState("");
  const [entries, setEntries] = useState<Record<string, string>>({});
  const [words, setWords] = useState(NO_WORDS);
  const [welfare, setWelfare] = useState("");
  const [isAsked, setAsked] = useState(false);
  const { answer: accounts } = useRemote<{ items: string[] }>("/v1/welfare-accounts");
  const { answer: owned } = useRemote<{ items: Lot[] }>(ofAccount("/v1/account/lots"));
  const found = listings.value;
  const listing = found?.find((one) => one.listing === code) ?? found?.[0];
  if (found === null || listing === undefined) return <Asking />;
  const lots = choicesOf(entries);
  const tonnes = lots.length > 0 ? String(chosenTonnes(lots)) : figureText(quantity);
  const donateTo = welfare === "" ? accounts?.items[0] : welfare;
  const submit = async () => {
    const made = await act.run<Use>("/v1/retirements", {
      account: acting.value,
      purpose,
      ...said(words),
      ...(purpose === "donation" && donateTo !== undefined && { donate_to: donateTo }),
      ...(lots.length > 0 ? { lots } : { listing: listing.listing, quantity: tonnes }),
    });
    if (made === null) setAsked(false);
    else go("uses", made.id);
  };
  return (
    <Panel title={t("uses.other")}>
      <Form act={act} action={t("uses.submit")} submit={() => setAsked(true)}>
        <SelectField
          at="/purpose"
          label={t("certificates.purpose")}
          value={purpose}
          values={PURPOSES}
          named={(one) => named("purpose", one)}
          set={setPurpose}
        />
        {purpose === "donation" && (
          <SelectField
            at="/donate_to"
            label={t("uses.donate_to")}
            hint={t("uses.donate_hint")}
            value={donateTo ?? ""}
            values={accounts?.items ?? []}
            named={(one) => one}
            set={setWelfare}
          />
        )}
        <SelectField
          at="/listing"
          label={t("column.listing")}
          value={listing.listing}
          values={found.map((one) => one.listing)}
          named={(one) =>
            `${one} · ${t(`class.${found.find((other) => other.listing === one)?.class ?? "I"}`)}`
          }
          set={(one) => {
            setCode(one);
            setEntries({});
          }}
        />
        <TextField
          at="/quantity"
          label={t("column.quantity")}
          hint={t("offset.quantity_hint")}
          inputMode="numeric"
          value={quantity}
          set={setQuantity}
        />
        {owned !== null && (
          <LotsEntry
            label={t("negotiated.name_lots")}
            lots={owned.items.filter((lot) => lot.listing === listing.listing)}
            entries={entries}
            set={setEntries}
          />
        )}
        <CertifiedWords words={words} set={setWords} isRequired />
      </Form>
      {isAsked && (
        <Confirmation
          title={t("uses.confirm")}
          type={tonnes}
          label={t("ticket.type", { quantity: tonnes })}
          action={t("uses.submit")}
          isSending={act.isSending}
          error={act.isSending ? act.error : null}
          confirm={() => void submit()}
          leave={() => setAsked(false)}
        >
          <p class="confirm-order">
            {t("uses.confirm_what", {
              purpose: named("purpose", purpose),
              quantity: grouped(tonnes),
              listing: listing.listing,
              beneficiary: words.beneficiary.trim(),
            })}
          </p>
          <p>{t("uses.final")}</p>
        </Confirmation>
      )}
    </Panel>
  );
}
