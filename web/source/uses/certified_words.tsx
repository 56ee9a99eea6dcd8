// What a certificate says in its holder's own words: for whom, and what for.
import { t } from "../i18n";
import { TextArea, TextField } from "../parts/form";

/** Characters that a certificate has room for, of beneficiary and statement each. */
const TEXT_MOST = 500;

export interface Words {
  beneficiary: string;
  statement: string;
}

export const NO_WORDS: Words = { beneficiary: "", statement: "" };

/** The words as they are sent; what is empty is left out. */
export function said({ beneficiary, statement }: Words): Partial<Words> {
  return {
    ...(beneficiary.trim() !== "" && { beneficiary: beneficiary.trim() }),
    ...(statement.trim() !== "" && { statement: statement.trim() }),
  };
}

export function CertifiedWords({
  words,
  set,
  isRequired = false,
}: {
  words: Words;
  set: (words: Words) => void;
  /** Whether somebody has to be named. */
  isRequired?: boolean;
}) {
  const hint = t("uses.certified", { most: TEXT_MOST });
  return (
    <>
      <TextField
        at="/beneficiary"
        label={t(isRequired ? "uses.beneficiary" : "uses.beneficiary_optional")}
        hint={hint}
        required={isRequired}
        maxLength={TEXT_MOST}
        value={words.beneficiary}
        set={(beneficiary) => set({ ...words, beneficiary })}
      />
      <TextArea
        at="/statement"
        label={t("uses.statement")}
        hint={hint}
        maxLength={TEXT_MOST}
        value={words.statement}
        set={(statement) => set({ ...words, statement })}
      />
    </>
  );
}
