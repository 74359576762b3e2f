import { z } from 'zod';

/** Longest text, and most of all texts of a request together, in bytes of UTF-8. */
const textBytes = 256 * 1_024;
const allBytes = 1_024 * 1_024;

const Text = z
  .string()
  .max(textBytes)
  .refine((text) => Buffer.byteLength(text) <= textBytes, 'at most 256 KiB');

/** Body of "analyze for prompt injection": a text, or up to 100. */
export const AnalyzeInjection = z
  .union([
    z.strictObject({ text: Text }),
    z.strictObject({
      texts: z
        .array(Text)
        .min(1)
        .max(100)
        .refine((texts) => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) <= allBytes, 'at most 1 MiB in all'),
    }),
  ])
  .meta({ id: 'AnalyzeInjection' });
/** Texts to analyze, validated. */
export type AnalyzeInjection = z.output<typeof AnalyzeInjection>;

/** A text's analysis as the API shows it. */
export const InjectionAnalysisResponse = z
  .object({
    /** 0 innocent, 1 an attack. */
    score: z.number().min(0).max(1),
    verdict: z.enum(['clean', 'suspicious', 'attack']),
    /** What speaks for an attack, strongest first, by code; never the text. */
    reasons: z.array(z.object({ code: z.string(), weight: z.number() })),
  })
  .meta({ id: 'InjectionAnalysis' });

/** The analysis of a text, or those of all in their order. */
export const InjectionAnalysesResponse = z.union([InjectionAnalysisResponse, z.object({ results: z.array(InjectionAnalysisResponse) })]);
