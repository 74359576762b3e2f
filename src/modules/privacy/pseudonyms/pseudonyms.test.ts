import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { Analyzer } from '../anonymizer/analyzer.ts';
import { FullAnalyzer } from '../anonymizer/remote/full-analyzer.ts';
import { CustomData } from '../anonymizer/custom/custom-data.schemas.ts';
import { effectivePolicy } from '../policies/privacy-policy.ts';
import { longestPlaceholder, placeholderPattern } from './placeholders.ts';
import { PromptPrivacy } from './prompt-privacy.ts';
import { Pseudonyms } from './pseudonyms.ts';

const analyzer = new Analyzer();
const privacy = new PromptPrivacy(analyzer, new FullAnalyzer(analyzer), { modeOf: async () => 'standard' });
const secret = randomBytes(32);
const policy = effectivePolicy(null);
const values = ['ada.lovelace@example.com', '4111 1111 1111 1111', '+44 20 7946 0958', 'DE89 3704 0044 0532 0130 00'];
const text = `Mail ${values[0]}, card ${values[1]}, call ${values[2]} or pay to ${values[3]}.`;

function placeholdersIn(hidden: string): string[] {
  return [...hidden.matchAll(placeholderPattern())].map(([placeholder]) => placeholder);
}

test('P7: the model gets placeholders, the same ones in each turn of a conversation and others elsewhere', async () => {
  const hide = async (key: Buffer) => (await privacy.hide([{ text }, { text: `Again: ${values[0]}` }], policy, key)).texts;
  const [first = '', again = ''] = await hide(secret);
  for (const value of values) expect(first + again).not.toContain(value);
  expect(new Set(placeholdersIn(first)).size).toBe(values.length);
  expect(placeholdersIn(again)).toEqual(placeholdersIn(first).slice(0, 1));
  expect(await hide(secret)).toEqual([first, again]);
  expect(placeholdersIn((await hide(randomBytes(32))).join(''))).not.toEqual(placeholdersIn(first + again));
});

test('a value that one text gives away is hidden in all', async () => {
  const { texts } = await privacy.hide([{ text: 'my phone is 5551234567' }, { text: 'order 5551234567?' }], policy, secret);
  expect(texts.join(' ')).not.toContain('5551234567');
});

test('what the model says is restored at every cut, in every form, and little is held back', async () => {
  const { pseudonyms, texts } = await privacy.hide([{ text }], policy, secret);
  const [email = '', card = '', phone = ''] = placeholdersIn(texts[0] ?? '');
  const said = [
    [
      `Write to **${email}**'s owner, not PERSON or EMAIL_; (${card})`,
      `Write to **${values[0]}**'s owner, not PERSON or EMAIL_; (${values[1]})`,
    ],
    [`${email.toLowerCase()}${card}`, `${values[0]}${values[1]}`],
    [`{"mail":"${email}","n":"\\n${phone}"}`, `{"mail":"${values[0]}","n":"\\n${values[2]}"}`],
    [
      `# ${email.replace('_', '\\_')}\n- \`${phone}\` 👩‍🚀EMAIL_EMAIL_${email}`,
      `# ${values[0]}\n- \`${values[2]}\` 👩‍🚀EMAIL_EMAIL_${values[0]}`,
    ],
    ['EMAIL_00000000 ends with EMAIL_0000', 'EMAIL_00000000 ends with EMAIL_0000'],
  ] as const;
  for (const [from, to] of said) {
    for (let first = 0; first <= from.length; first += 1) {
      for (let second = first; second <= from.length; second += 1) {
        const stream = pseudonyms.restoring();
        let shown = 0;
        let result = '';
        for (const piece of [from.slice(0, first), from.slice(first, second), from.slice(second)]) {
          result += stream.push(piece);
          shown += piece.length;
        }
        expect(result.length).toBeGreaterThanOrEqual(Math.min(to.length, shown) - longestPlaceholder - 1 - 24);
        expect(result + stream.end()).toBe(to);
      }
    }
    const single = pseudonyms.restoring();
    expect(Array.from(from, (sign) => single.push(sign)).join('') + single.end()).toBe(to);
  }
});

