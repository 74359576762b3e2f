import { MemberSession } from '../api/member-session.ts';
import { Field } from '../parts/field.tsx';
import { NoToken } from './reset-page.tsx';
import { SubmitRow } from './submit-row.tsx';
import { useSubmit } from './use-submit.ts';

/** Accepts an invitation. */
export function InvitationPage({ token }: { token: string | undefined }) {
  const { isBusy, problem, onSubmit } = useSubmit(async (read) => {
    await MemberSession.acceptInvitation(token ?? '', read('password'));
    location.assign('/');
  });
  if (token === undefined) return <NoToken />;
  return (
    <>
      <h1>You are invited</h1>
      <p>Choose a password to join. If you have an account with this e-mail already, use its password: it joins this team too.</p>
      <form className="form" onSubmit={onSubmit}>
        <Field label="Password" name="password" type="password" required minLength={8} autoComplete="new-password" data-testid="password" />
        <SubmitRow problem={problem} isBusy={isBusy} label="Join" />
      </form>
    </>
  );
}
