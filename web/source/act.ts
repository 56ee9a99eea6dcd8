// Something one has the exchange do: sent once at a time, its refusal kept, and where the outcome is not known sent again as the very same request.
import { useCallback, useRef, useState } from "preact/hooks";
import { Refused, Unreached } from "./api";
import { newId, send } from "./session";

interface How {
  method?: "POST" | "PATCH" | "PUT" | "DELETE";
  /** What the exchange calls the request's own id; null where the route takes none. */
  idName?: "client_id" | "client_order_id" | null;
}

export interface Act {
  /** Why the last one was not done; null when nothing is wrong. */
  error: unknown;
  isSending: boolean;
  /** The answer; null when it was refused or the outcome is not known. */
  run: <Answer>(path: string, body?: object, how?: How) => Promise<Answer | null>;
  clear: () => void;
}

export function useAct(): Act {
  const [error, setError] = useState<unknown>(null);
  const [isSending, setSending] = useState(false);
  const unanswered = useRef<{ content: string; id: string } | null>(null);
  const run = useCallback(async <Answer>(path: string, body: object = {}, how: How = {}) => {
    const { method = "POST", idName = "client_id" } = how;
    const content = JSON.stringify([method, path, body]);
    const id = unanswered.current?.content === content ? unanswered.current.id : newId();
    setSending(true);
    setError(null);
    try {
      const answer = await send<Answer>(method, path, idName === null ? body : { ...body, [idName]: id });
      unanswered.current = null;
      return answer;
    } catch (problem) {
      unanswered.current = isUnknown(problem) ? { content, id } : null;
      setError(problem);
      return null;
    } finally {
      setSending(false);
    }
  }, []);
  const clear = useCallback(() => setError(null), []);
  return { error, isSending, run, clear };
}

/** Whether it may have been done all the same. */
function isUnknown(problem: unknown): boolean {
  return problem instanceof Unreached || (problem instanceof Refused && problem.problem.state === "unknown");
}
