import { type FormEvent, useState } from 'react';
import { SecondStepForm } from '../account/second-step-form.tsx';
import { MemberSession, type SecondStep } from '../api/member-session.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { Field } from './field.tsx';
import { formText } from './form-text.ts';
import { ProblemNotice } from './problem-notice.tsx';

type Mode = 'sign-in' | 'sign-up';

/** Signs in, or creates an account with its tenant. */
export function SignInForm({ onMember }: { onMember: (session: MemberSession) => void }) {
  const [mode, setMode] = useState<Mode>('sign-in');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [step, setStep] = useState<{ email: string; step: SecondStep }>();
  const isNew = mode === 'sign-up';

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const read = (name: string) => formText(form, name);
    setBusy(true);
    setProblem(undefined);
    const entry = isNew
      ? MemberSession.signUp(read('email').trim(), read('password'), read('tenant_name').trim())
      : MemberSession.signIn(read('email').trim(), read('password'));
    const entered = (result: MemberSession | SecondStep) =>
      result instanceof MemberSession ? onMember(result) : setStep({ email: read('email').trim(), step: result });
    entry.then(entered, (error: unknown) => {
      setBusy(false);
      setProblem(problemOf(error));
    });
  };
  const choose = (next: Mode) => {
    setMode(next);
    setProblem(undefined);
  };
  if (step !== undefined) return <SecondStepForm {...step} onMember={onMember} />;
  return (
    <>
      <h2>{isNew ? 'Create an account' : 'Sign in'}</h2>
      <form className="form" onSubmit={submit} data-testid="account-form">
        {isNew && (
          <Field
            label="Team or company"
            name="tenant_name"
            required
            maxLength={200}
            autoComplete="organization"
            data-testid="tenant-name"
          />
        )}
        <Field label="E-mail" name="email" type="email" required autoComplete="username" data-testid="email" />
        <Field
          label="Password"
          name="password"
          type="password"
          required
          autoComplete={isNew ? 'new-password' : 'current-password'}
          data-testid="password"
          {...(isNew ? { hint: 'A long phrase is better than a short riddle.' } : {})}
        />
        {problem !== undefined && <ProblemNotice problem={problem} />}
        <button type="submit" className="button" disabled={isBusy} data-testid="submit">
          {isBusy ? 'One moment…' : isNew ? 'Create account' : 'Sign in'}
        </button>
      </form>
      <p className="switch">
        {isNew ? 'Already have an account?' : 'New here?'}{' '}
        <button type="button" className="link-button" data-testid="switch-mode" onClick={() => choose(isNew ? 'sign-in' : 'sign-up')}>
          {isNew ? 'Sign in' : 'Create an account'}
        </button>{' '}
        · <a href="/account/sign-in">Other ways to sign in</a>
      </p>
    </>
  );
}
