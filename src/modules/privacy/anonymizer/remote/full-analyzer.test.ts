import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Analyzer } from '../analyzer.ts';
import { FullAnalyzer } from './full-analyzer.ts';
import { PresidioDouble } from '../../../../../test/support/presidio-double.ts';
import { PresidioRecognizer } from './presidio.recognizer.ts';

let presidio: PresidioDouble;
const opened: PresidioRecognizer[] = [];

beforeAll(async () => {
  Logger.overrideLogger(false);
  presidio = await PresidioDouble.start();
});
afterEach(async () => {
  presidio.questions.length = 0;
  presidio.answer = (response) => presidio.json(response, []);
  await Promise.all(opened.splice(0).map((recognizer) => recognizer.close()));
});
afterAll(() => presidio.stop());

function analyzer(failure: 'closed' | 'open' = 'closed', settings: { url?: string; timeoutMs?: number } = {}): FullAnalyzer {
  const { url = presidio.url, timeoutMs = 5_000 } = settings;
  const recognizer = new PresidioRecognizer({ url, languages: ['en', 'de'], timeoutMs });
  opened.push(recognizer);
  return new FullAnalyzer(new Analyzer(), { recognizer, failure });
}

const text = '😀 Zaphod 😀 writes to ann@example.com';
const person = { entity_type: 'PERSON', start: 2, end: 8, score: 0.85, analysis_explanation: null };
const mail = { kind: 'EMAIL_ADDRESS', text: 'ann@example.com', recognizer: 'email' };

async function found(of: FullAnalyzer, options = {}): Promise<object[]> {
  const spans = await of.analyzeAll(text, options);
  return spans.map(({ kind, start, end, recognizer }) => ({ kind, text: text.slice(start, end), recognizer }));
}

describe('Presidio, asked over HTTP', () => {
  it('gets the text and its language, and its findings stand beside ours in UTF-16 offsets', async () => {
    presidio.answer = (response) => presidio.json(response, [person, { entity_type: 'SHIP', start: 9, end: 10, score: 1 }]);
    expect(await found(analyzer())).toEqual([
      { kind: 'PERSON', text: 'Zaphod', recognizer: 'presidio' },
      { kind: 'CUSTOM', text: '😀', recognizer: 'presidio' },
      mail,
    ]);
    const body = { text, language: 'en' };
    expect(presidio.questions).toEqual([{ method: 'POST', url: '/analyze', contentType: 'application/json', body }]);
  });

  it('is asked in a language that it knows, and not at all about nothing', async () => {
    const full = analyzer('closed', { url: `${presidio.url}/base/` });
    await full.analyzeAll('Hallo', { language: 'de' });
    await full.analyzeAll('Bonjour', { language: 'fr' });
    await full.analyzeAll('  \n');
    expect(presidio.questions.map(({ url, body }) => [url, (body as { language: string }).language])).toEqual([
      ['/base/analyze', 'de'],
      ['/base/analyze', 'en'],
    ]);
  });

  it('obeys what was asked for: kinds, confidence, allow-list', async () => {
    presidio.answer = (response) => presidio.json(response, [person, { ...person, start: 0, end: 1, score: 0.2 }]);
    expect(await found(analyzer())).toHaveLength(2);
    expect(await found(analyzer(), { kinds: ['EMAIL_ADDRESS'] })).toEqual([mail]);
    expect(await found(analyzer(), { minConfidence: 0.9 })).toEqual([mail]);
    expect(await found(analyzer(), { allow: new Set(['zaphod']) })).toEqual([mail]);
  });

  const failures: [string, () => void][] = [
    ['an error', () => (presidio.answer = (response) => presidio.json(response, { error: 'No matching recognizers' }, 500))],
    ['another form', () => (presidio.answer = (response) => presidio.json(response, { spans: [] }))],
    ['places outside the text', () => (presidio.answer = (response) => presidio.json(response, [{ ...person, end: 40 }]))],
    ['places that end before they begin', () => (presidio.answer = (response) => presidio.json(response, [{ ...person, start: 8 }]))],
    ['a redirect', () => (presidio.answer = (response) => response.writeHead(302, { location: '/health' }).end())],
    ['half an answer', () => (presidio.answer = (response) => response.writeHead(200).write('[', () => response.destroy()))],
    ['a page', () => (presidio.answer = (response) => response.end('<html>'))],
  ];
  it.each(failures)('refuses the text when it answers with %s, or goes by what is built in where that was chosen', async (_, fail) => {
    fail();
    await expect(analyzer().analyzeAll(text)).rejects.toMatchObject({ code: 'privacy_check_unavailable', status: 503 });
    expect(await found(analyzer('open'))).toEqual([mail]);
  });

  it('refuses the text when it is silent, or not there', async () => {
    presidio.answer = () => undefined;
    await expect(analyzer('closed', { timeoutMs: 60 }).analyzeAll(text)).rejects.toMatchObject({ code: 'privacy_check_unavailable' });
    expect(await found(analyzer('open', { timeoutMs: 60 }))).toEqual([mail]);
    const nobody = await PresidioDouble.start();
    const { url } = nobody;
    await nobody.stop();
    await expect(analyzer('closed', { url }).analyzeAll(text)).rejects.toMatchObject({ code: 'privacy_check_unavailable' });
  });

  it('says nothing of the text in its error', async () => {
    presidio.answer = (response) => presidio.json(response, { error: text }, 500);
    const error: unknown = await analyzer()
      .analyzeAll(text)
      .catch((thrown: unknown) => thrown);
    const { message, cause } = error as { message: string; cause: { message: string; stack: string } };
    expect(`${message} ${cause.message} ${cause.stack}`).not.toContain('Zaphod');
  });

  it('is left out where there is none', async () => {
    const local = new FullAnalyzer(new Analyzer());
    expect(local.asksElsewhere).toBe(false);
    expect(await found(local)).toEqual([mail]);
  });
});
