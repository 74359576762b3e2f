import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placeholderPattern } from '../../src/modules/privacy/pseudonyms/placeholders.ts';
import { rows } from '../../src/platform/database/index.ts';
import { Replica } from '../../src/platform/replicas/index.ts';
import { type AnswerStream, resume, send } from '../support/event-stream.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { marker } from '../support/witness.ts';
import { personalText } from './support/personal-texts.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack({ env: { MODEL_CONTINUES: 'demo-large' } });
  tenant = await stack.tenant({ model: 'demo-large' });
});
afterAll(() => stack.close());

function clientOf(of: TestTenant): OpenAI {
  return new OpenAI({ apiKey: of.apiKey, baseURL: `${stack.url}/v1`, maxRetries: 0 });
}

/** Everything that the model has been sent. */
function seen(): string {
  return JSON.stringify(stack.model.witness.entries({ limit: Infinity }).entries.map(({ request }) => request));
}

/** Follows the newest answer from its start to its end, anew after each cut. */
async function readThrough(conversation: string): Promise<AnswerStream> {
  for (let cuts = 0; cuts < 10; cuts += 1) {
    const answer = await resume(stack.url, tenant, conversation);
    await answer?.finished().catch(() => undefined);
    if (answer?.done === true) return answer;
  }
  throw new Error('the answer never ended');
}

function withoutValues(text: string, values: string[]): string {
  return values.reduce((rest, value) => rest.replaceAll(value, '#'), text);
}

const placeholdersIn = (text: string) => [...text.matchAll(placeholderPattern())].map(([placeholder]) => placeholder);

