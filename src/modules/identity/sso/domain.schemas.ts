import { z } from 'zod';

/** The domain of e-mail addresses, in lower case; international ones in their ASCII form (`xn--…`). */
export const Domain = z
  .string()
  .max(253)
  .toLowerCase()
  .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/, 'must be a domain, as in example.com')
  .meta({ examples: ['example.com'] });
