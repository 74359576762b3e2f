import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { counted, RoutedModels } from '../../../../test/support/routed-answers.ts';

let all: RoutedModels;
beforeAll(async () => {
  Logger.overrideLogger(false);
  all = await RoutedModels.start('a', 'b');
});
afterEach(() => all.forget());
afterAll(() => all.close());

/** `a` first, then `b`. */
const both = (over: Parameters<RoutedModels['target']>[1] = {}) => [all.target('a', over), all.target('b', { tier: 1, ...over })];

describe('a call that fails before any text', () => {
  it.each<[object, string, boolean]>([
    [{ status: 429 }, 'throttled', true],
    [{ status: 429, retry_after: '3600' }, 'throttled', true],
    [{ status: 500 }, 'server_error', true],
    [{ status: 503 }, 'server_error', true],
    [{ cut_after_tokens: 0 }, 'truncated', false],
    [{ tokens: 5, content_type: 'text/html' }, 'bad_response', false],
    [{ stall_after_tokens: 0 }, 'timeout', false],
    [{ status: 401 }, 'credential', true],
    [{ status: 403 }, 'invalid_request', true],
    [{ status: 404 }, 'invalid_request', true],
    [{ status: 405 }, 'invalid_request', true],
    [{ status: 400, error_code: 'model_not_found' }, 'invalid_request', true],
    [{ status: 409 }, 'server_error', true],
    [{ status: 413 }, 'context_too_long', true],
    [{ status: 425 }, 'server_error', true],
  ])('%j is followed by another target at once', async (script, outcome, unserved) => {
    const answer = await all.router().ask(both(), { scripts: { a: [{ tokens: 9, ...script }], b: [{ tokens: 9 }] } });
    expect(answer).toMatchObject({ text: counted(9), events: ['a', 'b'], ended: 'stop' });
    expect(answer.ends).toMatchObject([
      { outcome, unserved },
      { outcome: 'stop', unserved: false, usage: { outputTokens: 9 } },
    ]);
    expect([all.served('a'), all.served('b')]).toEqual([1, 1]);
  });

  it('by nobody being there is too', async () => {
    const away = all.target('a', { credential: { ...all.target('a').credential, baseUrl: 'http://127.0.0.1:9/v1' } });
    const answer = await all.router().ask([away, all.target('b', { tier: 1 })], { scripts: { b: [{ tokens: 3 }] } });
    expect(answer).toMatchObject({ text: counted(3), events: ['a', 'b'], ends: [{ outcome: 'unreachable', unserved: true }, {}] });
  });

  it('is followed by the same target only when there is no other, and by no more calls than are allowed', async () => {
    const router = all.router();
    const alone = await router.ask([all.target('a')], { scripts: { a: [{ status: 500 }, { tokens: 4 }] } });
    expect(alone).toMatchObject({ text: counted(4), events: ['a', 'a'], ended: 'stop' });
    const never = await router.ask(both(), { scripts: { a: [{ status: 500 }, { status: 500 }], b: [{ status: 502 }, { status: 502 }] } });
    expect(never).toMatchObject({ text: '', ended: 'server_error' });
    expect(never.events.slice(0, 2)).toEqual(['a', 'b']);
    expect(never.events).toHaveLength(3);
    expect(never.ends).toHaveLength(3);
  });

  it.each<[object, string]>([
    [{ status: 400 }, 'invalid_request'],
    [{ status: 400, error_code: 'content_filter' }, 'content_filter'],
    [{ status: 403, message: 'Your input was flagged for violence.' }, 'content_filter'],
  ])('%j is final', async (script, failure) => {
    const answer = await all.router().ask(both(), { scripts: { a: [script] } });
    expect(answer).toMatchObject({ text: '', events: ['a'], ended: failure, ends: [{ outcome: failure }] });
  });

  it('of the content filter goes on where the route says so', async () => {
    const filtered = { status: 400, error_code: 'content_filter' };
    const answer = await all.router().ask(both(), { scripts: { a: [filtered], b: [{ tokens: 2 }] }, afterContentFilter: true });
    expect(answer).toMatchObject({ text: counted(2), events: ['a', 'b'], ended: 'stop' });
  });
});

describe('a refused credential', () => {
  it('is left alone for a while, and used again when it has changed', async () => {
    const router = all.router({}, (id) => (id === 'a' ? 'wrong' : `key-of-${id}`));
    expect((await router.ask(both(), { scripts: { b: [{ tokens: 1 }] } })).events).toEqual(['a', 'b']);
    expect((await router.ask(both(), { scripts: { b: [{ tokens: 1 }] } })).events).toEqual(['b']);
    const [a, b] = both();
    const changed = { ...(a as NonNullable<typeof a>), credential: { ...(a as NonNullable<typeof a>).credential, version: 2 } };
    expect((await router.ask([changed, b as NonNullable<typeof b>], { scripts: { b: [{ tokens: 1 }] } })).events).toEqual(['a', 'b']);
  });
});

