import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { replaceClock } from '../../../kernel/clock.ts';
import { RoutedModels } from '../../../../test/support/routed-answers.ts';
import { breakerDefaults } from './breaker.ts';

let all: RoutedModels;
let ahead = 0;
let restore: () => void;
beforeAll(async () => {
  Logger.overrideLogger(false);
  all = await RoutedModels.start('a', 'b');
});
beforeEach(() => {
  ahead = 0;
  // Time stands still but for the steps of the test: a slow machine must not come to the next trial.
  const began = Date.now();
  restore = replaceClock({ now: () => began + ahead });
});
afterEach(() => {
  restore();
  all.forget();
});
afterAll(() => all.close());

it('a target that fails is left alone, tried by one call, and gets its share back step by step', async () => {
  const { ask, healths } = all.router();
  const targets = [all.target('a'), all.target('b', { tier: 1 })];
  const [a] = targets;
  const breaker = healths.of(a as NonNullable<typeof a>).breaker;
  for (let call = 0; call < breakerDefaults.inARow; call += 1) {
    expect((await ask(targets, { scripts: { a: [{ status: 503 }] } })).events).toEqual(['a', 'b']);
  }
  expect(breaker.state).toBe('open');
  for (let call = 0; call < 20; call += 1) expect((await ask(targets)).events).toEqual(['b']);
  expect(all.served('a')).toBe(breakerDefaults.inARow);

  // The first trial fails, and so does nothing but the trial.
  ahead += breakerDefaults.backoffMs;
  const trial = await Promise.all(Array.from({ length: 10 }, () => ask(targets, { scripts: { a: [{ status: 503 }] } })));
  expect(trial.filter(({ events }) => events[0] === 'a')).toHaveLength(1);
  expect(trial.every(({ ended }) => ended === 'stop')).toBe(true);
  all.model('a').scripts.clear();

  // The second one succeeds.
  ahead += breakerDefaults.backoffMs * 2;
  expect((await ask(targets)).events).toEqual(['a']);
  expect([breaker.state, breaker.share]).toEqual(['restoring', 0.05]);
  const shares: number[] = [];
  const asked: string[] = [];
  for (let call = 0; call < 2_000 && breaker.state !== 'closed'; call += 1) {
    if (shares.at(-1) !== breaker.share) shares.push(breaker.share);
    asked.push(...(await ask(targets)).events);
  }
  expect([breaker.state, shares]).toEqual(['closed', [0.05, 0.25, 0.5]]);
  // Nine successes lead back; their shares say among how many calls.
  expect(asked.filter((name) => name === 'a')).toHaveLength(9);
  expect(asked.length).toBeGreaterThan(15);
  expect((await ask(targets)).events).toEqual(['a']);
});

it('text is gone on from elsewhere while a breaker is open', async () => {
  const { ask } = all.router();
  const targets = [all.target('a'), all.target('b', { tier: 1 })];
  for (let call = 0; call < breakerDefaults.inARow; call += 1) await ask(targets, { scripts: { a: [{ status: 503 }] } });
  const answer = await ask(targets, { shown: 't0 t1 t2', scripts: { b: [{ tokens: 9 }] } });
  expect(answer).toMatchObject({ events: ['b'], text: 't0 t1 t2 t3 t4 t5 t6 t7 t8', ended: 'stop' });
});

it('P9: a target in trouble gets hardly more calls than there are answers, alone as it is', async () => {
  const { ask } = all.router({ MODEL_RETRY_RATIO: '0.2', MODEL_RETRIES_PER_SECOND: '0' });
  const answers = 100;
  const scripts = { a: [{ status: 500 }, { status: 500 }, { status: 500 }] };
  for (let call = 0; call < answers; call += 1) expect((await ask([all.target('a')], { scripts })).ended).toBe('server_error');
  expect(all.served('a')).toBeGreaterThanOrEqual(answers);
  expect(all.served('a')).toBeLessThanOrEqual(answers * 1.2);
});

it('a caller who has nowhere else to go is let through an open breaker, a few at a time', async () => {
  const { ask, healths } = all.router({ MODEL_RETRY_RATIO: '0', MODEL_RETRIES_PER_SECOND: '0' });
  const alone = all.target('a');
  for (let call = 0; call < breakerDefaults.inARow; call += 1) await ask([alone], { scripts: { a: [{ status: 500 }] } });
  expect(healths.of(alone).breaker.state).toBe('open');
  const slow = { tokens: 3, first_token_ms: 200 };
  const many = Array.from({ length: 20 }, () => ask([alone], { scripts: { a: [slow] } }));
  await expect.poll(() => healths.of(alone).breaker.running).toBe(8);
  expect((await Promise.all(many)).every(({ ended }) => ended === 'stop')).toBe(true);
});

it('long answers keep nobody out of the only target, while its breaker is open', async () => {
  const { ask, healths } = all.router({ MODEL_RETRY_RATIO: '0', MODEL_RETRIES_PER_SECOND: '0' });
  const alone = all.target('a');
  for (let call = 0; call < breakerDefaults.inARow; call += 1) await ask([alone], { scripts: { a: [{ status: 500 }] } });
  const many = Array.from({ length: 20 }, () => ask([alone], { scripts: { a: [{ tokens: 20, tokens_per_second: 10 }] } }));
  // None of them ends before all have begun.
  await expect.poll(() => healths.of(alone).breaker.running).toBe(20);
  expect(healths.of(alone).breaker.state).toBe('open');
  expect((await Promise.all(many)).every(({ ended }) => ended === 'stop')).toBe(true);
});
