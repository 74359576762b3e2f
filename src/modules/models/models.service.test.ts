import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RunningDemoModel, startDemoModel } from '../../apps/demo-model/server.ts';
import { loadTopics } from '../../platform/config/index.ts';
import { type ModelsConfig, modelsConfig } from './models.config.ts';
import { standaloneModels } from '../../../test/support/standalone-models.ts';
import type { Models } from './models.service.ts';
import type { ModelListener } from './routing/answer-listener.ts';

let model: RunningDemoModel;
const opened: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  Logger.overrideLogger(false);
  model = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0 });
});
afterEach(() => {
  model.witness.clear();
  model.scripts.clear();
});
afterAll(async () => {
  for (const models of opened) await models.close();
  await model.close();
});

function modelsWith(env: Record<string, string> = {}): Models {
  const topics = loadTopics([modelsConfig], { OPENAI_BASE_URL: `${model.url}/v1`, ...env });
  const made = standaloneModels(topics.get(modelsConfig.token) as ModelsConfig);
  opened.push(made);
  return made.models;
}

/** Streams an answer that the model gives by these scripts, call after call. */
async function ask(models: Models, scripts: object[], { shown = '', maxOutputTokens = 500, name = 'demo-small' } = {}) {
  model.scripts.add({ match: 'Go', scripts: scripts as [] });
  const events: string[] = [];
  let text = shown;
  const listener: ModelListener = {
    shown: () => text,
    onCall: () => void events.push('call'),
    onCallEnd: () => undefined,
    onText: (piece) => {
      text += piece;
    },
    onRestart: () => {
      events.push('restart');
      text = '';
    },
  };
  const ended = await models
    .stream(
      {
        model: name,
        messages: [{ role: 'user', content: 'Go' }],
        maxOutputTokens,
        signal: new AbortController().signal,
        deadlineAt: Date.now() + 5_000,
      },
      listener,
    )
    .then(
      ({ finishReason }) => finishReason as string,
      (error: { failure: string }) => error.failure,
    );
  return { text, events, ended };
}

const counted = (tokens: number) => Array.from({ length: tokens }, (_, at) => `t${at}`).join(' ');

describe('which models can go on from a text', () => {
  it.each<[string | undefined, string, boolean]>([
    [undefined, 'demo-small', true],
    [undefined, 'gpt-4o', false],
    [undefined, 'some-model', false],
    ['some-model, another', 'some-model', true],
    ['some-model, another', 'demo-small', false],
    ['*', 'some-model', true],
    ['none', 'demo-small', false],
  ])('with MODEL_CONTINUES %j, %s: %j', (declared, name, expected) => {
    expect(modelsWith(declared === undefined ? {} : { MODEL_CONTINUES: declared }).canContinue(name)).toBe(expected);
  });
});

describe('an answer of which text is shown', () => {
  it('goes on from it: no word twice, none missing', async () => {
    const shown = counted(20);
    expect(await ask(modelsWith(), [{ tokens: 50 }], { shown })).toEqual({ text: counted(50), events: ['call'], ended: 'stop' });
    expect(model.witness.entries().entries[0]).toMatchObject({ continued_prefix: 'matched' });
    expect(model.witness.entries().entries[0]?.request).toMatchObject({
      continue_final_message: true,
      add_generation_prompt: false,
      messages: [
        { role: 'user', content: 'Go' },
        { role: 'assistant', content: shown },
      ],
    });
  });

  it('goes on through the middle of a word', async () => {
    const shown = counted(20).slice(0, -1);
    expect(await ask(modelsWith(), [{ tokens: 50 }], { shown })).toMatchObject({ text: counted(50), ended: 'stop' });
  });

  it('is asked only for the tokens that it may still have', async () => {
    await ask(modelsWith(), [{ tokens: 50 }], { shown: 'a b c d', maxOutputTokens: 10 });
    expect(model.witness.entries().entries[0]?.request).toMatchObject({ max_tokens: 6 });
  });

  it('may have a bounded part more where it has none left by our count, which need not be the model’s', async () => {
    await ask(modelsWith(), [{ tokens: 9 }], { shown: 'a b c d e f g h', maxOutputTokens: 8 });
    expect(model.witness.entries().entries[0]?.request).toMatchObject({ max_tokens: 2 });
  });

  it('is complete when the model has nothing to add', async () => {
    expect(await ask(modelsWith(), [{ tokens: 20 }], { shown: counted(20) })).toMatchObject({ text: counted(20), ended: 'stop' });
  });

  it.each([
    ['the model is not said to go on', 'none', counted(5)],
    ['it ends in half of a character', '*', 'a \ud83d'],
  ])('begins anew when %s', async (_why, declared, shown) => {
    const answer = await ask(modelsWith({ MODEL_CONTINUES: declared }), [{ tokens: 9 }], { shown });
    expect(answer).toEqual({ text: counted(9), events: ['restart', 'call'], ended: 'stop' });
  });

  it('begins anew when the provider refuses to go on, as one more call', async () => {
    const refusal = { status: 400 };
    expect(await ask(modelsWith(), [refusal, { tokens: 9 }], { shown: counted(5) })).toEqual({
      text: counted(9),
      events: ['call', 'restart', 'call'],
      ended: 'stop',
    });
    // A refusal of a prompt without a prefix is a refusal.
    expect(await ask(modelsWith(), [refusal, refusal], { shown: counted(5) })).toMatchObject({ text: '', ended: 'invalid_request' });
  });
});

describe('a call that breaks off after text', () => {
  it('is gone on from, within the calls of one attempt', async () => {
    const cut = { tokens: 50, cut_after_tokens: 10 };
    expect(await ask(modelsWith(), [cut, { status: 500 }, { tokens: 50 }])).toEqual({
      text: counted(50),
      events: ['call', 'call', 'call'],
      ended: 'stop',
    });
    const given = await ask(modelsWith({ MODEL_MAX_CALLS: '2' }), [cut, cut, cut, cut]);
    expect(given).toEqual({ text: counted(20), events: ['call', 'call'], ended: 'truncated' });
  });

  it('is begun anew where the model cannot go on, as long as a call is left', async () => {
    const cut = { tokens: 50, cut_after_tokens: 10 };
    expect(await ask(modelsWith({ MODEL_CONTINUES: 'none' }), [cut, { tokens: 50 }])).toEqual({
      text: counted(50),
      events: ['call', 'restart', 'call'],
      ended: 'stop',
    });
    const once = modelsWith({ MODEL_CONTINUES: 'none', MODEL_MAX_CALLS: '1' });
    expect(await ask(once, [cut])).toEqual({ text: counted(10), events: ['call'], ended: 'truncated' });
  });
});
