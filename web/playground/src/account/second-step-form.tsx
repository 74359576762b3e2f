import { startAuthentication, type PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/browser';
import { callApi } from '../api/call-api.ts';
import { MemberSession, type SecondStep } from '../api/member-session.ts';
import { Field } from '../parts/field.tsx';
import { SubmitRow } from './submit-row.tsx';
import { useSubmit } from './use-submit.ts';

/** The second step of a sign-in: a code, a recovery code, or a passkey. */
export function SecondStepForm({ step, email, onMember }: { step: SecondStep; email: string; onMember: (session: MemberSession) => void }) {
  const finish = async (proof: object) => onMember(await MemberSession.finish(email, step.token, proof));
  const { isBusy, problem, onSubmit, run } = useSubmit((read) => {
    const typed = read('code').trim();
    return finish(/^\d{6}$/.test(typed) ? { code: typed } : { recovery_code: typed });
  });
  const byPasskey = async () => {
    const options = await callApi<PublicKeyCredentialRequestOptionsJSON>('POST', '/v1/auth/second-factor/options', {
      body: { token: step.token },
    });
    await finish({ passkey: await startAuthentication({ optionsJSON: options }) });
  };
  return (
    <>
      <h1>One more step</h1>
      <form className="form" onSubmit={onSubmit} data-testid="second-step">
        <Field
          label="Code"
          name="code"
          required
          maxLength={40}
          autoComplete="one-time-code"
          inputMode="text"
          hint="Six digits from your authenticator app, or one of your recovery codes."
          data-testid="code"
        />
        <SubmitRow problem={problem} isBusy={isBusy} label="Sign in" />
      </form>
      {step.methods.includes('passkey') && (
        <p className="actions">
          <button type="button" className="quiet-button" disabled={isBusy} onClick={() => run(byPasskey)} data-testid="use-passkey">
            Use a passkey
          </button>
        </p>
      )}
    </>
  );
}
