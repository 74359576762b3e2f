import { readFileSync } from 'node:fs';
import { Chance } from './chance.ts';
import { type MarkedText, readMarked, type WantedSpan } from './marked-text.ts';
import { slots } from './slots.ts';

const files = ['en', 'de', 'fr', 'es', 'it', 'innocent'] as const;
const slot = /\{([a-z_]+)\}/g;

/** Texts of every template, `rounds` of each with different values: the same each time. */
export function generatedCorpus(rounds: number, seed = 1): MarkedText[] {
  const chance = new Chance(seed);
  return files.flatMap((file) =>
    lines(`templates/${file}.txt`).flatMap((template) => {
      const filled = /\{[a-z_]+\}/.test(template);
      return Array.from({ length: filled ? rounds : 1 }, () => fill(template.replaceAll(String.raw`\n`, '\n'), chance));
    }),
  );
}

/** Texts that were written by hand, before anything was measured on them. */
export function heldOutCorpus(): MarkedText[] {
  return lines('held-out.txt').map(readMarked);
}

/** Texts that were written by hand, and looked at while recognizers were bettered. */
export function learntCorpus(): MarkedText[] {
  return lines('learnt.txt').map(readMarked);
}

function fill(template: string, chance: Chance): MarkedText {
  const wanted: WantedSpan[] = [];
  let text = '';
  let last = 0;
  for (const { 0: whole, 1: name = '', index } of template.matchAll(slot)) {
    const { kind, fill: value } = slots[name] ?? {};
    if (value === undefined) throw new Error(`There is no slot ${name}.`);
    text += template.slice(last, index);
    const inside = value(chance);
    if (kind !== undefined) wanted.push({ kind, start: text.length, end: text.length + inside.length, optional: false });
    text += inside;
    last = index + whole.length;
  }
  return { text: text + template.slice(last), wanted };
}

function lines(file: string): string[] {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}