describe('a refused credential that is the only one', () => {
  it('is left alone and reported as well', async () => {
    const router = all.router({}, () => 'wrong');
    const target = all.target('a');
    expect(await router.ask([target])).toMatchObject({ events: ['a'], ended: 'credential' });
    expect(router.healths.credentials.isGood(target.credential)).toBe(false);
  });
});

describe('a model that a credential may not use', () => {
  const notAllowed = { status: 403, error_code: 'model_not_found' };

  it('is followed by another model of the same credential, which stays good for everybody', async () => {
    const router = all.router();
    const forbidden = all.target('a', { key: 'a|forbidden', name: 'a/forbidden', providerModel: 'demo-large' });
    const allowed = all.target('a', { key: 'a|allowed', name: 'a/allowed', tier: 1 });
    const answer = await router.ask([forbidden, allowed], { scripts: { a: [notAllowed, { tokens: 3 }] } });
    expect(answer).toMatchObject({ text: counted(3), events: ['a/forbidden', 'a/allowed'], ended: 'stop' });
    expect(router.healths.credentials.isGood(allowed.credential)).toBe(true);
    expect((await router.ask([allowed, all.target('b', { tier: 2 })], { scripts: { a: [{ tokens: 3 }] } })).events).toEqual(['a/allowed']);
  });

  it('is left alone for a while, by itself, and asked all the same where nobody else is there', async () => {
    const router = all.router();
    const targets = both();
    const scripts = { b: [{ tokens: 1 }] };
    const first = await router.ask(targets, { scripts: { ...scripts, a: [{ status: 404 }] } });
    expect([first.events, (await router.ask(targets, { scripts })).events]).toEqual([['a', 'b'], ['b']]);
    // Another model of the same credential is asked as before.
    const other = all.target('a', { key: 'a|other', name: 'a/other' });
    expect((await router.ask([other, ...targets], { scripts: { a: [{ tokens: 1 }] } })).events).toEqual(['a/other']);
    expect((await router.ask(targets.slice(0, 1), { scripts: { a: [{ tokens: 1 }] } })).events).toEqual(['a']);
    // It was taken: that is over.
    expect((await router.ask(targets, { scripts: { a: [{ tokens: 1 }] } })).events).toEqual(['a']);
  });

  it('is final where there is no other, without a second try', async () => {
    expect(await all.router().ask([all.target('a')], { scripts: { a: [notAllowed] } })).toMatchObject({
      ...{ events: ['a'], ended: 'invalid_request' },
    });
  });
});

describe('the deadline of an answer', () => {
  const soon = () => ({ deadlineAt: Date.now() + 150 });
  const breakerOf = (router: ReturnType<RoutedModels['router']>) => router.healths.of(all.target('a')).breaker.state;
  /** More than open a breaker. */
  const six = [1, 2, 3, 4, 5, 6];

  it.each<[string, object]>([
    ['was answering', { tokens: 500, tokens_per_second: 100 }],
    ['had too little time to begin', { tokens: 5, header_delay_ms: 400 }],
  ])('says nothing of a target that %s', async (_which, script) => {
    const router = all.router();
    const asked = await Promise.all(six.map(() => router.ask([all.target('a')], { scripts: { a: [script] }, request: soon() })));
    expect(asked.map(({ ended }) => ended)).toEqual(six.map(() => 'timeout'));
    expect(breakerOf(router)).toBe('closed');
  });

  it('is no excuse for one that was silent for as long as it may', async () => {
    const router = all.router({ MODEL_MAX_CALLS: '1' });
    const script = { tokens: 5, stall_after_tokens: 2 };
    await Promise.all(six.map(() => router.ask([all.target('a')], { scripts: { a: [script] } })));
    expect(breakerOf(router)).toBe('open');
  });

  it('ends the answer: nobody else is asked after it', async () => {
    const answer = await all.router().ask(both(), { scripts: { a: [{ tokens: 500, tokens_per_second: 100 }] }, request: soon() });
    expect(answer).toMatchObject({ events: ['a'], ended: 'timeout' });
    expect(all.served('b')).toBe(0);
  });
});

