import type { SessionCaps } from '../../identity/index.ts';

/**
 * How long people stay signed in at most where the mode is strict: 12 hours in all and 15 minutes without a refresh (NIST SP 800-63B,
 * section 4.3.3, AAL3; HIPAA 164.312(a)(2)(iii) asks for automatic logoff and names no time).
 */
export const strictSessions: SessionCaps = { accessTokenSeconds: 300, sessionSeconds: 43_200, idleSeconds: 900 };
