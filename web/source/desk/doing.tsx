// An act somebody is answerable for: why is asked, heavy ones are typed again, and what came of it is said aloud.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useAct } from "../act";
import { t } from "../i18n";
import { isSame } from "../parts/confirmation";
import { Form, TextField } from "../parts/form";
import { type Given, Givens, type Wanted } from "../parts/givens";
import { session } from "../session";

/** What was done last, or waits for a second person. */
export const done = signal("");

/** Rises whenever what the desk shows may have changed. */
export const turn = signal(0);

export function takeTurn(): void {
  turn.value += 1;
}

/** Where it is said; one on each page that has acts. */
export function Done() {
  return (
    <p class="news" role="status" aria-live="polite">
      {done.value}
    </p>
  );
}

/** Whether somebody with one of these scopes is signed in. */
export function may(...needs: readonly string[]): boolean {
  const scopes = session.value?.scopes;
  return scopes !== undefined && needs.some((scope) => scope === "any" || scopes.includes(scope));
}

type Answer = Record<string, unknown>;

export interface Doing {
  /** What the button and the dialog are called. */
  name: string;
  /** Which of many buttons of that name it is. */
  of?: string;
  /** Whoever lacks this scope sees no button. */
  needs?: string;
  method?: "POST" | "DELETE";
  path: string | ((given: Given) => string);
  body?: (given: Given) => object;
  takesId?: boolean;
  /** What it is about, read before it is done. */
  about?: ComponentChildren;
  wanted?: readonly Wanted[];
  asksWhy?: boolean;
  /** To be typed again before it is done. */
  typed?: string | ((given: Given) => string);
  kind?: "first" | "quiet act";
  isDisabled?: boolean;
  said?: (answer: Answer) => string;
  /** What the answer shows this once and never again. */
  once?: (answer: Answer) => ComponentChildren;
  after?: (answer: Answer) => void;
  /** The dialog was closed, whatever was done in it. */
  left?: () => void;
}

export function ActButton(doing: Doing) {
  const [isOpen, setOpen] = useState(false);
  if (!may(doing.needs ?? "operate")) return null;
  return (
    <>
      <button
        type="button"
        class={doing.kind}
        disabled={doing.isDisabled ?? false}
        {...(doing.of !== undefined && { "aria-label": t("act.of", { act: doing.name, of: doing.of }) })}
        onClick={() => setOpen(true)}
      >
        {doing.name}
      </button>
      {isOpen && (
        <ActDialog
          doing={doing}
          close={() => {
            setOpen(false);
            doing.left?.();
          }}
        />
      )}
    </>
  );
}

function waitingOf(answer: Answer): string | null {
  const approval = answer["approval"] as { id: string; state: string } | undefined;
  return approval?.state === "waiting" ? approval.id : null;
}

function ActDialog({ doing: begun, close }: { doing: Doing; close: () => void }) {
  // The list it hangs in is asked for anew all the time: what was begun stays what it is, and never becomes another act.
  const [doing] = useState(begun);
  const wanted: readonly Wanted[] = [
    ...(doing.wanted ?? []),
    ...(doing.asksWhy === false ? [] : [{ name: "reason", label: t("act.reason"), kind: "long" as const }]),
  ];
  const dialog = useRef<HTMLDialogElement>(null);
  const act = useAct();
  const [given, setGiven] = useState<Given>(() =>
    Object.fromEntries(wanted.map((one) => [one.name, beginningOf(one)])),
  );
  const [typed, setTyped] = useState("");
  const [once, setOnce] = useState<ComponentChildren>(null);
  const title = useId();
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    if (once !== null) dialog.current?.querySelector("button")?.focus();
  }, [once]);
  const leave = () => dialog.current?.close();
  // What is shown once, and whether it was done, is not to be missed by a key pressed too soon.
  const mustStay = once !== null || (act.isSending && act.error === null);
  const again = typeof doing.typed === "function" ? doing.typed(given) : doing.typed;
  const isFilled = wanted.every((one) => one.isOptional || (given[one.name] ?? "").trim() !== "");
  const submit = async () => {
    const path = typeof doing.path === "string" ? doing.path : doing.path(given);
    const answer = await act.run<Answer>(path, doing.body === undefined ? plain(given) : doing.body(given), {
      method: doing.method ?? "POST",
      idName: doing.takesId === false || doing.method === "DELETE" ? null : "client_id",
    });
    if (answer === null) return;
    const waits = waitingOf(answer);
    done.value =
      waits === null
        ? (doing.said?.(answer) ?? t("act.done", { act: doing.name }))
        : t("act.waits", { id: waits });
    takeTurn();
    doing.after?.(answer);
    const shown = waits === null ? (doing.once?.(answer) ?? null) : null;
    if (shown === null) leave();
    else setOnce(shown);
  };
  return (
    <dialog
      ref={dialog}
      class="act-dialog"
      aria-labelledby={title}
      onClose={close}
      onCancel={(event) => {
        if (mustStay) event.preventDefault();
      }}
      closedby={mustStay ? "none" : "closerequest"}
    >
      <h2 id={title}>
        {doing.of === undefined ? doing.name : t("act.of", { act: doing.name, of: doing.of })}
      </h2>
      {once !== null ? (
        <>
          <p class="warning">{t("act.once")}</p>
          {once}
          <div class="dialog-ways">
            <button type="button" class="first" onClick={leave}>
              {t("act.kept")}
            </button>
          </div>
        </>
      ) : (
        <Form
          act={act}
          action={doing.name}
          isReady={isFilled && (again === undefined || (again !== "" && isSame(typed, again)))}
          submit={() => void submit()}
          ways={
            <button type="button" onClick={leave}>
              {t("confirmation.leave")}
            </button>
          }
        >
          {doing.about !== undefined && <div class="act-about">{doing.about}</div>}
          <Givens wanted={wanted} given={given} give={setGiven} />
          {again !== undefined && again !== "" && (
            <TextField at="/again" label={t("act.type", { text: again })} value={typed} set={setTyped} />
          )}
        </Form>
      )}
    </dialog>
  );
}

function beginningOf(wanted: Wanted): string {
  return wanted.begin ?? (wanted.kind === "choice" ? (wanted.options?.[0]?.value ?? "") : "");
}

/** What was given, without what was left out. */
export function plain(given: Given): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given)
      .map(([name, value]) => [name, value.trim()] as const)
      .filter(([, value]) => value !== ""),
  );
}
