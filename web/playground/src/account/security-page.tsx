import { useCallback, useEffect, useState } from 'react';
import { callApi } from '../api/call-api.ts';
import { MemberSession } from '../api/member-session.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { ProblemNotice } from '../parts/problem-notice.tsx';
import { AddFactor } from './add-factor.tsx';

interface Factor {
  id: string;
  kind: 'totp' | 'passkey';
  name: string | null;
  confirmed: boolean;
}
interface SignedIn {
  id: string;
  current: boolean;
  device: string | null;
  address: string | null;
  last_seen_at: string | null;
}

/** One's own second factors and sessions. */
export function SecurityPage() {
  const [session] = useState(() => MemberSession.restore());
  const [factors, setFactors] = useState<{ data: Factor[]; recovery_codes_left: number }>();
  const [sessions, setSessions] = useState<SignedIn[]>([]);
  const [problem, setProblem] = useState<Problem>();

  const load = useCallback(() => {
    if (session === undefined) return;
    session
      .call(async (bearer) => {
        setFactors(await callApi('GET', '/v1/second-factors', { bearer }));
        setSessions((await callApi<{ data: SignedIn[] }>('GET', '/v1/sessions', { bearer })).data);
      })
      .catch((error: unknown) => setProblem(problemOf(error)));
  }, [session]);
  useEffect(load, [load]);

  if (session === undefined)
    return (
      <>
        <h1>Your account’s security</h1>
        <p>
          <a href="/account/sign-in">Sign in</a> first.
        </p>
      </>
    );
  const remove = (path: string) => {
    setProblem(undefined);
    session.call((bearer) => callApi('DELETE', path, { bearer })).then(load, (error: unknown) => setProblem(problemOf(error)));
  };
  const confirmed = factors?.data.filter((factor) => factor.confirmed) ?? [];
  return (
    <>
      <h1>Your account’s security</h1>
      {problem !== undefined && <ProblemNotice problem={problem} />}
      <h2>Second factors</h2>
      {factors !== undefined && confirmed.length === 0 && <p>None yet: your password alone opens your account.</p>}
      <ul className="rows" data-testid="factors">
        {confirmed.map(({ id, name, kind }) => (
          <li key={id}>
            <span>
              {name ?? 'Unnamed'} <span className="hint">{kind === 'totp' ? 'Authenticator app' : 'Passkey'}</span>
            </span>
            <button
              type="button"
              className="quiet-button"
              onClick={() => remove(`/v1/second-factors/${id}`)}
              aria-label={`Remove ${name ?? 'it'}`}
            >
              Remove
            </button>
          </li>
        ))}
      </ul>
      {confirmed.length > 0 && <p className="hint">{factors?.recovery_codes_left} recovery codes left.</p>}
      <AddFactor session={session} onAdded={load} />
      <h2>Where you are signed in</h2>
      <ul className="rows" data-testid="sessions">
        {sessions.map(({ id, device, address, current, last_seen_at: seen }) => (
          <li key={id}>
            <span>
              {device ?? 'Unknown'}
              {current && ' (here)'}{' '}
              <span className="hint">{[address, seen?.slice(0, 16).replace('T', ' ')].filter(Boolean).join(', ')}</span>
            </span>
            {!current && (
              <button
                type="button"
                className="quiet-button"
                onClick={() => remove(`/v1/sessions/${id}`)}
                aria-label={`Sign out of ${device ?? 'it'}`}
              >
                Sign out
              </button>
            )}
          </li>
        ))}
      </ul>
      <p>
        <a href="/">Back to the playground</a>
      </p>
    </>
  );
}
