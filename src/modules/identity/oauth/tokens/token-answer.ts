/** Tokens as RFC 6749 section 5.1 has them. */
export function tokenAnswer(accessToken: string, seconds: number, scopes: readonly string[], refreshToken?: string) {
  return {
    access_token: accessToken,
    token_type: 'Bearer' as const,
    expires_in: seconds,
    scope: scopes.join(' '),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
  };
}
