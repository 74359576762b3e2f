import { type FormEvent, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { formText } from '../parts/form-text.ts';

/** A form that is sent once at a time: whether it is on its way, and what went wrong. */
export function useSubmit(send: (read: (name: string) => string) => Promise<void>) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const run = (work: () => Promise<void>) => {
    setBusy(true);
    setProblem(undefined);
    work()
      .catch((error: unknown) => setProblem(problemOf(error)))
      .finally(() => setBusy(false));
  };
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    run(() => send((name) => formText(form, name)));
  };
  return { isBusy, problem, onSubmit, run };
}
