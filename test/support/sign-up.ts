import { randomBytes } from 'node:crypto';

/** A tenant that has just signed up, with a secret key and a bot. Its id is the public one. */
export interface SignedUp {
  tenantId: string;
  apiKey: string;
  botId: string;
}

/** Signs up a tenant with a secret key and a bot of these settings, over the API, as a customer does. */
export async function signUpCustomer(url: string, name: string, bot: object = {}): Promise<SignedUp> {
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
  const session = await call('/v1/auth/sign-up', { email, password: randomBytes(12).toString('base64url'), tenant_name: name });
  const token = session['access_token'];
  const key = await call('/v1/api-keys', { name: 'Key' }, token);
  const made = await call('/v1/bots', { name: 'Bot', instructions: 'Be brief.', ...bot }, token);
  return { tenantId: session['tenant_id'] ?? '', apiKey: key['key'] ?? '', botId: made['id'] ?? '' };
}
