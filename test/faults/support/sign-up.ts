import { randomBytes } from 'node:crypto';
import type { Tenant } from '../clients/conversations.ts';
import { uuidOfPublic } from './public-id.ts';

/** Signs up a tenant with a secret key and a bot, over the API, as a customer does. */
export async function signUp(url: string, letter: string): Promise<Tenant> {
  const call = async (path: string, body: object, token?: string) => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    if (response.status !== 201) throw new Error(`${path} answered ${response.status}`);
    return (await response.json()) as Record<string, string>;
  };
  const email = `owner-${randomBytes(6).toString('hex')}@example.com`;
  const session = await call('/v1/auth/sign-up', {
    email,
    password: randomBytes(12).toString('base64url'),
    tenant_name: `Tenant ${letter}`,
  });
  const token = session['access_token'];
  const key = await call('/v1/api-keys', { name: 'Key' }, token);
  // The default bound of an answer is far above all that are asked for here: an end by length is a finding.
  const bot = await call('/v1/bots', { name: 'Bot', instructions: 'Be brief.' }, token);
  return { letter, uuid: uuidOfPublic(session['tenant_id'] ?? ''), apiKey: key['key'] ?? '', botId: bot['id'] ?? '' };
}