test('a placeholder may end with what another one begins with', async () => {
  for (let at = 0; at < 200; at += 1) {
    const { pseudonyms, texts } = await privacy.hide([{ text }], policy, Buffer.from(`secret ${at}`));
    const stream = pseudonyms.restoring();
    const pieces = (texts[0] ?? '').match(/.{1,9}/gs) ?? [];
    expect(pieces.map((piece) => stream.push(piece)).join('') + stream.end()).toBe(text);
    const words = pseudonyms.restoring();
    expect(
      (texts[0] ?? '')
        .split(/(?=[ ,.])/)
        .map((piece) => words.push(piece))
        .join('') + words.end(),
    ).toBe(text);
  }
});

test('a value with quotes does not end the string of a JSON answer', async () => {
  const pseudonyms = new Pseudonyms(secret, policy);
  const span = { kind: 'SECRET', start: 0, end: 6, confidence: 1, recognizer: 'secret' } as const;
  const quoted = { text: 'a"b\\c1', spans: [span] };
  pseudonyms.learn([quoted]);
  const texts = [pseudonyms.hide(quoted)];
  const stream = pseudonyms.restoring();
  const restored = stream.push(`{"p":"${placeholdersIn(texts[0] ?? '')[0]}"}`) + stream.end();
  expect(JSON.parse(restored)).toEqual({ p: 'a"b\\c1' });
});

test('what somebody writes in the form of a placeholder is inert', async () => {
  const { texts: earlier } = await privacy.hide([{ text }], policy, secret);
  const [stolen = ''] = placeholdersIn(earlier[0] ?? '');
  const { pseudonyms, texts } = await privacy.hide([{ text: `Tell me ${stolen} and email_00000000` }], policy, secret);
  expect(texts[0]).not.toContain(stolen);
  const stream = pseudonyms.restoring();
  expect(stream.push(texts[0] ?? '') + stream.end()).toBe(`Tell me ${stolen} and email_00000000`);
  // Another conversation's stands for nothing.
  const foreign = (await privacy.hide([{ text }], policy, randomBytes(32))).pseudonyms.restoring();
  expect(foreign.push(stolen) + foreign.end()).toBe(stolen);
});

test('an answer goes on as the model had begun it', async () => {
  const { pseudonyms, texts } = await privacy.hide([{ text }], policy, secret);
  const stream = pseudonyms.restoring();
  const shown = stream.push(texts[0] ?? '') + stream.end();
  expect(shown).toBe(text);
  expect(pseudonyms.hideShown(shown)).toBe(texts[0]);
});

test('a policy masks, leaves and blocks by kind', async () => {
  const own = effectivePolicy({
    kinds: { EMAIL_ADDRESS: 'mask', CREDIT_CARD: 'block', PHONE_NUMBER: 'off' },
    custom: CustomData.parse({ allow: ['De89 3704 0044 0532 0130 00'], dictionaries: [{ name: 'projects', terms: ['Orion'] }] }),
  });
  const { texts, pseudonyms } = await privacy.hide([{ text: `${values[0]} ${values[2]} ${values[3]} Orion` }], own, secret);
  expect(texts).toEqual([expect.stringMatching(/^\[EMAIL\] \+44 20 7946 0958 DE89 3704 0044 0532 0130 00 ITEM_\w{8}$/)]);
  expect(pseudonyms.restoring().push('[EMAIL]')).toBe('[EMAIL]');
  expect((await privacy.check(text, own)).blocked).toEqual(['CREDIT_CARD']);
  expect(effectivePolicy(null, 'strict').actionOf.get('PERSON')).toBe('pseudonymise');
});

test('the room that hiding takes is known beforehand', async () => {
  const many = `call +15551234567, ${'a@b.io '.repeat(50)}`;
  const { texts } = await privacy.hide([{ text: many }], policy, secret);
  expect(Buffer.byteLength(texts[0] ?? '')).toBeLessThanOrEqual(Buffer.byteLength(many) + (await privacy.check(many, policy)).growth);
});
