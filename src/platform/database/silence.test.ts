import { describe, expect, it } from 'vitest';
import { Silence, silentText } from './silence.ts';

const timeout = () => new Error('Query read timeout');
const never = () => new Promise<never>(() => undefined);

describe('a server that does not answer', () => {
  it('is not silent because of one time-out: it is asked once more, and who comes meanwhile waits for that', async () => {
    const silence = new Silence();
    expect(silence.enter()).toBeUndefined();
    silence.failed(timeout(), performance.now(), () => Promise.resolve());
    await expect(silence.enter()).resolves.toBeUndefined();
    expect(silence.enter()).toBeUndefined();
  });

  it('is silent when it does not answer that either; a trial goes through now and then, and an answer ends it', async () => {
    const silence = new Silence();
    silence.failed(timeout(), performance.now(), never);
    await expect(silence.enter()).rejects.toThrow(silentText);
    expect(() => silence.enter()).toThrow(silentText);
    silence.answered();
    expect(silence.enter()).toBeUndefined();
  });

  it('is not asked when somebody was answered meanwhile, or when it has answered with an error', () => {
    const silence = new Silence();
    const began = performance.now() - 10;
    silence.answered();
    silence.failed(timeout(), began, never);
    silence.failed(new Error('duplicate key'), performance.now(), never);
    expect(silence.enter()).toBeUndefined();
  });
});
