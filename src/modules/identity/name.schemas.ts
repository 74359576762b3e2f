import { z } from 'zod';

/** A text for people. No control characters: Postgres cannot store U+0000, and none of them belongs in a name. */
export const Name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}*$/u, 'must not contain control characters');
