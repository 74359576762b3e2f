import type { ReactNode } from 'react';
import { Footer } from '../parts/footer.tsx';
import { Header } from '../parts/header.tsx';
import { ForgottenPage } from './forgotten-page.tsx';
import { InvitationPage } from './invitation-page.tsx';
import { ResetPage } from './reset-page.tsx';
import { SecurityPage } from './security-page.tsx';
import { SignInPage } from './sign-in-page.tsx';
import { VerifyPage } from './verify-page.tsx';

type Secrets = ReadonlyMap<string, string>;

const pages: Record<string, (secrets: Secrets) => ReactNode> = {
  'sign-in': (secrets) => <SignInPage arrival={secrets} />,
  'sign-up': (secrets) => <SignInPage arrival={secrets} isNew />,
  forgotten: () => <ForgottenPage />,
  reset: (secrets) => <ResetPage token={secrets.get('token')} />,
  verify: (secrets) => <VerifyPage token={secrets.get('token')} />,
  invitation: (secrets) => <InvitationPage token={secrets.get('token')} />,
  security: () => <SecurityPage />,
};

/** Everything about one's own account: signing in and up, forgotten passwords, invitations, second factors, sessions. */
export function AccountApp({ page, secrets }: { page: string; secrets: Secrets }) {
  const shown = pages[page];
  return (
    <div className="shell">
      <Header />
      <main className="account-page">
        <section className="card">{shown === undefined ? <Missing /> : shown(secrets)}</section>
      </main>
      <Footer />
    </div>
  );
}

function Missing() {
  return (
    <>
      <h1>There is no such page</h1>
      <p>
        <a href="/account/sign-in">Sign in</a>
      </p>
    </>
  );
}
