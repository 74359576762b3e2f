import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { WitnessEntry } from '../../src/apps/demo-model/witness-log.ts';
import type { TestStack } from './stack.ts';

/** A user's text that the witness can be asked for, with a script for the demo model. */
export function scripted(script: object, words = 'Hello'): string {
  return `${words} ${marker()} [[demo: ${JSON.stringify(script)}]]`;
}

/** A word that nobody else uses. */
export function marker(): string {
  return `m${randomBytes(6).toString('hex')}`;
}

/** The text of `{"tokens": count}`. */
export function numbered(count: number): string {
  return Array.from({ length: count }, (_, at) => `t${at}`).join(' ');
}

/** The one model call of a text, once it has ended. Fails when there was another one. */
export async function theCall(stack: TestStack, text: string): Promise<WitnessEntry> {
  const fits = (entry: WitnessEntry) => entry.last_user === text;
  const entry = await stack.model.witness.waitFor(fits, 20_000);
  if (entry === undefined) throw new Error(`no model call has ended for ${text}`);
  expect(calls(stack, text)).toHaveLength(1);
  return entry;
}

/** All model calls of a text, ended or not. */
export function calls(stack: TestStack, text: string): WitnessEntry[] {
  const { witness } = stack.model;
  return [...witness.entries({ limit: Infinity }).entries, ...witness.running()].filter((entry) => entry.last_user === text);
}

/** Waits until the model has begun to answer a text. */
export async function begun(stack: TestStack, text: string): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(5)) if (calls(stack, text).length > 0) return;
  throw new Error(`no model call has begun for ${text}`);
}