describe('P7: personal data on its way to the model', () => {
  it('is not in 1,000 texts that the model gets, and all of it is in the answers', async () => {
    const client = clientOf(tenant);
    const [requests, each] = [25, 40];
    let restored = 0;
    for (let request = 0; request < requests; request += 1) {
      const texts = Array.from({ length: each }, (_, at) => personalText(request * each + at));
      const values = texts.flatMap((text) => text.values);
      const question = `What did I ask before? ${marker()} [[demo: {"tokens_per_second":0,"first_token_ms":0}]]`;
      const said = texts.map(({ text }, at) => ({ role: at % 2 === 0 ? ('user' as const) : ('assistant' as const), content: text }));
      const completion = await client.chat.completions.create({
        model: tenant.botId,
        messages: [...said, { role: 'user', content: question }],
      });
      const answer = completion.choices[0]?.message.content ?? '';
      const [call] = stack.model.witness.entries({ limit: Infinity, match: question }).entries;
      expect(withoutValues(answer, values)).toBe((call?.text_served ?? '').replaceAll(placeholderPattern(), '#'));
      expect(placeholdersIn(answer)).toEqual([]);
      restored += placeholdersIn(call?.text_served ?? '').length;
      const prompt = JSON.stringify(call?.request);
      expect(values.filter((value) => prompt.includes(value))).toEqual([]);
      expect(new Set(placeholdersIn(prompt)).size).toBeGreaterThanOrEqual(each);
    }
    expect(restored).toBeGreaterThanOrEqual(requests);
  });

  it('is the same placeholder in each turn of a conversation, and comes back to its readers only', async () => {
    const conversation = marker();
    const [first, second] = ['[[demo: {"tokens":3}]] I am ada@example.com', '[[demo: {"text":"ok"}]] still ada@example.com?'];
    await (await send(stack.url, tenant, { conversation, text: first })).finished();
    const other = await stack.tenant({ model: 'demo-large' });
    await (await send(stack.url, tenant, { conversation, text: second })).finished();
    await (await send(stack.url, other, { conversation: marker(), text: 'I am ada@example.com [[demo: {"text":"other"}]]' })).finished();
    const prompts = stack.model.witness
      .entries({ limit: Infinity })
      .entries.slice(-3)
      .map(({ request }) => JSON.stringify(request));
    expect(seen()).not.toContain('ada@example.com');
    const [ofFirst, ofSecond, ofOther] = prompts.map((prompt) => new Set(placeholdersIn(prompt)));
    expect(ofFirst?.size).toBe(1);
    expect(ofSecond).toEqual(ofFirst);
    expect(ofOther).not.toEqual(ofFirst);
    // What another tenant has learnt of it is worth nothing.
    const [stolen = ''] = ofFirst ?? [];
    const asked = await send(stack.url, other, { conversation: marker(), text: `[[demo: {"text":"It is ${stolen}."}]]` });
    expect((await asked.finished()).text).toBe(`It is ${stolen}.`);
  });

  it('what a model says of others is hidden or ends the answer, in what is stored too; what a visitor wrote is theirs to read', async () => {
    const answers = { EMAIL_ADDRESS: 'mask', CREDIT_CARD: 'block' };
    const guarded = await stack.tenant({ model: 'demo-large', privacy: { answers } });
    const conversation = marker();
    const learnt = marker();
    await (await send(stack.url, guarded, { conversation, text: `${learnt} I am ada@example.com [[demo: {"text":"ok"}]]` })).finished();
    const call = await stack.model.witness.waitFor(({ last_user: text }) => text.includes(learnt), 10_000);
    const [placeholder = ''] = placeholdersIn(JSON.stringify(call?.request));
    const says = async (text: string) => {
      const question = marker();
      stack.model.scripts.add({ match: question, scripts: [{ text, chunk_tokens: 1 }] });
      return (await send(stack.url, guarded, { conversation, text: question })).finished();
    };
    const masked = await says(`You are ${placeholder}; your neighbour is bob@example.org, who is away until the summer.`);
    expect(masked.text).toBe('You are ada@example.com; your neighbour is [EMAIL], who is away until the summer.');
    const blocked = await says(`His card is 4111 1111 1111 1111, and ${'that is that, '.repeat(20)}`);
    expect(blocked.text).toBe('His card is \n\n[Withheld: this would have shown personal data.]');
    expect(blocked.last).toMatchObject({ finishReason: 'content-filter' });
    const listed = await stack.request('GET', '/v1/conversations', { token: guarded.accessToken });
    const path = `/v1/conversations/${listed.body.data[0].id as string}/messages`;
    const stored = (await stack.request('GET', path, { token: guarded.accessToken })).body.data as {
      role: string;
      parts: { text: string }[];
    }[];
    const shown = stored.filter(({ role }) => role === 'assistant').map(({ parts }) => parts.map(({ text }) => text).join(''));
    expect(shown.slice(-2)).toEqual([masked.text, blocked.text]);
  });

  it('P10: an answer that is taken over in the middle of a placeholder goes on without a seam', async () => {
    const conversation = marker();
    const learnt = marker();
    const learning = await send(stack.url, tenant, { conversation, text: `${learnt}: I am grace@example.com [[demo: {"text":"ok"}]]` });
    await learning.finished();
    const call = await stack.model.witness.waitFor(({ last_user: text }) => text.includes(learnt), 10_000);
    const [placeholder = ''] = placeholdersIn(JSON.stringify(call?.request));
    const text = Array.from({ length: 60 }, (_, at) => `${at} ${placeholder}`).join(', ');
    const doomed = await stack.replica();
    const question = marker();
    const slow = { text, tokens_per_second: 60 };
    stack.model.scripts.add({ match: question, scripts: [slow, { text, tokens_per_second: 0 }] });
    const before = await send(doomed.url, tenant, { conversation, text: question });
    for await (const event of before) if (event.sequence > 12) break;
    await doomed.app.get(Replica).stop();
    const answer = await readThrough(conversation);
    await doomed.stop();
    expect(answer.text).toBe(text.replaceAll(placeholder, 'grace@example.com'));
    const taken = stack.model.witness.entries({ limit: Infinity, match: question }).entries;
    expect(taken.map(({ continued_prefix: prefix }) => prefix)).toContain('matched');
    expect(seen()).not.toContain('grace@example.com');
  });

  it('is refused where the bot does not take it, before anything is stored', async () => {
    const strict = await stack.tenant({ privacy: { kinds: { CREDIT_CARD: 'block', PERSON: 'off', EMAIL_ADDRESS: 'mask' } } });
    const refused = send(stack.url, strict, { conversation: marker(), text: 'Take 4111 1111 1111 1111' });
    await expect(refused).rejects.toMatchObject({ status: 422, body: { code: 'personal_data_blocked' } });
    await expect(refused).rejects.not.toThrow('4111');
    const stored = await stack.db.forTenant(strict.tenantUuid, (tx) => rows(tx, 'SELECT id FROM conversations'));
    expect(stored).toEqual([]);
    const masked = await send(stack.url, strict, {
      conversation: marker(),
      text: 'I am ada@example.com [[demo: {"text":"You are [EMAIL]"}]]',
    });
    expect((await masked.finished()).text).toBe('You are [EMAIL]');
    const bot = await stack.request('GET', `/v1/bots/${strict.botId}`, { token: strict.apiKey });
    expect(bot.body.privacy.kinds).toEqual({ CREDIT_CARD: 'block', PERSON: 'off', EMAIL_ADDRESS: 'mask' });
  });
});
