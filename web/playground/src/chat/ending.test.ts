import { describe, expect, it } from 'vitest';
import { endingOf } from './ending.ts';

const finish = { isAbort: false, isError: false };

describe('endingOf', () => {
  it('calls an answer complete only with a finish reason that says so', () => {
    expect(endingOf({ ...finish, finishReason: 'stop' })).toBe('complete');
    expect(endingOf(finish)).toBe('interrupted');
    expect(endingOf({ ...finish, finishReason: 'interrupted' })).toBe('interrupted');
    expect(endingOf({ ...finish, finishReason: 'length' })).toBe('length');
    expect(endingOf({ ...finish, finishReason: 'error' })).toBe('failed');
  });

  it('believes the metadata and the person over the finish reason', () => {
    expect(endingOf({ ...finish, finishReason: 'stop', metadata: { interrupted: true } })).toBe('interrupted');
    expect(endingOf({ ...finish, finishReason: 'stop', metadata: { status: 'stopped' } })).toBe('stopped');
    expect(endingOf({ ...finish, finishReason: 'interrupted', metadata: { stopped: true } })).toBe('stopped');
    expect(endingOf({ isAbort: true, isError: false })).toBe('stopped');
    expect(endingOf({ isAbort: false, isError: true })).toBe('failed');
  });
});
