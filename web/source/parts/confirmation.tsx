// What cannot be taken back, or is large, is typed again before it is sent.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { Failure } from "./states";

/** Whether what was typed is what was asked for; full-width digits are digits. */
export function isSame(typed: string, type: string): boolean {
  return typed.normalize("NFKC").trim() === type.normalize("NFKC").trim();
}

export function Confirmation({
  title,
  type,
  label,
  action,
  kind = "first",
  isSending,
  error = null,
  confirm,
  leave,
  children,
}: {
  title: string;
  /** What has to be typed, exactly. */
  type: string;
  /** How that is asked for. */
  label: string;
  action: string;
  /** The button's class. */
  kind?: string;
  isSending: boolean;
  error?: unknown;
  confirm: () => void;
  leave: () => void;
  /** What one agrees to. */
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const [titleId, field] = [useId(), useId()];
  useEffect(() => dialog.current?.showModal(), []);
  const isTyped = isSame(typed, type);
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onCancel={leave}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isTyped && !isSending) confirm();
        }}
      >
        <h2 id={titleId}>{title}</h2>
        {children}
        <label for={field}>{label}</label>
        <input
          id={field}
          autocomplete="off"
          spellcheck={false}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        {error !== null && <Failure error={error} />}
        <div class="dialog-ways">
          <button type="button" onClick={leave}>
            {t("confirmation.leave")}
          </button>
          <button type="submit" class={kind} disabled={isSending || !isTyped}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
