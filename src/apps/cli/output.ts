/** A mistake in how a command was used, or something that is not there: one sentence for the terminal. */
export class CliError extends Error {
  override name = 'CliError';
}

/** Writes one line. */
export function say(line: string, to: NodeJS.WritableStream = process.stdout): void {
  to.write(`${line}\n`);
}

/** Writes rows as aligned columns, or as one JSON document. */
export function table(rows: Record<string, string | number>[], json: boolean): void {
  if (json) return say(JSON.stringify(rows, undefined, 2));
  const [first] = rows;
  if (first === undefined) return say('Nothing.');
  const names = Object.keys(first);
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => String(row[name] ?? '').length)));
  const line = (cells: string[]) =>
    say(
      cells
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  line(names);
  for (const row of rows) line(names.map((name) => String(row[name] ?? '')));
}
