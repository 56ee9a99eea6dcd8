// A form that says what was refused where it was written: at the field that the fault points to, in the exchange's words.
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useId, useRef } from "preact/hooks";
import type { Act } from "../act";
import { type Fault, type Problem, Refused } from "../api";
import { half, t } from "../i18n";
import { useRemote } from "../remote";
import { language } from "../settings";
import { Failure } from "./states";

interface Telling {
  problem: Problem | null;
  /** The pointers that have a field. */
  places: Set<string>;
}

const Told = createContext<Telling>({ problem: null, places: new Set() });

/** The field a fault belongs to: its own, or the nearest around it. */
function placeOf(pointer: string, places: ReadonlySet<string>): string | null {
  for (let part = pointer; part !== ""; part = part.slice(0, part.lastIndexOf("/"))) {
    if (places.has(part)) return part;
  }
  return null;
}

/** Fields, and one button that sends them. `ways` are further buttons. */
export function Form({
  act,
  action,
  submit,
  isReady = true,
  ways,
  class: name = "",
  children,
}: {
  act: Pick<Act, "error" | "isSending">;
  action: string;
  submit: () => void;
  isReady?: boolean;
  ways?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  const form = useRef<HTMLFormElement>(null);
  const places = useRef(new Set<string>()).current;
  const problem = act.error instanceof Refused ? act.error.problem : null;
  const isAtFields = problem?.errors.every((fault) => placeOf(fault.pointer, places) !== null) ?? false;
  useEffect(() => {
    if (problem !== null) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [problem]);
  return (
    <Told.Provider value={{ problem, places }}>
      <form
        class={`form ${name}`}
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {children}
        {problem !== null && isAtFields ? (
          <p class="form-refused small" role="alert">
            {t("form.refused")} <code>{problem.code}</code> {t("state.request", { id: problem.request_id })}
          </p>
        ) : (
          act.error !== null && <Failure error={act.error} />
        )}
        <div class="form-ways">
          <button type="submit" class="first" disabled={act.isSending || !isReady}>
            {action}
          </button>
          {ways}
        </div>
      </form>
    </Told.Provider>
  );
}

export interface FieldAria {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

interface FieldParts {
  /** The pointer of the request's member. */
  at: string;
  label: string;
  hint?: string | undefined;
}

/** What is wrong at that place, and how it is told. */
function useFaults(at: string, hint: string | undefined) {
  const { problem, places } = useContext(Told);
  const [hintId, faultId] = [useId(), useId()];
  useEffect(() => {
    places.add(at);
    return () => {
      places.delete(at);
    };
  }, [at, places]);
  const faults = problem?.errors.filter((fault) => placeOf(fault.pointer, places) === at) ?? [];
  const described = [...(hint === undefined ? [] : [hintId]), ...(faults.length > 0 ? [faultId] : [])];
  const words = (
    <>
      {hint !== undefined && (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
      {faults.length > 0 && problem !== null && (
        <div class="fault" id={faultId}>
          {problem.errors.length === 1 ? (
            <p>{problem.detail}</p>
          ) : (
            faults.map((fault) => <Explained key={`${fault.pointer} ${fault.code}`} fault={fault} />)
          )}
        </div>
      )}
    </>
  );
  return {
    aria: {
      "aria-invalid": faults.length > 0,
      "aria-describedby": described.length > 0 ? described.join(" ") : undefined,
    },
    words,
  };
}

/** A label, what is filled in, a hint, and what was refused of it. */
export function Field({
  at,
  label,
  hint,
  children,
}: FieldParts & { children: (aria: FieldAria) => ComponentChildren }) {
  const id = useId();
  const { aria, words } = useFaults(at, hint);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="field-entry">
        {children({ id, ...aria })}
        {words}
      </div>
    </div>
  );
}

/** The same for several inputs that are one member of the request; it takes the form's whole width. */
export function FieldGroup({ at, label, hint, children }: FieldParts & { children: ComponentChildren }) {
  const { aria, words } = useFaults(at, hint);
  return (
    <fieldset class="field-group" aria-describedby={aria["aria-describedby"]}>
      <legend>{label}</legend>
      {children}
      {words}
    </fieldset>
  );
}

interface Reason {
  zh: string;
  en: string;
  remedy_zh: string;
  remedy_en: string;
}

/** One of several faults in the catalogue's words: the problem's own sentence tells of all at once. */
export function Explained({ fault }: { fault: Omit<Fault, "pointer"> }) {
  const { answer } = useRemote<Reason>(`/v1/errors/${fault.code}`);
  const figures = [
    ...(fault.limit === undefined || fault.limit === null
      ? []
      : [t("form.limit", { limit: String(fault.limit) })]),
    ...(fault.actual === undefined || fault.actual === null
      ? []
      : [t("form.actual", { actual: String(fault.actual) })]),
  ].join(t("list.separator"));
  if (answer === null) return <p>{fault.code}</p>;
  const [what, remedy] =
    language.value === "zh" ? [answer.zh, answer.remedy_zh] : [answer.en, answer.remedy_en];
  return <p>{t("form.fault", { what: half(what), figures, remedy: half(remedy) })}</p>;
}

interface Entry {
  at: string;
  label: string;
  hint?: string | undefined;
  value: string;
  set: (value: string) => void;
  required?: boolean;
  maxLength?: number;
}

export function TextField({
  at,
  label,
  hint,
  value,
  set,
  type = "text",
  ...more
}: Entry & {
  type?: "text" | "date" | "datetime-local" | "password" | "time";
  inputMode?: "numeric" | "decimal";
  pattern?: string;
  minLength?: number;
  min?: string;
  max?: string;
  step?: number;
  autocomplete?: string;
  class?: string;
}) {
  return (
    <Field at={at} label={label} hint={hint}>
      {(aria) => (
        <input
          autocomplete="off"
          spellcheck={false}
          {...more}
          {...aria}
          // Which attributes go with which kind is not known of a kind chosen elsewhere
          type={type as "text"}
          value={value}
          onInput={(event) => set(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function TextArea({ at, label, hint, value, set, ...more }: Entry & { rows?: number }) {
  return (
    <Field at={at} label={label} hint={hint}>
      {(aria) => (
        <textarea
          rows={2}
          {...more}
          {...aria}
          value={value}
          onInput={(event) => set(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function SelectField<Value extends string>({
  at,
  label,
  hint,
  value,
  set,
  values,
  named,
}: {
  at: string;
  label: string;
  hint?: string | undefined;
  value: Value;
  set: (value: Value) => void;
  values: readonly Value[];
  named: (value: Value) => string;
}) {
  return (
    <Field at={at} label={label} hint={hint}>
      {(aria) => (
        <select {...aria} value={value} onChange={(event) => set(event.currentTarget.value as Value)}>
          {values.map((one) => (
            <option key={one} value={one}>
              {named(one)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
