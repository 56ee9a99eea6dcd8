// A page's own question to the exchange: asked when it is shown, asked again when it changes, its failure kept to be told.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, Refused } from "./api";
import { language } from "./settings";

export interface Remote<Answer> {
  answer: Answer | null;
  error: unknown;
  isAsking: boolean;
  again: () => void;
}

/** Ask again every so often while somebody looks, and whenever the page is looked at again. */
export function useEvery(again: () => void, everyMs: number): void {
  useEffect(() => {
    const look = () => {
      if (document.visibilityState === "visible") again();
    };
    const timer = setInterval(look, everyMs);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [again, everyMs]);
}

interface State<Answer> {
  /** The address it is the answer of. */
  of: string | null;
  answer: Answer | null;
  error: unknown;
  isAsking: boolean;
}

const NOTHING = { of: null, answer: null, error: null, isAsking: false } as const;

/** Whether it says nothing against what was answered before: the line, or the exchange's load, not the asker's right. */
export function isPassing(error: unknown): boolean {
  return !(error instanceof Refused) || error.problem.status === 429 || error.problem.status >= 500;
}

/** The answer of that address; nothing is asked while there is none. */
export function useRemote<Answer>(path: string | null): Remote<Answer> {
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState<State<Answer>>({ ...NOTHING, of: path, isAsking: path !== null });
  const inLanguage = language.value;
  // A new turn or language asks the same question again
  useEffect(() => {
    if (path === null) {
      setState({ ...NOTHING, of: path });
      return;
    }
    let isWanted = true;
    setState((before) => ({ ...(before.of === path ? before : NOTHING), of: path, isAsking: true }));
    ask<Answer>(path).then(
      (answer) => isWanted && setState({ of: path, answer, error: null, isAsking: false }),
      (error: unknown) =>
        isWanted &&
        setState(({ answer }) => ({
          of: path,
          answer: isPassing(error) ? answer : null,
          error,
          isAsking: false,
        })),
    );
    return () => {
      isWanted = false;
    };
  }, [path, turn, inLanguage]);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  const { answer, error, isAsking } = state.of === path ? state : NOTHING;
  return { answer, error, isAsking, again };
}

/** The same, asked anew whenever the turn changes. */
export function useTurning<Answer>(path: string | null, turn: number): Remote<Answer> {
  const remote = useRemote<Answer>(path);
  const { again } = remote;
  const first = useRef(turn);
  useEffect(() => {
    if (turn === first.current) return;
    first.current = turn;
    again();
  }, [turn, again]);
  return remote;
}
