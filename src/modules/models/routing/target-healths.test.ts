import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { madeTarget } from '../../../../test/support/made-target.ts';
import { loadTopics } from '../../../platform/config/index.ts';
import { type ModelsConfig, modelsConfig } from '../models.config.ts';
import { TargetHealths } from './target-healths.ts';

const told: unknown[] = [];
beforeEach(() => {
  vi.spyOn(Logger.prototype, 'warn').mockImplementation((line: unknown) => void told.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  told.length = 0;
});

it('says once that a target is short of retries, before it has none, and once that it has none', () => {
  const config = loadTopics([modelsConfig], { MODEL_RETRY_RATIO: '0', MODEL_RETRIES_PER_SECOND: '1' }).get(modelsConfig.token);
  const healths = new TargetHealths(config as ModelsConfig);
  const target = madeTarget('a');
  const { budget } = healths.of(target);
  const retry = () => healths.tellRetries(target, budget.withdraw());
  for (let left = 10; left > 3; left -= 1) retry();
  expect(told).toEqual([]);
  for (let more = 0; more < 2; more += 1) retry();
  expect(told).toEqual([{ event: 'model_retry_budget_low', target: 'a' }]);
  for (let more = 0; more < 4; more += 1) retry();
  expect(told.slice(1)).toEqual([{ event: 'model_retry_budget_empty', target: 'a' }]);
});
