import { expect, test } from 'vitest';
import { Analyzer } from '../anonymizer/analyzer.ts';
import { effectivePolicy, type PrivacyPolicy } from '../policies/privacy-policy.ts';
import { AnswerMasking } from './answer-masking.ts';

const analyzer = new Analyzer();
const masking = (answers: NonNullable<PrivacyPolicy['answers']>) =>
  new AnswerMasking(analyzer, effectivePolicy({ kinds: {}, answers }).answers);
const values = ['grace.hopper@example.org', '4111 1111 1111 1111', 'DE89 3704 0044 0532 0130 00', '+44 20 7946 0958'];
const answer = `Of course. You can write to ${values[0]}, or call ${values[3]} before noon.\n\nThe card on file is ${values[1]}; money goes to ${values[2]}, as it
did last year. Your own address, EMAIL_7K3QF9TD, stays what it is. Nothing else is known to me, and that is all there is to say about it for today.`;
const masked = answer
  .replace(values[0] as string, '[EMAIL]')
  .replace(values[3] as string, '[PHONE]')
  .replace(values[1] as string, '[CARD]')
  .replace(values[2] as string, '[IBAN]');
const all = { EMAIL_ADDRESS: 'mask', PHONE_NUMBER: 'mask', CREDIT_CARD: 'mask', IBAN_CODE: 'mask' } as const;

function inPieces(text: string, size: number, stream: AnswerMasking): { shown: string; behind: number } {
  let shown = '';
  let behind = 0;
  for (let at = 0; at < text.length; at += size) {
    shown += stream.push(text.slice(at, at + size));
    behind = Math.max(behind, Math.min(at + size, text.length) - shown.length);
  }
  return { shown: shown + stream.end(), behind };
}

test('in pieces of any size an answer is masked as if it had come at once, and never held back for long', () => {
  for (let size = 1; size <= answer.length; size += 1) {
    const { shown, behind } = inPieces(answer, size, masking(all));
    expect(shown, `pieces of ${size}`).toBe(masked);
    if (size < 20) expect(behind).toBeLessThan(260);
  }
});

test('what is not named passes as it comes; a placeholder is nothing that is found', () => {
  expect(masking({}).push('grace@')).toBe('grace@');
  expect(inPieces(answer, 7, masking({ IBAN_CODE: 'mask' })).shown).toBe(answer.replace(values[2] as string, '[IBAN]'));
});

test('what blocks ends the answer before it, wherever the pieces are cut', () => {
  for (const size of [1, 3, 11, 200, answer.length]) {
    const stream = masking({ ...all, CREDIT_CARD: 'block' });
    const { shown } = inPieces(answer, size, stream);
    expect(stream.blocked).toBe('CREDIT_CARD');
    expect(shown).toBe(masked.slice(0, masked.indexOf('[CARD]')));
  }
});

test('an answer that goes on after a call knows what stands before it', () => {
  const stream = masking(all);
  const before = 'My e-mail address is grace.hop';
  expect(stream.push(before)).toBe('');
  stream.resume('Well. My e-mail address is ');
  expect(stream.push('grace.hopper@example.org, as ever.') + stream.end()).toBe('[EMAIL], as ever.');
});

test('a long answer without any space is not waited for for ever', () => {
  const stream = masking({ EMAIL_ADDRESS: 'mask' });
  let shown = 0;
  for (let at = 0; at < 200; at += 1) shown += stream.push('a'.repeat(100)).length;
  expect(shown).toBeGreaterThan(14_000);
  expect(shown + stream.end().length).toBe(20_000);
});
