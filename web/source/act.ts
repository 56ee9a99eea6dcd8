// Something one has the exchange do: sent once at a time, its refusal kept, and where the outcome is not known found out by the very same request.
import { useCallback, useRef, useState } from "preact/hooks";
import { type Problem, Refused, Unreached, Unsure } from "./api";
import { marketMs } from "./market/store";
import { newId, send } from "./session";

interface How {
  method?: "POST" | "PATCH" | "PUT" | "DELETE";
  /** What the exchange calls the request's own id; null where the route takes none. */
  idName?: "client_id" | "client_order_id" | null;
  /** Whether the same again does nothing more, although it has no id. */
  isRepeatable?: boolean;
}

export interface Act {
  /** Why the last one was not done, or that it is not known yet; null when nothing is wrong. */
  error: unknown;
  isSending: boolean;
  /** The answer; null when it was refused or the outcome is not known. */
  run: <Answer>(path: string, body?: object, how?: How) => Promise<Answer | null>;
  clear: () => void;
}

/** What is not taken by then never is, so that nothing is done long after somebody wanted it. */
const FENCE_MS = 30_000;
/** Until the fence has surely fallen; then the answer is final. */
const ASK_AGAIN_MS = [0, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000] as const;

/** Refusals at the door: of this very attempt, and silent on an earlier one. */
const AT_THE_DOOR = new Set([401, 403, 408, 429]);

export function useAct(): Act {
  const [error, setError] = useState<unknown>(null);
  const [isSending, setSending] = useState(false);
  const unanswered = useRef<{ content: string; id: string } | null>(null);
  const run = useCallback(async <Answer>(path: string, body?: object, how: How = {}) => {
    const { method = "POST", idName = "client_id", isRepeatable = idName !== null } = how;
    const content = JSON.stringify([method, path, body]);
    const id = unanswered.current?.content === content ? unanswered.current.id : newId();
    const sent = idName === null ? body : { ...body, [idName]: id };
    const until = isRepeatable ? fence() : {};
    setSending(true);
    setError(null);
    try {
      const answer = await found(
        () => send<Answer>(method, path, sent, until),
        isRepeatable ? () => setError(new Unsure(true)) : null,
      );
      unanswered.current = null;
      setError(null);
      return answer;
    } catch (problem) {
      unanswered.current = problem instanceof Unsure || problem instanceof Unreached ? { content, id } : null;
      setError(problem);
      return null;
    } finally {
      setSending(false);
    }
  }, []);
  const clear = useCallback(() => setError(null), []);
  return { error, isSending, run, clear };
}

function fence(): Record<string, string> {
  const now = marketMs.peek();
  return now === null ? {} : { "X-Deadline": new Date(now + FENCE_MS).toISOString() };
}

/** The answer to a request, asked for again with the very same one until it is known. */
async function found<Answer>(ask: () => Promise<Answer>, unsure: (() => void) | null): Promise<Answer> {
  for (const waitMs of ASK_AGAIN_MS) {
    if (waitMs > 0) await new Promise((resume) => setTimeout(resume, waitMs));
    try {
      return await ask();
    } catch (problem) {
      if (unsure === null || !isOpen(problem, waitMs === 0)) throw problem;
      if (problem instanceof Refused && problem.problem.status === 401) break;
      unsure();
    }
  }
  throw new Unsure(false);
}

/** Whether it may have been done all the same. */
function isOpen(problem: unknown, isFirst: boolean): boolean {
  if (problem instanceof Unreached) return true;
  return (
    problem instanceof Refused &&
    (problem.problem.state === "unknown" || (!isFirst && isSilent(problem.problem)))
  );
}

function isSilent({ status }: Problem): boolean {
  return status >= 500 || AT_THE_DOOR.has(status);
}
