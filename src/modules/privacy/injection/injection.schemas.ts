import { z } from 'zod';
import { GivenText, GivenTexts } from '../given-text.schemas.ts';

/** Body of "analyze for prompt injection": a text, or up to 100. */
export const AnalyzeInjection = z
  .union([z.strictObject({ text: GivenText }), z.strictObject({ texts: GivenTexts })])
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
