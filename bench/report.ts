import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { root } from './processes.ts';
import type { ProfileSummary } from './profile.ts';
import type { Spread } from './statistics.ts';

/** A column of a table. */
export interface Column {
  /** Its figures in each row. */
  key: string;
  title: string;
  /** Digits after the point; by the size of each figure where it is not given. */
  places?: number;
}

/** One line of a table: its figure of each column, where there is one. */
export interface Row {
  label: string;
  figures: Record<string, Spread | undefined>;
}

/** A measure's table. */
export interface Table {
  title: string;
  columns: Column[];
  rows: Row[];
}

/** What a run was made on. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  node: string;
  system: string;
  loadAtStart: number;
  commit: string;
}

/** Describes this machine. */
export function machine(): Machine {
  const { model = 'unknown' } = cpus()[0] ?? {};
  return {
    cpu: model.trim(),
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    system: readFileSync('/proc/version', 'utf8').split(' ').slice(0, 3).join(' '),
    loadAtStart: loadavg()[0] ?? 0,
    commit: commit(),
  };
}

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src') === '' ? '' : ' with changes'}`;
  } catch {
    return 'unknown';
  }
}

/** A table as text. */
export function formatTable({ title, columns, rows }: Table): string {
  const cells = [
    [title, ...columns.map((column) => column.title)],
    ...rows.map(({ label, figures }) => [label, ...columns.map(({ key, places }) => formatSpread(figures[key], places))]),
  ];
  const widths = [undefined, ...columns].map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  const lines = cells.map((line) =>
    line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('   '),
  );
  lines.splice(1, 0, '-'.repeat(lines[0]?.length ?? 0));
  return lines.join('\n');
}

function formatSpread(spread: Spread | undefined, digits?: number): string {
  if (spread === undefined) return '';
  const { median, min, max } = spread;
  const places = digits ?? (Math.abs(median) >= 100 ? 0 : Math.abs(median) >= 10 ? 1 : 2);
  return `${median.toFixed(places)} (${min.toFixed(places)}–${max.toFixed(places)})`;
}

/** A profile as text. */
export function formatProfile({ functions, groups, parts }: ProfileSummary, unit: string, top: number): string {
  const line = (each: number, share: number, name: string) =>
    `${each.toFixed(2).padStart(8)}  ${(share * 100).toFixed(1).padStart(5)}  ${name}`;
  const heading = `µs/${unit}      %`;
  return [
    `time by part, with all that it calls`,
    heading,
    ...parts.map(({ each, share, name }) => line(each, share, name)),
    '',
    `self time by package, folder or part of Node`,
    heading,
    ...groups.slice(0, 25).map(({ each, share, name }) => line(each, share, name)),
    '',
    `self time by function`,
    heading,
    ...functions.slice(0, top).map(({ each, share, name }) => line(each, share, name)),
  ].join('\n');
}

/** Writes a result as JSON; gives the path. */
export function writeResult(name: string, result: unknown): string {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replace(/[:.]/g, '-')}-${name}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
  return file;
}
