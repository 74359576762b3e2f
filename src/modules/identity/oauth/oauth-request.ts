import type { FastifyRequest } from 'fastify';
import { oauthErrors } from './oauth.errors.ts';

/** What the OAuth endpoints look at besides the form. */
export interface OAuthRequest {
  address: string;
  /** Client id and secret of `Authorization: Basic`; undefined where the header is absent. */
  basic: { id: string; secret: string } | undefined;
}

const maxHeaderLength = 1_024;

/**
 * Reads a request of a client. Throws 400 for anything in the query (a secret there ends up in logs), for another content type than a form
 * (RFC 6749 section 3.2), and 401 for an `Authorization` header that is not one well-formed `Basic`.
 */
export function oauthRequestOf(request: FastifyRequest): OAuthRequest {
  if (request.url.includes('?')) throw oauthErrors.invalidRequest('Parameters belong into the body, never into the URL.');
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') throw oauthErrors.invalidRequest('The body must be application/x-www-form-urlencoded.');
  return { address: request.ip, basic: basicOf(request) };
}

function basicOf({ headers, raw }: FastifyRequest): OAuthRequest['basic'] {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  const names = raw.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'authorization');
  const encoded =
    authorization.length > maxHeaderLength || names.length > 1 ? undefined : /^basic +([\w+/-]+=*)$/i.exec(authorization)?.[1];
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
  if (id === undefined || secret === undefined) throw oauthErrors.invalidClient();
  return { id: formDecoded(id), secret: formDecoded(secret) };
}

/** RFC 6749 section 2.3.1: both are form-encoded before they are joined. */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw oauthErrors.invalidClient();
  }
}
