import type { Answer, TestStack } from './stack.ts';

/** A client with its secret, as it is shown once. */
export interface OAuthClientSecret {
  id: string;
  client_secret: string;
}

/** Posts a form to an OAuth endpoint. */
export function postForm(
  stack: TestStack,
  path: string,
  parameters: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString();
  return stack.request('POST', path, { body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } });
}

/** The header of client_secret_basic. */
export function basicOf(id: string, secret: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
}

/** The parameters of client_secret_post. */
export function proofOf({ id, client_secret }: OAuthClientSecret): { client_id: string; client_secret: string } {
  return { client_id: id, client_secret };
}
