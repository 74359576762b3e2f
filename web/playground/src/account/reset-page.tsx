import { useState } from 'react';
import { callApi } from '../api/call-api.ts';
import { Field } from '../parts/field.tsx';
import { SubmitRow } from './submit-row.tsx';
import { useSubmit } from './use-submit.ts';

/** Sets a new password with the token of a mail. */
export function ResetPage({ token }: { token: string | undefined }) {
  const [done, setDone] = useState(false);
  const { isBusy, problem, onSubmit } = useSubmit(async (read) => {
    await callApi('POST', '/v1/auth/password-reset/confirm', { body: { token, password: read('password') } });
    setDone(true);
  });
  if (token === undefined) return <NoToken />;
  return (
    <>
      <h1>Choose a new password</h1>
      {done ? (
        <p role="status" data-testid="done">
          Your password is changed, and every session has ended. <a href="/account/sign-in">Sign in</a> with the new one.
        </p>
      ) : (
        <form className="form" onSubmit={onSubmit}>
          <Field
            label="New password"
            name="password"
            type="password"
            required
            minLength={8}
            autoComplete="new-password"
            hint="At least 8 characters. A long phrase is better than a short riddle."
            data-testid="password"
          />
          <SubmitRow problem={problem} isBusy={isBusy} label="Set password" />
        </form>
      )}
    </>
  );
}

/** Shown where a link has lost what it brings. */
export function NoToken() {
  return (
    <>
      <h1>This link is not complete</h1>
      <p>Open it from the mail once more, whole. A link that was opened before may have been used up.</p>
    </>
  );
}
