import { startAuthentication, type PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/browser';
import { useEffect, useRef, useState } from 'react';
import { callApi } from '../api/call-api.ts';
import { MemberSession, type SecondStep } from '../api/member-session.ts';
import { Field } from '../parts/field.tsx';
import { SecondStepForm } from './second-step-form.tsx';
import { SubmitRow } from './submit-row.tsx';
import { useSubmit } from './use-submit.ts';

interface OfferedProvider {
  id: string;
  name: string;
  start_url: string;
}

const failures: Record<string, string> = {
  denied: 'You or your identity provider said no.',
  not_a_member: 'There is no place for you in this team. Ask whoever runs it for an invitation.',
};

/** Signs in by password, passkey or identity provider, or makes an account; takes a single sign-on up where it comes back. */
export function SignInPage({ arrival, isNew = false }: { arrival: ReadonlyMap<string, string>; isNew?: boolean }) {
  const [step, setStep] = useState<{ email: string; step: SecondStep }>();
  const code = arrival.get('sso_code');
  if (step !== undefined) return <SecondStepForm {...step} onMember={goOn} />;
  if (code !== undefined) return <ArrivalForm code={code} proof={arrival.has('sso_proof')} />;
  const failure = arrival.get('sso_error');
  return (
    <>
      <h1>{isNew ? 'Create an account' : 'Sign in'}</h1>
      {failure !== undefined && (
        <p className="note" role="status">
          {failures[failure] ?? 'Signing in with your identity provider did not work. Try again.'}
        </p>
      )}
      {isNew ? <NewAccountForm /> : <PasswordForm onStep={(email, next) => setStep({ email, step: next })} />}
      <p>
        {isNew ? (
          <a href="/account/sign-in">I have an account</a>
        ) : (
          <>
            <a href="/account/forgotten">Forgotten your password?</a> · <a href="/account/sign-up">Create an account</a>
          </>
        )}
      </p>
    </>
  );
}

function goOn(): void {
  location.assign('/');
}

function NewAccountForm() {
  const { isBusy, problem, onSubmit } = useSubmit(async (read) => {
    await MemberSession.signUp(read('email').trim(), read('password'), read('tenant_name').trim());
    goOn();
  });
  return (
    <form className="form" onSubmit={onSubmit}>
      <Field label="Team or company" name="tenant_name" required maxLength={200} autoComplete="organization" data-testid="tenant-name" />
      <Field label="E-mail" name="email" type="email" required autoComplete="username" data-testid="email" />
      <Field
        label="Password"
        name="password"
        type="password"
        required
        minLength={8}
        autoComplete="new-password"
        hint="At least 8 characters. A long phrase is better than a short riddle."
        data-testid="password"
      />
      <SubmitRow problem={problem} isBusy={isBusy} label="Create account" />
    </form>
  );
}

function PasswordForm({ onStep }: { onStep: (email: string, step: SecondStep) => void }) {
  const [providers, setProviders] = useState<OfferedProvider[]>();
  const email = useRef('');
  const { isBusy, problem, onSubmit, run } = useSubmit(async (read) => {
    const entered = await MemberSession.signIn(read('email').trim(), read('password'));
    if (entered instanceof MemberSession) goOn();
    else onStep(read('email').trim(), entered);
  });
  const byPasskey = async () => {
    const options = await callApi<PublicKeyCredentialRequestOptionsJSON>('POST', '/v1/auth/passkey/options');
    await MemberSession.byPasskey(await startAuthentication({ optionsJSON: options }));
    goOn();
  };
  const discover = async () => {
    const found = await callApi<{ data: OfferedProvider[] }>('POST', '/v1/auth/sso/discover', { body: { email: email.current } });
    setProviders(found.data);
  };
  return (
    <>
      <form className="form" onSubmit={onSubmit}>
        <Field
          label="E-mail"
          name="email"
          type="email"
          required
          autoComplete="username webauthn"
          onChange={(event) => (email.current = event.target.value.trim())}
          data-testid="email"
        />
        <Field label="Password" name="password" type="password" required autoComplete="current-password" data-testid="password" />
        <SubmitRow problem={problem} isBusy={isBusy} label="Sign in" />
      </form>
      <div className="actions">
        <button type="button" className="quiet-button" disabled={isBusy} onClick={() => run(byPasskey)} data-testid="passkey">
          Use a passkey
        </button>
        <button type="button" className="quiet-button" disabled={isBusy} onClick={() => run(discover)} data-testid="sso">
          Use my company’s sign-in
        </button>
      </div>
      {providers !== undefined && (
        <ul className="rows" aria-label="Identity providers" data-testid="providers">
          {providers.length === 0 && <li>None is set up for this address.</li>}
          {providers.map(({ id, name, start_url: url }) => (
            <li key={id}>
              <a href={url}>{name}</a>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Back from an identity provider: the code is exchanged at once, or with the password that proves whose account it is. */
function ArrivalForm({ code, proof }: { code: string; proof: boolean }) {
  const { isBusy, problem, onSubmit, run } = useSubmit(async (read) => {
    await MemberSession.bySingleSignOn(code, read('password'));
    goOn();
  });
  const begun = useRef(false);
  useEffect(() => {
    if (proof || begun.current) return;
    begun.current = true;
    run(async () => {
      await MemberSession.bySingleSignOn(code);
      goOn();
    });
  });
  if (!proof)
    return (
      <>
        <h1>{problem === undefined ? 'Signing you in…' : 'That did not work'}</h1>
        {problem !== undefined && (
          <p role="alert">
            {problem.detail} <a href="/account/sign-in">Try again</a>
          </p>
        )}
      </>
    );
  return (
    <>
      <h1>Is this account yours?</h1>
      <p>There is an account with your e-mail already. Enter its password once to connect both.</p>
      <form className="form" onSubmit={onSubmit}>
        <Field label="Password" name="password" type="password" required autoComplete="current-password" data-testid="password" />
        <SubmitRow problem={problem} isBusy={isBusy} label="Connect" />
      </form>
    </>
  );
}
