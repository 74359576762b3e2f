import { Injectable } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { analyzeInjectionInTurns, type InjectionAnalysis } from './analyze-injection.ts';
import type { AnalyzeInjection } from './injection.schemas.ts';

/** Judges texts for whoever wants to try the detector or to look through documents. */
@Injectable()
export class InjectionService {
  /** Judges one text or many, without keeping others waiting. */
  async analyze(body: AnalyzeInjection): Promise<InjectionAnalysis | { results: InjectionAnalysis[] }> {
    if ('text' in body) return analyzeInjectionInTurns(body.text);
    const results: InjectionAnalysis[] = [];
    for (const text of body.texts) {
      results.push(await analyzeInjectionInTurns(text));
      await nextTurn();
    }
    return { results };
  }
}
