import type { ReactNode } from 'react';
import type { Problem } from '../api/problem.ts';
import { AlertIcon } from './icons.tsx';

/** A refused or failed request: what happened, and what support asks for. */
export function ProblemNotice({ problem, children }: { problem: Problem; children?: ReactNode }) {
  const trace = [problem.code, problem.requestId].filter((text) => text !== undefined);
  return (
    <div className="problem" role="alert" data-testid="error">
      <AlertIcon />
      <div className="problem-text">
        <p data-testid="error-detail">{problem.detail}</p>
        {problem.fields !== undefined && problem.fields.length > 0 && (
          <ul>
            {problem.fields.map((field) => (
              <li key={field}>{field}</li>
            ))}
          </ul>
        )}
        {trace.length > 0 && (
          <p className="problem-trace">
            {trace.map((text) => (
              <code key={text}>{text}</code>
            ))}
          </p>
        )}
      </div>
      {children !== undefined && <div className="problem-actions">{children}</div>}
    </div>
  );
}
