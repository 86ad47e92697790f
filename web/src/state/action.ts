// Something that a person has begun and waits for, such as a transaction of a wallet: one at a time, and what went wrong in words.
import { useState } from "preact/hooks";
import { words } from "./server";

export interface Action {
  busy: boolean;
  problem: string | null;
  setProblem: (text: string | null) => void;
  /** Whether it was done; if not, `problem` says why. */
  doing: (act: () => Promise<unknown>) => Promise<boolean>;
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const doing = async (act: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await act();
      return true;
    } catch (error) {
      setProblem(words(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, setProblem, doing };
}
