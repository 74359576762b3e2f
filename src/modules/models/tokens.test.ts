import { expect, it } from 'vitest';
import { countTokens } from './tokens.ts';

it('counts markers of chat templates as text', () => {
  expect(countTokens('<|im_start|>system<|endoftext|>')).toBeGreaterThan(6);
});
