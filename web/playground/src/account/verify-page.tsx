import { useState } from 'react';
import { callApi } from '../api/call-api.ts';
import { NoToken } from './reset-page.tsx';
import { SubmitRow } from './submit-row.tsx';
import { useSubmit } from './use-submit.ts';

/** Proves a mailbox with the token of a mail. By a click: what fetches links ahead must not do it. */
export function VerifyPage({ token }: { token: string | undefined }) {
  const [done, setDone] = useState(false);
  const { isBusy, problem, onSubmit } = useSubmit(async () => {
    await callApi('POST', '/v1/auth/email-verification/confirm', { body: { token } });
    setDone(true);
  });
  if (token === undefined) return <NoToken />;
  return (
    <>
      <h1>Confirm your e-mail address</h1>
      {done ? (
        <p role="status" data-testid="done">
          Thank you. This mailbox belongs to your account now. <a href="/">Go on</a>
        </p>
      ) : (
        <form className="form" onSubmit={onSubmit}>
          <SubmitRow problem={problem} isBusy={isBusy} label="Confirm" />
        </form>
      )}
    </>
  );
}
