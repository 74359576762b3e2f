import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** A real OpenID provider on loopback. */
export interface HonestProvider {
  issuer: string;
  /** Makes a client known there, in the place of the last. */
  admit: (client: { id: string; secret: string; redirectUri: string }) => void;
  close: () => void;
}

/**
 * Starts `oidc-provider`, which demands PKCE, says `iss` in its answers and gives the e-mail at its user-info endpoint alone. Whoever logs in as
 * `ada` is `accountId` with `email`.
 */
export async function honestProvider({ accountId, email }: { accountId: string; email: string }): Promise<HonestProvider> {
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provide = (clients: { client_id: string; client_secret: string; redirect_uris: string[] }[]) => {
    const provider = new Provider(issuer, {
      clients,
      claims: { email: ['email', 'email_verified'] },
      pkce: { required: () => true },
      cookies: { keys: ['test'] },
      findAccount: () => ({ accountId, claims: () => ({ sub: accountId, email, email_verified: true }) }),
      async loadExistingGrant(context) {
        const { client, session } = context.oidc;
        const grant = new context.oidc.provider.Grant({ clientId: client?.clientId, accountId: session?.accountId });
        grant.addOIDCScope('openid email profile');
        await grant.save();
        return grant;
      },
    });
    return provider.callback();
  };
  let handle = provide([]);
  return {
    issuer,
    admit: ({ id, secret, redirectUri }) =>
      void (handle = provide([{ client_id: id, client_secret: secret, redirect_uris: [redirectUri] }])),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
