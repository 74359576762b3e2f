import { type FormEvent, useCallback, useEffect, useId, useRef, useState } from 'react';
import { type Bot, createBot, listBots } from '../api/bots.ts';
import { SignedOut } from '../api/credentials.ts';
import type { MemberSession } from '../api/member-session.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { Field } from '../parts/field.tsx';
import { formText } from '../parts/form-text.ts';
import { Footer } from '../parts/footer.tsx';
import { Header } from '../parts/header.tsx';
import { PlusIcon } from '../parts/icons.tsx';
import { ProblemNotice } from '../parts/problem-notice.tsx';

/** The bots of the signed-in person: pick one or create one. */
export function BotsView(props: { session: MemberSession; onPick: (bot: Bot) => void; onSignOut: () => void; onSignedOut: () => void }) {
  const { session, onPick, onSignOut, onSignedOut } = props;
  const [bots, setBots] = useState<Bot[]>();
  const [problem, setProblem] = useState<Problem>();
  const title = useRef<HTMLHeadingElement>(null);

  const fail = useCallback(
    (error: unknown) => {
      if (error instanceof SignedOut) onSignedOut();
      else setProblem(problemOf(error));
    },
    [onSignedOut],
  );
  const load = useCallback(() => {
    setProblem(undefined);
    listBots(session).then(setBots, fail);
  }, [session, fail]);
  useEffect(() => {
    title.current?.focus();
    load();
  }, [load]);

  return (
    <div className="shell">
      <Header
        actions={
          <>
            <span className="account">{session.email}</span>
            <button type="button" className="quiet-button" data-testid="sign-out" onClick={onSignOut}>
              Sign out
            </button>
          </>
        }
      />
      <main className="page">
        <h1 ref={title} tabIndex={-1}>
          Your bots
        </h1>
        <p className="lead">Pick one to talk to, or create another.</p>
        {problem !== undefined && (
          <ProblemNotice problem={problem}>
            <button type="button" className="button button-small" onClick={load}>
              Try again
            </button>
          </ProblemNotice>
        )}
        {bots === undefined && problem === undefined && <p role="status">Loading your bots…</p>}
        {bots?.length === 0 && <p className="note">There is none yet. The first one takes a minute.</p>}
        {bots !== undefined && bots.length > 0 && (
          <ul className="bots" data-testid="bots">
            {bots.map((bot) => (
              <li key={bot.id}>
                <button type="button" className="bot" data-testid="bot" onClick={() => onPick(bot)}>
                  <span className="bot-initial" aria-hidden="true">
                    {bot.name.slice(0, 1).toUpperCase()}
                  </span>
                  <span className="bot-text">
                    <span className="bot-name">{bot.name}</span>
                    <span className="bot-note">
                      {bot.published_version == null ? 'Not published yet' : `Version ${bot.published_version}`}
                    </span>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
        <NewBot session={session} onCreated={onPick} onSignedOut={onSignedOut} />
      </main>
      <Footer />
    </div>
  );
}

function NewBot(props: { session: MemberSession; onCreated: (bot: Bot) => void; onSignedOut: () => void }) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const id = useId();

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const greeting = formText(form, 'greeting').trim();
    const draft = {
      name: formText(form, 'name').trim(),
      instructions: formText(form, 'instructions').trim(),
      ...(greeting === '' ? {} : { greeting }),
    };
    setBusy(true);
    setProblem(undefined);
    createBot(props.session, draft).then(props.onCreated, (error: unknown) => {
      setBusy(false);
      if (error instanceof SignedOut) props.onSignedOut();
      else setProblem(problemOf(error));
    });
  };
  return (
    <section className="card" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>New bot</h2>
      <form className="form" onSubmit={submit} data-testid="new-bot">
        <Field label="Name" name="name" required maxLength={200} placeholder="Support" autoComplete="off" />
        <div className="field">
          <label htmlFor={`${id}-instructions`}>Instructions</label>
          <textarea
            id={`${id}-instructions`}
            className="input"
            name="instructions"
            rows={4}
            required
            maxLength={32_000}
            placeholder="You help customers of a bicycle shop. Be brief and friendly."
          />
        </div>
        <Field
          label="Greeting (optional)"
          name="greeting"
          maxLength={2_000}
          placeholder="Hello! What can I do for you?"
          autoComplete="off"
        />
        {problem !== undefined && <ProblemNotice problem={problem} />}
        <button type="submit" className="button" disabled={isBusy} data-testid="create-bot">
          <PlusIcon />
          {isBusy ? 'Creating…' : 'Create bot'}
        </button>
      </form>
    </section>
  );
}
