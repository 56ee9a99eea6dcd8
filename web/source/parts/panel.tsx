// A part of a page with its own heading.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

export function Panel({
  title,
  aside,
  class: name = "",
  children,
}: {
  title: string;
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  const id = useId();
  return (
    <section class={`panel ${name}`} aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** One choice among a few, all in sight. */
export function Choice<Value extends string>({
  label,
  values,
  chosen,
  named,
  choose,
}: {
  label: string;
  values: readonly Value[];
  chosen: Value;
  named: (value: Value) => string;
  choose: (value: Value) => void;
}) {
  return (
    <fieldset class="choice">
      <legend class="unseen">{label}</legend>
      {values.map((value) => (
        <button key={value} type="button" aria-pressed={value === chosen} onClick={() => choose(value)}>
          {named(value)}
        </button>
      ))}
    </fieldset>
  );
}
