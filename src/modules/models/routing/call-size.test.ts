import { describe, expect, it } from 'vitest';
import { madeTarget } from '../../../../test/support/made-target.ts';
import { AnswerPlan, type PlanRequest } from './answer-plan.ts';
import { sizeOf, withinLimit } from './call-size.ts';
import { promptTokens } from './trim-history.ts';

const target = madeTarget('a');
const request: PlanRequest = { messages: [{ role: 'user', content: 'x'.repeat(400) }], maxOutputTokens: 500, inputTokens: 60 };
const sized = (over: Partial<PlanRequest> = {}, prefix = '') => {
  const asked = { ...request, ...over };
  return sizeOf(new AnswerPlan({ name: 'r', targets: [target], afterContentFilter: false }, asked, 10_000), target, asked, prefix);
};

describe('the size of a call', () => {
  it('is its prompt, as the caller has counted it or as we do, and the longest answer', () => {
    expect(sized()).toEqual({ messages: request.messages, promptTokens: 60, maxOutputTokens: 500 });
    const { inputTokens: _counted, ...uncounted } = request;
    const plan = new AnswerPlan({ name: 'r', targets: [target], afterContentFilter: false }, uncounted, 10_000);
    expect(sizeOf(plan, target, uncounted, '').promptTokens).toBe(promptTokens(request.messages));
  });

  it('has the text that it goes on from, and only what the answer may still have', () => {
    expect(sized({}, 'a b c d')).toMatchObject({ promptTokens: 60 + 4 + 4, maxOutputTokens: 496 });
  });

  it('is what the target is able to give', () => {
    expect(sized({ maxOutputTokens: 100_000 }).maxOutputTokens).toBe(target.window / 2);
  });
});

describe('a call within what a provider allows', () => {
  const outputWithin = (most: number | undefined, over: Partial<PlanRequest> = {}) => withinLimit(sized(over), most).maxOutputTokens;

  it('has as long an answer as was asked for where there is room, or nobody knows', () => {
    expect([outputWithin(undefined), outputWithin(10_000)]).toEqual([500, 500]);
  });

  it('has a shorter one where prompt and answer would be more than the limit', () => {
    expect(outputWithin(400)).toBe(400 * 0.95 - 60);
  });

  it.each<[string, number, number, number]>([
    ['none', 60, 500, 500],
    ['some words', 330, 500, 500],
    ['256 tokens', 333, 500, 256],
    ['less than a quarter of what was asked for', 1_000, 4_000, 4_000],
    ['a quarter of it', 1_120, 4_000, 1_004],
    ['1,024 tokens, whatever was asked for', 1_142, 32_000, 1_024],
  ])('stays as it is unless there is useful room: %s', (_room, most, wanted, expected) => {
    const size = { messages: [], promptTokens: 60, maxOutputTokens: wanted };
    expect(withinLimit(size, most).maxOutputTokens).toBe(expected);
  });
});
