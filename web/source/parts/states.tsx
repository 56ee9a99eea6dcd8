// What stands where an answer is missing: it is being asked for, it was refused, or there is nothing.
import type { ComponentChildren } from "preact";
import { Refused, Unsure } from "../api";
import { t } from "../i18n";
import type { Remote } from "../remote";

export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const problem = error instanceof Refused ? error.problem : null;
  const [title, remedy] =
    error instanceof Unsure
      ? [t("state.unsure"), t(error.isAsking ? "state.unsure_asking" : "state.unsure_remedy")]
      : [t("state.unreached"), t("state.unreached_remedy")];
  return (
    <div class="failure" role="alert">
      <p class="failure-title">{problem?.title ?? title}</p>
      <p>{problem?.detail ?? remedy}</p>
      {problem !== null && (
        <p class="small">
          <code>{problem.code}</code> {t("state.request", { id: problem.request_id })}
        </p>
      )}
      {again !== undefined && (
        <button type="button" onClick={again}>
          {t("state.again")}
        </button>
      )}
    </div>
  );
}

export function Asking() {
  return (
    <p class="asking" role="status">
      {t("state.asking")}
    </p>
  );
}

export function Nothing({ children }: { children: ComponentChildren }) {
  return <p class="nothing">{children}</p>;
}

/** The answer drawn, or what stands in its place; above an older one, why there is no newer. */
export function Answered<Answer>({
  remote,
  children,
}: {
  remote: Remote<Answer>;
  children: (answer: Answer) => ComponentChildren;
}) {
  return (
    <>
      {remote.error !== null && <Failure error={remote.error} again={remote.again} />}
      {remote.answer !== null ? children(remote.answer) : remote.error === null && <Asking />}
    </>
  );
}
