import { describe, expect, it } from 'vitest';
import { ModelError, type ModelFailure, type ModelMessage } from '../model-provider.ts';
import { AnswerPlan, type PlanRequest } from './answer-plan.ts';
import type { Target } from './target.ts';
import { madeCredential, madeTarget } from '../../../../test/support/made-target.ts';

const messages: ModelMessage[] = [
  { role: 'system', content: 'Be brief.' },
  ...Array.from({ length: 20 }, (_, at) => ({
    role: at % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content: `${at}: ${'word '.repeat(50)}`,
  })),
  { role: 'user', content: 'newest' },
];

function planOf(targets: Target[], request: Partial<PlanRequest> = {}, afterContentFilter = false): AnswerPlan {
  return new AnswerPlan({ name: 'r', targets, afterContentFilter }, { messages, maxOutputTokens: 100, ...request }, 10_000);
}

const names = (plan: AnswerPlan, shown = '') => plan.candidates(shown, () => true).map(({ target }) => target.name);
const failWith = (plan: AnswerPlan, target: Target, failure: ModelFailure, prefix = '', retryAfterMs?: number) =>
  plan.failed(target, new ModelError(failure, retryAfterMs === undefined ? {} : { retryAfterMs }), prefix);

const [a, b, big] = [madeTarget('a'), madeTarget('b'), madeTarget('big', { window: 100_000 })];

describe('a failed call', () => {
  it.each<ModelFailure>(['throttled', 'timeout', 'unreachable', 'server_error', 'bad_response', 'truncated'])(
    'of %s may be repeated',
    (failure) => {
      const plan = planOf([a, b]);
      failWith(plan, a, failure);
      expect(plan.candidates('', () => true).map(({ failures }) => failures)).toEqual([1, 0]);
    },
  );

  it.each<ModelFailure>(['aborted', 'invalid_request', 'content_filter'])('of %s is final', (failure) => {
    expect(() => failWith(planOf([a, b]), a, failure)).toThrow(expect.objectContaining({ failure }));
  });

  it('that is of the target alone goes to another, and is final where there is none', () => {
    const plan = planOf([a, b]);
    const refused = new ModelError('invalid_request', { ofTarget: true });
    plan.failed(a, refused, 'some text');
    expect([names(plan), plan.canGoOn('some text')]).toEqual([['b'], true]);
    expect(() => plan.failed(b, refused, '')).toThrow(refused);
  });

  it('of the content filter goes to another target where the route says so', () => {
    const plan = planOf([a, b], {}, true);
    failWith(plan, a, 'content_filter');
    expect(names(plan)).toEqual(['b']);
    expect(() => failWith(plan, b, 'content_filter')).toThrow(ModelError);
  });

  it('of a credential rules out whatever else it would be used for', () => {
    const credential = madeCredential('shared');
    const [one, two] = [madeTarget('one', { credential }), madeTarget('two', { credential })];
    const plan = planOf([one, two, b]);
    failWith(plan, one, 'credential');
    expect(names(plan)).toEqual(['b']);
    expect(() => failWith(planOf([one, two]), one, 'credential')).toThrow(expect.objectContaining({ failure: 'credential' }));
  });

  it('is waited after as long as the provider says, and is final for this target when that is too long', () => {
    const plan = planOf([a, b]);
    failWith(plan, a, 'throttled', '', 7_000);
    expect(plan.waitFor(a, 0.5)).toBe(7_000);
    expect(plan.waitFor(b)).toBe(0);
    failWith(plan, a, 'throttled', '', 3_600_000);
    expect(names(plan)).toEqual(['b']);
    expect(() => failWith(planOf([a]), a, 'throttled', '', 3_600_000)).toThrow(expect.objectContaining({ retryAfterMs: 3_600_000 }));
  });

  it('is waited after with full jitter, twice as long each time', () => {
    const plan = planOf([a]);
    const waits = [1, 2, 3].map(() => {
      failWith(plan, a, 'timeout');
      return [plan.waitFor(a, 0), plan.waitFor(a, 0.999)].map(Math.round);
    });
    expect(waits).toEqual([
      [0, 250],
      [0, 500],
      [0, 999],
    ]);
  });
});

describe('a prompt that is too long', () => {
  it('goes to whoever has a bigger window', () => {
    const plan = planOf([a, b, big]);
    failWith(plan, a, 'context_too_long');
    expect(names(plan)).toEqual(['big']);
    expect(plan.messagesFor(big)).toEqual(messages);
  });

  it('loses half of its history, then all of it, but neither instructions nor the newest message', () => {
    const plan = planOf([a]);
    failWith(plan, a, 'context_too_long');
    const half = plan.messagesFor(a);
    expect(half.length).toBeLessThan(messages.length - 8);
    expect(half.length).toBeGreaterThan(6);
    expect([half[0], half[1]?.role, half.at(-1)]).toEqual([messages[0], 'user', messages.at(-1)]);
    failWith(plan, a, 'context_too_long');
    expect(plan.messagesFor(a)).toEqual([messages[0], messages.at(-1)]);
    expect(() => failWith(plan, a, 'context_too_long')).toThrow(expect.objectContaining({ failure: 'context_too_long' }));
  });

  it('that cannot be cut goes to whoever counts in another way', () => {
    const plan = planOf([a, b], { messages: [{ role: 'user', content: 'newest' }] });
    failWith(plan, a, 'context_too_long');
    expect(names(plan)).toEqual(['b']);
    expect(() => failWith(plan, b, 'context_too_long')).toThrow(expect.objectContaining({ failure: 'context_too_long' }));
  });

  it('is cut for a target with a smaller window before it is sent', () => {
    const tiny = madeTarget('tiny', { window: 800 });
    const plan = planOf([big, tiny]);
    expect(plan.candidates('', () => true).map(({ fits }) => fits)).toEqual([true, false]);
    const cut = plan.messagesFor(tiny);
    expect([cut[0], cut.at(-1)]).toEqual([messages[0], messages.at(-1)]);
    expect(cut.length).toBeGreaterThan(2);
    expect(cut.length).toBeLessThan(messages.length);
  });
});

describe('text that is shown', () => {
  it('is gone on from by whoever can, and not by who has refused', () => {
    const mute = madeTarget('mute', { continues: false });
    const plan = planOf([a, mute]);
    const going = () => plan.candidates('some text', () => true).flatMap(({ target, continues }) => (continues ? [target.name] : []));
    expect(going()).toEqual(['a']);
    failWith(plan, a, 'invalid_request', 'some text');
    expect([going(), plan.canGoOn('some text'), names(plan)]).toEqual([[], false, ['a', 'mute']]);
    expect(() => failWith(plan, a, 'invalid_request')).toThrow(ModelError);
  });

  it('that ends in half a character is gone on from by nobody', () => {
    expect(planOf([a]).canGoOn('a \ud83d')).toBe(false);
  });
});

describe('what an answer needs', () => {
  it('rules out who cannot do it', () => {
    const seeing = madeTarget('seeing', { skills: new Set(['vision', 'tools']) });
    expect(names(planOf([a, seeing], { needs: ['vision'] }))).toEqual(['seeing']);
    expect(names(planOf([a, seeing], { needs: ['vision', 'reasoning'] }))).toEqual([]);
  });
});
