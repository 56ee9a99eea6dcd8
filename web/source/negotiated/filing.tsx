// Filing a negotiated transfer: with whom, which side, on what terms, under which agreement.
import { useState } from "preact/hooks";
import { useAct } from "../act";
import { t } from "../i18n";
import { listings } from "../market/store";
import { Form, SelectField, TextField } from "../parts/form";
import { Panel } from "../parts/panel";
import { Asking } from "../parts/states";
import { go, link } from "../router";
import { acting } from "../session";
import { bodyOf, type Draft, EMPTY, TermsFields } from "./terms_form";
import { PATH, type Transfer } from "./transfers";

export function Filing() {
  const act = useAct();
  const [code, setCode] = useState<string | null>(null);
  const [side, setSide] = useState<"buy" | "sell">("sell");
  const [counterparty, setCounterparty] = useState("");
  const [agreement, setAgreement] = useState("");
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const found = listings.value;
  const listing = found?.find((one) => one.listing === code) ?? found?.[0];
  if (found === null || listing === undefined) return <Asking />;
  const submit = async () => {
    const made = await act.run<Transfer>(PATH, {
      account: acting.value,
      listing: listing.listing,
      side,
      ...(counterparty.trim() !== "" && { counterparty: counterparty.trim() }),
      ...(agreement.trim() !== "" && { agreement_no: agreement.trim() }),
      ...bodyOf(draft),
    });
    if (made !== null) go("negotiate", made.id);
  };
  return (
    <Panel title={t("negotiated.file")}>
      <Form
        act={act}
        action={t("negotiated.send")}
        submit={() => void submit()}
        ways={
          <a class="button" href={link("negotiate")}>
            {t("confirmation.leave")}
          </a>
        }
      >
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
            // Another listing has other lots and another price.
            setDraft({ ...EMPTY, until: draft.until });
          }}
        />
        <SelectField
          at="/side"
          label={t("negotiated.my_side")}
          value={side}
          values={["sell", "buy"] as const}
          named={(one) => t(`side.${one}`)}
          set={(one) => {
            setSide(one);
            // Whose lots may be named is another question on the other side.
            setDraft({ ...draft, lots: {} });
          }}
        />
        <TextField
          at="/counterparty"
          label={t("negotiated.counterparty")}
          hint={t("negotiated.counterparty_hint")}
          maxLength={64}
          value={counterparty}
          set={setCounterparty}
        />
        <TermsFields
          key={`${listing.listing}-${side}`}
          listing={listing}
          side={side}
          named={[]}
          draft={draft}
          set={setDraft}
        />
        <TextField
          at="/agreement_no"
          label={t("negotiated.agreement")}
          hint={t("negotiated.agreement_hint")}
          maxLength={64}
          value={agreement}
          set={setAgreement}
        />
      </Form>
    </Panel>
  );
}
