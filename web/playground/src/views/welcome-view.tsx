import { useEffect, useState } from 'react';
import { type Demo, findDemo } from '../api/demo.ts';
import type { MemberSession } from '../api/member-session.ts';
import { Footer } from '../parts/footer.tsx';
import { Header } from '../parts/header.tsx';
import { SignInForm } from '../parts/sign-in-form.tsx';

const promises = [
  ['Answers that arrive', 'They outlive a reload, a lost network and a restarted server.'],
  ['Live, word by word', 'One WebSocket, an open protocol, and Stop that really stops.'],
  ['Yours to build on', 'Every click here is a documented API call.'],
] as const;

/** The first page: try the demo, sign in or create an account. */
export function WelcomeView(props: {
  notice: string | undefined;
  onMember: (session: MemberSession) => void;
  onDemo: (demo: Demo) => void;
}) {
  const [demo, setDemo] = useState<Demo>();
  useEffect(() => {
    let isCurrent = true;
    findDemo().then(
      (found) => isCurrent && setDemo(found),
      () => undefined,
    );
    return () => {
      isCurrent = false;
    };
  }, []);

  return (
    <div className="shell">
      <Header />
      <main className="welcome">
        <section className="pitch">
          <h1>
            <span>Talk to your bots.</span> <span>Don’t lose a word.</span>
          </h1>
          <p className="lead">
            The playground of your Parley server: chat with a bot, watch answers stream, and try to break the connection.
          </p>
          {demo !== undefined && (
            <button type="button" className="button button-large" data-testid="try-demo" onClick={() => props.onDemo(demo)}>
              Try the demo
            </button>
          )}
        </section>
        <section className="card" aria-label="Account">
          {props.notice !== undefined && (
            <p className="note" role="status" data-testid="notice">
              {props.notice}
            </p>
          )}
          <SignInForm onMember={props.onMember} />
        </section>
        <dl className="promises">
          {promises.map(([name, text]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
      </main>
      <Footer />
    </div>
  );
}
