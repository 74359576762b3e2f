import type { Problem } from '../api/problem.ts';
import { ProblemNotice } from '../parts/problem-notice.tsx';

/** The end of a form: what went wrong, and the button. */
export function SubmitRow({ problem, isBusy, label }: { problem: Problem | undefined; isBusy: boolean; label: string }) {
  return (
    <>
      {problem !== undefined && <ProblemNotice problem={problem} />}
      <button type="submit" className="button" disabled={isBusy} data-testid="submit">
        {isBusy ? 'One moment…' : label}
      </button>
    </>
  );
}
