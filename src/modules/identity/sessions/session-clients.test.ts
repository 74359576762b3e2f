import { expect, test } from 'vitest';
import { deviceOf } from './session-clients.ts';

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux', true],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
    'Chrome on Windows',
    true,
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
    'Safari on iOS',
    true,
  ],
  ['curl/8.5.0', 'curl', false],
  ['node', 'node', false],
  ['', 'Unknown', false],
  [undefined, 'Unknown', false],
  [`<script>${'x'.repeat(100_000)}`, 'Unknown', false],
])('%s is %s', (userAgent, name, browser) => {
  expect(deviceOf(userAgent)).toEqual({ name, browser });
});
