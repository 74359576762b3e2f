import { expect, test } from 'vitest';
import { repeatsMember } from './json-members.ts';

test.each([
  ['{"sub":"a","sub":"b"}', true],
  // The same name, written otherwise.
  [String.raw`{"sub":"a","s\u0075b":"b"}`, true],
  ['{ "a" : { "b" : 1 , "b" : 2 } }', true],
  ['[{"a":1},{"a":1,"c":[],"a":2}]', true],
  ['{"__proto__":1,"__proto__":2}', true],
  ['{"a":{"a":{"a":1}},"b":["a","a"]}', false],
  // What looks like members within a text is a text.
  [String.raw`{"a":"\",\"a\":1,{","b":"a"}`, false],
  ['"a"', false],
  ['[1,{"constructor":1}]', false],
])('%s', (json, repeats) => {
  expect(() => JSON.parse(json)).not.toThrow();
  expect(repeatsMember(json)).toBe(repeats);
});
