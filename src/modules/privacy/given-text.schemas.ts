import { z } from 'zod';

/** Longest text, and most of all texts of a request together, in bytes of UTF-8. */
const textBytes = 256 * 1_024;
const allBytes = 1_024 * 1_024;

/** A text that somebody has looked at over the API. */
export const GivenText = z
  .string()
  .max(textBytes)
  .refine((text) => Buffer.byteLength(text) <= textBytes, 'at most 256 KiB');

/** Up to 100 of them. */
export const GivenTexts = z
  .array(GivenText)
  .min(1)
  .max(100)
  .refine((texts) => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) <= allBytes, 'at most 1 MiB in all');
