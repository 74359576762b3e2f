import { expect, test } from 'vitest';
import { isRedirectUri, redirectTo } from './redirect-uri.ts';

test.each([
  'https://app.example/callback',
  'https://app.example/callback?tenant=a',
  'http://127.0.0.1:8080/cb',
  'http://localhost/cb',
  'http://[::1]:1/cb',
  'com.example.app:/oauth',
])('a code may go to %s', (uri) => {
  expect(isRedirectUri(uri)).toBe(true);
});

test.each([
  '',
  '/callback',
  '//app.example/callback',
  'app.example/callback',
  'http://app.example/callback',
  'http://127.0.0.1.evil.example/cb',
  'http://localhost@evil.example/cb',
  'https://user:secret@app.example/cb',
  'https://app.example/cb#fragment',
  'https://*.example/cb',
  'https://app.example\\@evil.example/cb',
  'https:app.example/cb',
  'https:///',
  'https://app.example/c b',
  'https://app.example/\tcb',
  'https://аpp.example/cb',
  'javascript:alert(1)',
  'data:text/html,x',
  'file:///etc/passwd',
  'blob:https://app.example/x',
  `https://app.example/${'a'.repeat(500)}`,
])('a code may not go to %j', (uri) => {
  expect(isRedirectUri(uri)).toBe(false);
});

test('parameters are added to what an address has', () => {
  expect(redirectTo('https://app.example/cb', { code: 'a b' })).toBe('https://app.example/cb?code=a+b');
  expect(redirectTo('https://app.example/cb?x=1', { code: 'c', state: '&' })).toBe('https://app.example/cb?x=1&code=c&state=%26');
});
