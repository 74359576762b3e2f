import { expect, test } from 'vitest';
import { crossedThresholds, type MonthCounter } from './thresholds.ts';

const counter = (more: Partial<MonthCounter>): MonthCounter => ({
  ...{ startsAt: new Date('2026-11-01T00:00:00Z'), messages: 0, tokens: 0, cost: 0, announced: {} },
  ...more,
});
const told = (counted: Partial<MonthCounter>, limits: Parameters<typeof crossedThresholds>[1], refusedBy?: 'tokens_per_month') =>
  crossedThresholds(counter(counted), limits, refusedBy).map(({ limit, percent }) => `${limit} ${percent}`);

test.each([
  [49, []],
  [50, [50]],
  [79, [50]],
  [80, [50, 80]],
  [99, [50, 80]],
  [100, [50, 80, 100]],
  [250, [50, 80, 100]],
])('%i of 100 has crossed %j', (messages, expected) => {
  expect(told({ messages }, { messages_per_month: 100 })).toEqual(expected.map((percent) => `messages_per_month ${percent}`));
});

test('every limit of 1 to 200 is full when it is full, and not before', () => {
  for (let quota = 1; quota <= 200; quota += 1) {
    expect(told({ messages: quota }, { messages_per_month: quota }), String(quota)).toHaveLength(3);
    expect(told({ messages: quota - 1 }, { messages_per_month: quota }), String(quota)).not.toContain('messages_per_month 100');
  }
});

test('what was announced is not told again; another limit has thresholds of its own', () => {
  const announced = { 'tokens_per_month:100': 80 };
  expect(told({ tokens: 90, announced }, { tokens_per_month: 100 })).toEqual([]);
  expect(told({ tokens: 100, announced }, { tokens_per_month: 100 })).toEqual(['tokens_per_month 100']);
  expect(told({ tokens: 100, announced }, { tokens_per_month: 200 })).toEqual(['tokens_per_month 50']);
});

test('each limit for itself; none where there is none, or nothing is allowed', () => {
  expect(told({ messages: 5, tokens: 5, cost: 5 }, {})).toEqual([]);
  expect(told({ messages: 5, tokens: 5, cost: 5 }, { messages_per_month: 0, tokens_per_month: 10, cost_per_month: 9 })).toEqual([
    'tokens_per_month 50',
    'cost_per_month 50',
  ]);
});

test('a limit that refuses when nearly all is used counts as reached', () => {
  expect(told({ tokens: 79 }, { tokens_per_month: 100 }, 'tokens_per_month')).toEqual(['tokens_per_month 50']);
  expect(told({ tokens: 80 }, { tokens_per_month: 100 }, 'tokens_per_month')).toHaveLength(3);
  expect(told({ tokens: 80, messages: 90 }, { messages_per_month: 100 }, 'tokens_per_month')).toHaveLength(2);
});
