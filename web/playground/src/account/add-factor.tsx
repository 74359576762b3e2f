import { startRegistration, type PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/browser';
import { useState } from 'react';
import { renderSVG } from 'uqr';
import { callApi } from '../api/call-api.ts';
import type { MemberSession } from '../api/member-session.ts';
import { Field } from '../parts/field.tsx';
import { ProblemNotice } from '../parts/problem-notice.tsx';
import { SubmitRow } from './submit-row.tsx';
import { useSubmit } from './use-submit.ts';

interface NewTotp {
  id: string;
  secret: string;
  otpauth_url: string;
}
interface Added {
  recovery_codes: string[] | null;
}

/** Adds an authenticator app or a passkey, and shows the recovery codes that come with the first. */
export function AddFactor({ session, onAdded }: { session: MemberSession; onAdded: () => void }) {
  const [totp, setTotp] = useState<NewTotp>();
  const [codes, setCodes] = useState<string[]>();
  const added = ({ recovery_codes: shown }: Added) => {
    setTotp(undefined);
    if (shown !== null) setCodes(shown);
    onAdded();
  };
  const { isBusy, problem, onSubmit, run } = useSubmit(async (read) => {
    const body = { code: read('code').trim() };
    added(await session.call((bearer) => callApi<Added>('POST', `/v1/second-factors/${totp?.id ?? ''}/confirm`, { bearer, body })));
  });
  const begin = async () =>
    setTotp(await session.call((bearer) => callApi<NewTotp>('POST', '/v1/second-factors/totp', { bearer, body: {} })));
  const byPasskey = async () => {
    const options = await session.call((bearer) =>
      callApi<PublicKeyCredentialCreationOptionsJSON>('POST', '/v1/second-factors/passkeys/options', { bearer }),
    );
    const passkey = await startRegistration({ optionsJSON: options });
    added(await session.call((bearer) => callApi<Added>('POST', '/v1/second-factors/passkeys', { bearer, body: { passkey } })));
  };
  return (
    <>
      {codes !== undefined && (
        <div className="note" role="status">
          <p>
            Keep these recovery codes where nobody else finds them. Each lets you in once when you have lost everything else; they are not
            shown again.
          </p>
          <ul className="codes" data-testid="recovery-codes">
            {codes.map((code) => (
              <li key={code}>{code}</li>
            ))}
          </ul>
        </div>
      )}
      {totp === undefined ? (
        <>
          {problem !== undefined && <ProblemNotice problem={problem} />}
          <div className="actions">
            <button type="button" className="button button-small" disabled={isBusy} onClick={() => run(begin)} data-testid="add-totp">
              Add an authenticator app
            </button>
            <button
              type="button"
              className="button button-small"
              disabled={isBusy}
              onClick={() => run(byPasskey)}
              data-testid="add-passkey"
            >
              Add a passkey
            </button>
          </div>
        </>
      ) : (
        <form className="form" onSubmit={onSubmit}>
          <p>Scan this with your authenticator app, or type the secret, and enter the code that it shows.</p>
          <img className="qr" alt="The secret as a QR code" src={`data:image/svg+xml,${encodeURIComponent(renderSVG(totp.otpauth_url))}`} />
          <p className="secret" data-testid="secret">
            {totp.secret}
          </p>
          <Field label="Code" name="code" required pattern="\d{6}" inputMode="numeric" autoComplete="one-time-code" data-testid="code" />
          <SubmitRow problem={problem} isBusy={isBusy} label="Confirm" />
        </form>
      )}
    </>
  );
}