describe('a prompt that is too long', () => {
  const tooLong = { status: 400, error_code: 'context_length_exceeded' };
  const history = Array.from({ length: 12 }, (_, at) => ({
    role: at % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content: `${at} ${'word '.repeat(40)}`,
  }));

  it('goes to a target with a bigger window', async () => {
    const targets = [all.target('a'), all.target('b', { tier: 1, model: 'demo-large', providerModel: 'demo-large', window: 131_072 })];
    const answer = await all.router().ask(targets, { scripts: { a: [tooLong], b: [{ tokens: 2 }] }, request: { messages: history } });
    expect(answer).toMatchObject({ text: counted(2), events: ['a', 'b'], ended: 'stop' });
    expect(all.model('b').witness.entries().entries[0]?.request).toMatchObject({ messages: { length: 13 } });
  });

  it('loses its oldest history where there is none', async () => {
    const messages = [{ role: 'system' as const, content: 'Be brief.' }, ...history];
    const answer = await all.router().ask([all.target('a')], { scripts: { a: [tooLong, tooLong, { tokens: 2 }] }, request: { messages } });
    expect(answer).toMatchObject({ text: counted(2), events: ['a', 'a', 'a'], ended: 'stop' });
    const sent = all
      .model('a')
      .witness.entries()
      .entries.map(({ request }) => (request as { messages: { content: string }[] }).messages);
    expect(sent.map(({ length }) => length)).toEqual([14, expect.any(Number), 2]);
    expect(sent[1]?.length).toBeLessThan(10);
    for (const each of sent) expect([each[0]?.content, each.at(-1)?.content]).toEqual(['Be brief.', expect.stringMatching(/^Go /)]);
  });
});

describe('a call that breaks off after text', () => {
  const cut = { tokens: 50, cut_after_tokens: 10 };

  it('is gone on from by another target that can: no word twice, none missing', async () => {
    const answer = await all.router().ask(both(), { scripts: { a: [cut], b: [{ tokens: 50 }] } });
    expect(answer).toMatchObject({ text: counted(50), events: ['a', 'b'], ended: 'stop' });
    expect(all.model('b').witness.entries().entries[0]).toMatchObject({ continued_prefix: 'matched' });
  });

  it('is begun anew by one that cannot, and announced', async () => {
    const targets = [all.target('a', { continues: false }), all.target('b', { tier: 1, continues: false })];
    const answer = await all.router().ask(targets, { scripts: { a: [cut], b: [{ tokens: 20 }] } });
    expect(answer).toMatchObject({ text: counted(20), events: ['a', 'restart', 'b'], ended: 'stop' });
  });

  it('is gone on from rather than begun anew, where either could be', async () => {
    const targets = [all.target('a'), all.target('b', { continues: false })].map((each, tier) => ({ ...each, tier }));
    const answer = await all.router().ask(targets, { scripts: { a: [cut, { tokens: 50 }] } });
    expect(answer).toMatchObject({ text: counted(50), events: ['a', 'a'], ended: 'stop' });
  });

  it('keeps its text when no call is left, whether or not anybody could go on', async () => {
    for (const continues of [true, false]) {
      const answer = await all.router({ MODEL_MAX_CALLS: '1' }).ask(both({ continues }), { scripts: { a: [cut] } });
      expect(answer).toMatchObject({ text: counted(10), events: ['a'], ended: 'truncated' });
    }
  });
});

describe('the listener', () => {
  it('hears of target, model, price and bounds before each call, and can lower the bound', async () => {
    const targets = both().map((each) => ({ ...each, maxOutput: 40 }));
    const answer = await all.router().ask(targets, {
      scripts: { a: [{ status: 500 }], b: [{ tokens: 90 }] },
      onCall: () => ({ maxOutputTokens: 7 }),
    });
    expect(answer.calls).toEqual(
      ['a', 'b'].map((target) => ({
        ...{ target, model: 'demo-small', inputBound: expect.any(Number), maxOutputTokens: 40 },
        price: { input: 1_000, output: 2_000 },
      })),
    );
    expect(answer).toMatchObject({ text: counted(7), ended: 'length' });
  });

  it('stops the answer by throwing: nobody is called', async () => {
    const answer = await all.router().ask(both(), {
      onCall: () => {
        throw new Error('no quota');
      },
    });
    expect(answer).toMatchObject({ ended: 'Error: no quota', ends: [] });
    expect([all.served('a'), all.served('b')]).toEqual([0, 0]);
  });

  it('can abort while a retry is waited for', async () => {
    const abort = new AbortController();
    const asking = all.router().ask([all.target('a')], {
      scripts: { a: [{ status: 429, retry_after: '4' }] },
      request: { signal: abort.signal },
    });
    await all.model('a').witness.waitFor(({ outcome }) => outcome === 'error');
    setImmediate(() => abort.abort());
    expect(await asking).toMatchObject({ ended: 'aborted', events: ['a'] });
  });
});

describe('what an answer needs', () => {
  it('leaves out targets that lack it', async () => {
    const seeing = all.target('b', { tier: 5, skills: new Set(['vision']) });
    const answer = await all.router().ask([all.target('a'), seeing], { scripts: { b: [{ tokens: 1 }] }, request: { needs: ['vision'] } });
    expect(answer.events).toEqual(['b']);
    expect(await all.router().ask([all.target('a')], { request: { needs: ['vision'] } })).toMatchObject({
      ended: 'invalid_request',
      events: [],
    });
  });
});
