import { z } from 'zod';
import { publicId } from '../../../kernel/ids.ts';
import { roles } from '../../../kernel/permissions.ts';
import { Name } from '../name.schemas.ts';
import { SecondStepDemanded } from '../second-factor/second-factor.schemas.ts';
import type { OpenedSession } from '../sessions/sessions.service.ts';

/** An e-mail address. */
export const Email = z
  .string()
  .trim()
  .max(254)
  .regex(z.regexes.unicodeEmail, 'must be an e-mail address')
  .meta({ examples: ['owner@example.com'] });
/** A password that somebody chooses. */
export const Password = z.string().min(8).max(200);

const RefreshToken = z.string().min(1).max(200);

/** Body of POST /v1/auth/sign-up. */
export const SignUpBody = z
  .strictObject({ email: Email, password: Password, tenant_name: Name.meta({ examples: ['Example Ltd'] }) })
  .meta({ id: 'SignUp' });

/** A validated body of POST /v1/auth/sign-up. */
export type SignUpBody = z.output<typeof SignUpBody>;

/** Body of POST /v1/auth/sign-in. */
export const SignInBody = z
  .strictObject({ email: Email, password: z.string().min(1).max(200), tenant_id: z.string().max(64).optional() })
  .meta({ id: 'SignIn' });

/** A validated body of POST /v1/auth/sign-in. */
export type SignInBody = z.output<typeof SignInBody>;

/** Body of POST /v1/auth/refresh and /v1/auth/sign-out. */
export const RefreshBody = z.strictObject({ refresh_token: RefreshToken }).meta({ id: 'RefreshToken' });

/** A validated body of POST /v1/auth/refresh and /v1/auth/sign-out. */
export type RefreshBody = z.output<typeof RefreshBody>;

/** A session as its owner gets it. */
export const SessionResponse = z
  .object({
    object: z.literal('session'),
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int(),
    refresh_token: z.string(),
    tenant_id: z.string(),
    user_id: z.string(),
    role: z.enum(roles),
  })
  .meta({ id: 'Session' });

/** What a sign-in answers: a session, or what its second step needs. */
export const SignInResponse = z.union([SessionResponse, SecondStepDemanded]).meta({ id: 'SignInAnswer' });

/** A session in its public shape. */
export function toSessionResponse(session: OpenedSession): z.input<typeof SessionResponse> {
  return {
    object: 'session',
    access_token: session.accessToken,
    token_type: 'Bearer',
    expires_in: session.expiresIn,
    refresh_token: session.refreshToken,
    tenant_id: publicId('tenant', session.tenantId),
    user_id: publicId('user', session.userId),
    role: session.role,
  };
}
