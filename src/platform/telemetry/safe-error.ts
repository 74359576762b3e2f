import { AppError } from '../../kernel/app-error.ts';

/** What the log may know of an error. */
export interface SafeError {
  name: string;
  code?: string;
  message?: string;
  /** Where it happened: stack frames without the message. */
  at?: string[];
  constraint?: string;
  table?: string;
}

/**
 * An error as far as it may be logged. Messages of foreign errors can quote content ("Unexpected token … in …", a
 * provider echoing a prompt, Postgres naming a value), so only our own errors keep theirs; of the others the log gets
 * name, code, place and, from Postgres, constraint and table.
 */
export function safeError(error: unknown): SafeError {
  if (!(error instanceof Error)) return { name: typeof error };
  const driver = (error as { driverError?: Record<string, unknown> }).driverError ?? (error as unknown as Record<string, unknown>);
  const at = framesOf(error);
  return {
    name: error.name,
    ...text('code', driver['code']),
    ...(error instanceof AppError ? { message: error.message } : {}),
    ...text('constraint', driver['constraint']),
    ...text('table', driver['table']),
    ...(at === undefined ? {} : { at }),
  };
}

/** The frames of the stack, which stand behind the message: a line of the message could look like one. */
function framesOf({ stack, message }: Error): string[] | undefined {
  const start = stack?.indexOf(message) ?? -1;
  if (stack === undefined || start === -1) return undefined;
  return stack
    .slice(start + message.length)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim());
}

function text<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  return typeof value === 'string' ? ({ [key]: value } as Record<K, string>) : {};
}
