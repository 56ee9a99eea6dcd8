// What stands where an answer is missing: it is being asked for, it was refused, or there is nothing.
import type { ComponentChildren } from "preact";
import { Refused } from "../api";
import { t } from "../i18n";
import type { Remote } from "../remote";

export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const problem = error instanceof Refused ? error.problem : null;
  return (
    <div class="failure" role="alert">
      <p class="failure-title">{problem?.title ?? t("state.unreached")}</p>
      <p>{problem?.detail ?? t("state.unreached_remedy")}</p>
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

/** The answer drawn, or what stands in its place. */
export function Answered<Answer>({
  remote,
  children,
}: {
  remote: Remote<Answer>;
  children: (answer: Answer) => ComponentChildren;
}) {
  if (remote.error !== null) return <Failure error={remote.error} again={remote.again} />;
  if (remote.answer === null) return <Asking />;
  return <>{children(remote.answer)}</>;
}
