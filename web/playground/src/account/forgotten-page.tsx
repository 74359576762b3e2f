import { useState } from 'react';
import { callApi } from '../api/call-api.ts';
import { Field } from '../parts/field.tsx';
import { SubmitRow } from './submit-row.tsx';
import { useSubmit } from './use-submit.ts';

/** Asks for a mail to set a new password. */
export function ForgottenPage() {
  const [sent, setSent] = useState(false);
  const { isBusy, problem, onSubmit } = useSubmit(async (read) => {
    await callApi('POST', '/v1/auth/password-reset', { body: { email: read('email').trim() } });
    setSent(true);
  });
  return (
    <>
      <h1>Forgotten your password?</h1>
      {sent ? (
        <p role="status" data-testid="done">
          If there is an account with this address, a mail with a link is on its way. The link is good for an hour.
        </p>
      ) : (
        <form className="form" onSubmit={onSubmit}>
          <Field label="E-mail" name="email" type="email" required autoComplete="username" data-testid="email" />
          <SubmitRow problem={problem} isBusy={isBusy} label="Send me a link" />
        </form>
      )}
      <p>
        <a href="/account/sign-in">Back to signing in</a>
      </p>
    </>
  );
}
