// Fields of a form told as data: what is asked for, one after the other.
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { Field, FieldGroup, SelectField, TextArea, TextField } from "./form";

/** What was given, by name; of `many`, the values with commas between. */
export type Given = Record<string, string>;

export interface Wanted {
  name: string;
  label: string;
  kind?: "text" | "long" | "choice" | "many" | "yes" | "date" | "moment" | "password" | "file";
  options?: readonly { value: string; label: string }[];
  hint?: string;
  isOptional?: boolean;
  autocomplete?: string;
  inputMode?: "numeric" | "decimal";
  /** What stands there to begin with. */
  begin?: string;
  /** The most characters of a long text. */
  most?: number;
  /** Where the exchange points when it is wrong; `/name` unless the body is built otherwise. */
  at?: string;
}

export function Givens({
  wanted,
  given,
  give,
}: {
  wanted: readonly Wanted[];
  given: Given;
  give: (change: (before: Given) => Given) => void;
}) {
  return (
    <>
      {wanted.map((one) => (
        <One
          key={one.name}
          wanted={one}
          value={given[one.name] ?? ""}
          set={(value) => give((before) => ({ ...before, [one.name]: value }))}
        />
      ))}
    </>
  );
}

function One({ wanted, value, set }: { wanted: Wanted; value: string; set: (value: string) => void }) {
  const shared = {
    at: wanted.at ?? `/${wanted.name}`,
    label: wanted.isOptional ? t("given.optional", { name: wanted.label }) : wanted.label,
    hint: wanted.hint ?? (wanted.kind === "moment" ? t("given.moment") : undefined),
    value,
    set,
  };
  const options = wanted.options ?? [];
  switch (wanted.kind) {
    case "choice":
      return (
        <SelectField
          {...shared}
          values={options.map((option) => option.value)}
          named={(one) => options.find((option) => option.value === one)?.label ?? one}
        />
      );
    case "many":
      return <Many {...shared} options={options} />;
    case "yes":
      return <Many {...shared} label={wanted.label} options={[{ value: "yes", label: t("value.yes") }]} />;
    case "long":
      return <TextArea {...shared} rows={3} maxLength={wanted.most ?? 512} />;
    case "file":
      return <FileText {...shared} />;
    default:
      return (
        <TextField
          {...shared}
          type={
            wanted.kind === "moment"
              ? "datetime-local"
              : wanted.kind === "date" || wanted.kind === "password"
                ? wanted.kind
                : "text"
          }
          {...(wanted.autocomplete !== undefined && { autocomplete: wanted.autocomplete })}
          {...(wanted.inputMode !== undefined && { inputMode: wanted.inputMode })}
        />
      );
  }
}

interface Entry {
  at: string;
  label: string;
  hint: string | undefined;
  value: string;
  set: (value: string) => void;
}

function Many({ options, at, label, hint, value, set }: Entry & { options: Wanted["options"] }) {
  const chosen = value === "" ? [] : value.split(",");
  const toggle = (one: string) =>
    set((chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one]).join(","));
  return (
    <FieldGroup at={at} label={label} hint={hint}>
      <div class="checks">
        {(options ?? []).map((option) => (
          <label key={option.value} class="check">
            <input
              type="checkbox"
              checked={chosen.includes(option.value)}
              onChange={() => toggle(option.value)}
            />
            {option.label}
          </label>
        ))}
      </div>
    </FieldGroup>
  );
}

const MOST_BYTES = 4 * 1_024 * 1_024;

/** A file's text; a file that is too large to be taken is said to be so at once. */
function FileText({ at, label, hint, set }: Entry) {
  const [isTooLarge, setTooLarge] = useState(false);
  const take = async (file: File | undefined) => {
    const isTaken = file !== undefined && file.size <= MOST_BYTES;
    setTooLarge(file !== undefined && !isTaken);
    set(isTaken ? await file.text() : "");
  };
  return (
    <Field at={at} label={label} hint={isTooLarge ? t("given.too_large") : hint}>
      {(aria) => (
        <input {...aria} type="file" onChange={(event) => void take(event.currentTarget.files?.[0])} />
      )}
    </Field>
  );
}

/** A moment as the browser's field gives it, in Shanghai's time, as the exchange takes it. */
export function momentOf(text: string): string {
  return `${text.length === 16 ? `${text}:00` : text.slice(0, 19)}.000000+08:00`;
}
